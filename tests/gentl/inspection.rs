//! The main job on what a producer delivers: taught, inspected, reported, balanced, with verdicts that are known before.

use super::fakegentl::Fake;
use super::util::watched;
use frameline::format::{Geometry, PixelFormat};
use frameline::sim::{Conveyor, Look, Truth};
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

const SIZE: (u32, u32) = (640, 512);
const SEED: u64 = 7;
const FRAMES: u64 = 40;
const GOOD_FRAMES: u64 = 12;

/// What lies on the conveyor that is judged.
fn look() -> Look {
    Look { defects: 0.3, ..Look::default() }
}

/// A folder with two films of the conveyor, removed at the end.
struct Films(PathBuf);

impl Films {
    fn new(geometry: &Geometry) -> Films {
        let dir = std::env::temp_dir().join(format!("frameline-gentl-{}", std::process::id()));
        std::fs::create_dir_all(&dir).unwrap();
        let films = Films(dir);
        // Good caps are others than those that are judged.
        let good = Look { defects: 0.0, ..look() };
        films.shoot("good.raw", Conveyor::new(geometry, &good, SEED + 1).unwrap(), GOOD_FRAMES);
        films.shoot("line.raw", Conveyor::new(geometry, &look(), SEED).unwrap(), FRAMES);
        films
    }

    fn shoot(&self, name: &str, conveyor: Conveyor, frames: u64) {
        let bytes = conveyor.image_bytes();
        let mut film = vec![0; bytes * frames as usize];
        film.chunks_mut(bytes).zip(0..).for_each(|(image, serial)| conveyor.write(serial, image));
        std::fs::write(self.0.join(name), film).unwrap();
    }

    fn path(&self, name: &str) -> String {
        self.0.join(name).display().to_string()
    }

    /// Runs the program, with one camera for each film behind its producer. Returns the object that it prints.
    fn frameline(&self, args: &[&str]) -> Value {
        let camera = |serial: &str, film: &str| {
            let (width, height) = SIZE;
            let film = self.path(film);
            format!("camera {serial} size={width}x{height} fps=200 patient=1 film={film}")
        };
        let cameras = format!("{}; {}", camera("GOOD", "good.raw"), camera("LINE", "line.raw"));
        let run = Command::new(env!("CARGO_BIN_EXE_frameline"))
            .args(args)
            .env("FAKEGENTL_CONFIG", cameras)
            .output()
            .expect("the program starts");
        let told = String::from_utf8_lossy(&run.stderr);
        assert_eq!(run.status.code(), Some(0), "{args:?}: {told}");
        let out = String::from_utf8(run.stdout).expect("output is UTF-8");
        let object = out.lines().last().expect("an object");
        serde_json::from_str(object).unwrap_or_else(|e| panic!("{e}: {object}"))
    }
}

impl Drop for Films {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Which part of the frame a verdict is about, and what it says.
fn verdicts(line: &Value, truth: &Truth, frame: u64) -> BTreeSet<(usize, String)> {
    let defects = line["defects"].as_array().expect("the frame was judged");
    let part_of = |verdict: &Value| {
        let area: Vec<i64> =
            verdict["part"].as_array().unwrap().iter().map(|n| n.as_i64().unwrap()).collect();
        let (x, y) = (area[0] + area[2] / 2, area[1] + area[3] / 2);
        let is_there = |i: &usize| {
            let at = truth.part(frame, *i).part;
            let within = |n: i64, from: i64, size: i64| (from..from + size).contains(&n);
            within(x, at.x.into(), at.width.into()) && within(y, at.y.into(), at.height.into())
        };
        (0..truth.parts()).find(is_there).unwrap_or_else(|| panic!("no part at {x}, {y}"))
    };
    let name = |verdict: &Value| verdict["defect"].as_str().unwrap().to_string();
    defects.iter().map(|verdict| (part_of(verdict), name(verdict))).collect()
}

/// Catches: an image that comes through a producer other than it is, a frame under another's number, a verdict that does not
/// reach the report, a run on a camera that does not add up.
#[test]
fn parts_before_a_producers_camera_are_inspected_and_reported() {
    watched(|| {
        let geometry = Geometry::new(SIZE.0, SIZE.1, PixelFormat::MONO8);
        let truth = Truth::new(&geometry, &look(), SEED).expect("a conveyor");
        let (fake, films) = (Fake::new("camera A"), Films::new(&geometry));
        let (cap, report) = (films.path("cap.toml"), films.path("report"));
        let taught = films.frameline(&[
            "teach",
            "--source",
            &fake.uri("serial=GOOD"),
            "--out",
            &cap,
            "--frames",
            &GOOD_FRAMES.to_string(),
            "--json",
        ]);
        assert_eq!(taught["parts"], truth.parts());

        // A ring that holds the whole run: this machine may be slower than the camera.
        let config = format!(
            "[source]\nuri = {:?}\n\n[[stage]]\nname = \"inspect\"\nkind = \"inspect\"\nreference = {cap:?}\nring = 64\n",
            fake.uri("serial=LINE&ExposureTime=2000")
        );
        std::fs::write(films.path("line.toml"), config).unwrap();
        let ran = films.frameline(&[
            "run",
            &films.path("line.toml"),
            "--frames",
            &FRAMES.to_string(),
            "--report",
            &report,
            "--json",
            "--quiet",
        ]);
        assert_eq!(ran["balanced"], true, "{ran}");
        assert_eq!(ran["frames"]["delivered"], FRAMES, "{}", ran["frames"]);

        let (mut planted, mut failed, mut named, mut missed) = (0, 0, 0, 0);
        let lines = std::fs::read_to_string(Path::new(&report).join("results.jsonl")).unwrap();
        for line in lines.lines() {
            let line: Value = serde_json::from_str(line).unwrap();
            let frame = line["frame_id"].as_u64().unwrap();
            let bad = (0..truth.parts()).filter_map(|i| {
                truth.part(frame, i).defect.map(|defect| (i, defect.name().to_string()))
            });
            let (bad, found) = (bad.collect::<BTreeSet<_>>(), verdicts(&line, &truth, frame));
            let parts = |set: &BTreeSet<(usize, String)>| -> BTreeSet<usize> {
                set.iter().map(|v| v.0).collect()
            };
            // A good part that fails would be another frame's, or another image than was shown.
            let (of_found, of_bad) = (parts(&found), parts(&bad));
            assert!(of_found.is_subset(&of_bad), "frame {frame}: {found:?} for {bad:?}");
            missed += of_bad.difference(&of_found).count();
            (planted, failed) = (planted + bad.len(), failed + found.len());
            named += found.intersection(&bad).count();
        }
        assert_eq!(lines.lines().count() as u64, FRAMES);
        assert!(planted > 20, "there was something to find: {planted}");
        // A faint one may pass: which good frames were taught depends on how fast this machine is.
        assert!(missed * 50 <= planted, "{missed} of {planted} passed");
        assert!(named * 5 >= planted * 4, "{named} of {planted} are called what they are");
        let inspected = &ran["results"]["inspect"];
        assert_eq!(inspected["parts"], FRAMES * truth.parts() as u64, "{inspected}");
        assert_eq!(inspected["failed"], failed, "{inspected}");

        let page = std::fs::read_to_string(Path::new(&report).join("report.html")).unwrap();
        assert!(page.contains("gentl:") && page.contains("serial=LINE"), "it names the camera");
        let pictures = std::fs::read_dir(Path::new(&report).join("parts")).unwrap().count();
        assert!(pictures > 0, "failed parts are shown");
    });
}
