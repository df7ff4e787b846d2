//! How far it is: a bar on a terminal, nothing elsewhere. And whether the user has had enough.

use crate::error::{Error, ErrorKind};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// The bar on stderr, and the signals that end the work between two frames.
pub struct Progress {
    bar: ProgressBar,
    stop: Arc<AtomicBool>,
}

impl Progress {
    /// Of work on so many frames; 0: that is not known yet.
    pub fn begin(frames: u64) -> Result<Progress, Error> {
        let stop = Arc::new(AtomicBool::new(false));
        for signal in [SIGINT, SIGTERM, SIGHUP, SIGQUIT] {
            signal_hook::flag::register(signal, stop.clone()).map_err(|e| {
                let what = "the handler of Ctrl-C cannot be installed";
                Error::with_source(ErrorKind::Io, what, e)
            })?;
        }
        // Draws on a terminal only.
        let bar = ProgressBar::with_draw_target(Some(frames), ProgressDrawTarget::stderr());
        let style = "{bar:40} {pos} of {len} frames, {per_sec}, {eta} left";
        if let Ok(style) = ProgressStyle::with_template(style) {
            bar.set_style(style.progress_chars("=> "));
        }
        Ok(Progress { bar, stop })
    }

    /// So many are done of so many; `false`: stop.
    pub fn at(&self, done: u64, of: u64) -> bool {
        if self.bar.length() != Some(of) {
            self.bar.set_length(of);
        }
        self.bar.set_position(done);
        !self.stop.load(Ordering::Relaxed)
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
