//! The stages that come with the library, in a line with threads.

use frameline::pipeline::{Line, Snapshot, StageSpec};
use frameline::ring::Policy;
use frameline::sim::Sim;
use frameline::stage::Figure;
use frameline::stages::{
    Delay, DelayMode, DelaySettings, MeasurementBoard, RecordWriter, Results, Threshold,
    WriterSettings,
};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

fn sim(more: &str) -> Sim {
    let uri = format!(
        "sim:?width=64&height=48&sensor_width=64&sensor_height=48&rate=500&frames=200{more}"
    );
    Sim::from_uri(&uri).unwrap()
}

/// Runs to the end of the source, with a watchdog.
fn run(mut line: Line) -> Snapshot {
    let until = Instant::now() + Duration::from_secs(60);
    while !line.wait(Duration::from_millis(100)) {
        assert!(Instant::now() < until, "the line hung: {:?}", line.snapshot());
    }
    line.stop(Duration::from_secs(10))
}

fn temp(name: &str) -> PathBuf {
    std::env::temp_dir().join(format!("frameline-stages-{}-{name}", std::process::id()))
}

fn writer(csv: &Path) -> RecordWriter {
    let settings =
        WriterSettings { json: None, csv: Some(csv.into()), depth: 1024, row_per_part: false };
    RecordWriter::open(&settings).unwrap()
}

/// Rows of a CSV file, without its header.
fn rows(csv: &Path) -> Vec<Vec<String>> {
    let text = std::fs::read_to_string(csv).unwrap();
    let _ = std::fs::remove_file(csv);
    text.lines().skip(1).map(|l| l.split(',').map(String::from).collect()).collect()
}

fn figure(s: &Snapshot, stage: &str, name: &str) -> u64 {
    let stage = s.stages.iter().find(|t| t.name == stage).unwrap();
    match stage.results.iter().find(|(n, _)| *n == name) {
        Some((_, Figure::Count(n) | Figure::Max(n))) => *n,
        other => panic!("{name}: {other:?}"),
    }
}

#[test]
fn every_record_has_its_own_measurement_in_order_with_several_workers() {
    // Catches measurements of another frame, or none, when they come from other threads.
    let csv = temp("workers.csv");
    let writer = writer(&csv);
    let board = Arc::new(MeasurementBoard::new());
    let theirs = board.clone();
    let line = Line::builder(sim(""))
        .stage_with(StageSpec::new("measure").workers(3), move |_| {
            Box::new(Threshold::new(Some(100)).with_board(theirs.clone()))
        })
        .stage("keep", Results::new(writer.sink(), true).with_board(board))
        .start()
        .unwrap();
    let s = run(line);
    assert!(s.is_balanced(), "{:?}", s.frames);
    let rows = rows(&csv);
    assert_eq!(rows.len() as u64, s.frames.delivered);
    assert_eq!(figure(&s, "keep", "written"), s.frames.delivered);
    assert_eq!(figure(&s, "measure", "frames"), s.frames.delivered);
    let sequences: Vec<u64> = rows.iter().map(|r| r[0].parse().unwrap()).collect();
    assert!(sequences.is_sorted());
    assert!(rows.iter().all(|r| r[9] == (64 * 48).to_string()), "pixels are missing");
    let above: u64 = rows.iter().map(|r| r[10].parse::<u64>().unwrap()).sum();
    assert_eq!(above, figure(&s, "measure", "above"));
}

#[test]
fn a_record_says_what_its_consumer_did_not_get() {
    // Catches frames that a tap replaced and nobody's record mentions.
    let csv = temp("latest.csv");
    let writer = writer(&csv);
    let slow = DelaySettings {
        time: Duration::from_millis(7),
        mode: DelayMode::Sleep,
        ..DelaySettings::default()
    };
    let spec = |name: &str| StageSpec::new(name).thread("slow");
    let line = Line::builder(sim("&faults=at%2050%20lose%202"))
        .stage(spec("keep").policy(Policy::Latest), Results::new(writer.sink(), true))
        .stage(spec("slow"), Delay::new(slow))
        .start()
        .unwrap();
    let s = run(line);
    assert!(s.is_balanced(), "{:?}", s.frames);
    let rows = rows(&csv);
    assert!(rows.len() < 150, "a slow tap skips frames");
    let last_id: u64 = rows.last().unwrap()[1].parse().unwrap();
    let lost: u64 = rows.iter().map(|r| r[5].parse::<u64>().unwrap()).sum();
    assert_eq!(rows.len() as u64 + lost, last_id + 1, "ids count from 0, each got or lost");
}
