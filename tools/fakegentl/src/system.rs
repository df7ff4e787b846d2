//! The library itself, the system module and interfaces.

use crate::abi::*;
use crate::entry::{enter, export, ok, put, text};
use crate::infos;
use crate::world::Module;
use std::ffi::{c_char, c_void};

/// Starts the producer.
///
/// # Safety
/// None.
#[unsafe(no_mangle)]
pub unsafe extern "system" fn GCInitLib() -> GcError {
    enter("GCInitLib", false, |w| {
        if w.is_initialised {
            return RESOURCE_IN_USE;
        }
        w.is_initialised = true;
        SUCCESS
    })
}

/// What the last failed call was.
///
/// # Safety
/// As GenTL has it.
#[unsafe(no_mangle)]
pub unsafe extern "system" fn GCGetLastError(
    code: *mut GcError,
    to: *mut c_char,
    size: *mut usize,
) -> GcError {
    let held = crate::world::lock();
    let Some(w) = held.as_ref() else { return ERROR };
    let (function, last) = w.last.unwrap_or(("", SUCCESS));
    let said = match (w.why.as_str(), last) {
        ("", SUCCESS) => "no error".into(),
        ("", last) => format!("{function} answered {last}"),
        (why, _) => why.into(),
    };
    // SAFETY: the caller's promise.
    unsafe {
        put(code, last);
        give(Ok(Value::Text(said)), std::ptr::null_mut(), to.cast(), size)
    }
}

export! {
    /// Ends the producer; every handle dies.
    fn GCCloseLib(w) {
        w.is_initialised = false;
        w.streams.clear();
        w.close_all(|_| true);
        w.cameras.iter_mut().for_each(|c| c.opened = None);
        SUCCESS
    }

    /// What the producer is.
    fn GCGetInfo(w, command: i32, kind: *mut i32, to: *mut c_void, size: *mut usize) {
        let _ = w;
        // SAFETY: the caller's promise.
        unsafe { give(infos::system(command), kind, to, size) }
    }

    /// Opens the system.
    fn TLOpen(w, handle: *mut Handle) {
        if w.is_open(Module::Tl) {
            return RESOURCE_IN_USE;
        }
        let tl = w.open(Module::Tl);
        // SAFETY: the caller's promise.
        unsafe { put(handle, tl) }
    }

    /// Closes it.
    fn TLClose(w, tl: Handle) {
        if ok!(w.module(tl)) != Module::Tl {
            return INVALID_HANDLE;
        }
        w.close(tl.addr());
        SUCCESS
    }

    /// What the system is.
    fn TLGetInfo(w, tl: Handle, command: i32, kind: *mut i32, to: *mut c_void, size: *mut usize) {
        if ok!(w.module(tl)) != Module::Tl {
            return INVALID_HANDLE;
        }
        // SAFETY: the caller's promise.
        unsafe { give(infos::system(command), kind, to, size) }
    }

    /// Looks for interfaces.
    fn TLUpdateInterfaceList(w, tl: Handle, changed: *mut u8, timeout: u64) {
        let _ = timeout;
        if ok!(w.module(tl)) != Module::Tl {
            return INVALID_HANDLE;
        }
        if !changed.is_null() {
            // SAFETY: the caller's promise.
            unsafe { changed.write(0) };
        }
        SUCCESS
    }

    /// How many interfaces there are.
    fn TLGetNumInterfaces(w, tl: Handle, count: *mut u32) {
        if ok!(w.module(tl)) != Module::Tl {
            return INVALID_HANDLE;
        }
        // SAFETY: the caller's promise.
        unsafe { put(count, w.interfaces() as u32) }
    }

    /// The name of one.
    fn TLGetInterfaceID(w, tl: Handle, index: u32, to: *mut c_char, size: *mut usize) {
        if ok!(w.module(tl)) != Module::Tl {
            return INVALID_HANDLE;
        }
        if index as usize >= w.interfaces() {
            return INVALID_INDEX;
        }
        // SAFETY: the caller's promise.
        unsafe { give(Ok(Value::Text(infos::interface_id(index as usize))), std::ptr::null_mut(), to.cast(), size) }
    }

    /// What an interface is that is not open.
    fn TLGetInterfaceInfo(w, tl: Handle, id: *const c_char, command: i32, kind: *mut i32, to: *mut c_void, size: *mut usize) {
        if ok!(w.module(tl)) != Module::Tl {
            return INVALID_HANDLE;
        }
        // SAFETY: the caller's promise.
        let id = unsafe { text(id) };
        let Some(n) = (0..w.interfaces()).find(|n| id.as_deref() == Some(&infos::interface_id(*n))) else {
            return INVALID_ID;
        };
        // SAFETY: the caller's promise.
        unsafe { give(infos::interface(n, command), kind, to, size) }
    }

    /// Opens an interface.
    fn TLOpenInterface(w, tl: Handle, id: *const c_char, handle: *mut Handle) {
        if ok!(w.module(tl)) != Module::Tl {
            return INVALID_HANDLE;
        }
        // SAFETY: the caller's promise.
        let id = unsafe { text(id) };
        let Some(n) = (0..w.interfaces()).find(|n| id.as_deref() == Some(&infos::interface_id(*n))) else {
            return INVALID_ID;
        };
        if w.is_open(Module::Interface(n)) {
            return RESOURCE_IN_USE;
        }
        let interface = w.open(Module::Interface(n));
        // SAFETY: the caller's promise.
        unsafe { put(handle, interface) }
    }

    /// Closes it.
    fn IFClose(w, interface: Handle) {
        let Module::Interface(_) = ok!(w.module(interface)) else { return INVALID_HANDLE };
        w.close(interface.addr());
        SUCCESS
    }

    /// What it is.
    fn IFGetInfo(w, interface: Handle, command: i32, kind: *mut i32, to: *mut c_void, size: *mut usize) {
        let Module::Interface(n) = ok!(w.module(interface)) else { return INVALID_HANDLE };
        // SAFETY: the caller's promise.
        unsafe { give(infos::interface(n, command), kind, to, size) }
    }

    /// The system that it is of.
    fn IFGetParentTL(w, interface: Handle, handle: *mut Handle) {
        let _ = (w, interface, handle);
        NOT_IMPLEMENTED // As with some that are sold.
    }

    /// Looks for cameras.
    fn IFUpdateDeviceList(w, interface: Handle, changed: *mut u8, timeout: u64) {
        let _ = timeout;
        let Module::Interface(_) = ok!(w.module(interface)) else { return INVALID_HANDLE };
        if !changed.is_null() {
            // SAFETY: the caller's promise.
            unsafe { changed.write(1) };
        }
        SUCCESS
    }

    /// How many are there.
    fn IFGetNumDevices(w, interface: Handle, count: *mut u32) {
        let Module::Interface(n) = ok!(w.module(interface)) else { return INVALID_HANDLE };
        // SAFETY: the caller's promise.
        unsafe { put(count, w.seen_on(n).len() as u32) }
    }

    /// The name of one.
    fn IFGetDeviceID(w, interface: Handle, index: u32, to: *mut c_char, size: *mut usize) {
        let Module::Interface(n) = ok!(w.module(interface)) else { return INVALID_HANDLE };
        let Some(camera) = w.seen_on(n).get(index as usize).copied() else { return INVALID_INDEX };
        // SAFETY: the caller's promise.
        unsafe { give(Ok(Value::Text(w.cameras[camera].id())), std::ptr::null_mut(), to.cast(), size) }
    }

    /// What a camera is that is not open.
    fn IFGetDeviceInfo(w, interface: Handle, id: *const c_char, command: i32, kind: *mut i32, to: *mut c_void, size: *mut usize) {
        let Module::Interface(n) = ok!(w.module(interface)) else { return INVALID_HANDLE };
        // SAFETY: the caller's promise.
        let id = unsafe { text(id) };
        let Some(camera) = w.seen_on(n).into_iter().find(|c| id.as_deref() == Some(&w.cameras[*c].id())) else {
            return INVALID_ID;
        };
        // SAFETY: the caller's promise.
        unsafe { give(infos::device(&w.cameras[camera], command), kind, to, size) }
    }

    /// Opens a camera.
    fn IFOpenDevice(w, interface: Handle, id: *const c_char, access: i32, handle: *mut Handle) {
        let Module::Interface(n) = ok!(w.module(interface)) else { return INVALID_HANDLE };
        if !(2..=4).contains(&access) {
            return INVALID_PARAMETER;
        }
        // SAFETY: the caller's promise.
        let id = unsafe { text(id) };
        let Some(camera) = w.seen_on(n).into_iter().find(|c| id.as_deref() == Some(&w.cameras[*c].id())) else {
            return INVALID_ID;
        };
        if w.cameras[camera].opened.is_some() {
            return ACCESS_DENIED;
        }
        let device = w.open(Module::Device(camera, w.cameras[camera].life));
        w.cameras[camera].opened = Some(device.addr());
        // SAFETY: the caller's promise.
        unsafe { put(handle, device) }
    }
}
