//! What belongs to the bus: packet sizes, retransmission, statistics.

use crate::abi::{AllMatchInfo, Handle, NetDetect, NetTransInfo, UsbDetect};
use crate::codes::{Code, Done, OK};
use crate::config::Kind;
use crate::world::{Device, device};
use std::ffi::c_void;

/// The packet size of a network without jumbo frames.
const OPTIMAL_PACKET: i32 = 1500;
const MATCH_NET: u32 = 1;
const MATCH_USB: u32 = 2;

/// The handle's device, where it is open and on this bus.
fn on_bus(handle: Handle, kind: Kind) -> Result<std::sync::Arc<Device>, Code> {
    let device = device(handle)?;
    device.camera.lock().open_session(device.id)?;
    if device.camera.config.kind == kind { Ok(device) } else { Err(Code::SUPPORT) }
}

/// `MV_CC_GetOptimalPacketSize`: the size, not a status.
pub fn optimal_packet(handle: Handle) -> Result<i32, Code> {
    let device = on_bus(handle, Kind::Gige)?;
    if device.camera.lock().open_session(device.id)?.grabbing() {
        return Err(Code::CALL_ORDER);
    }
    super::devices::reach_features(&device)?;
    Ok(OPTIMAL_PACKET)
}

/// `MV_GIGE_SetResend`. No simulated camera sends packets again, and says so, as the one that was measured.
pub fn set_resend(handle: Handle, enable: u32, percent: u32, _timeout_ms: u32) -> Done {
    on_bus(handle, Kind::Gige)?;
    if percent > 100 {
        return Err(Code::PARAMETER);
    }
    if enable == 0 { OK } else { Err(Code::SUPPORT) }
}

/// `MV_GIGE_SetGvspTimeout`, `MV_GIGE_SetGvcpTimeout`: checked, and of no consequence where no packets travel.
pub fn set_gige_timeout(handle: Handle, ms: u32) -> Done {
    on_bus(handle, Kind::Gige)?;
    if ms == 0 { Err(Code::PARAMETER) } else { OK }
}

/// `MV_USB_SetTransferSize`: checked, and of no consequence where nothing is transferred.
pub fn set_transfer_size(handle: Handle, bytes: u32) -> Done {
    on_bus(handle, Kind::Usb)?;
    if (0x400..=0x0040_0000).contains(&bytes) { OK } else { Err(Code::PARAMETER) }
}

/// `MV_USB_SetTransferWays`: checked, and of no consequence where nothing is transferred.
pub fn set_transfer_ways(handle: Handle, ways: u32) -> Done {
    on_bus(handle, Kind::Usb)?;
    if (1..=10).contains(&ways) { OK } else { Err(Code::PARAMETER) }
}

/// `MV_GIGE_GetNetTransInfo`.
///
/// # Safety
///
/// - `info` is null or may be written.
pub unsafe fn net_info(handle: Handle, info: *mut NetTransInfo) -> Done {
    let device = on_bus(handle, Kind::Gige)?;
    if info.is_null() {
        return Err(Code::PARAMETER);
    }
    let stats = device.camera.lock().open_session(device.id)?.stats;
    let made = NetTransInfo {
        receive_data_size: stats.bytes,
        throw_frame_count: stats.lost_frames as i32,
        recv_frame_count: stats.frames,
        request_resend_count: 0,
        resend_count: 0,
    };
    // SAFETY: not null.
    unsafe { info.write_unaligned(made) };
    OK
}

/// `MV_CC_GetAllMatchInfo`.
///
/// # Safety
///
/// - `all` is null or points to a request whose `info` is null or has room for `info_size` bytes.
pub unsafe fn match_info(handle: Handle, all: *mut AllMatchInfo) -> Done {
    let device = device(handle)?;
    let stats = device.camera.lock().open_session(device.id)?.stats;
    if all.is_null() {
        return Err(Code::PARAMETER);
    }
    // SAFETY: not null.
    let (kind, info, size) = unsafe { ((*all).kind, (*all).info, (*all).info_size as usize) };
    match (kind, device.camera.config.kind) {
        (MATCH_NET, Kind::Gige) => {
            let made = NetDetect {
                receive_data_size: stats.bytes,
                lost_packet_count: stats.lost_packets,
                lost_frame_count: stats.lost_frames,
                recv_frame_count: stats.frames,
                request_resend_count: 0,
                resend_count: 0,
            };
            // SAFETY: the caller's word.
            unsafe { give(made, info, size) }
        }
        (MATCH_USB, Kind::Usb) => {
            let made = UsbDetect {
                receive_data_size: stats.bytes,
                received_frame_count: stats.frames,
                error_frame_count: stats.lost_frames + stats.dropped,
                reserved: [0; 2],
            };
            // SAFETY: the caller's word.
            unsafe { give(made, info, size) }
        }
        (MATCH_NET | MATCH_USB, _) => Err(Code::SUPPORT),
        _ => Err(Code::PARAMETER),
    }
}

/// # Safety
///
/// - `to` is null or has room for `size` bytes.
unsafe fn give<T>(made: T, to: *mut c_void, size: usize) -> Done {
    if to.is_null() || size < size_of::<T>() {
        return Err(Code::PARAMETER);
    }
    // SAFETY: not null, and long enough.
    unsafe { to.cast::<T>().write_unaligned(made) };
    OK
}
