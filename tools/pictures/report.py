#!/usr/bin/env python3
"""Makes pictures of a report as people see it: on a desktop, on a phone, in the dark.

usage: report.py REPORT.html OUT_FOLDER [desktop|phone|dark|phone-dark|print ...]

Needs Debian's chromium and, to cut off what is below the page, the Python package Pillow.
"""
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

# Nothing is fetched and nothing of an earlier run is used.
FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--disable-default-apps", "--disable-extensions", "--hide-scrollbars", "--allow-file-access-from-files",
    "--host-resolver-rules=MAP * ~NOTFOUND",
]
# Name: width in pixels, dark, device pixels for each.
LOOKS = {
    "desktop": (1280, False, 1),
    "phone": (390, False, 2),
    "dark": (1280, True, 1),
    "phone-dark": (390, True, 2),
}
# Higher than any report; what is not page is cut off.
HEIGHT = 12000


def chromium():
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if path := shutil.which(name):
            return path
    raise SystemExit("chromium is missing; apt-get install chromium")


def browse(*args):
    """Runs the browser once, with a profile of its own."""
    with tempfile.TemporaryDirectory(prefix="frameline-chromium-") as profile:
        done = subprocess.run(
            [chromium(), *FLAGS, f"--user-data-dir={profile}", *args],
            capture_output=True, text=True, timeout=120,
        )
    if done.returncode != 0:
        raise SystemExit(f"chromium failed: {done.stderr[-2000:]}")


def shoot(page, out, width, dark, scale):
    """A picture of the whole page at a width."""
    with tempfile.TemporaryDirectory(prefix="frameline-shot-") as folder:
        # A window has a least width that is wider than a phone; a frame in it has none.
        frame = Path(folder) / "frame.html"
        frame.write_text(
            "<!doctype html><meta name=color-scheme content='light dark'><style>body{margin:0;background:#ff00ff}"
            f"iframe{{border:0;display:block;width:{width}px;height:{HEIGHT}px}}</style>"
            f"<iframe src='{Path(page).resolve().as_uri()}'></iframe>"
        )
        browse(
            f"--screenshot={out}", f"--window-size={max(width, 800)},{HEIGHT}",
            f"--force-device-scale-factor={scale}", f"--blink-settings=preferredColorScheme={0 if dark else 1}",
            frame.as_uri(),
        )
    cut(out, width * scale)


def cut(path, width):
    """Cuts the empty ground below the page."""
    from PIL import Image, ImageChops

    picture = Image.open(path).convert("RGB")
    picture = picture.crop((0, 0, width, picture.height))
    ground = Image.new("RGB", picture.size, picture.getpixel((2, picture.height - 3)))
    box = ImageChops.difference(picture, ground).getbbox()
    if box:
        picture.crop((0, 0, width, min(picture.height, box[3] + 24))).save(path, optimize=True)


def top(path, out, height, colours=128):
    """The top of a picture, small enough for a repository."""
    from PIL import Image

    picture = Image.open(path).convert("RGB")
    picture = picture.crop((0, 0, picture.width, min(height, picture.height)))
    picture.quantize(colours, dither=Image.Dither.NONE).save(out, optimize=True)


def main():
    page, folder, looks = sys.argv[1], Path(sys.argv[2]), sys.argv[3:] or [*LOOKS, "print"]
    if not Path(page).is_file():
        raise SystemExit(f"{page} is not there")
    folder.mkdir(parents=True, exist_ok=True)
    for look in looks:
        if look == "print":
            out = folder / "report.pdf"
            browse(f"--print-to-pdf={out}", "--no-pdf-header-footer", Path(page).resolve().as_uri())
        elif look == "top":
            whole = folder / "whole.png"
            shoot(page, whole, *LOOKS["desktop"])
            out = folder / "report.png"
            top(whole, out, 1500)
            whole.unlink()
        else:
            out = folder / f"report-{look}.png"
            shoot(page, out, *LOOKS[look])
        print(f"{out}: {os.path.getsize(out)} bytes")


if __name__ == "__main__":
    main()
