#!/usr/bin/env python3
"""The program on real GigE Vision packets: Aravis's simulator over sockets, alone and two at once.

    tools/checks/aravis.py PROGRAM [--seconds N]

The main job is one of its parts: caps that the simulated conveyor draws, some of them bad, come as GigE Vision packets from a
camera (gige_camera.py), good ones are taught from it, and every verdict is compared with the one where the picture was made.

Runs in networks of its own (root, util-linux, iproute2); what cannot be had is skipped with a line that says why. Two
cameras need two networks, since the simulator binds the broadcast address: each gets one, with a cable (veth) to here.
"""

import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

SIMULATOR = "arv-fake-gv-camera-0.8"
SIZE = "Width=256&Height=256&AcquisitionFrameRate=200&wait=30000"
PATIENCE = 120
# Pictures of caps that the camera shows in turn.
PICTURES = 40


def skip(why):
    print(f"SKIPPED aravis: {why}")
    sys.exit(0)


def quiet(*command):
    return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def run(*command):
    subprocess.run(command, check=True, timeout=PATIENCE)


def start(program, uri, seconds, *more):
    """A run of the program, not waited for."""
    command = [program, "run", "--source", uri, "--seconds", str(seconds), "--json", *more]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def result(process):
    out, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, f"exit code {process.returncode}: {err}"
    return json.loads(out.strip().splitlines()[-1])


def check(what, r):
    f = r["frames"]
    assert r["balanced"], f"{what}: {f}"
    assert f["delivered"] > 0 and f["in_flight"] == 0, f"{what}: {f}"
    faults = ", ".join(f"{x['count']} {x['name']}" for x in r["faults"])
    print(f"{what}: {f['grabbed']} grabbed, {f['delivered']} delivered, {f['incomplete']} incomplete, "
          f"{f['lost_by_device']} lost by device, {f['underrun']} underrun, {f['refused']} refused, balanced; faults: {faults or 'none'}")


def counted(r):
    """What Aravis counts of a GigE Vision stream reaches the result, and agrees with what came."""
    counters, frames = r["source_counters"], r["frames"]
    assert len(counters) >= 18, f"a GigE Vision stream counts eighteen things: {counters}"
    arrived = frames["delivered"] + frames["refused"] + frames["invalid"]
    assert counters["n_completed_buffers"] >= arrived > 0, f"{counters} for {frames}"
    assert counters["n_received_packets"] > counters["n_completed_buffers"], counters
    assert counters["n_transferred_bytes"] >= r["bytes"] - 65536 * frames["incomplete"], f"{counters} for {r['bytes']} bytes"


def described(program, uri):
    """Features with values and ranges, by the description that the camera brings over its control channel."""
    features = {f["name"]: f for f in frameline(program, "devices", "--features", uri)["features"]}
    width, exposure = features["Width"], features["ExposureTimeAbs"]
    assert width["value"] == 256 and width["max"] == 2048 and width["kind"] == "integer", width
    assert exposure["kind"] == "float" and exposure["max"] > exposure["min"], exposure
    assert "Mono8" in features["PixelFormat"]["entries"], features["PixelFormat"]
    troubled = [f["name"] for f in features.values() if f["trouble"]]
    print(f"features by the camera's description: {len(features)}, of which {len(troubled)} could not be read {troubled or ''}")


def alone(program, seconds):
    run("ip", "link", "set", "lo", "up")
    camera = quiet(SIMULATOR, "-i", "127.0.0.1", "-s", "ONE")
    try:
        with tempfile.TemporaryDirectory() as folder:
            process = start(program, f"aravis:Aravis-Fake-ONE?{SIZE}", seconds, "--report", folder)
            r = result(process)
            check("one camera on loopback", r)
            counted(r)
            with open(os.path.join(folder, "report.html")) as page:
                assert "n_resend_requests" in page.read(), "the report lacks what Aravis counted"
        listed = subprocess.run([program, "devices", "--json"], capture_output=True, text=True, timeout=PATIENCE)
        uris = [d["uri"] for d in json.loads(listed.stdout)["devices"]]
        assert "aravis:Aravis-Fake-ONE" in uris, f"devices does not list it: {uris}"
        described(program, f"aravis:Aravis-Fake-ONE?{SIZE}")
        process = start(program, f"aravis:Aravis-Fake-ONE?{SIZE}", seconds + 12)
        time.sleep(seconds)  # The fault is a plug that is pulled at some time; nothing waits for it.
        camera.kill()
        camera.wait()
        time.sleep(1)
        camera = quiet(SIMULATOR, "-i", "127.0.0.1", "-s", "ONE")
        r = result(process)
        check("killed and started again", r)
        assert r["reconnects"] and r["reconnects"][-1]["ok"], f"it was not found again: {r['reconnects']}"
    finally:
        camera.kill()
        camera.wait()


def frameline(program, *words):
    done = subprocess.run([program, *map(str, words), "--json"], capture_output=True, text=True, timeout=PATIENCE)
    assert done.returncode == 0, f"frameline {' '.join(map(str, words))}: exit code {done.returncode}: {done.stderr}"
    return json.loads(done.stdout.strip().splitlines()[-1])


def verdicts(folder):
    """Of each whole frame, by its id: how many parts, and what is wrong with which."""
    with open(folder / "results.jsonl") as file:
        lines = [json.loads(line) for line in file]
    return {f["frame_id"]: (f["parts"], f["defects"]) for f in lines if f["status"] == "complete"}


def inspected(program, seconds):
    """Caps on a conveyor, over sockets: taught from the camera, inspected, and each verdict compared."""
    conveyor = "sim:?rate=max&seed=7&width=800&height=600&sensor_width=800&sensor_height=600"
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        pictures = []
        for what, defects, seed in [("good", 0, 8), ("mixed", 0.2, 7)]:
            uri = conveyor.replace("seed=7", f"seed={seed}") + f"&defects={defects}"
            flr, npy = folder / f"{what}.flr", folder / f"{what}.npy"
            frameline(program, "record", "--source", uri, "--frames", PICTURES, "--out", flr)
            frameline(program, "export", flr, "--to", "npy", "--out", npy)
            pictures.append(str(npy))
        camera = subprocess.Popen(
            [sys.executable, os.path.join(os.path.dirname(os.path.abspath(__file__)), "gige_camera.py"), "127.0.0.1", "CAPS", "800x600", *pictures],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
        try:
            assert camera.stdout.readline() == "ready\n", "the camera did not come up"
            uri = "aravis:Aravis-Fake-CAPS?wait=30000&Width=800&Height=600&AcquisitionFrameRate=20"
            reference = folder / "cap.toml"
            taught = frameline(program, "teach", "--source", f"{uri}&GainRaw=0", "--frames", 16, "--out", reference)
            assert taught["parts"] == 12 and taught["printed"], f"the camera shows 12 printed caps: {taught}"
            # Where the pictures were made the truth about every cap is known.
            made = frameline(program, "run", "--source", f"{conveyor}&defects=0.2", "--frames", PICTURES,
                             "--set", f"stage.inspect.reference={reference}", "--report", folder / "made")
            truth = made["results"]["judge"]
            assert truth["precision"] >= 0.98 and truth["recall"] >= 0.98 and truth["defective"] > 20, truth
            known = verdicts(folder / "made")
            frames = max(2 * PICTURES, 20 * seconds)
            run = frameline(program, "run", "--source", f"{uri}&GainRaw=1", "--frames", frames,
                            "--set", f"stage.inspect.reference={reference}", "--report", folder / "out")
        finally:
            camera.kill()
            camera.wait()
        check("caps on a conveyor", run)
        assert (folder / "out" / "report.html").exists(), "no report was written"
        found = verdicts(folder / "out")
        assert len(found) >= frames // 2, f"{len(found)} of {frames} frames came whole"
        for frame_id, verdict in found.items():
            block = (frame_id - 1) % 65535 + 1
            assert verdict == known[block % PICTURES], f"frame {frame_id}: {verdict}, not {known[block % PICTURES]}"
        inspect = run["results"]["inspect"]
        assert inspect["failed"] == sum(len(defects) for _, defects in found.values()), inspect
        assert inspect["parts"] == 12 * len(found) and inspect["unjudged"] == run["frames"]["incomplete"], inspect
        print(f"  {inspect['parts']} caps in {len(found)} whole frames, {inspect['failed']} bad: each verdict that of the picture "
              f"where it was made (precision {truth['precision']:.3f}, recall {truth['recall']:.3f} against the truth)")


def two(program, seconds):
    helpers = []
    try:
        for n, serial in enumerate(["LEFT", "RIGHT"]):
            # A process that does nothing holds the camera's network.
            holder = quiet("unshare", "-n", "sleep", "600")
            helpers.append(holder)
            here = os.readlink("/proc/self/ns/net")
            while os.readlink(f"/proc/{holder.pid}/ns/net") == here:
                assert holder.poll() is None, "no network could be made"
            pid = str(holder.pid)
            run("ip", "link", "add", f"cam{n}", "type", "veth", "peer", "name", "eth0", "netns", pid)
            run("ip", "addr", "add", f"10.77.{n}.1/24", "broadcast", "+", "dev", f"cam{n}")
            run("ip", "link", "set", f"cam{n}", "up")
            inside = ["nsenter", "-t", pid, "-n"]
            run(*inside, "ip", "addr", "add", f"10.77.{n}.2/24", "broadcast", "+", "dev", "eth0")
            run(*inside, "ip", "link", "set", "eth0", "up")
            run(*inside, "ip", "link", "set", "lo", "up")
            helpers.append(quiet(*inside, SIMULATOR, "-i", f"10.77.{n}.2", "-s", serial))
        # UDP: what arrives through a veth's packet socket depends on the machine's offloading.
        uris = [f"aravis:Aravis-Fake-{s}?{SIZE}&socket=udp" for s in ["LEFT", "RIGHT"]]
        processes = [start(program, uri, seconds) for uri in uris]
        for serial, process in zip(["left", "right"], processes):
            check(f"two at once, {serial}", result(process))
    finally:
        for helper in reversed(helpers):
            helper.kill()
            helper.wait()


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    program = os.path.abspath(sys.argv[1])
    seconds = int(sys.argv[3]) if sys.argv[2:3] == ["--seconds"] else 4
    if not shutil.which(SIMULATOR):
        skip(f"{SIMULATOR} of Debian's aravis-tools is not installed")
    for tool in ["unshare", "nsenter", "ip"]:
        if not shutil.which(tool):
            skip(f"{tool} is missing (util-linux, iproute2)")
    if "FRAMELINE_OWN_NETWORK" not in os.environ:
        if subprocess.run(["unshare", "-n", "true"], capture_output=True).returncode != 0:
            skip("networks of one's own need root")
        os.environ["FRAMELINE_OWN_NETWORK"] = "1"
        os.execvp("unshare", ["unshare", "-n", sys.executable, *sys.argv])
    alone(program, seconds)
    inspected(program, seconds)
    two(program, seconds)


main()
