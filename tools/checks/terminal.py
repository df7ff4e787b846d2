#!/usr/bin/env python3
"""Runs the program on a pseudo-terminal, with a terminal's emulation behind it, and looks at the screen.

usage: terminal.py PATH-TO-FRAMELINE

Asserts, at several sizes, on many moments of a run: no line of the block is wrapped, the block stands once on the
screen and overwrites itself, log lines stay whole above it, its numbers agree with the run's own object, and the
terminal is left as it was found. Needs the Python package pyte.
"""
import fcntl
import json
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time

import pyte

SMALL = "sim:?width=320&height=240&sensor_width=320&sensor_height=240&rate=200"
# A reset, a reconnection, losses: everything that has a line of its own, and log lines meanwhile.
FAULTS = "&faults=at 100 resize 300x200;at 200 disconnect 100;at 300 lose 7;at 400 incomplete"
SIZES = [(40, 24), (52, 24), (64, 20), (80, 24), (100, 40), (200, 50), (80, 6), (40, 3), (20, 10)]
DEADLINE = 60


class Terminal:
    """A program on a terminal of a size, and the screen that it makes."""

    def __init__(self, command, columns, rows, env=None):
        environment = {k: v for k, v in os.environ.items() if k != "NO_COLOR"}
        environment |= {"TERM": "xterm-256color", "LC_ALL": "C.UTF-8", **(env or {})}
        # stdout is no terminal: the object of --json is read from it.
        self.stdout, out = os.pipe()
        self.fd, side = pty.openpty()
        self.screen = pyte.HistoryScreen(columns, rows, history=5000)
        self.stream = pyte.ByteStream(self.screen)
        self.raw = b""
        self.resize(columns, rows)
        self.modes = termios.tcgetattr(side)
        self.side = side

        def own_terminal():
            os.setsid()
            fcntl.ioctl(side, termios.TIOCSCTTY, 0)

        self.child = subprocess.Popen(
            command, stdin=side, stdout=out, stderr=side, env=environment, preexec_fn=own_terminal
        )
        os.close(out)

    def resize(self, columns, rows):
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self.screen.resize(rows, columns)

    def feed(self, seconds):
        """What comes within some time; False at the end."""
        if select.select([self.fd], [], [], seconds)[0]:
            try:
                data = os.read(self.fd, 65536)
            except OSError:
                return False
            self.raw += data
            self.stream.feed(data)
            return True
        return self.child.poll() is None

    def lines(self):
        return [line.rstrip() for line in self.screen.display]

    def history(self):
        above = ["".join(row[i].data for i in range(self.screen.columns)) for row in self.screen.history.top]
        return [line.rstrip() for line in above] + self.lines()

    def follow(self, look, until=None):
        """Feeds until the program ends, looking at the screen after each refresh."""
        end = time.monotonic() + DEADLINE
        while self.feed(0.05):
            # The terminal's driver may hand one write on in pieces.
            while select.select([self.fd], [], [], 0.01)[0]:
                self.feed(0)
            assert time.monotonic() < end, "the program hangs"
            if until and until(self):
                return None
            look(self)
        while select.select([self.fd], [], [], 0)[0]:
            self.feed(0)
        self.child.wait()
        out = b""
        while chunk := os.read(self.stdout, 65536):
            out += chunk
        os.close(self.stdout)
        assert termios.tcgetattr(self.side) == self.modes, "the terminal's modes were changed"
        os.close(self.side)
        os.close(self.fd)
        return out.decode()


def is_head(line):
    return re.match(r"^[●*] (starting|running|resetting|stopping|ended)\b", line)


def check_screen(terminal, seen):
    """The block stands once, whole, at the end of the screen."""
    lines = terminal.lines()
    while lines and not lines[-1]:
        lines.pop()
    heads = [i for i, line in enumerate(lines) if is_head(line)]
    if not heads:
        # Before the first refresh, and after the end.
        seen["gone"] = seen["blocks"] > 0
        return
    assert not seen.get("gone"), "the block was away for a moment: it flickers"
    assert len(heads) == 1, "the block stands there twice:\n" + "\n".join(lines)
    block = lines[heads[0]:]
    seen["blocks"] += 1
    seen["last"] = block
    for line in block[1:]:
        assert line.startswith("  "), f"a wrapped line: {line!r} in\n" + "\n".join(block)
        assert len(line) < terminal.screen.columns, f"the last column is taken: {line!r}"
    assert len(block) < max(terminal.screen.lines, 2), "the block is higher than the screen"
    assert terminal.screen.cursor.hidden, "the cursor blinks in the block"
    assert (terminal.screen.cursor.y, terminal.screen.cursor.x) == (heads[0], 0), "the cursor is elsewhere"


def number(text, pattern):
    found = re.search(pattern, text)
    return int(found.group(1)) if found else None


def run(program, columns, rows, env=None, source=SMALL + FAULTS, frames=600, extra=()):
    terminal = Terminal(
        [program, "run", "--json", "--source", source, "--frames", str(frames), "-v", *extra], columns, rows, env
    )
    seen = {"blocks": 0, "last": []}
    out = terminal.follow(lambda t: check_screen(t, seen))
    assert terminal.child.returncode == 0, "\n".join(terminal.history())
    return terminal, seen, json.loads(out.splitlines()[-1])


def check_size(program, columns, rows):
    terminal, seen, end = run(program, columns, rows)
    assert seen["blocks"] >= 4, f"{seen['blocks']} screens with a block"
    assert not any(is_head(line) for line in terminal.lines()), "the block is left behind"
    assert not terminal.screen.cursor.hidden, "the cursor is left hidden"
    text = "\n".join(seen["last"])
    grabbed = number(text, r"grabbed +(\d+)")
    delivered = number(text, r"delivered +(\d+)")
    if columns >= 80:
        # The last block is at most a refresh old, and never ahead of the end.
        assert delivered is not None and grabbed is not None, text
        assert 0 < delivered <= end["frames"]["delivered"], (delivered, end["frames"])
        assert delivered <= grabbed <= end["frames"]["grabbed"], (grabbed, end["frames"])
    if rows >= 24 and columns >= 40:
        for part in ("losses", "p99 1s", "pool", "resets", "reconnects", "faults"):
            assert part in text, f"{part} is missing:\n{text}"
        lost = number(text, r"losses +(\d+)")
        assert lost is not None and 7 <= lost <= end["frames"]["grabbed"] - end["frames"]["delivered"], text
        rate = float(re.search(r"frames +([\d.]+) /s", text).group(1))
        assert 20 < rate < 1000, text
    # Log lines are whole above the block, in the order in which they came.
    above = re.sub(r"\s", "", "".join(terminal.history()))
    for part in ("quiescent reset (format change)", "the device is back"):
        assert part.replace(" ", "") in above, f"{part} is missing above the block"
    print(f"{columns} x {rows}: {seen['blocks']} looks at a block, the last of {len(seen['last'])} lines")


def check_resize(program):
    """A window that changes its size while the line runs."""
    terminal = Terminal([program, "run", "--json", "--source", SMALL, "--seconds", "4"], 100, 30)
    seen = {"blocks": 0, "last": []}
    sizes = [(60, 30), (40, 12), (120, 40), (80, 5), (80, 24)]
    state = {"at": time.monotonic() + 0.6, "from": 0}

    def look(t):
        now = time.monotonic()
        if now >= state["at"] and sizes:
            t.resize(*sizes.pop(0))
            # The old block may be cut until it is drawn anew, and one drawing may be under way for the old size.
            state["at"], state["from"] = now + 0.6, len(t.raw)
        elif t.raw.count(b"\x1b[?25l", state["from"]) >= 2 or not state["from"]:
            check_screen(t, seen)

    out = terminal.follow(look)
    assert terminal.child.returncode == 0 and not sizes and seen["blocks"] > 6
    assert json.loads(out)["balanced"]
    print(f"resized: {seen['blocks']} screens")


def check_signal(program):
    """Ctrl-C, typed: the summary follows, and the terminal is as it was."""
    terminal = Terminal([program, "run", "--source", SMALL, "--seconds", "60"], 90, 30)
    seen = {"blocks": 0, "last": []}
    terminal.follow(lambda t: check_screen(t, seen), until=lambda t: seen["blocks"] > 3)
    os.write(terminal.fd, b"\x03")
    # The echo of the key may stand in the block until the next refresh.
    out = terminal.follow(lambda t: None)
    assert terminal.child.returncode == 0, terminal.lines()
    assert "stopped when asked to" in out and "= grabbed" in out, out
    assert not terminal.screen.cursor.hidden and not any(is_head(line) for line in terminal.lines())
    print("Ctrl-C: the terminal is as it was")


def check_suspend(program):
    """Ctrl-Z gives the cursor back below the block; then the line goes on."""
    terminal = Terminal([program, "run", "--json", "--source", SMALL, "--seconds", "3"], 90, 30)
    seen = {"blocks": 0, "last": []}
    terminal.follow(lambda t: check_screen(t, seen), until=lambda t: seen["blocks"] > 2)
    os.kill(terminal.child.pid, signal.SIGTSTP)
    end = time.monotonic() + DEADLINE
    while not os.waitid(os.P_PID, terminal.child.pid, os.WSTOPPED | os.WNOHANG | os.WNOWAIT):
        assert time.monotonic() < end, "it does not stop"
        terminal.feed(0.02)
    while select.select([terminal.fd], [], [], 0.1)[0]:
        terminal.feed(0)
    assert not terminal.screen.cursor.hidden, "the cursor is hidden while the program is stopped"
    head = next(i for i, line in enumerate(terminal.lines()) if is_head(line))
    assert terminal.screen.cursor.y >= head + len(seen["last"]), "the shell would write into the block"
    os.kill(terminal.child.pid, signal.SIGCONT)
    out = terminal.follow(lambda t: None)
    assert terminal.child.returncode == 0 and json.loads(out)["balanced"]
    print("Ctrl-Z: the cursor is below the block")


def check_plain(program):
    """Terminals that cannot move their cursor, and no colour where none is wanted."""
    terminal, seen, _ = run(program, 80, 24, env={"TERM": "dumb"}, source=SMALL, frames=500)
    assert seen["blocks"] == 0 and b"\x1b" not in terminal.raw, terminal.raw[:300]
    assert len(re.findall(rb"fps  [\d.]+ MB/s  delivered \d+", terminal.raw)) >= 2, terminal.raw
    terminal, seen, _ = run(program, 80, 24, env={"NO_COLOR": "1"}, frames=500)
    assert seen["blocks"] > 3 and not re.search(rb"\x1b\[[\d;]*m", terminal.raw), terminal.raw[:300]
    terminal, seen, _ = run(program, 80, 24, frames=500)
    assert re.search(rb"\x1b\[[\d;]*m", terminal.raw), "no colour where it is wanted"
    terminal, seen, _ = run(program, 80, 24, env={"LC_ALL": "C"}, frames=300)
    block = "\n".join(seen["last"])
    assert seen["blocks"] > 1 and block.isascii(), block
    # Slow enough for a busy machine: a loss would be logged, and rightly.
    calm = SMALL.replace("rate=200", "rate=20")
    terminal = Terminal([program, "run", "--quiet", "--source", calm, "--frames", "20"], 80, 24)
    out = terminal.follow(lambda t: None)
    assert (terminal.raw, out, terminal.child.returncode) == (b"", "", 0), (terminal.raw, out)
    print("dumb, NO_COLOR, ASCII and --quiet are obeyed")


def main():
    program = sys.argv[1]
    for columns, rows in SIZES:
        check_size(program, columns, rows)
    check_resize(program)
    check_signal(program)
    check_suspend(program)
    check_plain(program)


if __name__ == "__main__":
    main()
