#!/usr/bin/env python3
"""Runs the lines of numpy that docs/recording-format.md shows, as they stand there, on a recording that frameline
makes, and holds what they read against the payload's checksum in the index."""
import pathlib, re, subprocess, sys, tempfile

program = pathlib.Path(sys.argv[1]).resolve()
page = pathlib.Path(__file__).resolve().parents[2] / "docs" / "recording-format.md"
lines = re.search(r"```python\n(.*?)```", page.read_text(), re.S).group(1)
assert len([l for l in lines.splitlines() if l.strip() and not l.startswith("import")]) <= 5, "five lines"

with tempfile.TemporaryDirectory() as folder:
    source = "sim:?width=320&height=200&rate=200&frames=20&scene=pattern"
    subprocess.run([program, "record", "--source", source, "--out", f"{folder}/a.flr"], check=True)
    found = {}
    exec(lines.replace("a.flr", f"{folder}/a.flr"), found)

    def crc32c(data):
        crc = 0xFFFFFFFF
        for byte in data:
            crc ^= byte
            for _ in range(8):
                crc = (crc >> 1) ^ (0x82F63B78 if crc & 1 else 0)
        return crc ^ 0xFFFFFFFF

    assert found["n"] == 20, found["n"]
    assert found["image"].shape == (200, 320), found["image"].shape
    got = crc32c(found["image"].tobytes())
    want = int(found["e"][7, 24])
    assert got == want, f"frame 7 read by numpy has checksum {got:#x}, its entry says {want:#x}"
print("ok: numpy reads a recording in five lines")
