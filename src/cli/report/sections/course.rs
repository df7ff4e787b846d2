//! The course of the run: rates, occupancy, latency, memory and page faults over time.

use super::{legend, section};
use crate::cli::report::axis::{Axis, short};
use crate::cli::report::page::Facts;
use crate::cli::report::plot::{Curve, HALF, Mark, plot};
use crate::pipeline::{Sample, Snapshot};
use maud::{Markup, PreEscaped, html};

/// Points of a line at most, and the least time that one stands for: shorter, a rate is mostly rounding.
const POINTS: f64 = 160.0;
const LEAST_SECONDS: f64 = 0.5;

/// The plots over time.
pub fn course(f: &Facts<'_>) -> Markup {
    let s = f.s;
    let run = Run::of(s);
    if run.buckets.len() < 2 {
        return html! {};
    }
    let marks = marks(s);
    let mut body = html! {
        (run.figure("Frames a second", &marks, &[("", 0, &|b| b.rate(|p| p.grabbed))]))
        (run.figure("Image data, MB a second", &marks, &[("", 0, &|b| b.rate(|p| p.bytes) / 1e6)]))
        (occupancy(&run, s, &marks))
        (latency(f, &run, &marks))
        (run.figure("Resident memory, MB", &marks, &[("", 0, &|b| b.last.rss_bytes as f64 / 1e6)]))
        (faults(&run, &marks))
    };
    if s.frames.lost() > 0 {
        body = html! {
            (body)
            (run.figure("Frames lost so far, by whatever cause", &marks, &[("", 1, &|b| b.last.lost as f64)]))
        };
    }
    let about = match marks.is_empty() {
        true => String::new(),
        false => "Shaded: the line was in a reset or a reconnection.".into(),
    };
    section("course", "Over time", &about, &html! { div.grid { (body) } })
}

/// Spans without frames that resets and reconnections took.
fn marks(s: &Snapshot) -> Vec<Mark> {
    let start = s.started.0;
    let mark = |at: u64, dead: u64| {
        let from = at.saturating_sub(start) as f64 / 1e9;
        Mark { from, to: from + dead as f64 / 1e9 }
    };
    let resets = s.resets.iter().map(|r| mark(r.at.0, r.dead.0));
    let mut all: Vec<_> =
        resets.chain(s.reconnects.iter().map(|r| mark(r.at.0, r.dead.0))).collect();
    all.sort_by(|a, b| a.from.total_cmp(&b.from));
    // Thousands of resets are one shade, not thousands of elements.
    let apart = s.elapsed.0 as f64 / 1e9 / 400.0;
    all.dedup_by(|next, kept| {
        let near = next.from <= kept.to + apart;
        if near {
            kept.to = kept.to.max(next.to);
        }
        near
    });
    all
}

/// Samples taken together.
struct Bucket {
    first: Sample,
    last: Sample,
    most_out: u64,
}

impl Bucket {
    fn change(&self, of: impl Fn(&Sample) -> u64) -> f64 {
        of(&self.last).saturating_sub(of(&self.first)) as f64
    }

    fn rate(&self, of: impl Fn(&Sample) -> u64) -> f64 {
        self.change(of) / ((self.last.at - self.first.at).0.max(1) as f64 / 1e9)
    }
}

struct Run {
    start: u64,
    seconds: f64,
    buckets: Vec<Bucket>,
}

/// A line of a figure: its name, its look, and its value in a bucket.
type Line<'a> = (&'a str, usize, &'a dyn Fn(&Bucket) -> f64);

impl Run {
    fn of(s: &Snapshot) -> Run {
        let seconds = s.elapsed.0 as f64 / 1e9;
        let width = ((seconds / POINTS).max(LEAST_SECONDS) * 1e9) as u64;
        let mut buckets: Vec<Bucket> = Vec::new();
        // Each begins with the sample that ended the one before it, so that no change falls between.
        let mut first: Option<&Sample> = None;
        let mut most_out = 0;
        for p in &s.samples {
            most_out = most_out.max(p.slots_out);
            let begin = *first.get_or_insert(p);
            if (p.at - begin.at).0 >= width {
                buckets.push(Bucket { first: *begin, last: *p, most_out });
                (first, most_out) = (Some(p), 0);
            }
        }
        // What is left is enough for a rate of its own, or belongs to the last.
        if let (Some(begin), Some(end)) = (first, s.samples.last()) {
            let left = (end.at - begin.at).0;
            if left >= width / 2 {
                buckets.push(Bucket { first: *begin, last: *end, most_out });
            } else if let Some(last) = buckets.last_mut().filter(|_| left > 0) {
                last.last = *end;
                last.most_out = last.most_out.max(most_out);
            }
        }
        Run { start: s.started.0, seconds, buckets }
    }

    fn at(&self, p: &Sample) -> f64 {
        p.at.0.saturating_sub(self.start) as f64 / 1e9
    }

    fn x(&self) -> Axis {
        Axis::run(self.seconds, 6)
    }

    /// Values by time, from the begin of the first bucket to the end of the last.
    fn points(&self, of: &dyn Fn(&Bucket) -> f64) -> Vec<(f64, f64)> {
        let (Some(first), Some(last)) = (self.buckets.first(), self.buckets.last()) else {
            return Vec::new();
        };
        let middle = |b: &Bucket| (self.at(&b.first) + self.at(&b.last)) / 2.0;
        let begin = (self.at(&first.first), of(first));
        let end = (self.at(&last.last), of(last));
        let within = self.buckets.iter().map(|b| (middle(b), of(b)));
        std::iter::once(begin).chain(within).chain([end]).collect()
    }

    fn figure(&self, caption: &str, marks: &[Mark], lines: &[Line<'_>]) -> Markup {
        let curves: Vec<_> = lines
            .iter()
            .map(|(_, look, of)| Curve {
                look: *look,
                points: self.points(of),
                shaded: lines.len() == 1,
            })
            .collect();
        let most = curves.iter().flat_map(|c| &c.points).map(|p| p.1).fold(0.0, f64::max);
        let y = Axis::linear(most, 4, short);
        let svg = plot(HALF, &self.x(), &y, &curves, marks, caption);
        html! {
            figure {
                figcaption { (caption) }
                (PreEscaped(svg))
                @if lines.len() > 1 { (legend(lines.iter().map(|(name, look, _)| (*look, *name)))) }
            }
        }
    }
}

/// Page faults, or that there were none.
fn faults(run: &Run, marks: &[Mark]) -> Markup {
    let caption = "Page faults a second, the line's threads";
    if run.buckets.iter().all(|b| b.change(|p| p.faults_minor + p.faults_major) == 0.0) {
        return html! { figure { figcaption { (caption) } p.none { "none in the whole run" } } };
    }
    run.figure(
        caption,
        marks,
        &[
            ("minor", 0, &|b| b.rate(|p| p.faults_minor)),
            ("major", 1, &|b| b.rate(|p| p.faults_major)),
        ],
    )
}

/// Slots that are out against those that there are.
fn occupancy(run: &Run, s: &Snapshot, marks: &[Mark]) -> Markup {
    let slots = s.slots as f64;
    let points = run.points(&|b| b.most_out as f64);
    let most = points.iter().map(|p| p.1).fold(slots, f64::max);
    let curves = [
        Curve { look: 0, points, shaded: true },
        Curve { look: 7, points: vec![(0.0, slots), (run.seconds, slots)], shaded: false },
    ];
    let caption = "Slots of the pool that are out, at most";
    let svg = plot(HALF, &run.x(), &Axis::linear(most, 4, short), &curves, marks, caption);
    html! {
        figure {
            figcaption { (caption) }
            (PreEscaped(svg))
            (legend([(0, "out"), (7, "all slots")].into_iter()))
        }
    }
}

/// End-to-end latency of each interval.
fn latency(f: &Facts<'_>, run: &Run, marks: &[Mark]) -> Markup {
    if f.stretches.is_empty() {
        return html! {};
    }
    // The largest first: where two are equal, the one that says more lies above.
    let lines = [("largest", 7_usize), ("99th percentile", 1), ("median", 0)];
    let curves: Vec<_> = lines
        .iter()
        .map(|(name, look)| Curve {
            look: *look,
            points: f
                .stretches
                .iter()
                .map(|t| {
                    let value = match *name {
                        "median" => t.p50,
                        "largest" => t.max,
                        _ => t.p99,
                    };
                    ((t.start.0 + t.length.0 / 2) as f64 / 1e9, value.0 as f64)
                })
                .collect(),
            shaded: false,
        })
        .collect();
    let values = || f.stretches.iter().flat_map(|t| [t.p50.0, t.max.0]);
    let (min, max) = (values().min().unwrap_or(1), values().max().unwrap_or(1));
    let y = Axis::latency(min as f64, max as f64);
    let caption = "End-to-end latency, second by second";
    html! {
        figure {
            figcaption { (caption) }
            (PreEscaped(plot(HALF, &run.x(), &y, &curves, marks, caption)))
            (legend(lines.iter().map(|(name, look)| (*look, *name))))
        }
    }
}
