//! What stages leave for later ones, by frame: who posts it, who reads whose, and the boards between them.

use super::job::StageJob;
use super::value::list;
use crate::pipeline::After;
use crate::stages::MeasurementBoard;
use crate::verdict::VerdictBoard;
use std::collections::HashMap;
use std::sync::Arc;

/// What a stage leaves for later ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Topic {
    /// One measurement a frame, from a `threshold` stage.
    Measurements,
    /// One verdict a frame, from an `inspect` stage.
    Verdicts,
}

impl Topic {
    /// The kind of stage that posts it.
    pub fn kind(self) -> &'static str {
        match self {
            Topic::Measurements => "threshold",
            Topic::Verdicts => "inspect",
        }
    }
}

/// What a stage reads from an earlier one.
#[derive(Debug, Clone, Copy)]
pub struct Reads<'a> {
    /// The stage that its key `from` names; `None`: the nearest one before it.
    pub from: Option<&'a str>,
    /// What it can read.
    pub topics: &'static [Topic],
    /// Whether it has no work without.
    pub needed: bool,
}

/// Where one stage posts and others read.
#[derive(Debug, Clone)]
pub enum Board {
    /// Measurements.
    Measurements(Arc<MeasurementBoard>),
    /// Verdicts.
    Verdicts(Arc<VerdictBoard>),
}

impl Board {
    fn of(topic: Topic) -> Board {
        match topic {
            Topic::Measurements => Board::Measurements(Arc::default()),
            Topic::Verdicts => Board::Verdicts(Arc::default()),
        }
    }
}

/// The boards of a line, by the posting stage. There is one where somebody reads it.
#[derive(Debug)]
pub struct Boards<'a> {
    stages: &'a [StageJob],
    boards: HashMap<&'a str, Board>,
}

impl<'a> Boards<'a> {
    /// Those that the stages of a checked job need.
    pub fn of(stages: &'a [StageJob]) -> Self {
        let mut boards = HashMap::new();
        for stage in stages {
            let Some(poster) = poster_for(stages, stage) else { continue };
            if let Some(topic) = poster.kind.posts() {
                boards.entry(poster.spec.name.as_str()).or_insert_with(|| Board::of(topic));
            }
        }
        Boards { stages, boards }
    }

    /// The board that stage number `index` posts to or reads from.
    pub fn at(&self, index: usize) -> Option<Board> {
        let stage = &self.stages[index];
        let poster = poster_for(self.stages, stage).unwrap_or(stage);
        self.boards.get(poster.spec.name.as_str()).cloned()
    }
}

/// Whether `stage` has what it reads among the stages `before` it; else what is wrong with the key it names,
/// in words that follow the key.
pub fn check(before: &[StageJob], stage: &StageJob) -> Result<(), (&'static str, String)> {
    let Some(reads) = stage.kind.reads() else { return Ok(()) };
    if poster_for(before, stage).is_some() || (reads.from.is_none() && !reads.needed) {
        return Ok(());
    }
    let kinds = reads.topics.iter().map(|t| t.kind()).collect::<Vec<_>>().join(" or ");
    let can = |s: &&StageJob| s.kind.posts().is_some_and(|t| reads.topics.contains(&t));
    let there: Vec<_> = way_to(before, stage).filter(can).map(|s| s.spec.name.as_str()).collect();
    let there = if there.is_empty() {
        format!("there is none; add a [[stage]] of kind {kinds} before this one")
    } else {
        format!("there: {}", list(there))
    };
    Err(match reads.from {
        Some(from) => {
            ("from", format!("names {from:?}, which is no {kinds} stage on the way to it; {there}"))
        }
        None => ("kind", format!("needs a stage of kind {kinds} on the way to it; {there}")),
    })
}

/// The stage whose board `stage` reads: the one it names, or the nearest that posts what it can read.
fn poster_for<'a>(stages: &'a [StageJob], stage: &StageJob) -> Option<&'a StageJob> {
    let reads = stage.kind.reads()?;
    way_to(stages, stage).find(|s| {
        s.kind.posts().is_some_and(|t| reads.topics.contains(&t))
            && reads.from.is_none_or(|name| s.spec.name == name)
    })
}

/// The stages that a frame passes before `stage`, nearest first. `stages` are those of the line, or those
/// written before `stage`.
pub fn way_to<'a>(stages: &'a [StageJob], stage: &StageJob) -> impl Iterator<Item = &'a StageJob> {
    let own = stages.iter().position(|s| s.spec.name == stage.spec.name).unwrap_or(stages.len());
    let before = move |index: usize, after: &After| match after {
        After::Previous => index.checked_sub(1),
        After::Source => None,
        After::Stage(name) => stages[..index].iter().position(|s| s.spec.name == *name),
    };
    let first = before(own, &stage.spec.after);
    std::iter::successors(first, move |i| before(*i, &stages[*i].spec.after)).map(|i| &stages[i])
}

#[cfg(test)]
mod tests {
    use super::super::document::Document;
    use super::super::job::Job;
    use super::super::schema::TABLE_NAMES;
    use super::*;

    fn job(text: &str) -> Result<Job, crate::Error> {
        Job::new(&Document::parse(text, "f.toml", TABLE_NAMES)?, &[0])
    }

    const BRANCHES: &str = r#"
        stage = [
            { name = "a", kind = "threshold" },
            { name = "b", kind = "threshold" },
            { name = "c", kind = "threshold", after = "a" },
            { name = "near", kind = "results", csv = "x", after = "b" },
            { name = "far", kind = "results", csv = "y", after = "c", from = "a" },
            { name = "none", kind = "results", csv = "z", after = "source" },
        ]"#;

    #[test]
    fn stages_share_the_board_of_the_one_they_read() {
        // Catches a results stage that records what another branch measured, or a board per stage.
        let job = job(BRANCHES).unwrap();
        let boards = Boards::of(&job.stages);
        let same = |i, j| match (boards.at(i), boards.at(j)) {
            (Some(Board::Measurements(a)), Some(Board::Measurements(b))) => Arc::ptr_eq(&a, &b),
            _ => false,
        };
        assert!(same(3, 1) && same(4, 0) && !same(0, 1));
        assert!(boards.at(2).is_none() && boards.at(5).is_none());
    }

    #[test]
    fn what_is_read_must_lie_on_the_way() {
        // Catches reading a board that another branch may not have filled yet.
        let text = BRANCHES.replace("from = \"a\"", "from = \"b\"");
        let e = job(&text).unwrap_err().to_string();
        assert!(
            e.contains("names \"b\", which is no threshold or inspect stage on the way"),
            "{e}"
        );
        assert!(e.ends_with("there: c and a"), "{e}");
    }
}
