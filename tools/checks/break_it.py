#!/usr/bin/env python3
"""Breaks the product on purpose, one line at a time, and checks that a test goes red.

    tools/checks/break_it.py [WORD]...     only the breaks whose rule or text has one of the words
    tools/checks/break_it.py --table       the table for docs/testing.md, from the last runs

Breaks are made in a copy of the tree (`target/breaks`), so the tree itself is never touched. Each test passes on the
unbroken copy first; then each break is applied, its test is run, and the line is put back. A break whose text is no
longer found, that does not build, or whose test stays green fails the check. A full run takes about an hour on two
cores: `nice` it where others work.
"""
import json
import os
import pathlib
import signal
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
BREAKING = ROOT / "target" / "breaks"
TREE = BREAKING / "tree"
RESULTS = BREAKING / "results.json"
# Longer than any of the tests takes on a busy machine, and than their own watchdogs.
BOUND_SECONDS = 400

# (rule, what is broken, file, old text, new text, test binary, test that must go red)
BREAKS = [
    ("1", "the last of several handles is not waited for: each drop brings the slot home", "src/buffer/frame/handle.rs",
     "if slot.lanes.fetch_sub(one, Ordering::Release) != one {", "if slot.lanes.fetch_sub(one, Ordering::Release) == 0 {",
     "graph", "branches_keep_their_policies"),
    ("1", "a frame thinks itself alone while others read it", "src/buffer/frame/handle.rs",
     "self.slot().lanes.load(Ordering::Acquire) == self.lane.one()", "self.slot().lanes.load(Ordering::Acquire) != 0",
     "pool", ""),
    ("1", "a call that hangs is not named", "src/pipeline/monitor.rs",
     "if busy == 0 ||", "if busy != 0 ||", "faults", "a_stalled_grab_is_named"),
    ("2", "the proof of a reset is skipped", "src/pipeline/quiesce.rs",
     "if census.free + mine >= census.announced {", "if census.free + mine + 1 > 0 {",
     "reset", "a_late_holder"),
    ("2", "one slot never comes home", "src/buffer/home.rs",
     "        word & SLOT_BITS\n    }", "        word & SLOT_BITS & !2\n    }", "pool", ""),
    ("3", "a rebuild takes the memory of slots that are held", "src/buffer/rebuild.rs",
     "(0..records).filter(|i| self.is_in(*i) && !self.spoilt[*i]).collect();", "(0..records).filter(|i| !self.spoilt[*i]).collect();",
     "pool", "late_holders_keep_their_bytes"),
    ("3", "a reset does not wait for the stages", "src/pipeline/quiesce.rs",
     "while !shared.released.reached(epoch) {", "while !shared.released.reached(0) {",
     "reset", "a_reset_waits_for_a_stage_that_holds_no_frame"),
    ("3", "slots do not grow in the reset", "src/pipeline/quiesce.rs",
     "let required = needed.unwrap_or(0).max(self.source.payload_bytes());", "let required = self.source.payload_bytes();",
     "reset", "a_frame_that_does_not_fit"),
    ("4", "a refused frame counts as delivered", "src/pipeline/flow.rs",
     "f.worsen(Fate::Refused);", "f.worsen(Fate::Delivered);", "graph", "groups_that_refuse"),
    ("4", "a refusal is not counted at the hop", "src/ring/edge.rs",
     "self.counts.refused.bump();", "", "graph", "images_of_a_stage_that_are_refused"),
    ("4", "a gap in ids is not counted", "src/pipeline/accept.rs",
     "counts.lost_by_device.add(gap - underrun);", "", "loss", "lost_frames_are_counted_and_told"),
    ("4", "a gap in ids is not told to the next frame", "src/pipeline/accept.rs",
     "self.pending.device = add(self.pending.device, gap - underrun);", "", "loss", "lost_frames_are_counted_and_told"),
    ("4", "a rejected frame is not told to the next", "src/pipeline/accept.rs",
     "self.pending.rejected = self.pending.rejected.saturating_add(1);", "", "loss", "damaged_frames_by_policy"),
    ("4", "an underrun is blamed on the device", "src/pipeline/accept.rs",
     "self.starved = MAX_QUEUED_FRAMES;", "", "loss", "an_underrun_is_named"),
    ("4", "orders keep the capture thread from its turn", "src/pipeline/capture.rs",
     "(paused, owed) = (true, true);", "(paused, owed) = (true, false);", "orders", "between_two_orders"),
    ("4", "a turn that brought nothing is not passed on", "src/pipeline/worker.rs",
     "Next::Skipped => self.pass_turns(0, 0),", "Next::Skipped => {}", "graph", "frames_that_end_in_a_group"),
    ("4", "frames pushed while their consumer leaves are forgotten", "src/pipeline/worker.rs",
     "self.inputs.abandon_to_the_end(ABORT_LINGER);", "", "lifecycle", "three_hundred_aborts"),
    ("4", "a stop leaves what the source has finished", "src/pipeline/ending.rs",
     "let rest = if shared.aborting() { Rest::Leave } else { Rest::HandOn };", "let rest = Rest::Leave;",
     "lifecycle", "frames_that_are_finished_as_the_device_stops"),
    ("1", "an order is carried out though its giver was told that it was not", "src/pipeline/orders.rs",
     "if !command.is_wanted() {", "if false {", "orders", "an_order_that_nobody_waits_for"),
    ("7", "a full consumer deafens the capture thread", "src/pipeline/assembly.rs",
     "waits: outs.iter().any(Out::waits),", "waits: false,", "orders", "the_time_is_up"),
    ("1", "slots stay announced to a device that is opened anew", "src/pipeline/reconnect.rs",
     "self.revoke();\n", "", "orders", "a_camera_that_is_lost_while_it_starts"),
    ("5", "a reported length is believed", "src/pipeline/accept.rs",
     "if reported_bytes > capacity {", "if reported_bytes > u64::MAX - 1 {", "loss", "lengths_are_not_believed"),
    ("5", "a short frame passes for whole", "src/pipeline/accept.rs",
     "frame.meta_mut().status = FrameStatus::Incomplete;", "", "loss", "lengths_are_not_believed"),
    ("5", "the geometry is not checked", "src/pipeline/accept.rs",
     "if geometry.check().is_err() ||", "if", "loss", "impossible_geometry"),
    ("5", "the canary is not looked at", "src/pipeline/capture.rs",
     "if let Err(overrun) = self.pool.check_canary(&frame) {", "if let (Err(overrun), true) = (self.pool.check_canary(&frame), false) {",
     "faults", "an_overrun_is_seen"),
    ("5", "an id that comes twice is taken", "src/pipeline/accept.rs",
     "counts.invalid.bump();\n                return Verdict::Invalid;", "", "loss", "a_duplicate_is_rejected"),
    ("6", "a stage thread allocates with each frame", "src/pipeline/worker.rs",
     "step.counts.frames.bump();", "step.counts.frames.bump();\n        drop(std::hint::black_box(Box::new(begun)));",
     "alloc_free", ""),
    ("6", "the capture thread allocates with each frame", "src/pipeline/capture.rs",
     "if self.ladder.in_trouble() {", "drop(std::hint::black_box(Box::new(now)));\n        if self.ladder.in_trouble() {",
     "alloc_free", ""),
    ("6", "a ring is not touched when it is made", "src/touch.rs",
     "        fill(first);\n        fill(second);\n", "        let _ = (first, second);\n", "lib", "touch::"),
    ("7", "a sampled branch that is full makes the producer wait", "src/ring/edge.rs",
     "if self.policy == Policy::Every {", "if self.policy != Policy::Refuse {\n            self.until = 0;", "graph", "slow_branches_never_starve"),
    ("7", "a tap's frames are not in the arithmetic", "src/pipeline/plan.rs",
     "Policy::Latest => sum.add(2,", "Policy::Latest => sum.add(0,", "graph", "the_arithmetic"),
    ("7", "a tap keeps the old frame", "src/ring/tap.rs",
     "let before = self.shared.middle.swap(self.own | FRESH, Ordering::AcqRel); // PAIR: tap\n        self.own = before & !FRESH;\n        // SAFETY: the cell that came from the middle is the producer's",
     "let before = self.own; // PAIR: tap\n        self.own = before & !FRESH;\n        // SAFETY: the cell that came from the middle is the producer's",
     "graph", "a_tap_gives_the_newest"),
    ("7", "lent buffers are not in the arithmetic", "src/pipeline/memory.rs",
     "if fill == Fill::Lend && (1..need).contains(&lent) {", "if fill == Fill::Announce && (1..need).contains(&lent) {",
     "graph", "a_source_that_lends_too_few"),
    ("8", "a time-out is treated as a buffer fault", "src/pipeline/ladder.rs",
     "FaultClass::Timeout => self.timed_out(),", "FaultClass::Timeout => self.reset_for_fault(\"buffer too small\", 1),",
     "faults", "a_few_time_outs"),
    ("8", "a remapping is not used", "src/fault/table.rs",
     "find(|(c, _)| same_code(*c, code))", "find(|(c, _)| same_code(*c, code + 1))", "faults", "a_code_can_be_remapped"),
    ("8", "an unknown code is answered by reconnecting for ever", "src/pipeline/ladder.rs",
     "if t.unknown > 1 {", "if t.unknown > 1_000_000_000 {", "faults", "an_unknown_code_gets_one"),
    ("8", "resets have no budget", "src/pipeline/ladder.rs",
     "if self.ladder.resets > most {", "if self.ladder.resets > u32::MAX - 1 {", "faults", "resets_have_a_budget"),
    ("8", "the source is reopened while it runs", "src/pipeline/reconnect.rs",
     "self.stop_source(Rest::HandOn, until);", "", "faults", "each_class_has_its_action"),
    ("8", "a silence while all slots are held is taken for a lost camera", "src/pipeline/capture.rs",
     "if self.with_source == 0 {\n                    return self.starve();\n                }", "", "loss", "an_underrun_is_named"),
    ("8", "MV_E_NODATA moves memory", "src/pipeline/ladder.rs",
     "FaultClass::Timeout => self.timed_out(),", "FaultClass::Timeout => self.reset_for_fault(\"buffer too small\", 1),",
     "mvs", "time_outs_move_no_memory"),
    ("8", "MV_E_NOENOUGH_BUF: the frame that did not fit is not fetched any more", "src/pipeline/quiesce.rs",
     "let fits_later = was_running\n", "let fits_later = false && was_running\n",
     "mvs", "a_frame_that_does_not_fit"),
    ("8", "drift is taken for a silence without a reason", "src/sdk/mvs/diagnosis.rs",
     "return Diagnosis::FormatDrift { payload_bytes };", "let _ = payload_bytes;",
     "mvs", "a_region_that_grew"),
    ("8", "drift is answered by two resets", "src/pipeline/silence.rs",
     "let turned = self.reset_for_fault(drift, needed);",
     "let _ = self.reset_for_fault(drift, needed);\n                let turned = self.reset_for_fault(drift, needed);",
     "mvs", "is_diagnosed_and_cured"),
    ("8", "a frame with holes ends the doubt about a stream", "src/pipeline/silence.rs",
     "self.damaged = self.damaged.saturating_add(1);", "self.forget();",
     "mvs", "a_packet_size_that_was_changed"),
    ("8", "the packet size is not compared", "src/sdk/mvs/diagnosis.rs",
     "evidence.packet_now.is_some_and(|now| Some(now) != evidence.packet_at_start)",
     "evidence.packet_now.is_some_and(|now| Some(now) == None)",
     "mvs", "a_packet_size_that_was_changed"),
    ("9", "a panic of a stage ends its thread", "src/pipeline/worker.rs",
     "let outcome = catch_unwind(AssertUnwindSafe(|| stage.process(&mut frame, &mut cx)));",
     "let outcome: std::thread::Result<_> = Ok(stage.process(&mut frame, &mut cx));", "lifecycle", "a_panic_costs_exactly"),
    ("9", "a reset that cannot be granted ends the line", "src/pipeline/quiesce.rs",
     "Err(e) if reason == ASKED_FOR &&", "Err(e) if reason != ASKED_FOR &&", "lifecycle", "a_reset_that_cannot_be_made"),
    ("9", "a stop waits for a stage that hangs", "src/pipeline/line.rs",
     "let alive = shared.exits.wait_all(ABORT_GRACE);", "let alive = shared.exits.wait_all(ABORT_GRACE * 1000);",
     "lifecycle", "a_stage_that_hangs_is_named"),
    ("10", "a stage's core is not looked up", "src/pipeline/plan.rs",
     "for worker in 0..spec.workers {", "for worker in 1..spec.workers {", "graph", "what_cannot_work"),
    ("10", "the pool's sum overflows", "src/pipeline/plan.rs",
     "n.spec.holds.saturating_mul(workers)", "n.spec.holds * workers", "graph", "what_cannot_work"),
    ("10", "a script's count is not checked", "src/sim/script.rs",
     "let read = |w: &str| w.parse().ok().filter(|n| (1..=MAX_COUNT).contains(n));", "let read = |w: &str| w.parse().ok();",
     "lib", "sim::script"),
    ("10", "a region larger than the sensor is taken", "src/sim/config.rs",
     "within(&format!(\"{whose}{axis}\"), side, 1, sensor)?;", "", "sim_source", ""),
    # The model checker.
    ("loom", "the waker's fence is gone", "src/sync.rs",
     "fence(Ordering::SeqCst); // PAIR: bed (waker's side)", "", "loom", "loom_hop_waits"),
    ("loom", "the sleeper's fence is gone", "src/sync.rs",
     "fence(Ordering::SeqCst); // PAIR: bed (sleeper's side)", "", "loom", "loom_hop_waits"),
    ("loom", "a consumer does not wake its producer", "src/ring/edge.rs",
     "self.producer.wake();", "", "loom", "loom_hop_waits"),
    ("loom", "a control that found no room is forgotten", "src/ring/edge.rs",
     "self.owed.push_back(Told::Control(control));\n                self.settle()", "let _ = Told::Control(control);\n                self.settle()",
     "loom", "loom_hop_that_refuses"),
    ("loom", "a tap's put is relaxed", "src/ring/tap.rs",
     "self.shared.middle.swap(self.own | FRESH, Ordering::AcqRel)", "self.shared.middle.swap(self.own | FRESH, Ordering::Relaxed)",
     "loom", "loom_tap_newest"),
    ("loom", "a tap's take is relaxed", "src/ring/tap.rs",
     "self.shared.middle.swap(self.own, Ordering::AcqRel)", "self.shared.middle.swap(self.own, Ordering::Relaxed)",
     "loom", "loom_tap_newest"),
    ("loom", "a tap's control word is relaxed", "src/ring/tap.rs",
     "self.shared.control.store(word, Ordering::Release)", "self.shared.control.store(word, Ordering::Relaxed)",
     "loom", "loom_tap_control"),
    ("loom", "a tap looks for items before the control word", "src/ring/tap.rs",
     "let control = self.shared.control.load(Ordering::Acquire); // PAIR: tap control\n        if let Some(item) = self.take() {\n            return Some(Ok(item));\n        }",
     "if let Some(item) = self.take() {\n            return Some(Ok(item));\n        }\n        let control = self.shared.control.load(Ordering::Acquire); // PAIR: tap control",
     "loom", "loom_tap_control"),
    ("loom", "an acknowledgement is relaxed", "src/reset/mod.rs",
     "self.0[i].store(epoch, Ordering::Release); // PAIR: ack", "self.0[i].store(epoch, Ordering::Relaxed); // PAIR: ack",
     "loom", "loom_reset"),
    ("loom", "a slot's way home is relaxed", "src/buffer/home.rs",
     "fetch_add(bit, Ordering::AcqRel)", "fetch_add(bit, Ordering::Relaxed)", "loom", "loom_two_threads_drop"),
    ("loom", "the model's stage acknowledges before it lets go", "src/reset/loom_tests.rs",
     "                drop(item);\n", "                acks.acknowledge(i, 1);\n                capture.wake();\n                drop(item);\n", "loom", "loom_reset_proves"),
]


def copy_tree():
    """Brings the copy up to date, touching only files that differ, so that cargo builds no more than it must."""
    listed = subprocess.run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
                            cwd=ROOT, capture_output=True, check=True).stdout
    names = {n.decode() for n in listed.split(b"\0") if n}
    names = {n for n in names if (ROOT / n).is_file()}
    for old in TREE.rglob("*"):
        if old.is_file() and str(old.relative_to(TREE)) not in names:
            old.unlink()
    for name in names:
        data, to = (ROOT / name).read_bytes(), TREE / name
        if not to.is_file() or to.read_bytes() != data:
            to.parent.mkdir(parents=True, exist_ok=True)
            to.write_bytes(data)


def call(command, env):
    """Exit code and output; `None` if it hung. A hung test's processes are ended with it."""
    child = subprocess.Popen(command, cwd=TREE, env=env, text=True, start_new_session=True,
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    try:
        out, _ = child.communicate(timeout=BOUND_SECONDS)
        return child.returncode, out
    except subprocess.TimeoutExpired:
        return None, ""
    finally:
        try:
            os.killpg(child.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        child.wait()


def run(binary, name):
    """What the test says: red with the tests that failed, green, or that it did not build or run."""
    env = dict(os.environ, RUST_BACKTRACE="0", CARGO_TERM_COLOR="never",
               CARGO_PROFILE_DEV_DEBUG="0", CARGO_PROFILE_TEST_DEBUG="0")
    command = ["cargo", "test", "--no-default-features"] + (["--features", "mvs"] if binary == "mvs" else [])
    if binary == "loom":
        env["RUSTFLAGS"] = "--cfg loom"
        env.setdefault("LOOM_MAX_PREEMPTIONS", "3")
        env["CARGO_TARGET_DIR"] = str(BREAKING / "loom")
        command += ["--release", "--lib", name]
    else:
        env["CARGO_TARGET_DIR"] = str(BREAKING / "target")
        command += (["--lib"] if binary == "lib" else ["--test", binary]) + ([name] if name else [])
    built = subprocess.run(command + ["--no-run"], cwd=TREE, env=env, capture_output=True, text=True)
    if built.returncode != 0:
        errors = [line for line in built.stderr.splitlines() if line.startswith("error")]
        return "does not build", "; ".join(errors[:1])
    code, out = call(command, env)
    if code is None:
        return "red", "hangs"
    lines = [line for line in out.splitlines() if line.startswith("test ")]
    if code == 0:
        # A name that matches nothing would pass for ever.
        return ("green", "") if any(line.endswith("ok") for line in lines) else ("no such test", "")
    red = [line.split()[1].split("::")[-1] for line in lines if line.endswith("FAILED")]
    if not red and binary == "loom":
        red = [name]  # A deadlock that loom finds ends the process.
    return "red", ", ".join(red[:2]) or "the process ended"


def read_results():
    return json.loads(RESULTS.read_text()) if RESULTS.is_file() else {}


def report(outcome, begun, text):
    print(f"{outcome:15} {time.monotonic() - begun:4.0f} s  {text}", flush=True)


def main():
    words = sys.argv[1:]
    if words == ["--table"]:
        results = read_results()
        print("| rule | what is broken | where | what goes red |\n| --- | --- | --- | --- |")
        for _, what, *_ in BREAKS:
            if what not in results:
                print(f"no result yet: {what}", file=sys.stderr)
                return 1
            print("| {rule} | {what} | `{file}` | {red} |".format(**results[what]))
        return 0
    chosen = [b for b in BREAKS if not words or any(w == b[0] or w in b[1] for w in words)]
    if not chosen:
        print(f"no break is called {' '.join(words)}; give a rule's number or words of a break's name, or nothing for all")
        return 2
    copy_tree()
    failed = 0
    for binary, name in dict.fromkeys((b[5], b[6]) for b in chosen):
        begun = time.monotonic()
        outcome, red = run(binary, name)
        if outcome != "green":
            failed += 1
            report(outcome, begun, f"unbroken  [{binary}: {red or name}]")
    if failed:
        print(f"{failed} tests do not pass on the unbroken tree; nothing was broken")
        return 1
    for rule, what, file, old, new, binary, name in chosen:
        path = TREE / file
        text = path.read_text() if path.is_file() else ""
        begun = time.monotonic()
        if old not in text:
            outcome, red = "text not found", ""
        else:
            try:
                path.write_text(text.replace(old, new, 1))
                outcome, red = run(binary, name)
            finally:
                path.write_text(text)
        failed += outcome != "red"
        report(outcome, begun, f"rule {rule}: {what}  [{binary}: {red or name}]")
        results = read_results()
        went = f"`{binary}`: `{red}`" if red not in ("hangs", "the process ended") else f"`{binary}`: {name}, {red}"
        results[what] = {"rule": rule, "what": what, "file": file, "red": went, "outcome": outcome}
        RESULTS.write_text(json.dumps(results, indent=1))
    print(f"{len(chosen) - failed} of {len(chosen)} breaks were noticed")
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
