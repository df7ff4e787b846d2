//! The buffers of one acquisition: the SDK's nodes or the registered buffers, which are free, queued for the caller
//! or held by him, and what was written into each.

use crate::clock::Nanos;
use crate::memory::{Block, Memory};
use crate::stamp::{Painter, Stamp};
use std::collections::VecDeque;

/// What is said about a frame when it is delivered, and what goes wrong then.
#[derive(Debug, Clone, Copy, Default)]
pub struct Meta {
    /// The number that the caller sees.
    pub frame_num: u32,
    /// Frames that the camera took before this one.
    pub serial: u64,
    /// When it was complete, in the camera's time.
    pub at: Nanos,
    /// Region and format of the image.
    pub width: u32,
    #[allow(missing_docs)]
    pub height: u32,
    #[allow(missing_docs)]
    pub offset: (u32, u32),
    #[allow(missing_docs)]
    pub pixel: u32,
    /// Bytes that a copy of the frame has.
    pub filled: usize,
    /// The length that is reported.
    pub reported: usize,
    /// Packets that were lost.
    pub lost_packets: u32,
    /// Exposure in microseconds, gain in decibels.
    pub exposure: f32,
    #[allow(missing_docs)]
    pub gain: f32,
    /// Triggers of this acquisition up to this frame.
    pub trigger: u32,
    /// The grab that takes it blocks so long.
    pub stall_ms: u32,
    /// The grab that would take it answers this once.
    pub fail: Option<u32>,
    /// Bytes that are written past the end of the caller's buffer.
    pub overrun: u32,
}

/// Whose a slot is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// The SDK's, to be filled.
    Free,
    /// Filled, and not yet taken.
    Queued,
    /// The caller's.
    Held,
}

/// One buffer.
pub struct Slot {
    /// What is written into.
    pub memory: Memory,
    /// Whose it is.
    pub place: Place,
    /// What it holds.
    pub meta: Meta,
}

/// How the next frame is chosen among those that wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Strategy {
    /// The oldest.
    OneByOne,
    /// The newest; the others go.
    LatestOnly,
    /// The oldest of so many newest ones.
    Latest(usize),
    /// One that is not there yet.
    Upcoming,
}

/// One acquisition, from start to stop.
pub struct Stream {
    /// Bytes that the SDK prepared for at the start.
    pub payload: usize,
    /// The packet size at the start.
    pub packet: i64,
    /// All buffers.
    pub slots: Vec<Slot>,
    /// The filled ones, oldest first.
    pub queue: VecDeque<usize>,
    /// How many the caller may hold.
    pub hold_limit: usize,
    /// When the next frame is complete; nothing while none is expected.
    pub next_due: Option<Nanos>,
    /// When those are that were triggered beyond the next one.
    pub triggers: VecDeque<Nanos>,
    /// Whether frames waited for triggers when that was last looked at.
    pub triggered: bool,
    /// Triggers that were taken.
    pub trigger_count: u32,
    /// Grabs that time out before the next frame.
    pub silent: u32,
    /// A slot whose frame waits for the next one to overtake it.
    pub overtaken: Option<usize>,
    /// Whether the camera sends.
    pub acquiring: bool,
    /// Frames that were overwritten before they were taken.
    pub overwritten: u64,
    /// Where the search for a free buffer begins.
    turn: usize,
    painter: Option<(u32, Painter)>,
}

impl Stream {
    /// An acquisition over these buffers.
    pub fn new(memory: Vec<Memory>, hold_limit: usize, payload: usize, packet: i64) -> Stream {
        let slot = |memory| Slot { memory, place: Place::Free, meta: Meta::default() };
        Stream {
            payload,
            packet,
            slots: memory.into_iter().map(slot).collect(),
            queue: VecDeque::new(),
            hold_limit,
            next_due: None,
            triggers: VecDeque::new(),
            triggered: false,
            trigger_count: 0,
            silent: 0,
            overtaken: None,
            acquiring: true,
            overwritten: 0,
            turn: 0,
            painter: None,
        }
    }

    /// How many the caller holds.
    pub fn held(&self) -> usize {
        self.slots.iter().filter(|s| s.place == Place::Held).count()
    }

    /// A buffer for the next frame: a free one, or that of the oldest frame that nobody took. Nothing when the
    /// caller holds all.
    pub fn room(&mut self) -> Option<usize> {
        // In turn, so that what a hole shows is as old as there are buffers.
        let count = self.slots.len();
        let turn = (0..count).map(|i| (self.turn + i) % count);
        if let Some(free) = turn.into_iter().find(|i| self.slots[*i].place == Place::Free) {
            self.turn = free + 1;
            return Some(free);
        }
        let oldest = self.queue.pop_front()?;
        self.overwritten += 1;
        // A buffer that is delivered twice may be the caller's already.
        if self.slots[oldest].place != Place::Queued {
            return self.room();
        }
        self.slots[oldest].place = Place::Free;
        Some(oldest)
    }

    /// Makes a buffer as large as `bytes`, which only the SDK's own can become.
    pub fn fits(&mut self, slot: usize, bytes: usize) -> bool {
        let memory = &mut self.slots[slot].memory;
        if memory.size() >= bytes {
            return true;
        }
        match (&*memory, Block::new(bytes, NODE_ALIGNMENT)) {
            (Memory::Own(_), Some(block)) => {
                *memory = Memory::Own(block);
                true
            }
            _ => false,
        }
    }

    /// Writes a frame into a free buffer that fits it. The bytes of `hole` stay as they are, and what follows the image
    /// up to `extra` is filled with 0xC5.
    pub fn fill(
        &mut self,
        slot: usize,
        meta: Meta,
        image: usize,
        hole: std::ops::Range<usize>,
        extra: usize,
    ) {
        if self.painter.as_ref().is_none_or(|(code, _)| *code != meta.pixel) {
            self.painter = Some((meta.pixel, Painter::new(meta.pixel)));
        }
        let stamp = Stamp {
            frame_num: meta.frame_num,
            length: image as u32,
            serial: meta.serial,
            width: meta.width,
            height: meta.height,
            pixel: meta.pixel,
        };
        let slot = &mut self.slots[slot];
        // SAFETY: the slot is free: a node of our own that is not lent, or a registered buffer that is not
        // delivered and that the caller keeps alive until it is unregistered.
        let bytes = unsafe { slot.memory.bytes() };
        let kept = bytes[hole.clone()].to_vec();
        if let Some((_, painter)) = &self.painter {
            painter.paint(&mut bytes[..image], &stamp);
        }
        bytes[image..image + extra].fill(0xC5);
        bytes[hole].copy_from_slice(&kept);
        slot.meta = meta;
        slot.place = Place::Queued;
    }

    /// The next frame to deliver, as the strategy has it. Its buffer stays queued.
    pub fn next(&mut self, strategy: Strategy) -> Option<usize> {
        let keep = match strategy {
            Strategy::OneByOne | Strategy::Upcoming => usize::MAX,
            Strategy::LatestOnly => 1,
            Strategy::Latest(n) => n,
        };
        while self.queue.len() > keep {
            self.drop_oldest();
        }
        self.queue.front().copied()
    }

    /// The oldest frame is given up.
    pub fn drop_oldest(&mut self) {
        if let Some(slot) = self.queue.pop_front() {
            self.overwritten += 1;
            if self.slots[slot].place == Place::Queued {
                self.slots[slot].place = Place::Free;
            }
        }
    }

    /// The oldest frame leaves the queue for this place.
    pub fn take(&mut self, place: Place) {
        if let Some(slot) = self.queue.pop_front() {
            // A buffer that is delivered twice and was given back in between stays with the caller.
            self.slots[slot].place = place;
        }
    }

    /// The caller gives a buffer back; whether he held it.
    pub fn give_back(&mut self, ptr: *mut u8) -> bool {
        let held = |s: &&mut Slot| s.memory.ptr() == ptr && s.place == Place::Held;
        match self.slots.iter_mut().find(held) {
            Some(slot) => {
                slot.place = Place::Free;
                true
            }
            None => false,
        }
    }
}

/// The alignment of the SDK's own nodes, in bytes.
pub const NODE_ALIGNMENT: usize = 4096;
