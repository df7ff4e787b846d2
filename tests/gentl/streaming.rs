//! Frames: whole, counted, with what comes beside the image; triggers, changes while the line runs.

use super::fakegentl::Fake;
use super::{Checked, SMALL, SOON, WHOLE_RUN, assert_well, camera, ended, line, util};
use frameline::buffer::Frame;
use frameline::pipeline::StageSpec;
use frameline::stage::{Flow, StageContext};
use std::sync::{Arc, Mutex};
use util::{Notes, pass, until, watched};

/// Catches: a byte that is not the camera's, a frame that nobody counts, an optional answer that is needed.
#[test]
fn every_kind_of_producer_streams_whole_frames() {
    watched(|| {
        for producer in [
            "",
            "producer stacked=0;",
            "producer stacked=0 talkative=0 min=1;",
            "producer zip=0 align=4096;",
        ] {
            for defines in [0, 1] {
                let fake = Fake::new(&format!("{producer}{SMALL} defines={defines}"));
                let (checked, notes) = (Checked::default(), Notes::default());
                let end = ended(
                    line(camera(&fake, "Width=128&Height=64"))
                        .configure(|c| c.capture.frames = Some(150))
                        .stage(StageSpec::new("checked").ring(WHOLE_RUN), checked.stage())
                        .stage("notes", notes.stage())
                        .start()
                        .unwrap(),
                );
                assert_eq!(
                    (end.frames.delivered, checked.torn()),
                    (150, 0),
                    "{producer}: {:?}",
                    end.frames
                );
                assert_eq!(checked.whole(), 150);
                notes.assert_order(producer);
                assert_eq!(fake.calls("DSClose"), fake.calls("DevOpenDataStream"), "all closed");
                assert_eq!(fake.calls("DSRevokeBuffer"), fake.calls("DSAnnounceBuffer"));
            }
        }
    });
}

/// Catches: one call of the producer for each question, where one would do.
#[test]
fn one_call_asks_all_about_a_frame() {
    watched(|| {
        let fake = Fake::new(SMALL);
        let end = ended(
            line(camera(&fake, ""))
                .configure(|c| c.capture.frames = Some(100))
                .stage(StageSpec::new("pass").ring(WHOLE_RUN), pass())
                .start()
                .unwrap(),
        );
        let asked = fake.calls("DSGetBufferInfoStacked");
        assert!(asked as u64 >= end.frames.grabbed, "{asked}");
        assert_eq!(fake.calls("DSGetBufferInfo"), 0);
    });
}

/// Catches: chunk data taken for pixels, or thrown away; parts of a payload that nobody can find.
#[test]
fn chunks_and_parts_come_with_their_frame() {
    watched(|| {
        type Beside = (u64, Option<Vec<u8>>, u32, Option<Vec<u8>>, Option<Vec<u8>>, usize, bool);
        const CHUNKS: &str = "ChunkModeActive=true";
        const BOTH: &str = "MultiPartActive=true&ChunkModeActive=true";
        // What lies before the image, if anything does: nobody may see a difference.
        for (query, lead) in [
            (CHUNKS, "image"),
            (BOTH, "image"),
            (CHUNKS, "chunks"),
            (BOTH, "chunks"),
            (BOTH, "part"),
            ("MultiPartActive=true", "part"),
            ("", "chunks"),
        ] {
            let fake = Fake::new(&format!("{SMALL} lead={lead}"));
            let seen: Arc<Mutex<Vec<Beside>>> = Arc::default();
            let see = seen.clone();
            let look = util::act(move |f: &mut Frame, _: &mut StageContext<'_>| {
                see.lock().unwrap().push((
                    f.id(),
                    f.chunk_bytes().map(<[u8]>::to_vec),
                    f.beside().part_count,
                    f.part_bytes(0).map(<[u8]>::to_vec),
                    f.part_bytes(1).map(<[u8]>::to_vec),
                    f.image().len(),
                    Fake::is_of(f.id(), f.image()) && f.row(99) == f.image().get(99 * 160..),
                ));
                Ok(Flow::Pass)
            });
            let end = ended(
                line(camera(&fake, query))
                    .configure(|c| c.capture.frames = Some(20))
                    .stage(StageSpec::new("look").ring(WHOLE_RUN), look)
                    .start()
                    .unwrap(),
            );
            assert!(end.faults.iter().all(|f| f.code == -1011), "{query}: {:?}", end.faults);
            let seen = seen.lock().unwrap();
            assert_eq!((seen.len(), end.frames.delivered), (20, 20), "{query} {lead}");
            for (id, chunks, parts, first, second, image, is_its_own) in seen.iter() {
                assert_eq!((*image, *is_its_own), (160 * 100, true), "{query} {lead}");
                let [first, second] =
                    if lead == "part" { [second, first] } else { [first, second] };
                if query.contains("Chunk") {
                    let chunks = chunks.as_ref().expect("chunks");
                    assert_eq!(chunks[..8], id.to_le_bytes());
                    assert_eq!(chunks[8..], 5000.0_f64.to_le_bytes());
                } else {
                    assert_eq!(*chunks, None, "none is left of another frame");
                }
                if query.contains("Multi") {
                    assert_eq!(*parts, 2);
                    assert!(Fake::is_of(*id, first.as_ref().expect("the image")));
                    assert_eq!(second.as_deref(), Some(&[0x5A; 80 * 50][..]));
                } else {
                    assert_eq!((*parts, first), (0, &None));
                }
            }
        }
    });
}

/// Catches: a camera that waits for its trigger, taken for a lost one; a trigger that is not passed on.
#[test]
fn a_triggered_camera_waits_and_answers() {
    watched(|| {
        let fake = Fake::new(SMALL);
        let checked = Checked::default();
        let running = line(camera(&fake, "trigger=software"))
            .stage(StageSpec::new("checked").ring(WHOLE_RUN), checked.stage())
            .start()
            .unwrap();
        until("the silence is diagnosed", || {
            running.snapshot().diagnoses.iter().any(|d| d.verdict == "idle-trigger")
        });
        for n in 1..=20 {
            running.handle().software_trigger(SOON).unwrap();
            until("its frame comes", || checked.whole() == n);
        }
        let end = running.stop(SOON);
        assert_well(&end);
        assert_eq!((end.frames.delivered, end.reconnects.len(), end.resets.len()), (20, 0, 0));
    });
}

/// Catches: a region that is changed under a running stream; slots that stay too small; a data stream that is used again.
#[test]
fn a_region_is_changed_in_a_reset_with_a_new_stream() {
    watched(|| {
        let fake = Fake::new("camera A size=640x480 fps=500 patient=1");
        let checked = Checked::default();
        let running = line(camera(&fake, "Width=64&Height=32"))
            .stage(StageSpec::new("checked").ring(WHOLE_RUN), checked.stage())
            .start()
            .unwrap();
        let handle = running.handle();
        until("frames come", || checked.whole() > 20);
        handle.set_feature("ExposureTime", "1500", SOON).unwrap();
        assert_eq!(running.snapshot().resets.len(), 0, "nothing stopped for it");
        handle.set_feature("Width", "640", SOON).unwrap();
        handle.set_feature("Height", "480", SOON).unwrap();
        let before = checked.whole();
        until("frames come again", || checked.whole() > before + 20);
        let end = running.stop(SOON);
        assert_well(&end);
        assert_eq!((end.resets.len(), checked.torn()), (2, 0), "{:?}", end.resets);
        assert_eq!(fake.calls("DevOpenDataStream"), 3, "one for each start");
        assert_eq!(fake.calls("DSClose"), 3);
        // All frames had a buffer or are counted.
        assert_eq!(end.frames.lost_by_device, 0, "{:?}", end.frames);
    });
}

/// Catches: an underrun that is blamed on the camera or the network. // aravis#849
#[test]
fn underruns_are_named() {
    watched(|| {
        let fake = Fake::new("camera A size=64x32 fps=2000");
        let gate = util::Gate::default();
        let running = line(camera(&fake, "buffers=3"))
            .configure(|c| c.pool.slots = Some(8))
            .stage(StageSpec::new("gated").ring(2), util::Gated(gate.clone()))
            .start()
            .unwrap();
        until("the producer has run dry", || {
            fake.calls("DSGetInfo") > 0 && running.snapshot().frames.refused > 0
        });
        gate.open();
        let end = running.stop(SOON);
        assert_well(&end);
        assert_eq!(end.frames.lost_by_device, 0, "{:?}", end.frames);
    });
}

/// Catches: a stop that hangs or leaves a buffer, when nothing was grabbed yet. // harvesters#390
#[test]
fn start_and_stop_at_once_many_times() {
    watched(|| {
        let fake = Fake::new(SMALL);
        for n in 0..30 {
            let running = line(camera(&fake, "")).stage("pass", pass()).start().unwrap();
            if n % 3 == 0 {
                until("a frame comes", || running.snapshot().frames.grabbed > 0);
            }
            let end = if n % 2 == 0 { running.stop(SOON) } else { running.abort() };
            util::assert_balanced(&end);
        }
        assert_eq!(fake.calls("DSRevokeBuffer"), fake.calls("DSAnnounceBuffer"));
    });
}
