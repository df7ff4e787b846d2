//! Handles: open and close, start and stop.

use crate::abi::Handle;
use crate::camera::Camera;
use crate::codes::{Code, Done, OK};
use crate::config::{Kind, Like};
use crate::memory::{Block, Memory};
use crate::service;
use crate::stream::{NODE_ALIGNMENT, Stream};
use crate::world::{Device, device, known};
use std::sync::Arc;

/// The access mode that only looks on.
pub const MONITOR: u32 = 7;
/// Buffers that must be registered before a start, where any are.
const MIN_REGISTERED: usize = 3;

/// What the calls take where they take longer than nothing, in milliseconds.
mod took {
    /// No camera, but its host answers.
    pub const OPEN_ABSENT: u64 = 1000;
    pub const OPEN_NO_CABLE: u64 = 3000;
    pub const OPEN_SECOND: u64 = 2400;
    pub const CLOSE: u64 = 300;
    pub const CLOSE_GRABBING: u64 = 1000;
    pub const STOP: u64 = 10;
    /// A start between the loss and its exception.
    pub const START_LOST: u64 = 9900;
    /// Other control calls there.
    pub const CONTROL_LOST: u64 = 1500;
}

/// `MV_CC_OpenDevice`.
pub fn open(handle: Handle, mode: u32, _switchover_key: u16) -> Done {
    let device = device(handle)?;
    let camera = &device.camera;
    if !(1..=7).contains(&mode) {
        return Err(Code::PARAMETER);
    }
    // Whoever holds a camera's lock does not ask for the world's.
    let version = known().version;
    let mut state = camera.lock();
    let (life, gone) = (state.life, state.gone());
    let session = state.session(device.id)?;
    if session.open.is_some() {
        return Err(Code::CALL_ORDER);
    }
    let void = session.life != life;
    if void || !state.present() {
        let cable = state.outage.is_some_and(|o| o.cable);
        drop(state);
        camera.takes(if cable { took::OPEN_NO_CABLE } else { took::OPEN_ABSENT });
        return Err(gone);
    }
    let controls = mode != MONITOR || camera.config.kind == Kind::Usb;
    if controls {
        // A controller that lost the camera has lost its control, too.
        let taken = state
            .owner
            .and_then(|id| state.sessions.get(&id))
            .is_some_and(|owner| owner.open.is_some() && owner.loss.is_none());
        if taken && camera.config.like == Like::Hik {
            return Err(Code::ACCESS_DENIED);
        }
        if taken {
            drop(state);
            camera.takes(took::OPEN_SECOND);
            return Err(gone);
        }
        state.owner = Some(device.id);
    }
    let session = state.session(device.id)?;
    let service = service::start(camera, device.id, version).map_err(|_| Code::RESOURCE)?;
    session.open = Some(if controls { mode } else { MONITOR });
    session.service_thread = Some(service.thread().id());
    session.service = Some(service);
    OK
}

/// Whether the caller is the handle's own SDK thread, which must not wait for itself.
fn inside_callback(device: &Device) -> Result<bool, Code> {
    let own = std::thread::current().id();
    Ok(device.camera.lock().session(device.id)?.service_thread == Some(own))
}

/// The thread ends, once it has delivered what was to be delivered; then the handle is as after its creation.
fn shut(device: &Device) -> Done {
    let mut state = device.camera.lock();
    if state.session(device.id)?.closing {
        // Another thread is at it already: of two that close one handle, one does.
        while state.session(device.id)?.closing {
            state = device.camera.wait(state, None);
        }
        return Err(Code::CALL_ORDER);
    }
    let session = state.session(device.id)?;
    session.stop();
    session.closing = true;
    let service = session.service.take();
    drop(state);
    device.camera.notify();
    if let Some(service) = service {
        // It ends by itself; a callback that panics is the caller's affair.
        let _ = service.join();
    }
    let mut state = device.camera.lock();
    state.session(device.id)?.closed();
    if state.owner == Some(device.id) {
        state.owner = None;
    }
    drop(state);
    device.camera.notify();
    OK
}

/// `MV_CC_CloseDevice`.
pub fn close(handle: Handle) -> Done {
    let device = device(handle)?;
    if inside_callback(&device)? {
        return Err(Code::CALL_ORDER);
    }
    let grabbing = device.camera.lock().open_session(device.id)?.grabbing();
    device.camera.takes(if grabbing { took::CLOSE_GRABBING } else { took::CLOSE });
    shut(&device)
}

/// `MV_CC_DestroyHandle`.
pub fn destroy(handle: Handle) -> Done {
    let device = device(handle)?;
    if inside_callback(&device)? {
        return Err(Code::CALL_ORDER);
    }
    if device.camera.lock().session(device.id)?.open.is_some() {
        device.camera.takes(took::CLOSE_GRABBING);
    }
    // Of two threads that destroy one handle, one does.
    let ours = known().handles.remove(&device.id).is_some();
    if !ours {
        return Err(Code::HANDLE);
    }
    // A close that another thread had begun is over now, and that is as good.
    let _ = shut(&device);
    device.camera.lock().sessions.remove(&device.id);
    device.camera.notify();
    OK
}

/// `MV_CC_IsDeviceConnected`.
pub fn connected(handle: Handle) -> Result<u8, Code> {
    let device = device(handle)?;
    let mut state = device.camera.lock();
    let session = state.session(device.id)?;
    Ok(u8::from(session.open.is_some() && !session.dead))
}

/// Whether the camera can be reached by a control call of this handle; one that is lost answers after a time that depends
/// on whether the library has noticed.
pub(crate) fn reach(device: &Device, lost_ms: u64) -> Result<(), Code> {
    let mut state = device.camera.lock();
    let gone = state.gone();
    let session = state.open_session(device.id)?;
    let (lost, dead) = (session.loss.is_some(), session.dead);
    drop(state);
    if lost && !dead {
        device.camera.takes(lost_ms);
    }
    if lost || dead { Err(gone) } else { Ok(()) }
}

/// As [`reach`], for features.
pub(crate) fn reach_features(device: &Device) -> Result<(), Code> {
    reach(device, took::CONTROL_LOST)
}

/// `MV_CC_StartGrabbing`.
pub fn start(handle: Handle) -> Done {
    let device = device(handle)?;
    let camera = &device.camera;
    if camera.lock().open_session(device.id)?.grabbing() {
        return Err(Code::CALL_ORDER);
    }
    reach(&device, took::START_LOST)?;
    begin(camera, device.id)?;
    camera.notify();
    OK
}

fn begin(camera: &Arc<Camera>, id: usize) -> Result<(), Code> {
    let mut state = camera.lock();
    let payload = state.features.payload();
    let packet = state.features.int("GevSCPSPacketSize");
    let (triggered, period) = (state.features.triggered(), state.features.period_nanos());
    let now = state.clock.now();
    let usb = state.config.kind == Kind::Usb;
    let session = state.open_session(id)?;
    if session.grabbing() {
        return Err(Code::CALL_ORDER);
    }
    if session.open == Some(MONITOR) {
        return Err(Code::ACCESS_DENIED);
    }
    let (memory, hold_limit) = if session.registered.is_empty() {
        let nodes = session.nodes as usize;
        let block = || Block::new(payload, NODE_ALIGNMENT).map(Memory::Own);
        let blocks: Option<Vec<_>> = (0..nodes + 1).map(|_| block()).collect();
        (blocks.ok_or(Code::RESOURCE)?, nodes)
    } else {
        if session.registered.len() < MIN_REGISTERED {
            return Err(Code::TOO_FEW_BUFFERS);
        }
        if session.registered.iter().any(|r| r.len < payload) {
            return Err(Code::BUFFER_TOO_SMALL);
        }
        let theirs =
            |r: &crate::session::Registered| Memory::Theirs { at: r.at, len: r.len, user: r.user };
        (session.registered.iter().map(theirs).collect(), session.registered.len())
    };
    let mut stream = Stream::new(memory, hold_limit, payload, packet);
    stream.triggered = triggered;
    stream.next_due = (!triggered).then_some(now + period);
    session.stream = Some(stream);
    session.attic = None;
    session.stats = Default::default();
    if usb {
        state.block = 0;
    }
    Ok(())
}

/// `MV_CC_StopGrabbing`.
pub fn stop(handle: Handle) -> Done {
    let device = device(handle)?;
    let camera = &device.camera;
    if !camera.lock().open_session(device.id)?.grabbing() {
        camera.takes(took::STOP);
        return Err(Code::CALL_ORDER);
    }
    let reached = reach(&device, took::CONTROL_LOST);
    camera.takes(took::STOP);
    let own = inside_callback(&device)?;
    let mut state = camera.lock();
    // Though the camera does not hear it, the host side stops.
    state.open_session(device.id)?.stop();
    drop(state);
    camera.notify();
    let mut state = camera.lock();
    while !own && state.session(device.id).is_ok_and(|s| s.calling) {
        state = camera.wait(state, None);
    }
    reached?;
    OK
}
