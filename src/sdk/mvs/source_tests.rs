//! What only somebody with the device's own handle can do: change it behind the source's back.

use super::*;
use crate::buffer::{Pool, PoolConfig};

#[path = "../../../tests/fake/mod.rs"]
mod fake;

use fake::Fake;

fn silent(source: &mut Mvs) -> Diagnosis {
    let config = PoolConfig { lock: false, ..PoolConfig::new(2, 1 << 20) };
    let mut pool = Pool::new(config, Default::default()).unwrap();
    let mut frame = pool.take().unwrap();
    let mut timeouts = 0;
    for _ in 0..1000 {
        // A frame that was under way may come after all.
        match source.grab_into(&mut frame, Duration::from_millis(20)) {
            Grab::Filled { .. } => timeouts = 0,
            Grab::Fault(fault) => {
                assert_eq!(fault.code, i64::from(MV_E_NODATA));
                timeouts += 1;
                // As the ladder does: what arrives during the first time-out is not counted yet.
                if timeouts < 4 {
                    continue;
                }
                match source.diagnose() {
                    Diagnosis::Unclear => {}
                    verdict => return verdict,
                }
            }
            Grab::End => panic!("a camera has no end"),
        }
    }
    panic!("nothing was diagnosed: {}", source.evidence());
}

fn started(fake: &Fake) -> Mvs {
    let mut source = Mvs::from_uri(&fake.uri("fill=copy&Width=160&Height=96")).unwrap();
    source.start(Fill::Copy).unwrap();
    source
}

/// Catches: 0x80000007 for ever after another program has tuned the packet size.
#[test]
fn a_packet_size_that_was_changed_is_drift() {
    let fake = Fake::new("camera gige size=320x200 fps=200");
    let mut source = started(&fake);
    source.handle.as_mut().unwrap().set_int("GevSCPSPacketSize", 1004).unwrap();
    assert_eq!(silent(&mut source), Diagnosis::FormatDrift { payload_bytes: 160 * 96 });
    let evidence = source.evidence();
    assert_eq!(evidence.packet_now, Some(1004));
    assert_ne!(evidence.packet_at_start, evidence.packet_now);
    assert!(evidence.bytes_received.is_some_and(|n| n > 0), "at the first question: {evidence}");
    // Stop and start cure it.
    source.stop_device().unwrap();
    source.stop_host().unwrap();
    source.start(Fill::Copy).unwrap();
    let mut pool =
        Pool::new(PoolConfig { lock: false, ..PoolConfig::new(2, 1 << 20) }, Default::default())
            .unwrap();
    let mut frame = pool.take().unwrap();
    let grab = source.grab_into(&mut frame, Duration::from_secs(10));
    assert_eq!(grab, Grab::Filled { reported_bytes: 160 * 96 });
}

/// Catches: drift that the payload does not show, where only the bytes that arrive tell of it.
#[test]
fn bytes_that_come_without_frames_are_drift() {
    let fake = Fake::new("camera gige size=320x200 fps=200");
    let mut source = started(&fake);
    source.handle.as_mut().unwrap().set_int("Width", 320).unwrap();
    fake.script("fail GetPayloadSize 0x80000001 times all;fail GetIntValueEx 0x80000001 times all");
    let verdict = silent(&mut source);
    assert!(matches!(verdict, Diagnosis::FormatDrift { .. }), "{verdict:?}");
    assert!(source.evidence().bytes_received.is_some_and(|n| n > 0), "{}", source.evidence());
}

/// Catches: a region that was made smaller under way whose frames show old pixels at their end.
#[test]
fn a_shrunken_region_is_read_without_its_tail() {
    let fake = Fake::new("camera gige size=320x200 fps=200");
    let mut source = started(&fake);
    source.handle.as_mut().unwrap().set_int("Width", 96).unwrap();
    let mut pool =
        Pool::new(PoolConfig { lock: false, ..PoolConfig::new(2, 1 << 20) }, Default::default())
            .unwrap();
    let mut frame = pool.take().unwrap();
    for _ in 0..1000 {
        let grab = source.grab_into(&mut frame, Duration::from_secs(10));
        let Grab::Filled { reported_bytes } = grab else { panic!("{grab:?}") };
        if frame.meta().width == 96 {
            assert_eq!(reported_bytes, 96 * 96);
            return;
        }
    }
    panic!("the region did not shrink");
}

/// Catches: a frame of a foreign pool whose memory would go while the SDK's buffer is lent to it.
#[test]
fn only_frames_that_keep_the_device_are_lent_to() {
    let fake = Fake::new("camera gige size=320x200 fps=200");
    let mut source = Mvs::from_uri(&fake.uri("fill=lend")).unwrap();
    source.start(Fill::Lend).unwrap();
    let mut pool = Pool::lending(2, Arc::new(()), Default::default()).unwrap();
    let mut frame = pool.take().unwrap();
    let grab = source.grab_lent(&mut frame, Duration::from_secs(1));
    assert_eq!(grab, Grab::Fault(fault(MV_E_PARAMETER)));
    assert_eq!(source.last_call(), "", "the SDK was not asked");
    assert_eq!(frame.token(), 0);
}

/// Catches: a fault that tells of a function of the SDK which was never called, or of the one that was called before.
#[test]
fn what_was_not_asked_is_told_as_no_call() {
    let fake = Fake::new("camera gige size=320x200 fps=200");
    let pool = |slots, bytes| {
        let config = PoolConfig { lock: false, ..PoolConfig::new(slots, bytes) };
        Pool::new(config, Default::default()).unwrap()
    };
    for fill in [Fill::Copy, Fill::Announce, Fill::Lend] {
        let uri = fake.uri(&format!("fill={}", fill.name()));
        let mut source = Mvs::from_uri(&uri).unwrap();
        let mut small = pool(4, 1 << 10);
        if fill == Fill::Announce {
            source.queue(small.take().unwrap());
            let needed = source.payload_bytes() as u64;
            let too_small = Fault { detail: needed, ..fault(MV_E_NOENOUGH_BUF) };
            source.last_call = "before";
            assert_eq!((source.start(fill), source.last_call()), (Err(too_small), ""));
            source.revoke(&mut |frame| drop(frame));
        }
        let mut large = pool(4, 1 << 20);
        (0..3).for_each(|_| source.queue(large.take().unwrap()));
        source.start(fill).unwrap();
        source.give_up();
        let mut of_the_device = Pool::lending(1, source.keep.clone(), Default::default()).unwrap();
        let mut frame = match fill {
            Fill::Lend => of_the_device.take().unwrap(),
            _ => large.take().unwrap(),
        };
        source.last_call = "before";
        let grab = match fill {
            Fill::Copy => source.grab_into(&mut frame, Duration::from_secs(1)),
            Fill::Announce => source.grab_queued(Duration::from_secs(1)).1,
            Fill::Lend => source.grab_lent(&mut frame, Duration::from_secs(1)),
        };
        let gone = fault(MV_E_DEV_OFFLINE);
        assert_eq!((grab, source.last_call()), (Grab::Fault(gone), ""), "{fill:?}");
        source.last_call = "before";
        assert_eq!((source.stop_host(), source.last_call()), (Err(gone), ""), "{fill:?}");
        source.last_call = "before";
        assert_eq!((source.start(fill), source.last_call()), (Err(gone), ""), "{fill:?}");
        source.revoke(&mut |frame| drop(frame));
    }
}
