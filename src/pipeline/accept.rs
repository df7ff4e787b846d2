//! What is believed of a grabbed frame: rule 5, and what its id says about those before it.

use super::config::Damaged;
use super::ids::{IdTracker, Seen};
use super::shared::{Anomaly, CaptureCounts};
use crate::buffer::FrameMut;
use crate::format::Geometry;
use crate::meta::{FrameStatus, Loss};
use crate::source::FrameIdRule;

/// What becomes of a grabbed frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It goes on.
    Accept,
    /// It failed the checks.
    Invalid,
    /// It is damaged, and the policy drops those.
    Dropped,
}

/// Frames that an SDK may have finished and queued before it ran out of room: as many can come before the
/// gap which that left.
const MAX_QUEUED_FRAMES: u32 = 64;

/// Checks frames and explains gaps.
#[derive(Debug)]
pub(super) struct Acceptance {
    ids: IdTracker,
    damaged: Damaged,
    /// Underruns that the source reported and no gap has used up yet.
    underrun_known: u64,
    underrun_seen: u64,
    /// The source has counted underruns, so that its count explains them all.
    counts_itself: bool,
    /// No slot was free a little while ago: so many more frames may come before the gap that it left.
    starved: u32,
    /// Lost before the next frame that is accepted.
    pending: Loss,
    /// The geometry that passed the checks last, and the bytes of its image.
    known: Option<(Geometry, u64)>,
}

impl Acceptance {
    pub fn new(rule: FrameIdRule, damaged: Damaged) -> Self {
        Acceptance {
            ids: IdTracker::new(rule),
            damaged,
            underrun_known: 0,
            underrun_seen: 0,
            counts_itself: false,
            starved: 0,
            pending: Loss::default(),
            known: None,
        }
    }

    /// No slot was free: a gap that follows is an underrun. What the SDK had queued by then comes first.
    pub fn starved(&mut self) {
        self.starved = MAX_QUEUED_FRAMES;
    }

    /// The source's own count of underruns.
    #[inline]
    pub fn note_underruns(&mut self, total: u64) {
        if total > self.underrun_seen {
            self.counts_itself = true;
            self.underrun_known += total - self.underrun_seen;
            self.underrun_seen = total;
        }
    }

    /// The source's count as last noted.
    #[inline]
    pub fn underruns(&self) -> u64 {
        self.underrun_seen
    }

    /// The id of the last frame that came.
    pub fn last_id(&self) -> Option<u64> {
        self.ids.last()
    }

    /// Checks a frame whose metadata is set; clips its length and counts what is wrong with it. `underruns` asks the source
    /// for its count, before a gap is explained by it.
    ///
    /// # Real-time
    /// Capture-bound. No allocation, no lock, no system call.
    #[inline]
    pub fn judge(
        &mut self,
        frame: &mut FrameMut,
        reported_bytes: u64,
        counts: &CaptureCounts,
        underruns: impl FnOnce() -> u64,
    ) -> Verdict {
        counts.grabbed.bump();
        let seen = self.ids.see(frame.meta().frame_id);
        match seen {
            Seen::New { gap: 0 } => self.starved = self.starved.saturating_sub(1),
            Seen::New { gap } => {
                self.note_underruns(underruns());
                self.explain(gap, counts);
            }
            Seen::Late => {
                // It had been counted as lost; it is counted as grabbed once more only now.
                counts.anomaly(Anomaly::OutOfOrder);
                take_back_loss(counts);
                frame.meta_mut().out_of_order = true;
            }
            Seen::Duplicate => {
                counts.anomaly(Anomaly::DuplicateId);
                counts.invalid.bump();
                return Verdict::Invalid;
            }
            Seen::Jump => counts.anomaly(Anomaly::IdJump),
        }
        let geometry = frame.meta().geometry();
        let image = match self.known {
            Some((known, image)) if known == geometry => image,
            _ => match self.check(geometry) {
                Some(image) => image,
                None => {
                    counts.anomaly(Anomaly::BadGeometry);
                    counts.invalid.bump();
                    self.rejected();
                    return Verdict::Invalid;
                }
            },
        };
        let capacity = frame.capacity() as u64;
        let mut filled = reported_bytes;
        if reported_bytes > capacity {
            // The number is wrong, so nothing beyond the image can be believed.
            counts.anomaly(Anomaly::ClippedLength);
            filled = image.min(capacity);
        }
        frame.set_filled(usize::try_from(filled).unwrap_or(usize::MAX));
        if filled < image && frame.meta().status == FrameStatus::Complete {
            counts.anomaly(Anomaly::ShortFrame);
            frame.meta_mut().status = FrameStatus::Incomplete;
        }
        counts.bytes.add(filled);
        if frame.meta().status == FrameStatus::Incomplete && self.damaged == Damaged::Drop {
            counts.incomplete.bump();
            self.rejected();
            return Verdict::Dropped;
        }
        // A late frame lies before the gap that is told next.
        frame.meta_mut().lost_before =
            if seen == Seen::Late { Loss::default() } else { std::mem::take(&mut self.pending) };
        Verdict::Accept
    }

    /// Bytes of an image of this geometry, if there can be one. Remembered: most frames are like the last.
    #[cold]
    fn check(&mut self, geometry: Geometry) -> Option<u64> {
        let image = geometry.image_bytes();
        if geometry.check().is_err() || image > (1 << 46) {
            return None;
        }
        self.known = Some((geometry, image));
        Some(image)
    }

    /// The run is over: underruns after the last frame have no next frame to travel with.
    pub fn finish(&mut self, counts: &CaptureCounts) {
        let left = std::mem::take(&mut self.underrun_known);
        counts.grabbed.add(left);
        counts.underrun.add(left);
    }

    /// The device was reopened.
    pub fn reopened(&mut self) {
        self.ids.reopened();
    }

    /// A frame that is not believed at all still had an id: the next one is no gap.
    pub fn skip(&mut self, id: u64, counts: &CaptureCounts) {
        if let Seen::New { gap: gap @ 1.. } = self.ids.see(id) {
            self.explain(gap, counts);
        }
        self.rejected();
    }

    /// The frame that is judged now will be missing.
    fn rejected(&mut self) {
        self.pending.rejected = self.pending.rejected.saturating_add(1);
    }

    /// Names the cause of a gap: underrun where the host had no slot or the source says so, else the
    /// device.
    #[cold]
    fn explain(&mut self, gap: u64, counts: &CaptureCounts) {
        let starved = std::mem::take(&mut self.starved) > 0;
        let underrun =
            if starved && !self.counts_itself { gap } else { gap.min(self.underrun_known) };
        self.underrun_known -= underrun.min(self.underrun_known);
        counts.grabbed.add(gap);
        counts.underrun.add(underrun);
        counts.lost_by_device.add(gap - underrun);
        let add = |a: u32, b: u64| a.saturating_add(u32::try_from(b).unwrap_or(u32::MAX));
        self.pending.underrun = add(self.pending.underrun, underrun);
        self.pending.device = add(self.pending.device, gap - underrun);
    }
}

/// A frame thought lost arrived after all.
fn take_back_loss(counts: &CaptureCounts) {
    if counts.lost_by_device.get() > 0 {
        counts.lost_by_device.take_back(1);
    } else {
        counts.underrun.take_back(1);
    }
    counts.grabbed.take_back(1);
}
