//! What was typed after `export`, `import` and `cut`.

use crate::format::{MAX_SIDE_PIXELS, PixelFormat};
use crate::media::Target;
use clap::Args;
use std::path::PathBuf;

/// Arguments of `frameline export`.
#[derive(Debug, Args)]
#[command(
    after_help = "png: a folder with one file a frame and frames.jsonl. tiff: one file, a page a frame. npy: one array of frames x height x width. \
seq: NorPix, version 5. mcap: foxglove.RawImage, for Foxglove. Ids, times and losses: in the mcap file itself, beside the others as PATH.jsonl.\n\n\
Frames are numbered from 0. What is exported gets its name when it is whole.\n\n\
Exit codes: 0 all of it was exported; 1 it failed or was interrupted, and nothing was left; 2 the command is wrong."
)]
pub struct ExportArgs {
    /// The recording: its first file, or the segment to begin with.
    pub file: PathBuf,
    /// The format.
    #[arg(long, value_name = "FORMAT", value_parser = target)]
    pub to: Target,
    /// The file to write; for png, the folder.
    #[arg(long, value_name = "PATH")]
    pub out: PathBuf,
    /// Number of the first frame.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub from: u64,
    /// Number of the last frame. Default: the last one there is.
    #[arg(long, value_name = "N")]
    pub to_frame: Option<u64>,
    /// Replace what an earlier export left at PATH.
    #[arg(long)]
    pub force: bool,
    /// Leave out frames that cannot be read, and count them.
    #[arg(long)]
    pub skip_damaged: bool,
    /// Print one JSON object as the last line on stdout.
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `frameline import`.
#[derive(Debug, Args)]
#[command(
    after_help = "PATH is a folder of PNG, TIFF and JPEG images (img9 comes before img10), one such file, a NorPix .seq file, or raw pixels, \
for which --width, --height and --format say what they are. All images of a recording have one size and format.\n\n\
Exit codes: 0 the recording was made; 1 a file is damaged or does not fit, or it was interrupted, and nothing was left; 2 the command is wrong."
)]
pub struct ImportArgs {
    /// A folder or a file.
    pub path: PathBuf,
    /// The recording to make.
    #[arg(long, value_name = "FILE.flr")]
    pub out: PathBuf,
    /// Frames a second. Default: as the file tells, or 25.
    #[arg(long, value_name = "R", value_parser = rate, allow_negative_numbers = true)]
    pub rate: Option<f64>,
    /// What the pixels are, such as Mono8 or BayerRG12p; for images, another name for pixels of as many bits.
    #[arg(long, value_name = "FORMAT", value_parser = format)]
    pub format: Option<PixelFormat>,
    /// Width of raw images in pixels.
    #[arg(long, value_name = "N", value_parser = side(), requires = "height")]
    pub width: Option<u32>,
    /// Height of raw images in pixels.
    #[arg(long, value_name = "N", value_parser = side(), requires = "width")]
    pub height: Option<u32>,
    /// Bytes from one row of raw images to the next. Default: without padding.
    #[arg(long, value_name = "BYTES", requires = "width")]
    pub stride: Option<u32>,
    /// Print one JSON object as the last line on stdout.
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `frameline cut`.
#[derive(Debug, Args)]
#[command(
    after_help = "Frames are numbered from 0; both ends belong to the range. Nothing is decoded: pixels and metadata stay as they are, byte for byte.\n\n\
Exit codes: 0 the recording was made; 1 it failed or was interrupted, and nothing was left; 2 the command is wrong."
)]
pub struct CutArgs {
    /// The recording: its first file, or the segment to begin with.
    pub file: PathBuf,
    /// The recording to make.
    #[arg(long, value_name = "FILE2.flr")]
    pub out: PathBuf,
    /// Number of the first frame.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub from: u64,
    /// Number of the last frame. Default: the last one there is.
    #[arg(long, value_name = "N")]
    pub to: Option<u64>,
    /// Print one JSON object as the last line on stdout.
    #[arg(long)]
    pub json: bool,
}

fn target(text: &str) -> Result<Target, String> {
    let all = [Target::Png, Target::Tiff, Target::Npy, Target::Seq, Target::Mcap];
    all.into_iter()
        .find(|t| t.name() == text)
        .ok_or_else(|| "expected png, tiff, npy, seq or mcap".into())
}

fn format(text: &str) -> Result<PixelFormat, String> {
    PixelFormat::from_name(text)
        .ok_or_else(|| "expected a PFNC name such as Mono8, Mono12p or BayerRG8".into())
}

fn side() -> clap::builder::RangedI64ValueParser<u32> {
    clap::value_parser!(u32).range(1..=i64::from(MAX_SIDE_PIXELS))
}

fn rate(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(r) if (0.000_001..=1_000_000.0).contains(&r) => Ok(r),
        _ => Err("expected frames a second, from 0.000001 to 1000000".into()),
    }
}
