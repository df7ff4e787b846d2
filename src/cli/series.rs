//! The latencies of a snapshot as one list, in the order of the line, each with the name that it has
//! everywhere: on the terminal, in the report, in file names.

use crate::pipeline::Snapshot;
use crate::telemetry::LatencySnapshot;

/// What a latency is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Of {
    /// From push to pop.
    Hop,
    /// What a stage took for a frame.
    Stage,
    /// From the grab to the end of the last stage.
    EndToEnd,
    /// From one frame's grab to the next, or how much these differ.
    Capture,
}

/// One of them.
#[derive(Debug, Clone, Copy)]
pub struct Series<'a> {
    /// What it is of.
    pub of: Of,
    /// The hop's or stage's own name.
    pub name: &'a str,
    /// The values.
    pub latency: &'a LatencySnapshot,
}

impl Series<'_> {
    /// With the kind before the name: `hop source>verify`.
    pub fn label(&self) -> String {
        match self.of {
            Of::Hop => format!("hop {}", self.name),
            Of::Stage => format!("stage {}", self.name),
            Of::EndToEnd | Of::Capture => self.name.into(),
        }
    }

    /// A file name without what a file system or a shell gives a meaning to: `hop-source-to-verify`.
    pub fn file_stem(&self) -> String {
        self.label()
            .replace('>', "-to-")
            .chars()
            .map(|c| match c {
                c if c.is_ascii_alphanumeric() || "_-.".contains(c) => c,
                ' ' if self.of == Of::Hop || self.of == Of::Stage => '-',
                _ => '_',
            })
            .collect()
    }
}

/// All of them: hops and stages in the order in which they were built, then the whole.
pub fn series(s: &Snapshot) -> Vec<Series<'_>> {
    let hops = s.hops.iter().map(|h| Series { of: Of::Hop, name: &h.name, latency: &h.latency });
    let stages =
        s.stages.iter().map(|t| Series { of: Of::Stage, name: &t.name, latency: &t.service });
    let whole = [
        (Of::EndToEnd, "end to end", &s.end_to_end),
        (Of::Capture, "grab interval", &s.grab_interval),
        (Of::Capture, "grab jitter", &s.grab_jitter),
    ]
    .map(|(of, name, latency)| Series { of, name, latency });
    hops.chain(stages).chain(whole).collect()
}

/// A file stem for each, no two alike.
pub fn file_stems(series: &[Series<'_>]) -> Vec<String> {
    let mut taken: Vec<String> = Vec::new();
    for one in series {
        let mut stem = one.file_stem();
        while taken.contains(&stem) {
            stem.push('_');
        }
        taken.push(stem);
    }
    taken
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Nanos;
    use crate::telemetry::latency;

    #[test]
    fn file_names_are_harmless_and_distinct() {
        // Catches a hop name that becomes a redirection or a path, and one file written over another.
        let (mut w, r) = latency();
        w.record(Nanos(1));
        let l = r.snapshot();
        let one = |of, name| Series { of, name, latency: &l };
        let all = [
            one(Of::Hop, "source>a/b 1"),
            one(Of::Hop, "source>a/b 1"),
            one(Of::Stage, "../x"),
            one(Of::EndToEnd, "end to end"),
        ];
        let stems = file_stems(&all);
        assert_eq!(
            stems,
            ["hop-source-to-a_b-1", "hop-source-to-a_b-1_", "stage-.._x", "end_to_end"]
        );
        assert_eq!(all[0].label(), "hop source>a/b 1");
    }
}
