//! The fault matrix: every code of the MVS table at every call of the SDK that the source makes, in simulated time. What
//! should come of it is written down as rules of place and class (`rules.rs`), not taken from a run; each cell is run and
//! compared. `docs/fault-matrix.md` is the same rules as a document.
#![cfg(feature = "mvs")]
#![allow(missing_docs)]

mod cell;
mod document;
#[path = "../fake/mod.rs"]
mod fake;
mod phases;
mod places;
mod rules;
#[path = "../util/mod.rs"]
mod util;

use cell::Cell;
use fake::Fake;
use frameline::fault::{CodeEntry, FaultClass, mvs};
use places::{PLACES, Phase, Place};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// What calls return; the table's other codes are posted by callbacks.
pub fn returned() -> impl Iterator<Item = &'static CodeEntry> {
    mvs::TABLE.iter().filter(|e| e.code > 0xFFFF)
}

pub fn posted() -> impl Iterator<Item = &'static CodeEntry> {
    mvs::TABLE.iter().filter(|e| e.code <= 0xFFFF)
}

/// The first code of a class.
fn is_first(entry: &CodeEntry) -> bool {
    returned().find(|e| e.class == entry.class).is_some_and(|e| e.code == entry.code)
}

fn cells(place: &'static Place) -> Vec<Cell> {
    let mut cells = Vec::new();
    let codes: Vec<_> =
        if place.phase == Phase::Posted { posted().collect() } else { returned().collect() };
    for entry in codes {
        let (once, ever) = place.outcomes(entry);
        cells.push(Cell { place, entry, ever: false, expected: once });
        // What has stopped the line at once stops it again. What a call may answer without consequence it may
        // answer for ever, and one code of a class shows it; so with what does not ask for the class.
        let telling = !once.ends() && (place.is_by_class() || is_first(entry));
        if telling && place.phase != Phase::Posted {
            cells.push(Cell { place, entry, ever: true, expected: ever });
        }
    }
    cells
}

/// Runs the cells of some places, several at a time, each worker with a library of its own.
fn run(which: impl Fn(&Place) -> bool) {
    // More than one, so that waits overlap; few, so that lines do not wait for cores.
    const WORKERS: usize = 2;
    let cells: Vec<Cell> = PLACES.iter().filter(|p| which(p)).flat_map(cells).collect();
    assert!(!cells.is_empty());
    let (next, wrong) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..WORKERS {
            scope.spawn(|| {
                let fake = Fake::new("camera none");
                while let Some(cell) = cells.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if let Err(why) = cell.run(&fake) {
                        wrong.lock().unwrap().push(format!("{cell}: {why}"));
                    }
                }
            });
        }
    });
    let wrong = wrong.into_inner().unwrap();
    println!("{} cells", cells.len());
    assert!(
        wrong.is_empty(),
        "{} of {} cells came out otherwise:\n{}",
        wrong.len(),
        cells.len(),
        wrong.iter().take(40).cloned().collect::<Vec<_>>().join("\n")
    );
}

/// Catches: a refusal that names the wrong call, an optional call that is taken for a need, a camera that is not waited
/// for though it will come.
#[test]
fn opening() {
    run(|p| p.phase == Phase::Open);
}

/// Catches: a line that ends because the first start met a device that was busy, gone for a moment, or wanted more room.
#[test]
fn starting() {
    run(|p| p.phase == Phase::Start);
}

/// Catches: a time-out that moves memory, a loss that is retried for ever, a misuse that is not told; in all three ways.
#[test]
fn grabbing() {
    run(|p| p.phase == Phase::Grab);
}

/// Catches: a buffer that the SDK did not take back and nobody misses.
#[test]
fn giving_back_and_asking() {
    run(|p| matches!(p.phase, Phase::Free | Phase::Silence));
}

/// Catches: an order whose refusal ends the line, or that is told as done.
#[test]
fn orders_and_posts() {
    run(|p| matches!(p.phase, Phase::SetFeature | Phase::Trigger | Phase::Posted));
}

/// Catches: memory that is reallocated while an SDK that could not be stopped still writes it.
#[test]
fn resetting() {
    run(|p| p.phase == Phase::Reset);
}

/// Catches: one bad answer while a lost camera is opened anew that costs the line.
#[test]
fn reopening() {
    run(|p| p.phase == Phase::Reopen);
}

/// Catches: a run that did what it should and is told as failed because the camera was badly closed; a hang there.
#[test]
fn ending() {
    run(|p| p.phase == Phase::End);
}

/// Catches: a class without codes, by which a column of the matrix would say nothing.
#[test]
fn every_class_has_codes() {
    for class in FaultClass::ALL {
        assert!(returned().any(|e| e.class == class), "{class}");
    }
    assert!(returned().count() > 100 && posted().count() == 10);
}
