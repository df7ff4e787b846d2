//! `frameline teach`: learns from good frames what parts look like, for stages of kind `inspect`.

use super::args::{RunArgs, TeachArgs};
use super::boards::way_to;
use super::job::{Job, StageJob};
use super::kinds::{Kind, Surroundings};
use super::machine::Machine;
use super::run::print;
use super::{reference, resolve};
use crate::error::{Error, ErrorKind};
use crate::pipeline::{After, Damaged, Line, NextFrame};
use crate::sim::{Rate, Script, Sim, SimConfig, Trigger};
use crate::source::Source;
use crate::stages::inspect::{DEFAULT_FRAMES, Reference, SURE_RADIUS, Teacher};
use serde_json::{Value, json};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long the next frame may let us wait.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long stopping the line may take.
const STOP: Duration = Duration::from_secs(5);
/// Makes another seed of a seed: what is learnt must not be the very caps that are judged.
const OTHER_CAPS: u64 = 0x7EAC_4000;

/// Runs the command; the reason is one for exit code 1.
pub fn run(args: &TeachArgs) -> Result<Option<String>, Error> {
    let machine = Machine::look();
    let run = RunArgs {
        config: args.config.clone(),
        source: args.source.clone(),
        set: args.set.clone(),
        ..RunArgs::default()
    };
    let job = resolve::job(&run, &machine.cores)?;
    let way = match &args.config {
        Some(path) => {
            let inspects = |s: &&StageJob| matches!(s.kind, Kind::Inspect { .. });
            let Some(stage) = job.stages.iter().find(inspects) else {
                return Err(Error::config(format!(
                    "{} has no stage of kind inspect to teach for",
                    path.display()
                )));
            };
            image_stages(&job, stage)
        }
        None => Vec::new(),
    };
    // Before anything takes time: can the file be written at all?
    let folder = args.out.parent().filter(|p| !p.as_os_str().is_empty());
    if folder.is_some_and(|p| !p.is_dir()) || args.out.is_dir() {
        return Err(Error::config(format!(
            "--out {} cannot be written: its folder is not there, or it is one itself",
            args.out.display()
        )));
    }
    let begun = Instant::now();
    let source = resolve::open_source(&job)?;
    let (reference, frames) = learn(&job, source, &way, args.frames)?;
    let from = format!("{frames} frames of {}", job.uri.replace(char::is_control, " "));
    let images = reference::write(&reference, &args.out, &from)?;
    if args.json {
        print(&format!("{}\n", object(args, &reference, frames, &images, begun.elapsed())))?;
    } else {
        print(&text(args, &reference, frames))?;
    }
    Ok(None)
}

/// The stages on the way to an inspecting stage that make another image of a frame, first ones first.
pub fn image_stages<'a>(job: &'a Job, stage: &StageJob) -> Vec<&'a StageJob> {
    let mut way: Vec<_> = way_to(&job.stages, stage).filter(|s| s.kind.makes_images()).collect();
    way.reverse();
    way
}

/// Learns from the next `frames` frames of a source, as they come out of the stages `way`. Returns how many
/// frames were learnt from, too.
pub fn learn(
    job: &Job,
    source: Box<dyn Source>,
    way: &[&StageJob],
    frames: u64,
) -> Result<(Reference, u64), Error> {
    let around = Surroundings::new(&job.uri, source.geometry(), Default::default());
    let mut config = job.line.clone();
    config.pool.slots = None;
    config.pool.lock = false;
    config.capture.frames = None;
    config.capture.duration = None;
    config.capture.damaged = Damaged::Drop;
    // It is no run: its frames and its faults would be taken for the line's.
    config.monitor.log = false;
    let mut builder = Line::builder_boxed(source).config(config);
    for stage in way {
        let maker = stage
            .kind
            .open(&around, 1, None)
            .map_err(|e| stage.origin.error(format_args!("stage {}: {e}", stage.spec.name)))?;
        let mut spec = stage.spec.clone();
        (spec.after, spec.workers, spec.policy) = (After::Previous, 1, None);
        builder = builder.stage_with(spec, move |worker| maker.make(worker));
    }
    let mut line = builder.frames(2).start()?;
    let mut teacher = Teacher::new();
    let mut until = Instant::now() + PATIENCE;
    let learnt = loop {
        if teacher.frames() >= frames {
            break Ok(());
        }
        match line.next_frame(Duration::from_millis(100)) {
            NextFrame::Frame(frame) => {
                if let Err(e) = teacher.push(&frame) {
                    break Err(e);
                }
                until = Instant::now() + PATIENCE;
            }
            NextFrame::End => break Ok(()),
            NextFrame::Nothing if Instant::now() >= until => {
                break Err(Error::new(
                    ErrorKind::Source,
                    format!("no frame came within {} s; teach needs {frames}", PATIENCE.as_secs()),
                ));
            }
            NextFrame::Nothing => {}
        }
    };
    let end = line.stop(STOP);
    learnt?;
    if let Some(failure) = end.failure {
        return Err(Error::new(ErrorKind::Source, failure));
    }
    let taken = teacher.frames();
    Ok((teacher.finish()?, taken))
}

/// The reference of an inspecting stage that names no file: learnt from good parts of the same simulated conveyor,
/// whose caps are others than those that the run will show. `None`: the stage names one, or its source is no conveyor.
pub fn at_start(job: &Job, stage: &StageJob) -> Result<Option<Arc<Reference>>, Error> {
    let Kind::Inspect { reference: None } = stage.kind else { return Ok(None) };
    let Ok(mut camera) = SimConfig::from_uri(&resolve::camera(&job.uri)) else { return Ok(None) };
    if !camera.shows_conveyor() {
        return Ok(None);
    }
    camera.look.defects = 0.0;
    camera.seed ^= OTHER_CAPS;
    camera.rate = Rate::Max;
    (camera.trigger, camera.frames) = (Trigger::Off, None);
    camera.script = Script::default();
    let begun = Instant::now();
    let source = Box::new(Sim::new(camera)?);
    let (reference, frames) = learn(job, source, &image_stages(job, stage), DEFAULT_FRAMES)?;
    tracing::info!(
        stage = stage.spec.name,
        frames,
        parts = reference.taught().nests.len(),
        took_ms = begun.elapsed().as_millis() as u64,
        "no reference is named; good parts of the simulated conveyor were learnt"
    );
    warn_if_small(&stage.spec.name, &reference);
    Ok(Some(Arc::new(reference)))
}

/// Says so in the log.
fn warn_if_small(stage: &str, reference: &Reference) {
    if let Some(sentence) = small(reference) {
        tracing::warn!(stage, "{sentence}");
    }
}

/// What is to be said of parts that are small.
pub fn small(reference: &Reference) -> Option<String> {
    let radius = reference.taught().radius;
    reference.is_small().then(|| {
        format!(
            "parts have a radius of {radius:.0} pixels: below {SURE_RADIUS:.0} scratches, dents and prints of a pixel or two may pass as good; show each part larger"
        )
    })
}

/// For a person.
fn text(args: &TeachArgs, reference: &Reference, frames: u64) -> String {
    let t = reference.taught();
    let small = match small(reference) {
        Some(sentence) => format!("note: {sentence}\n"),
        None => String::new(),
    };
    let print = if t.printed { "a print" } else { "no print" };
    format!(
        "learnt {} parts of radius {:.1} pixels with {print} from {frames} frames of {}x{}\n\
         wrote {}; its limits may be changed\n\
         use it with reference = \"{}\" in a stage of kind inspect\n{small}",
        t.nests.len(),
        t.radius,
        t.width,
        t.height,
        args.out.display(),
        args.out.display()
    )
}

/// For a program.
fn object(
    args: &TeachArgs,
    reference: &Reference,
    frames: u64,
    images: &[PathBuf],
    took: Duration,
) -> Value {
    let t = reference.taught();
    let l = &t.limits;
    let path = |p: &PathBuf| p.display().to_string();
    json!({
        "ok": true,
        "out": path(&args.out),
        "images": images.iter().map(path).collect::<Vec<_>>(),
        "frames": frames,
        "width": t.width,
        "height": t.height,
        "parts": t.nests.len(),
        "radius": t.radius,
        "small": reference.is_small(),
        "printed": t.printed,
        "limits": {
            "search": l.search,
            "edge": l.edge,
            "presence": l.presence,
            "radius": l.radius,
            "outline": l.outline,
            "print": l.print,
            "mark": l.mark,
            "slack": l.slack,
        },
        "nests": t.nests.iter().map(|n| json!({ "x": n.x, "y": n.y, "light": n.light })).collect::<Vec<_>>(),
        "took_ns": took.as_nanos() as u64,
    })
}
