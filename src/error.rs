//! The cold tier of errors: one [`Error`] with a kind for each thing a user can do about it.
//!
//! Hot operations have small `Copy` enums of their own beside the operation; they never format.

use std::fmt;

/// What went wrong, in one sentence, and what kind of thing the user can do about it.
#[derive(Debug)]
pub struct Error {
    kind: ErrorKind,
    message: String,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

/// One kind for each thing the user can do about an [`Error`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The configuration or the command is wrong: change what the sentence names.
    Config,
    /// The memory budget or the machine's memory does not suffice.
    Memory,
    /// The source (camera, SDK, file) refused or failed.
    Source,
    /// A deadline passed; the sentence names who was late.
    Deadline,
    /// A file or another output could not be read or written.
    Io,
    /// The call is not allowed in the line's present state.
    State,
    /// A stage failed or panicked and the line could not go on.
    Stage,
}

/// Something that the system refused. Reported once, never fatal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// What was asked for: `lock`, `huge_pages`, `guard`, `pin`, `priority`.
    pub what: &'static str,
    /// One sentence: why, and what to do about it.
    pub reason: String,
}

impl Error {
    /// An error of `kind` with one sentence: what, where, and what to do about it.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Error { kind, message: message.into(), source: None }
    }

    /// The same, keeping the error that caused it.
    pub fn with_source(
        kind: ErrorKind,
        message: impl Into<String>,
        source: impl std::error::Error + Send + Sync + 'static,
    ) -> Self {
        Error { kind, message: message.into(), source: Some(Box::new(source)) }
    }

    /// A wrong configuration or command (exit code 2 in the program).
    pub fn config(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Config, message)
    }

    /// What the user can do about it.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        match &self.source {
            Some(source) => write!(f, ": {source}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_ref().map(|e| e.as_ref() as _)
    }
}
