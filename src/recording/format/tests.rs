//! What is encoded is what is decoded, and nothing that is decoded panics.

use super::*;
use crate::clock::{DeviceTime, HostTime};
use crate::fault::FaultClass;
use crate::format::{Geometry, PixelFormat};
use crate::meta::{Beside, Extent, FrameMeta, FrameStatus, Loss};
use crate::source::FrameIdRule;
use proptest::prelude::*;

fn header() -> Header {
    Header {
        layout: Layout::new(640 * 480, 100, 64).unwrap(),
        segment: 3,
        identity: *b"0123456789abcdef",
        started: WallClock { unix_ns: 1_790_000_000_000_000_000, host: HostTime(77) },
        geometry: Geometry::new(640, 480, PixelFormat::MONO8),
        max_payload_bytes: 2448 * 2048,
        id_rule: FrameIdRule { modulus: 65536, skips_zero: true },
        texts: Texts {
            source: "sim:?rate=100".into(),
            model: "a camera".into(),
            codes: "sim".into(),
            features: vec!["Gain=3".into(), "ExposureTime=200 \u{b5}s".into()],
            host: vec!["os=linux".into()],
        },
    }
}

fn entry() -> Entry {
    let geometry =
        Geometry { offset_x: 8, x_padding: 4, ..Geometry::new(100, 50, PixelFormat::MONO12) };
    Entry {
        meta: FrameMeta {
            frame_id: u64::MAX,
            sequence: 5,
            device_time: DeviceTime(6),
            host_time: HostTime(7),
            lost_before: Loss { device: 1, underrun: 2, rejected: 3 },
            epoch: 9,
            status: FrameStatus::Incomplete,
            out_of_order: true,
            ..FrameMeta::of(&geometry)
        },
        lost_by_hops: 10,
        not_written: 11,
        payload_bytes: 9000,
        payload_crc: 0xDEAD_BEEF,
        beside: Beside {
            chunks: Extent { offset: 0x0102_0304_0506, bytes: 0x0708 },
            part_count: 3,
            ..Beside::default()
        },
    }
}

fn event() -> Event {
    Event {
        kind: EventKind::Fault,
        before_frame: 4,
        host_time: HostTime(5),
        code: -1011,
        class: Some(FaultClass::Lost),
        detail: 6,
        count: 7,
    }
}

#[test]
fn what_is_written_is_what_is_read() {
    // Catches two fields at one place, and one that is written and not read.
    let h = header();
    assert_eq!(Header::decode(&h.encode()), Ok(h.clone()));
    assert_eq!(Entry::decode(&entry().encode(), &h.layout), Ok(entry()));
    assert_eq!(Event::decode(&event().encode()), Some(event()));
    for kind in [EventKind::Reset, EventKind::LeftOut, EventKind::Other(999)] {
        let e = Event { kind, class: None, ..event() };
        assert_eq!(Event::decode(&e.encode()), Some(e));
    }
    for end in [End::Finished, End::Continued, End::DiskFull, End::WriteError, End::Repaired] {
        let c = Closing { frames: 100, events: 64, not_written: 3, host_time: HostTime(4), end };
        assert_eq!(Closing::decode(&c.encode(), &h.layout), Some(c));
        let more = Closing { frames: 101, ..c };
        assert_eq!(Closing::decode(&more.encode(), &h.layout), None, "more than there is room for");
    }
}

#[test]
fn frames_are_addresses_on_pages() {
    // Catches an index that grows into the payloads, and payloads that direct I/O could not write.
    for (payload, frames, events) in [(1, 1, 0), (4096, 33, 1), (4097, 1000, 4096), (1 << 40, 2, 1)]
    {
        let l = Layout::new(payload, frames, events).unwrap();
        assert!(l.event_offset(events) <= l.index_offset);
        assert!(l.entry_offset(frames) <= l.data_offset);
        assert!(l.stride >= payload && l.stride - payload < PAGE_BYTES);
        for n in [0, frames - 1] {
            assert_eq!(l.payload_offset(n).unwrap() % PAGE_BYTES, 0);
        }
    }
    assert_eq!(Layout::new(0, 1, 0), None);
    assert_eq!(Layout::new(1, 0, 0), None);
    assert_eq!(Layout::new(MAX_PAYLOAD_BYTES, MAX_FRAMES, 0), None, "beyond 63 bits");
    assert_eq!(Layout::new(1, 1, MAX_EVENTS + 1), None);
}

#[test]
fn texts_that_do_not_fit_are_left_out_and_the_rest_stays() {
    // Catches a camera with thousands of features that makes recording impossible.
    let many = (0..5000).map(|i| format!("Feature{i}=value")).collect();
    let texts = Texts { features: many, ..header().texts };
    let read = Texts::decode(&texts.encode()).unwrap();
    assert_eq!((read.source, read.host), (texts.source, texts.host));
    assert!(read.features.len() > 100 && read.features.len() < 5000);
}

proptest! {
    #[test]
    fn no_header_panics(at in 0_usize..HEADER_BYTES as usize, with in any::<[u8; 8]>(), cut in 0_usize..20000, mend in any::<bool>()) {
        // Catches an index out of bounds or an overflow on a header whose checksum an attacker made fit.
        let mut b = header().encode();
        for (k, v) in with.iter().enumerate().take_while(|(k, _)| at + k < HEADER_BYTES as usize) {
            b[at + k] = *v;
        }
        if mend {
            let crc = checksum(&b[..FIXED_BYTES - 4]);
            put32(&mut b, FIXED_BYTES - 4, crc);
            let texts = TEXTS_OFFSET as usize;
            let crc = checksum(&b[texts..texts + TEXTS_BYTES - 4]);
            put32(&mut b, texts + TEXTS_BYTES - 4, crc);
        }
        b.truncate(cut);
        match Header::decode(&b) {
            Ok(h) => {
                let l = h.layout;
                // What a reader reckons with must be sound.
                prop_assert!(l.payload_offset(l.frame_capacity).is_some());
                prop_assert!(l.entry_offset(l.frame_capacity) <= l.data_offset);
                prop_assert!(h.geometry.check().is_ok());
            }
            Err(e) => prop_assert!(!e.to_string().contains('\n')),
        }
    }

    #[test]
    fn no_entry_panics(b in prop::collection::vec(any::<u8>(), 0..200), sealed in any::<bool>()) {
        // Catches an entry that asks for more memory than a payload may have.
        let mut b = b;
        if sealed && b.len() >= 128 {
            let crc = checksum(&b[..120]);
            put32(&mut b, 120, crc);
            put32(&mut b, 124, COMMIT);
        }
        let layout = header().layout;
        if let Ok(e) = Entry::decode(&b, &layout) {
            prop_assert!(e.payload_bytes <= layout.payload_capacity);
            prop_assert!(e.meta.geometry().check().is_ok());
        }
        let _ = (Event::decode(&b), Closing::decode(&b, &layout), Texts::decode(&b));
    }

    #[test]
    fn a_changed_bit_is_noticed(bit in 0_usize..128 * 8) {
        // Catches a field that the checksum does not cover.
        let mut b = entry().encode();
        b[bit / 8] ^= 1 << (bit % 8);
        prop_assert!(Entry::decode(&b, &header().layout).is_err());
    }
}
