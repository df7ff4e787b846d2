//! Stages that come with the library: measuring, making images, recording results, and disturbing on
//! purpose.
//!
//! Each kind has a table of the keys that a configuration file may give it ([`Key`]); the values that
//! the library takes are plain settings structs beside the stage.

mod board;
mod cpu;
mod delay;
mod fail;
mod gallery;
pub mod image;
pub mod inspect;
mod keys;
mod measure;
mod record;
mod results;
#[cfg(feature = "image")]
pub mod save;
mod threshold;
mod writer;

pub use board::MeasurementBoard;
pub use delay::{DELAY_KEYS, Delay, DelayMode, DelaySettings};
pub use fail::{FAIL_KEYS, Fail, FailMode, FailSettings};
pub use gallery::{Gallery, SavedPart};
pub use image::{
    BIN_KEYS, Binning, BinningRule, CROP_KEYS, Correction, Crop, DEMOSAIC_KEYS, Demosaic,
    FLAT_FIELD_KEYS, FlatField, FlatFieldSettings, ReferenceImage, UNPACK_KEYS, Unpack, UnpackTo,
};
pub use inspect::{INSPECT_KEYS, Inspect};
pub use keys::{Key, KeyType};
#[cfg(all(test, feature = "recording"))]
pub(crate) use measure::tests::frame_of;
pub use measure::{Measurement, Unmeasurable, measure};
pub use record::Record;
pub use results::{RESULTS_KEYS, Results};
#[cfg(feature = "image")]
pub use save::{PictureWriter, SAVE_KEYS, Save, SaveSettings};
pub use threshold::{THRESHOLD_KEYS, Threshold};
pub use writer::{RecordSink, RecordWriter, WriterSettings};
