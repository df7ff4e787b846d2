//! What the original program did, through the SDK's C interface: at 0x80000007 one thread makes the grab buffer half
//! as large again, while another is grabbing into it and a third reads the last frame from it.
#![allow(unsafe_code)]

use super::fake::Fake;
use super::util::until;
use fakemvs_sim::abi::{DeviceInfo, DeviceInfoList, FrameInfo, Handle};
use std::alloc::Layout;
use std::ffi::{CString, c_char};
use std::mem::zeroed;
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, Sender, channel};

const NO_DATA: u32 = 0x8000_0007;
const GRAB: &str = "MV_CC_GetOneFrameTimeout";
/// What the rest of the program keeps in its memory.
const FOREIGN: u8 = 0x5A;

/// Where the program gets memory. Addresses are numbers here, so that they may cross threads.
pub trait Memory: Sync {
    fn alloc(&self, bytes: usize) -> usize;
    fn free(&self, at: usize, bytes: usize);
}

/// The process's own allocator: what the original program corrupted. Only for a process that may die of it.
pub struct Heap;

impl Heap {
    fn layout(bytes: usize) -> Layout {
        Layout::from_size_align(bytes, 16).expect("a size of a frame")
    }
}

impl Memory for Heap {
    fn alloc(&self, bytes: usize) -> usize {
        // SAFETY: the size is not 0.
        unsafe { std::alloc::alloc_zeroed(Heap::layout(bytes)) as usize }
    }

    fn free(&self, at: usize, bytes: usize) {
        // SAFETY: from `alloc`, with that size. That others still use it is what is shown.
        unsafe { std::alloc::dealloc(at as *mut u8, Heap::layout(bytes)) }
    }
}

/// An allocator within one block that lives on, so that what happens to a freed piece is defined: like a heap, it
/// hands out the piece that was freed last.
pub struct Arena {
    block: usize,
    bytes: usize,
    pieces: Mutex<(usize, Vec<(usize, usize)>)>,
}

impl Arena {
    pub fn new(bytes: usize) -> Arena {
        Arena { block: Heap.alloc(bytes), bytes, pieces: Mutex::default() }
    }
}

impl Drop for Arena {
    fn drop(&mut self) {
        Heap.free(self.block, self.bytes);
    }
}

impl Memory for Arena {
    fn alloc(&self, bytes: usize) -> usize {
        let (used, free) = &mut *self.pieces.lock().unwrap();
        if let Some(n) = free.iter().rposition(|(_, size)| *size >= bytes) {
            return free.remove(n).0;
        }
        let at = self.block + *used;
        *used += bytes;
        assert!(*used <= self.bytes, "the arena is too small for this test");
        at
    }

    fn free(&self, at: usize, bytes: usize) {
        self.pieces.lock().unwrap().1.push((at, bytes));
    }
}

/// A piece of memory, as long as it is what its holder believes.
fn bytes<'a>(at: usize, bytes: usize) -> &'a [u8] {
    // SAFETY: not sound with `Heap`, and meant so: the holder does not know that it was freed. In an arena the
    // memory lives, and nobody writes to it meanwhile.
    unsafe { std::slice::from_raw_parts(at as *const u8, bytes) }
}

/// A triggered camera, grabbing.
pub struct Camera<'a> {
    fake: &'a Fake,
    handle: usize,
}

impl Camera<'_> {
    pub fn open(fake: &Fake) -> Camera<'_> {
        type Enumerate = unsafe extern "system" fn(u32, *mut DeviceInfoList) -> i32;
        type Create = unsafe extern "system" fn(*mut Handle, *const DeviceInfo) -> i32;
        type Open = unsafe extern "system" fn(Handle, u32, u16) -> i32;
        type SetText = unsafe extern "system" fn(Handle, *const c_char, *const c_char) -> i32;
        let text = |text: &str| CString::new(text).expect("no zero inside");
        // SAFETY: the SDK's functions with their types; what they fill is numbers and pointers, for which zero
        // is a value, and lives for the calls.
        unsafe {
            let mut list: Box<DeviceInfoList> = Box::new(zeroed());
            assert_eq!(fake.symbol::<Enumerate>(b"MV_CC_EnumDevices")(1, &mut *list), 0);
            let mut handle: Handle = zeroed();
            let create = fake.symbol::<Create>(b"MV_CC_CreateHandle");
            assert_eq!(create(&mut handle, list.devices[0]), 0);
            assert_eq!(fake.symbol::<Open>(b"MV_CC_OpenDevice")(handle, 1, 0), 0);
            let set = fake.symbol::<SetText>(b"MV_CC_SetEnumValueByString");
            for (name, value) in [("TriggerMode", "On"), ("TriggerSource", "Line0")] {
                assert_eq!(set(handle, text(name).as_ptr(), text(value).as_ptr()), 0);
            }
            let camera = Camera { fake, handle: handle.0 as usize };
            camera.call(b"MV_CC_StartGrabbing");
            camera
        }
    }

    fn call(&self, function: &[u8]) {
        type OnHandle = unsafe extern "system" fn(Handle) -> i32;
        // SAFETY: the SDK's function with its type.
        assert_eq!(unsafe { self.fake.symbol::<OnHandle>(function)(Handle(self.handle as _)) }, 0);
    }

    /// Copies a frame to `at`, or says why not.
    fn grab(&self, at: usize, bytes: usize, ms: u32) -> u32 {
        type Grab = unsafe extern "system" fn(Handle, *mut u8, u32, *mut FrameInfo, u32) -> i32;
        // SAFETY: numbers, for which zero is a value.
        let mut info: FrameInfo = unsafe { zeroed() };
        let grab = self.fake.symbol::<Grab>(GRAB.as_bytes());
        // SAFETY: the SDK's function with its type. Whether the memory is still ours when it writes is the question.
        unsafe { grab(Handle(self.handle as _), at as *mut u8, bytes as u32, &mut info, ms) as u32 }
    }
}

impl Drop for Camera<'_> {
    fn drop(&mut self) {
        self.call(b"MV_CC_DestroyHandle");
    }
}

/// What the old way did.
#[derive(Debug, PartialEq, Eq)]
pub struct Harm {
    /// Bytes of others that changed.
    pub foreign_bytes: usize,
    /// Whether the reader's frame was another thing when it looked again.
    pub frame_gone: bool,
}

/// The old program, up to its bad moment. `reads`: whether a third thread has the last frame meanwhile.
pub fn old_way(fake: &Fake, memory: &impl Memory, frame_bytes: usize, reads: bool) -> Harm {
    const NOT_LONG: u32 = 10;
    const LONG: u32 = 60_000;
    let camera = &Camera::open(fake);
    // The buffer that all threads know.
    let buffer = &Mutex::new((memory.alloc(frame_bytes), frame_bytes));
    let now = || *buffer.lock().unwrap();
    fake.trigger();
    assert_eq!(camera.grab(now().0, frame_bytes, LONG), 0, "a frame to begin with");
    let (to_recovery, codes): (Sender<u32>, Receiver<u32>) = channel();
    let (to_reader, moved) = channel();
    let (has_frame, reading) = channel();
    std::thread::scope(|scope| {
        let reader = scope.spawn(move || {
            let (at, length) = now();
            let look = || reads.then(|| Fake::check(bytes(at, length)));
            assert_ne!(look(), Some(None), "whole as long as nobody moves it");
            has_frame.send(()).unwrap();
            moved.recv().unwrap(); // It takes its time.
            look() == Some(None)
        });
        reading.recv().unwrap();
        let grabs = fake.calls(GRAB);
        let grabber = scope.spawn(move || {
            for ms in [NOT_LONG, LONG] {
                let (at, length) = now();
                match camera.grab(at, length, ms) {
                    0 => return,
                    code => to_recovery.send(code).unwrap(),
                }
            }
        });
        // The recovery: 0x80000007 is taken for "the buffer is too small".
        assert_eq!(codes.recv().unwrap(), NO_DATA);
        // The grabber went on, with the buffer that it knows: the call is in the library.
        until("the next grab is under way", || fake.calls(GRAB) == grabs + 2);
        let (old, length) = now();
        let larger = length + length / 2;
        *buffer.lock().unwrap() = (memory.alloc(larger), larger);
        memory.free(old, length);
        // The rest of the program goes on, too.
        let foreign = memory.alloc(length);
        // SAFETY: just allocated, and nobody else's.
        unsafe { std::ptr::write_bytes(foreign as *mut u8, FOREIGN, length) };
        to_reader.send(()).unwrap();
        let frame_gone = reader.join().unwrap();
        // The part comes, and the SDK writes its image where it was told to.
        fake.trigger();
        grabber.join().unwrap();
        let changed = bytes(foreign, length).iter().filter(|b| **b != FOREIGN).count();
        let (at, larger) = now();
        memory.free(foreign, length);
        memory.free(at, larger);
        Harm { foreign_bytes: changed, frame_gone }
    })
}
