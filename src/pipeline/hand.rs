//! Slots in the capture thread's own hands: taken from the pool and not filled, or lent ones on their way back.

use super::capture::{Capture, Turned};
use super::shared::Event;
use crate::buffer::{FrameMut, Place};
use crate::source::Fill;
use crate::wait::MAX_PARK;

impl Capture {
    /// No slot is free.
    pub(super) fn starve(&mut self) -> Turned {
        if !self.source.can_wait() {
            self.acceptance.starved();
        }
        let (commands, shared) = (&self.commands, &self.shared);
        self.pool.wait_for_home_or(&mut self.waiter, MAX_PARK, || {
            !commands.is_empty() || shared.aborting() || shared.stopping()
        });
        let now = self.shared.clock.now();
        let (since, said) = *self.starving.get_or_insert((now, false));
        if !said && now - since >= MAX_PARK.into() {
            self.starving = Some((since, true));
            self.cold(|c| {
                let held = c.holders(now).into_iter().take(8).collect::<Vec<_>>().join("; ");
                c.reporter.tell(Event::Note(format!("no slot is free: {held}"), now));
            });
        }
        Turned::On
    }

    /// Lend: a handle that carries no buffer of the source.
    #[inline]
    pub(super) fn empty_handle(&mut self) -> Option<FrameMut> {
        let mut frame = self.hand.pop().or_else(|| self.pool.take())?;
        if frame.token() != 0 {
            // It came home just now.
            self.return_lent(&mut frame);
        }
        Some(frame)
    }

    /// Gives the buffer behind `frame` back to the source.
    #[inline]
    fn return_lent(&mut self, frame: &mut FrameMut) {
        self.source.give_back(frame);
        self.with_source = self.with_source.saturating_sub(1);
    }

    /// Gives every lent buffer that came home back to the source.
    #[inline]
    pub(super) fn give_back(&mut self) {
        while let Some(mut frame) = self.pool.take_collected() {
            if frame.token() != 0 {
                self.return_lent(&mut frame);
            }
            self.hand.push(frame);
        }
    }

    /// The same with those that came home meanwhile: a source may wait for them before it starts or closes.
    pub(super) fn take_lent_home(&mut self) {
        if self.fill == Fill::Lend {
            self.pool.collect();
            self.give_back();
        }
    }

    /// Queues every free slot with the source.
    #[inline]
    pub(super) fn queue_free(&mut self) {
        while let Some(frame) = self.hand.pop().or_else(|| self.pool.take()) {
            frame.set_place(Place::Queued);
            self.source.queue(frame);
            self.with_source += 1;
        }
    }

    /// In the lend way an unused frame still points at the source's buffer: it goes back at once.
    #[inline]
    pub(super) fn settle_hand(&mut self) {
        if let Some(mut frame) = self.hand.pop() {
            if frame.token() != 0 {
                self.return_lent(&mut frame);
            }
            self.hand.push(frame);
        }
    }
}
