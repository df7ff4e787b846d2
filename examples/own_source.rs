//! A source of your own: counts through grey levels at 200 frames a second, filling by copy.
//!
//! `cargo run --release --example own_source`

use frameline::fault::{CodeEntry, CodeTable, Fault, FaultClass};
use frameline::format::{Geometry, PixelFormat};
use frameline::meta::FrameMeta;
use frameline::source::{Fill, Grab, Source, SourceInfo};
use frameline::{Error, FrameMut, Line};
use std::time::{Duration, Instant};

const TIMEOUT: i64 = 1;
static CODES: [CodeEntry; 1] =
    [CodeEntry::new(TIMEOUT, "GREY_TIMEOUT", FaultClass::Timeout, "no frame is due yet")];

struct Grey {
    geometry: Geometry,
    next: u64,
    due: Instant,
    running: bool,
}

impl Source for Grey {
    fn info(&self) -> SourceInfo {
        SourceInfo { uri: "grey:".into(), model: "Grey".into() }
    }

    fn fills(&self) -> &[Fill] {
        &[Fill::Copy]
    }

    fn can_wait(&self) -> bool {
        false // Like a camera: what is not fetched in time is lost.
    }

    fn codes(&self) -> CodeTable {
        CodeTable::new(&CODES)
    }

    fn geometry(&self) -> Geometry {
        self.geometry
    }

    fn payload_bytes(&self) -> usize {
        self.geometry.image_bytes() as usize
    }

    fn max_payload_bytes(&self) -> usize {
        self.payload_bytes()
    }

    fn start(&mut self, _: Fill) -> Result<(), Fault> {
        self.due = Instant::now();
        self.running = true;
        Ok(())
    }

    fn stop_device(&mut self) -> Result<(), Fault> {
        self.running = false;
        Ok(())
    }

    fn stop_host(&mut self) -> Result<(), Fault> {
        Ok(())
    }

    fn grab_into(&mut self, frame: &mut FrameMut, timeout: Duration) -> Grab {
        let wait = self.due.saturating_duration_since(Instant::now());
        if !self.running || wait > timeout {
            // Never longer than asked; a stopped device answers at once.
            std::thread::sleep(if self.running { timeout } else { Duration::ZERO });
            return Grab::Fault(Fault::code(TIMEOUT));
        }
        std::thread::sleep(wait);
        let bytes = self.payload_bytes();
        frame.buffer_mut()[..bytes].fill(self.next as u8);
        *frame.meta_mut() = FrameMeta { frame_id: self.next, ..FrameMeta::of(&self.geometry) };
        self.next += 1;
        self.due += Duration::from_millis(5);
        Grab::Filled { reported_bytes: bytes as u64 }
    }
}

fn main() -> Result<(), Error> {
    let source = Grey {
        geometry: Geometry::new(640, 480, PixelFormat::MONO8),
        next: 0,
        due: Instant::now(),
        running: false,
    };
    let mut line =
        Line::builder(source).configure(|c| c.capture.frames = Some(400)).frames(8).start()?;
    for frame in line.frames() {
        assert!(frame.image().iter().all(|&b| b == frame.id() as u8));
    }
    let end = line.stop(Duration::from_secs(1));
    println!(
        "{:?}\ngrab interval p50 {} p99 {}, balanced: {}",
        end.frames,
        end.grab_interval.quantile(0.5),
        end.grab_interval.quantile(0.99),
        end.is_balanced()
    );
    Ok(())
}
