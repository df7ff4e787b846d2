#!/usr/bin/env python3
"""Draws what a command prints on a terminal as an SVG picture.

usage: terminal.py OUT.svg TITLE COMMAND [ARG ...]

The command runs under a pseudo-terminal of 100 columns; the picture shows the screen as it stands at the end.
"""
import html
import os
import pty
import re
import struct
import sys
import fcntl
import termios

COLUMNS = 100


def screen(command):
    """The lines that the command leaves on the screen."""
    pid, fd = pty.fork()
    if pid == 0:
        os.execvp(command[0], command)
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", 60, COLUMNS, 0, 0))
    data = b""
    while True:
        try:
            chunk = os.read(fd, 65536)
        except OSError:
            break
        if not chunk:
            break
        data += chunk
    _, status = os.waitpid(pid, 0)
    if os.waitstatus_to_exitcode(status) != 0:
        raise SystemExit(f"the command failed: {data.decode(errors='replace')}")
    lines = [""]
    text = re.sub(r"\x1b\[2K", "\r\0", data.decode(errors="replace"))
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text)
    for part in re.split(r"(\r\n|\r|\n)", text):
        if part in ("\r\n", "\n"):
            lines.append("")
        elif part == "\r":
            lines[-1] = ""
        else:
            lines[-1] += part.replace("\0", "")
    while lines and not lines[-1].strip():
        lines.pop()
    return [line.rstrip() for line in lines]


def colour(line):
    if line.startswith("$ "):
        return "#7ee787"
    if line.startswith("ok:"):
        return "#7ee787"
    if line and not line.startswith(" "):
        return "#79c0ff"
    return "#d6dde6"


def draw(title, lines):
    width, step, top = COLUMNS * 8 + 40, 18, 54
    height = top + step * len(lines) + 16
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}">',
        f'<rect width="{width}" height="{height}" rx="8" fill="#10161d"/>',
        '<circle cx="20" cy="18" r="6" fill="#ff5f57"/><circle cx="40" cy="18" r="6" fill="#febc2e"/>'
        '<circle cx="60" cy="18" r="6" fill="#28c840"/>',
        f'<text x="{width / 2}" y="22" fill="#8b98a8" font-family="sans-serif" font-size="13" '
        f'text-anchor="middle">{html.escape(title)}</text>',
        '<g font-family="DejaVu Sans Mono, Menlo, Consolas, monospace" font-size="13" xml:space="preserve">',
    ]
    for i, line in enumerate(lines):
        out.append(
            f'<text x="20" y="{top + i * step}" fill="{colour(line)}" '
            f'textLength="{max(len(line), 1) * 8}" lengthAdjust="spacingAndGlyphs">{html.escape(line) or " "}</text>'
        )
    out.append("</g></svg>")
    return "\n".join(out) + "\n"


def main():
    out, title, command = sys.argv[1], sys.argv[2], sys.argv[3:]
    lines = ["$ " + title, *screen(command)]
    with open(out, "w", encoding="utf-8") as f:
        f.write(draw(title, lines))
    print(f"{out}: {len(lines)} lines")


if __name__ == "__main__":
    main()
