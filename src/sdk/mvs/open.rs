//! Finding and opening a camera, and what is read of it before it starts.

use super::codes::*;
use super::config::{Config, Key, PacketSize};
use super::features::{Settings, is_loss};
use super::find::{Camera, Link, choose, listed};
use super::handle::{Code, Handle, enumerate};
use super::library::Library;
use super::reading::{CUSTOM, Rules, pixel_format};
use super::stream::try_register;
use super::sys::PixelTypeRaw;
use crate::error::{Error, ErrorKind};
use crate::format::{Geometry, PixelFormat};
use crate::source::Fill;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The first pause before a camera that is missing or in use is tried again.
const FIRST_PAUSE: Duration = Duration::from_millis(20);
/// The longest.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// Why a camera was not opened.
#[derive(Debug)]
pub(super) enum Failure {
    /// The SDK answered with a code, at that call.
    Code(&'static str, Code),
    /// Something else, in a sentence.
    Error(Error),
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
            Failure::Code(_, code) => is_loss(*code),
            Failure::Error(e) => e.kind() == ErrorKind::Source,
        }
    }

    fn sentence(self, library: &Library, what: &str) -> Error {
        match self {
            Failure::Error(e) => e,
            Failure::Code(call, code) => {
                let advice = match code {
                    MV_E_ACCESS_DENIED | MV_E_RESOURCE_IN_USE => {
                        "another program has it open; close that one (the MVS viewer, an earlier run), or wait for it with wait=MILLISECONDS"
                    }
                    MV_E_GC_GENERIC => {
                        "the SDK writes files into the working directory when it opens a camera, so start from a folder that can be written"
                    }
                    MV_E_NETER => {
                        "another program may control it, or the network does not reach it: check cable, subnet and firewall"
                    }
                    MV_E_HANDLE | MV_E_PARAMETER => "it went away while it was opened; try again",
                    _ => "frameline explain tells what the code means",
                };
                Error::new(
                    ErrorKind::Source,
                    format!(
                        "{what} could not be opened through {} (version {}): {call} answered {}; {advice}",
                        library.path().display(),
                        library.version(),
                        named(code)
                    ),
                )
            }
        }
    }
}

/// Opens the camera that `config` means, for as long as it wants to wait.
pub(super) fn open(
    library: &Arc<Library>,
    config: &Config,
    settings: &mut Settings,
) -> Result<(Handle, Camera, Format), Error> {
    let until = Instant::now() + config.wait;
    let mut pause = FIRST_PAUSE;
    loop {
        let opened = open_once(library, &config.key, config);
        let set_up = opened.and_then(|(mut handle, camera)| {
            let failed = |failure| (failure, format!("camera {camera}"));
            for (name, value) in &config.features {
                let set = settings.set(&mut handle, name, value);
                set.map_err(|refused| failed(Failure::Error(refused.into())))?;
            }
            let format =
                Format::read(&handle).map_err(|(call, code)| failed(Failure::Code(call, code)))?;
            Ok((handle, camera, format))
        });
        let (failure, what) = match set_up {
            Ok(set_up) => return Ok(set_up),
            Err(failure) => failure,
        };
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() || !failure.may_pass() {
            return Err(failure.sentence(library, &what));
        }
        std::thread::sleep(pause.min(left));
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// One attempt. A failure comes with what it was about.
pub(super) fn open_once(
    library: &Arc<Library>,
    key: &Key,
    config: &Config,
) -> Result<(Handle, Camera), (Failure, String)> {
    let nameless = || "the camera".to_string();
    let found = enumerate(library, |list| {
        let mut cameras = listed(&list, false);
        let n = choose(&cameras, key).map_err(|e| (e.into(), nameless()))?;
        let camera = cameras.swap_remove(n);
        let handle = list
            .open(n)
            .map_err(|(call, code)| (Failure::Code(call, code), format!("camera {camera}")))?;
        Ok((handle, camera))
    });
    let (mut handle, camera) =
        found.map_err(|code| (Failure::Code("MV_CC_EnumDevices", code), nameless()))??;
    if camera.link == Link::GigE {
        prepare_network(&mut handle, config)
            .map_err(|failure| (failure, format!("camera {camera}")))?;
    }
    Ok((handle, camera))
}

/// Packet size, heartbeat and resending of a GigE camera.
fn prepare_network(handle: &mut Handle, config: &Config) -> Result<(), Failure> {
    let packet_size = match config.packet_size {
        PacketSize::Leave => None,
        // A camera or SDK that cannot say keeps what it has.
        PacketSize::Auto => handle.optimal_packet_size().ok(),
        PacketSize::Bytes(bytes) => Some(i64::from(bytes)),
    };
    if let Some(bytes) = packet_size {
        set_int(handle, "GevSCPSPacketSize", bytes, config.packet_size != PacketSize::Auto)?;
    }
    if let Some(ms) = config.heartbeat_ms {
        set_int(handle, "GevHeartbeatTimeout", i64::from(ms), true)?;
    }
    if let Some(on) = config.resend {
        handle.set_resend(on).map_err(|code| match code {
            MV_E_SUPPORT => Failure::Error(Error::config(
                "this camera or library cannot ask for lost packets again; leave resend out",
            )),
            code => Failure::Code("MV_GIGE_SetResend", code),
        })?;
    }
    Ok(())
}

fn set_int(handle: &mut Handle, name: &str, value: i64, must: bool) -> Result<(), Failure> {
    match handle.set_int(name, value) {
        Err(code) if is_loss(code) => Err(Failure::Code("MV_CC_SetIntValueEx", code)),
        Err(code) if must => Err(Failure::Error(Error::config(format!(
            "{name} could not be set to {value}: the camera answered {}",
            named(code)
        )))),
        _ => Ok(()),
    }
}

/// What a stopped camera says of the frames that it will send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Format {
    pub geometry: Geometry,
    pub payload: usize,
    /// Beyond the payload, a buffer's length must be a multiple of it.
    pub alignment: usize,
    pub has_chunks: bool,
    /// Bytes of a packet, of a GigE camera.
    pub packet_size: Option<i64>,
}

impl Format {
    /// Asks the camera.
    pub fn read(handle: &Handle) -> Result<Format, (&'static str, Code)> {
        const INT: &str = "MV_CC_GetIntValueEx";
        let side = |name| {
            let value = handle.get_int(name).map_err(|code| (INT, code))?;
            Ok::<_, (&'static str, Code)>(u32::try_from(value.current).unwrap_or(0))
        };
        let pixel = handle.get_enum("PixelFormat").map_err(|code| ("MV_CC_GetEnumValue", code))?;
        let offset = |name| side(name).unwrap_or(0);
        let geometry = Geometry {
            width: side("Width")?,
            height: side("Height")?,
            offset_x: offset("OffsetX"),
            offset_y: offset("OffsetY"),
            pixel_format: pixel_format(pixel.current as PixelTypeRaw),
            x_padding: 0,
        };
        let (payload, alignment) = payload(handle).map_err(|code| (INT, code))?;
        Ok(Format {
            geometry,
            payload,
            alignment,
            has_chunks: handle.get_bool("ChunkModeActive").unwrap_or(false),
            packet_size: packet_size(handle),
        })
    }

    /// Refuses what no stage could read.
    pub fn check(&self) -> Result<(), Error> {
        let format = self.geometry.pixel_format;
        if format.0 & CUSTOM != 0 {
            return Err(Error::config(format!(
                "the camera sends pixel type 0x{:08X}, which is compressed or its maker's own; choose another with PixelFormat=..., or turn its compression off with ImageCompressionMode=Off",
                format.0
            )));
        }
        Ok(())
    }

    /// Bytes that a frame of the whole sensor would have in `format`.
    pub fn largest(&self, handle: &Handle, format: Option<PixelFormat>) -> usize {
        let g = self.geometry;
        let whole = |now: u32, offset: u32, max: &str, side: &str| {
            let max = handle.get_int(max).map(|v| v.current);
            // Where a camera has no such feature: as far as it would let the side grow, and its offset.
            let max =
                max.or_else(|_| handle.get_int(side).map(|v| v.max.saturating_add(offset.into())));
            max.ok().and_then(|m| u32::try_from(m).ok()).unwrap_or(now).max(now)
        };
        let present = g.pixel_format;
        let format = format.filter(|f| f.bits_per_pixel() > present.bits_per_pixel());
        let largest = Geometry::new(
            whole(g.width, g.offset_x, "WidthMax", "Width"),
            whole(g.height, g.offset_y, "HeightMax", "Height"),
            format.unwrap_or(present),
        );
        let beyond = self.payload.saturating_sub(bytes(g.image_bytes()));
        // What is absurd is not believed.
        let largest = largest.check().map_or(0, |()| bytes(largest.image_bytes()) + beyond);
        largest.max(self.payload)
    }

    pub fn rules(&self, rules: &Rules) -> Rules {
        Rules { has_chunks: self.has_chunks, ..*rules }
    }
}

fn bytes(n: u64) -> usize {
    usize::try_from(n).unwrap_or(usize::MAX)
}

/// Bytes of a frame, and the alignment of its buffer's length.
pub(super) fn payload(handle: &Handle) -> Result<(usize, usize), Code> {
    if let Ok((payload, alignment)) = handle.payload_size()
        && payload > 0
    {
        return Ok((bytes(payload), alignment.max(1) as usize));
    }
    let payload = handle.get_int("PayloadSize")?.current;
    Ok((usize::try_from(payload).unwrap_or(0), 1))
}

pub(super) fn packet_size(handle: &Handle) -> Option<i64> {
    handle.get_int("GevSCPSPacketSize").ok().map(|v| v.current)
}

/// Ticks of the device's clock a second: GigE cameras say, others count nanoseconds.
pub(super) fn ticks_a_second(handle: &Handle) -> u64 {
    const NANOS: u64 = 1_000_000_000;
    let hz = handle.get_int("GevTimestampTickFrequency").ok().map(|v| v.current);
    hz.and_then(|hz| u64::try_from(hz).ok()).filter(|hz| *hz > 0).unwrap_or(NANOS)
}

/// The ways of filling that library and camera can, best first, narrowed to the one that is wanted.
pub(super) fn fills(
    handle: &mut Handle,
    config: &Config,
    format: &Format,
) -> Result<Vec<Fill>, Error> {
    let library = handle.library().clone();
    let wanted = library.can_register() && config.fill.is_none_or(|f| f == Fill::Announce);
    let tried =
        if wanted { try_register(handle, format.payload, format.alignment) } else { Ok(false) };
    let announces = tried.map_err(|code| {
        Error::new(
            ErrorKind::Source,
            format!(
                "{} (version {}) took a buffer and does not give it back: MV_CC_UnRegisterBuffer answered {}; choose fill=lend or fill=copy, which need no buffers of ours",
                library.path().display(),
                library.version(),
                named(code)
            ),
        )
    })?;
    let can: Vec<Fill> =
        announces.then_some(Fill::Announce).into_iter().chain([Fill::Lend, Fill::Copy]).collect();
    match config.fill {
        None => {
            tracing::info!(
                "fill=auto: {} is the best that MVS {} and this camera can",
                can[0].name(),
                library.version()
            );
            Ok(can)
        }
        Some(fill) if can.contains(&fill) => Ok(vec![fill]),
        Some(_) => Err(Error::config(format!(
            "fill=announce needs MV_CC_RegisterBuffer, which {} (version {}) lacks or this camera does not support; choose fill=lend or fill=copy, or install SDK 4.4 or later",
            library.path().display(),
            library.version()
        ))),
    }
}
