//! Features of a GenICam camera, by the description that the camera itself brings (its XML), without any vendor's
//! tool.
//!
//! The module makes no call of its own: it reads and writes registers through a [`Port`] that the backend gives to
//! every call. [`xml_of`] finds and fetches the XML, [`Features::parse`] reads it, and then features are known by
//! their names:
//!
//! ```
//! use frameline::genapi::{Features, Port, PortError};
//!
//! struct Memory([u8; 8]);
//! impl Port for Memory {
//!     fn read(&mut self, address: u64, into: &mut [u8]) -> Result<(), PortError> {
//!         into.copy_from_slice(&self.0[address as usize..][..into.len()]);
//!         Ok(())
//!     }
//!     fn write(&mut self, address: u64, bytes: &[u8]) -> Result<(), PortError> {
//!         self.0[address as usize..][..bytes.len()].copy_from_slice(bytes);
//!         Ok(())
//!     }
//! }
//!
//! let xml = br#"<RegisterDescription>
//!     <Integer Name="Width"><pValue>WidthReg</pValue><Min>8</Min><Max>4096</Max><Inc>4</Inc></Integer>
//!     <IntReg Name="WidthReg"><Address>4</Address><Length>2</Length><AccessMode>RW</AccessMode>
//!         <pPort>Device</pPort><Endianess>BigEndian</Endianess></IntReg>
//!     <Port Name="Device"/>
//! </RegisterDescription>"#;
//! let mut camera = Memory([0; 8]);
//! let mut features = Features::parse(xml)?;
//! features.set(&mut camera, "Width", "640")?;
//! assert_eq!(camera.0, [0, 0, 0, 0, 2, 128, 0, 0]);
//! let wrong = features.set(&mut camera, "Width", "642").unwrap_err();
//! assert_eq!(wrong.to_string(), "Width cannot be 642; it can be 8 to 4096 in steps of 4, and is 640");
//! # Ok::<(), frameline::genapi::Refused>(())
//! ```
//!
//! The XML comes from a device, so that it is not trusted: sizes, nesting, the steps of an evaluation and the
//! length of registers are bounded ([`limits`]), entities are not expanded, circles are errors, and what is wrong
//! with one node is told when that node is used.

mod access;
mod address;
mod bits;
mod convert;
mod execute;
mod features;
mod formula;
mod journal;
pub mod limits;
mod list;
mod locate;
mod map;
mod node;
mod parse;
mod range;
mod session;
mod text;
mod value;
mod write;

pub use features::{Features, Value};
pub use journal::Journal;
pub use locate::{Location, xml_of};

use crate::error::{Error, ErrorKind};
use crate::words::line;

/// Registers of a device, however they are reached.
pub trait Port {
    /// Fills `into` from `address` on.
    fn read(&mut self, address: u64, into: &mut [u8]) -> Result<(), PortError>;

    /// Writes `bytes` from `address` on.
    fn write(&mut self, address: u64, bytes: &[u8]) -> Result<(), PortError>;
}

/// Why registers could not be reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PortError {
    /// The code that the backend got; its table gives it a class.
    pub code: i64,
    /// What follows "the camera's registers at 0x100 could not be read: ".
    pub message: String,
}

/// Why a feature is not read, set or executed: one sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    cause: Cause,
    sentence: String,
    code: Option<i64>,
}

/// More characters than these tell nobody anything.
const MAX_SENTENCE: usize = 500;

/// What is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Cause {
    /// The camera has no such feature.
    Unknown,
    /// The feature does not take this value.
    Value,
    /// It cannot be read or written now, or ever.
    Access,
    /// The registers could not be reached.
    Port,
    /// The camera's description is wrong, or asks for more than is allowed.
    Description,
}

impl Refused {
    fn new(cause: Cause, sentence: impl Into<String>) -> Refused {
        // Names come from the camera, and may have line breaks in them, or fill a page.
        let sentence = line(&sentence.into(), MAX_SENTENCE);
        Refused { cause, sentence, code: None }
    }

    fn description(sentence: impl Into<String>) -> Refused {
        Refused::new(Cause::Description, sentence)
    }

    /// What is wrong.
    pub fn cause(&self) -> Cause {
        self.cause
    }

    /// What the port answered, if that was it.
    pub fn code(&self) -> Option<i64> {
        self.code
    }
}

impl std::fmt::Display for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.sentence)
    }
}

impl std::error::Error for Refused {}

impl From<Refused> for Error {
    fn from(refused: Refused) -> Error {
        let kind = match refused.cause {
            Cause::Unknown | Cause::Value => ErrorKind::Config,
            Cause::Access => ErrorKind::State,
            Cause::Port | Cause::Description => ErrorKind::Source,
        };
        Error::new(kind, refused.sentence)
    }
}

#[cfg(test)]
mod tests;
