//! Answers to questions about modules.

use crate::abi::*;
use crate::camera::Camera;
use crate::config::Config;
use crate::stream::{Buffer, Filled, Place, Stream};

/// PFNC's namespace of 32 bits.
const PFNC_32: u64 = 4;

fn text(text: &str) -> Result<Value, GcError> {
    Ok(Value::Text(text.into()))
}

/// The name of an interface.
pub fn interface_id(n: usize) -> String {
    format!("fake-interface-{n}")
}

/// About the system, and the library.
pub fn system(command: i32) -> Result<Value, GcError> {
    match command {
        0 => text("frameline-fakegentl"),
        1 => text("frameline"),
        2 => text("FakeGenTL"),
        3 => text(env!("CARGO_PKG_VERSION")),
        4 => text("Custom"),
        5 => text("fakegentl.cti"),
        6 => text(""),
        7 => text("Simulated cameras (frameline)"),
        8 => Ok(Value::I32(1)), // UTF-8
        9 => Ok(Value::U32(1)),
        10 => Ok(Value::U32(6)),
        _ => Err(NOT_IMPLEMENTED),
    }
}

/// About an interface.
pub fn interface(n: usize, command: i32) -> Result<Value, GcError> {
    match command {
        0 | 1 => text(&interface_id(n)),
        2 => text("Custom"),
        _ => Err(NOT_IMPLEMENTED),
    }
}

/// About a camera.
pub fn device(c: &Camera, command: i32) -> Result<Value, GcError> {
    let user = || {
        let end = c.settings.user.iter().position(|b| *b == 0).unwrap_or(32);
        String::from_utf8_lossy(&c.settings.user[..end]).into_owned()
    };
    match command {
        0 => text(&c.id()),
        1 => text("frameline"),
        2 => text("FakeGenTL"),
        3 => text("Custom"),
        4 => text(&format!("FakeGenTL {}", c.config.serial)),
        5 => Ok(Value::I32(if c.opened.is_some() { 4 } else { 1 })),
        6 => text(&user()),
        7 => text(&c.config.serial),
        8 => text("1.0"),
        9 => Ok(Value::U64(1_000_000_000)),
        _ => Err(NOT_IMPLEMENTED),
    }
}

/// About a port: of a camera's registers, of its host-side module, or of another module.
pub fn port(name: &str, module: &str, is_writable: bool, command: i32) -> Result<Value, GcError> {
    match command {
        0 => text(name),
        1 => text("frameline"),
        2 => text("FakeGenTL"),
        3 => text("Custom"),
        4 | 12 => text(module),
        5 => Ok(Value::Bool(true)),
        6 => Ok(Value::Bool(false)),
        7 => Ok(Value::Bool(true)),
        8 => Ok(Value::Bool(is_writable)),
        9 | 10 => Ok(Value::Bool(false)),
        11 => text("1.0"),
        _ => Err(NOT_IMPLEMENTED),
    }
}

/// About a stream.
pub fn stream(s: &Stream, c: &Camera, config: &Config, command: i32) -> Result<Value, GcError> {
    let count = |place| s.buffers.values().filter(|b| b.place == place).count();
    match command {
        0 => text("fake-stream"),
        1 => Ok(Value::U64(s.delivered)),
        2 => Ok(Value::U64(s.underruns)),
        3 => Ok(Value::Size(s.buffers.len())),
        4 => Ok(Value::Size(count(Place::Input))),
        5 => Ok(Value::Size(count(Place::Output))),
        6 => Ok(Value::U64(s.starts)),
        7 if c.config.defines_payload => Ok(Value::Size(c.host_payload())),
        7 => Err(NOT_AVAILABLE),
        8 => Ok(Value::Bool(s.runs.is_some())),
        9 => Ok(Value::Bool(c.config.defines_payload)),
        10 => text("Custom"),
        11 => Ok(Value::Size(2)),
        12 => Ok(Value::Size(config.announce_min)),
        13 => Ok(Value::Size(config.alignment)),
        _ => Err(NOT_IMPLEMENTED),
    }
}

/// About a buffer. `talkative`: what is optional, too.
pub fn buffer(b: &Buffer, command: i32, talkative: bool) -> Result<Value, GcError> {
    let f = &b.filled;
    let optional = |value| if talkative { Ok(value) } else { Err(NOT_IMPLEMENTED) };
    match command {
        0 => Ok(Value::Ptr(b.start.addr())),
        1 => Ok(Value::Size(b.bytes)),
        2 => Ok(Value::Ptr(b.user)),
        3 => optional(Value::U64(f.time_ns)),
        4 => Ok(Value::Bool(b.place == Place::Output)),
        5 => Ok(Value::Bool(b.place == Place::Input)),
        6 => Ok(Value::Bool(false)),
        7 => Ok(Value::Bool(f.incomplete)),
        8 => text("Custom"),
        9 => Ok(Value::Size(f.filled)),
        10 => Ok(Value::Size(f.width)),
        11 => Ok(Value::Size(f.height)),
        12 => optional(Value::Size(f.offset_x)),
        13 => optional(Value::Size(f.offset_y)),
        14 | 15 => optional(Value::Size(0)),
        16 => Ok(Value::U64(f.id)),
        17 => Ok(Value::Bool(true)),
        18 => optional(Value::Size(f.image_at)),
        19 => Ok(Value::Size(if f.second_part.is_some() { 10 } else { 1 })),
        20 => Ok(Value::U64(f.pixel_format.into())),
        21 => optional(Value::U64(PFNC_32)),
        22 => optional(Value::Size(f.height)),
        23 => optional(Value::Size(if f.chunks_at.is_some() {
            crate::camera::CHUNK_BYTES
        } else {
            0
        })),
        27 => optional(Value::Size(f.payload)),
        28 => optional(Value::U64(f.time_ns)),
        29 => optional(Value::Bool(f.larger)),
        30 => optional(Value::Bool(f.chunks_at.is_some())),
        _ => Err(NOT_IMPLEMENTED),
    }
}

/// How many parts a frame has; only one that is said to be of several parts has any.
pub fn parts(f: &Filled) -> u32 {
    if f.second_part.is_some() { 2 } else { 0 }
}

/// About a part of a frame.
pub fn part(b: &Buffer, part: u32, command: i32) -> Result<Value, GcError> {
    let f = &b.filled;
    let Some((second_at, width, height)) = f.second_part.filter(|_| part < 2) else {
        return Err(INVALID_INDEX);
    };
    let is_image = (part == 0) != f.part_first;
    let (at, bytes, width, height, format) = match is_image {
        true => (f.image_at, f.image, f.width, f.height, f.pixel_format),
        false => (second_at, width * height, width, height, crate::camera::MONO8),
    };
    match command {
        0 => Ok(Value::Ptr(b.start.addr() + at)),
        1 => Ok(Value::Size(bytes)),
        2 => Ok(Value::Size(if is_image { 1 } else { 9 })), // Image; confidence map.
        3 => Ok(Value::U64(format.into())),
        4 => Ok(Value::U64(PFNC_32)),
        5 => Ok(Value::Size(width)),
        6 | 11 => Ok(Value::Size(height)),
        7..=9 => Ok(Value::Size(0)),
        10 => Ok(Value::U64(0)),
        _ => Err(NOT_IMPLEMENTED),
    }
}
