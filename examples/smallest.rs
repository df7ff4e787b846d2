//! The smallest line: a simulated camera, frames in your own loop.
//!
//! `cargo run --release --example smallest`

use frameline::{Error, Line, sim::Sim};
use std::time::Duration;

fn main() -> Result<(), Error> {
    let camera = Sim::from_uri("sim:?width=640&height=480&rate=100&frames=100")?;
    let mut line = Line::builder(camera).frames(8).start()?;
    for frame in line.frames() {
        let brightest = frame.image().iter().max().copied().unwrap_or(0);
        println!(
            "frame {:3}  {}x{} {}  brightest {brightest}  lost before it {}",
            frame.id(),
            frame.meta().width,
            frame.meta().height,
            frame.meta().pixel_format,
            frame.meta().lost_before.total(),
        );
    }
    let end = line.stop(Duration::from_secs(1));
    println!("{:?}, balanced: {}", end.frames, end.is_balanced());
    Ok(())
}
