//! What one handle has: its access, its settings, its callbacks and its acquisition.

use crate::abi;
use crate::clock::Nanos;
use crate::stream::{Strategy, Stream};
use std::collections::VecDeque;
use std::ffi::c_void;
use std::thread::{JoinHandle, ThreadId};

/// The caller's pointer that goes with a callback; only handed back to him.
#[derive(Debug, Clone, Copy)]
pub struct User(pub *mut c_void);

// SAFETY: never followed here; the caller registered it to get it back on an SDK thread.
unsafe impl Send for User {}

/// Where images go when nobody pulls them.
#[derive(Clone, Copy)]
#[allow(missing_docs)]
pub enum ImageSink {
    Pull,
    Callback(unsafe extern "system" fn(*mut u8, *mut abi::FrameInfo, *mut c_void), User),
    Callback2 {
        call: unsafe extern "system" fn(*mut abi::FrameOut, *mut c_void, u8),
        user: User,
        auto_free: bool,
    },
}

/// News for the caller that an SDK thread brings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Post {
    /// For the exception callback.
    Exception(u32),
    /// For the stream exception callbacks.
    Stream(u32),
}

/// A loss that this handle has suffered.
#[derive(Debug, Clone, Copy)]
pub struct Loss {
    /// When the camera went.
    pub since: Nanos,
    /// When the library notices.
    pub noticed: Nanos,
}

/// A registered buffer.
#[derive(Debug, Clone, Copy)]
#[allow(missing_docs)]
pub struct Registered {
    pub at: usize,
    pub len: usize,
    pub user: i64,
}

/// Counts since the start of the acquisition, as the SDK tells them.
#[derive(Debug, Clone, Copy, Default)]
pub struct Stats {
    /// Bytes received, also of frames that could not be delivered.
    pub bytes: i64,
    /// Frames received.
    pub frames: u32,
    /// Frames that are known to be lost on the way.
    pub lost_frames: u32,
    /// Packets that are known to be lost.
    pub lost_packets: i64,
    /// Frames dropped for want of a buffer or of room in it.
    pub dropped: u32,
}

/// One handle.
pub struct Session {
    /// The camera's life in which it was made.
    pub life: u32,
    /// The access mode while it is open.
    pub open: Option<u32>,
    /// How many frames may be held.
    pub nodes: u32,
    /// How waiting frames are chosen.
    pub strategy: Strategy,
    /// For the strategy that keeps several newest frames.
    pub output_queue: u32,
    /// In the order of their registration.
    pub registered: Vec<Registered>,
    /// Where images go.
    pub sink: ImageSink,
    /// Whoever is told of exceptions.
    pub exception: Option<(unsafe extern "system" fn(u32, *mut c_void), User)>,
    /// Whoever is told of stream exceptions (USB).
    pub usb_stream: Option<(unsafe extern "system" fn(i32, *mut c_void), User)>,
    /// Whoever is told of stream exceptions.
    pub stream_exception:
        Option<(unsafe extern "system" fn(*mut abi::StreamExceptionInfo, *mut c_void), User)>,
    /// While grabbing.
    pub stream: Option<Stream>,
    /// The last acquisition: what the caller held stays readable until close.
    pub attic: Option<Stream>,
    /// Set while the camera is lost to this handle.
    pub loss: Option<Loss>,
    /// The library has noticed: only close and open help.
    pub dead: bool,
    /// What the SDK thread shall bring.
    pub posts: VecDeque<Post>,
    /// The SDK thread, from open to close.
    pub service: Option<JoinHandle<()>>,
    /// The same, as long as it runs.
    pub service_thread: Option<ThreadId>,
    /// The SDK thread shall end once its posts are delivered.
    pub closing: bool,
    /// An image callback is running.
    pub calling: bool,
    /// Counts of the acquisition.
    pub stats: Stats,
}

/// The SDK's default: one frame may be held.
const DEFAULT_NODES: u32 = 1;

impl Session {
    /// A handle that is not open.
    pub fn new(life: u32) -> Session {
        Session {
            life,
            open: None,
            nodes: DEFAULT_NODES,
            strategy: Strategy::OneByOne,
            output_queue: 1,
            registered: Vec::new(),
            sink: ImageSink::Pull,
            exception: None,
            usb_stream: None,
            stream_exception: None,
            stream: None,
            attic: None,
            loss: None,
            dead: false,
            posts: VecDeque::new(),
            service: None,
            service_thread: None,
            closing: false,
            calling: false,
            stats: Stats::default(),
        }
    }

    /// What a close leaves of a handle.
    pub fn closed(&mut self) {
        let (life, nodes) = (self.life, self.nodes);
        *self = Session { nodes, ..Session::new(life) };
    }

    /// Whether the handle streams.
    pub fn grabbing(&self) -> bool {
        self.stream.is_some()
    }

    /// Whether images come by callback.
    pub fn calls_back(&self) -> bool {
        !matches!(self.sink, ImageSink::Pull)
    }

    /// The acquisition ends; its memory stays for whoever holds it.
    pub fn stop(&mut self) {
        if let Some(mut stream) = self.stream.take() {
            stream.next_due = None;
            self.attic = Some(stream);
        }
    }
}
