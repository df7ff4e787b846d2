//! Where finished frames lie until they are grabbed: a count, our announced slots, or lent buffers.

use super::config::SimConfig;
use super::pattern::phase;
use crate::buffer::{FrameMut, Keep, Shelf};
use crate::source::{AnnouncedSlots, Fill};
use std::cell::OnceCell;
use std::collections::VecDeque;

/// The place of a frame that has none yet.
pub(super) const NOWHERE: u32 = u32::MAX;

/// Announced buffers that are reckoned with ahead, so that those queued later than others do not allocate.
const AHEAD: usize = 256;

/// What a lent buffer holds: the sheet's id and the phase; a mixture is nothing.
type Holds = Option<(u32, usize)>;

/// The places of finished frames.
#[derive(Debug)]
pub(super) struct Room {
    fill: Fill,
    copy_limit: usize,
    announced: AnnouncedSlots,
    /// Keys of announced buffers that no finished frame has, in the order they were queued.
    ready: VecDeque<u32>,
    /// Capacity of announced buffers, by key.
    capacities: Vec<usize>,
    /// Made when first asked for: it is as large as all lent buffers.
    shelf: OnceCell<Option<Shelf>>,
    shelf_size: (usize, usize),
    free: Vec<u32>,
    holds: Vec<Holds>,
    refresh: bool,
}

impl Room {
    pub fn new(config: &SimConfig) -> Room {
        let bytes = usize::try_from(config.max_payload_bytes()).unwrap_or(usize::MAX);
        Room {
            fill: config.fill.unwrap_or(Fill::Copy),
            copy_limit: config.queue_for(Fill::Copy),
            announced: AnnouncedSlots::default(),
            ready: VecDeque::with_capacity(AHEAD),
            capacities: Vec::new(),
            shelf: OnceCell::new(),
            shelf_size: (config.queue_for(Fill::Lend), bytes),
            free: Vec::new(),
            holds: Vec::new(),
            refresh: config.refresh,
        }
    }

    pub fn fill(&self) -> Fill {
        self.fill
    }

    /// How many finished frames can lie here at most, as far as is known.
    pub fn most(&self) -> usize {
        match self.fill {
            Fill::Copy => self.copy_limit,
            Fill::Announce => self.announced.queued().max(AHEAD),
            Fill::Lend => self.shelf_size.0,
        }
    }

    pub fn keep(&self) -> Option<Keep> {
        let (buffers, bytes) = self.shelf_size;
        self.shelf.get_or_init(|| Shelf::new(buffers, bytes).ok()).as_ref().map(Shelf::keep)
    }

    /// Makes ready for frames to come in that way. `false`: the memory to lend could not be made.
    pub fn prepare(&mut self, fill: Fill) -> bool {
        self.fill = fill;
        if fill != Fill::Lend {
            return true;
        }
        if self.keep().is_none() {
            return false;
        }
        if self.holds.is_empty() {
            // Popped from the end: buffer 0 first, so that phases settle in order.
            self.free = (0..self.shelf_size.0 as u32).rev().collect();
            self.holds = vec![None; self.shelf_size.0];
        }
        true
    }

    /// A free buffer is filled ahead for each phase in turn, so that later only stamps are patched.
    pub fn prefill(&mut self, id: u32, mut write: impl FnMut(u64, &mut [u8])) {
        let Some(Some(shelf)) = self.shelf.get_mut() else { return };
        for (serial, i) in self.free.iter().rev().enumerate() {
            if self.holds[*i as usize].is_some_and(|holds| holds.0 == id) {
                continue;
            }
            if let Some(buffer) = shelf.buffer_mut(*i as usize) {
                write(serial as u64, buffer);
                self.holds[*i as usize] = Some((id, phase(serial as u64)));
            }
        }
    }

    /// A place for a frame, if there is one, while `waiting` lie here.
    ///
    /// # Real-time
    /// Capture-bound. No allocation, no lock.
    #[inline]
    pub fn admit(&mut self, waiting: usize, serial: u64, sheet_id: u32) -> Option<u32> {
        match self.fill {
            Fill::Copy => (waiting < self.copy_limit).then_some(NOWHERE),
            Fill::Announce => self.ready.pop_front(),
            Fill::Lend => {
                let want = Some((sheet_id, phase(serial)));
                let same = self.free.iter().rposition(|i| self.holds[*i as usize] == want);
                match same {
                    Some(at) => Some(self.free.swap_remove(at)),
                    None => self.free.pop(),
                }
            }
        }
    }

    /// The frame will not lie there after all.
    pub fn vacate(&mut self, place: u32) {
        match self.fill {
            _ if place == NOWHERE => {}
            Fill::Copy => {}
            Fill::Announce => self.ready.push_front(place),
            Fill::Lend => self.free.push(place),
        }
    }

    /// Takes an announced buffer in.
    pub fn queue(&mut self, frame: FrameMut) {
        let capacity = frame.capacity();
        let key = self.announced.queue(frame);
        if key >= self.capacities.len() {
            self.capacities.resize((key + 1).next_power_of_two().max(AHEAD), 0);
        }
        self.capacities[key] = capacity;
        self.ready.push_back(key as u32);
    }

    /// An announced buffer that holds `bytes`: `place` if it does, else another that is free. `None`: there
    /// is none, and the frame has no place now.
    pub fn fitting(&mut self, place: u32, bytes: usize) -> Option<u32> {
        let fits = |key: &u32| self.capacities.get(*key as usize).is_some_and(|c| *c >= bytes);
        if fits(&place) {
            return Some(place);
        }
        let at = self.ready.iter().position(fits);
        let other = at.and_then(|at| self.ready.remove(at));
        self.vacate(place);
        other
    }

    /// Whether an announced buffer is free.
    pub fn has_ready(&self) -> bool {
        !self.ready.is_empty()
    }

    /// Delivers an announced buffer; twice where the script says so, and then the second is rejected.
    pub fn deliver(&mut self, place: u32, twice: bool) -> Option<FrameMut> {
        let frame = self.announced.deliver(place as usize);
        if twice {
            let again = self.announced.deliver(place as usize);
            debug_assert!(again.is_none(), "one key, two buffers");
        }
        frame
    }

    /// Deliveries that were rejected because the buffer was not queued.
    pub fn rejected(&self) -> u64 {
        self.announced.duplicates()
    }

    pub fn revoke(&mut self, back: &mut dyn FnMut(FrameMut)) {
        self.ready.clear();
        self.announced.revoke(back);
    }

    /// Points `frame` at buffer `place`. `Some(true)`: it holds what the frame needs but for the stamps.
    #[inline]
    pub fn lend(&mut self, place: u32, frame: &mut FrameMut, want: (u32, usize)) -> Option<bool> {
        let Some(Some(shelf)) = self.shelf.get_mut() else { return None };
        shelf.lend(place as usize, frame).ok()?;
        Some(self.holds[place as usize] == Some(want))
    }

    /// Notes what buffer `place` holds now.
    #[inline]
    pub fn set_holds(&mut self, place: u32, holds: Holds) {
        self.holds[place as usize] = holds;
    }

    /// Takes a lent buffer back.
    #[inline]
    pub fn give_back(&mut self, frame: &mut FrameMut) {
        let place = frame.token().wrapping_sub(1);
        let Some(Some(shelf)) = self.shelf.get_mut() else { return };
        if shelf.take_back(frame) {
            if self.refresh {
                self.holds[place as usize] = None;
            }
            self.free.push(place as u32);
        }
    }
}
