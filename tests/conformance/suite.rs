//! The list of `source/mod.rs`, as cases that every source passes on each of its ways of filling.
//!
//! A source joins with a file that implements [`Subject`], and a line in `cards.rs`; what it cannot be asked for
//! stands on its card with the reason. `docs/conformance.md` is written from the cards.

use super::rig::{Got, Rig};
use frameline::buffer::Frame;
use frameline::fault::FaultClass;
use frameline::source::{Diagnosis, Fill, Source};
use std::collections::HashSet;
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(20);
const SHORT: Duration = Duration::from_millis(20);
/// Frames of a source that ends.
pub const FRAMES: u64 = 50;

/// What the document tells of a source.
pub struct Card {
    /// Its column.
    pub name: &'static str,
    /// How it is made, for the reader.
    pub about: &'static str,
    pub fills: &'static [Fill],
    /// Cases that it cannot be asked for, and why.
    pub lacks: &'static [(&'static str, &'static str)],
}

/// A source on the suite.
pub trait Subject {
    type Source: Source;

    fn card(&self) -> &'static Card;

    /// A fresh one, stopped, that sends small frames quickly and without end.
    fn make(&self, fill: Fill) -> Self::Source;

    /// One that ends after [`FRAMES`] frames. Case `end`.
    fn ending(&self, fill: Fill) -> Self::Source {
        self.make(fill)
    }

    /// One that sends none, or one a second at most. Case `time-out`.
    fn silent(&self, fill: Fill) -> Self::Source {
        self.make(fill)
    }

    /// One whose device goes after some frames, by itself or by `unplug`. Case `unplug`.
    fn doomed(&self, fill: Fill) -> Self::Source {
        self.make(fill)
    }

    /// Takes the device of the running source away.
    fn unplug(&self, _: &mut Self::Source) {}

    /// Lets it be found again.
    fn plug(&self, _: &mut Self::Source) {}

    /// A feature and the value by which frames become larger than those of `make`, and fit into its largest slot.
    /// Cases `format change` and `region beyond capacity`.
    fn growth(&self) -> (&'static str, &'static str) {
        ("Width", "320")
    }

    /// How often the source is started in `start/stop cycles`.
    fn cycles(&self) -> u32 {
        20
    }
}

/// A case: its name and the failure that it would catch.
pub type Case = (&'static str, &'static str);

/// Every case, in the document's order.
pub const CASES: &[Case] = &[
    ("description", "a source that does not know its payload, its ways of filling or its own URI"),
    ("single frame", "a frame whose metadata or bytes are left over from the slot's last one"),
    ("start/stop cycles", "ids that begin again, a buffer that is lost, a start that works once"),
    ("stop without start", "a stop that needs a start before it, or one that works once"),
    ("start twice", "a second start that is let pass, and breaks the stream that runs"),
    ("grab before start", "a grab that hangs or crashes where nothing runs"),
    (
        "grab after stop",
        "a frame that comes out of a stopped source, written after its slot was let go",
    ),
    (
        "drain",
        "frames that were finished before the device's stop and are thrown away; a drain without end",
    ),
    (
        "all slots held",
        "a held frame that is written again; a source that does not go on when slots are back",
    ),
    (
        "slow consumer",
        "frames out of order, twice, or under the number of another, when they are fetched late",
    ),
    ("time-out", "a silence that is answered as a fault, or before its time"),
    ("end", "an end that is not final, or frames lost before it"),
    (
        "unplug",
        "a lost device that looks like a time-out for ever, or does not come back with its buffers home",
    ),
    (
        "format change",
        "a region changed while frames are on their way; frames under the old geometry",
    ),
    (
        "region beyond capacity",
        "a frame written past its slot; a fault that does not say what it needs",
    ),
    (
        "close while grabbing",
        "a source that is dropped while it runs and takes frames, slots or the process along",
    ),
    ("bounded waits", "a wait that goes on beyond its time-out"),
    (
        "buffers back",
        "a source that keeps a buffer after revoke; a lent frame that dies with its source",
    ),
];

/// Runs every case that the card does not take out, in every way of filling.
pub fn run<T: Subject>(subject: &T) {
    let card = subject.card();
    for (name, _) in card.lacks {
        assert!(CASES.iter().any(|(c, _)| c == name), "{}: there is no case {name}", card.name);
    }
    for fill in card.fills {
        for (case, catches) in CASES {
            if card.lacks.iter().any(|(c, _)| c == case) {
                continue;
            }
            // Named before it runs: a hang names its case, too.
            println!("{}, {}: {case} (catches {catches})", card.name, fill.name());
            one(subject, *fill, case);
        }
    }
}

fn one<T: Subject>(t: &T, fill: Fill, case: &str) {
    match case {
        "description" => description(&t.make(fill), fill),
        "single frame" => single_frame(t.make(fill), fill),
        "start/stop cycles" => cycles(t.make(fill), fill, t.cycles()),
        "stop without start" => stop_without_start(t.make(fill), fill),
        "start twice" => start_twice(t.make(fill), fill),
        "grab before start" => grab_before_start(t.make(fill), fill),
        "grab after stop" => grab_after_stop(t.make(fill), fill),
        "drain" => drain(t.make(fill), fill),
        "all slots held" => all_slots_held(t.make(fill), fill),
        "slow consumer" => slow_consumer(t.make(fill), fill),
        "time-out" => time_out(t.silent(fill), fill),
        "end" => end(t.ending(fill), fill),
        "unplug" => unplug(t, fill),
        "format change" => format_change(t.make(fill), fill, t.growth()),
        "region beyond capacity" => beyond_capacity(t.make(fill), fill, t.growth()),
        "close while grabbing" => close_while_grabbing(t.make(fill), fill),
        "bounded waits" => bounded_waits(t.silent(fill), fill),
        "buffers back" => buffers_back(t.make(fill), fill),
        other => panic!("the case {other} is listed and not written"),
    }
}

/// With slots for what the suite makes of it, and no more: they are touched when they are made.
fn rig<S: Source>(source: S, fill: Fill) -> Rig<S> {
    let bytes = source.max_payload_bytes().min(1 << 16);
    let mut rig = Rig::with_slots(source, fill, bytes);
    rig.depth = rig.pool.slots(); // As a line does: every free slot is queued.
    rig
}

fn class<S: Source>(rig: &Rig<S>, got: Got) -> FaultClass {
    rig.source.codes().classify(got.code())
}

/// The next whole frame; time-outs, damaged frames and news of an overrun before it are passed over, as on a loaded
/// machine.
fn frame<S: Source>(rig: &mut Rig<S>) -> Frame {
    let begun = Instant::now();
    loop {
        match rig.grab(PATIENCE) {
            Got::Frame(frame, reported) => {
                if frame.meta().status == frameline::meta::FrameStatus::Complete {
                    whole(&frame, reported);
                    return frame;
                }
            }
            Got::End => panic!("the source ended"),
            Got::Fault(fault) => {
                let class = rig.source.codes().classify(fault.code);
                let passes = [FaultClass::Timeout, FaultClass::DamagedFrame, FaultClass::Overrun];
                assert!(passes.contains(&class), "{fault:?} ({class})");
            }
        }
        assert!(begun.elapsed() < PATIENCE, "no frame comes");
    }
}

/// Its geometry, its length and its bytes belong together.
fn whole(frame: &Frame, reported: u64) {
    let geometry = frame.meta().geometry();
    assert_eq!(reported, geometry.image_bytes(), "{geometry:?}");
    assert_eq!(frame.image().len() as u64, reported);
    geometry.check().expect("a geometry that can be");
    assert!(frame.image().iter().any(|b| *b != 0), "nothing was written into it");
}

fn description<S: Source>(source: &S, fill: Fill) {
    assert!(source.fills().contains(&fill));
    assert!(source.payload_bytes() > 0 && source.payload_bytes() <= source.max_payload_bytes());
    assert_eq!(source.geometry().image_bytes(), source.payload_bytes() as u64);
    assert_eq!(source.keep().is_some(), source.fills().contains(&Fill::Lend));
    let info = source.info();
    assert!(info.uri.contains(':') && !info.model.is_empty(), "{info:?}");
}

fn single_frame<S: Source>(source: S, fill: Fill) {
    let mut rig = rig(source, fill).started();
    let expected = rig.source.geometry();
    let came = frame(&mut rig);
    assert_eq!(came.meta().geometry(), expected);
    let rule = rig.source.frame_id_rule();
    assert!(rule.modulus == 0 || came.id() < rule.modulus);
    drop(came);
    rig.stop();
    assert!(rig.pool.census().all_home());
}

fn cycles<S: Source>(source: S, fill: Fill, cycles: u32) {
    let mut rig = rig(source, fill);
    let mut ids = HashSet::new();
    for n in 0..cycles {
        rig.start();
        for _ in 0..2 {
            let id = frame(&mut rig).id();
            assert!(ids.insert(id), "id {id} came again in cycle {n}");
        }
        rig.stop();
        assert!(rig.pool.census().all_home(), "cycle {n}");
    }
}

fn stop_without_start<S: Source>(source: S, fill: Fill) {
    let mut rig = rig(source, fill);
    rig.stop();
    rig.recycle(); // Queued before the first start, and taken back.
    rig.stop();
    assert!(rig.pool.census().all_home());
    rig.start();
    drop(frame(&mut rig));
    rig.stop();
    rig.stop();
    assert!(rig.pool.census().all_home());
}

fn start_twice<S: Source>(source: S, fill: Fill) {
    let mut rig = rig(source, fill).started();
    let fault = rig.source.start(fill).expect_err("it runs already");
    assert_eq!(rig.source.codes().classify(fault.code), FaultClass::Misuse);
    drop(frame(&mut rig)); // The one that runs goes on.
    rig.stop();
}

fn grab_before_start<S: Source>(source: S, fill: Fill) {
    let mut rig = rig(source, fill);
    let got = rig.grab(Duration::ZERO);
    assert_eq!(class(&rig, got), FaultClass::Misuse);
}

fn grab_after_stop<S: Source>(source: S, fill: Fill) {
    let mut rig = rig(source, fill).started();
    drop(frame(&mut rig));
    rig.stop();
    for _ in 0..3 {
        let got = rig.grab_only(SHORT);
        // A recording is silent then, so that a drain ends as any does.
        let class = class(&rig, got);
        assert!(matches!(class, FaultClass::Misuse | FaultClass::Timeout), "{class}");
    }
    assert!(rig.pool.census().all_home());
}

fn drain<S: Source>(source: S, fill: Fill) {
    let mut rig = rig(source, fill).started();
    let mut last = frame(&mut rig).id();
    rig.source.stop_device().unwrap();
    let begun = Instant::now();
    while let Got::Frame(frame, _) = rig.grab(Duration::ZERO) {
        assert_ne!(frame.id(), last);
        last = frame.id();
        assert!(begun.elapsed() < PATIENCE, "a stopped device goes on");
    }
    rig.source.stop_host().unwrap();
    rig.revoke();
    rig.start();
    assert_ne!(frame(&mut rig).id(), last, "ids began again");
    rig.stop();
}

/// A sum over its bytes.
fn sum(frame: &Frame) -> u64 {
    frame.payload().iter().fold(0, |sum, b| sum * 31 % 0xFFFF_FFFB + u64::from(*b))
}

fn all_slots_held<S: Source>(source: S, fill: Fill) {
    let mut rig = rig(source, fill).started();
    let mut held = vec![frame(&mut rig)];
    while !rig.is_exhausted() {
        match rig.grab_only(PATIENCE) {
            Got::Frame(frame, _) => held.push(frame),
            Got::Fault(_) => break, // It lends no more.
            Got::End => panic!("the source ended"),
        }
    }
    let sums: Vec<u64> = held.iter().map(sum).collect();
    for _ in 0..3 {
        if fill == Fill::Lend && rig.pool.census().free == 0 {
            break; // There is nothing that a frame could be lent through.
        }
        match rig.grab_only(SHORT) {
            Got::Frame(..) => assert_eq!(fill, Fill::Copy, "there is no slot for it"),
            got => {
                let class = class(&rig, got);
                assert!(matches!(class, FaultClass::Timeout | FaultClass::Overrun), "{class}");
            }
        }
    }
    assert_eq!(held.iter().map(sum).collect::<Vec<_>>(), sums, "a held frame was written again");
    held.clear();
    drop(frame(&mut rig));
    rig.stop();
    assert!(rig.pool.census().all_home());
}

fn slow_consumer<S: Source>(source: S, fill: Fill) {
    let mut rig = rig(source, fill).started();
    let mut last = frame(&mut rig).id();
    for _ in 0..3 {
        // What is tested is time that passes, nothing waits for it.
        let until = Instant::now() + Duration::from_millis(50);
        while Instant::now() < until {
            std::hint::spin_loop();
        }
        for _ in 0..8 {
            let came = frame(&mut rig);
            assert!(came.id() > last, "{} came after {last}", came.id());
            last = came.id();
        }
    }
    rig.stop();
    assert!(rig.pool.census().all_home());
}

fn time_out<S: Source>(source: S, fill: Fill) {
    const WAIT: Duration = Duration::from_millis(50);
    let mut rig = rig(source, fill).started();
    let mut silent = 0;
    while silent < 3 {
        let begun = Instant::now();
        match rig.grab(WAIT) {
            Got::Frame(..) => {} // One a second.
            got => {
                assert!(begun.elapsed() >= WAIT, "it gave up after {:?}", begun.elapsed());
                assert_eq!(class(&rig, got), FaultClass::Timeout);
                silent += 1;
            }
        }
    }
    assert!(!matches!(rig.source.diagnose(), Diagnosis::Lost), "{}", rig.source.evidence());
    rig.stop();
    assert!(rig.pool.census().all_home());
}

fn end<S: Source>(source: S, fill: Fill) {
    let mut rig = rig(source, fill).started();
    let mut ids = Vec::new();
    loop {
        match rig.grab(PATIENCE) {
            Got::Frame(frame, reported) => {
                whole(&frame, reported);
                ids.push(frame.id());
            }
            Got::End => break,
            got => assert_eq!(class(&rig, got), FaultClass::Timeout),
        }
    }
    assert!(matches!(rig.grab(PATIENCE), Got::End), "the end is final");
    // In real time a busy machine may be late; ids never repeat all the same.
    assert!(!ids.is_empty() && (!rig.source.can_wait() || ids.len() as u64 == FRAMES), "{ids:?}");
    let distinct: HashSet<_> = ids.iter().collect();
    assert_eq!(distinct.len(), ids.len(), "an id came twice: {ids:?}");
    rig.stop();
    assert!(rig.pool.census().all_home());
}

fn unplug<T: Subject>(t: &T, fill: Fill) {
    let mut rig = rig(t.doomed(fill), fill).started();
    let held = frame(&mut rig);
    t.unplug(&mut rig.source);
    let begun = Instant::now();
    let mut timeouts = 0;
    loop {
        assert!(begun.elapsed() < 3 * PATIENCE, "the loss is never told");
        let class = match rig.grab(Duration::from_millis(100)) {
            Got::Frame(..) => continue, // What the host had.
            got => class(&rig, got),
        };
        match class {
            FaultClass::Lost => break,
            FaultClass::Timeout | FaultClass::DamagedFrame => {
                timeouts += 1;
                if timeouts % 4 == 0 && rig.source.diagnose() == Diagnosis::Lost {
                    break;
                }
            }
            other => panic!("a pulled plug is no {other}"),
        }
    }
    rig.source.stop_device().ok();
    rig.source.stop_host().ok();
    rig.revoke();
    t.plug(&mut rig.source);
    let begun = Instant::now();
    while rig.source.reopen().is_err() {
        assert!(begun.elapsed() < 3 * PATIENCE, "it is not found again");
    }
    rig.start();
    drop((held, frame(&mut rig)));
    rig.stop();
    assert!(rig.pool.census().all_home());
}

fn format_change<S: Source>(source: S, fill: Fill, (feature, value): (&str, &str)) {
    let mut rig = rig(source, fill).started();
    let before = frame(&mut rig).meta().geometry();
    assert!(rig.source.is_locked_while_grabbing(feature));
    let refused = rig.source.set_feature(feature, value).expect_err("it grabs");
    assert_eq!(refused.kind(), frameline::ErrorKind::State, "{refused}");
    drop(frame(&mut rig)); // It goes on as before.
    rig.stop();
    rig.source.set_feature(feature, value).unwrap();
    let expected = rig.source.geometry();
    assert!(expected.image_bytes() > before.image_bytes(), "{expected:?}");
    assert_eq!(rig.source.payload_bytes() as u64, expected.image_bytes());
    rig.start();
    assert_eq!(frame(&mut rig).meta().geometry(), expected);
    rig.stop();
    assert!(rig.pool.census().all_home());
}

fn beyond_capacity<S: Source>(mut source: S, fill: Fill, (feature, value): (&str, &str)) {
    if fill == Fill::Lend {
        return; // The buffers are the source's own.
    }
    let small = source.payload_bytes();
    source.set_feature(feature, value).unwrap();
    let needed = source.payload_bytes() as u64;
    let mut rig = Rig::with_slots(source, fill, small);
    rig.depth = rig.pool.slots();
    assert!((rig.pool.slot_bytes() as u64) < needed, "the growth does not pass a page's rest");
    rig.recycle();
    let fault = match rig.source.start(fill) {
        Err(fault) => fault,
        Ok(()) => match rig.grab(PATIENCE) {
            Got::Fault(fault) => fault,
            other => panic!("{other:?} out of a slot of {small} bytes"),
        },
    };
    assert_eq!(rig.source.codes().classify(fault.code), FaultClass::BufferTooSmall);
    assert!(fault.detail >= needed, "{fault:?} for {needed} bytes");
    rig.stop();
    assert!(rig.pool.census().all_home());
    let slots: Vec<_> = std::iter::from_fn(|| rig.pool.take()).collect();
    for frame in &slots {
        rig.pool.check_canary(frame).expect("nothing was written past a slot");
    }
}

fn close_while_grabbing<S: Source>(source: S, fill: Fill) {
    let mut rig = rig(source, fill).started();
    let held: Vec<_> = (0..3).map(|_| frame(&mut rig)).collect();
    let sums: Vec<u64> = held.iter().map(sum).collect();
    let Rig { source, mut pool, .. } = rig;
    drop(source);
    assert_eq!(held.iter().map(sum).collect::<Vec<_>>(), sums);
    drop(held);
    assert!(pool.census().all_home());
}

fn bounded_waits<S: Source>(source: S, fill: Fill) {
    let mut rig = rig(source, fill).started();
    // A wait without end is the watchdog's.
    for wait in [Duration::ZERO, Duration::from_nanos(1), Duration::from_millis(1)] {
        for _ in 0..20 {
            drop(rig.grab(wait));
        }
    }
    rig.stop();
}

fn buffers_back<S: Source>(source: S, fill: Fill) {
    let mut rig = rig(source, fill).started();
    let kept: Vec<_> = (0..3).map(|_| frame(&mut rig)).collect();
    rig.stop();
    assert!(rig.pool.census().is_conserved());
    assert_eq!(rig.pool.census().announced - rig.pool.census().free, kept.len());
    let Rig { source, mut pool, .. } = rig;
    drop(source);
    assert!(kept.iter().all(|frame| frame.payload().iter().any(|b| *b != 0)));
    drop(kept);
    assert!(pool.census().all_home());
}
