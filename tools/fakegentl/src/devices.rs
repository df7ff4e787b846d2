//! An open camera.

use crate::abi::*;
use crate::entry::{export, ok, put, text};
use crate::infos;
use crate::stream::Stream;
use crate::world::Module;
use std::ffi::{c_char, c_void};
use std::ptr::null_mut;

/// The only stream's name.
const STREAM: &str = "fake-stream";

export! {
    /// The port to the registers.
    fn DevGetPort(w, device: Handle, handle: *mut Handle) {
        let Module::Device(n, life) = ok!(w.module(device)) else { return INVALID_HANDLE };
        let port = w.open(Module::Port(n, life));
        // SAFETY: the caller's promise.
        unsafe { put(handle, port) }
    }

    /// How many streams there are.
    fn DevGetNumDataStreams(w, device: Handle, count: *mut u32) {
        let Module::Device(..) = ok!(w.module(device)) else { return INVALID_HANDLE };
        // SAFETY: the caller's promise.
        unsafe { put(count, 1) }
    }

    /// The name of one.
    fn DevGetDataStreamID(w, device: Handle, index: u32, to: *mut c_char, size: *mut usize) {
        let Module::Device(..) = ok!(w.module(device)) else { return INVALID_HANDLE };
        if index != 0 {
            return INVALID_INDEX;
        }
        // SAFETY: the caller's promise.
        unsafe { give(Ok(Value::Text(STREAM.into())), null_mut(), to.cast(), size) }
    }

    /// Opens it.
    fn DevOpenDataStream(w, device: Handle, id: *const c_char, handle: *mut Handle) {
        let Module::Device(n, _) = ok!(w.module(device)) else { return INVALID_HANDLE };
        // SAFETY: the caller's promise.
        if unsafe { text(id) }.as_deref() != Some(STREAM) {
            return INVALID_ID;
        }
        if w.streams.contains_key(&n) {
            return RESOURCE_IN_USE;
        }
        let stream = w.open(Module::Stream(n));
        w.streams.insert(n, Stream::default());
        // SAFETY: the caller's promise.
        unsafe { put(handle, stream) }
    }

    /// What the camera is.
    fn DevGetInfo(w, device: Handle, command: i32, kind: *mut i32, to: *mut c_void, size: *mut usize) {
        let Module::Device(n, _) = ok!(w.module(device)) else { return INVALID_HANDLE };
        // SAFETY: the caller's promise.
        unsafe { give(infos::device(&w.cameras[n], command), kind, to, size) }
    }

    /// Closes the camera, and its stream.
    fn DevClose(w, device: Handle) {
        let Module::Device(n, _) = ok!(w.module(device)) else { return INVALID_HANDLE };
        w.streams.remove(&n);
        w.close_all(|m| match m {
            Module::Device(k, _) | Module::Port(k, _) | Module::Stream(k) | Module::Event(k) => k == n,
            Module::Tl | Module::Interface(_) => false,
        });
        let camera = &mut w.cameras[n];
        camera.opened = None;
        camera.acquires = false;
        camera.settings.locked = 0;
        SUCCESS
    }

    /// The interface that it is on.
    fn DevGetParentIF(w, device: Handle, handle: *mut Handle) {
        let _ = (w, device, handle);
        NOT_IMPLEMENTED // As with some that are sold.
    }
}
