//! Goes through a recording frame by frame and says exactly what is good.

use super::format::EntryFault;
use super::reader::{Recording, Segment};
use crate::words::counted;

/// Frames beside each other with the same fault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadFrames {
    /// The first of them, in the recording.
    pub from: u64,
    /// The last of them.
    pub to: u64,
    /// What is wrong with the first of them.
    pub fault: EntryFault,
}

/// What a look through a recording came to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Findings {
    /// Frames that are whole: committed, and with the payload that was recorded.
    pub good: u64,
    /// Payload bytes of these.
    pub good_bytes: u64,
    /// The others, in stretches.
    pub bad: Vec<BadFrames>,
    /// Files without a closing record, by their place among the segments.
    pub not_closed: Vec<usize>,
    /// What is missing beside frames, each in a sentence: segments that are gone, events that are damaged.
    pub missing: Vec<String>,
}

impl Findings {
    /// Whether every frame is good and every file was closed.
    pub fn is_whole(&self) -> bool {
        self.bad.is_empty() && self.not_closed.is_empty() && self.missing.is_empty()
    }

    /// Frames that are not good.
    pub fn bad_frames(&self) -> u64 {
        self.bad.iter().map(|b| b.to - b.from + 1).sum()
    }
}

/// Reads every frame and checks it; `seen` is told after each how many are done.
pub fn verify(recording: &Recording, mut seen: impl FnMut(u64)) -> Findings {
    let mut found = Findings::default();
    let closed = |s: &Segment| s.closing().is_some();
    found.not_closed = recording
        .segments()
        .iter()
        .enumerate()
        .filter(|(_, s)| !closed(s))
        .map(|(i, _)| i)
        .collect();
    found.missing = recording.missing().to_vec();
    for s in recording.segments() {
        let there = s.events().map_or(0, |events| events.len() as u64);
        let damaged = s.closing().map_or(0, |c| c.events.saturating_sub(there));
        if damaged > 0 {
            let damaged = counted(damaged, "damaged event");
            found.missing.push(format!("{} has {damaged}", s.path().display()));
        }
    }
    let mut payload = Vec::new();
    for n in 0..recording.frames() {
        match recording.read(n, &mut payload) {
            Ok(entry) => {
                found.good += 1;
                found.good_bytes += entry.payload_bytes;
            }
            Err(fault) => match found.bad.last_mut() {
                Some(last) if last.to + 1 == n && same(&last.fault, &fault) => last.to = n,
                _ => found.bad.push(BadFrames { from: n, to: n, fault }),
            },
        }
        seen(n + 1);
    }
    found
}

/// Whether two faults are of one kind.
fn same(a: &EntryFault, b: &EntryFault) -> bool {
    std::mem::discriminant(a) == std::mem::discriminant(b)
}
