//! Features by name.

use super::devices::{MONITOR, reach_features};
use crate::abi::{
    EnumValue, FloatValue, Handle, IntValue, IntValueEx, StringValue, put_text, text,
};
use crate::camera::{Outage, State};
use crate::clock::millis;
use crate::codes::{Code, Done, OK};
use crate::features::{Effect, Features, Value};
use crate::world::{Device, device};
use std::ffi::c_char;
use std::sync::Arc;

/// How long a camera is away that was told to reset.
const RESET_MS: u64 = 3000;

/// Reads a node's value and writes what `made` makes of it.
///
/// # Safety
/// - `key` is null or a C string.
/// - `out` is null or may be written as a `T`.
unsafe fn get<T>(
    handle: Handle,
    key: *const c_char,
    out: *mut T,
    cached: bool,
    made: impl FnOnce(&Value) -> Result<T, Code>,
) -> Done {
    let device = device(handle)?;
    device.camera.lock().open_session(device.id)?;
    // SAFETY: null or a C string, by the caller's word.
    let key = unsafe { text(key, 255) }.ok_or(Code::PARAMETER)?;
    if out.is_null() {
        return Err(Code::PARAMETER);
    }
    // Integers are answered from the library's cache when the camera is gone.
    if !cached {
        reach_features(&device)?;
    }
    let value = made(&device.camera.lock().features.node(key)?.value)?;
    // SAFETY: not null, and of this type by the caller's word.
    unsafe { out.write_unaligned(value) };
    OK
}

/// Writes features; what follows from them follows.
unsafe fn set<R>(
    handle: Handle,
    key: *const c_char,
    write: impl FnOnce(&mut Features, &str, bool) -> Result<R, Code>,
) -> Result<(Arc<Device>, R), Code> {
    let device = device(handle)?;
    let monitor = device.camera.lock().open_session(device.id)?.open == Some(MONITOR);
    // SAFETY: null or a C string, by the caller's word.
    let key = unsafe { text(key, 255) }.ok_or(Code::PARAMETER)?;
    reach_features(&device)?;
    if monitor {
        return Err(Code::ACCESS_DENIED);
    }
    let mut state = device.camera.lock();
    let locked = state.locked();
    let effect = write(&mut state.features, key, locked)?;
    rearm(&mut state);
    drop(state);
    device.camera.notify();
    Ok((device, effect))
}

fn rearm(state: &mut State) {
    let now = state.clock.now();
    state.rearm(now);
}

fn int_of(value: &Value) -> Result<(i64, i64, i64, i64), Code> {
    match value {
        Value::Int { now, min, max, inc } => Ok((*now, *min, *max, *inc)),
        _ => Err(Code::GC_CAST),
    }
}

/// `MV_CC_GetIntValue`; values beyond 32 bits are cut.
///
/// # Safety
///
/// - `key` is null or a C string, `out` is null or may be written.
pub unsafe fn get_int(handle: Handle, key: *const c_char, out: *mut IntValue) -> Done {
    let made = |value: &Value| {
        let (now, min, max, inc) = int_of(value)?;
        let cut = |n: i64| n.clamp(0, u32::MAX.into()) as u32;
        Ok(IntValue {
            current: cut(now),
            max: cut(max),
            min: cut(min),
            inc: cut(inc),
            reserved: [0; 4],
        })
    };
    // SAFETY: the caller's word.
    unsafe { get(handle, key, out, true, made) }
}

/// `MV_CC_GetIntValueEx`.
///
/// # Safety
///
/// - As [`get_int`].
pub unsafe fn get_int_ex(handle: Handle, key: *const c_char, out: *mut IntValueEx) -> Done {
    let made = |value: &Value| {
        let (current, min, max, inc) = int_of(value)?;
        Ok(IntValueEx { current, max, min, inc, reserved: [0; 16] })
    };
    // SAFETY: the caller's word.
    unsafe { get(handle, key, out, true, made) }
}

/// `MV_CC_SetIntValue`.
///
/// # Safety
///
/// - `key` is null or a C string.
pub unsafe fn set_int(handle: Handle, key: *const c_char, to: u32) -> Done {
    // SAFETY: the caller's word.
    unsafe { set_int_ex(handle, key, to.into()) }
}

/// `MV_CC_SetIntValueEx`.
///
/// # Safety
///
/// - `key` is null or a C string.
pub unsafe fn set_int_ex(handle: Handle, key: *const c_char, to: i64) -> Done {
    // SAFETY: the caller's word.
    unsafe { set(handle, key, |f, key, locked| f.set_int(key, to, locked))? };
    OK
}

/// `MV_CC_GetFloatValue`.
///
/// # Safety
///
/// - As [`get_int`].
pub unsafe fn get_float(handle: Handle, key: *const c_char, out: *mut FloatValue) -> Done {
    let made = |value: &Value| match value {
        Value::Float { now, min, max } => Ok(FloatValue {
            current: *now as f32,
            max: *max as f32,
            min: *min as f32,
            reserved: [0; 4],
        }),
        _ => Err(Code::GC_CAST),
    };
    // SAFETY: the caller's word.
    unsafe { get(handle, key, out, false, made) }
}

/// `MV_CC_SetFloatValue`.
///
/// # Safety
///
/// - `key` is null or a C string.
pub unsafe fn set_float(handle: Handle, key: *const c_char, to: f32) -> Done {
    // SAFETY: the caller's word.
    unsafe { set(handle, key, |f, key, locked| f.set_float(key, to.into(), locked))? };
    OK
}

/// `MV_CC_GetEnumValue`.
///
/// # Safety
///
/// - As [`get_int`].
pub unsafe fn get_enum(handle: Handle, key: *const c_char, out: *mut EnumValue) -> Done {
    let made = |value: &Value| {
        let Value::Enum { now, entries } = value else { return Err(Code::GC_CAST) };
        let mut made = EnumValue {
            current: *now,
            supported_count: entries.len() as u32,
            supported: [0; 64],
            reserved: [0; 4],
        };
        for (to, (entry, _)) in made.supported.iter_mut().zip(entries) {
            *to = *entry;
        }
        Ok(made)
    };
    // SAFETY: the caller's word.
    unsafe { get(handle, key, out, false, made) }
}

/// `MV_CC_SetEnumValue`.
///
/// # Safety
///
/// - `key` is null or a C string.
pub unsafe fn set_enum(handle: Handle, key: *const c_char, to: u32) -> Done {
    // SAFETY: the caller's word.
    unsafe { set(handle, key, |f, key, locked| f.set_enum(key, to, locked))? };
    OK
}

/// `MV_CC_SetEnumValueByString`.
///
/// # Safety
///
/// - `key` and `to` are null or C strings.
pub unsafe fn set_enum_text(handle: Handle, key: *const c_char, to: *const c_char) -> Done {
    device(handle)?;
    // SAFETY: the caller's word.
    unsafe {
        let to = text(to, 255).ok_or(Code::PARAMETER)?;
        set(handle, key, |f, key, locked| f.set_enum_text(key, to, locked))?;
    }
    OK
}

/// `MV_CC_GetBoolValue`.
///
/// # Safety
///
/// - As [`get_int`].
pub unsafe fn get_bool(handle: Handle, key: *const c_char, out: *mut u8) -> Done {
    let made = |value: &Value| match value {
        Value::Bool(now) => Ok(u8::from(*now)),
        _ => Err(Code::GC_CAST),
    };
    // SAFETY: the caller's word.
    unsafe { get(handle, key, out, false, made) }
}

/// `MV_CC_SetBoolValue`.
///
/// # Safety
///
/// - `key` is null or a C string.
pub unsafe fn set_bool(handle: Handle, key: *const c_char, to: u8) -> Done {
    // SAFETY: the caller's word.
    unsafe { set(handle, key, |f, key, locked| f.set_bool(key, to != 0, locked))? };
    OK
}

/// `MV_CC_GetStringValue`.
///
/// # Safety
///
/// - As [`get_int`].
pub unsafe fn get_text(handle: Handle, key: *const c_char, out: *mut StringValue) -> Done {
    let made = |value: &Value| {
        let Value::Text { now, max } = value else { return Err(Code::GC_CAST) };
        let mut made = StringValue { current: [0; 256], max_length: *max as i64, reserved: [0; 2] };
        put_text(&mut made.current, now);
        Ok(made)
    };
    // SAFETY: the caller's word.
    unsafe { get(handle, key, out, false, made) }
}

/// `MV_CC_SetStringValue`.
///
/// # Safety
///
/// - `key` and `to` are null or C strings.
pub unsafe fn set_text(handle: Handle, key: *const c_char, to: *const c_char) -> Done {
    device(handle)?;
    // SAFETY: the caller's word.
    unsafe {
        let to = text(to, usize::MAX).ok_or(Code::PARAMETER)?;
        set(handle, key, |f, key, locked| f.set_text(key, to, locked))?;
    }
    OK
}

/// `MV_CC_SetCommandValue`.
///
/// # Safety
///
/// - `key` is null or a C string.
pub unsafe fn command(handle: Handle, key: *const c_char) -> Done {
    // SAFETY: the caller's word.
    let (device, effect) = unsafe { set(handle, key, Features::command)? };
    let mut state = device.camera.lock();
    let now = state.clock.now();
    match effect {
        Effect::None => {}
        Effect::Trigger => state.trigger(now),
        Effect::Acquisition(on) => {
            let owner = state.owner;
            if let Some(stream) = owner.and_then(|id| state.sessions.get_mut(&id)?.stream.as_mut())
            {
                stream.acquiring = on;
            }
            state.rearm(now);
        }
        Effect::Reset => state.leave(Outage {
            since: now,
            back: Some(now + millis(RESET_MS)),
            cable: false,
            new_handle: false,
        }),
    }
    drop(state);
    device.camera.notify();
    OK
}
