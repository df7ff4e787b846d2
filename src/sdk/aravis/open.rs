//! Finding and opening a camera, and what is read of it before it starts.

use super::camera::{Camera, Failure, PacketSize};
use super::codes::{NOT_CONTROLLER, is_loss, may_pass};
use super::config::{Config, Socket, SocketBuffer};
use super::delivered::geometry;
use super::features::Settings;
use super::find::{self, FAKE, choose, listed};
use super::library::Library;
use super::stream::Options;
use crate::error::{Error, ErrorKind};
use crate::format::{Geometry, PixelFormat};
use std::time::{Duration, Instant};

/// The first pause before a camera that is missing or in use is tried again.
const FIRST_PAUSE: Duration = Duration::from_millis(20);
/// The longest.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
/// The top bit of a pixel format: the maker's own.
const CUSTOM: u32 = 0x8000_0000;

/// Why a camera was not opened.
#[derive(Debug)]
pub(super) enum Trouble {
    /// Aravis failed.
    Failure(Failure),
    /// Something else, in a sentence.
    Error(Error),
}

impl From<Failure> for Trouble {
    fn from(failure: Failure) -> Trouble {
        Trouble::Failure(failure)
    }
}

impl Trouble {
    /// Whether waiting may help.
    fn may_pass(&self) -> bool {
        match self {
            Trouble::Failure(failure) => may_pass(failure.code),
            Trouble::Error(e) => e.kind() == ErrorKind::Source,
        }
    }

    fn sentence(self, library: &Library, what: &str) -> Error {
        let failure = match self {
            Trouble::Error(e) => return e,
            Trouble::Failure(failure) => failure,
        };
        let advice = match failure.code {
            NOT_CONTROLLER => {
                "close that one (a viewer, an earlier run: a camera is free when its heartbeat lapses, after some seconds), or wait for it with wait=MILLISECONDS"
            }
            _ => {
                "check cable, subnet and firewall; a USB camera needs a udev rule that lets you use it"
            }
        };
        Error::new(
            ErrorKind::Source,
            format!(
                "camera {what} could not be opened through Aravis {}: {failure}; {advice}",
                library.version()
            ),
        )
    }
}

/// An open camera, what the list told of it, and what it will send.
pub(super) type Opened = (Camera, find::Camera, Format);

/// Opens the camera that `config` means, for as long as it wants to wait.
pub(super) fn open(
    library: &'static Library,
    config: &Config,
    settings: &mut Settings,
) -> Result<Opened, Error> {
    let until = Instant::now() + config.wait;
    let mut pause = FIRST_PAUSE;
    loop {
        let opened = open_once(library, &config.name, config).and_then(|(mut camera, found)| {
            let failed = |trouble| (trouble, found.to_string());
            for (name, value) in &config.features {
                let set = settings.set(&mut camera, name, value);
                set.map_err(|refused| failed(Trouble::Error(refused.into())))?;
            }
            let format = Format::read(&camera).map_err(|failure| failed(failure.into()))?;
            Ok((camera, found, format))
        });
        let (trouble, what) = match opened {
            Ok(opened) => return Ok(opened),
            Err(failed) => failed,
        };
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() || !trouble.may_pass() {
            return Err(trouble.sentence(library, &what));
        }
        std::thread::sleep(pause.min(left));
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// One attempt. A failure comes with what it was about.
pub(super) fn open_once(
    library: &'static Library,
    name: &str,
    config: &Config,
) -> Result<(Camera, find::Camera), (Trouble, String)> {
    // The made-up cameras are Fake_1, Fake_2, ...: there is nothing to look for.
    if name.starts_with(FAKE) {
        find::enable_fake(library);
        let camera = Camera::open(library, name, config.priority)
            .map_err(|failure| (failure.into(), name.to_string()))?;
        check_options(&camera, config, name)?;
        let text = |feature| camera.text(feature).unwrap_or_default();
        let found = find::Camera {
            id: name.into(),
            vendor: text("DeviceVendorName"),
            model: text("DeviceModelName"),
            serial: text("DeviceSerialNumber"),
            protocol: FAKE.into(),
            ..find::Camera::default()
        };
        return Ok((camera, found));
    }
    let (opened, found) = listed(library, |cameras| {
        let found = choose(cameras, name).map_err(|e| (Trouble::Error(e), name.to_string()))?;
        Ok((Camera::open(library, &found.id, config.priority), found))
    })?;
    let failed = |failure: Failure| (failure.into(), found.to_string());
    let mut camera = opened.map_err(failed)?;
    check_options(&camera, config, &found.to_string())?;
    if camera.is_gv() {
        let packet_socket = match config.socket {
            Socket::Auto => !found.is_on_loopback(),
            Socket::Packet => true,
            Socket::Udp => false,
        };
        camera.set_transport(config.packet_size, packet_socket).map_err(|failure| match config
            .packet_size
        {
            PacketSize::Bytes(bytes) if !is_loss(failure.code) => {
                let what = format!("packet_size={bytes} was refused: {failure}");
                (Trouble::Error(Error::config(what)), found.to_string())
            }
            _ => failed(failure),
        })?;
    }
    Ok((camera, found))
}

/// Refuses options that this camera has no use for, rather than to take and ignore them.
fn check_options(camera: &Camera, config: &Config, what: &str) -> Result<(), (Trouble, String)> {
    match config.gige_only() {
        Some(name) if !camera.is_gv() => {
            let sentence =
                format!("{name} is for GigE Vision cameras, and {what} is none; leave it out");
            Err((Trouble::Error(Error::config(sentence)), what.into()))
        }
        _ => Ok(()),
    }
}

/// How a stream is received.
pub(super) fn options(config: &Config, payload: usize) -> Options {
    /// Frames that the socket holds while the receiving thread does not run.
    const FRAMES: usize = 2;
    /// At least so many bytes: 4 MiB.
    const LEAST: usize = 4 << 20;
    let socket_buffer = match config.socket_buffer {
        SocketBuffer::Auto => {
            let bytes = payload.saturating_mul(FRAMES).max(LEAST);
            i32::try_from(bytes).unwrap_or(i32::MAX)
        }
        SocketBuffer::Leave => 0,
        SocketBuffer::Bytes(bytes) => bytes,
    };
    Options {
        socket_buffer,
        resend: config.resend,
        packet_timeout: config.packet_timeout,
        frame_retention: config.frame_retention,
    }
}

/// What a stopped camera says of the frames that it will send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Format {
    pub geometry: Geometry,
    pub payload: usize,
    pub has_chunks: bool,
    /// Bytes of a packet, of a GigE camera.
    pub packet_size: Option<u32>,
}

impl Format {
    /// Asks the camera.
    pub fn read(camera: &Camera) -> Result<Format, Failure> {
        let geometry = geometry(camera.region()?, camera.pixel_format()?);
        Ok(Format {
            geometry,
            payload: camera.payload()? as usize,
            has_chunks: camera.boolean("ChunkModeActive").unwrap_or(false),
            packet_size: camera.is_gv().then(|| camera.packet_size().ok()).flatten(),
        })
    }

    /// Refuses what no stage could read.
    pub fn check(&self) -> Result<(), Error> {
        let format = self.geometry.pixel_format;
        if format.0 & CUSTOM != 0 {
            return Err(Error::config(format!(
                "the camera sends pixel format 0x{:08X}, which is its maker's own; choose another with PixelFormat=...",
                format.0
            )));
        }
        // aravis#1078: a payload of 0 is no answer.
        if self.payload == 0 || self.geometry.check().is_err() {
            return Err(Error::new(
                ErrorKind::Source,
                format!(
                    "the camera says that its frames are {} x {} pixels and {} bytes; set Width and Height, or load its default user set",
                    self.geometry.width, self.geometry.height, self.payload
                ),
            ));
        }
        Ok(())
    }

    /// Bytes that a frame of the whole sensor would have in `format`.
    pub fn largest(&self, camera: &Camera, format: Option<PixelFormat>) -> usize {
        let g = self.geometry;
        let whole = |now: u32, offset: u32, max: &str, side: &str| {
            let max = camera.integer(max).ok();
            // Where a camera has no such feature: as far as it would let the side grow, and its offset.
            let max = max.or_else(|| {
                camera.integer_range(side).ok().map(|r| r[1].saturating_add(offset.into()))
            });
            max.and_then(|m| u32::try_from(m).ok()).unwrap_or(now).max(now)
        };
        let present = g.pixel_format;
        let format = format.filter(|f| f.bits_per_pixel() > present.bits_per_pixel());
        let largest = Geometry::new(
            whole(g.width, g.offset_x, "WidthMax", "Width"),
            whole(g.height, g.offset_y, "HeightMax", "Height"),
            format.unwrap_or(present),
        );
        let image = |g: &Geometry| usize::try_from(g.image_bytes()).unwrap_or(usize::MAX);
        let beyond = self.payload.saturating_sub(image(&g));
        // What is absurd is not believed.
        let largest = largest.check().map_or(0, |()| image(&largest).saturating_add(beyond));
        largest.max(self.payload)
    }
}
