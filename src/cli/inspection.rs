//! What an inspection came to, read from what the stages counted.

use crate::pipeline::Snapshot;
use crate::stage::Figure;
use crate::verdict::Defect;

/// The verdicts of one inspecting stage.
#[derive(Debug, Clone, PartialEq)]
pub struct Inspection {
    /// The stage.
    pub stage: String,
    /// Parts that it judged.
    pub parts: u64,
    /// Parts that failed.
    pub failed: u64,
    /// Failed parts by what is wrong with them, only those that occurred, most frequent first.
    pub kinds: Vec<(&'static str, u64)>,
}

impl Inspection {
    /// The failed share of the parts, 0 to 1.
    pub fn failed_share(&self) -> f64 {
        self.failed as f64 / self.parts.max(1) as f64
    }
}

/// How the verdicts compare with a known truth.
#[derive(Debug, Clone, PartialEq)]
pub struct Truth {
    /// The stage that compared.
    pub stage: String,
    /// Of the parts that were failed, the share that are bad, 0 to 1.
    pub precision: f64,
    /// Of the bad parts, the share that were failed, 0 to 1.
    pub recall: f64,
}

/// The stages that judged parts, in the order of the line.
pub fn inspections(s: &Snapshot) -> Vec<Inspection> {
    let of = |stage: &crate::pipeline::StageSnapshot| {
        let count = |name: &str| figure(&stage.results, name).and_then(as_count);
        let (parts, failed) = (count("parts")?, count("failed")?);
        let mut kinds: Vec<_> = Defect::NAMES
            .into_iter()
            .filter_map(|name| Some((name, count(name)?)))
            .filter(|(_, n)| *n > 0)
            .collect();
        kinds.sort_by_key(|(_, n)| std::cmp::Reverse(*n));
        Some(Inspection { stage: stage.name.clone(), parts, failed, kinds })
    };
    s.stages.iter().filter_map(of).collect()
}

/// The comparison with a known truth, where some stage made one.
pub fn truth(s: &Snapshot) -> Option<Truth> {
    s.stages.iter().find_map(|stage| {
        let number = |name| figure(&stage.results, name).and_then(as_number);
        let (precision, recall) = (number("precision")?, number("recall")?);
        Some(Truth { stage: stage.name.clone(), precision, recall })
    })
}

/// A stage's figure by name.
fn figure<'a>(results: &'a [(&'static str, Figure)], name: &str) -> Option<&'a Figure> {
    results.iter().find(|(n, _)| *n == name).map(|(_, f)| f)
}

fn as_count(f: &Figure) -> Option<u64> {
    match f {
        Figure::Count(n) | Figure::Max(n) => Some(*n),
        _ => None,
    }
}

fn as_number(f: &Figure) -> Option<f64> {
    match f {
        Figure::Number(n) if n.is_finite() => Some(*n),
        _ => None,
    }
}
