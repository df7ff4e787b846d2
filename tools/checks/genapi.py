#!/usr/bin/env python3
"""Compares frameline's reading of camera descriptions with the GenApi reference implementation's.

    genapi.py FEATURES WHEEL_FOLDER FOLDER

FEATURES is the example program `features`; WHEEL_FOLDER holds the unpacked wheel of the Python package genicam (1.5.0, for Python 3.11); FOLDER gets
what is made, and may hold descriptions of real software (tlsimu.xml, arv-fake-camera.xml). For each description the same
registers, filled at random, are given to both; the same features are set on both; then every feature's access, value and
range, and every byte of the registers, must be the same. Prints one line for each description.
"""
import math
import random
import subprocess
import sys
from pathlib import Path

FEATURES, WHEEL, FOLDER = Path(sys.argv[1]).resolve(), sys.argv[2], Path(sys.argv[3])
sys.path.insert(0, WHEEL)
from genicam import genapi  # noqa: E402

BYTES = 0x1000
ROUNDS = 40
ACCESS = {0: "NI", 1: "NA", 2: "WO", 3: "RO", 4: "RW"}
# Bit operators of a SwissKnife and functions of an IntSwissKnife differ on purpose (docs/features.md); none is here.


class Registers(genapi.AbstractPort):
    def __init__(self, content):
        super().__init__()
        self.content = bytearray(content)

    def read(self, address, length):
        if address + length > len(self.content):
            raise RuntimeError("beyond the registers")
        return bytes(self.content[address : address + length])

    def write(self, address, value):
        self.content[address : address + len(value)] = value

    def get_access_mode(self):
        return genapi.EAccessMode.RW


class Reference:
    def __init__(self, xml, content):
        self.map = genapi.NodeMap()
        self.map.load_xml_from_string(xml)
        self.port = Registers(content)
        self.map.connect(self.port, "Device")

    def set(self, name, value):
        """None, or why not."""
        try:
            node = self.map.get_node(name)
            if isinstance(node, genapi.ICommand):
                node.execute()
            elif isinstance(node, genapi.IRegister) and value.startswith("0x") and not isinstance(node, (genapi.IInteger, genapi.IFloat, genapi.IString)):
                node.set(bytes.fromhex(value[2:]))
            else:
                node.from_string(value)
            return None
        except Exception as e:  # the package has a dozen kinds
            return str(e)

    def look(self, name):
        node = self.map.get_node(name)
        access = ACCESS[int(node.node.get_access_mode() if hasattr(node, "node") else node.get_access_mode())]
        value, bounds = None, None
        if access in ("RO", "RW"):
            try:
                if isinstance(node, genapi.IEnumeration):
                    value = node.value
                elif isinstance(node, (genapi.IBoolean, genapi.IInteger, genapi.IFloat, genapi.IString)):
                    value = node.value
                elif isinstance(node, genapi.IRegister):
                    value = "0x" + bytes(node.get(node.length)).hex()
            except Exception:
                value = None
        if access in ("RO", "WO", "RW"):
            try:
                if isinstance(node, genapi.IInteger):
                    bounds = [node.min, node.max, node.inc]
                elif isinstance(node, genapi.IFloat):
                    bounds = [node.min, node.max]
                elif isinstance(node, genapi.IEnumeration):
                    bounds = [s for s in node.symbolics if ACCESS[int(node.get_entry_by_name(s).node.get_access_mode())] not in ("NI", "NA")]
            except Exception:
                bounds = None
        return access, value, bounds


def ours(xml, content, settings):
    registers = FOLDER / "registers.bin"
    registers.write_bytes(content)
    done = subprocess.run([FEATURES, xml, registers, *(f"{n}={v}" for n, v in settings)], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    lines = [line.split("\t") for line in done.stdout.split("\n") if line]
    sets = [line[2] for line in lines if line[0] == "set"]
    listed = {line[0]: line[1:] for line in lines if line[0] not in ("set", "registers")}
    return sets, listed, bytes.fromhex(lines[-1][1])


def close(a, b):
    return a == b or math.isclose(a, b, rel_tol=1e-6, abs_tol=1e-12) or (math.isnan(a) and math.isnan(b))


def same(kind, mine, theirs):
    """Whether a value as text is the reference's."""
    if theirs is None:
        return mine == "-"
    if kind == "float":
        return mine != "-" and close(float(mine), theirs)
    if kind == "integer":
        if "." in mine:
            mine = int.from_bytes(bytes(int(p) for p in mine.split(".")), "big")
        return mine != "-" and int(str(mine), 0) == theirs
    if kind == "boolean":
        return mine == str(theirs).lower()
    # A list is printed in lines and columns.
    return mine.split("\n")[0] == str(theirs).split("\n")[0].split("\t")[0] or not str(theirs).isprintable()


def compare(xml, rng):
    compared = settings_made = 0
    text = xml.read_text(encoding="latin-1").rstrip("\0 \r\n")
    content = bytes(BYTES)
    _, listed, _ = ours(xml, content, [])
    for round_ in range(ROUNDS):
        content = bytearray(rng.choice([0, rng.randrange(256), rng.randrange(4)]) for _ in range(BYTES))
        if round_ == 0:
            content = bytearray(BYTES)
        settings = []
        for name, (kind, _, value, bounds) in rng.sample(sorted(listed.items()), min(12, len(listed))):
            if kind == "command":
                settings.append((name, "execute"))
            elif kind == "enumeration" and bounds:
                settings.append((name, rng.choice(bounds.split(" "))))
            elif kind == "boolean":
                settings.append((name, rng.choice(["true", "false"])))
            elif kind == "integer":
                settings.append((name, str(rng.choice([0, 1, 2, 3, 8, 64, 100, 640, 1000, -1, -7, rng.randrange(1 << 20)]))))
            elif kind == "float":
                settings.append((name, rng.choice(["0", "0.5", "1", "2", "10", "25", "1000.5", "1e6", "-3"])))
            elif kind == "register" and value.startswith("0x"):
                settings.append((name, "0x" + rng.randbytes((len(value) - 2) // 2).hex()))
        sets, mine, registers = ours(xml, bytes(content), settings)
        reference = Reference(text, content)
        for (name, value), said in zip(settings, sets):
            theirs = reference.set(name, value)
            assert (said == "done") == (theirs is None), f"{xml.name} round {round_}: {name}={value}: ours {said!r}, theirs {theirs!r}"
            settings_made += theirs is None
        if bytes(reference.port.content) != registers:
            at = next(i for i, (a, b) in enumerate(zip(reference.port.content, registers)) if a != b)
            raise AssertionError(f"{xml.name} round {round_}: registers differ at {at:#x} after {settings}")
        for name, (kind, access, value, bounds) in mine.items():
            their_access, their_value, their_bounds = reference.look(name)
            where = f"{xml.name} round {round_}: {name} after {settings}"
            if kind == "command":
                # Whether what a command wrote can be read is nobody's business.
                assert (access == "WO") == (their_access in ("WO", "RW")), f"{where}: ours {access}, theirs {their_access}"
                continue
            assert access == their_access, f"{where}: ours {access}, theirs {their_access}"
            assert same(kind, value, their_value), f"{where}: ours {value!r}, theirs {their_value!r}"
            if bounds and their_bounds is not None:
                if kind == "enumeration":
                    assert sorted(bounds.split(" ")) == sorted(their_bounds), f"{where}: {bounds} {their_bounds}"
                elif kind == "integer":
                    assert [int(b) for b in bounds.split(" ")] == their_bounds, f"{where}: {bounds} {their_bounds}"
                elif kind == "float":
                    pairs = zip(bounds.split(" "), their_bounds)
                    assert all(close(float(a), b) for a, b in pairs), f"{where}: {bounds} {their_bounds}"
            compared += 1
    print(f"{xml.name}: {len(listed)} features, {ROUNDS} sets of registers, {compared} values and ranges compared, {settings_made} settings made: the same")


def main():
    FOLDER.mkdir(parents=True, exist_ok=True)
    everything = Path(__file__).resolve().parents[2] / "tests/genapi/camera.xml"
    real = [FOLDER / name for name in ("tlsimu.xml", "arv-fake-camera.xml")]
    for xml in [everything, *real]:
        if xml.exists():
            compare(xml, random.Random(7))
        else:
            print(f"SKIPPED {xml.name}: it was not fetched")


if __name__ == "__main__":
    main()
