//! The stage that holds an inspection's verdicts against the truth of the simulated line.
//!
//! It stands behind the inspecting stage and reads what that left on its board: so the truth meets the verdict
//! here, and never reaches the inspection.

use super::config::SimConfig;
use super::conveyor::{TruePart, Truth};
use crate::buffer::Frame;
use crate::format::Geometry;
use crate::stage::{Figure, Flow, Stage, StageContext, StageError, StageResults};
use crate::telemetry::Counter;
use crate::verdict::{Area, FrameVerdict, MAX_PARTS, VerdictBoard};
use std::sync::Arc;

/// What was counted. A part is *positive* if the inspection failed it, *true* if that is right.
#[derive(Debug, Default)]
struct Counts {
    frames: Counter,
    judged: Counter,
    without_verdict: Counter,
    without_truth: Counter,
    parts: Counter,
    defective: Counter,
    true_positives: Counter,
    false_positives: Counter,
    false_negatives: Counter,
    true_negatives: Counter,
    /// Good parts that the inspection says nothing of.
    overlooked: Counter,
    /// Verdicts on places where there is no part.
    invented: Counter,
    /// Defects that were found and called something else.
    wrong_kind: Counter,
    planted: [Counter; 6],
    found: [Counter; 6],
    /// By planted kind and the kind that it was called.
    called: [[Counter; 6]; 6],
    of: String,
}

const PLANTED: [&str; 6] = [
    "planted_missing",
    "planted_deformed",
    "planted_scratch",
    "planted_dent",
    "planted_stain",
    "planted_misprint",
];
const FOUND: [&str; 6] = [
    "found_missing",
    "found_deformed",
    "found_scratch",
    "found_dent",
    "found_stain",
    "found_misprint",
];

/// The names of a kind that was called another one.
macro_rules! called {
    ($($kind:literal),*) => {
        [$([
            concat!($kind, "_called_missing"),
            concat!($kind, "_called_deformed"),
            concat!($kind, "_called_scratch"),
            concat!($kind, "_called_dent"),
            concat!($kind, "_called_stain"),
            concat!($kind, "_called_misprint"),
        ]),*]
    };
}
const CALLED: [[&str; 6]; 6] =
    called!("missing", "deformed", "scratch", "dent", "stain", "misprint");

impl StageResults for Counts {
    fn read(&self) -> Vec<(&'static str, Figure)> {
        // Parts before wholes: a figure read later is not smaller.
        let right = self.true_positives.get();
        let share = |wrong: u64| Figure::Share { part: right, whole: right + wrong };
        let precision = share(self.false_positives.get());
        let recall = share(self.false_negatives.get());
        let mut all = vec![("precision", precision), ("recall", recall)];
        let counts = [
            ("frames", &self.frames),
            ("judged", &self.judged),
            ("without_verdict", &self.without_verdict),
            ("without_truth", &self.without_truth),
            ("parts", &self.parts),
            ("defective", &self.defective),
            ("true_positives", &self.true_positives),
            ("false_positives", &self.false_positives),
            ("false_negatives", &self.false_negatives),
            ("true_negatives", &self.true_negatives),
            ("overlooked", &self.overlooked),
            ("invented", &self.invented),
            ("wrong_kind", &self.wrong_kind),
        ];
        let kinds =
            PLANTED.into_iter().zip(&self.planted).chain(FOUND.into_iter().zip(&self.found));
        all.extend(counts.into_iter().chain(kinds).map(|(n, c)| (n, Figure::Count(c.get()))));
        // Only what was called wrongly, and how.
        for (planted, (names, counts)) in CALLED.iter().zip(&self.called).enumerate() {
            let wrong = names.iter().zip(counts).enumerate().filter(|(said, _)| *said != planted);
            let wrong = wrong.map(|(_, (name, n))| (*name, n.get())).filter(|(_, n)| *n > 0);
            all.extend(wrong.map(|(name, n)| (name, Figure::Count(n))));
        }
        all.push(("of", Figure::Text(self.of.clone())));
        all
    }
}

/// Compares verdicts with the truth, part by part, and passes every frame on.
#[derive(Debug)]
pub struct Judge {
    camera: SimConfig,
    board: Arc<VerdictBoard>,
    /// Of each size that the camera sends: width and height, and what is true of it.
    truths: Vec<([u32; 2], Option<Truth>)>,
    /// The serial of the frame before, by which ids that start again are told apart.
    last: u64,
    verdict: FrameVerdict,
    counts: Arc<Counts>,
}

impl Judge {
    /// Judges what the stage named `of` posts on `board` about the frames of `camera`; an empty name is the nearest
    /// inspecting stage before this one.
    pub fn new(camera: SimConfig, board: Arc<VerdictBoard>, of: &str) -> Judge {
        let truth = |g: Geometry| ([g.width, g.height], camera.truth(&g));
        Judge {
            truths: camera.geometries().map(truth).collect(),
            board,
            last: 0,
            verdict: FrameVerdict::default(),
            counts: Arc::new(Counts { of: of.into(), ..Counts::default() }),
            camera,
        }
    }

    fn judge(&mut self, truth: &[TruePart]) {
        let c = &self.counts;
        let mut taken = [false; MAX_PARTS];
        for found in self.verdict.parts() {
            let near =
                truth.iter().zip(&taken).position(|(t, taken)| !taken && meet(found.part, t.part));
            let Some(i) = near else {
                c.invented.bump();
                c.false_positives.add(u64::from(found.defect.is_some()));
                continue;
            };
            taken[i] = true;
            match (truth[i].defect, found.defect) {
                (Some(is), Some(said)) => {
                    c.true_positives.bump();
                    c.found[is as usize].bump();
                    c.called[is as usize][said as usize].bump();
                    c.wrong_kind.add(u64::from(is != said));
                }
                (Some(_), None) => c.false_negatives.bump(),
                (None, Some(_)) => c.false_positives.bump(),
                (None, None) => c.true_negatives.bump(),
            }
        }
        for (t, taken) in truth.iter().zip(taken) {
            c.parts.bump();
            if let Some(d) = t.defect {
                c.defective.bump();
                c.planted[d as usize].bump();
            }
            match t.defect {
                _ if taken => {}
                Some(_) => c.false_negatives.bump(),
                None => c.overlooked.bump(),
            }
        }
    }
}

/// Whether the middle of each rectangle lies within the other.
fn meet(a: Area, b: Area) -> bool {
    let near = |a: u16, wide_a: u16, b: u16, wide_b: u16| {
        let twice = |at: u16, wide: u16| 2 * i32::from(at) + i32::from(wide);
        (twice(a, wide_a) - twice(b, wide_b)).abs() < i32::from(wide_a.min(wide_b))
    };
    near(a.x, a.width, b.x, b.width) && near(a.y, a.height, b.y, b.height)
}

impl Stage for Judge {
    /// # Real-time
    /// Stage-bound. No allocation, no lock.
    fn process(&mut self, frame: &mut Frame, _: &mut StageContext<'_>) -> Result<Flow, StageError> {
        self.counts.frames.bump();
        // With every frame, judged or not: ids that start again are told apart by the frame before.
        self.last = self.camera.serial_of(frame.id(), self.last);
        // By size alone: a stage before may have made another format of the frame, but one that cut or shrank it
        // has moved the parts, and then nothing is known about them.
        let size = [frame.meta().width, frame.meta().height];
        let known = self.truths.iter().find(|(sent, _)| *sent == size);
        let Some((_, Some(truth))) = known else {
            self.counts.without_truth.bump();
            return Ok(Flow::Pass);
        };
        if !self.board.find(frame.meta().sequence, &mut self.verdict) {
            self.counts.without_verdict.bump();
            return Ok(Flow::Pass);
        }
        let mut parts = [TruePart::default(); MAX_PARTS];
        let n = truth.parts();
        for (i, part) in parts[..n].iter_mut().enumerate() {
            *part = truth.part(self.last, i);
        }
        self.judge(&parts[..n]);
        self.counts.judged.bump();
        Ok(Flow::Pass)
    }

    fn results(&self) -> Option<Arc<dyn StageResults>> {
        Some(self.counts.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::buffer::{Pool, PoolConfig};
    use crate::format::PixelFormat;
    use crate::meta::FrameMeta;
    use crate::verdict::{Defect, PartVerdict};

    fn at(x: u16) -> Area {
        Area { x, y: 10, width: 40, height: 40 }
    }

    fn figure(j: &Judge, name: &str) -> Figure {
        j.counts.read().into_iter().find(|(n, _)| *n == name).unwrap().1
    }

    fn judged(truth: &[(u16, Option<Defect>)], said: &[(u16, Option<Defect>)]) -> Judge {
        let mut j = Judge::new(SimConfig::default(), Arc::default(), "");
        for (x, defect) in said {
            let part = PartVerdict { part: at(*x), defect: *defect, ..PartVerdict::default() };
            assert!(j.verdict.push(part));
        }
        let truth: Vec<_> = truth
            .iter()
            .map(|(x, defect)| TruePart { part: at(*x), defect: *defect, mark: at(*x) })
            .collect();
        j.judge(&truth);
        j
    }

    #[test]
    fn every_part_is_counted_in_one_way() {
        // Catches a precision or recall that leaves out parts that nobody found, or that nobody planted.
        use Defect::{Dent, Scratch, Stain};
        let j = judged(
            &[
                (0, None),
                (100, Some(Dent)),
                (200, Some(Stain)),
                (300, None),
                (400, Some(Dent)),
                (500, None),
            ],
            &[
                (5, None),
                (105, Some(Dent)),
                (195, None),
                (300, Some(Scratch)),
                (700, Some(Stain)),
                (390, Some(Stain)),
            ],
        );
        for (name, n) in [
            ("parts", 6),
            ("defective", 3),
            ("true_positives", 2),
            ("false_positives", 2),
            ("false_negatives", 1),
            ("true_negatives", 1),
            ("overlooked", 1),
            ("invented", 1),
            ("wrong_kind", 1),
            ("planted_dent", 2),
            ("found_dent", 2),
            ("planted_stain", 1),
            ("found_stain", 0),
            ("dent_called_stain", 1),
        ] {
            assert_eq!(figure(&j, name), Figure::Count(n), "{name}");
        }
        let called = j.counts.read().into_iter().filter(|(n, _)| n.contains("_called_"));
        assert_eq!(called.count(), 1, "only what was called wrongly");
        assert_eq!(figure(&j, "precision"), Figure::Share { part: 2, whole: 4 });
        assert_eq!(figure(&j, "recall"), Figure::Share { part: 2, whole: 3 });
    }

    #[test]
    fn one_verdict_answers_for_one_part() {
        // Catches two parts that are both taken as found by one verdict, or one part found twice.
        let j = judged(
            &[(0, Some(Defect::Dent)), (30, Some(Defect::Dent))],
            &[(15, Some(Defect::Dent))],
        );
        assert_eq!(figure(&j, "true_positives"), Figure::Count(1));
        assert_eq!(figure(&j, "false_negatives"), Figure::Count(1));
        let j =
            judged(&[(0, Some(Defect::Dent))], &[(0, Some(Defect::Dent)), (3, Some(Defect::Dent))]);
        assert_eq!(figure(&j, "true_positives"), Figure::Count(1));
        assert_eq!(figure(&j, "false_positives"), Figure::Count(1));
    }

    /// A stage's turn with a frame of that size and id.
    fn turn(j: &mut Judge, width: u32, id: u64) {
        let config = PoolConfig { lock: false, ..PoolConfig::new(1, 64) };
        let mut pool = Pool::new(config, Default::default()).unwrap();
        let mut frame = pool.take().unwrap();
        let geometry = Geometry::new(width, 256, PixelFormat::RGB8);
        *frame.meta_mut() = FrameMeta { frame_id: id, sequence: id, ..FrameMeta::of(&geometry) };
        let cx = &mut StageContext::new(crate::clock::HostTime(0), None);
        j.process(&mut frame.filled(), cx).unwrap();
    }

    #[test]
    fn a_picture_of_another_size_is_not_judged() {
        // Catches parts of a frame that was cut or shrunk held against the truth of another scene; a frame whose
        // format alone was changed is judged all the same.
        let camera = SimConfig::from_uri("sim:?width=352&height=256").unwrap();
        let mut j = Judge::new(camera, Arc::default(), "");
        for id in 0..2 {
            j.board.post(id, &FrameVerdict::default());
        }
        turn(&mut j, 352, 0);
        turn(&mut j, 320, 1);
        turn(&mut j, 352, 2);
        for name in ["judged", "without_truth", "without_verdict"] {
            assert_eq!(figure(&j, name), Figure::Count(1), "{name}");
        }
    }

    #[test]
    fn frames_without_verdict_do_not_make_ids_a_lap_late() {
        // Catches a judge that follows the ids of judged frames only, and after a long silence takes a frame for
        // one of an earlier lap.
        let camera = SimConfig::from_uri("sim:?width=352&height=256&id_modulus=10").unwrap();
        let mut j = Judge::new(camera.clone(), Arc::default(), "");
        for serial in 0..95 {
            turn(&mut j, 352, camera.id_of(serial));
        }
        assert_eq!(j.last, 94);
    }

    #[test]
    fn ids_that_start_again_name_the_right_frame() {
        // Catches a truth that is a lap late after the ids of the camera have started again.
        for uri in [
            "sim:?id_modulus=100",
            "sim:?id_modulus=100&id_skips_zero=off&first_id=7",
            "sim:?first_id=40",
            "sim:",
        ] {
            let camera = SimConfig::from_uri(uri).unwrap();
            let mut last = 0;
            for serial in (0..1000).step_by(13) {
                last = camera.serial_of(camera.id_of(serial), last);
                assert_eq!(last, serial, "{uri}");
            }
            // A frame that was overtaken.
            assert_eq!(camera.serial_of(camera.id_of(980), last), 980, "{uri}");
        }
    }
}
