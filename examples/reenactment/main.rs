//! The failure that frameline grew from, played again with another end.
//!
//! A Hikrobot camera (simulated, behind a library with the vendor's symbols) times out in bursts, grows its region in
//! mid-stream so that the SDK answers 0x80000007 for ever, and loses its power and returns; four threads want its frames.
//! This prints what happens as it happens, and at the end what that proves. It is a check: where a claim does not
//! hold, it ends with 1 and a sentence.
//!
//! `cargo run --release --example reenactment -- --seconds 60 --fill copy`

mod claims;
#[path = "../../tests/fake/mod.rs"]
mod fake;
mod scene;
mod story;

use claims::{Claim, claims};
use fake::Fake;
use scene::{CAMERA, Scene};
use std::process::ExitCode;
use std::time::{Duration, Instant};
use story::Teller;

const USAGE: &str =
    "usage: reenactment [--seconds S] [--fill copy|lend|announce]   S: 1 to 86400, default 60";

struct Arguments {
    time: Duration,
    fill: String,
}

/// What was typed; the error is a sentence.
fn arguments(mut words: impl Iterator<Item = String>) -> Result<Arguments, String> {
    // The original program copied: MV_CC_GetOneFrameTimeout.
    let mut arguments = Arguments { time: Duration::from_secs(60), fill: "copy".into() };
    while let Some(word) = words.next() {
        let value = words.next().unwrap_or_default();
        match (word.as_str(), value.as_str()) {
            ("--seconds", seconds) => {
                let seconds = seconds.parse().ok().filter(|s| (1..=86_400).contains(s));
                let seconds = seconds
                    .ok_or_else(|| format!("--seconds {value:?} is no number from 1 to 86400"))?;
                arguments.time = Duration::from_secs(seconds);
            }
            ("--fill", "copy" | "lend" | "announce") => arguments.fill = value,
            ("--fill", _) => {
                return Err(format!("--fill {value:?} is none of copy, lend, announce"));
            }
            _ => return Err(format!("{word:?} is not known; {USAGE}")),
        }
    }
    Ok(arguments)
}

fn run(arguments: &Arguments) -> Result<(), String> {
    let begun = Instant::now();
    let mut say = |text: &str| println!("{:>7.2} s  {text}", begun.elapsed().as_secs_f64());
    let fake = Fake::load("fakemvs", CAMERA)?;
    let from = fake.from.display().to_string();
    let scene = Scene::open(fake, &arguments.fill).map_err(|e| e.to_string())?;
    say(&format!("the simulated MVS library is {from}; the line fills by {}", arguments.fill));
    let mut teller = Teller::new(&scene, &mut say);
    while begun.elapsed() < arguments.time {
        teller.round()?;
    }
    let told = teller.told;
    let Scene { line, seen, .. } = scene;
    let end = line.stop(Duration::from_secs(5));
    let consumers: Vec<_> = seen.iter().map(|(name, s)| (name.clone(), &**s)).collect();
    let claims = claims(&end, &told, &consumers);
    println!("\n{} rounds in {}:\n", told.rounds, end.elapsed);
    for Claim { what, seen, holds } in &claims {
        println!("  {what:17}  {}  {seen}", if *holds { "holds " } else { "BROKEN" });
    }
    println!();
    let broken: Vec<_> = claims.iter().filter(|c| !c.holds).collect();
    match broken[..] {
        [] => Ok(()),
        [first, ..] => Err(format!(
            "{} of {} claims do not hold, the first: {}: {}",
            broken.len(),
            claims.len(),
            first.what,
            first.seen
        )),
    }
}

fn main() -> ExitCode {
    if std::env::args().any(|a| a == "--help" || a == "-h") {
        println!("{USAGE}");
        return ExitCode::SUCCESS;
    }
    let arguments = match arguments(std::env::args().skip(1)) {
        Ok(arguments) => arguments,
        Err(why) => {
            eprintln!("reenactment: {why}");
            return ExitCode::from(2);
        }
    };
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("reenactment: {why}");
            ExitCode::FAILURE
        }
    }
}
