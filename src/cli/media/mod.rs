//! `frameline export`, `import` and `cut`: recordings to and from what others read.

mod args;
mod cut;
mod export;
mod import;
pub(in crate::cli) mod progress;

pub use args::{CutArgs, ExportArgs, ImportArgs};

use crate::error::Error;

/// Runs `frameline export`.
pub fn export(args: &ExportArgs) -> Result<Option<String>, Error> {
    export::run(args)
}

/// Runs `frameline import`.
pub fn import(args: &ImportArgs) -> Result<Option<String>, Error> {
    import::run(args)
}

/// Runs `frameline cut`.
pub fn cut(args: &CutArgs) -> Result<Option<String>, Error> {
    cut::run(args)
}
