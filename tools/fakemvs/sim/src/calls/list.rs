//! The library itself, and which cameras there are.

use crate::abi::{
    DeviceInfo, DeviceInfoList, GigeInfo, Handle, UsbInfo, field_text, put_text, text,
};
use crate::camera::Camera;
use crate::codes::{Code, Done, LAYER_GIGE, LAYER_USB, OK};
use crate::config::{CameraConfig, Kind};
use crate::session::Session;
use crate::world::{device, known};
use std::ffi::c_char;
use std::ptr::addr_of_mut;
use std::sync::Arc;

/// How long an enumeration takes.
const ENUMERATION_MS: u64 = 120;

/// `MV_CC_Initialize`, `MV_CC_Finalize`.
pub fn nothing() -> Done {
    known().usable()?;
    OK
}

/// `MV_CC_GetSDKVersion`.
pub fn version() -> Result<u32, Code> {
    Ok(known().version)
}

/// `MV_CC_EnumDevices`.
///
/// # Safety
///
/// - `list` is null or points to a list.
pub unsafe fn enumerate(layers: u32, list: *mut DeviceInfoList) -> Done {
    // SAFETY: the caller's word.
    unsafe { enumerate_sorted(layers, list, std::ptr::null(), 0) }
}

/// `MV_CC_EnumDevicesEx`.
///
/// # Safety
///
/// - As [`enumerate_sorted`].
pub unsafe fn enumerate_maker(
    layers: u32,
    list: *mut DeviceInfoList,
    maker: *const c_char,
) -> Done {
    // SAFETY: the caller's word.
    unsafe { enumerate_sorted(layers, list, maker, 0) }
}

/// `MV_CC_EnumDevicesEx2`; sorted 1 by user name, 2 and 3 by IP address up and down, else as configured.
///
/// # Safety
///
/// - `list` is null or points to a list, `maker` is null or a C string.
pub unsafe fn enumerate_sorted(
    layers: u32,
    list: *mut DeviceInfoList,
    maker: *const c_char,
    sort: i32,
) -> Done {
    if list.is_null() {
        return Err(Code::PARAMETER);
    }
    // SAFETY: not null; the caller vouches for the rest.
    unsafe { addr_of_mut!((*list).count).write(0) };
    if layers == 0 {
        return Err(Code::SUPPORT);
    }
    // SAFETY: null or a C string.
    let maker = unsafe { text(maker, 255) };
    let mut world = known();
    world.usable()?;
    let cameras = world.cameras.clone();
    drop(world);
    // Each virtual camera has its own time; real time passes once.
    let real = |c: &&Arc<Camera>| !c.lock().clock.is_virtual();
    let once = cameras.iter().filter(real).take(1);
    once.chain(cameras.iter().filter(|c| !real(c))).for_each(|c| c.takes(ENUMERATION_MS));
    let layer = |c: &CameraConfig| if c.kind == Kind::Gige { LAYER_GIGE } else { LAYER_USB };
    let mut found: Vec<&Arc<Camera>> = cameras
        .iter()
        .filter(|c| layers & layer(&c.config) != 0 && maker.is_none_or(|m| c.config.maker == m))
        .filter(|c| c.lock().present())
        .take(256)
        .collect();
    match sort {
        1 => found.sort_by_key(|c| c.lock().features.text("DeviceUserID")),
        2 => found.sort_by_key(|c| c.config.ip),
        3 => found.sort_by_key(|c| std::cmp::Reverse(c.config.ip)),
        _ => {}
    }
    world = known();
    let infos = world.renew_infos(found.len());
    for (i, (camera, info)) in found.iter().zip(&infos).enumerate() {
        let user = camera.lock().features.text("DeviceUserID");
        // SAFETY: the block is zeroed, aligned and longer than an info; the list has room for 256.
        unsafe {
            describe(&camera.config, &user, info.cast());
            (*list).devices[i] = info.cast();
        }
    }
    // SAFETY: as above.
    unsafe { addr_of_mut!((*list).count).write(infos.len() as u32) };
    OK
}

/// Writes the info of a camera.
///
/// # Safety
///
/// - `info` may be written.
pub(crate) unsafe fn describe(camera: &CameraConfig, user: &str, info: *mut DeviceInfo) {
    // SAFETY: all of it is plain numbers, for which zero is a value.
    let mut made: DeviceInfo = unsafe { std::mem::zeroed() };
    made.major = 1;
    made.dev_type = 0;
    match camera.kind {
        Kind::Gige => {
            (made.mac_high, made.mac_low) = (0x0000_0242, camera.ip);
            made.transport_layer = LAYER_GIGE;
            // SAFETY: as above.
            let mut gige: GigeInfo = unsafe { std::mem::zeroed() };
            (gige.ip_cfg_option, gige.ip_cfg_current) = (0x0700_0000, 0x0600_0000);
            gige.current_ip = camera.ip;
            gige.current_subnet = 0xFFFF_FF00;
            gige.net_export = (camera.ip & 0xFFFF_FF00) | 1;
            put_text(&mut gige.manufacturer, &camera.maker);
            put_text(&mut gige.model, &camera.model);
            put_text(&mut gige.version, &camera.version);
            put_text(&mut gige.serial, &camera.serial);
            put_text(&mut gige.user_name, user);
            made.special.gige = gige;
        }
        Kind::Usb => {
            made.transport_layer = LAYER_USB;
            // SAFETY: as above.
            let mut usb: UsbInfo = unsafe { std::mem::zeroed() };
            (usb.vendor_id, usb.product_id, usb.bcd_usb) = (0x2BDF, 0x0001, 0x0300);
            put_text(&mut usb.guid, &camera.serial);
            put_text(&mut usb.vendor, &camera.maker);
            put_text(&mut usb.model, &camera.model);
            put_text(&mut usb.family, &camera.model);
            put_text(&mut usb.version, &camera.version);
            put_text(&mut usb.manufacturer, &camera.maker);
            put_text(&mut usb.serial, &camera.serial);
            put_text(&mut usb.user_name, user);
            made.special.usb = usb;
        }
    }
    // SAFETY: the caller's word.
    unsafe { info.write_unaligned(made) };
}

/// The camera that an info is about; the caller may pass a copy.
///
/// # Safety
///
/// - `info` is null or points to an info.
unsafe fn camera_of(info: *const DeviceInfo) -> Result<Arc<Camera>, Code> {
    if info.is_null() {
        return Err(Code::PARAMETER);
    }
    // SAFETY: not null, and at least as long as the oldest info.
    let info = unsafe { info.read_unaligned() };
    // SAFETY: both members of the union are bytes and numbers, and it was read whole.
    let serial = unsafe {
        match info.transport_layer {
            LAYER_GIGE => field_text(&info.special.gige.serial),
            LAYER_USB => field_text(&info.special.usb.serial),
            _ => return Err(Code::PARAMETER),
        }
    };
    known().camera(&serial).ok_or(Code::PARAMETER)
}

/// `MV_CC_IsDeviceAccessible`.
///
/// # Safety
///
/// - `info` is null or points to an info.
pub unsafe fn accessible(info: *mut DeviceInfo, mode: u32) -> Result<u8, Code> {
    // SAFETY: the caller's word.
    let camera = unsafe { camera_of(info)? };
    let state = camera.lock();
    let free = state.owner.is_none() || mode == crate::calls::devices::MONITOR;
    Ok(u8::from((1..=7).contains(&mode) && state.present() && free))
}

/// `MV_CC_CreateHandle`, `MV_CC_CreateHandleWithoutLog`.
///
/// # Safety
///
/// - `handle` is null or may be written, `info` is null or points to an info.
pub unsafe fn create(handle: *mut Handle, info: *const DeviceInfo) -> Done {
    if handle.is_null() {
        return Err(Code::PARAMETER);
    }
    // SAFETY: the caller's word.
    let camera = unsafe { camera_of(info)? };
    let device = known().new_handle(Arc::clone(&camera));
    let mut state = camera.lock();
    let life = state.life;
    state.sessions.insert(device.id, Session::new(life));
    // SAFETY: not null.
    unsafe { handle.write(Handle(device.id as *mut _)) };
    OK
}

/// `MV_CC_GetDeviceInfo`.
///
/// # Safety
///
/// - `info` is null or may be written.
pub unsafe fn info(handle: Handle, info: *mut DeviceInfo) -> Done {
    let device = device(handle)?;
    if info.is_null() {
        return Err(Code::PARAMETER);
    }
    let user = device.camera.lock().features.text("DeviceUserID");
    // SAFETY: not null.
    unsafe { describe(&device.camera.config, &user, info) };
    OK
}
