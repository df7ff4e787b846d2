#!/usr/bin/env python3
"""The image stages against others' implementations: numpy's bits and slices, OpenCV's bilinear demosaicing.

    tools/checks/images.py PROGRAM [--seed N] [--rounds N]

PROGRAM is the example `one_stage`. Images are random, of every width that shifts pixels against bytes, with and without
padding. What both sides define alike must be equal to the bit; where they differ by definition the bound stands beside
the comparison. Needs numpy and opencv-python-headless.
"""
import argparse
import subprocess
import sys

import cv2
import numpy as np

SIDES = [1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 33, 64, 65, 127, 255, 257, 258, 514]
MOSAICS = ["RG", "GR", "GB", "BG"]
OPENCV = {"RG": cv2.COLOR_BayerRGGB2RGB, "GR": cv2.COLOR_BayerGRBG2RGB,
          "GB": cv2.COLOR_BayerGBRG2RGB, "BG": cv2.COLOR_BayerBGGR2RGB}
# Where red, the greens and blue stand: (row, column).
RED = {"RG": (0, 0), "GR": (0, 1), "GB": (1, 0), "BG": (1, 1)}


class Stages:
    """The program under test, one job after the other."""

    def __init__(self, program):
        self.process = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def run(self, kind, keys, name, shape, payload, padding=0, extra=b""):
        height, width = shape
        words = [kind, *(f"{k}={v}" for k, v in keys.items()), name, width, height, padding, len(payload)]
        self.job = " ".join(map(str, words))
        self.process.stdin.write((self.job + "\n").encode() + payload + extra)
        self.process.stdin.flush()
        answer = self.process.stdout.readline().decode().split(maxsplit=3)
        if not answer or answer[0] == "error:":
            sys.exit(f"{self.job}: {' '.join(answer) or 'the program ended'}")
        name, width, height, count = answer[0], int(answer[1]), int(answer[2]), int(answer[3])
        data = np.frombuffer(self.process.stdout.read(count), np.uint8)
        if name.endswith("8"):
            values = data
        else:
            values = data.view("<u2")
        shape = (height, width, 3) if name in ("RGB8", "BGR8") else (height, width)
        return name, values.reshape(shape)


class Compare:
    """Counts comparisons and remembers the largest difference of each."""

    def __init__(self, stages):
        self.stages = stages
        self.seen = {}

    def __call__(self, what, got, want, bound=0):
        if got.shape != want.shape:
            sys.exit(f"{self.stages.job}: {what}: the shape is {got.shape}, not {want.shape}")
        gap = np.abs(got.astype(np.int64) - want.astype(np.int64))
        worst = int(gap.max(initial=0))
        if np.any(gap > bound):
            at = tuple(int(i) for i in np.argwhere(gap > bound)[0])
            sys.exit(f"{self.stages.job}: {what}: {got[at]} is not {want[at]} at {at} ({int((gap > bound).sum())} of {gap.size} differ)")
        count, before = self.seen.get(what, (0, 0))
        self.seen[what] = (count + 1, max(before, worst))


def bits_lsb(values, depth):
    """PFNC `p`: one string of bits, least significant first."""
    bits = (values.reshape(-1, 1) >> np.arange(depth)) & 1
    return np.packbits(bits.astype(np.uint8).ravel(), bitorder="little").tobytes()


def pairs_gev(values, depth):
    """GigE Vision `Packed`: the upper bytes of two pixels about one byte of what lies below."""
    flat = values.ravel()
    flat = np.append(flat, 0) if flat.size % 2 else flat
    low = depth - 8
    a, b = flat[0::2].astype(np.uint16), flat[1::2].astype(np.uint16)
    mask = (1 << low) - 1
    out = np.stack([a >> low, (a & mask) | (b & mask) << 4, b >> low], axis=1).astype(np.uint8).ravel()
    return out[: (values.size * 12 + 7) // 8].tobytes()


def with_padding(image, padding, rng):
    """Rows as bytes, each followed by bytes that belong to no pixel."""
    rows = np.ascontiguousarray(image).view(np.uint8).reshape(image.shape[0], -1)
    junk = rng.integers(0, 256, (image.shape[0], padding), np.uint8)
    return np.hstack([rows, junk]).tobytes()


def shapes(rng, rounds, least=1):
    sides = [s for s in SIDES if s >= least]
    for width in sides:
        for _ in range(rounds):
            yield int(rng.integers(least, 24 + least)), width


def unpack(stages, compare, rng, rounds):
    for packing, pack in (("p", bits_lsb), ("Packed", pairs_gev)):
        for depth in (10, 12):
            for colours in ["Mono"] + ["Bayer" + m for m in MOSAICS]:
                name = f"{colours}{depth}{packing}"
                for shape in shapes(rng, rounds):
                    image = rng.integers(0, 1 << depth, shape, np.uint16)
                    # Padding stands only where rows end on a byte.
                    bits = shape[1] * (10 if (packing, depth) == ("p", 10) else 12)
                    padding = int(rng.integers(0, 5)) if bits % 8 == 0 else 0
                    rows = [pack(row, depth) + bytes(padding) for row in image]
                    payload = b"".join(rows) if bits % 8 == 0 else pack(image, depth)
                    for to, want, kin in (("same", image, depth), ("mono16", image << (16 - depth), 16),
                                          ("mono8", image >> (depth - 8), 8)):
                        made, got = stages.run("unpack", {"to": to}, name, shape, payload, padding)
                        if made != f"{colours}{kin}":
                            sys.exit(f"{stages.job}: it is called {made}")
                        compare(f"unpack {depth}{packing} to {kin if to != 'same' else 'its depth'}", got, want)


def bilinear(image, mosaic):
    """Mean of the nearest of a colour, mirrored about the border; another way than the stage's: by masks and sums."""
    height, width = image.shape
    rows, columns = np.mgrid[0:height + 2, 0:width + 2]
    red_row, red_column = RED[mosaic]
    own_row = (rows - 1) % 2 == red_row
    own_column = (columns - 1) % 2 == red_column
    # A side of one pixel has nothing to mirror.
    padded = np.pad(image.astype(np.int64), ((1, 1), (0, 0)), "edge" if height == 1 else "reflect")
    padded = np.pad(padded, ((0, 0), (1, 1)), "edge" if width == 1 else "reflect")
    planes = []
    for mask in (own_row & own_column, own_row != own_column, ~own_row & ~own_column):
        total, count = np.zeros(image.shape, np.int64), np.zeros(image.shape, np.int64)
        centre = mask[1:-1, 1:-1]
        green = len(planes) == 1
        for dy in (0, 1, 2):
            for dx in (0, 1, 2):
                # Diagonal neighbours of a green pixel are green too, and farther.
                if (dy, dx) == (1, 1) or (green and dy != 1 and dx != 1):
                    continue
                there = mask[dy:dy + height, dx:dx + width]
                total += np.where(there, padded[dy:dy + height, dx:dx + width], 0)
                count += there
        mean = (total + count // 2) // np.maximum(count, 1)
        planes.append(np.where(centre, image, mean))
    return np.stack(planes, axis=2).astype(np.uint8)


def luma(rgb):
    return ((rgb.astype(np.int64) @ [77, 150, 29] + 128) >> 8).astype(np.uint8)


def demosaic(stages, compare, rng, rounds):
    inside = np.s_[1:-1, 1:-1]
    for mosaic in MOSAICS:
        for depth in (8, 10, 12, 16):
            name = f"Bayer{mosaic}{depth}"
            for shape in shapes(rng, rounds):
                image = rng.integers(0, 1 << depth, shape, np.uint16)
                upper = (image >> (depth - 8)).astype(np.uint8)
                padding = int(rng.integers(0, 9))
                payload = with_padding(upper if depth == 8 else image, padding, rng)
                own = bilinear(upper, mosaic)
                _, rgb = stages.run("demosaic", {}, name, shape, payload, padding)
                compare("demosaic to RGB8, numpy, borders too", rgb, own)
                _, grey = stages.run("demosaic", {"to": "mono8"}, name, shape, payload, padding)
                compare("demosaic to Mono8, numpy, borders too", grey, luma(own))
                # OpenCV repeats its outermost inner pixels as the border, and wants room for them.
                if min(shape) >= 4:
                    theirs = cv2.demosaicing(upper, OPENCV[mosaic])
                    compare("demosaic to RGB8, OpenCV, inside", rgb[inside], theirs[inside])
                    # Its weights have 15 bits.
                    theirs = cv2.cvtColor(theirs, cv2.COLOR_RGB2GRAY)
                    compare("demosaic to Mono8, OpenCV, inside", grey[inside], theirs[inside], 1)
                if min(shape) >= 4 and depth > 8:
                    # It keeps what lies below the upper eight bits until the mean is taken.
                    theirs = cv2.demosaicing(image, OPENCV[mosaic]) >> (depth - 8)
                    compare("demosaic, OpenCV at full depth, inside", rgb[inside], theirs[inside], 1)


FORMATS = [("Mono8", 8), ("Mono10", 10), ("Mono12", 12), ("Mono16", 16), ("RGB8", 8), ("BayerRG8", 8), ("BayerGB12", 12)]


def random_image(rng, shape, name, depth):
    full = (*shape, 3) if name == "RGB8" else shape
    return rng.integers(0, 1 << depth, full, np.uint8 if depth == 8 else np.uint16)


def crop(stages, compare, rng, rounds):
    for name, depth in FORMATS:
        step = 2 if name.startswith("Bayer") else 1
        for height, width in shapes(rng, rounds, 2):
            image = random_image(rng, (height, width), name, depth)
            x, y = (int(rng.integers(0, s)) // step * step for s in (width, height))
            w, h = (int(rng.integers(1, s + 1)) // step * step for s in (width - x, height - y))
            if w == 0 or h == 0 or (w, h) == (width, height):
                continue
            padding = int(rng.integers(0, 9))
            payload = with_padding(image, padding, rng)
            keys = {"x": x, "y": y, "width": w, "height": h}
            _, got = stages.run("crop", keys, name, (height, width), payload, padding)
            compare("crop", got, image[y:y + h, x:x + w])


def squares(image, factor):
    """Sums of squares; what does not fill one is left out."""
    height, width = (s // factor for s in image.shape[:2])
    cut = image[: height * factor, : width * factor].astype(np.int64)
    return cut.reshape(height, factor, width, factor, *image.shape[2:]).sum(axis=(1, 3))


def bin_(stages, compare, rng, rounds):
    for name, depth in FORMATS:
        mosaic = name.startswith("Bayer")
        for factor in (2, 3, 4):
            for shape in shapes(rng, rounds, 8):
                image = random_image(rng, shape, name, depth)
                if mosaic:
                    # Each colour by itself, where all four have whole squares.
                    height, width = (s // (2 * factor) * 2 * factor for s in shape)
                    sums = np.zeros((height // factor, width // factor), np.int64)
                    for dy in (0, 1):
                        for dx in (0, 1):
                            sums[dy::2, dx::2] = squares(image[dy:height:2, dx:width:2], factor)
                else:
                    sums = squares(image, factor)
                padding = int(rng.integers(0, 9))
                payload = with_padding(image, padding, rng)
                n = factor * factor
                for mode, want in (("mean", (sums + n // 2) // n), ("sum", np.minimum(sums, (1 << depth) - 1))):
                    keys = {"factor": factor, "mode": mode}
                    _, got = stages.run("bin", keys, name, shape, payload, padding)
                    compare(f"bin, {mode}", got, want)


def flat_field(stages, compare, rng, rounds):
    for name, depth in FORMATS:
        top = (1 << depth) - 1
        for shape in shapes(rng, rounds, 2):
            image = random_image(rng, shape, name, depth)
            dark = random_image(rng, shape, name, depth) // 16
            flat = dark + top // 4 + random_image(rng, shape, name, depth) // 2
            dead = rng.random(flat.shape) < 0.02
            flat = np.where(dead, dark // 2, flat).astype(np.uint16)
            light = flat.astype(float) - dark
            gain = np.ones(flat.shape)
            if name.startswith("Bayer"):
                classes = [np.s_[dy::2, dx::2] for dy in (0, 1) for dx in (0, 1)]
            elif name == "RGB8":
                classes = [np.s_[:, :, c] for c in range(3)]
            else:
                classes = [np.s_[:, :]]
            for c in classes:
                good = light[c] > 0
                if good.any():
                    gain[c] = np.where(good, light[c][good].mean() / np.where(good, light[c], 1), 1)
            above = np.maximum(image.astype(float) - dark, 0)
            want = np.minimum(np.rint(above * gain), top)
            padding = int(rng.integers(0, 9))
            payload = with_padding(image, padding, rng)
            words = {"dark": dark.astype("<u2").tobytes(), "flat": flat.astype("<u2").tobytes()}
            keys = {k: len(v) for k, v in words.items()}
            _, got = stages.run("flat_field", keys, name, shape, payload, padding, b"".join(words.values()))
            # Gains have steps of 1/4096, so that half a step of each is missing; and half a level is rounded.
            compare("flat field, light", got, want, 1 + np.floor(above / 8192))

            background = flat.astype("<u2").tobytes()
            keys = {"background": len(background)}
            _, got = stages.run("flat_field", keys, name, shape, payload, padding, background)
            gap = image.astype(np.int64) - flat
            compare("flat field, distance from the background", got, np.abs(gap))
            level = int(rng.integers(0, top + 1))
            keys["level"] = level
            _, got = stages.run("flat_field", keys, name, shape, payload, padding, background)
            compare("flat field, signed difference", got, np.clip(level + gap, 0, top))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("program")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=2, help="images of each width")
    args = parser.parse_args()
    rng = np.random.default_rng(args.seed)
    stages = Stages(args.program)
    compare = Compare(stages)
    for check in (unpack, demosaic, crop, bin_, flat_field):
        check(stages, compare, rng, args.rounds)
    for what, (count, worst) in compare.seen.items():
        print(f"{what}: {count} images, largest difference {worst}")


if __name__ == "__main__":
    main()
