#!/usr/bin/env python3
"""Draws what a command shows on a terminal as an SVG picture: the status while it runs, and what it leaves at its end.

usage: terminal.py OUT.svg TITLE COMMAND [ARG ...]

The command runs under a pseudo-terminal, behind it a terminal's emulation (the Python package pyte); the picture is what
stands on that screen, with its colours.
"""
import fcntl
import html
import os
import pty
import re
import select
import struct
import sys
import termios

import pyte

COLUMNS, ROWS = 100, 90
# The share of the run after which the status is drawn.
MOMENT = 0.75
CELL, STEP, TOP, LEFT = 8, 18, 54, 20
INK, GROUND = "#d6dde6", "#10161d"
COLOURS = {
    "default": INK, "red": "#ff7b72", "green": "#7ee787", "brown": "#f2cc60", "yellow": "#f2cc60", "blue": "#79c0ff",
    "magenta": "#d2a8ff", "cyan": "#76e3ea", "white": INK, "brightblack": "#8b98a8",
}


def is_status(line):
    return re.match(r"^[●*] (starting|running)\b", line)


def rows_of(screen):
    """The screen's rows as lists of (text, colour, bold), without blank ends."""
    rows = []
    for y in range(screen.lines):
        runs = []
        for x in range(screen.columns):
            cell = screen.buffer[y][x]
            look = (COLOURS.get(cell.fg, INK), cell.bold)
            if runs and runs[-1][1:] == look:
                runs[-1] = (runs[-1][0] + cell.data, *look)
            else:
                runs.append((cell.data, *look))
        rows.append(runs)
    while rows and not "".join(r[0] for r in rows[-1]).strip():
        rows.pop()
    return rows


def text_of(row):
    return "".join(run[0] for run in row)


def screens(command):
    """The screens with a status, and the one at the end."""
    pid, fd = pty.fork()
    if pid == 0:
        os.environ |= {"TERM": "xterm-256color", "LC_ALL": "C.UTF-8"}
        os.environ.pop("NO_COLOR", None)
        # The size is set before the command looks at it.
        fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
        os.execvp(command[0], command)
    screen = pyte.Screen(COLUMNS, ROWS)
    stream = pyte.ByteStream(screen)
    seen, data = [], b""
    while True:
        try:
            chunk = os.read(fd, 65536)
        except OSError:
            break
        if not chunk:
            break
        data += chunk
        # The emulation knows no faint text; it is drawn like the dark grey that terminals have.
        stream.feed(chunk.replace(b"\x1b[2m", b"\x1b[90m"))
        if not select.select([fd], [], [], 0.01)[0]:
            rows = rows_of(screen)
            if any(is_status(text_of(row)) for row in rows):
                seen.append(rows)
    _, status = os.waitpid(pid, 0)
    if os.waitstatus_to_exitcode(status) != 0:
        raise SystemExit(f"the command failed: {data.decode(errors='replace')[-2000:]}")
    return seen, rows_of(screen)


def draw(title, rows):
    width = COLUMNS * CELL + 2 * LEFT
    height = TOP + STEP * len(rows) + 10
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}">',
        f'<rect width="{width}" height="{height}" rx="8" fill="{GROUND}"/>',
        '<circle cx="20" cy="18" r="6" fill="#ff5f57"/><circle cx="40" cy="18" r="6" fill="#febc2e"/>'
        '<circle cx="60" cy="18" r="6" fill="#28c840"/>',
        f'<text x="{width / 2}" y="22" fill="#8b98a8" font-family="sans-serif" font-size="13" '
        f'text-anchor="middle">{html.escape(title)}</text>',
        '<g font-family="DejaVu Sans Mono, Menlo, Consolas, monospace" font-size="13">',
    ]
    for i, row in enumerate(rows):
        column = 0
        for text, colour, bold in row:
            # Whoever draws the picture may join blanks: what stands apart is a text of its own.
            for found in re.finditer(r"\S+(?: \S+)*", text):
                shown, at = found[0], LEFT + (column + found.start()) * CELL
                weight = ' font-weight="bold"' if bold else ""
                out.append(
                    f'<text x="{at}" y="{TOP + i * STEP}" fill="{colour}"{weight} '
                    f'textLength="{len(shown) * CELL}" lengthAdjust="spacingAndGlyphs">{html.escape(shown)}</text>'
                )
            column += len(text)
    out.append("</g></svg>")
    return "\n".join(out) + "\n"


def main():
    out, title, command = sys.argv[1], sys.argv[2], sys.argv[3:]
    seen, end = screens(command)
    if not seen:
        raise SystemExit("the command showed no status")
    moment = seen[int(len(seen) * MOMENT)]
    grey = COLOURS["brightblack"]
    rows = [
        [("$ ", COLOURS["green"], True), (title, INK, False)],
        *moment,
        [],
        [("─── and at its end " + "─" * (COLUMNS - 19), grey, False)],
        *end,
    ]
    with open(out, "w", encoding="utf-8") as f:
        f.write(draw(title, rows))
    print(f"{out}: {len(rows)} lines")


if __name__ == "__main__":
    main()
