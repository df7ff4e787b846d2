//! What a stream counts of itself: Aravis's own figures, by its names, over all the streams of a source.
#![allow(unsafe_code)]

use super::camera::from_c;
use super::library::Library;
use super::sys::{self, Object};

/// What a GigE Vision stream counts, by Aravis's names; other streams have some of them, later versions may have more.
pub(super) const KNOWN: [&str; 18] = [
    "n_completed_buffers",
    "n_failures",
    "n_underruns",
    "n_timeouts",
    "n_aborted",
    "n_missing_frames",
    "n_size_mismatch_errors",
    "n_received_packets",
    "n_missing_packets",
    "n_error_packets",
    "n_ignored_packets",
    "n_resend_requests",
    "n_resent_packets",
    "n_resend_ratio_reached",
    "n_resend_disabled",
    "n_duplicated_packets",
    "n_transferred_bytes",
    "n_ignored_bytes",
];
pub(super) const COMPLETED: usize = 0;
pub(super) const UNDERRUNS: usize = 2;
pub(super) const BYTES: usize = 16;

/// A list that is longer is not believed.
const MOST: u32 = 256;

/// Where a stream has its counters.
#[derive(Debug, Default)]
pub(super) struct Counters {
    /// Place of each of [`KNOWN`] in the stream's list.
    known: [Option<u32>; KNOWN.len()],
    /// Those of no known name, with theirs.
    others: Vec<(String, u32)>,
}

impl Counters {
    /// Those of a stream.
    ///
    /// # Safety
    /// `stream` is a stream of that library.
    pub unsafe fn of(library: &Library, stream: Object) -> Counters {
        let s = &library.symbols;
        let mut counters = Counters::default();
        // SAFETY: places below the stream's count; the names are its own.
        unsafe {
            for place in 0..(s.infos)(stream).min(MOST) {
                let name = from_c((s.info_name)(stream, place));
                // One that is no whole number would be read as one.
                let is_number = s.info_type.map(|of| of(stream, place) == sys::TYPE_UINT64);
                match KNOWN.iter().position(|known| *known == name) {
                    _ if is_number == Some(false) => {}
                    Some(n) => counters.known[n] = Some(place),
                    None if is_number == Some(true) && !name.is_empty() => {
                        counters.others.push((name, place));
                    }
                    None => {}
                }
            }
        }
        counters
    }

    /// One of [`KNOWN`], as the stream has it now; 0 where it does not count that.
    ///
    /// # Safety
    /// The stream that these are of.
    ///
    /// # Real-time
    /// Any thread. No allocation, no lock.
    pub unsafe fn known(&self, library: &Library, stream: Object, n: usize) -> u64 {
        // SAFETY: a place that the stream named. Its thread writes a whole word meanwhile.
        self.known[n].map_or(0, |p| unsafe { (library.symbols.info_number)(stream, p) })
    }

    /// Tells all that the stream has.
    ///
    /// # Safety
    /// The stream that these are of.
    pub unsafe fn all(&self, library: &Library, stream: Object, tell: &mut dyn FnMut(&str, u64)) {
        let known = KNOWN.iter().zip(&self.known).filter_map(|(name, p)| Some((*name, (*p)?)));
        let others = self.others.iter().map(|(name, p)| (name.as_str(), *p));
        for (name, place) in known.chain(others) {
            // SAFETY: as above.
            tell(name, unsafe { (library.symbols.info_number)(stream, place) });
        }
    }
}

/// Sums over the streams of a source, of which each start makes a new one.
#[derive(Debug, Clone, Default)]
pub(super) struct Totals(Vec<(String, u64)>);

impl Totals {
    /// Adds what one stream has counted.
    pub fn add(&mut self, name: &str, count: u64) {
        match self.0.iter_mut().find(|(known, _)| known == name) {
            Some((_, sum)) => *sum = sum.saturating_add(count),
            None => self.0.push((name.into(), count)),
        }
    }

    /// All of them, in the order in which they were first told.
    pub fn all(&self) -> &[(String, u64)] {
        &self.0
    }
}
