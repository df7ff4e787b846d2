//! MCAP: images as `foxglove.RawImage` on `/camera/image`, what is known of each on `/camera/frame`, what happened
//! between them on `/camera/event`, both as JSON.

use super::{DEPTH, MOSAIC, Shot, Sink, proto, unsuitable};
use crate::error::{Error, ErrorKind};
use crate::format::{Mosaic, PixelFormat};
use mcap::records::{MessageHeader, Metadata};
use mcap::{McapError, WriteOptions};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

/// Whose optical centre is the origin of the images, for Foxglove.
const FRAME: &str = "camera";
/// What `/camera/frame` and `/camera/event` carry, for programs that want a schema.
const OBJECT: &[u8] = br#"{"type":"object"}"#;

/// Writes one.
pub struct Mcap {
    /// `None` once it is finished.
    writer: Option<mcap::Writer<BufWriter<File>>>,
    cannot: Box<dyn Fn(std::io::Error) -> Error>,
    image: u16,
    frame: u16,
    event: u16,
    events: u32,
}

impl Mcap {
    /// At `path`, of a recording of which `about` is known; `cannot` tells what the system refused.
    pub fn new(
        path: &Path,
        about: &Value,
        cannot: impl Fn(std::io::Error) -> Error + 'static,
    ) -> Result<Mcap, Error> {
        let file = File::create_new(path).map_err(&cannot)?;
        let file = BufWriter::with_capacity(1 << 20, file);
        let library = format!("frameline {}", env!("CARGO_PKG_VERSION"));
        let begun = || {
            let mut writer = WriteOptions::new().compression(None).library(library).create(file)?;
            let facts = about["recording"].as_object().into_iter().flatten();
            let text = |v: &Value| v.as_str().map_or_else(|| v.to_string(), str::to_string);
            let metadata = facts.map(|(k, v)| (k.clone(), text(v))).collect();
            writer.write_metadata(&Metadata { name: "frameline.recording".into(), metadata })?;
            let images = writer.add_schema(
                "foxglove.RawImage",
                "protobuf",
                &proto::raw_image_description(),
            )?;
            let none = BTreeMap::new();
            let image = writer.add_channel(images, "/camera/image", "protobuf", &none)?;
            let objects = writer.add_schema("frameline.Frame", "jsonschema", OBJECT)?;
            let frame = writer.add_channel(objects, "/camera/frame", "json", &none)?;
            let objects = writer.add_schema("frameline.Event", "jsonschema", OBJECT)?;
            let event = writer.add_channel(objects, "/camera/event", "json", &none)?;
            Ok((writer, image, frame, event))
        };
        let (writer, image, frame, event) = begun().map_err(|e| told(&cannot, e))?;
        Ok(Mcap { writer: Some(writer), cannot: Box::new(cannot), image, frame, event, events: 0 })
    }

    fn write(&mut self, channel: u16, sequence: u32, at: u64, data: &[u8]) -> Result<(), Error> {
        let header =
            MessageHeader { channel_id: channel, sequence, log_time: at, publish_time: at };
        let Some(writer) = &mut self.writer else { return Ok(()) };
        writer.write_to_known_channel(&header, data).map_err(|e| told(&self.cannot, e))
    }
}

fn told(cannot: &dyn Fn(std::io::Error) -> Error, e: McapError) -> Error {
    match e {
        McapError::Io(e) => cannot(e),
        e => Error::with_source(ErrorKind::Io, "a message cannot be written as MCAP", e),
    }
}

/// What Foxglove calls a format, and what is lost by that.
fn encoding(format: PixelFormat) -> Result<(&'static str, Option<&'static str>), Error> {
    Ok(match (format, format.mosaic(), format.bits_per_pixel()) {
        (PixelFormat::RGB8, ..) => ("rgb8", None),
        (PixelFormat::BGR8, ..) => ("bgr8", None),
        (_, Some(mosaic), 8) => match mosaic {
            Mosaic::Gr => ("bayer_grbg8", None),
            Mosaic::Rg => ("bayer_rggb8", None),
            Mosaic::Gb => ("bayer_gbrg8", None),
            Mosaic::Bg => ("bayer_bggr8", None),
        },
        (_, Some(_), 16) => ("mono16", Some(MOSAIC)),
        (_, None, 8) => ("mono8", None),
        (_, None, 16) => ("mono16", (format.component_bits() != Some(16)).then_some(DEPTH)),
        _ => return Err(unsuitable(format)),
    })
}

impl Sink for Mcap {
    fn put(&mut self, shot: Shot<'_>) -> Result<Option<&'static str>, Error> {
        let image = shot.image;
        let (encoding, note) = encoding(image.format)?;
        let step = image.width.saturating_mul(image.pixel_bytes() as u32);
        let size = (image.width, image.height, step);
        let message = proto::raw_image(shot.unix_ns, FRAME, size, encoding, &image.pixels);
        // Numbers of messages have 32 bits and go round.
        let sequence = shot.number as u32;
        self.write(self.frame, sequence, shot.unix_ns, shot.facts.to_string().as_bytes())?;
        self.write(self.image, sequence, shot.unix_ns, &message)?;
        Ok(note)
    }

    fn happened(&mut self, unix_ns: u64, fact: &Value) -> Result<(), Error> {
        self.events = self.events.wrapping_add(1);
        self.write(self.event, self.events, unix_ns, fact.to_string().as_bytes())
    }

    fn finish(&mut self) -> Result<(), Error> {
        let Some(mut writer) = self.writer.take() else { return Ok(()) };
        writer.finish().map_err(|e| told(&self.cannot, e))?;
        writer.into_inner().flush().map_err(&self.cannot)
    }
}
