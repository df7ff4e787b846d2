//! Ports: registers, and where their description lies. Cameras have both; other modules have neither.

use crate::abi::*;
use crate::camera::DESCRIPTION_AT;
use crate::description::file_name;
use crate::entry::{export, ok, put};
use crate::infos;
use crate::world::{Module, World};
use std::ffi::{c_char, c_void};
use std::ptr::null_mut;

/// Where a camera's description lies.
fn url(w: &mut World, port: Handle) -> Result<(String, usize), GcError> {
    match w.module(port)? {
        Module::Port(..) => {}
        _ => return Err(NO_DATA),
    }
    let camera = w.reach(port)?;
    let bytes = camera.description.len();
    let name = file_name(camera.zipped);
    Ok((format!("local:{name};{DESCRIPTION_AT:X};{bytes:X}?SchemaVersion=1.1.0"), bytes))
}

export! {
    /// Reads registers.
    fn GCReadPort(w, port: Handle, address: u64, to: *mut c_void, size: *mut usize) {
        if to.is_null() || size.is_null() {
            return INVALID_PARAMETER;
        }
        let Module::Port(..) = ok!(w.module(port)) else { return NOT_IMPLEMENTED };
        let camera = ok!(w.reach(port));
        // SAFETY: the caller's promise: so much room is there.
        let to = unsafe { std::slice::from_raw_parts_mut(to.cast::<u8>(), size.read_unaligned()) };
        camera.read(address, to)
    }

    /// Writes a register.
    fn GCWritePort(w, port: Handle, address: u64, from: *const c_void, size: *mut usize) {
        if from.is_null() || size.is_null() {
            return INVALID_PARAMETER;
        }
        let Module::Port(..) = ok!(w.module(port)) else { return NOT_IMPLEMENTED };
        let camera = ok!(w.reach(port));
        // SAFETY: the caller's promise: so many bytes are there.
        let from = unsafe { std::slice::from_raw_parts(from.cast::<u8>(), size.read_unaligned()) };
        camera.write(address, from)
    }

    /// Where the description lies, in the way of GenTL 1.0.
    fn GCGetPortURL(w, port: Handle, to: *mut c_char, size: *mut usize) {
        let (url, _) = ok!(url(w, port));
        // SAFETY: the caller's promise.
        unsafe { give(Ok(Value::Text(url)), null_mut(), to.cast(), size) }
    }

    /// In how many places a description lies.
    fn GCGetNumPortURLs(w, port: Handle, count: *mut u32) {
        let there = match url(w, port) {
            Ok(_) => 1,
            Err(NO_DATA) => 0,
            Err(code) => return code,
        };
        // SAFETY: the caller's promise.
        unsafe { put(count, there) }
    }

    /// About one of those places.
    fn GCGetPortURLInfo(w, port: Handle, index: u32, command: i32, kind: *mut i32, to: *mut c_void, size: *mut usize) {
        let (url, bytes) = ok!(url(w, port));
        if index != 0 {
            return INVALID_INDEX;
        }
        let answer = match command {
            0 => Ok(Value::Text(url)),
            1 | 2 => Ok(Value::I32(1)),
            3 => Ok(Value::I32(1)),
            4 | 5 => Ok(Value::I32(0)),
            7 => Ok(Value::U64(DESCRIPTION_AT)),
            8 => Ok(Value::U64(bytes as u64)),
            9 => Ok(Value::I32(0)),
            10 => Ok(Value::Text(url[6..].split(';').next().unwrap_or_default().into())),
            _ => Err(NOT_IMPLEMENTED),
        };
        // SAFETY: the caller's promise.
        unsafe { give(answer, kind, to, size) }
    }

    /// About a port.
    fn GCGetPortInfo(w, port: Handle, command: i32, kind: *mut i32, to: *mut c_void, size: *mut usize) {
        let (name, module, readable) = match ok!(w.module(port)) {
            Module::Port(n, _) => (w.cameras[n].id(), "Device", true),
            Module::Device(n, _) => (w.cameras[n].id(), "TLDevice", false),
            Module::Tl => ("frameline-fakegentl".into(), "TLSystem", false),
            Module::Interface(n) => (infos::interface_id(n), "TLInterface", false),
            Module::Stream(_) => ("fake-stream".into(), "TLDataStream", false),
            Module::Event(_) => return INVALID_HANDLE,
        };
        // SAFETY: the caller's promise.
        unsafe { give(infos::port(&name, module, readable, command), kind, to, size) }
    }
}
