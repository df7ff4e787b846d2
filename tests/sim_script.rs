//! Every action of the fault script, in every way of filling that it concerns, in simulated time.

#[path = "conformance/rig.rs"]
mod rig;

use frameline::buffer::Frame;
use frameline::clock::{Clock, ManualClock};
use frameline::fault::Fault;
use frameline::meta::FrameStatus;
use frameline::sim::{Pattern, Sim, SimConfig, codes, read_serial};
use frameline::source::{Diagnosis, Fill, Source};
use rig::{Got, Rig};
use std::time::Duration;

const FILLS: [Fill; 3] = [Fill::Copy, Fill::Announce, Fill::Lend];
const MS: Duration = Duration::from_millis(1);
const LONG: Duration = Duration::from_secs(3600);
/// Bytes of a frame at start.
const IMAGE: usize = 128 * 64;

fn rig(query: &str, fill: Fill) -> (Rig<Sim>, Clock, ManualClock) {
    let config = SimConfig::from_uri(&format!("sim:?width=128&height=64&{query}")).unwrap();
    let (clock, hand) = Clock::manual();
    let sim = Sim::in_manual_time(config, clock.clone(), hand.clone()).unwrap();
    (Rig::new(sim, fill).started(), clock, hand)
}

fn ids(rig: &mut Rig<Sim>, n: usize) -> Vec<u64> {
    (0..n).map(|_| rig.grab(LONG).frame().id()).collect()
}

/// Checks a whole image with a pattern of its own.
fn serial_of(frame: &Frame) -> u64 {
    let pattern = Pattern::new(&frame.meta().geometry(), 0).unwrap();
    pattern.check(None, frame.image()).unwrap()
}

#[test]
fn timeout_answers_so_often_and_loses_no_frame() {
    for rate in ["max", "1000"] {
        let (mut rig, clock, _) =
            rig(&format!("rate={rate}&queue=1&faults=at 2 timeout 3"), Fill::Copy);
        assert_eq!(ids(&mut rig, 2), [0, 1]);
        for _ in 0..3 {
            let before = clock.now();
            assert_eq!(rig.grab(20 * MS).code(), codes::SIM_TIMEOUT);
            assert!((clock.now() - before).as_duration() >= 20 * MS);
        }
        assert_eq!(ids(&mut rig, 3), [2, 3, 4], "rate={rate}");
    }
}

#[test]
fn stall_blocks_beyond_the_time_out() {
    let (mut rig, clock, _) = rig("rate=max&faults=at 0 stall 250", Fill::Copy);
    assert_eq!(rig.grab(10 * MS).code(), codes::SIM_TIMEOUT);
    assert_eq!(clock.now().0, 260_000_000);
    assert_eq!(ids(&mut rig, 2), [0, 1]);
}

#[test]
fn fail_answers_the_raw_code_once() {
    for fill in FILLS {
        let (mut rig, ..) = rig("rate=max&faults=at 1 fail 0x80000206", fill);
        assert_eq!(ids(&mut rig, 1), [0]);
        assert_eq!(rig.grab(MS).code(), 0x8000_0206);
        assert_eq!(ids(&mut rig, 2), [1, 2]);
    }
}

#[test]
fn burst_makes_frames_due_at_once() {
    let (mut rig, clock, _) = rig("rate=1000&queue=8&faults=at 2 burst 4", Fill::Copy);
    ids(&mut rig, 3);
    let at = clock.now();
    assert_eq!(ids(&mut rig, 3), [3, 4, 5]);
    assert_eq!(clock.now(), at);
    ids(&mut rig, 1);
    assert_eq!((clock.now() - at).as_duration(), MS);
}

#[test]
fn lose_leaves_a_gap_in_ids() {
    for (rate, fill) in FILLS.into_iter().flat_map(|f| [("max", f), ("1000", f)]) {
        let (mut rig, ..) = rig(&format!("rate={rate}&faults=at 2 lose 3"), fill);
        assert_eq!(ids(&mut rig, 4), [0, 1, 5, 6]);
        assert_eq!(rig.source.counts().underrun, 0);
    }
}

#[test]
fn duplicate_brings_the_same_frame_twice_and_reorder_swaps_two() {
    for (rate, fill) in FILLS.into_iter().flat_map(|f| [("max", f), ("1000", f)]) {
        let faults = "at 1 duplicate;at 3 reorder;at 6 lose;at 5 reorder";
        let (mut rig, ..) = rig(&format!("rate={rate}&frames=9&faults={faults}"), fill);
        let mut got = Vec::new();
        while let Got::Frame(frame, _) = rig.grab(LONG) {
            assert_eq!(serial_of(&frame), frame.id());
            got.push(frame.id());
        }
        // 5 waits for the next frame that comes at all.
        assert_eq!(got, [0, 1, 1, 2, 4, 3, 7, 5, 8], "{fill:?} at {rate}");
    }
}

#[test]
fn a_frame_held_back_is_not_lost_at_a_stop_or_at_the_end() {
    let (mut stopped, ..) = rig("rate=1000&faults=at 1 reorder", Fill::Copy);
    ids(&mut stopped, 1);
    assert_eq!(stopped.grab(MS + MS / 2).code(), codes::SIM_TIMEOUT);
    stopped.source.stop_device().unwrap();
    assert_eq!(ids(&mut stopped, 1), [1]);
    let (mut ended, ..) = rig("rate=max&frames=2&faults=at 1 reorder", Fill::Copy);
    assert_eq!(ids(&mut ended, 2), [0, 1]);
    assert!(matches!(ended.grab(LONG), Got::End));
}

#[test]
fn incomplete_marks_the_frame_and_writes_only_its_part() {
    for fill in FILLS {
        let (mut rig, ..) = rig("rate=max&faults=every 1 from 1 to 1 incomplete 0.25", fill);
        ids(&mut rig, 1);
        let Got::Frame(frame, reported) = rig.grab(LONG) else { panic!("no frame") };
        assert_eq!((frame.meta().status, reported), (FrameStatus::Incomplete, IMAGE as u64 / 4));
        let pattern = Pattern::new(&frame.meta().geometry(), 0).unwrap();
        assert_eq!(pattern.check_part(None, frame.payload()), Ok(Some(1)));
        drop(frame);
        for serial in 2..40 {
            // Catches a lent buffer that is taken for whole after half a frame was written to it.
            assert_eq!(serial_of(&rig.grab(LONG).frame()), serial, "{fill:?}");
        }
    }
}

#[test]
fn sizes_are_misreported_as_asked() {
    for fill in FILLS {
        let faults = "at 0 short 10;at 1 long 100;at 2 lie 1000000000;at 3 short 1000000";
        let (mut rig, ..) = rig(&format!("rate=max&faults={faults}"), fill);
        for want in [IMAGE - 10, IMAGE + 100, IMAGE + 1_000_000_000, 0, IMAGE] {
            let Got::Frame(frame, reported) = rig.grab(LONG) else { panic!("no frame") };
            assert_eq!((reported, frame.meta().status), (want as u64, FrameStatus::Complete));
            assert_eq!(frame.image().len(), want.min(IMAGE), "what is lied is clipped");
        }
    }
}

#[test]
fn overrun_is_told_by_the_canary_and_spares_the_neighbour() {
    let (mut rig, ..) = rig("rate=max&faults=at 1 overrun 100", Fill::Copy);
    let mut first = rig.pool.take().unwrap();
    let mut second = rig.pool.take().unwrap();
    let next = rig.pool.take().unwrap();
    rig.source.grab_into(&mut first, LONG);
    rig.source.grab_into(&mut second, LONG);
    assert!(rig.pool.check_canary(&first).is_ok() && rig.pool.check_canary(&next).is_ok());
    // The canary is 64 bytes long and the moat begins a page later.
    assert!(rig.pool.check_canary(&second).unwrap_err().at_least_bytes >= 64);
    for frame in [first, second, next] {
        rig.pool.put_back(frame);
    }
}

#[test]
fn resize_waits_for_a_buffer_that_is_large_enough() {
    for fill in [Fill::Copy, Fill::Announce] {
        let (mut small, ..) = rig("rate=max&fill=auto&faults=at 2 resize 256x128 Mono16", fill);
        let need = 256 * 128 * 2;
        // A pool for the size at start only.
        small.stop();
        let mut small = Rig::with_slots(small.source, fill, IMAGE).started();
        assert_eq!(ids(&mut small, 2), [0, 1]);
        for _ in 0..3 {
            let Got::Fault(fault) = small.grab(LONG) else { panic!("it does not fit") };
            assert_eq!(fault, Fault { code: codes::SIM_BUFFER_TOO_SMALL, detail: need as u64 });
        }
        assert_eq!(small.source.payload_bytes(), need);
        small.stop();
        assert!(small.pool.census().all_home());
        let mut large = Rig::with_slots(small.source, fill, need).started();
        for serial in 2..12 {
            let frame = large.grab(LONG).frame();
            assert_eq!((frame.payload().len(), serial_of(&frame)), (need, serial), "{fill:?}");
        }
    }
}

#[test]
fn a_larger_buffer_in_the_queue_serves_where_the_first_is_too_small() {
    let (idle, ..) = rig("rate=max&faults=at 0 resize 256x128", Fill::Announce);
    let mut small = { idle };
    small.stop();
    let mut rig = Rig::with_slots(small.source, Fill::Announce, IMAGE).started();
    assert_eq!(rig.grab(MS).code(), codes::SIM_BUFFER_TOO_SMALL);
    let config = frameline::buffer::PoolConfig::new(20, 256 * 128);
    let mut large = frameline::buffer::Pool::new(config, Default::default()).unwrap();
    let taken: Vec<_> = (0..20).map(|_| large.take().unwrap()).collect();
    // One whose slot index no small buffer has.
    taken.into_iter().skip(19).for_each(|frame| rig.source.queue(frame));
    let (frame, _) = rig.source.grab_queued(MS);
    assert_eq!(frame.unwrap().meta().frame_id, 0);
}

#[test]
fn resize_while_lending_only_changes_the_frames() {
    let faults = "at 3 resize 256x128;at 20 resize 64x64 BayerRG8;at 40 resize 128x64";
    let (mut rig, ..) = rig(&format!("rate=max&faults={faults}"), Fill::Lend);
    for serial in 0..60 {
        let frame = rig.grab(LONG).frame();
        let width = [128, 256, 64, 128][[3, 20, 40].iter().filter(|n| **n <= serial).count()];
        assert_eq!((serial_of(&frame), frame.meta().width), (serial, width));
    }
}

#[test]
fn drift_is_silent_until_a_restart_and_is_diagnosed() {
    for (rate, next) in [("max", 2), ("1000", 12)] {
        let (mut rig, ..) = rig(&format!("rate={rate}&faults=at 2 drift 256x128"), Fill::Copy);
        ids(&mut rig, 2);
        for _ in 0..2 {
            assert_eq!(rig.grab(5 * MS).code(), codes::SIM_TIMEOUT);
        }
        let payload_bytes = 256 * 128;
        assert_eq!(rig.source.diagnose(), Diagnosis::FormatDrift { payload_bytes });
        assert_eq!(rig.source.payload_bytes() as u64, payload_bytes);
        rig.stop();
        rig.start();
        let frame = rig.grab(LONG).frame();
        assert_eq!((serial_of(&frame), frame.meta().width), (next, 256), "rate={rate}");
        assert_eq!(rig.source.diagnose(), Diagnosis::Unclear);
    }
}

#[test]
fn disconnect_is_lost_until_it_is_back_and_reopened() {
    for (rate, next) in [("max", 2), ("1000", 103)] {
        for fill in FILLS {
            let faults = format!("rate={rate}&faults=at 2 disconnect 100");
            let (mut rig, _, hand) = rig(&faults, fill);
            ids(&mut rig, 2);
            assert_eq!(rig.grab(LONG).code(), codes::SIM_LOST);
            assert_eq!(rig.grab(LONG).code(), codes::SIM_LOST);
            assert_eq!(rig.source.diagnose(), Diagnosis::Lost);
            rig.stop();
            assert_eq!(rig.source.start(fill).unwrap_err().code, codes::SIM_LOST);
            assert!(rig.source.set_feature("Width", "64").is_err());
            assert_eq!(rig.source.reopen().unwrap_err().code, codes::SIM_LOST);
            hand.advance(100 * MS);
            rig.source.reopen().unwrap();
            hand.advance(500 * MS);
            rig.start();
            assert_eq!(ids(&mut rig, 2), [next, next + 1], "{fill:?} at {rate}");
            assert_eq!(rig.source.diagnose(), Diagnosis::Unclear);
        }
    }
}

#[test]
fn a_device_that_is_gone_still_hands_out_what_it_had_made() {
    let (mut rig, _, hand) = rig("rate=1000&faults=at 3 disconnect", Fill::Copy);
    hand.advance(10 * MS);
    assert_eq!(ids(&mut rig, 3), [0, 1, 2]);
    assert_eq!(rig.grab(LONG).code(), codes::SIM_LOST);
}

#[test]
fn double_delivery_of_a_buffer_is_rejected() {
    let (mut rig, ..) = rig("rate=max&faults=every 2 double", Fill::Announce);
    assert_eq!(ids(&mut rig, 10), (0..10).collect::<Vec<_>>());
    assert_eq!(rig.source.rejected_deliveries(), 5);
    assert!(rig.pool.census().is_conserved());
}

#[test]
fn a_long_bad_day_accounts_for_every_frame() {
    // Catches an interplay of actions that loses a frame without a trace, or a buffer.
    let faults = "random 0.05 timeout;random 0.05 lose 2;random 0.05 incomplete;random 0.05 fail 9;\
                  random 0.05 reorder;random 0.05 double;random 0.02 stall 1;every 97 disconnect 3;\
                  every 83 resize 64x64;every 89 resize 128x64;every 151 drift 64x32";
    for fill in FILLS {
        let (mut rig, _, hand) = rig(&format!("rate=max&frames=3000&seed=5&faults={faults}"), fill);
        let mut ids = Vec::new();
        loop {
            match rig.grab(MS) {
                Got::Frame(frame, _) => {
                    let pattern = Pattern::new(&frame.meta().geometry(), 5).unwrap();
                    let serial = pattern.check_part(None, frame.image()).unwrap();
                    assert_eq!(serial, Some(frame.id()));
                    ids.push(frame.id());
                }
                Got::End => break,
                Got::Fault(Fault { code: codes::SIM_LOST, .. }) => {
                    rig.stop();
                    hand.advance(3 * MS);
                    rig.source.reopen().unwrap();
                    rig.start();
                }
                Got::Fault(_) => {
                    if let Diagnosis::FormatDrift { .. } = rig.source.diagnose() {
                        rig.stop();
                        rig.start();
                    }
                }
            }
        }
        ids.sort_unstable();
        assert!(ids.windows(2).all(|w| w[0] < w[1]) && ids.len() > 2500, "{}", ids.len());
        rig.stop();
        assert!(rig.pool.census().all_home(), "{fill:?}");
    }
}

#[test]
fn read_serial_needs_neither_seed_nor_geometry() {
    let (mut rig, ..) = rig("rate=max&seed=99", Fill::Copy);
    assert_eq!(read_serial(rig.grab(LONG).frame().payload()), Some(0));
    assert_eq!(read_serial(rig.grab(LONG).frame().payload()), Some(1));
}
