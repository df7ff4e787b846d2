//! Ports: registers, and where their description lies. Those of the host's side hold the module's name alone.

use crate::abi::*;
use crate::camera::DESCRIPTION_AT;
use crate::description::{self, file_name};
use crate::entry::{export, ok, put};
use crate::infos;
use crate::world::{Module, World};
use std::ffi::{c_char, c_void};
use std::ptr::null_mut;

/// Where a module's description lies, and how long it is.
fn url(w: &mut World, port: Handle) -> Result<(String, usize), GcError> {
    let (name, bytes) = match w.module(port)? {
        Module::Port(..) => {
            let camera = w.reach(port)?;
            (file_name(camera.zipped), camera.description.len())
        }
        Module::Event(_) => return Err(INVALID_HANDLE),
        _ => ("FakeGenTLModule.xml", description::MODULE.len()),
    };
    Ok((format!("local:{name};{DESCRIPTION_AT:X};{bytes:X}?SchemaVersion=1.1.0"), bytes))
}

/// What a module calls itself: all that its registers hold.
fn name_of(w: &World, module: Module) -> Result<String, GcError> {
    Ok(match module {
        Module::Tl => "frameline-fakegentl".into(),
        Module::Interface(n) => infos::interface_id(n),
        Module::Port(n, _) | Module::Device(n, _) => w.cameras.get(n).ok_or(INVALID_HANDLE)?.id(),
        Module::Stream(_) => "fake-stream".into(),
        Module::Event(_) => return Err(INVALID_HANDLE),
    })
}

/// Reads a module of the host's side.
fn read_module(name: &str, address: u64, to: &mut [u8]) -> GcError {
    let mut registers = [0; description::MODULE_ID_BYTES];
    let named = &name.as_bytes()[..name.len().min(registers.len() - 1)];
    registers[..named.len()].copy_from_slice(named);
    let (memory, from) = match address.checked_sub(DESCRIPTION_AT) {
        Some(from) => (description::MODULE.as_bytes(), from as usize),
        None => (&registers[..], address as usize),
    };
    match memory.get(from..from.saturating_add(to.len())) {
        Some(bytes) => {
            to.copy_from_slice(bytes);
            SUCCESS
        }
        None => INVALID_ADDRESS,
    }
}

export! {
    /// Reads registers.
    fn GCReadPort(w, port: Handle, address: u64, to: *mut c_void, size: *mut usize) {
        if to.is_null() || size.is_null() {
            return INVALID_PARAMETER;
        }
        let module = ok!(w.module(port));
        // SAFETY: the caller's promise: so much room is there.
        let to = unsafe { std::slice::from_raw_parts_mut(to.cast::<u8>(), size.read_unaligned()) };
        if !matches!(module, Module::Port(..)) {
            let name = ok!(name_of(w, module));
            return read_module(&name, address, to);
        }
        ok!(w.reach(port)).read(address, to)
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
        ok!(url(w, port));
        // SAFETY: the caller's promise.
        unsafe { put(count, 1) }
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
        let module = ok!(w.module(port));
        let name = ok!(name_of(w, module));
        let (kind_of, writable) = match module {
            Module::Port(..) => ("Device", true),
            Module::Device(..) => ("TLDevice", false),
            Module::Tl => ("TLSystem", false),
            Module::Interface(_) => ("TLInterface", false),
            Module::Stream(_) | Module::Event(_) => ("TLDataStream", false),
        };
        // SAFETY: the caller's promise.
        unsafe { give(infos::port(&name, kind_of, writable, command), kind, to, size) }
    }
}
