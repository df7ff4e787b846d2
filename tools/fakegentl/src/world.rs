//! Everything that is simulated, behind one lock: the producer's modules, the cameras, their streams.

use crate::abi::*;
use crate::camera::Camera;
use crate::config::{Config, DEFAULT};
use crate::script::Script;
use crate::stream::Stream;
use std::collections::HashMap;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// Cameras to an interface.
const CAMERAS_TO_AN_INTERFACE: usize = 2;

/// What a handle stands for. A camera is named by its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Module {
    Tl,
    Interface(usize),
    /// With the life in which it was opened.
    Device(usize, u64),
    Port(usize, u64),
    Stream(usize),
    Event(usize),
}

/// The simulation.
#[derive(Debug)]
#[allow(missing_docs)]
pub struct World {
    pub config: Config,
    pub script: Script,
    pub is_initialised: bool,
    pub cameras: Vec<Camera>,
    /// By camera.
    pub streams: HashMap<usize, Stream>,
    modules: HashMap<usize, Module>,
    next_handle: usize,
    pub calls: HashMap<String, u64>,
    /// What is wrong with the last configuration or script.
    pub why: String,
    /// Function and code of the last failed call.
    pub last: Option<(&'static str, GcError)>,
}

static WORLD: Mutex<Option<World>> = Mutex::new(None);
/// Something has changed that a thread may wait for.
pub static NEWS: Condvar = Condvar::new();

/// The world's lock, held.
pub type Held = MutexGuard<'static, Option<World>>;

/// Takes the lock; the first time, what the environment asks for is made.
pub fn lock() -> Held {
    let mut held = WORLD.lock().unwrap_or_else(PoisonError::into_inner);
    if held.is_none() {
        let said = |name| std::env::var(name).unwrap_or_default();
        let config = match said("FAKEGENTL_CONFIG") {
            text if text.is_empty() => DEFAULT.to_string(),
            text => text,
        };
        let mut world = World::new(Config::parse(DEFAULT).expect("the default is right"));
        // A slip in the environment is told by every call, in GCGetLastError's text.
        if let Err(why) =
            world.configure(&config).and_then(|()| world.follow(&said("FAKEGENTL_SCRIPT")))
        {
            world.why = why;
        }
        *held = Some(world);
    }
    held
}

impl World {
    fn new(config: Config) -> World {
        World {
            cameras: config.cameras.iter().map(|c| Camera::new(c.clone(), config.zipped)).collect(),
            config,
            script: Script::default(),
            is_initialised: false,
            streams: HashMap::new(),
            modules: HashMap::new(),
            next_handle: 0x1000,
            calls: HashMap::new(),
            why: String::new(),
            last: None,
        }
    }

    /// Replaces the cameras. What is open dies.
    pub fn configure(&mut self, text: &str) -> Result<(), String> {
        let config = Config::parse(text)?;
        let (is_initialised, next_handle) = (self.is_initialised, self.next_handle);
        let tl = self.modules.iter().find(|(_, m)| **m == Module::Tl).map(|(h, _)| *h);
        let interfaces: Vec<_> = self
            .modules
            .iter()
            .filter(|(_, m)| matches!(m, Module::Interface(_)))
            .map(|(h, m)| (*h, *m))
            .collect();
        *self = World { is_initialised, next_handle, ..World::new(config) };
        self.modules.extend(tl.map(|h| (h, Module::Tl)));
        self.modules.extend(interfaces);
        Ok(())
    }

    /// Replaces the script.
    pub fn follow(&mut self, text: &str) -> Result<(), String> {
        self.script = Script::parse(text)?;
        Ok(())
    }

    /// A new handle; never one that was used before.
    pub fn open(&mut self, module: Module) -> Handle {
        let handle = self.new_handle();
        self.modules.insert(handle, module);
        std::ptr::without_provenance_mut(handle)
    }

    /// A number that no handle has had.
    pub fn new_handle(&mut self) -> usize {
        self.next_handle += 0x10;
        self.next_handle
    }

    /// What a handle stands for.
    pub fn module(&self, handle: Handle) -> Result<Module, GcError> {
        self.modules.get(&handle.addr()).copied().ok_or(INVALID_HANDLE)
    }

    /// Whether such a module is open.
    pub fn is_open(&self, module: Module) -> bool {
        self.modules.values().any(|m| *m == module)
    }

    /// Forgets a handle.
    pub fn close(&mut self, handle: usize) {
        self.modules.remove(&handle);
    }

    /// Forgets every handle that `which` picks.
    pub fn close_all(&mut self, which: impl Fn(Module) -> bool) {
        self.modules.retain(|_, m| !which(*m));
    }

    /// The camera behind a handle of its port, if it can be reached.
    pub fn reach(&mut self, port: Handle) -> Result<&mut Camera, GcError> {
        let (Module::Port(n, life) | Module::Device(n, life)) = self.module(port)? else {
            return Err(INVALID_HANDLE);
        };
        let camera = self.cameras.get_mut(n).ok_or(INVALID_HANDLE)?;
        if camera.is_present && camera.life == life { Ok(camera) } else { Err(IO) }
    }

    /// The stream behind its handle.
    pub fn stream(&mut self, handle: Handle) -> Result<&mut Stream, GcError> {
        let Module::Stream(n) = self.module(handle)? else { return Err(INVALID_HANDLE) };
        self.streams.get_mut(&n).ok_or(INVALID_HANDLE)
    }

    /// How many interfaces there are.
    pub fn interfaces(&self) -> usize {
        self.cameras.len().div_ceil(CAMERAS_TO_AN_INTERFACE).max(1)
    }

    /// Cameras that are seen on an interface, by their place.
    pub fn seen_on(&self, interface: usize) -> Vec<usize> {
        let from = interface * CAMERAS_TO_AN_INTERFACE;
        let to = (from + CAMERAS_TO_AN_INTERFACE).min(self.cameras.len());
        (from..to).filter(|n| self.cameras[*n].is_present).collect()
    }

    /// Those that a serial number names; an empty one names all.
    pub fn named(&mut self, serial: &str) -> impl Iterator<Item = &mut Camera> {
        self.cameras.iter_mut().filter(move |c| serial.is_empty() || c.config.serial == serial)
    }
}
