//! A simulated camera: its registers, and what they do.

use crate::abi::*;
use crate::config::{CameraConfig, Lead};
use crate::description;
use crate::film::Region;

/// Where the description lies in the registers.
pub const DESCRIPTION_AT: u64 = 0x1_0000;
/// `Mono8`.
pub const MONO8: u32 = 0x0108_0001;
/// The formats that it can send: PFNC's codes.
pub const FORMATS: [(&str, u32); 4] =
    [("Mono8", MONO8), ("Mono12", 0x0110_0005), ("BayerRG8", 0x0108_0009), ("RGB8", 0x0218_0014)];
/// Bytes that chunk mode adds: the frame's number and the exposure time.
pub const CHUNK_BYTES: usize = 16;
/// Identifiers of the two chunks.
pub const CHUNK_IDS: [u64; 2] = [0x10, 0x11];

/// Every byte of the second part.
const PART: u8 = 0x5A;

/// Where everything lies in a frame, in bytes from its start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Layout {
    /// The image.
    pub image: usize,
    /// The second part, with its width and height.
    pub part: Option<(usize, usize, usize)>,
    /// The chunks.
    pub chunks: Option<usize>,
    /// All of it.
    pub bytes: usize,
}

/// Addresses of the registers, each 4 bytes long but the texts (32) and the floats (8).
#[allow(missing_docs)] // The features' names.
pub mod at {
    pub const VENDOR: u64 = 0x000;
    pub const MODEL: u64 = 0x020;
    pub const SERIAL: u64 = 0x040;
    pub const USER: u64 = 0x060;
    pub const WIDTH: u64 = 0x100;
    pub const HEIGHT: u64 = 0x104;
    pub const OFFSET_X: u64 = 0x108;
    pub const OFFSET_Y: u64 = 0x10C;
    pub const PIXEL_FORMAT: u64 = 0x110;
    pub const PAYLOAD_SIZE: u64 = 0x114;
    pub const ACQUISITION_MODE: u64 = 0x118;
    pub const ACQUISITION_START: u64 = 0x11C;
    pub const ACQUISITION_STOP: u64 = 0x120;
    pub const TRIGGER_MODE: u64 = 0x124;
    pub const TRIGGER_SOFTWARE: u64 = 0x128;
    pub const TRIGGER_SOURCE: u64 = 0x12C;
    pub const CHUNK_MODE: u64 = 0x130;
    pub const MULTI_PART: u64 = 0x134;
    pub const LOCKED: u64 = 0x138;
    pub const SENSOR_WIDTH: u64 = 0x13C;
    pub const SENSOR_HEIGHT: u64 = 0x140;
    pub const EXPOSURE: u64 = 0x148;
    pub const FRAME_RATE: u64 = 0x150;
    pub const OFFSET_X_MAX: u64 = 0x158;
    pub const OFFSET_Y_MAX: u64 = 0x15C;
    pub const WIDTH_MAX: u64 = 0x160;
    pub const HEIGHT_MAX: u64 = 0x164;
}

/// What is set, and lost with the power.
#[derive(Debug, Clone)]
#[allow(missing_docs)] // The features' names.
pub struct Settings {
    pub user: [u8; 32],
    pub width: u32,
    pub height: u32,
    pub offset_x: u32,
    pub offset_y: u32,
    pub pixel_format: u32,
    pub mode: u32,
    pub trigger_mode: u32,
    pub trigger_source: u32,
    pub chunk_mode: u32,
    pub multi_part: u32,
    pub locked: u32,
    pub exposure: f64,
    pub frame_rate: f64,
}

/// One camera.
#[derive(Debug)]
#[allow(missing_docs)]
pub struct Camera {
    pub config: CameraConfig,
    pub settings: Settings,
    pub description: Vec<u8>,
    pub zipped: bool,
    /// It has power and a cable.
    pub is_present: bool,
    /// Counts losses: what was opened before one is dead.
    pub life: u64,
    /// The handle that it is open under.
    pub opened: Option<usize>,
    /// `AcquisitionStart` was written.
    pub acquires: bool,
    /// Triggers that no frame was made for.
    pub triggers: u64,
    /// The number of its next frame.
    pub next_frame: u64,
}

impl Camera {
    /// A camera with power.
    pub fn new(config: CameraConfig, zipped: bool) -> Camera {
        Camera {
            settings: Settings::new(&config),
            description: description::file(&config, zipped),
            zipped,
            config,
            is_present: true,
            life: 0,
            opened: None,
            acquires: false,
            triggers: 0,
            next_frame: 0,
        }
    }

    /// Its identifier.
    pub fn id(&self) -> String {
        format!("fake-{}", self.config.serial)
    }

    /// The power goes.
    pub fn lose(&mut self) {
        self.is_present = false;
        self.life += 1;
        self.acquires = false;
        self.triggers = 0;
    }

    /// The power comes, and every setting is the factory's.
    pub fn plug(&mut self) {
        self.is_present = true;
        self.settings = Settings::new(&self.config);
        self.next_frame = 0;
    }

    fn is_locked(&self) -> bool {
        !self.config.loose && (self.acquires || self.settings.locked != 0)
    }

    /// Reads registers.
    pub fn read(&self, address: u64, to: &mut [u8]) -> GcError {
        let end = address.saturating_add(to.len() as u64);
        if address >= DESCRIPTION_AT {
            let from = (address - DESCRIPTION_AT) as usize;
            let Some(bytes) = self.description.get(from..from.saturating_add(to.len())) else {
                return INVALID_ADDRESS;
            };
            to.copy_from_slice(bytes);
            return SUCCESS;
        }
        if end > 0x200 {
            return INVALID_ADDRESS;
        }
        let memory = self.memory();
        to.copy_from_slice(&memory[address as usize..end as usize]);
        SUCCESS
    }

    /// The registers as memory.
    fn memory(&self) -> [u8; 0x200] {
        let mut m = [0_u8; 0x200];
        let s = &self.settings;
        let mut text = |at: u64, text: &[u8]| m[at as usize..][..text.len()].copy_from_slice(text);
        text(at::VENDOR, b"frameline");
        text(at::MODEL, b"FakeGenTL");
        text(at::SERIAL, &self.config.serial.as_bytes()[..self.config.serial.len().min(31)]);
        text(at::USER, &s.user);
        text(at::EXPOSURE, &s.exposure.to_le_bytes());
        text(at::FRAME_RATE, &s.frame_rate.to_le_bytes());
        let (sensor_width, sensor_height) = self.config.size;
        for (at, value) in [
            (at::WIDTH, s.width),
            (at::HEIGHT, s.height),
            (at::OFFSET_X, s.offset_x),
            (at::OFFSET_Y, s.offset_y),
            (at::PIXEL_FORMAT, s.pixel_format),
            (at::PAYLOAD_SIZE, self.payload() as u32),
            (at::ACQUISITION_MODE, s.mode),
            (at::TRIGGER_MODE, s.trigger_mode),
            (at::TRIGGER_SOURCE, s.trigger_source),
            (at::CHUNK_MODE, s.chunk_mode),
            (at::MULTI_PART, s.multi_part),
            (at::LOCKED, s.locked),
            (at::SENSOR_WIDTH, sensor_width),
            (at::SENSOR_HEIGHT, sensor_height),
            (at::OFFSET_X_MAX, sensor_width - s.width),
            (at::OFFSET_Y_MAX, sensor_height - s.height),
            (at::WIDTH_MAX, sensor_width - s.offset_x),
            (at::HEIGHT_MAX, sensor_height - s.offset_y),
        ] {
            m[at as usize..][..4].copy_from_slice(&value.to_le_bytes());
        }
        m
    }

    /// Writes one register.
    pub fn write(&mut self, address: u64, from: &[u8]) -> GcError {
        let long = |n: usize| from.get(..n).filter(|_| from.len() == n);
        if address == at::USER && from.len() <= 32 {
            self.settings.user = [0; 32];
            self.settings.user[..from.len()].copy_from_slice(from);
            return SUCCESS;
        }
        if matches!(address, at::EXPOSURE | at::FRAME_RATE) {
            let Some(value) = long(8).map(|b| f64::from_le_bytes(b.try_into().expect("eight")))
            else {
                return INVALID_PARAMETER;
            };
            let (field, range) = match address {
                at::EXPOSURE => (&mut self.settings.exposure, 10.0..=1e6),
                _ => (&mut self.settings.frame_rate, 0.001..=1e6),
            };
            if !range.contains(&value) {
                return INVALID_VALUE;
            }
            *field = value;
            return SUCCESS;
        }
        let Some(value) = long(4).map(|b| u32::from_le_bytes(b.try_into().expect("four"))) else {
            return INVALID_PARAMETER;
        };
        let (sensor_width, sensor_height) = self.config.size;
        let locked = self.is_locked();
        let s = &mut self.settings;
        let (field, fits) = match address {
            at::WIDTH => {
                let most = sensor_width - s.offset_x;
                (&mut s.width, (16..=most).contains(&value) && value.is_multiple_of(4))
            }
            at::HEIGHT => {
                let most = sensor_height - s.offset_y;
                (&mut s.height, (16..=most).contains(&value))
            }
            at::OFFSET_X => {
                let most = sensor_width - s.width;
                (&mut s.offset_x, value <= most && value.is_multiple_of(4))
            }
            at::OFFSET_Y => {
                let most = sensor_height - s.height;
                (&mut s.offset_y, value <= most && value.is_multiple_of(2))
            }
            at::PIXEL_FORMAT => {
                (&mut s.pixel_format, FORMATS.iter().any(|(_, code)| *code == value))
            }
            at::CHUNK_MODE => (&mut s.chunk_mode, value <= 1),
            at::MULTI_PART => (&mut s.multi_part, value <= 1),
            at::ACQUISITION_MODE => (&mut s.mode, value <= 1),
            at::TRIGGER_MODE => (&mut s.trigger_mode, value <= 1),
            at::TRIGGER_SOURCE => (&mut s.trigger_source, value <= 1),
            at::LOCKED => (&mut s.locked, value <= 1),
            at::ACQUISITION_START => {
                self.acquires = true;
                return SUCCESS;
            }
            at::ACQUISITION_STOP => {
                self.acquires = false;
                return SUCCESS;
            }
            at::TRIGGER_SOFTWARE => {
                if s.trigger_mode == 0 || s.trigger_source != 0 || !self.acquires {
                    return NOT_AVAILABLE;
                }
                self.triggers += 1;
                return SUCCESS;
            }
            _ => return INVALID_ADDRESS,
        };
        let decides_size = (at::WIDTH..=at::PIXEL_FORMAT).contains(&address)
            || matches!(address, at::CHUNK_MODE | at::MULTI_PART);
        if locked && decides_size {
            return ACCESS_DENIED;
        }
        if !fits {
            return INVALID_VALUE;
        }
        *field = value;
        SUCCESS
    }

    /// Bytes of the image.
    pub fn image(&self) -> usize {
        let s = &self.settings;
        let bits = (s.pixel_format >> 16 & 0xFF) as usize;
        (s.width as usize * s.height as usize * bits).div_ceil(8)
    }

    /// Where everything lies in a frame.
    pub fn layout(&self) -> Layout {
        let s = &self.settings;
        let side = (s.width as usize / 2, s.height as usize / 2);
        let (has_part, has_chunks) = (s.multi_part != 0, s.chunk_mode != 0);
        let mut bytes: usize = 0;
        let mut place = |there: bool, size: usize| {
            let at = bytes.next_multiple_of(8);
            if there {
                bytes = at + size;
            }
            at
        };
        let lead = self.config.lead;
        let chunks_first = place(has_chunks && lead == Lead::Chunks, CHUNK_BYTES);
        let part_first = place(has_part && lead == Lead::Part, side.0 * side.1);
        let image = place(true, self.image());
        let part = place(has_part && lead != Lead::Part, side.0 * side.1);
        let part = if lead == Lead::Part { part_first } else { part };
        let part = has_part.then_some((part, side.0, side.1));
        let chunks = match lead {
            Lead::Chunks => chunks_first,
            // Without a gap: a chunk parser goes from the payload's end.
            _ => bytes,
        };
        if has_chunks && lead != Lead::Chunks {
            bytes += CHUNK_BYTES;
        }
        Layout { image, part, chunks: has_chunks.then_some(chunks), bytes }
    }

    /// Bytes of a frame.
    pub fn payload(&self) -> usize {
        self.layout().bytes
    }

    /// The same as the host's side delivers it.
    pub fn host_payload(&self) -> usize {
        self.payload() + self.config.adds
    }

    /// Whether it would make a frame now.
    pub fn is_due(&self) -> bool {
        self.is_present && self.acquires && (self.settings.trigger_mode == 0 || self.triggers > 0)
    }

    /// Paints frame `n` into as much as there is of `to`.
    pub fn paint(&self, n: u64, to: &mut [u8]) {
        let (layout, image) = (self.layout(), self.image());
        let there = to.len().min(layout.bytes);
        let (before, rest) = to[..there].split_at_mut(layout.image.min(there));
        let (pixels, behind) = rest.split_at_mut(image.min(rest.len()));
        before.fill(PART);
        behind.fill(PART);
        match &self.config.film {
            Some(film) => film.paint(n, self.region(), pixels),
            None => pixels.iter_mut().enumerate().for_each(|(i, byte)| *byte = pattern(n, i)),
        }
        let chunks = layout.chunks.and_then(|at| to.get_mut(at..at + CHUNK_BYTES));
        if let Some(chunks) = chunks {
            chunks[..8].copy_from_slice(&n.to_le_bytes());
            chunks[8..].copy_from_slice(&self.settings.exposure.to_le_bytes());
        }
    }

    /// What it sees of a film.
    fn region(&self) -> Region {
        let s = &self.settings;
        Region {
            offset: (s.offset_x as usize, s.offset_y as usize),
            size: (s.width as usize, s.height as usize),
            pixel_bytes: (s.pixel_format >> 16 & 0xFF) as usize / 8,
        }
    }
}

/// Byte `i` of the image of frame `n`.
#[inline]
pub fn pattern(n: u64, i: usize) -> u8 {
    (i as u8).wrapping_add((i >> 8) as u8).wrapping_add((n as u8).wrapping_mul(7))
}

impl Settings {
    fn new(config: &CameraConfig) -> Settings {
        Settings {
            user: [0; 32],
            width: config.size.0,
            height: config.size.1,
            offset_x: 0,
            offset_y: 0,
            pixel_format: MONO8,
            mode: 0,
            trigger_mode: 0,
            trigger_source: 0,
            chunk_mode: 0,
            multi_part: 0,
            locked: 0,
            exposure: 5000.0,
            frame_rate: config.fps,
        }
    }
}
