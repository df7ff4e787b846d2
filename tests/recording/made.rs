//! Small recordings for tests, in a folder that goes with them.

use frameline::clock::{DeviceTime, HostTime};
use frameline::format::{Geometry, PixelFormat};
use frameline::meta::{FrameMeta, Loss};
use frameline::recording::format::{End, Entry, Texts, WallClock};
use frameline::recording::{Head, Rule, Writer};
use frameline::source::FrameIdRule;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

/// A folder of its own for each test.
pub struct Folder(pub PathBuf);

impl Folder {
    pub fn new() -> Folder {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let n = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("frameline-rec-{}-{n}", std::process::id()));
        std::fs::create_dir_all(&path).expect("a folder for the test");
        Folder(path)
    }

    pub fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

pub const SMALL: Geometry = Geometry {
    width: 70,
    height: 60,
    offset_x: 0,
    offset_y: 0,
    pixel_format: PixelFormat::MONO8,
    x_padding: 0,
};

pub fn head(geometry: Geometry) -> Head {
    Head {
        geometry,
        max_payload_bytes: geometry.image_bytes(),
        id_rule: FrameIdRule::default(),
        started: WallClock { unix_ns: 1_790_000_000_000_000_000, host: HostTime(1_000_000) },
        texts: Texts { source: "sim:".into(), codes: "sim".into(), ..Texts::default() },
    }
}

/// Frame `n` of every recording here: 10 ms after the one before it; three were lost before each tenth.
pub fn entry(n: u64, geometry: &Geometry) -> Entry {
    let lost = if n > 0 && n.is_multiple_of(10) { 3 } else { 0 };
    Entry {
        meta: FrameMeta {
            frame_id: n + 3 * (n / 10),
            sequence: n,
            device_time: DeviceTime(5_000 + n * 10_000_000),
            host_time: HostTime(1_000_000 + n * 10_000_000),
            lost_before: Loss { device: lost, ..Loss::default() },
            ..FrameMeta::of(geometry)
        },
        ..Entry::default()
    }
}

pub fn payload(n: u64, bytes: u64) -> Vec<u8> {
    (0..bytes).map(|k| (n.wrapping_mul(31) + k * 7 + k / 256) as u8).collect()
}

/// A writer that has written `frames` frames.
pub fn writer(path: &Path, frames: u64, rule: Rule) -> Writer {
    let bytes = SMALL.image_bytes();
    let mut writer = Writer::create(path, head(SMALL), bytes, rule).expect("a recording is made");
    for n in 0..frames {
        writer.push(&entry(n, &SMALL), &payload(n, bytes)).expect("a frame is written");
    }
    writer
}

/// A finished recording of `frames` frames in one file.
pub fn recording(path: &Path, frames: u64) {
    let rule = Rule { frames: Some(frames), events: 64, ..Rule::default() };
    writer(path, frames, rule).finish(End::Finished).expect("it is closed");
}
