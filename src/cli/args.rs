//! What was typed. What it means is a [`Job`](super::job::Job).

use super::media::{CutArgs, ExportArgs, ImportArgs};
use crate::stages::inspect::{DEFAULT_FRAMES, MAX_FRAMES, MIN_FRAMES};
use clap::{Args, Parser, Subcommand};
use std::path::PathBuf;

/// A frame pipeline for machine-vision lines: fixed buffers, lock-free hops, every frame accounted for.
#[derive(Debug, Parser)]
#[command(name = "frameline", version, arg_required_else_help = true)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
    /// Tell more on stderr (-v: info, -vv: debug).
    #[arg(short, long, action = clap::ArgAction::Count, global = true)]
    pub verbose: u8,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run a line: from a configuration file, or the simulated line that is built in.
    Run(RunArgs),
    /// Say what this machine allows, and what to do about what it does not.
    Doctor(DoctorArgs),
    /// Say what a code of a camera SDK means, and what the line does about it.
    Explain(ExplainArgs),
    /// List every camera that each camera SDK on this machine can see.
    Devices(DevicesArgs),
    /// Say from log files how often errors came, how often the line recovered, and whether memory was flat.
    Stats(StatsArgs),
    /// Record a source's frames, at the disk's speed.
    Record(RecordArgs),
    /// Say what a recording holds: frames, rate, gaps, losses, formats, events.
    Info(InfoArgs),
    /// Prove every frame of a recording by its checksum, and say exactly which are good.
    Verify(VerifyArgs),
    /// Make a whole recording of what is good in a damaged one; the original stays as it is.
    Repair(RepairArgs),
    /// Learn from good frames what parts look like, for stages of kind inspect.
    Teach(TeachArgs),
    /// Make a recording of a range of another one, byte for byte.
    Cut(CutArgs),
    /// Write a recording's frames as PNG, TIFF, npy, NorPix seq or MCAP.
    Export(ExportArgs),
    /// Make a recording of images, a NorPix seq file or raw pixels.
    Import(ImportArgs),
}

/// Arguments of `frameline run`.
#[derive(Debug, Default, Args)]
#[command(
    after_help = "Without a configuration a simulated line of 2448x2048 Mono8 runs at 100 frames/s for \
10 s: printed caps pass under the camera, some with planted defects; they are inspected, the verdicts are held \
against the truth, and every byte is verified.\n\n\
Exit codes: 0 the run did what was asked; 1 it failed; 2 the command or the configuration is wrong."
)]
pub struct RunArgs {
    /// Configuration file (TOML).
    pub config: Option<PathBuf>,
    /// Where frames come from, such as sim:?rate=200; replaces the file's source table.
    #[arg(long, value_name = "URI")]
    pub source: Option<String>,
    /// Stop after so many frames were grabbed.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub frames: Option<u64>,
    /// Stop after so many seconds.
    #[arg(long, value_name = "S", value_parser = seconds, allow_negative_numbers = true)]
    pub seconds: Option<f64>,
    /// Override a key of the configuration: pool.slots=64, stage.NAME.workers=2, source.rate=200; or set a feature of the
    /// camera by its GenICam name: ExposureTime=5000.
    #[arg(long, value_name = "KEY=VALUE")]
    pub set: Vec<String>,
    /// Print one JSON object as the last line on stdout, everything else on stderr.
    #[arg(long)]
    pub json: bool,
    /// Write report.html, summary.json, config.toml and histograms into this folder.
    #[arg(long, value_name = "DIR")]
    pub report: Option<PathBuf>,
    /// No progress and no summary.
    #[arg(short, long)]
    pub quiet: bool,
    /// Print the resolved configuration as TOML and end.
    #[arg(long)]
    pub print_config: bool,
    /// Of `frameline record`: the recording that is all that the line is for.
    #[arg(skip)]
    pub record: Option<PathBuf>,
}

/// Arguments of `frameline record`.
#[derive(Debug, Args)]
#[command(
    after_help = "Without --frames and --seconds it records until the source ends or Ctrl-C. Room is reserved ahead; files follow one another as FILE.flr, FILE.0001.flr, ...\n\n\
Exit codes: 0 it was recorded; 1 it was not, or not to the end; 2 the command is wrong."
)]
pub struct RecordArgs {
    /// Where frames come from, such as sim:?rate=100.
    #[arg(long, value_name = "URI")]
    pub source: Option<String>,
    /// The file to write, NAME.flr; it must not exist.
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
    /// Stop after so many frames.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub frames: Option<u64>,
    /// Stop after so many seconds.
    #[arg(long, value_name = "S", value_parser = seconds, allow_negative_numbers = true)]
    pub seconds: Option<f64>,
    /// Override a key of the configuration: stage.record.segment=512MiB, source.rate=200.
    #[arg(long, value_name = "KEY=VALUE")]
    pub set: Vec<String>,
    /// Print one JSON object as the last line on stdout, everything else on stderr.
    #[arg(long)]
    pub json: bool,
    /// No progress and no summary.
    #[arg(short, long)]
    pub quiet: bool,
}

/// Arguments of `frameline info`.
#[derive(Debug, Args)]
#[command(
    after_help = "Exit codes: 0 it was read; 1 it is no recording, or too damaged to be opened; 2 the command is wrong."
)]
pub struct InfoArgs {
    /// The recording; segments that follow it are read, too.
    pub file: PathBuf,
    /// Print one JSON object as the last line on stdout, everything else on stderr.
    #[arg(long)]
    pub json: bool,
    /// Write a page with the same facts and pictures of the frames; one file that needs no other.
    #[arg(long, value_name = "PAGE.html")]
    pub html: Option<PathBuf>,
}

/// Arguments of `frameline verify`.
#[derive(Debug, Args)]
#[command(
    after_help = "Exit codes: 0 every frame is good and the files were closed; 1 not all is good; 2 the command is wrong."
)]
pub struct VerifyArgs {
    /// The recording; segments that follow it are read, too.
    pub file: PathBuf,
    /// Print one JSON object as the last line on stdout, everything else on stderr.
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `frameline repair`.
#[derive(Debug, Args)]
#[command(
    after_help = "Exit codes: 0 the new recording holds every good frame; 1 it could not be made; 2 the command is wrong."
)]
pub struct RepairArgs {
    /// The damaged recording; it is only read.
    pub file: PathBuf,
    /// The recording to make; it must not exist.
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
    /// Print one JSON object as the last line on stdout, everything else on stderr.
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `frameline doctor`.
#[derive(Debug, Args)]
#[command(
    after_help = "Exit codes: 0 the default line can run here; 1 it cannot; 2 the command is wrong."
)]
pub struct DoctorArgs {
    /// Print one JSON object as the last line on stdout, everything else on stderr.
    #[arg(long)]
    pub json: bool,
    /// How long the hiccup meter looks; no other measurement takes longer.
    #[arg(long, value_name = "S", default_value = "10", value_parser = look, allow_negative_numbers = true)]
    pub seconds: f64,
    /// The folder that recordings are to go to; its disk is measured. Default: the current folder.
    #[arg(long, value_name = "DIR")]
    pub disk: Option<PathBuf>,
    /// The camera's data rate in MB/s. Default: the default line's, 2448x2048 Mono8 at 100 frames/s.
    #[arg(long, value_name = "MB/S", value_parser = rate, allow_negative_numbers = true)]
    pub rate: Option<f64>,
}

/// Arguments of `frameline explain`.
#[derive(Debug, Args)]
#[command(
    after_help = "Exit codes: 0 the code is known; 1 no table has it; 2 it is no code at all."
)]
pub struct ExplainArgs {
    /// The code as 0x80000007, 2147483655 or -2147483641, its name as MV_E_NODATA or GC_ERR_TIMEOUT, the vendor's term,
    /// or a line of output with one of these in it.
    #[arg(allow_hyphen_values = true)]
    pub code: String,
    /// The SDK that the code is from. Default: every one that has it.
    #[arg(long, value_enum)]
    pub sdk: Option<Sdk>,
    /// Print one JSON object as the last line on stdout, everything else on stderr.
    #[arg(long)]
    pub json: bool,
}

/// Whose codes they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Sdk {
    /// Hikrobot's MVS.
    Mvs,
    /// GenTL producers.
    Gentl,
    /// Aravis.
    Aravis,
    /// The built-in simulated camera.
    Sim,
    /// Replays of recordings.
    Replay,
}

/// Arguments of `frameline devices`.
#[derive(Debug, Args)]
#[command(
    after_help = "Exit codes: 0 it has looked, whatever it found; 1 nothing could be printed, or the camera of --features did not \
answer; 2 the command is wrong."
)]
pub struct DevicesArgs {
    /// List the features of this camera instead, with their values and ranges: what --set NAME=VALUE of a run takes.
    #[arg(long, value_name = "URI")]
    pub features: Option<String>,
    /// Print one JSON object as the last line on stdout, everything else on stderr.
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `frameline stats`.
#[derive(Debug, Args)]
#[command(
    after_help = "Files may hold text or JSON, several runs, parts of one rolled log, in any order: \
frameline stats line.log line.log.*\n\n\
Exit codes: 0 they were read; 1 one of them holds no line of frameline; 2 one cannot be opened, or the command is wrong."
)]
pub struct StatsArgs {
    /// Log files, as `log.file` in a configuration names them.
    #[arg(required = true, value_name = "LOGFILE")]
    pub files: Vec<PathBuf>,
    /// Print one JSON object as the last line on stdout, everything else on stderr.
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `frameline teach`.
#[derive(Debug, Args)]
#[command(
    after_help = "Every frame must show a good part in every nest; parts are round and may lie at any turn.\n\n\
Exit codes: 0 the reference was written; 1 the frames did not agree or did not come; 2 the command or the configuration is wrong."
)]
pub struct TeachArgs {
    /// Configuration file (TOML) whose inspect stage it is for: stages before it that make images run too.
    pub config: Option<PathBuf>,
    /// Where good frames come from, such as sim:?defects=0.
    #[arg(long, value_name = "URI")]
    pub source: Option<String>,
    /// The file to write; images go beside it.
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
    /// Frames to learn from.
    #[arg(long, value_name = "N", default_value_t = DEFAULT_FRAMES, value_parser = clap::value_parser!(u64).range(MIN_FRAMES..=MAX_FRAMES))]
    pub frames: u64,
    /// Override a key of the configuration.
    #[arg(long, value_name = "KEY=VALUE")]
    pub set: Vec<String>,
    /// Print one JSON object as the last line on stdout.
    #[arg(long)]
    pub json: bool,
}

fn look(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(s) if (0.01..=3600.0).contains(&s) => Ok(s),
        _ => Err("expected a number of seconds from 0.01 to 3600".into()),
    }
}

fn rate(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(r) if (0.001..=1_000_000.0).contains(&r) => Ok(r),
        _ => Err("expected megabytes a second, from 0.001 to 1000000".into()),
    }
}

fn seconds(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(s) if (0.001..=31_536_000.0).contains(&s) => Ok(s),
        _ => Err("expected a number of seconds from 0.001 to 31536000".into()),
    }
}
