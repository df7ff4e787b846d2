//! The `frameline` program: arguments, configuration files, progress, summaries, exit codes.
//!
//! What was typed ([`args`]) and what is written in a file ([`document`]) become one checked
//! [`Job`](job::Job); [`run`] does it. Exit codes: 0 the run did what was asked; 1 it failed; 2 the command
//! or the configuration is wrong. Each failure is one sentence on stderr.

pub mod args;
pub mod boards;
pub mod devices;
pub mod doctor;
pub mod document;
pub mod explain;
pub mod fields;
pub mod findings;
pub mod image_kinds;
pub mod inspection;
pub mod job;
pub mod kinds;
pub mod log;
pub mod machine;
pub mod media;
pub mod object;
pub mod record_kind;
pub mod recording;
pub mod reference;
pub mod reference_image;
pub mod report;
pub mod resolve;
pub mod run;
pub mod schema;
pub mod series;
pub mod spelling;
pub mod stats;
pub mod status;
pub mod steps;
pub mod summary;
pub mod tables;
pub mod teach;
pub mod units;
pub mod value;

use crate::error::{Error, ErrorKind};
use clap::Parser;
use clap::error::ErrorKind as ArgumentError;
use std::io::Write;
use std::process::ExitCode;

/// It failed.
const FAILED: u8 = 1;
/// The command or the configuration is wrong.
const WRONG: u8 = 2;

/// The whole program.
pub fn main() -> ExitCode {
    // A limit on the size of files is an error of a write, as a full disk is, and not the end of the program.
    crate::sys::ignore_file_size_signal();
    crate::sys::allow_many_files();
    let cli = match args::Cli::try_parse() {
        Ok(cli) => cli,
        Err(e) => return argument_error(&e),
    };
    let failures = match &cli.command {
        args::Command::Run(run) => run::run(run, cli.verbose)
            .map(|verdict| (!verdict.failures.is_empty()).then(|| verdict.text())),
        args::Command::Doctor(doctor) => doctor::run(doctor),
        args::Command::Explain(explain) => explain::run(explain),
        args::Command::Devices(devices) => devices::run(devices),
        args::Command::Stats(stats) => stats::run(stats),
        args::Command::Teach(teach) => teach::run(teach),
        args::Command::Record(record) => recording::record::run(record, cli.verbose),
        args::Command::Info(info) => recording::info::run(info),
        args::Command::Verify(verify) => recording::verify::run(verify),
        args::Command::Repair(repair) => recording::repair::run(repair),
        args::Command::Cut(cut) => media::cut(cut),
        args::Command::Export(export) => media::export(export),
        args::Command::Import(import) => media::import(import),
    };
    match failures {
        Ok(None) => ExitCode::SUCCESS,
        Ok(Some(reason)) => complain(&reason, FAILED),
        Err(e) => complain(&e.to_string(), code_of(&e)),
    }
}

/// The exit code of an error.
fn code_of(e: &Error) -> u8 {
    if e.kind() == ErrorKind::Config { WRONG } else { FAILED }
}

/// One sentence on stderr.
fn complain(sentence: &str, code: u8) -> ExitCode {
    let sentence = sentence.trim().replace('\n', ", ");
    // Nobody to tell that nobody is listening.
    let _ = writeln!(std::io::stderr(), "frameline: {}", sentence.trim_end_matches('.'));
    ExitCode::from(code)
}

/// Help and version are no errors; everything else becomes one sentence.
fn argument_error(e: &clap::Error) -> ExitCode {
    match e.kind() {
        ArgumentError::DisplayHelp
        | ArgumentError::DisplayVersion
        | ArgumentError::DisplayHelpOnMissingArgumentOrSubcommand => {
            let _ = e.print();
            ExitCode::from(u8::try_from(e.exit_code()).unwrap_or(WRONG))
        }
        _ => {
            let text = e.to_string();
            let paragraphs: Vec<_> = text.split("\n\n").collect();
            let first = paragraphs[0].trim_start_matches("error: ");
            let sentence = first.lines().map(str::trim).collect::<Vec<_>>().join(" ");
            complain(&format!("{sentence}; frameline --help tells more"), WRONG)
        }
    }
}
