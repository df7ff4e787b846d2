//! The core without its program: `cargo run --release` in this folder.

use frameline::{Error, Line, sim::Sim};
use std::time::Duration;

fn main() -> Result<(), Error> {
    let camera = Sim::from_uri("sim:?width=320&height=240&rate=max&frames=1000")?;
    let mut line = Line::builder(camera).frames(4).start()?;
    let bytes: usize = line.frames().map(|frame| frame.payload().len()).sum();
    let end = line.stop(Duration::from_secs(1));
    println!("{bytes} bytes in {} frames, balanced: {}", end.frames.delivered, end.is_balanced());
    assert!(end.is_balanced() && end.frames.delivered == 1000);
    Ok(())
}
