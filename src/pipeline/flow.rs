//! Moving frames between threads: the consumers behind a stage, and the rings before one.
//!
//! Between `n` producing and `m` consuming threads lie n x m rings. Item number `s` of an epoch goes from
//! producer `s % n` to consumer `s % m`: both sides count for themselves, so order is kept by arithmetic
//! and each ring has one producer and one consumer.

use super::shared::Shared;
use crate::buffer::{Fate, Frame, Lane};
use crate::clock::HostTime;
use crate::ring::{Control, EdgeRx, EdgeTx, Entry, Offer, Policy, Told};
use crate::sync::WakeCell;
use crate::wait::{MAX_PARK, Waiter};
use std::time::Duration;

/// One consumer (all its workers) behind a producer.
pub(super) struct Out {
    edges: Vec<EdgeTx<Frame>>,
    lane: Lane,
    must_have: bool,
    /// The policy is `every`.
    waits: bool,
    /// This producer's number among `producers`.
    me: usize,
    producers: usize,
    turn: usize,
}

/// Why a frame could not be handed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Aborted;

/// What the sender needs to wait.
pub(super) struct Sender<'a> {
    pub shared: &'a Shared,
    pub bed: &'a WakeCell,
    pub waiter: &'a mut Waiter,
}

impl Out {
    pub fn new(
        edges: Vec<EdgeTx<Frame>>,
        lane: Lane,
        must_have: bool,
        me: usize,
        producers: usize,
    ) -> Out {
        let waits = edges.iter().any(|e| e.policy() == Policy::Every);
        Out { edges, lane, must_have, waits, me, producers, turn: me }
    }

    fn edge(&mut self) -> &mut EdgeTx<Frame> {
        let i = in_turn(self.turn, self.edges.len());
        &mut self.edges[i]
    }

    fn advance(&mut self) {
        self.turn += self.producers;
    }

    /// So many frames that should have gone this way were lost before it.
    pub fn note_missing(&mut self, n: u32) {
        self.edge().note_missing(n);
    }

    /// Hands `frame` on by the policy. `missing`: frames that a hop or stage before this one lost since
    /// the frame before.
    ///
    /// # Real-time
    /// The producer. No allocation, no lock; waits only where the policy is `every` and the ring is full.
    #[inline]
    pub fn send(&mut self, mut frame: Frame, missing: u32, now: HostTime, by: &mut Sender<'_>) {
        if missing > 0 {
            self.note_missing(missing);
        }
        frame.hand_to(self.lane, now);
        let missing = frame.meta().lost_before.total();
        let must_have = self.must_have;
        let keeps_turn = self.producers > 1;
        loop {
            match self.edge().offer(frame, missing, now) {
                Offer::Accepted => return self.advance(),
                Offer::Replaced(old) => {
                    drop(old);
                    return self.advance();
                }
                Offer::Refused(f) => {
                    if must_have {
                        f.worsen(Fate::Refused);
                    }
                    if keeps_turn {
                        self.advance();
                    }
                    return;
                }
                Offer::Skipped(_) => {
                    if keeps_turn {
                        self.advance();
                    }
                    return;
                }
                Offer::Full(f) => {
                    frame = f;
                    let edge = self.edge();
                    if by.shared.aborting() {
                        frame.worsen(Fate::Abandoned);
                        return;
                    }
                    by.waiter.wait(by.bed, MAX_PARK, || edge.has_room() || by.shared.aborting());
                }
            }
        }
    }

    /// Whether [`send`](Self::send) would not wait; what is owed goes in first. A `true` stays true until the
    /// producer sends.
    #[inline]
    pub fn has_room(&mut self) -> bool {
        if !self.waits {
            return true;
        }
        let edge = self.edge();
        edge.settle() && edge.has_room()
    }

    /// Whether there is room for something, if `send` can wait at all.
    #[inline]
    pub fn may_have_room(&self) -> bool {
        !self.waits || self.edges[in_turn(self.turn, self.edges.len())].has_room()
    }

    /// Whether [`send`](Self::send) waits when the ring is full.
    pub fn waits(&self) -> bool {
        self.waits
    }

    /// Nothing comes from this producer in its turn.
    pub fn pass_turn(&mut self) {
        if self.producers > 1 {
            self.edge().pass_turn();
            self.advance();
        }
    }

    /// Puts `control` behind everything sent, to every worker, and begins counting anew. `until`: when to
    /// give up.
    pub fn put_control(
        &mut self,
        control: Control,
        until: HostTime,
        by: &mut Sender<'_>,
    ) -> Result<(), Aborted> {
        self.turn = self.me;
        for edge in &mut self.edges {
            edge.put_control(control);
        }
        self.settle_until(until, by)
    }

    /// Puts in what is owed to consumers and has room now. An idle producer does so, too: the others'
    /// items wait for its turn.
    pub fn settle(&mut self) {
        self.edges.iter_mut().for_each(|e| {
            e.settle();
        });
    }

    /// Waits until everything that is owed to consumers is in, at most until `until`.
    pub fn settle_until(&mut self, until: HostTime, by: &mut Sender<'_>) -> Result<(), Aborted> {
        let mut stuck = false;
        for edge in &mut self.edges {
            let mut done = edge.settle();
            while !done {
                let now = by.shared.clock.now();
                if by.shared.aborting() || now >= until {
                    // It stays owed and goes in before anything else does.
                    stuck = true;
                    break;
                }
                let left = Duration::from_nanos((until - now).0).min(MAX_PARK);
                by.waiter.wait(by.bed, left, || edge.has_room() || by.shared.aborting());
                done = edge.settle();
            }
        }
        if stuck { Err(Aborted) } else { Ok(()) }
    }
}

/// Whose turn it is among `n`. Most hops have one ring, and need no division.
#[inline(always)]
fn in_turn(turn: usize, n: usize) -> usize {
    if n == 1 { 0 } else { turn % n }
}

/// The rings before one consuming thread.
pub(super) struct Inputs {
    rings: Vec<EdgeRx<Frame>>,
    skips: Vec<u32>,
    me: usize,
    consumers: usize,
    turn: usize,
    controls: usize,
}

/// The next thing that a consumer gets.
#[derive(Debug)]
pub(super) enum Next {
    Frame {
        frame: Frame,
        pushed_at: HostTime,
        lost: u32,
        /// Which producer's ring it came through.
        ring: usize,
    },
    /// The producers brought nothing for this turn: what follows has to be told, too.
    Skipped,
    /// Every ring has delivered this control.
    Control(Control),
    /// Nothing is there now.
    Empty,
}

impl Inputs {
    pub fn new(rings: Vec<EdgeRx<Frame>>, me: usize, consumers: usize) -> Inputs {
        let skips = vec![0; rings.len()];
        Inputs { rings, skips, me, consumers, turn: me, controls: 0 }
    }

    #[inline]
    fn ring(&self) -> usize {
        in_turn(self.turn, self.rings.len())
    }

    /// The next frame in turn, or a control that has come through every ring.
    ///
    /// # Real-time
    /// Stage-bound. Wait-free, no allocation, no lock.
    #[inline(always)] // As `EdgeRx::pop`.
    pub fn next(&mut self) -> Next {
        loop {
            let r = self.ring();
            if self.skips[r] > 0 {
                self.skips[r] -= 1;
                self.turn += self.consumers;
                return Next::Skipped;
            }
            let Some(entry) = self.rings[r].pop() else { return Next::Empty };
            let Entry { item, word, count } = entry;
            if let Some(frame) = item {
                self.turn += self.consumers;
                let (pushed_at, lost) = (HostTime(word), count as u32);
                return Next::Frame { frame, pushed_at, lost, ring: r };
            }
            if let Some(control) = self.told(r, Told::of(word, count)) {
                return Next::Control(control);
            }
        }
    }

    /// What is no item came through ring `r`.
    #[cold]
    #[inline(never)]
    fn told(&mut self, r: usize, told: Told) -> Option<Control> {
        match told {
            Told::Skip(n) => {
                self.skips[r] += n;
                None
            }
            Told::Control(control) => self.control_is_whole().then_some(control),
        }
    }

    /// One more ring has delivered the control. The others have nothing else left: their last item had
    /// an earlier turn.
    fn control_is_whole(&mut self) -> bool {
        self.controls += 1;
        if self.controls == self.rings.len() {
            self.controls = 0;
            self.turn = self.me;
            return true;
        }
        // Look at the next ring, whoever's turn it would be.
        self.turn = (self.ring() + 1) % self.rings.len();
        false
    }

    /// Whether [`next`](Self::next) would return something other than `Empty`, or has work to do.
    #[inline]
    pub fn is_ready(&self) -> bool {
        let r = self.ring();
        self.skips[r] > 0 || self.rings[r].is_ready()
    }

    /// After an abort: gives up what producers that have not noticed yet still push, until they are gone
    /// or `bound` has passed.
    pub fn abandon_to_the_end(&mut self, bound: Duration) {
        let begun = std::time::Instant::now();
        loop {
            let gone = self.rings.iter().all(EdgeRx::is_abandoned);
            self.abandon(); // After the look: what was pushed before the producer went is seen.
            if gone || begun.elapsed() >= bound {
                return;
            }
            std::thread::park_timeout(Duration::from_millis(1));
        }
    }

    /// Drops everything that is there, as given up.
    pub fn abandon(&mut self) {
        for ring in &mut self.rings {
            while let Some(entry) = ring.pop() {
                if let Some(item) = entry.item {
                    item.worsen(Fate::Abandoned);
                }
            }
        }
    }
}
