//! Finding and opening a camera, and what is asked of it before it starts.

use super::codes::*;
use super::config::{Config, Key};
use super::features::Features;
use super::find::{Camera, choose};
use super::library::Producer;
use super::modules::Device;
use super::reading::Rules;
use super::stream::Stream;
use super::sys::{device_info, stream_info};
use crate::error::{Error, ErrorKind};
use crate::fault::FaultClass;
use crate::format::{Geometry, PixelFormat};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The first pause before a camera that is missing or in use is tried again.
const FIRST_PAUSE: Duration = Duration::from_millis(20);
/// The longest.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
/// Buffers where nobody says: enough to outlast a stall of the capture thread.
const DEFAULT_BUFFERS: usize = 8;
/// What slots are aligned to.
const PAGE_BYTES: u64 = 4096;

/// Why a camera was not opened.
#[derive(Debug)]
pub(super) enum Failure {
    /// The producer answered with a code, at that call.
    Code(&'static str, Code),
    /// Something else, in a sentence.
    Error(Error),
}

impl From<(&'static str, Code)> for Failure {
    fn from((call, code): (&'static str, Code)) -> Failure {
        Failure::Code(call, code)
    }
}

impl From<Error> for Failure {
    fn from(e: Error) -> Failure {
        Failure::Error(e)
    }
}

impl Failure {
    /// Whether waiting may help.
    fn may_pass(&self) -> bool {
        match self {
            Failure::Code(_, code) => {
                let class = table().classify(i64::from(*code));
                matches!(class, FaultClass::Lost | FaultClass::Timeout | FaultClass::Busy)
            }
            Failure::Error(e) => e.kind() == ErrorKind::Source,
        }
    }

    fn sentence(self, producer: &Producer, what: &str) -> Error {
        match self {
            Failure::Error(e) => e,
            Failure::Code(call, code) => {
                let advice = match code {
                    GC_ERR_ACCESS_DENIED | GC_ERR_RESOURCE_IN_USE | GC_ERR_BUSY => {
                        "another program has it open; close that one (the maker's viewer, an earlier run), or wait for it with wait=MILLISECONDS"
                    }
                    GC_ERR_IO => "check cable, power and network: the camera does not answer",
                    _ => "frameline explain tells what the code means",
                };
                Error::new(
                    ErrorKind::Source,
                    format!(
                        "{what} could not be opened through {}: {call} answered {}{}; {advice}",
                        producer.path().display(),
                        named(code),
                        producer.last_error()
                    ),
                )
            }
        }
    }
}

/// What a producer asks of buffers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Needs {
    /// So many must be announced at a start.
    pub least: usize,
    /// So many are kept announced.
    pub buffers: usize,
    /// The payload's size is what the host's side says: a stream has to be open to ask for it.
    pub asks_stream: bool,
}

/// A camera that is open and stopped.
#[derive(Debug)]
pub(super) struct Opened {
    pub camera: Camera,
    pub device: Arc<Device>,
    pub stream: Stream,
    pub features: Features,
    pub format: Format,
    pub needs: Needs,
    pub largest: usize,
    pub rules: Rules,
}

/// Opens the camera that `config` means, for as long as it wants to wait, and sets its features.
pub(super) fn open(producer: &Arc<Producer>, config: &Config) -> Result<Opened, Error> {
    let until = Instant::now() + config.wait;
    let mut pause = FIRST_PAUSE;
    loop {
        let opened = open_once(producer, &config.key, config).and_then(|mut opened| {
            set_up(&mut opened, config)
                .map_err(|failure| (failure, format!("camera {}", opened.camera)))?;
            Ok(opened)
        });
        let (failure, what) = match opened {
            Ok(opened) => return Ok(opened),
            Err(failure) => failure,
        };
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() || !failure.may_pass() {
            return Err(failure.sentence(producer, &what));
        }
        std::thread::sleep(pause.min(left));
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

fn set_up(opened: &mut Opened, config: &Config) -> Result<(), Failure> {
    for (name, value) in &config.features {
        opened.features.set(name, value)?;
    }
    opened.format = Format::read(&mut opened.features, Some(&opened.stream), config)?;
    opened.format.check()?;
    opened.largest = opened.format.largest(&mut opened.features, config);
    opened.rules.geometry = opened.format.geometry;
    Ok(())
}

/// One attempt, as the camera is. A failure comes with what it was about.
pub(super) fn open_once(
    producer: &Arc<Producer>,
    key: &Key,
    config: &Config,
) -> Result<Opened, (Failure, String)> {
    let nameless = |failure| (failure, "the camera".to_string());
    let found = producer.look().map_err(|e| nameless(e.into()))?;
    let (found, camera) =
        choose(found, key, config.interface.as_deref()).map_err(|e| nameless(e.into()))?;
    let failed = |failure: Failure| (failure, format!("camera {camera}"));
    let device = producer.open_device(&found).map_err(|e| failed(e.into()))?;
    let stream = Stream::open(&device).map_err(|e| failed(e.into()))?;
    let needs = Needs::ask(&stream, config).map_err(|e| failed(e.into()))?;
    let mut features =
        Features::of(&device, config.xml.as_deref()).map_err(|e| failed(e.into()))?;
    let format = Format::read(&mut features, Some(&stream), config).map_err(failed)?;
    let ticks_a_second = device.number(device_info::TIMESTAMP_FREQUENCY).unwrap_or(0);
    let rules = Rules { geometry: format.geometry, ticks_a_second };
    let largest = format.largest(&mut features, config);
    Ok(Opened { camera, device, stream, features, format, needs, largest, rules })
}

impl Needs {
    fn ask(stream: &Stream, config: &Config) -> Result<Needs, Error> {
        let alignment = stream.info(stream_info::ALIGNMENT).unwrap_or(1).max(1);
        if !PAGE_BYTES.is_multiple_of(alignment) {
            return Err(Error::new(
                ErrorKind::Source,
                format!(
                    "the producer wants buffers aligned to {alignment} bytes, and slots are aligned to {PAGE_BYTES}; ask the camera's maker for a producer that takes those"
                ),
            ));
        }
        let least = stream.info(stream_info::ANNOUNCE_MIN).unwrap_or(1);
        let least = usize::try_from(least).unwrap_or(usize::MAX).max(1);
        let buffers = config.buffers.unwrap_or(least.max(DEFAULT_BUFFERS));
        if buffers < least {
            return Err(Error::config(format!(
                "buffers is {buffers}, but the producer wants at least {least} to be announced"
            )));
        }
        let asks_stream = stream.info(stream_info::DEFINES_PAYLOAD_SIZE).is_ok_and(|v| v != 0);
        Ok(Needs { least, buffers, asks_stream })
    }
}

/// What a stopped camera says of the frames that it will send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Format {
    pub geometry: Geometry,
    pub payload: usize,
}

/// Bytes of a frame: from the host's side, where that knows them, else from the camera.
pub(super) fn payload(features: &mut Features, stream: Option<&Stream>) -> Result<u64, Failure> {
    let said = |command| stream.map_or(Err(GC_ERR_NOT_AVAILABLE), |s| s.info(command));
    if said(stream_info::DEFINES_PAYLOAD_SIZE).is_ok_and(|v| v != 0)
        && let Ok(bytes) = said(stream_info::PAYLOAD_SIZE)
    {
        return Ok(bytes);
    }
    match features.read("PayloadSize") {
        Ok(bytes) => Ok(u64::try_from(bytes).unwrap_or(0)),
        Err(failure) => said(stream_info::PAYLOAD_SIZE).map_err(|_| failure),
    }
}

impl Format {
    /// Asks the camera.
    pub fn read(
        features: &mut Features,
        stream: Option<&Stream>,
        config: &Config,
    ) -> Result<Format, Failure> {
        let side = |features: &mut Features, name| {
            Ok::<_, Failure>(u32::try_from(features.read(name)?).unwrap_or(0))
        };
        let format = features.read("PixelFormat")?;
        let geometry = Geometry {
            width: side(features, "Width")?,
            height: side(features, "Height")?,
            offset_x: side(features, "OffsetX").unwrap_or(0),
            offset_y: side(features, "OffsetY").unwrap_or(0),
            pixel_format: PixelFormat(u32::try_from(format).unwrap_or(0)),
            x_padding: 0,
        };
        let bytes = match config.payload {
            Some(bytes) => bytes as u64,
            None => payload(features, stream)?,
        };
        Ok(Format { geometry, payload: usize::try_from(bytes).unwrap_or(usize::MAX) })
    }

    /// Whether a line can be made of it.
    pub fn check(&self) -> Result<(), Error> {
        let g = &self.geometry;
        if let Err(why) = g.check() {
            return Err(Error::new(
                ErrorKind::Source,
                format!(
                    "the camera says that it sends {} x {} pixels in format {}: {why}; set Width, Height and PixelFormat",
                    g.width, g.height, g.pixel_format
                ),
            ));
        }
        if self.payload == 0 || self.payload > 1 << 40 {
            return Err(Error::new(
                ErrorKind::Source,
                format!(
                    "the camera says that a frame has {} bytes; give payload=BYTES if that is wrong",
                    self.payload
                ),
            ));
        }
        Ok(())
    }

    /// Bytes of a frame of the whole sensor in the largest format that is to be expected.
    pub fn largest(&self, features: &mut Features, config: &Config) -> usize {
        if config.payload.is_some() {
            return self.payload;
        }
        let most = |features: &mut Features, name, now: u32| {
            features.integer(name).ok().and_then(|v| u32::try_from(v).ok()).unwrap_or(now).max(now)
        };
        let whole = Geometry {
            width: most(features, "WidthMax", self.geometry.width),
            height: most(features, "HeightMax", self.geometry.height),
            offset_x: 0,
            offset_y: 0,
            ..self.geometry
        };
        let format = config
            .max_format
            .filter(|f| f.bits_per_pixel() > self.geometry.pixel_format.bits_per_pixel());
        let whole = Geometry { pixel_format: format.unwrap_or(whole.pixel_format), ..whole };
        // Chunks, and whatever else comes with the image.
        let beside = (self.payload as u64).saturating_sub(self.geometry.image_bytes());
        match whole.check() {
            Ok(()) => usize::try_from(whole.image_bytes() + beside).unwrap_or(usize::MAX),
            Err(_) => self.payload,
        }
        .max(self.payload)
    }
}
