//! A bar on stderr while a recording is gone through; nothing where stderr is no terminal.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::IsTerminal;

/// How far a command is.
#[derive(Debug)]
pub struct Progress(ProgressBar);

impl Progress {
    /// A bar of `frames` frames, with a word for what is done to them.
    pub fn new(what: &'static str, frames: u64) -> Progress {
        let target = match std::io::stderr().is_terminal() {
            true => ProgressDrawTarget::stderr_with_hz(10),
            false => ProgressDrawTarget::hidden(),
        };
        let bar = ProgressBar::with_draw_target(Some(frames), target).with_message(what);
        let style = "{msg} {wide_bar} {pos} of {len} frames, {per_sec}, {eta} left";
        bar.set_style(
            ProgressStyle::with_template(style).unwrap_or_else(|_| ProgressStyle::default_bar()),
        );
        Progress(bar)
    }

    /// So many frames are done.
    pub fn set(&self, frames: u64) {
        self.0.set_position(frames);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
