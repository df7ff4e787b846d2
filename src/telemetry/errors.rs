//! Identical errors are kept once, with a count, first and last time.

use crate::clock::HostTime;

/// One distinct error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ErrorRecord {
    /// Raw code.
    pub code: i64,
    /// Where it came from: an index that the owner of the table gives meaning to.
    pub origin: u32,
    /// How often.
    pub count: u64,
    /// First seen.
    pub first: HostTime,
    /// Last seen.
    pub last: HostTime,
}

/// A bounded table of distinct errors. Owned by a cold thread; hot threads push codes to it over rings.
#[derive(Debug)]
pub struct DistinctErrors {
    records: Vec<ErrorRecord>,
    limit: usize,
    beyond: u64,
}

impl DistinctErrors {
    /// A table of at most `limit` distinct errors; what comes beyond is only counted.
    pub fn new(limit: usize) -> Self {
        DistinctErrors { records: Vec::with_capacity(limit), limit, beyond: 0 }
    }

    /// Notes one occurrence. Returns whether it is the first of its kind (and so worth a log line).
    pub fn note(&mut self, code: i64, origin: u32, at: HostTime) -> bool {
        if let Some(r) = self.records.iter_mut().find(|r| r.code == code && r.origin == origin) {
            r.count += 1;
            r.last = at;
            return false;
        }
        if self.records.len() == self.limit {
            self.beyond += 1;
            return false;
        }
        self.records.push(ErrorRecord { code, origin, count: 1, first: at, last: at });
        true
    }

    /// The distinct errors, in the order of their first occurrence.
    pub fn records(&self) -> &[ErrorRecord] {
        &self.records
    }

    /// Occurrences of errors for which the table had no room.
    pub fn beyond(&self) -> u64 {
        self.beyond
    }
}
