//! Duty cycle of an agent: how long its turns take and the longest gap between two of them.

use super::Gauge;
use crate::clock::{HostTime, Nanos};
use crate::sync::Arc;

/// On a line of its own: one thread writes it every turn.
#[derive(Debug, Default)]
#[repr(align(128))]
struct Cells {
    turns: Gauge,
    last: Gauge,
    longest: Gauge,
}

/// The agent's end: it says when each turn begins.
#[derive(Debug)]
pub struct Turn {
    cells: Arc<Cells>,
    last: HostTime,
    turns: u64,
    longest: u64,
}

/// The reading end.
#[derive(Debug, Clone)]
pub struct TurnReader(Arc<Cells>);

/// A fresh duty-cycle tracker.
pub fn turn() -> (Turn, TurnReader) {
    let cells = Arc::new(Cells::default());
    let turn = Turn { cells: cells.clone(), last: HostTime(0), turns: 0, longest: 0 };
    (turn, TurnReader(cells))
}

impl Turn {
    /// A turn begins. `planned_pause` says that the gap before it was not work (the line was stopped).
    ///
    /// # Real-time
    /// The owning thread. No allocation, no lock, no locked instruction.
    #[inline]
    pub fn begin(&mut self, now: HostTime, planned_pause: bool) {
        if self.turns > 0 && !planned_pause {
            let gap = (now - self.last).0;
            if gap > self.longest {
                self.longest = gap;
                self.cells.longest.set(gap);
            }
        }
        self.last = now;
        self.turns += 1;
        self.cells.last.set(now.0);
        self.cells.turns.set(self.turns);
    }
}

impl TurnReader {
    /// Turns begun so far.
    pub fn turns(&self) -> u64 {
        self.0.turns.get()
    }

    /// When the last turn began.
    pub fn last(&self) -> HostTime {
        HostTime(self.0.last.get())
    }

    /// The longest gap from one turn's beginning to the next.
    pub fn longest_gap(&self) -> Nanos {
        Nanos(self.0.longest.get())
    }
}
