//! Where a thread runs and how urgently. What the system refuses is reported, never fatal, never silent.

use crate::error::Refusal;
use crate::sys;
use std::sync::OnceLock;

/// The cores this process may use, read once, before anything is pinned: a pinned thread sees only its
/// own core, and children inherit the mask.
pub fn known_cores() -> &'static [usize] {
    static CORES: OnceLock<Vec<usize>> = OnceLock::new();
    CORES.get_or_init(|| {
        core_affinity::get_core_ids().unwrap_or_default().into_iter().map(|c| c.id).collect()
    })
}

/// How many cores this process may use; at least 1.
pub fn core_count() -> usize {
    known_cores().len().max(1)
}

/// How urgent a thread is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Urgency {
    /// As the system gives it.
    #[default]
    Normal,
    /// SCHED_FIFO at this level, `1..=99`.
    Fifo(u8),
    /// A nice value, `-20..=19`.
    Nice(i8),
}

/// Where one thread runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Placement {
    /// Core number, as in [`known_cores`].
    pub core: Option<usize>,
    /// Priority.
    pub urgency: Urgency,
}

impl Placement {
    /// Applies the placement to the calling thread and returns what was refused.
    pub fn apply(self) -> Vec<Refusal> {
        let mut refusals = Vec::new();
        if let Some(core) = self.core
            && !core_affinity::set_for_current(core_affinity::CoreId { id: core })
        {
            refusals.push(Refusal {
                    what: "pin",
                    reason: format!(
                        "pinning to core {core} was refused; the thread runs where the system puts it; check the process's cpuset"
                    ),
                });
        }
        let asked = match self.urgency {
            Urgency::Normal => Ok(()),
            Urgency::Fifo(level) => sys::set_fifo_priority(level),
            Urgency::Nice(value) => sys::set_nice(value),
        };
        if let Err(e) = asked {
            refusals.push(Refusal {
                what: "priority",
                reason: format!(
                    "{:?} was refused ({e}); run with CAP_SYS_NICE or raise `ulimit -r`; the thread runs at normal priority",
                    self.urgency
                ),
            });
        }
        refusals
    }
}
