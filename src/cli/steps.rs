//! Frames one by one: each line on stdin is the software trigger of a replay that waits for one (`step=on`).

use crate::pipeline::LineHandle;
use crate::replay::ReplayConfig;
use std::io::{BufRead, ErrorKind, Write};
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, sync_channel};
use std::time::Duration;

/// How long the capture thread may take to hear of a trigger.
const HEARD_WITHIN: Duration = Duration::from_secs(2);
/// Steps that are read ahead, and those passed on at once.
const AT_ONCE: usize = 64;

/// Whoever steps.
#[derive(Debug)]
pub struct Steps {
    lines: Receiver<()>,
    passed_on: u64,
}

impl Steps {
    /// Of a line with that source, if it is one that is stepped.
    pub fn of(uri: &str) -> Option<Steps> {
        ReplayConfig::from_uri(uri).ok().filter(|config| config.step)?;
        let (tx, lines) = sync_channel(AT_ONCE);
        // Not joined: it ends with stdin, or with the program.
        std::thread::spawn(move || read(&tx));
        Some(Steps { lines, passed_on: 0 })
    }

    /// Says how.
    pub fn explain(&self) {
        let how = "step=on: each line on stdin (Enter) brings the next frame, the end of stdin (Ctrl-D) ends the run";
        let _ = writeln!(std::io::stderr(), "{how}");
    }

    /// Passes on what came since; `true`: no more will come, and the frame of each step has.
    pub fn pass_on(&mut self, to: &LineHandle) -> bool {
        for _ in 0..AT_ONCE {
            match self.lines.try_recv() {
                // A step that is not taken is one of a line that ends.
                Ok(()) => self.passed_on += u64::from(to.software_trigger(HEARD_WITHIN).is_ok()),
                Err(TryRecvError::Empty) => return false,
                Err(TryRecvError::Disconnected) => {
                    let f = to.snapshot().frames;
                    // Those that were lost on the way need no step.
                    let came = f.grabbed.saturating_sub(f.lost_by_device + f.underrun);
                    return came >= self.passed_on;
                }
            }
        }
        false
    }
}

/// Each line of stdin, whatever is in it.
fn read(steps: &SyncSender<()>) {
    let mut stdin = std::io::stdin().lock();
    loop {
        let (bytes, lines) = match stdin.fill_buf() {
            Ok([]) => return,
            Ok(bytes) => (bytes.len(), bytes.iter().filter(|b| **b == b'\n').count()),
            Err(e) if e.kind() == ErrorKind::Interrupted => continue,
            Err(_) => return,
        };
        stdin.consume(bytes);
        if (0..lines).any(|_| steps.send(()).is_err()) {
            return;
        }
    }
}
