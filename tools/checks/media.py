#!/usr/bin/env python3
"""Real photographs through frameline and back, each pixel compared with others' readers.

    tools/checks/media.py PROGRAM IMAGES

IMAGES is the folder `skimage/data` of the PyPI package scikit-image. What is imported, and exported to npy, png, tiff, seq and
mcap, is read back with numpy, Pillow, tifffile, the struct module and the mcap package, and must be the photographs, to the bit. A photographed
coin is taught and inspected: the verdicts on what was imported, recorded from a replay, exported and imported again must be the same. Needs
numpy, pillow, tifffile, mcap and mcap-protobuf-support.
"""
import json
import pathlib
import shutil
import struct
import subprocess
import sys
import tempfile

import numpy as np
import tifffile
from mcap_protobuf.decoder import DecoderFactory
from mcap.reader import make_reader
from PIL import Image, ImageDraw

PROGRAM = pathlib.Path(sys.argv[1]).resolve()
PHOTOS = pathlib.Path(sys.argv[2])
GREY = ["brick", "grass", "gravel", "camera"]
compared = 0


def frameline(*args, code=0):
    done = subprocess.run([PROGRAM, *map(str, args)], capture_output=True, text=True, timeout=120)
    if done.returncode != code:
        sys.exit(f"{' '.join(map(str, args))}: exit code {done.returncode}, not {code}: {done.stderr}")
    return json.loads(done.stdout.splitlines()[-1]) if "--json" in args else done.stderr


def same(what, got, want):
    global compared
    got, want = np.asarray(got), np.asarray(want)
    if got.shape != want.shape or got.dtype != want.dtype or not np.array_equal(got, want):
        sys.exit(f"{what}: {got.shape} {got.dtype} is not {want.shape} {want.dtype}, or pixels differ")
    compared += want.size


def read_flr(path):
    """A recording, with the lines of docs/recording-format.md."""
    h = np.fromfile(path, "<u8", 8)
    n = int(np.fromfile(path, "<u8", 1, offset=2048)[0])
    e = np.memmap(path, "<u4", "r", int(h[6]), (n, 32))
    p = np.memmap(path, "u1", "r", int(h[7]), (n, int(h[2])))
    return [p[i, : e[i, 15] * e[i, 16]].reshape(e[i, 15], e[i, 16]) for i in range(n)]


def read_seq(path, dtype):
    data = path.read_bytes()
    magic, = struct.unpack_from("<I", data, 0)
    width, height, bits, _, size, kind, frames, _, stride, rate = struct.unpack_from("<9Id", data, 548)
    assert (magic, struct.unpack_from("<i", data, 28)[0]) == (0xFEED, 5), "magic and version"
    shape = (height, width, 3) if bits == 24 else (height, width)
    images, times = [], []
    for i in range(frames):
        at = 8192 + i * stride
        images.append(np.frombuffer(data, dtype, size // np.dtype(dtype).itemsize, at).reshape(shape))
        seconds, ms, us = struct.unpack_from("<IHH", data, at + size)
        times.append(seconds * 1_000_000 + ms * 1000 + us)
    return images, times, rate


def read_mcap(path):
    """The images, by the schema that the file carries, and what is told of each."""
    images, facts = [], []
    with open(path, "rb") as f:
        reader = make_reader(f, decoder_factories=[DecoderFactory()])
        for schema, _, _, m in reader.iter_decoded_messages(topics=["/camera/image"]):
            assert schema.name == "foxglove.RawImage"
            dtype, channels = {"mono8": ("u1", 1), "mono16": ("<u2", 1), "bgr8": ("u1", 3), "rgb8": ("u1", 3),
                               "bayer_rggb8": ("u1", 1)}[m.encoding]
            shape = (m.height, m.width, 3) if channels == 3 else (m.height, m.width)
            assert m.step == m.width * channels * np.dtype(dtype).itemsize
            images.append(np.frombuffer(m.data, dtype).reshape(shape))
    with open(path, "rb") as f:
        for _, _, m in make_reader(f).iter_messages(topics=["/camera/frame"]):
            facts.append((m.log_time, json.loads(m.data)))
    return images, facts


def everywhere(folder, flr, want, dtype):
    """Exports a recording to all formats and compares; returns the facts beside the array."""
    n = len(want)
    for to in ("npy", "png", "tiff", "seq", "mcap"):
        done = frameline("export", flr, "--to", to, "--out", folder / f"o.{to}", "--force", "--json")
        assert (done["frames"], done["left_out"], done["incomplete"]) == (n, 0, 0), done
    array = np.load(folder / "o.npy", mmap_mode="r")
    same("npy", array, np.stack(want))
    for i, image in enumerate(want):
        same("png", np.asarray(Image.open(folder / "o.png" / f"{i:08}.png")).astype(dtype), image)
    pages = tifffile.imread(folder / "o.tiff", key=range(n))
    same("tiff", pages.reshape(np.stack(want).shape), np.stack(want))
    images, times, rate = read_seq(folder / "o.seq", dtype)
    same("seq", np.stack(images), np.stack(want))
    messages, facts = read_mcap(folder / "o.mcap")
    same("mcap", np.stack(messages), np.stack(want))
    lines = [json.loads(line) for line in open(folder / "o.npy.jsonl")]
    frames = [line for line in lines if "frame" in line]
    assert [f["frame"] for f in frames] == list(range(n)) and "recording" in lines[0]
    assert [f for _, f in facts] == frames, "mcap tells other facts than the file of lines"
    assert [t for t, _ in facts] == [f["unix_ns"] for f in frames]
    assert times == [f["unix_ns"] // 1000 for f in frames], "times behind the images of a seq"
    with tifffile.TiffFile(folder / "o.tiff") as tiff:
        assert [json.loads(p.description) for p in tiff.pages] == frames, "descriptions of the pages"
    return frames, rate


def back(folder, want):
    """Imports what was exported: a recording of the same pixels."""
    for source in ("o.png", "o.tiff", "o.seq"):
        again = folder / f"again-{source}.flr"
        frameline("import", folder / source, "--out", again, "--rate", 10)
        rows = [image.reshape(image.shape[0], -1).view("u1") for image in want]
        same(f"import of {source}", np.stack(read_flr(again)), np.stack(rows))


def grey(folder):
    """Names that sort as text in another order than people mean."""
    images = folder / "in"
    images.mkdir()
    want = []
    for i, name in enumerate(GREY * 3):
        shutil.copy(PHOTOS / f"{name}.png", images / f"img{i + 1}.png")
        want.append(np.asarray(Image.open(PHOTOS / f"{name}.png")))
    flr = folder / "grey.flr"
    done = frameline("import", images, "--out", flr, "--rate", 50, "--json")
    assert (done["frames"], done["width"], done["pixel_format"]) == (12, 512, "Mono8"), done
    same("import", np.stack(read_flr(flr)), np.stack(want))
    frames, rate = everywhere(folder, flr, want, "u1")
    assert np.diff([f["host_time_ns"] for f in frames]).tolist() == [20_000_000] * 11
    assert abs(rate - 50) < 1e-6, rate
    back(folder, want)
    part = folder / "part.flr"
    frameline("cut", flr, "--out", part, "--from", 3, "--to", 7)
    same("cut", np.stack(read_flr(part)), np.stack(want[3:8]))
    frameline("export", flr, "--to", "npy", "--out", folder / "r.npy", "--from", 3, "--to-frame", 7)
    same("range", np.load(folder / "r.npy"), np.stack(want[3:8]))
    # Of two sizes: the sentence names the odd one.
    shutil.copy(PHOTOS / "coins.png", images / "img7b.png")
    told = frameline("import", images, "--out", folder / "odd.flr", code=1)
    assert "img7b.png is 384x303 Mono8" in told and not list(folder.glob("*odd*")), told


def colour(folder):
    want = [np.asarray(Image.open(PHOTOS / f"{n}.png").convert("RGB")) for n in ("astronaut",)]
    flr = folder / "colour.flr"
    frameline("import", PHOTOS / "astronaut.png", "--out", flr)
    everywhere(folder, flr, want, "u1")
    back(folder, want)
    # Decoders may differ by a level where they convert colours.
    frameline("import", PHOTOS / "rocket.jpg", "--out", folder / "jpeg.flr")
    frameline("export", folder / "jpeg.flr", "--to", "npy", "--out", folder / "jpeg.npy")
    ours = np.load(folder / "jpeg.npy")[0].astype(int)
    gap = np.abs(ours - np.asarray(Image.open(PHOTOS / "rocket.jpg").convert("RGB")).astype(int))
    assert gap.max() <= 3, f"JPEG differs by {gap.max()}"


def deep(folder):
    """A photograph with 12 bits, packed as cameras pack it, with a mosaic."""
    photo = np.asarray(Image.open(PHOTOS / "moon.png")).astype("<u2")
    image = (photo << 4 | photo >> 4).astype("<u2")
    bits = (image.reshape(-1, 1) >> np.arange(12)) & 1
    (folder / "p.raw").write_bytes(np.packbits(bits.astype("u1").ravel(), bitorder="little").tobytes() * 2)
    flr = folder / "deep.flr"
    height, width = image.shape
    frameline("import", folder / "p.raw", "--out", flr, "--width", width, "--height", height, "--format", "BayerRG12p")
    everywhere(folder, flr, [image, image], "<u2")
    done = frameline("export", flr, "--to", "npy", "--out", folder / "o.npy", "--force", "--json")
    assert any("BayerRG12p was unpacked to BayerRG12" in n for n in done["notes"]), done


def scene(coin, disc, ground, rng, scratched):
    """Two coins in their nests, each at a turn of its own, with noise."""
    frame = ground.copy()
    for nest, (x, y) in enumerate([(170, 240), (460, 240)]):
        part = coin.copy()
        if nest in scratched:
            ImageDraw.Draw(part).line((60, 60, 130, 110), fill=255, width=6)
        part = part.rotate(float(rng.uniform(0, 360)), Image.BICUBIC)
        dx, dy = (int(d) for d in rng.integers(-3, 4, 2))
        frame.paste(part, (x + dx - coin.width // 2, y + dy - coin.height // 2), disc)
    return np.clip(np.asarray(frame) + rng.normal(0, 1.5, (480, 640)), 0, 255).astype("u1")


def verdicts(folder, flr, reference):
    """What inspection says of each frame of a recording, without its times."""
    config, results = folder / "line.toml", folder / "results.jsonl"
    config.write_text(
        f'[source]\nuri = "replay:{flr}?rate=max"\n[[stage]]\nname = "inspect"\nkind = "inspect"\n'
        f'reference = "{reference}"\npolicy = "every"\n[[stage]]\nname = "keep"\nkind = "results"\n'
        f'policy = "every"\njson = "{results}"\n')
    done = frameline("run", config, "--json", "--quiet")
    assert done["balanced"] and done["frames"]["refused"] == 0, done["frames"]
    kept = [json.loads(line) for line in open(results)]
    return [{k: v for k, v in r.items() if not k.endswith("_time_ns")} for r in kept]


def coins(folder):
    photo = Image.open(PHOTOS / "coins.png")
    x, y, r = 347, 187, 31
    coin = photo.crop((x - r - 1, y - r - 1, x + r + 2, y + r + 2)).resize((6 * r, 6 * r), Image.BICUBIC)
    disc = Image.new("L", coin.size, 0)
    ImageDraw.Draw(disc).ellipse((6, 6, 6 * r - 6, 6 * r - 6), fill=255)
    ground = photo.crop((300, 0, 383, 30)).resize((640, 480), Image.BICUBIC).point(lambda v: v // 3)
    bad = {3: [0], 7: [1]}
    rng = np.random.default_rng(1)
    for name, frames, scratches in (("good", 20, {}), ("mixed", 12, bad)):
        (folder / name).mkdir()
        for i in range(frames):
            image = scene(coin, disc, ground, rng, scratches.get(i, []))
            Image.fromarray(image).save(folder / name / f"f{i}.png")
        frameline("import", folder / name, "--out", folder / f"{name}.flr", "--rate", 50)
    reference = folder / "coin.toml"
    taught = frameline("teach", "--source", f"replay:{folder / 'good.flr'}?rate=max", "--out", reference, "--json")
    assert taught["parts"] == 2, taught
    mixed = folder / "mixed.flr"
    first = verdicts(folder, mixed, reference)
    assert len(first) == 12
    for i, v in enumerate(first):
        named = [d["defect"] for d in v["defects"]]
        assert (v["parts"], named) == (2, ["scratch"] * len(bad.get(i, []))), v
    again = {"recorded": folder / "recorded.flr"}
    frameline("record", "--source", f"replay:{mixed}?rate=max", "--out", again["recorded"])
    for to in ("png", "tiff", "seq"):
        again[to] = folder / f"from-{to}.flr"
        frameline("export", mixed, "--to", to, "--out", folder / f"m.{to}")
        frameline("import", folder / f"m.{to}", "--out", again[to])
    for how, flr in again.items():
        same(f"pixels, {how}", np.stack(read_flr(flr)), np.stack(read_flr(mixed)))
        if verdicts(folder, flr, reference) != first:
            sys.exit(f"the verdicts on {how} frames are not those on the imported ones")
    print(f"coins: {sum(v['failed'] for v in first)} of {sum(v['parts'] for v in first)} fail, however they came")


def main():
    for check in (grey, colour, deep, coins):
        with tempfile.TemporaryDirectory() as folder:
            check(pathlib.Path(folder))
            print(f"{check.__name__}: the same")
    print(f"{compared} pixels compared")


if __name__ == "__main__":
    main()
