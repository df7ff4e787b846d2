//! How every function is entered: under the lock, with the script asked first, without a panic across the boundary.

use crate::abi::*;
use crate::world::{self, World};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Runs a function's body.
pub fn enter(
    name: &'static str,
    needs_init: bool,
    body: impl FnOnce(&mut World) -> GcError,
) -> GcError {
    let answer = catch_unwind(AssertUnwindSafe(|| {
        let mut held = world::lock();
        let Some(world) = held.as_mut() else { return ERROR };
        let code = before(world, name, needs_init).unwrap_or_else(|| body(world));
        note(world, name, code);
        code
    }));
    world::NEWS.notify_all();
    answer.unwrap_or(ERROR)
}

/// Counts the call; a code: that is its answer.
pub fn before(world: &mut World, name: &'static str, needs_init: bool) -> Option<GcError> {
    *world.calls.entry(name.into()).or_default() += 1;
    match world.script.call(name) {
        Some(code) => Some(code),
        None => (needs_init && !world.is_initialised).then_some(NOT_INITIALIZED),
    }
}

/// Keeps a failure for `GCGetLastError`.
pub fn note(world: &mut World, name: &'static str, code: GcError) {
    if code != SUCCESS {
        world.last = Some((name, code));
    }
}

/// Defines functions of the interface: each enters, and its body has the world as `$world`.
macro_rules! export {
    ($($(#[$doc:meta])* fn $name:ident($world:ident $(, $arg:ident: $type:ty)*) $body:block)*) => {$(
        $(#[$doc])*
        ///
        /// # Safety
        /// As GenTL has it: pointers are null where that is allowed, or point at what their type says.
        #[unsafe(no_mangle)]
        pub unsafe extern "system" fn $name($($arg: $type),*) -> $crate::abi::GcError {
            $crate::entry::enter(stringify!($name), true, |$world| $body)
        }
    )*};
}
pub(crate) use export;

/// The value, or the code as the answer.
macro_rules! ok {
    ($e:expr) => {
        match $e {
            Ok(value) => value,
            Err(code) => return code,
        }
    };
}
pub(crate) use ok;

/// A text of the caller's.
///
/// # Safety
/// `text` is null or a C string.
pub unsafe fn text(text: *const std::ffi::c_char) -> Option<String> {
    if text.is_null() {
        return None;
    }
    // SAFETY: the caller's promise.
    Some(unsafe { std::ffi::CStr::from_ptr(text) }.to_string_lossy().into_owned())
}

/// Writes through a pointer that may be null.
///
/// # Safety
/// `to` is null or writable.
pub unsafe fn put<T>(to: *mut T, value: T) -> GcError {
    if to.is_null() {
        return INVALID_PARAMETER;
    }
    // SAFETY: the caller's promise.
    unsafe { to.write_unaligned(value) };
    SUCCESS
}
