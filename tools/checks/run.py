#!/usr/bin/env python3
"""Runs the program as a user would and holds its JSON object against the contract (DESIGN section 7).

usage: run.py PATH-TO-FRAMELINE
"""
import json
import pathlib
import subprocess
import sys
import tempfile

FRAMES = ["delivered", "incomplete", "underrun", "refused", "invalid", "lost_by_device", "in_flight"]
LATENCY = ["count", "p50", "p90", "p99", "p999", "max"]
RESET = [
    "reason", "drain_ns", "rebuild_ns", "restart_ns", "dead_ns",
    "slot_bytes_before", "slot_bytes_after", "epoch", "ok",
]

FAULTS = ";".join(
    [
        "at 20 timeout 2",
        "at 40 incomplete",
        "at 60 lose 3",
        "at 80 duplicate",
        "at 100 reorder",
        "at 120 short 100",
        "at 140 lie 1000000",
        "at 160 resize 320x200",
        "at 200 resize 640x480",
        "at 240 disconnect 50",
        "at 300 burst 5",
    ]
)

RUNS = {
    "copy": ["--source", "sim:?width=1280&height=1024&rate=max&fill=copy&frames=1000"],
    "announce": ["--source", "sim:?width=1280&height=1024&rate=max&fill=announce&frames=1000"],
    "lend": ["--source", "sim:?width=1280&height=1024&rate=max&fill=lend&frames=1000"],
    "a script of faults": ["--source", f"sim:?width=640&height=480&rate=max&frames=600&faults={FAULTS}"],
    "a script of faults, announced": [
        "--source", f"sim:?width=640&height=480&rate=max&frames=600&fill=announce&faults={FAULTS}"
    ],
    "an overrun": ["--source", "sim:?width=640&height=480&rate=max&frames=300&faults=at 100 overrun 5000"],
}


def check(name, args, program):
    done = subprocess.run(
        [program, "run", "--json", "--quiet", *args], capture_output=True, text=True, timeout=120
    )
    if done.returncode != 0:
        raise SystemExit(f"{name}: exit {done.returncode}: {done.stderr.strip()[-2000:]}")
    lines = done.stdout.splitlines()
    assert len(lines) == 1, f"{name}: {len(lines)} lines on stdout"
    run = json.loads(lines[0])
    frames = run["frames"]
    assert run["balanced"] is True, f"{name}: not balanced: {frames}"
    total = sum(frames[k] for k in FRAMES)
    assert frames["grabbed"] == total, f"{name}: {frames['grabbed']} grabbed, {total} accounted for"
    assert frames["delivered"] > 0, f"{name}: nothing was delivered"
    assert "end_to_end" in run["latency_ns"], name
    for hop, figures in run["latency_ns"].items():
        assert all(isinstance(figures[k], int) for k in LATENCY), (name, hop, figures)
    for reset in run["resets"]:
        assert all(k in reset for k in RESET), (name, reset)
        assert reset["ok"], (name, reset)
    for key in ("allocations", "page_faults_major", "page_faults_minor"):
        assert key in run["steady"], name
    for key in ("pool_bytes", "rss_start", "rss_end", "rss_peak", "locked", "huge_pages"):
        assert key in run["memory"], name
    for fault in run["faults"]:
        assert fault["code"].startswith("0x"), (name, fault)
    verify = run["results"]["verify"]
    assert verify["frames"] > 0, name
    wrong = {k: verify[k] for k in ("torn", "misordered", "duplicated", "unexplained_gaps") if verify[k]}
    print(
        f"{name}: {frames['delivered']} of {frames['grabbed']} frames, balanced, "
        f"{len(run['resets'])} resets, {len(run['reconnects'])} reconnects, "
        f"steady allocations {run['steady']['allocations']}, wrong {wrong or 'nothing'}"
    )
    return run


def huge_pages(program):
    """Explicit huge pages, where root may reserve some; the reservation is given back."""
    knob = pathlib.Path("/proc/sys/vm/nr_hugepages")
    try:
        before = int(knob.read_text())
        knob.write_text(str(before + 128))
        reserved = int(knob.read_text()) - before
    except (OSError, ValueError) as e:
        print(f"SKIPPED explicit huge pages: they cannot be reserved here: {e}")
        return
    try:
        if reserved < 128:
            print(f"SKIPPED explicit huge pages: only {reserved} of 128 could be reserved here")
            return
        small = ["--source", "sim:?width=640&height=480&sensor_width=640&sensor_height=480&rate=max&frames=500", "--set", "pool.huge_pages=explicit"]
        memory = check("explicit huge pages", small, program)["memory"]
        assert memory["huge_pages"] and memory["huge_bytes"] >= memory["pool_bytes"] > 0, memory
    finally:
        knob.write_text(str(before))


def moved_pages():
    """Pages that the kernel has moved so far, to make room for huge ones: each costs its next user a minor fault."""
    counts = dict(line.split() for line in pathlib.Path("/proc/vmstat").read_text().splitlines())
    return int(counts.get("pgmigrate_success", 0))


def steady(program):
    """Rule 6 on the default line with everything that --report adds: no allocation, no page fault once it is warm.

    Ten seconds: the rings of its results come round only after some, and every place of them must have been touched."""
    for _ in range(3):
        before = moved_pages()
        with tempfile.TemporaryDirectory() as folder:
            run = check("the default line and its report, ten seconds", ["--report", folder], program)
        moved = moved_pages() - before
        quiet = run["steady"]
        assert quiet["allocations"] == 0, quiet
        if moved == 0:
            assert quiet["page_faults_major"] == 0 and quiet["page_faults_minor"] == 0, quiet
            return
        print(f"  {moved} pages were moved by the kernel meanwhile, {quiet['page_faults_minor']} minor faults; once more")
    print("SKIPPED page faults of the default line: the kernel moves pages all the time here")


def inspection(program):
    """The default line's inspection against the truth, at its own size and with other seeds."""
    recall = {}
    for what in ("", "&seed=7", "&seed=11&defects=0.3", "&contrast=0.5"):
        done = check("inspection " + what, ["--source", "sim:?rate=max" + what, "--frames", "250"], program)
        found, judge = done["results"]["inspect"], done["results"]["judge"]
        print(f"  precision {found['precision']:.4f}, recall {found['recall']:.4f} over {found['parts']} parts")
        assert judge["judged"] == 250 and found["parts"] == 3000, judge
        recall[what] = found["recall"]
        if "contrast" in what:
            assert found["recall"] < 0.98, "half the contrast changes nothing"
            continue
        assert found["precision"] >= 0.98 and found["recall"] >= 0.98, found
        for kind in ("missing", "deformed", "scratch", "dent", "stain", "misprint"):
            planted = judge[f"planted_{kind}"]
            assert planted > 5 and judge[f"found_{kind}"] >= 0.9 * planted, (kind, judge)


def main():
    program = sys.argv[1]
    steady(program)
    inspection(program)
    huge_pages(program)
    for name, args in RUNS.items():
        run = check(name, args, program)
        if "faults" in name:
            assert run["resets"] and run["reconnects"] and run["faults"], name
            frames = run["frames"]
            assert frames["lost_by_device"] >= 3 and frames["incomplete"] >= 1, frames
        if "overrun" in name:
            assert run["frames"]["invalid"] == 1 and run["anomalies"]["canary_overrun"] == 1, run["frames"]


if __name__ == "__main__":
    main()
