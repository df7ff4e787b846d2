//! Real packets over real sockets, from a camera that is a process of its own and can be killed.

use super::simulator::with_simulator;
use super::{Checked, SOON, assert_well, count, ended, line, util};
use frameline::pipeline::{Snapshot, StageSpec};
use frameline::sdk::aravis::Aravis;
use frameline::source::Source;
use std::time::Duration;
use util::{Notes, pass, until};

/// Small and quick: 16 packets a frame.
const SMALL: &str = "Width=128&Height=128&AcquisitionFrameRate=400";

fn open(uri: &str) -> Aravis {
    Aravis::from_uri(uri).unwrap()
}

/// Frames of the longer run: some thousand in CI, as many as FRAMELINE_ARAVIS_FRAMES says elsewhere.
fn frames() -> u64 {
    let wanted = std::env::var("FRAMELINE_ARAVIS_FRAMES").ok();
    wanted.map_or(2000, |n| n.parse().expect("FRAMELINE_ARAVIS_FRAMES is a number"))
}

/// Catches: frames put together wrongly, ids that break off at their wrap, and losses under no name: a loaded
/// machine loses packets.
#[test]
fn thousands_of_frames_balance() {
    with_simulator("FL1", &[], |simulator| {
        let (checked, notes) = (Checked::default(), Notes::default());
        let end = ended(
            line(open(&simulator.uri(SMALL)))
                .configure(|c| c.capture.frames = Some(frames()))
                .stage(StageSpec::new("checked").ring(20), checked.stage())
                .stage("notes", notes.stage())
                .start()
                .unwrap(),
        );
        assert_eq!(checked.torn(), 0);
        assert_eq!(checked.whole() + checked.incomplete(), notes.len() as u64);
        assert!(checked.whole() > frames() / 2, "most come whole: {:?}", end.frames);
        notes.assert_order("over sockets");
        assert_eq!(end.reconnects.len() + end.resets.len(), 0, "{:?}", end.events);
        tell("thousands", &end);
    });
}

/// Catches: a camera that is lost for good, one that comes back with its power-on settings, and slots or frames that
/// are lost with it. // aravis#169, camera_aravis2#41
#[test]
fn a_killed_camera_is_found_again_as_it_was() {
    with_simulator("FL2", &[], |simulator| {
        let checked = Checked::default();
        let camera = open(&simulator.uri(SMALL));
        let running = line(camera)
            .stage(StageSpec::new("checked").ring(20), checked.stage())
            .start()
            .unwrap();
        until("frames come", || checked.whole() > 20);
        running.handle().set_feature("Height", "64", SOON).unwrap();
        until("the reset is told", || running.snapshot().resets.len() == 1);
        simulator.unplug();
        until("the camera is missed", || {
            let s = running.snapshot();
            s.faults.iter().any(|f| f.class.name() == "lost") || !s.diagnoses.is_empty()
        });
        simulator.plug().unwrap();
        until("it is found again", || running.snapshot().reconnects.iter().any(|r| r.ok));
        let before = checked.whole();
        until("frames come again", || checked.whole() > before + 20);
        let end = running.stop(SOON);
        assert_well(&end);
        assert_eq!(checked.torn(), 0, "of the region that was set");
        assert_eq!(end.resets.len(), 1, "{:?}", end.resets);
        tell("killed and started again", &end);
    });
}

/// Catches: a region that is changed while packets of the old one are on their way.
#[test]
fn a_region_changes_in_a_reset() {
    with_simulator("FL3", &[], |simulator| {
        let checked = Checked::default();
        let running = line(open(&simulator.uri(SMALL)))
            .stage(StageSpec::new("checked").ring(20), checked.stage())
            .start()
            .unwrap();
        for (n, width) in ["256", "64", "512"].into_iter().enumerate() {
            let before = checked.whole();
            until("frames come", || checked.whole() > before + 10);
            running.handle().set_feature("Width", width, SOON).unwrap();
            until("the reset is told", || running.snapshot().resets.len() == n + 1);
        }
        let before = checked.whole();
        until("frames come", || checked.whole() > before + 10);
        let end = running.stop(SOON);
        assert_well(&end);
        assert!(end.resets.iter().all(|r| r.ok), "{:?}", end.resets);
        assert_eq!((checked.torn(), end.reconnects.len()), (0, 0));
    });
}

/// Catches: packets that the host drops for want of room, told as time-outs. // aravis#849
#[test]
fn a_receive_buffer_that_is_too_small_loses_packets_by_name() {
    with_simulator("FL4", &[], |simulator| {
        let query = "Width=1024&Height=1024&AcquisitionFrameRate=50&packet_size=1400&resend=off&socket_buffer=2048";
        let checked = Checked::default();
        let mut line = line(open(&simulator.uri(query)))
            .configure(|c| c.capture.frames = Some(100))
            .stage(StageSpec::new("checked").ring(20), checked.stage())
            .start()
            .unwrap();
        assert!(line.wait(util::PATIENCE), "{:?}", line.snapshot().events);
        let end = line.stop(SOON);
        assert_well(&end);
        let missing = count(&end, "ARV_BUFFER_STATUS_MISSING_PACKETS");
        assert!(missing > 0, "{:?}", end.faults);
        assert_eq!(count(&end, "ARV_BUFFER_STATUS_TIMEOUT"), 0, "{:?}", end.faults);
        assert_eq!(checked.torn(), 0, "a frame with holes is marked");
        assert!(checked.incomplete() <= missing, "{} of {missing}", checked.incomplete());
        tell("too small a receive buffer", &end);
    });
}

/// Catches: losses on the wire that are counted as underruns or not at all, with and without asking again.
#[test]
fn packets_that_the_network_loses_are_counted() {
    for (serial, resend) in [("FL5", "on"), ("FL6", "off")] {
        with_simulator(serial, &["-r", "20"], move |simulator| {
            let notes = Notes::default();
            let end = ended(
                line(open(&simulator.uri(&format!("{SMALL}&packet_size=1400&resend={resend}"))))
                    .configure(|c| c.capture.frames = Some(300))
                    .stage("notes", notes.stage())
                    .start()
                    .unwrap(),
            );
            notes.assert_order(resend);
            let missing = count(&end, "ARV_BUFFER_STATUS_MISSING_PACKETS");
            assert!(
                end.frames.incomplete + end.frames.lost_by_device <= missing + end.frames.grabbed
            );
            if resend == "off" {
                // Asked for again, packets keep their frames' slots until the retention is over: those are underruns.
                assert_eq!(end.frames.underrun, 0, "slots were free: {:?}", end.frames);
                assert!(missing > 0, "two of a hundred packets were lost: {:?}", end.frames);
            }
            tell(&format!("2 % of packets lost, resend={resend}"), &end);
        });
    }
}

/// Catches: another program that streams from the camera, taken for a network fault or for success.
#[test]
fn a_camera_in_use_says_so() {
    with_simulator("FL7", &[], |simulator| {
        let first = line(open(&simulator.uri(SMALL))).stage("pass", pass()).start().unwrap();
        let uri = simulator.uri("").replace("wait=30000", "wait=0");
        let e = Aravis::from_uri(&uri).expect_err("it has one controller");
        assert!(e.to_string().contains("another program controls it"), "{e}");
        assert_well(&first.stop(SOON));
        let mut again = open(&simulator.uri(SMALL));
        assert!(again.payload_bytes() > 0);
        let unplugged = Duration::from_millis(10);
        simulator.unplug();
        until("it is missed", || again.reopen().is_err());
        let _ = again.grab_queued(unplugged);
    });
}

fn tell(what: &str, end: &Snapshot) {
    let faults: Vec<_> = end.faults.iter().map(|f| format!("{} {}", f.count, f.name)).collect();
    println!("{what}: {:?}; {}", end.frames, faults.join(", "));
}
