//! What an inspection came to, read from what the stages counted.

use crate::pipeline::{Snapshot, StageSnapshot};
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

/// How the verdicts of an inspection compare with a known truth.
#[derive(Debug, Clone, PartialEq)]
pub struct Truth {
    /// The stage that compared.
    pub stage: String,
    /// The inspecting stage whose verdicts these are.
    pub of: Option<String>,
    /// Of the parts that were failed, the share that are bad, 0 to 1.
    pub precision: f64,
    /// Of the bad parts, the share that were failed, 0 to 1.
    pub recall: f64,
    /// Bad parts.
    pub defective: u64,
    /// Bad parts that passed.
    pub missed: u64,
    /// Good parts that were failed.
    pub false_alarms: u64,
    /// Bad parts that were failed for another kind of defect than they have.
    pub wrong_kind: u64,
    /// Kinds of defects that there were: name, how many, how many of them were failed.
    pub kinds: Vec<(&'static str, u64, u64)>,
    /// Kinds that were called another one: what they are, what they were called, how many. Most frequent first.
    pub confused: Vec<(&'static str, &'static str, u64)>,
}

impl Truth {
    /// Bad parts that were failed.
    pub fn found(&self) -> u64 {
        self.defective.saturating_sub(self.missed)
    }

    /// Precision and recall as a person reads them; a dash where there is nothing to have a share of.
    pub fn shares(&self) -> [String; 2] {
        let text =
            |share: f64, of: u64| if of > 0 { format!("{share:.4}") } else { "\u{2013}".into() };
        [text(self.precision, self.found() + self.false_alarms), text(self.recall, self.defective)]
    }
}

/// The stages that judged parts, in the order of the line.
pub fn inspections(s: &Snapshot) -> Vec<Inspection> {
    let of = |stage: &StageSnapshot| {
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

/// The comparisons with a known truth, each with the inspection that it names, or the nearest before it.
pub fn truths(s: &Snapshot) -> Vec<Truth> {
    let of = |(i, stage): (usize, &StageSnapshot)| {
        let number = |name: &str| figure(&stage.results, name).and_then(as_number);
        let count = |name: &str| figure(&stage.results, name).and_then(as_count).unwrap_or(0);
        let (precision, recall) = (number("precision")?, number("recall")?);
        let named = match figure(&stage.results, "of") {
            Some(Figure::Text(name)) if !name.is_empty() => Some(name.clone()),
            _ => None,
        };
        let inspects = |t: &&StageSnapshot| {
            ["parts", "failed"].iter().all(|name| figure(&t.results, name).is_some())
        };
        let nearest = || s.stages[..i].iter().rev().find(inspects).map(|t| t.name.clone());
        let kinds = Defect::NAMES
            .into_iter()
            .map(|kind| (kind, count(&format!("planted_{kind}")), count(&format!("found_{kind}"))))
            .filter(|(_, planted, _)| *planted > 0)
            .collect();
        let pairs = Defect::NAMES.into_iter().flat_map(|is| Defect::NAMES.map(|said| (is, said)));
        let mut confused: Vec<_> = pairs
            .map(|(is, said)| (is, said, count(&format!("{is}_called_{said}"))))
            .filter(|(.., n)| *n > 0)
            .collect();
        confused.sort_by_key(|(.., n)| std::cmp::Reverse(*n));
        Some(Truth {
            stage: stage.name.clone(),
            of: named.or_else(nearest),
            precision,
            recall,
            defective: count("defective"),
            missed: count("false_negatives"),
            false_alarms: count("false_positives"),
            wrong_kind: count("wrong_kind"),
            kinds,
            confused,
        })
    };
    s.stages.iter().enumerate().filter_map(of).collect()
}

/// The first of them.
pub fn truth(s: &Snapshot) -> Option<Truth> {
    truths(s).into_iter().next()
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
        Figure::Number(_) | Figure::Share { .. } => f.as_f64().filter(|n| n.is_finite()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::Line;
    use crate::sim::Sim;

    #[test]
    fn a_truth_belongs_to_the_inspection_it_names_or_stands_behind() {
        // Catches precision shown for another stage, and kinds that did not occur in a list.
        let sim = Sim::from_uri("sim:?width=32&height=32&rate=max&frames=3").unwrap();
        let mut line = Line::builder(sim).frames(4).start().unwrap();
        for _ in line.frames() {}
        let mut s = line.stop(std::time::Duration::from_secs(5));
        let mut add = |name: &str, results: &[(&'static str, Figure)]| {
            s.stages.push(StageSnapshot {
                name: name.into(),
                frames: 3,
                failed: 0,
                panicked: 0,
                service: s.end_to_end.clone(),
                results: results.to_vec(),
            });
        };
        let look = |failed| [("parts", Figure::Count(9)), ("failed", Figure::Count(failed))];
        let judge = |of: &str| {
            let share = Figure::Share { part: 1, whole: 2 };
            let of = Figure::Text(of.into());
            [
                ("precision", share.clone()),
                ("recall", share),
                ("planted_dent", Figure::Count(1)),
                ("dent_called_stain", Figure::Count(1)),
                ("of", of),
            ]
        };
        add(
            "a",
            &[&look(3)[..], &[("dent", Figure::Count(1)), ("stain", Figure::Count(2))]].concat(),
        );
        add("b", &[&look(0)[..], &[("dent", Figure::Count(0))]].concat());
        add("judge-a", &judge("a"));
        add("judge-b", &judge(""));
        add("other", &[("parts", Figure::Count(1))]);
        let found = inspections(&s);
        assert_eq!(found.iter().map(|i| i.stage.as_str()).collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!(found[0].kinds, [("stain", 2), ("dent", 1)]);
        assert!(found[1].kinds.is_empty() && found[1].failed_share() == 0.0);
        let truths = truths(&s);
        let of: Vec<_> = truths.iter().map(|t| (t.stage.as_str(), t.of.as_deref())).collect();
        assert_eq!(of, [("judge-a", Some("a")), ("judge-b", Some("b"))]);
        assert_eq!((truths[0].precision, truths[0].kinds.clone()), (0.5, vec![("dent", 1, 0)]));
        assert_eq!(truths[1].confused, [("dent", "stain", 1)]);
    }
}
