//! A recording as a source.

use super::suite;
use frameline::clock::HostTime;
use frameline::format::{Geometry, PixelFormat};
use frameline::meta::FrameMeta;
use frameline::recording::format::{End, Entry, Texts, WallClock};
use frameline::recording::{Head, Rule, Writer};
use frameline::replay::Replay;
use frameline::source::{Fill, FrameIdRule};

/// Catches a replay that breaks the contract that cameras keep: at each pace, in both ways of filling.
#[test]
fn a_recording_conforms() {
    let path = std::env::temp_dir().join(format!("frameline-conforms-{}.flr", std::process::id()));
    let _ = std::fs::remove_file(&path);
    let geometry = Geometry::new(160, 100, PixelFormat::MONO8);
    let head = Head {
        geometry,
        max_payload_bytes: geometry.image_bytes(),
        id_rule: FrameIdRule { modulus: 65536, skips_zero: true },
        started: WallClock::default(),
        texts: Texts::default(),
    };
    let rule = Rule { frames: Some(50), ..Rule::default() };
    let mut writer = Writer::create(&path, head, geometry.image_bytes(), rule).unwrap();
    for n in 0..50 {
        let meta = FrameMeta {
            // Over the end of the ids.
            frame_id: (65_510 + n) % 65_536 + u64::from(n >= 26),
            sequence: n,
            host_time: HostTime(n * 200_000),
            ..FrameMeta::of(&geometry)
        };
        let payload = vec![n as u8 + 1; geometry.image_bytes() as usize];
        writer.push(&Entry { meta, ..Entry::default() }, &payload).unwrap();
    }
    writer.finish(End::Finished).unwrap();
    for fill in [Fill::Lend, Fill::Copy] {
        for rate in ["max", "recorded"] {
            let uri = format!("replay:{}?rate={rate}", path.display());
            suite::run(&|| Replay::from_uri(&uri).unwrap(), fill);
        }
    }
    let _ = std::fs::remove_file(path);
}
