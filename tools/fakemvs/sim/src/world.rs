//! What one loaded library has: its cameras, its handles, its configuration and its fault rules.

use crate::abi::{DEVICE_INFO_BYTES, Handle};
use crate::camera::Camera;
use crate::clock::ClockKind;
use crate::codes::Code;
use crate::config::Config;
use crate::faults::Faults;
use crate::memory::Block;
use crate::script::{CallRule, Script};
use std::collections::HashMap;
use std::ffi::CString;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

/// A handle that is alive.
pub struct Device {
    /// Its number.
    pub id: usize,
    /// Its camera.
    pub camera: Arc<Camera>,
}

/// What changes.
pub struct World {
    /// All cameras, present or not.
    pub cameras: Vec<Arc<Camera>>,
    /// All handles.
    pub handles: HashMap<usize, Arc<Device>>,
    next_handle: usize,
    /// The device infos of the last enumeration, and those of the one before, overwritten.
    pub infos: [Vec<Block>; 2],
    /// Rules for calls.
    pub rules: Vec<CallRule>,
    /// How often each function was called.
    pub counts: HashMap<&'static str, u64>,
    /// The SDK version that is told.
    pub version: u32,
    /// Blocks of `MV_CC_AllocAlignedBuffer`.
    pub blocks: HashMap<usize, Block>,
    /// What was wrong with the last text, as C reads it.
    pub sentence: CString,
    own_version: u32,
    broken: bool,
}

static WORLD: OnceLock<Mutex<World>> = OnceLock::new();

/// The library's state. At its first use the environment is read: `FAKEMVS_CONFIG`, `FAKEMVS_SCRIPT`, each a text
/// or `@` and a file's name.
pub fn world(own_version: u32) -> MutexGuard<'static, World> {
    let made = || {
        let mut world = World {
            cameras: Vec::new(),
            handles: HashMap::new(),
            next_handle: 1,
            infos: [Vec::new(), Vec::new()],
            rules: Vec::new(),
            counts: HashMap::new(),
            version: own_version,
            blocks: HashMap::new(),
            sentence: CString::default(),
            own_version,
            broken: false,
        };
        if let Err(why) = world.read_environment() {
            // Nobody asked, so nobody would hear of it: a program that was given a wrong text finds no camera and
            // codes it does not know.
            eprintln!("fakemvs: {why}");
            world.broken = true;
        }
        Mutex::new(world)
    };
    WORLD.get_or_init(made).lock().unwrap_or_else(PoisonError::into_inner)
}

/// The library's state once it is in use.
pub fn known() -> MutexGuard<'static, World> {
    world(0)
}

/// The handle's device; a number that is no living handle is refused, not followed.
pub fn device(handle: Handle) -> Result<Arc<Device>, Code> {
    known().handles.get(&(handle.0 as usize)).cloned().ok_or(Code::HANDLE)
}

fn text_of(variable: &str) -> Result<Option<String>, String> {
    let Ok(text) = std::env::var(variable) else { return Ok(None) };
    match text.strip_prefix('@') {
        None => Ok(Some(text)),
        Some(file) => std::fs::read_to_string(file)
            .map(Some)
            .map_err(|why| format!("{variable} names {file}, which cannot be read: {why}")),
    }
}

impl World {
    fn read_environment(&mut self) -> Result<(), String> {
        self.configure(&text_of("FAKEMVS_CONFIG")?.unwrap_or_default())?;
        self.script(&text_of("FAKEMVS_SCRIPT")?.unwrap_or_default())
    }

    /// Replaces cameras and settings; the handles that were made before are dead. What they leave is returned.
    pub fn configure(&mut self, text: &str) -> Result<(), String> {
        let config = Config::parse(text)?;
        let delays = config.delays.unwrap_or(config.clock == ClockKind::Virtual);
        for camera in &self.cameras {
            let mut state = camera.lock();
            for session in state.sessions.values_mut() {
                session.stop();
                session.closing = true;
            }
            drop(state);
            camera.notify();
        }
        self.handles.clear();
        self.cameras = config
            .cameras
            .into_iter()
            .map(|camera| Arc::new(Camera::new(camera, config.clock, delays)))
            .collect();
        self.version = config.version.unwrap_or(self.own_version);
        self.rules.clear();
        self.counts.clear();
        self.broken = false;
        Ok(())
    }

    /// Replaces the fault script; calls and frames are counted anew for its rules, frames by the camera's serial.
    pub fn script(&mut self, text: &str) -> Result<(), String> {
        let script = Script::parse(text)?;
        let named = script.frames.iter().map(|r| &r.serial);
        for serial in named.chain(script.calls.iter().map(|r| &r.serial)).flatten() {
            if self.camera(serial).is_none() {
                return Err(format!("no camera has the serial {serial} that the script names"));
            }
        }
        for camera in &self.cameras {
            let own = |s: &Option<String>| s.as_ref().is_none_or(|s| *s == camera.config.serial);
            let rules = script.frames.iter().filter(|r| own(&r.serial)).cloned().collect();
            camera.lock().faults = Faults::new(rules);
        }
        self.rules = script.calls;
        Ok(())
    }

    /// Whether the environment held a wrong text.
    pub fn usable(&self) -> Result<(), Code> {
        if self.broken { Err(Code::UNKNOWN) } else { Ok(()) }
    }

    /// The camera of this serial.
    pub fn camera(&self, serial: &str) -> Option<Arc<Camera>> {
        self.cameras.iter().find(|c| c.config.serial == serial).cloned()
    }

    /// A handle that never was.
    pub fn new_handle(&mut self, camera: Arc<Camera>) -> Arc<Device> {
        // Numbers that look like aligned addresses, so that nothing takes them for something else.
        let id = 0x4D56_0000 + self.next_handle * 64;
        self.next_handle += 1;
        let device = Arc::new(Device { id, camera });
        self.handles.insert(id, Arc::clone(&device));
        device
    }

    /// Device infos for a new enumeration. Those of the last one are overwritten and those before it freed: a program
    /// that kept a pointer reads nonsense here before it crashes there.
    pub fn renew_infos(&mut self, count: usize) -> Vec<*mut u8> {
        self.infos.swap(0, 1);
        for old in &self.infos[1] {
            // SAFETY: the block is ours and as long as this.
            unsafe { std::ptr::write_bytes(old.ptr(), 0xDD, old.size()) }
        }
        self.infos[0] = (0..count).filter_map(|_| Block::new(DEVICE_INFO_BYTES, 8)).collect();
        self.infos[0].iter().map(Block::ptr).collect()
    }
}
