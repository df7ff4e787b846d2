//! EMVA's simulator, which nobody here wrote: it writes past small buffers, and crashes when one stream is used twice.
//!
//! Only where `FRAMELINE_TLSIMU` names `TLSimu.cti` (`tools/test tlsimu` fetches it): it has been seen to take its
//! process with it. Each test has a camera of its own.

use super::{SOON, assert_well, ended, line, util};
use frameline::buffer::{FrameMut, Pool, PoolConfig};
use frameline::pipeline::{Line, StageSpec};
use frameline::sdk::gentl::Gentl;
use frameline::source::{Fill, Grab, Source};
use std::time::Duration;
use util::{Notes, anomaly, pass, until, watched};

/// A camera of the simulator; `None`, with a line: it is not here.
fn camera(serial: &str, query: &str) -> Option<Gentl> {
    let Some(path) = std::env::var_os("FRAMELINE_TLSIMU") else {
        eprintln!("skipped: FRAMELINE_TLSIMU names no TLSimu.cti");
        return None;
    };
    let uri = format!("gentl:{}?serial={serial}&{query}", path.display());
    Some(Gentl::from_uri(&uri).unwrap())
}

fn pool(slots: usize, bytes: usize) -> Pool {
    let config = PoolConfig { headroom: 1.0, lock: false, ..PoolConfig::new(slots, bytes) };
    Pool::new(config, Default::default()).unwrap()
}

/// Catches: a payload larger than its buffer that lands in a neighbour's frame, or that nobody notices.
#[test]
fn an_overrun_lands_in_the_moat_and_is_named() {
    const SAID: usize = 150_000; // A frame has 512 x 512 bytes.
    watched(|| {
        let Some(mut source) = camera("SN_InterfaceA_0", &format!("payload={SAID}")) else {
            return;
        };
        let mut pool = pool(24, SAID);
        let (mut neighbours, all): (Vec<FrameMut>, Vec<FrameMut>) =
            std::iter::from_fn(|| pool.take()).partition(|f| f.slot_index() % 2 == 1);
        neighbours.iter_mut().for_each(|f| f.buffer_mut().fill(0xA5));
        all.into_iter().for_each(|f| source.queue(f));
        source.start(Fill::Announce).unwrap();
        let mut came = Vec::new();
        until("frames come", || {
            let (frame, grab) = source.grab_queued(Duration::from_millis(100));
            if let (Some(frame), Grab::Filled { reported_bytes }) = (frame, grab) {
                assert!(
                    reported_bytes > frame.capacity() as u64,
                    "it says what it wrote: {reported_bytes}"
                );
                assert!(pool.check_canary(&frame).is_err(), "and the canary saw it");
                came.push(frame);
            }
            came.len() >= 6
        });
        source.stop_device().unwrap();
        source.stop_host().unwrap();
        source.revoke(&mut |frame| pool.put_back(frame));
        assert!(neighbours.iter_mut().all(|f| f.buffer_mut().iter().all(|b| *b == 0xA5)));

        // The same on a line: counted by name, the slot not used again, every frame accounted for.
        drop(source);
        let Some(source) = camera("SN_InterfaceA_0", &format!("payload={SAID}")) else { return };
        let mut running = Line::builder(source)
            .configure(|c| {
                c.pool.lock = false;
                c.pool.headroom = 1.0;
                c.capture.duration = Some(Duration::from_secs(3));
            })
            .stage(StageSpec::new("pass").ring(20), pass())
            .start()
            .unwrap();
        assert!(running.wait(util::PATIENCE));
        let end = running.stop(SOON);
        util::assert_balanced(&end);
        assert!(anomaly(&end, "canary_overrun") > 0, "{:?}", end.anomalies);
        assert_eq!(end.frames.delivered, 0, "none of those frames is believed: {:?}", end.frames);
    });
}

/// Catches: a region that changes under a running stream, and a crash when the reset uses one stream again.
#[test]
fn a_region_is_changed_in_a_reset() {
    watched(|| {
        let Some(source) = camera("SN_InterfaceA_1", "") else { return };
        let (notes, width) = (Notes::default(), source.geometry().width);
        let running =
            line(source).stage(StageSpec::new("notes").ring(100), notes.stage()).start().unwrap();
        let handle = running.handle();
        for (round, width) in [width + 128, width - 64, width].into_iter().enumerate() {
            let before = notes.len();
            until("frames come", || notes.len() > before + 5);
            handle.set_feature("Width", &width.to_string(), SOON).unwrap();
            until("the reset is told", || running.snapshot().resets.len() == round + 1);
        }
        let before = notes.len();
        until("frames come again", || notes.len() > before + 5);
        let end = running.stop(SOON);
        assert_well(&end);
        assert!(end.resets.iter().all(|r| r.ok), "{:?}", end.resets);
        notes.assert_order("TLSimu");
    });
}

/// Catches: a start that failed and leaves its mark on the next one: a stream that was used for the failed start is used again
/// (TLSimu then delivers buffers twice: tlsimu_used_again.rs shows it), a frame that is lost or comes twice, a rejection that nobody
/// should see. (That what is delivered twice is rejected and counted: `faults::a_buffer_delivered_twice_is_taken_once`.)
#[test]
fn a_failed_start_leaves_no_duplicate() {
    watched(|| {
        let Some(mut source) = camera("SN_InterfaceB_0", "") else { return };
        let mut pool = pool(16, source.payload_bytes());
        let mut take = |source: &mut Gentl, n: usize| {
            for _ in 0..n {
                source.queue(pool.take().expect("a slot"));
            }
        };
        take(&mut source, 2);
        assert_eq!(source.start(Fill::Announce).unwrap_err().code, -1013, "too few are announced");
        take(&mut source, 10);
        source.start(Fill::Announce).unwrap();
        let (mut ids, mut kept) = (Vec::new(), Vec::new());
        until("frames come", || {
            let (frame, _) = source.grab_queued(Duration::from_millis(100));
            if let Some(frame) = frame {
                ids.push(frame.meta().frame_id);
                kept.push(frame);
            }
            ids.len() >= 8
        });
        assert!(ids.windows(2).all(|pair| pair[1] == pair[0] + 1), "{ids:?}");
        let mut slots: Vec<_> = kept.iter().map(FrameMut::slot_index).collect();
        slots.sort_unstable();
        slots.dedup();
        assert_eq!((slots.len(), source.rejected_deliveries()), (kept.len(), 0));
        let mut told = 0;
        source.take_faults(&mut |_, _, times| told += times);
        assert_eq!(told, 0, "nothing was refused on the way");
        source.stop_device().unwrap();
        source.stop_host().unwrap();
        source.revoke(&mut drop);
    });
}

/// Catches: a frame that nobody counts, over a longer run (`FRAMELINE_TLSIMU_FRAMES`, 3000 where nobody says).
#[test]
fn many_frames_balance() {
    watched(|| {
        let Some(source) = camera("SN_InterfaceB_1", "") else { return };
        let said = std::env::var("FRAMELINE_TLSIMU_FRAMES").ok();
        let frames = said.and_then(|n| n.parse().ok()).unwrap_or(3000);
        let notes = Notes::default();
        let end = ended(
            line(source)
                .configure(|c| c.capture.frames = Some(frames))
                .stage(StageSpec::new("notes").ring(100), notes.stage())
                .start()
                .unwrap(),
        );
        assert!(end.frames.grabbed >= frames, "{:?}", end.frames);
        notes.assert_order("TLSimu");
        eprintln!("{:?}", end.frames);
    });
}
