//! What a camera is to a line: the contract that every source fulfils.
//!
//! A source:
//! 1. is driven by one thread (*capture-bound*): every call of this trait comes from there, and only
//!    this thread calls the SDK;
//! 2. never waits longer than the time-out it is given, plus what the SDK itself blocks;
//! 3. reports faults as raw codes; its table gives them classes, and the line acts on the class;
//! 4. writes a frame only into the buffer it was handed for that frame, says how many bytes it wrote as
//!    the SDK says it (the line clips and checks), and never touches a buffer after handing it over;
//! 5. keeps counting frame ids across `stop` and `start`, as devices do;
//! 6. gives every announced buffer back in `revoke`, and remembers nothing of it afterwards.
//!
//! There are three ways of filling; a source says which it can ([`Source::fills`]), the line picks one.

mod evidence;

pub use evidence::Evidence;

use crate::buffer::{FrameMut, Keep};
use crate::error::Error;
use crate::fault::{CodeTable, Fault};
use crate::feature::Feature;
use crate::format::Geometry;
use std::time::Duration;

/// How buffers are filled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Fill {
    /// The source fills memory that each grab passes to it (`MV_CC_GetOneFrameTimeout`).
    Copy,
    /// Our slots are registered with the source, which fills them as they are queued (GenTL, Aravis).
    Announce,
    /// The source's own buffers are lent to the line and given back (`MV_CC_GetImageBuffer`, replay).
    Lend,
}

impl Fill {
    /// The name that configurations use.
    pub fn name(self) -> &'static str {
        match self {
            Fill::Copy => "copy",
            Fill::Announce => "announce",
            Fill::Lend => "lend",
        }
    }

    /// The way of that name.
    pub fn from_name(name: &str) -> Option<Fill> {
        [Fill::Copy, Fill::Announce, Fill::Lend].into_iter().find(|f| f.name() == name)
    }
}

/// Who the source is, for reports.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SourceInfo {
    /// The URI that would open it again.
    pub uri: String,
    /// Model and serial number, or whatever tells it from others.
    pub model: String,
}

/// How the device numbers its frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct FrameIdRule {
    /// Ids count `0..modulus` and then start again; 0: they never do (64 bits).
    pub modulus: u64,
    /// 0 is skipped when ids start again (GigE Vision block ids: 65535 is followed by 1).
    pub skips_zero: bool,
}

/// The outcome of one grab.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Grab {
    /// The frame's buffer holds a frame; its metadata (id, device time, geometry, status) is set.
    Filled {
        /// Bytes that the source says it wrote. Not believed: clipped to the capacity, checked against
        /// the geometry.
        reported_bytes: u64,
    },
    /// No frame: a time-out or another fault, as a raw code.
    Fault(Fault),
    /// No frame will ever come again: the end of a recording, or of a limited simulation.
    End,
}

/// What a source knows about a silence (DESIGN section 5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Diagnosis {
    /// The device is gone.
    Lost,
    /// The device sends frames of another size than at start.
    FormatDrift {
        /// Bytes that a frame needs now.
        payload_bytes: u64,
    },
    /// The device waits for a trigger: silence is normal.
    IdleTrigger,
    /// Nothing is known.
    Unclear,
}

impl Diagnosis {
    /// The name used in logs and reports.
    pub fn name(self) -> &'static str {
        match self {
            Diagnosis::Lost => "lost",
            Diagnosis::FormatDrift { .. } => "format-drift",
            Diagnosis::IdleTrigger => "idle-trigger",
            Diagnosis::Unclear => "unclear",
        }
    }
}

/// What the source itself counted, as far as it knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SourceCounts {
    /// Frames that found no buffer, since the source was made. The line explains gaps in frame ids by it.
    pub underrun: u64,
}

/// A camera, a recording, or a simulation. See the module's list.
///
/// Methods without a default are the contract's core; of the filling methods a source implements those
/// of the ways it lists in [`fills`](Source::fills).
pub trait Source: Send {
    /// Who it is.
    fn info(&self) -> SourceInfo;

    /// The ways of filling that it can, best first. Never empty.
    fn fills(&self) -> &[Fill];

    /// Whether frames wait until they are fetched (a recording), or are lost (a camera). Only a source
    /// that waits may feed a hop with policy `every`.
    fn can_wait(&self) -> bool;

    /// What its fault codes mean.
    fn codes(&self) -> CodeTable;

    /// The geometry of the next frame, as far as it is known.
    fn geometry(&self) -> Geometry;

    /// Bytes that one frame needs now.
    fn payload_bytes(&self) -> usize;

    /// Bytes that one frame of the largest region and format could need (harvesters#86, #203).
    fn max_payload_bytes(&self) -> usize;

    /// How it numbers frames.
    fn frame_id_rule(&self) -> FrameIdRule {
        FrameIdRule::default()
    }

    /// Buffers that the source keeps to itself while running in that way: queued with the SDK (announce),
    /// or lent at once at most (lend). Part of the pool's arithmetic.
    fn queue_depth(&self, fill: Fill) -> usize {
        let _ = fill;
        0
    }

    /// What makes it lend `buffers` at once, as a part of a sentence, with the name of the setting; `None` where
    /// it cannot lend so many.
    fn how_to_lend(&self, buffers: usize) -> Option<String> {
        Some(format!("let the source lend {buffers}"))
    }

    /// What lent frames point into. `Some` if [`Fill::Lend`] is listed.
    fn keep(&self) -> Option<Keep> {
        None
    }

    /// Starts acquisition. In the announce way, buffers have been queued before.
    fn start(&mut self, fill: Fill) -> Result<(), Fault>;

    /// The device makes no more frames. Those already made can still be grabbed.
    fn stop_device(&mut self) -> Result<(), Fault>;

    /// The host side stops; frames not grabbed by now may be lost.
    fn stop_host(&mut self) -> Result<(), Fault>;

    /// Copy: fills `frame` with the next frame, waiting at most `timeout`.
    fn grab_into(&mut self, frame: &mut FrameMut, timeout: Duration) -> Grab {
        let _ = (frame, timeout);
        unimplemented_fill(Fill::Copy)
    }

    /// Announce: takes a buffer into the queue.
    fn queue(&mut self, frame: FrameMut) {
        drop(frame);
        unimplemented_fill(Fill::Announce)
    }

    /// Announce: the next filled buffer, waiting at most `timeout`. `Some` exactly with [`Grab::Filled`].
    fn grab_queued(&mut self, timeout: Duration) -> (Option<FrameMut>, Grab) {
        let _ = timeout;
        unimplemented_fill(Fill::Announce)
    }

    /// Announce: gives every queued buffer back. Called after `stop_host`.
    fn revoke(&mut self, back: &mut dyn FnMut(FrameMut)) {
        let _ = back;
    }

    /// Lend: points `frame` at the next frame, waiting at most `timeout`.
    fn grab_lent(&mut self, frame: &mut FrameMut, timeout: Duration) -> Grab {
        let _ = (frame, timeout);
        unimplemented_fill(Fill::Lend)
    }

    /// Lend: takes the buffer behind `frame` back; nobody reads it any more.
    fn give_back(&mut self, frame: &mut FrameMut) {
        let _ = frame;
    }

    /// Whether a feature can be set only while acquisition is stopped (regions, pixel formats).
    fn is_locked_while_grabbing(&self, feature: &str) -> bool {
        let _ = feature;
        false
    }

    /// Sets a feature by its GenICam name.
    fn set_feature(&mut self, feature: &str, value: &str) -> Result<(), Error> {
        let _ = value;
        Err(Error::config(format!("the source has no feature {feature:?}")))
    }

    /// Every feature that it has, as it is now: for a list, not for a run. Blocks for several answers of the camera
    /// for each feature.
    fn features(&mut self) -> Result<Vec<Feature>, Error> {
        Err(Error::new(
            crate::error::ErrorKind::Source,
            "this source cannot list its features; they are set by the names that its maker gives them",
        ))
    }

    /// Fires the software trigger.
    fn software_trigger(&mut self) -> Result<(), Error> {
        Err(Error::config("the source has no software trigger; set its trigger to software"))
    }

    /// What it knows about a silence. Asked after several time-outs in a row, between two grabs; it may make
    /// control calls, which the monitor names when they hang.
    fn diagnose(&mut self) -> Diagnosis {
        Diagnosis::Unclear
    }

    /// The figures that the last [`diagnose`](Source::diagnose) went by. They are logged with what the line
    /// makes of them.
    fn evidence(&self) -> Evidence {
        Evidence::default()
    }

    /// Whether a fault of a grab is a silence that was asked for: of a replay that waits for its step, or keeps the pace
    /// of the recording. The line goes on; it counts nothing, and neither tells of it nor asks why.
    fn is_asked_for(&self, fault: Fault) -> bool {
        let _ = fault;
        false
    }

    /// The function of the SDK that answered with the last fault, for the log; empty: the source has none, and
    /// the log tells what the line was doing.
    fn last_call(&self) -> &'static str {
        ""
    }

    /// Tells the faults that no other call of this trait answers with, since the one asked for is done or nobody
    /// waits for it: of buffers given back, of a device closed, and those that the SDK posts by itself and that
    /// ask for nothing but a count. `tell` gets each once, with the SDK's function and how often it was.
    fn take_faults(&mut self, tell: &mut dyn FnMut(Fault, &'static str, u64)) {
        let _ = tell;
    }

    /// Closes what is left of a lost device, finds it again and opens it; not started. One attempt; the line
    /// does the backing off.
    ///
    /// What comes back is the device *as this run has set it up*: every parameter that the source was made
    /// with and every feature set since ([`set_feature`](Source::set_feature)) is set again, in the order in
    /// which it was first set, and callbacks are registered anew. A feature that cannot be set again is a
    /// failed attempt, never a device with other settings. The payload may be another one all the same:
    /// [`payload_bytes`](Source::payload_bytes) says so, and the line makes room before it starts.
    fn reopen(&mut self) -> Result<(), Fault> {
        Ok(())
    }

    /// What the source counted.
    fn counts(&self) -> SourceCounts {
        SourceCounts::default()
    }

    /// What its SDK counts of itself, by the SDK's own names, since the source was made: for the report. Asked when the
    /// source is stopped, never while frames flow; it may allocate.
    fn counters(&self) -> Vec<(String, u64)> {
        Vec::new()
    }
}

/// A source listed a way of filling whose methods it does not have: a bug of the source.
#[cold]
fn unimplemented_fill(fill: Fill) -> ! {
    panic!("the source lists fill={} but does not implement it", fill.name())
}

/// Announced buffers under the keys that a C interface knows them by. Rejects double queueing and
/// duplicate delivery (rule 5).
#[derive(Debug, Default)]
pub struct AnnouncedSlots {
    slots: Vec<Option<FrameMut>>,
    duplicates: u64,
}

impl AnnouncedSlots {
    /// Takes a buffer in; its key is its slot index.
    pub fn queue(&mut self, frame: FrameMut) -> usize {
        let key = frame.slot_index();
        if key >= self.slots.len() {
            // Ahead of need: slots that are queued for the first time in mid-run must not allocate.
            self.slots.resize_with((key + 1).next_power_of_two().max(256), || None);
        }
        // By type there is one `FrameMut` a slot, so the place is empty.
        self.slots[key] = Some(frame);
        key
    }

    /// The buffer of `key` was delivered. `None` if it was not queued: a duplicate, counted.
    pub fn deliver(&mut self, key: usize) -> Option<FrameMut> {
        let frame = self.slots.get_mut(key).and_then(Option::take);
        if frame.is_none() {
            self.duplicates += 1;
        }
        frame
    }

    /// Whether the buffer of `key` is queued.
    pub fn is_queued(&self, key: usize) -> bool {
        self.slots.get(key).is_some_and(Option::is_some)
    }

    /// Any queued buffer, lowest key first.
    pub fn any_key(&self) -> Option<usize> {
        self.slots.iter().position(Option::is_some)
    }

    /// How many are queued.
    pub fn queued(&self) -> usize {
        self.slots.iter().flatten().count()
    }

    /// Deliveries of buffers that were not queued.
    pub fn duplicates(&self) -> u64 {
        self.duplicates
    }

    /// Takes every buffer out.
    pub fn revoke(&mut self, back: &mut dyn FnMut(FrameMut)) {
        self.slots.iter_mut().filter_map(Option::take).for_each(back);
    }
}
