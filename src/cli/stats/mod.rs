//! `frameline stats LOGFILE...`: how often errors come, how often the line recovers and how long it is dead,
//! whether memory is flat.

pub mod answers;
pub mod line;
pub mod object;
pub mod read;
pub mod tally;
pub mod text;

use super::args::StatsArgs;
use super::run::print;
use crate::error::Error;
use read::LogFile;

pub use answers::Answers;

/// Reads and prints; the sentence is why it could not (exit code 1).
pub fn run(args: &StatsArgs) -> Result<Option<String>, Error> {
    let mut files = Vec::new();
    for path in &args.files {
        let file = LogFile::open(path)?;
        // A pattern of the shell and a name beside it may name one file twice.
        if !files.iter().any(|other: &LogFile| other.is_same(&file)) {
            files.push(file);
        }
    }
    let mut in_order = Vec::new();
    for file in files {
        match file.first_time()? {
            Some(at) => in_order.push((at, file)),
            None => return Ok(Some(file.no_lines())),
        }
    }
    in_order.sort_by_key(|(at, _)| *at);
    let mut tally = tally::Tally::default();
    let mut lines = read::Lines::default();
    for (_, file) in &in_order {
        file.read(&mut lines, &mut |line| {
            tally.line(line);
            true
        })?;
    }
    let answers = tally.answers();
    let out = match args.json {
        true => {
            let mut object = object::object(&answers);
            object["files"] = in_order.iter().map(|(_, f)| f.name()).collect();
            object["lines"] = serde_json::json!({ "read": lines.read, "foreign": lines.foreign });
            format!("{object}\n")
        }
        false => text::text(&answers, in_order.len(), &lines),
    };
    print(&out).map(|()| None)
}
