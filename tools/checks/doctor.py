#!/usr/bin/env python3
"""Runs `frameline doctor` as different users find it, and holds its JSON object against docs/doctor.md.

usage: doctor.py PATH-TO-FRAMELINE

As root it is run once more without privileges and with a low memory-lock limit, and once in a namespace where
/sys and /proc are empty. Without root, or where the system denies that, these are left out with a word.
"""
import fcntl
import json
import os
import pty
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import termios

STATUS = {"ok", "warn", "refused", "unknown"}
CHECK = {"group", "name", "status", "required", "found", "why", "fix", "figures"}
HICCUP = ("count", "p50", "p90", "p99", "p999", "max", "threshold_ns")


def look(name, command, **more):
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, **more)
    lines = done.stdout.splitlines()
    assert lines, f"{name}: exit {done.returncode}: {done.stderr.strip()[-2000:]}"
    assert len(lines) == 1, f"{name}: {len(lines)} lines on stdout"
    found = json.loads(lines[0])
    assert done.returncode == (0 if found["ok"] else 1), (name, done.returncode, found["verdict"])
    assert "panicked" not in done.stderr, f"{name}: {done.stderr[-2000:]}"
    for check in found["checks"]:
        assert set(check) == CHECK, (name, check)
        assert check["status"] in STATUS and (check["fix"] is None) == (check["status"] == "ok"), (name, check)
    by_name = {c["name"]: c for c in found["checks"]}
    assert len(by_name) == len(found["checks"]), f"{name}: two checks of one name"
    needed = [c["name"] for c in found["checks"] if c["required"] and c["status"] == "refused"]
    assert found["ok"] == (not needed), (name, needed)
    hiccup = found["hiccup"]
    assert all(isinstance(hiccup[k], int) for k in HICCUP), (name, hiccup)
    assert hiccup["p50"] <= hiccup["p99"] <= hiccup["max"], (name, hiccup)
    count = {s: sum(c["status"] == s for c in found["checks"]) for s in sorted(STATUS)}
    print(f"{name}: {found['verdict']} {count}, longest gap {hiccup['max'] / 1e6:.1f} ms")
    return by_name


def on_a_terminal(command, columns):
    """The list as a narrow terminal shows it: in colour, nothing wider than it, no measurement left on the screen."""
    child, terminal = pty.fork()
    if child == 0:
        fcntl.ioctl(1, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
        os.execv(command[0], command)
    shown = b""
    while True:
        try:
            part = os.read(terminal, 1 << 16)
        except OSError:
            break
        if not part:
            break
        shown += part
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) in (0, 1)
    assert b"\x1b[3" in shown, "no colour on a terminal"
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown.decode())
    # What was overwritten is gone.
    lines = [line.rsplit("\r", 1)[-1] for line in plain.replace("\r\n", "\n").split("\n")]
    wide = [line for line in lines if len(line) > columns and len(line.split()) > 1]
    assert not wide, wide
    assert not any("hiccups of every core" in line for line in lines), lines[:3]
    print(f"on a terminal of {columns} columns: {len(lines)} lines, the longest {max(map(len, lines))}")


def main():
    program = os.path.abspath(sys.argv[1])
    # Neither a user without rights nor an empty namespace can look into a private folder.
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o777)
        public = os.path.join(folder, "frameline")
        shutil.copy(program, public)
        disk = os.path.join(folder, "disk")
        os.mkdir(disk)
        os.chmod(disk, 0o777)
        command = [public, "doctor", "--json", "--seconds", "1", "--disk", disk]
        found = look("as it is", command)
        assert found["build"]["status"] == "ok", found["build"]
        assert not os.listdir(disk), os.listdir(disk)
        for columns in (50, 120):
            on_a_terminal([public, "doctor", "--seconds", "0.1", "--disk", disk], columns)
        slow = subprocess.run([*command, "--rate", "1000000"], capture_output=True, text=True, timeout=300)
        assert slow.returncode == 1 and "copy: " in slow.stderr.splitlines()[-1], slow.stderr[-500:]
        if os.geteuid() != 0 or not shutil.which("setpriv") or not shutil.which("unshare"):
            print("left out: without privileges, without /proc and /sys (no root, setpriv or unshare)")
            return
        user = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--inh-caps=-all"]
        limited = "ulimit -l 64; exec \"$@\""
        found = look("without privileges", ["sh", "-c", limited, "sh", *user, *command], cwd=folder)
        for name in ("realtime", "nice", "memory_lock"):
            assert found[name]["status"] == "refused", found[name]
        os.chmod(disk, 0o755)
        found = look("a folder that is another's", [*user, *command], cwd=folder)
        assert found["disk"]["status"] == "refused", found["disk"]
        masked = "mount -t tmpfs none /sys && mount -t tmpfs none /proc && exec \"$@\""
        unshared = ["unshare", "-m", "sh", "-c", masked, "sh"]
        if subprocess.run([*unshared, "true"], capture_output=True).returncode != 0:
            print("left out: without /proc and /sys (this system lets nobody mount)")
            return
        found = look("without /proc and /sys", [*unshared, *command])
        assert found["clock_source"]["status"] == "unknown", found["clock_source"]


if __name__ == "__main__":
    main()
