#!/usr/bin/env python3
"""Breaks the product on purpose, one line at a time, and checks that a test goes red.

    tools/checks/break_it.py [WORD]...     only the breaks whose rule or text has one of the words
    tools/checks/break_it.py --table       the table for docs/testing.md, from the last full run

Each break is applied to the working tree, its test is run, and the file is put back, also on Ctrl-C. Needs a
clean `src/`. A break whose text is no longer found, or whose test stays green, fails the check.
"""
import json
import os
import pathlib
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
RESULTS = ROOT / "target" / "break_it.json"

# (rule, what is broken, file, old text, new text, test binary, test that must go red)
BREAKS = [
    ("1", "the last of several handles is not waited for: each drop brings the slot home", "src/buffer/frame.rs",
     "if slot.lanes.fetch_sub(one, Ordering::Release) != one {", "if slot.lanes.fetch_sub(one, Ordering::Release) == 0 {",
     "graph", "branches_keep_their_policies"),
    ("1", "a frame thinks itself alone while others read it", "src/buffer/frame.rs",
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
     "if !self.is_in(i) || self.laid_out[i] == 0 {", "if self.laid_out[i] == 0 {",
     "reset", "a_late_holder_is_named_and_keeps_its_bytes"),
    ("3", "a reset does not wait for the stages", "src/pipeline/quiesce.rs",
     "while !shared.released.reached(epoch) {", "while !shared.released.reached(0) {",
     "reset", "a_reset_works_while_every_branch_is_full"),
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
    ("4", "a turn that brought nothing is not passed on", "src/pipeline/worker.rs",
     "Next::Skipped => self.pass_turns(0, 0),", "Next::Skipped => {}", "graph", "frames_that_end_in_a_group"),
    ("4", "frames pushed while their consumer leaves are forgotten", "src/pipeline/worker.rs",
     "self.inputs.abandon_to_the_end(ABORT_LINGER);", "", "lifecycle", "three_hundred_aborts"),
    ("4", "a stop leaves what the source has finished", "src/pipeline/ending.rs",
     "let rest = if shared.aborting() { Rest::Leave } else { Rest::HandOn };", "let rest = Rest::Leave;",
     "lifecycle", "a_stop_drains_what_the_source_has_finished"),
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
    ("7", "a sampled branch that is full makes the producer wait", "src/ring/edge.rs",
     "if self.policy == Policy::Every {", "if self.policy != Policy::Refuse {", "graph", "slow_branches_never_starve"),
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
    ("9", "a panic of a stage ends its thread", "src/pipeline/worker.rs",
     "let outcome = catch_unwind(AssertUnwindSafe(|| stage.process(&mut frame, &mut cx)));",
     "let outcome: std::thread::Result<_> = Ok(stage.process(&mut frame, &mut cx));", "lifecycle", "a_panic_costs_exactly"),
    ("9", "a reset that cannot be granted ends the line", "src/pipeline/quiesce.rs",
     "Err(e) if reason == ASKED_FOR &&", "Err(e) if reason != ASKED_FOR &&", "lifecycle", "a_reset_that_cannot_be_made"),
    ("9", "a stop waits for a stage that hangs", "src/pipeline/line.rs",
     "let alive = shared.exits.wait_all(ABORT_GRACE);", "let alive = shared.exits.wait_all(ABORT_GRACE * 1000);",
     "lifecycle", "a_stage_that_hangs_is_named"),
    ("10", "a core's number overflows", "src/pipeline/plan.rs",
     "core.saturating_add(worker)", "core + worker", "graph", "what_cannot_work"),
    ("10", "the pool's sum overflows", "src/pipeline/plan.rs",
     "n.spec.holds.saturating_mul(workers)", "n.spec.holds * workers", "graph", "what_cannot_work"),
    ("10", "a script's count is not checked", "src/sim/script.rs",
     "let read = |w: &str| w.parse().ok().filter(|n| (1..=MAX_COUNT).contains(n));", "let read = |w: &str| w.parse().ok();",
     "sim_script", ""),
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
     "self.owed.push_back(Owed::Control(control));\n                self.settle()", "let _ = Owed::Control(control);\n                self.settle()",
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
     "fetch_or(bit, Ordering::AcqRel)", "fetch_or(bit, Ordering::Relaxed)", "loom", "loom_reset_proves"),
    ("loom", "the model's stage acknowledges before it lets go", "src/reset/loom_tests.rs",
     "                drop(item);\n", "                acks.acknowledge(i, 1);\n                capture.wake();\n                drop(item);\n", "loom", "loom_reset_proves"),
]


def run(binary, name):
    env = dict(os.environ, RUST_BACKTRACE="0")
    base = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    command = ["cargo", "test", "--no-default-features"]
    if binary == "loom":
        env["RUSTFLAGS"] = "--cfg loom"
        env["CARGO_TARGET_DIR"] = str(base.parent / (base.name + "-loom"))
        command += ["--release", "--lib", name]
    else:
        command += ["--test", binary] + ([name] if name else [])
    build = command + ["--no-run"]
    if subprocess.run(build, cwd=ROOT, env=env, capture_output=True).returncode != 0:
        return "does not build", ""
    try:
        done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=240)
    except subprocess.TimeoutExpired:
        return "red", "hangs"
    out = done.stdout + done.stderr
    if done.returncode == 0:
        return "green", ""
    red = [line.split()[1].split("::")[-1] for line in out.splitlines()
           if line.startswith("test ") and line.endswith("FAILED")]
    if not red and binary == "loom":
        red = [name]  # A deadlock that loom finds ends the process.
    return "red", ", ".join(red[:2]) or "the process ended"


def main():
    words = sys.argv[1:]
    if words == ["--table"]:
        print("| rule | what is broken | where | what goes red |\n| --- | --- | --- | --- |")
        for r in json.loads(RESULTS.read_text()):
            print("| {rule} | {what} | `{file}` | `{red}` |".format(**r))
        return 0
    if subprocess.run(["git", "diff", "--quiet", "--", "src"], cwd=ROOT).returncode != 0:
        print("src/ has changes that are not committed; commit or stash them first")
        return 2
    chosen = [b for b in BREAKS if not words or any(w == b[0] or w in b[1] for w in words)]
    results, failed = [], 0
    for rule, what, file, old, new, binary, name in chosen:
        path = ROOT / file
        text = path.read_text()
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
        results.append({"rule": rule, "what": what, "file": file, "red": f"{binary}: {red}", "outcome": outcome})
        print(f"{outcome:15} {time.monotonic() - begun:4.0f} s  rule {rule}: {what}  [{binary}: {red or name}]", flush=True)
    if not words:
        RESULTS.parent.mkdir(exist_ok=True)
        RESULTS.write_text(json.dumps(results, indent=1))
    print(f"{len(results) - failed} of {len(results)} breaks were noticed")
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
