//! An image stage by hand, without a line: images come in on stdin, what the stage makes of them goes out on stdout.
//! `tools/checks/images.py` compares it with others' implementations.
//!
//! `cargo run --release --example one_stage < jobs`
//!
//! Both ways a job is a line of text and the bytes it announces:
//!
//!     in:  KIND KEY=VALUE... BayerRG12 WIDTH HEIGHT PADDING BYTES
//!     out: Mono8 WIDTH HEIGHT BYTES, or `error: ...`
//!
//! `flat_field` knows `dark=N`, `flat=N` and `background=N`: so many bytes, 16 bits a value, follow those of the image.

use frameline::buffer::{Pool, PoolConfig};
use frameline::clock::HostTime;
use frameline::format::{Geometry, PixelFormat};
use frameline::meta::FrameMeta;
use frameline::stage::{Flow, Stage, StageContext};
use frameline::stages::image::kernel::Colours;
use frameline::stages::*;
use frameline::{Error, Frame};
use std::collections::HashMap;
use std::io::{BufRead, Read, Write};
use std::sync::Arc;

type Failure = Box<dyn std::error::Error>;

fn main() -> Result<(), Failure> {
    let (mut input, mut output) = (std::io::stdin().lock(), std::io::stdout().lock());
    let mut line = String::new();
    while input.read_line(&mut line)? > 0 {
        let job = Job::parse(&line, &mut input)?;
        match job.run() {
            Ok(Some(made)) => {
                let Geometry { width, height, pixel_format, .. } = made.meta().geometry();
                writeln!(output, "{pixel_format} {width} {height} {}", made.payload().len())?;
                output.write_all(made.payload())?;
            }
            Ok(None) => writeln!(output, "error: the stage passes these images on")?,
            Err(e) => writeln!(output, "error: {e}")?,
        }
        output.flush()?;
        line.clear();
    }
    Ok(())
}

struct Job {
    kind: String,
    keys: HashMap<String, String>,
    geometry: Geometry,
    payload: Vec<u8>,
    references: HashMap<&'static str, Vec<u16>>,
}

impl Job {
    fn parse(line: &str, input: &mut impl Read) -> Result<Job, Failure> {
        let mut words: Vec<&str> = line.split_whitespace().collect();
        let mut number =
            || -> Result<usize, Failure> { Ok(words.pop().ok_or("a word is missing")?.parse()?) };
        let (bytes, padding, height, width) = (number()?, number()?, number()?, number()?);
        let format = words.pop().and_then(PixelFormat::from_name).ok_or("the format is unknown")?;
        let geometry = Geometry {
            x_padding: u32::try_from(padding)?,
            ..Geometry::new(u32::try_from(width)?, u32::try_from(height)?, format)
        };
        let keys: HashMap<String, String> = words
            .iter()
            .filter_map(|w| w.split_once('='))
            .map(|(k, v)| (k.to_string(), v.to_string()))
            .collect();
        let mut read = |n: usize| -> Result<Vec<u8>, Failure> {
            let mut bytes = vec![0; n];
            input.read_exact(&mut bytes)?;
            Ok(bytes)
        };
        let payload = read(bytes)?;
        let mut references = HashMap::new();
        for key in ["dark", "flat", "background"] {
            if let Some(n) = keys.get(key) {
                let values = read(n.parse()?)?;
                let values = values.as_chunks::<2>().0.iter().map(|v| u16::from_le_bytes(*v));
                references.insert(key, values.collect());
            }
        }
        let kind = words.first().ok_or("the kind is missing")?.to_string();
        Ok(Job { kind, keys, geometry, payload, references })
    }

    /// What the stage makes of the image; `None`: it passes it on.
    fn run(&self) -> Result<Option<Frame>, Failure> {
        let mut stage = self.stage()?;
        stage.prepare(&self.geometry)?;
        let mut pool = pool(self.payload.len())?;
        let mut frame = pool.take().ok_or("no slot is free")?;
        frame.buffer_mut()[..self.payload.len()].copy_from_slice(&self.payload);
        frame.set_filled(self.payload.len());
        *frame.meta_mut() = FrameMeta::of(&self.geometry);
        let mut frame = frame.filled();
        let spec = stage.output(self.payload.len()).ok_or("the stage makes no images")?;
        let mut output = self::pool(spec.payload_bytes)?;
        let mut cx = StageContext::new(HostTime(0), Some(&mut output));
        match stage.process(&mut frame, &mut cx) {
            Ok(Flow::Replace(made)) => Ok(Some(made)),
            Ok(_) => Ok(None),
            Err(e) => Err(e.what.into()),
        }
    }

    fn stage(&self) -> Result<Box<dyn Stage>, Failure> {
        let text = |key: &str| self.keys.get(key).map(String::as_str);
        let number = |key: &str| text(key).map(str::parse).transpose();
        Ok(match self.kind.as_str() {
            "unpack" => Box::new(Unpack::new(
                text("to").and_then(UnpackTo::from_name).ok_or("to is same, mono16 or mono8")?,
            )),
            "demosaic" => Box::new(Demosaic::new(match text("to") {
                Some("mono8") => Colours::Luma8,
                _ => Colours::Rgb8,
            })),
            "crop" => {
                let side = |key| number(key).map(|n| n.unwrap_or(0));
                Box::new(Crop::new(side("x")?, side("y")?, number("width")?, number("height")?))
            }
            "bin" => Box::new(Binning::new(
                number("factor")?.unwrap_or(2),
                if text("mode") == Some("sum") { BinningRule::Sum } else { BinningRule::Mean },
            )),
            "flat_field" => Box::new(self.flat_field()?),
            other => return Err(format!("no kind of stage is named {other}").into()),
        })
    }

    fn flat_field(&self) -> Result<FlatField, Error> {
        let Geometry { width, height, pixel_format, .. } = self.geometry;
        let components = pixel_format.components().unwrap_or(1);
        let image = |key: &str| {
            let values = self.references.get(key)?.clone();
            Some(ReferenceImage::new(width, height, components, values).map(Arc::new))
        };
        let background = image("background").transpose()?;
        let level = self.keys.get("level").and_then(|l| l.parse().ok());
        FlatField::new(FlatFieldSettings {
            correction: match (&background, level) {
                (None, _) => Correction::Flat,
                (Some(_), None) => Correction::Absolute,
                (Some(_), level) => Correction::Signed { level },
            },
            dark: image("dark").transpose()?,
            reference: background.or(image("flat").transpose()?),
            learn: 0,
        })
    }
}

fn pool(payload_bytes: usize) -> Result<Pool, Error> {
    let config =
        PoolConfig { lock: false, headroom: 1.0, ..PoolConfig::new(1, payload_bytes.max(1)) };
    Pool::new(config, Default::default())
}
