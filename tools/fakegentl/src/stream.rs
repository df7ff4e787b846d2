//! A data stream: announced buffers, the two queues, and the thread that makes frames.

use crate::abi::*;
use crate::config::Lead;
use crate::script::What;
use crate::world::{self, NEWS, World};
use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

/// Where a buffer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Place {
    Announced,
    Input,
    Output,
    Delivered,
}

/// What is known of the frame in a buffer.
#[derive(Debug, Clone, Default)]
#[allow(missing_docs)]
pub struct Filled {
    pub id: u64,
    pub filled: usize,
    pub payload: usize,
    pub width: usize,
    pub height: usize,
    pub offset_x: usize,
    pub offset_y: usize,
    pub pixel_format: u32,
    pub image: usize,
    pub image_at: usize,
    pub incomplete: bool,
    pub larger: bool,
    pub time_ns: u64,
    /// Offset, width and height.
    pub second_part: Option<(usize, usize, usize)>,
    /// The second part is told before the image.
    pub part_first: bool,
    pub chunks_at: Option<usize>,
}

/// An announced buffer.
#[derive(Debug)]
#[allow(missing_docs)]
pub struct Buffer {
    pub start: *mut u8,
    pub bytes: usize,
    pub user: usize,
    pub place: Place,
    pub filled: Filled,
}

// SAFETY: the consumer says that the memory may be written by any thread while the buffer is queued.
unsafe impl Send for Buffer {}

/// One camera's stream.
#[derive(Debug, Default)]
#[allow(missing_docs)]
pub struct Stream {
    pub event: Option<usize>,
    pub buffers: BTreeMap<usize, Buffer>,
    pub input: VecDeque<usize>,
    /// Filled buffers that were not fetched; one may stand here twice, by script.
    pub output: VecDeque<usize>,
    /// The number of the start that runs.
    pub runs: Option<u64>,
    pub starts: u64,
    pub delivered: u64,
    pub underruns: u64,
    /// Waits that are to be ended.
    pub kills: u64,
}

impl Stream {
    /// Takes a buffer into the input queue.
    pub fn queue(&mut self, buffer: usize) -> GcError {
        let Some(b) = self.buffers.get_mut(&buffer) else { return INVALID_BUFFER };
        if !matches!(b.place, Place::Announced | Place::Delivered) {
            return RESOURCE_IN_USE; // It is queued already.
        }
        b.place = Place::Input;
        self.input.push_back(buffer);
        SUCCESS
    }

    /// Moves buffers between the queues.
    pub fn flush(&mut self, operation: i32) -> GcError {
        let (input, output): (Vec<_>, Vec<_>) =
            (self.input.drain(..).collect(), self.output.drain(..).collect());
        let keep = |stream: &mut Stream, list: &[usize], place| {
            for n in list {
                if let Some(b) = stream.buffers.get_mut(n) {
                    b.place = place;
                }
            }
        };
        match operation {
            0 => {
                keep(self, &input, Place::Output);
                self.output.extend(output.into_iter().chain(input));
            }
            1 => {
                keep(self, &output, Place::Announced);
                self.input.extend(input);
            }
            2 | 3 => {
                let all: Vec<usize> = match operation {
                    2 => self.buffers.keys().copied().collect(),
                    _ => {
                        let idle =
                            |b: &Buffer| matches!(b.place, Place::Announced | Place::Delivered);
                        let idle: Vec<_> =
                            self.buffers.iter().filter(|(_, b)| idle(b)).map(|(n, _)| *n).collect();
                        self.output.extend(output);
                        input.into_iter().chain(idle).collect()
                    }
                };
                keep(self, &all, Place::Input);
                self.input.extend(all);
            }
            4 => {
                keep(self, &input, Place::Announced);
                keep(self, &output, Place::Announced);
            }
            _ => return INVALID_PARAMETER,
        }
        SUCCESS
    }
}

/// The thread of one start.
pub fn run(camera: usize, start: u64) {
    let mut due = Instant::now();
    let mut held = world::lock();
    loop {
        let Some(world) = held.as_mut() else { return };
        let stream = world.streams.get(&camera).filter(|s| s.runs == Some(start));
        let (Some(c), Some(stream)) = (world.cameras.get(camera), stream) else { return };
        let period = Duration::from_secs_f64(1.0 / c.settings.frame_rate);
        let now = Instant::now();
        let waits = c.config.patient && stream.input.is_empty();
        let wait = if waits || !c.is_due() {
            due = now; // The next one comes when it may.
            Duration::from_millis(100)
        } else if now < due {
            due - now
        } else {
            // What the machine slept away is not made up for.
            due = (due + period).max(now);
            make(world, camera);
            NEWS.notify_all();
            continue;
        };
        held = NEWS.wait_timeout(held, wait).unwrap_or_else(std::sync::PoisonError::into_inner).0;
    }
}

/// Makes the next frame of a camera.
fn make(world: &mut World, n: usize) {
    let c = &mut world.cameras[n];
    let id = c.next_frame;
    let whats: Vec<What> = world.script.frame(id).collect();
    if whats.contains(&What::Lose) {
        c.lose();
        return;
    }
    c.next_frame += 1;
    c.triggers = c.triggers.saturating_sub(1);
    if c.settings.mode == 1 {
        c.acquires = false; // A single frame.
    }
    if whats.contains(&What::Drop) {
        return;
    }
    let Some(stream) = world.streams.get_mut(&n) else { return };
    let Some(handle) = stream.input.pop_front() else {
        stream.underruns += 1;
        return;
    };
    let Some(buffer) = stream.buffers.get_mut(&handle) else { return };
    let (s, layout) = (&c.settings, c.layout());
    let mut filled = Filled {
        id,
        filled: c.host_payload(),
        payload: c.host_payload(),
        width: s.width as usize,
        height: s.height as usize,
        offset_x: s.offset_x as usize,
        offset_y: s.offset_y as usize,
        pixel_format: s.pixel_format,
        image: c.image(),
        image_at: layout.image,
        time_ns: id * 1_000_000,
        second_part: layout.part,
        part_first: c.config.lead == Lead::Part,
        chunks_at: layout.chunks,
        ..Filled::default()
    };
    let mut beyond = 0;
    for what in &whats {
        match *what {
            What::Incomplete => {
                filled.incomplete = true;
                filled.filled /= 2;
            }
            What::Report(bytes) => filled.filled = bytes,
            What::Overrun(bytes) => beyond = bytes,
            What::Larger => filled.larger = true,
            What::Size(w, h) => (filled.width, filled.height) = (w, h),
            What::Drop | What::Twice | What::Lose => {}
        }
    }
    // SAFETY: the consumer queued the buffer: so many bytes there are ours to write until it is delivered.
    let memory = unsafe { std::slice::from_raw_parts_mut(buffer.start, buffer.bytes) };
    let painted = if filled.incomplete { filled.filled.min(memory.len()) } else { memory.len() };
    c.paint(id, &mut memory[..painted]);
    for k in 0..beyond {
        // SAFETY: none: this is the fault that is asked for. The consumer that asks has room there.
        unsafe { buffer.start.add(buffer.bytes + k).write_volatile(0xEE) };
    }
    buffer.filled = filled;
    buffer.place = Place::Output;
    stream.output.push_back(handle);
    if whats.contains(&What::Twice) {
        stream.output.push_back(handle);
    }
}
