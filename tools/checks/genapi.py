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
sys.path.insert(0, str(next(p.parent.parent for p in Path(WHEEL).rglob("TLSimu.cti"))))
from genicam import genapi  # noqa: E402

BYTES = 0x1000
ROUNDS = 40
# Texts are printed in lines and columns.
# A choice that stands in the description can be set in the reference, which keeps it to itself; here it cannot.
INDEXED = {"LineDebounce"}
PLAIN = [b for b in range(256) if not 9 <= b <= 13]
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
            elif isinstance(node, genapi.IInteger):
                node.value = int(value)
            elif isinstance(node, genapi.IFloat):
                node.value = float(value)
            elif value.startswith("0x") and isinstance(node, genapi.IRegister) and not isinstance(node, genapi.IString):
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
        return mine != "-" and (int(str(mine), 0) - theirs) % (1 << 64) == 0
    if kind == "boolean":
        return mine == str(theirs).lower()
    # A list is printed in lines and columns.
    return mine.split("\n")[0] == str(theirs).split("\n")[0].split("\t")[0] or not str(theirs).isprintable()


def compare(xml, rng):
    compared = settings_made = alone = 0
    text = xml.read_text(encoding="latin-1").rstrip("\0 \r\n")
    content = bytes(BYTES)
    _, listed, _ = ours(xml, content, [])
    for round_ in range(ROUNDS):
        content = bytearray(rng.choice([0, rng.choice(PLAIN), rng.randrange(4)]) for _ in range(BYTES))
        if round_ == 0:
            content = bytearray(BYTES)
        settings = []
        for name, (kind, _, value, bounds) in rng.sample(sorted(listed.items()), min(12, len(listed))):
            if name in INDEXED:
                continue
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
            # What comes with events is not available here, and not implemented there.
            absent = {access, their_access} <= {"NA", "NI"}
            assert access == their_access or absent or name in INDEXED, f"{where}: ours {access}, theirs {their_access}"
            if their_value is None and value != "-":
                # The reference reads no formula over an enumeration whose register holds none of its entries; we do.
                # Nor does its package decode any text.
                alone += kind != "text"
                continue
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
    print(f"{xml.name}: {len(listed)} features, {ROUNDS} sets of registers, {compared} values and ranges compared, {settings_made} settings made: the same; {alone} values that the reference does not read")
    assert alone * 10 < compared, "too much is left out"


def formula(rng, depth=0):
    """A random formula over A, B, C: what both sides take, and give the same meaning on purpose (docs/features.md)."""
    if depth > 3 or rng.random() < 0.25:
        return rng.choice(["A", "B", "C", "A", "B", "C", "1", "3", "7", "0x1F", "(-2)", "NEG(B)", "SGN(A)"])
    kind = rng.random()
    inner = lambda: formula(rng, depth + 1)  # noqa: E731
    if kind < 0.1:
        return f"(({inner()}) ? ({inner()}) : ({inner()}))"
    if kind < 0.3:
        return f"({inner()})"
    parts = [inner()]
    for _ in range(rng.randrange(1, 4)):
        operator = rng.choice(["+", "-", "*", "/", "%", "&", "|", "^", "<", ">", "<=", ">=", "=", "<>", "&&", "||", "<<", ">>", "**"])
        # Shifts and powers of anything are anything; by little they are the same everywhere.
        parts += [operator, rng.choice(["0", "1", "2", "3"]) if operator in ("<<", ">>", "**") else inner()]
    return " ".join(parts)


def compare_formulas(rng, kind, count):
    escape = lambda t: t.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")  # noqa: E731
    variables = "".join(f'<pVariable Name="{v}">{v}</pVariable>' for v in "ABC")
    compared = refused = 0
    for _ in range(count // 200):
        texts = {f"F{i}": formula(rng) for i in range(200)}
        values = [rng.randrange(-20, 200) for _ in range(3)]
        head = (FOLDER / "everything.head").read_text()
        nodes = "".join(f'<Integer Name="{v}"><Value>{n}</Value></Integer>' for v, n in zip("ABC", values))
        nodes += "".join(f'<{kind} Name="{n}">{variables}<Formula>{escape(t)}</Formula></{kind}>' for n, t in texts.items())
        nodes += '<IntReg Name="R"><Address>0</Address><Length>4</Length><AccessMode>RO</AccessMode><pPort>Device</pPort><Sign>Unsigned</Sign><Endianess>LittleEndian</Endianess></IntReg>'
        features = "".join(f"<pFeature>{n}</pFeature>" for n in [*texts, "R"])
        xml = f'{head}<Category Name="Root">{features}</Category>{nodes}<Port Name="Device"></Port></RegisterDescription>'
        path = FOLDER / "formulas.xml"
        path.write_text(xml)
        _, mine, _ = ours(path, bytes(16), [])
        reference = Reference(xml, bytes(16))
        for name, text in texts.items():
            _, theirs, _ = reference.look(name)
            value = mine[name][2]
            if theirs is None or (isinstance(theirs, float) and (math.isnan(theirs) or abs(theirs) > 2**31)):
                refused += 1  # divided by zero in a branch that is not taken, or beyond what it shifts
                continue
            assert same(mine[name][0], value, theirs), f"{kind} {text!r} with A, B, C = {values}: ours {value}, theirs {theirs}"
            compared += 1
    assert compared > count // 2, f"only {compared} of {count} formulas were compared"
    print(f"{kind}: {compared} random formulas computed: the same; {refused} that the reference refuses or shifts otherwise")


def main():
    FOLDER.mkdir(parents=True, exist_ok=True)
    everything = Path(__file__).resolve().parents[2] / "tests/genapi/camera.xml"
    real = [FOLDER / name for name in ("tlsimu.xml", "arv-fake-camera.xml")]
    text = everything.read_text()
    (FOLDER / "everything.head").write_text(text[: text.index("<Category")])
    for kind in ("IntSwissKnife", "SwissKnife"):
        compare_formulas(random.Random(11), kind, 2000)
    for xml in [everything, *real]:
        if xml.exists():
            compare(xml, random.Random(7))
        else:
            print(f"SKIPPED {xml.name}: it was not fetched")


if __name__ == "__main__":
    main()
