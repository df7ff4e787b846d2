//! The simulated camera driven by hand in simulated time: pacing, queues, features, the three fills.

#[path = "conformance/rig.rs"]
mod rig;

use frameline::ErrorKind;
use frameline::clock::{Clock, ManualClock};
use frameline::sim::{Sim, SimConfig, codes, read_serial};
use frameline::source::{Diagnosis, Fill, Source};
use rig::{Got, Rig};
use std::time::Duration;

const FILLS: [Fill; 3] = [Fill::Copy, Fill::Announce, Fill::Lend];
const MS: Duration = Duration::from_millis(1);
const LONG: Duration = Duration::from_secs(3600);

/// A camera of 8 KiB frames whose waiting moves the clock.
fn camera(query: &str) -> (Sim, Clock, ManualClock) {
    let config = SimConfig::from_uri(&format!("sim:?width=128&height=64&{query}")).unwrap();
    let (clock, hand) = Clock::manual();
    (Sim::in_manual_time(config, clock.clone(), hand.clone()).unwrap(), clock, hand)
}

fn rig(query: &str, fill: Fill) -> (Rig<Sim>, Clock, ManualClock) {
    let (sim, clock, hand) = camera(query);
    (Rig::new(sim, fill).started(), clock, hand)
}

fn ids(rig: &mut Rig<Sim>, n: usize) -> Vec<u64> {
    (0..n).map(|_| rig.grab(LONG).frame().id()).collect()
}

#[test]
fn frames_are_due_at_start_plus_k_periods() {
    // Catches a schedule that counts from the last grab, and so drifts with the host.
    for fill in FILLS {
        let (mut rig, clock, hand) = rig("rate=100", fill);
        let start = clock.now();
        for k in 0..20 {
            let frame = rig.grab(LONG).frame();
            assert_eq!((frame.id(), (clock.now() - start).0), (k, k * 10_000_000), "{fill:?}");
            hand.advance(3 * MS);
        }
    }
}

#[test]
fn device_time_steps_by_the_period_whatever_the_host_does() {
    let (mut rig, _, hand) = rig("rate=1000&drift_ppm=1000", Fill::Copy);
    let a = rig.grab(LONG).frame().meta().device_time.0;
    hand.advance(MS / 2);
    let b = rig.grab(LONG).frame().meta().device_time.0;
    assert_eq!(b - a, 1_001_000);
}

#[test]
fn a_late_host_loses_the_newest_and_sees_a_gap_in_ids() {
    let (mut rig, _, hand) = rig("rate=1000&queue=3", Fill::Copy);
    hand.advance(10 * MS);
    assert_eq!(ids(&mut rig, 3), [0, 1, 2]);
    assert_eq!(ids(&mut rig, 1), [11]);
    assert_eq!((rig.source.overflows(), rig.source.counts().underrun), (8, 0));
}

#[test]
fn a_frame_due_with_no_buffer_is_an_underrun() {
    // Catches underruns that are counted by what is free when asked, not when the frame was due.
    for (query, fill) in [("rate=1000", Fill::Announce), ("rate=1000&queue=8", Fill::Lend)] {
        let (mut rig, _, hand) = rig(query, fill);
        hand.advance(19 * MS);
        let held: Vec<_> = (0..8).map(|_| rig.grab_only(LONG).frame()).collect();
        assert_eq!(held.iter().map(|f| f.id()).collect::<Vec<_>>(), [0, 1, 2, 3, 4, 5, 6, 7]);
        drop(held);
        assert_eq!(ids(&mut rig, 1), [20], "{fill:?}");
        assert_eq!(rig.source.counts().underrun, 12, "{fill:?}");
    }
}

#[test]
fn a_source_that_waits_loses_nothing_however_late_the_host_is() {
    for fill in FILLS {
        let (mut rig, _, hand) = rig("rate=max&frames=40", fill);
        assert!(rig.source.can_wait());
        for id in 0..40 {
            hand.advance(LONG);
            assert_eq!(ids(&mut rig, 1), [id], "{fill:?}");
        }
        assert!(matches!(rig.grab(LONG), Got::End) && matches!(rig.grab(LONG), Got::End));
    }
}

#[test]
fn a_source_that_waits_says_so_when_every_buffer_is_out() {
    for (query, fill) in [("rate=max", Fill::Announce), ("rate=max&queue=8", Fill::Lend)] {
        let (mut rig, clock, _) = rig(query, fill);
        let held: Vec<_> = (0..8).map(|_| rig.grab_only(LONG).frame()).collect();
        let before = clock.now();
        assert_eq!(rig.grab_only(LONG).code(), codes::SIM_NO_BUFFER);
        assert!((clock.now() - before).as_duration() <= MS);
        drop(held);
        assert_eq!(ids(&mut rig, 1), [8], "{fill:?} lost a frame while it waited");
    }
}

#[test]
fn a_grab_waits_exactly_its_time_out() {
    for fill in FILLS {
        let (mut rig, clock, _) = rig("rate=10", fill);
        rig.grab(Duration::ZERO).frame();
        for timeout in [Duration::ZERO, MS, 7 * MS] {
            let before = clock.now();
            assert_eq!(rig.grab(timeout).code(), codes::SIM_TIMEOUT);
            assert_eq!((clock.now() - before).as_duration(), timeout);
        }
    }
}

#[test]
fn stopping_loses_nothing_and_answers_at_once() {
    for fill in FILLS {
        let (mut rig, clock, hand) = rig("rate=1000&queue=16", fill);
        hand.advance(2 * MS);
        rig.source.stop_device().unwrap();
        let stopped = clock.now();
        hand.advance(50 * MS);
        assert_eq!(ids(&mut rig, 3), [0, 1, 2]);
        assert_eq!(rig.grab(LONG).code(), codes::SIM_TIMEOUT);
        assert_eq!((clock.now() - stopped).as_duration(), 50 * MS);
        rig.source.stop_host().unwrap();
        assert_eq!(rig.grab_only(LONG).code(), codes::SIM_CALL_ORDER);
        rig.revoke();
        rig.start();
        assert_eq!(ids(&mut rig, 2), [3, 4], "{fill:?}");
    }
    let (mut rig, clock, _) = rig("rate=max", Fill::Copy);
    rig.source.stop_device().unwrap();
    let before = clock.now();
    assert_eq!(rig.grab(LONG).code(), codes::SIM_TIMEOUT);
    assert_eq!(clock.now(), before);
}

#[test]
fn finished_frames_survive_a_restart_in_another_fill() {
    let (sim, _, hand) = camera("rate=1000");
    let mut copy = Rig::new(sim, Fill::Copy).started();
    hand.advance(2 * MS);
    copy.stop();
    let mut lend = Rig::new(copy.source, Fill::Lend).started();
    assert_eq!(ids(&mut lend, 4), [0, 1, 2, 3]);
}

#[test]
fn starting_wrongly_is_refused() {
    let (mut sim, ..) = camera("fill=copy");
    assert_eq!(sim.start(Fill::Lend).unwrap_err().code, codes::SIM_WRONG_FILL);
    sim.start(Fill::Copy).unwrap();
    assert_eq!(sim.start(Fill::Copy).unwrap_err().code, codes::SIM_CALL_ORDER);
    assert!(sim.keep().is_none());
}

#[test]
fn a_software_trigger_makes_one_frame() {
    for rate in ["max", "100"] {
        let (mut rig, ..) = rig(&format!("rate={rate}&trigger=software&queue=2"), Fill::Copy);
        assert!(!rig.source.can_wait());
        assert_eq!(rig.grab(MS).code(), codes::SIM_TIMEOUT);
        assert_eq!(rig.source.diagnose(), Diagnosis::IdleTrigger);
        (0..3).for_each(|_| rig.source.software_trigger().unwrap());
        assert_eq!(ids(&mut rig, 2), [0, 1]);
        assert_eq!(rig.grab(MS).code(), codes::SIM_TIMEOUT);
        assert_eq!(rig.source.overflows(), 1);
        rig.stop();
        assert_eq!(rig.source.software_trigger().unwrap_err().kind(), ErrorKind::State);
    }
    let (mut sim, ..) = camera("");
    assert_eq!(sim.software_trigger().unwrap_err().kind(), ErrorKind::Config);
}

#[test]
fn external_triggers_pause_and_the_silence_is_explained() {
    let (mut rig, ..) = rig("rate=1000&trigger=external", Fill::Copy);
    assert_eq!(ids(&mut rig, 12), (0..12).collect::<Vec<_>>());
    assert_eq!(rig.grab(5 * MS).code(), codes::SIM_TIMEOUT);
    assert_eq!(rig.source.diagnose(), Diagnosis::IdleTrigger);
    assert_eq!(ids(&mut rig, 1), [12]);
}

#[test]
fn features_change_the_frames_and_are_locked_while_grabbing() {
    let (mut rig, ..) = rig("rate=max", Fill::Copy);
    assert!(rig.source.is_locked_while_grabbing("Width"));
    assert!(!rig.source.is_locked_while_grabbing("AcquisitionFrameRate"));
    let refused = rig.source.set_feature("Width", "64").unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::State);
    ids(&mut rig, 2);
    rig.stop();
    for (name, value) in [("Width", "64"), ("OffsetX", "10"), ("Height", "32"), ("OffsetY", "4")] {
        rig.source.set_feature(name, value).unwrap();
    }
    rig.start();
    let frame = rig.grab(LONG).frame();
    let g = frame.meta().geometry();
    assert_eq!((g.width, g.height, g.offset_x, g.offset_y, frame.id()), (64, 32, 10, 4, 2));
    assert_eq!((frame.payload().len(), read_serial(frame.payload())), (64 * 32, Some(2)));
}

#[test]
fn wrong_features_are_refused_in_one_sentence() {
    let (mut sim, ..) = camera("sensor_width=256&max_format=Mono16");
    for (name, value, says) in [
        ("Width", "300", "width is 300; it must be 1 to 256"),
        ("Width", "wide", "Width is \"wide\""),
        ("OffsetX", "200", "offset_x is 200"),
        ("PixelFormat", "RGB8", "max_format is Mono16"),
        ("PixelFormat", "Grey", "PixelFormat is \"Grey\"; it must be one of"),
        ("AcquisitionFrameRate", "0", "AcquisitionFrameRate is \"0\""),
        ("TriggerMode", "Maybe", "Off or On"),
        ("TriggerSource", "Line9", "Software or Line0"),
        ("Gain", "3", "no feature \"Gain\"; it knows Width"),
    ] {
        let error = sim.set_feature(name, value).unwrap_err().to_string();
        assert!(error.contains(says), "{name}={value}: {error}");
    }
    sim.set_feature("PixelFormat", "Mono16").unwrap();
    assert_eq!(sim.payload_bytes(), 128 * 64 * 2);
    sim.set_feature("TriggerMode", "On").unwrap();
    sim.start(Fill::Copy).unwrap();
    sim.software_trigger().unwrap();
    sim.set_feature("TriggerSource", "Line0").unwrap();
    assert!(sim.software_trigger().is_err());
}

#[test]
fn a_new_rate_holds_at_once() {
    let (mut rig, clock, _) = rig("rate=1", Fill::Copy);
    ids(&mut rig, 1);
    rig.source.set_feature("AcquisitionFrameRate", "1000").unwrap();
    let before = clock.now();
    ids(&mut rig, 10);
    assert!((clock.now() - before).as_duration() < Duration::from_secs(1));
}

#[test]
fn without_stamps_the_payload_is_never_touched() {
    for fill in FILLS {
        let (sim, ..) = camera("stamp=off&rate=max");
        let mut rig = Rig::new(sim, fill).started();
        for id in 0..20 {
            let frame = rig.grab(LONG).frame();
            assert!(frame.id() == id && frame.payload().len() == 8192);
            assert!(frame.payload().iter().all(|b| *b == 0), "{fill:?} wrote");
        }
    }
}

#[test]
fn a_lent_buffer_that_was_written_to_is_renewed_only_on_request() {
    // Catches `refresh` doing nothing; without it, lending must not cost a copy.
    for (refresh, bad) in [("off", true), ("on", false)] {
        let (mut rig, ..) = rig(&format!("rate=max&queue=8&refresh={refresh}"), Fill::Lend);
        let mut frame = rig.grab(LONG).frame();
        frame.payload_mut().unwrap()[100] = 77;
        drop(frame);
        let mut found = false;
        for _ in 0..16 {
            found |= rig.grab(LONG).frame().payload()[100] == 77;
        }
        assert_eq!(found, bad, "refresh={refresh}");
    }
}

#[test]
fn many_sizes_that_exceed_the_memory_are_refused_at_start() {
    let sizes: Vec<_> = (0..20).map(|i| format!("at {i} resize {}x4000", 4000 + i)).collect();
    let uri = format!("sim:?width=64&height=64&faults={}", sizes.join(";"));
    // `stamp=off` needs no pictures, so the same script is then allowed.
    assert!(Sim::from_uri(&format!("{uri}&stamp=off")).is_ok());
    let large = SimConfig { width: 20_000, height: 10_000, ..SimConfig::default() };
    assert_eq!(Sim::new(large).unwrap_err().kind(), ErrorKind::Memory);
}

#[test]
fn setting_the_region_ends_a_drift() {
    // Catches a restart that goes on with the drifted size after the host has set its own.
    let (mut rig, ..) = rig("rate=max&faults=at 0 drift 64x64", Fill::Lend);
    assert_eq!(rig.grab(MS).code(), codes::SIM_TIMEOUT);
    rig.stop();
    rig.source.set_feature("Width", "32").unwrap();
    rig.start();
    assert_eq!(rig.grab(MS).frame().payload().len(), 32 * 64);
}
