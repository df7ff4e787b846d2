//! The cameras that Aravis makes up itself (`Fake_1`): no network, no root.

use super::{Checked, SOON, assert_well, ended, is_installed, line, util};
use frameline::ErrorKind;
use frameline::buffer::{Frame, FrameMut, Pool, PoolConfig};
use frameline::fault::FaultClass;
use frameline::pipeline::StageSpec;
use frameline::sdk::aravis::Aravis;
use frameline::source::{Fill, Grab, Source};
use std::time::Duration;
use util::{Notes, pass, until, watched};

pub fn camera(query: &str) -> Aravis {
    Aravis::from_uri(&format!("aravis:Fake_1?{query}")).unwrap()
}

/// Catches: frames that land elsewhere than in the line's slots, and ids that break off where 65535 is followed
/// by 1.
#[test]
fn frames_come_into_our_slots_and_ids_go_on() {
    if !is_installed() {
        return;
    }
    watched(|| {
        let (checked, notes) = (Checked::default(), Notes::default());
        let end = ended(
            line(camera("Width=128&Height=96&AcquisitionFrameRate=500"))
                .configure(|c| c.capture.frames = Some(300))
                .stage(StageSpec::new("checked").ring(20), checked.stage())
                .stage("notes", notes.stage())
                .start()
                .unwrap(),
        );
        assert_eq!((checked.torn(), checked.incomplete()), (0, 0));
        assert_eq!(checked.whole(), end.frames.delivered);
        notes.assert_order("over the wrap");
        let ids = notes.ids();
        assert!(ids[0] <= 65_535 && ids[ids.len() - 1] > 65_535, "they wrapped: {ids:?}");
        assert_eq!(end.frames.lost_by_device, 0, "a wrap is no loss");
    });
}

/// Catches: a range that nobody tells, a slip of a name that is written nowhere, a value that is taken for 0.
#[test]
fn refusals_say_what_could_be() {
    if !is_installed() {
        return;
    }
    let mut camera = camera("");
    for (name, value, says) in [
        ("Width", "99999", "it can be 1 to 2048"),
        ("Width", "wide", "must be a whole number"),
        ("PixelFormat", "Mono9", "Mono8"),
        ("Colour", "red", "no feature \"Colour\""),
        ("AcquisitionFrameRate", "fast", "must be a number"),
        ("AcquisitionStart", "7", "it is a command"),
    ] {
        let e = camera.set_feature(name, value).expect_err(name);
        let text = e.to_string();
        assert!(text.contains(says) && !text.contains('\n'), "{name}={value}: {text}");
        assert_eq!(e.kind(), ErrorKind::Config);
    }
    camera.set_feature("PixelFormat", "Mono16").unwrap();
    assert_eq!(camera.payload_bytes(), 512 * 512 * 2, "a stopped camera is asked again");
    assert!(camera.max_payload_bytes() >= 2048 * 2048 * 2);
}

/// Catches: a region that is changed while frames of the old one are on their way.
#[test]
fn a_region_changes_in_a_reset() {
    if !is_installed() {
        return;
    }
    watched(|| {
        let checked = Checked::default();
        let running = line(camera("Width=64&Height=64&AcquisitionFrameRate=500"))
            .stage(StageSpec::new("checked").ring(20), checked.stage())
            .start()
            .unwrap();
        until("frames come", || checked.whole() > 5);
        running.handle().set_feature("ExposureTimeAbs", "10000", SOON).unwrap();
        assert_eq!(running.snapshot().resets.len(), 0, "nothing stopped for it");
        running.handle().set_feature("Width", "1024", SOON).unwrap();
        until("the reset is told", || running.snapshot().resets.len() == 1);
        let before = checked.whole();
        until("frames come again", || checked.whole() > before + 5);
        let end = running.stop(SOON);
        assert_well(&end);
        assert!(end.resets[0].ok && checked.torn() == 0, "{:?}", end.resets);
    });
}

/// Catches: a camera that is opened again with its power-on settings.
#[test]
fn what_was_set_is_set_again() {
    if !is_installed() {
        return;
    }
    let mut camera = camera("Width=320");
    camera.set_feature("Height", "240").unwrap();
    camera.reopen().unwrap();
    let g = camera.geometry();
    assert_eq!((g.width, g.height), (320, 240));
    assert!(camera.info().uri.starts_with("aravis:Fake_1?Width=320"), "{}", camera.info().uri);
}

/// Catches: slots that are held counted as nothing, and frames that come when they are back refused.
#[test]
fn frames_that_find_no_slot_are_underruns() {
    if !is_installed() {
        return;
    }
    watched(|| {
        let mut source = camera("Width=64&Height=64&AcquisitionFrameRate=500");
        let config = PoolConfig { lock: false, ..PoolConfig::new(4, 1 << 16) };
        let mut pool = Pool::new(config, Default::default()).unwrap();
        while let Some(frame) = pool.take() {
            source.queue(frame);
        }
        source.start(Fill::Announce).unwrap();
        let grab = |source: &mut Aravis| match source.grab_queued(Duration::from_secs(20)) {
            (Some(frame), Grab::Filled { .. }) => frame,
            other => panic!("{other:?}"),
        };
        let mut held: Vec<FrameMut> = (0..4).map(|_| grab(&mut source)).collect();
        let (none, timeout) = source.grab_queued(Duration::from_millis(50));
        let Grab::Fault(fault) = timeout else { panic!("{timeout:?}") };
        assert!(none.is_none() && source.codes().classify(fault.code) == FaultClass::Timeout);
        source.queue(held.pop().unwrap());
        drop(grab(&mut source));
        assert!(source.counts().underrun > 0, "{:?}", source.counters());
        source.stop_device().unwrap();
        let at_stop = source.counts().underrun;
        source.stop_host().unwrap();
        source.revoke(&mut |frame| pool.put_back(frame));
        assert_eq!(source.counts().underrun, at_stop);
        assert_eq!(source.rejected_deliveries(), 0);
        drop::<Vec<Frame>>(held.into_iter().map(FrameMut::filled).collect());
    });
}

/// Catches: a made-up camera in the list of cameras, or its interface in the way of another.
#[test]
fn two_lines_at_once() {
    if !is_installed() {
        return;
    }
    watched(|| {
        let query = "Width=64&Height=64&AcquisitionFrameRate=500";
        let run = || {
            line(camera(query))
                .configure(|c| c.capture.frames = Some(50))
                .stage("pass", pass())
                .start()
                .unwrap()
        };
        let lines = [run(), run()];
        for line in lines {
            assert_eq!(ended(line).frames.invalid, 0);
        }
    });
}
