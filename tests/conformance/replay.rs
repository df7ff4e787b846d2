//! A recording as a source.

use super::cards::{REPLAY, REPLAY_RECORDED};
use super::suite::{self, Card, FRAMES, Subject};
use super::util;
use frameline::clock::HostTime;
use frameline::format::{Geometry, PixelFormat};
use frameline::meta::FrameMeta;
use frameline::recording::format::{End, Entry, Texts, WallClock};
use frameline::recording::{Head, Rule, Writer};
use frameline::replay::Replay;
use frameline::source::{Fill, FrameIdRule};
use std::path::PathBuf;

/// Frames of the recording; its ids wrap behind the first [`BEFORE_WRAP`].
const RECORDED: u64 = 500;
const BEFORE_WRAP: u64 = 300;

struct Recording {
    card: &'static Card,
    path: PathBuf,
    rate: &'static str,
}

impl Recording {
    fn new(card: &'static Card, rate: &'static str) -> Recording {
        let name = format!("frameline-conforms-{}-{rate}.flr", std::process::id());
        let path = std::env::temp_dir().join(name);
        let _ = std::fs::remove_file(&path);
        let geometry = Geometry::new(160, 100, PixelFormat::MONO8);
        let head = Head {
            geometry,
            max_payload_bytes: geometry.image_bytes(),
            id_rule: FrameIdRule { modulus: 65536, skips_zero: true },
            started: WallClock::default(),
            texts: Texts::default(),
        };
        let rule = Rule { frames: Some(RECORDED), ..Rule::default() };
        let mut writer = Writer::create(&path, head, geometry.image_bytes(), rule).unwrap();
        for n in 0..RECORDED {
            let id = 65_536 - BEFORE_WRAP + n;
            let meta = FrameMeta {
                frame_id: id % 65_536 + u64::from(id >= 65_536),
                sequence: n,
                host_time: HostTime(n * 200_000),
                ..FrameMeta::of(&geometry)
            };
            let payload = vec![(n % 255) as u8 + 1; geometry.image_bytes() as usize];
            writer.push(&Entry { meta, ..Entry::default() }, &payload).unwrap();
        }
        writer.finish(End::Finished).unwrap();
        Recording { card, path, rate }
    }

    fn open(&self, more: &str) -> Replay {
        let uri = format!("replay:{}?rate={}{more}", self.path.display(), self.rate);
        Replay::from_uri(&uri).unwrap()
    }
}

impl Drop for Recording {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

impl Subject for Recording {
    type Source = Replay;

    fn card(&self) -> &'static Card {
        self.card
    }

    fn make(&self, _: Fill) -> Replay {
        self.open("")
    }

    fn ending(&self, _: Fill) -> Replay {
        // Over the wrap of its ids.
        let from = BEFORE_WRAP - FRAMES / 2;
        self.open(&format!("&from={from}&to={}", from + FRAMES - 1))
    }
}

/// Catches a replay that breaks the contract that cameras keep, as fast as it is fetched.
#[test]
fn a_recording_conforms() {
    util::watched(|| suite::run(&Recording::new(&REPLAY, "max")));
}

/// The same at the pace of the recording.
#[test]
fn a_recording_at_its_own_pace_conforms() {
    util::watched(|| suite::run(&Recording::new(&REPLAY_RECORDED, "recorded")));
}
