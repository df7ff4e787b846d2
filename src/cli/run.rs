//! `frameline run`.

use super::args::RunArgs;
use super::boards::Boards;
use super::job::{Job, StageJob};
use super::kinds::{Kind, Surroundings};
use super::log::Log;
use super::machine::Machine;
use super::object::{Verdict, object};
use super::record_kind::SourceFacts;
use super::report::ReportFolder;
use super::report::picture::{Saved, pictures};
use super::status::view::Goal;
use super::status::{Status, wants_colour};
use super::steps::Steps;
use super::summary::summary;
use super::teach;
use super::{recording, resolve};
use crate::buffer::Frame;
use crate::error::{Error, ErrorKind};
use crate::pipeline::{Line, LineBuilder, Snapshot, StageSpec};
use crate::recording::RecorderAlarm;
use crate::sim::{Scene, Sim, SimConfig};
use crate::source::Source;
use crate::stage::{Flow, FnStage, StageContext};
use crate::stages::Gallery;
use signal_hook::consts::{SIGINT, SIGQUIT, SIGTERM, SIGTSTP};
use signal_hook::iterator::Signals;
use std::io::Write;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How often the program looks at signals and at the line.
const LOOK: Duration = Duration::from_millis(50);
/// How long a stop may drain beyond what the configuration gives a reset.
const STOP_SLACK: Duration = Duration::from_secs(8);
/// A recording that the disk has not taken by then is left as it is.
const CLOSE_WITHIN: Duration = Duration::from_secs(60);

/// Runs the job; the verdict's failures are the reasons for exit code 1.
pub fn run(args: &RunArgs, verbose: u8) -> Result<Verdict, Error> {
    let machine = Machine::look();
    let job = resolve::job(args, &machine.cores)?;
    if args.print_config {
        resolve::open_source(&job)?;
        return print(&job.toml).map(|()| Verdict::default());
    }
    let log = Log::start(&job.log, verbose)?;
    let mut folder = job.report.as_ref().map(|dir| ReportFolder::create(dir)).transpose()?;
    // Before any thread of the line exists, so that none of them is killed by a signal.
    let no_handler =
        |e| Error::with_source(ErrorKind::Io, "the handler of Ctrl-C cannot be installed", e);
    let mut signals = Signals::new([SIGINT, SIGTERM]).map_err(no_handler)?;
    let gallery = Arc::new(Gallery::default());
    let goal = Goal { frames: job.line.capture.frames, duration: job.line.capture.duration };
    let steps = Steps::of(&job.uri);
    // Who steps types into the terminal: no block is drawn there meanwhile.
    let status = Status::new(args.quiet || steps.is_some(), goal);
    if let Some(steps) = steps.as_ref().filter(|_| !args.quiet) {
        steps.explain();
    }
    status.prepare(preparation(&job));
    let mut alarms = Vec::new();
    let line = builder_with(&job, &gallery, &mut alarms)?.start()?;
    if args.record.is_none() {
        alarms.clear(); // A line goes on without its recording.
    }
    if status.on_screen() {
        // Who suspends or ends the program gets the cursor back first.
        for signal in [SIGTSTP, SIGQUIT] {
            signals.add_signal(signal).map_err(no_handler)?;
        }
    }
    let (snapshot, interrupted) =
        watch(line, &mut signals, &job, (status, steps), folder.as_mut(), &alarms);
    let mut verdict = Verdict::of(&job, &snapshot, interrupted);
    verdict.log = log.finish();
    let text = summary(&snapshot, &verdict, &job);
    let reported = folder.map(|folder| {
        let saved = gallery.parts();
        let saved = saved.iter().map(|p| Saved {
            path: &p.path,
            frame_id: p.frame_id,
            verdict: p.verdict,
            crop: p.crop,
        });
        folder.write(&snapshot, &verdict, &job, &machine, &text, &pictures(saved))
    });
    if args.json {
        if !args.quiet {
            let _ = std::io::stderr().write_all(text.as_bytes());
        }
        let mut object = object(&snapshot, &verdict);
        if let Some(path) = &args.record {
            object["recording"] = recording::record::object(path);
        }
        print(&format!("{object}\n"))?;
    } else if !args.quiet {
        print(&with_colour(&text, verdict.failures.is_empty()))?;
    }
    // A report that could not be written costs the report, not the summary.
    reported.transpose()?;
    Ok(verdict)
}

/// What is done before the line runs, in a few words.
fn preparation(job: &Job) -> &'static str {
    let learns = |s: &StageJob| matches!(s.kind, Kind::Inspect { reference: None });
    if job.stages.iter().any(learns) {
        "getting ready: learning what good parts look like"
    } else {
        "getting ready: camera and memory"
    }
}

/// The first word, which says how it went, in colour where stdout is a terminal that shows it.
fn with_colour(summary: &str, ok: bool) -> String {
    let (true, Some((word, rest))) = (wants_colour(&std::io::stdout()), summary.split_once(':'))
    else {
        return summary.into();
    };
    let colour = if ok { console::Color::Green } else { console::Color::Red };
    let word = console::Style::new().fg(colour).bold().force_styling(true).apply_to(word);
    format!("{word}:{rest}")
}

/// Writes to stdout, where a reader that went away is an error and no panic.
pub(super) fn print(text: &str) -> Result<(), Error> {
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes())
        .and_then(|()| out.flush())
        .map_err(|e| Error::with_source(ErrorKind::Io, "stdout cannot be written", e))
}

/// The line that the job describes.
pub(super) fn builder(job: &Job, gallery: &Arc<Gallery>) -> Result<LineBuilder, Error> {
    builder_with(job, gallery, &mut Vec::new())
}

/// The same, with those who tell whether its recordings go on.
fn builder_with(
    job: &Job,
    gallery: &Arc<Gallery>,
    alarms: &mut Vec<RecorderAlarm>,
) -> Result<LineBuilder, Error> {
    check_first(job)?;
    let source = resolve::open_source(job)?;
    let facts = SourceFacts::of(&job.uri, &*source, job.line.capture.frames);
    let surroundings = Surroundings::new(&job.uri, source.geometry(), gallery.clone());
    let surroundings = surroundings.with_source(facts);
    let boards = Boards::of(&job.stages);
    let mut builder = Line::builder_boxed(source).config(job.line.clone());
    for (i, stage) in job.stages.iter().enumerate() {
        let around = surroundings.clone().with_reference(teach::at_start(job, stage)?);
        let maker = stage
            .kind
            .open(&around, workers_of(job, i), boards.at(i))
            .map_err(|e| stage.origin.error(format_args!("stage {}: {e}", stage.spec.name)))?;
        if let Some(recorder) = maker.recorder() {
            builder = builder.witness(recorder.witness());
            alarms.push(recorder.alarm());
        }
        builder = builder.stage_with(stage.spec.clone(), move |worker| maker.make(worker));
    }
    Ok(builder)
}

/// Refuses a line that cannot work before a conveyor is drawn and learnt, which takes seconds: the same line, with a
/// camera that draws little and stages that only take their places.
fn check_first(job: &Job) -> Result<(), Error> {
    let learns = |s: &StageJob| matches!(s.kind, Kind::Inspect { reference: None });
    let camera = SimConfig::from_uri(&job.uri).ok().filter(SimConfig::shows_conveyor);
    let (true, Some(mut camera)) = (job.stages.iter().any(learns), camera) else { return Ok(()) };
    camera.look.scene = Scene::Pattern;
    let source: Box<dyn Source> = Box::new(Sim::new(camera)?);
    let surroundings = Surroundings::new(&job.uri, source.geometry(), Arc::default());
    let mut builder = Line::builder_boxed(source).config(job.line.clone());
    for stage in &job.stages {
        let spec = stage.spec.clone();
        builder = if stage.kind.makes_images() {
            let maker = stage
                .kind
                .open(&surroundings, stage.spec.workers, None)
                .map_err(|e| stage.origin.error(format_args!("stage {}: {e}", spec.name)))?;
            builder.stage_with(spec, move |worker| maker.make(worker))
        } else {
            let pass = |_: &mut Frame, _: &mut StageContext<'_>| Ok(Flow::Pass);
            builder.stage_with(spec, move |_| Box::new(FnStage(pass)))
        };
    }
    builder.check()
}

/// How many instances of a stage there will be: stages that share a thread have its workers.
fn workers_of(job: &Job, index: usize) -> usize {
    let spec = &job.stages[index].spec;
    let shares = |s: &&StageSpec| spec.thread.is_some() && s.thread == spec.thread;
    let specs = job.stages.iter().map(|s| &s.spec);
    specs.filter(shares).map(|s| s.workers).max().unwrap_or(1).max(spec.workers)
}

/// A recording's last bytes may take a slow disk longer than a line's end may take. A signal ends the wait.
fn wait_for_disk(alarms: &[RecorderAlarm], signals: &mut Signals) {
    let until = Instant::now() + CLOSE_WITHIN;
    let _ = writeln!(std::io::stderr(), "the recording is being closed; the disk is behind");
    while Instant::now() < until && !alarms.iter().all(|a| a.wait_closed(LOOK)) {
        if signals.pending().any(|s| matches!(s, SIGINT | SIGTERM)) {
            return;
        }
    }
}

/// Until the line ends by itself or is asked to by a signal; a second signal gives up at once.
fn watch(
    mut line: Line,
    signals: &mut Signals,
    job: &Job,
    (mut status, mut steps): (Status, Option<Steps>),
    mut folder: Option<&mut ReportFolder>,
    alarms: &[RecorderAlarm],
) -> (Snapshot, bool) {
    let deadline = job.line.reset.deadline + STOP_SLACK;
    let handle = line.handle();
    let mut asked = 0;
    let mut stop_by: Option<Instant> = None;
    if let Some(folder) = &mut folder {
        folder.begin(&handle.snapshot(), job);
    }
    loop {
        let ended = line.wait(LOOK);
        for signal in signals.pending() {
            match signal {
                SIGINT | SIGTERM => asked += 1,
                signal => {
                    status.leave();
                    // Stops or ends the process, as without us. If it cannot, the line runs on.
                    let _ = signal_hook::low_level::emulate_default_handler(signal);
                }
            }
        }
        if asked > 1 {
            status.end();
            return (line.abort(), true);
        }
        let over = alarms.iter().any(RecorderAlarm::has_failed);
        let stepped = steps.as_mut().is_some_and(|s| !ended && s.pass_on(&handle));
        if (asked == 1 || over || stepped) && stop_by.is_none() {
            handle.request_stop();
            stop_by = Some(Instant::now() + deadline);
        }
        if ended || stop_by.is_some_and(|by| Instant::now() >= by) {
            status.end();
            let end = line.stop(deadline);
            if !alarms.iter().all(|a| a.wait_closed(Duration::ZERO)) {
                wait_for_disk(alarms, signals);
                return (handle.snapshot(), asked > 0);
            }
            return (end, asked > 0);
        }
        let due = folder.as_deref_mut().filter(|f| f.is_due());
        if status.is_due() || due.is_some() {
            let s = handle.snapshot();
            if let Some(folder) = due {
                folder.tick(&s);
            }
            if status.is_due() {
                status.show(&s);
            }
        }
    }
}
