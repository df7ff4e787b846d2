//! Makes a whole recording of what is good in a damaged one. The original is only read.

use super::chain::{Head, Rule};
use super::format::{End, Entry, Event, EventKind};
use super::reader::Recording;
use super::writer::Writer;
use crate::clock::HostTime;
use crate::error::{Error, ErrorKind};
use crate::words::counted;
use std::path::Path;

/// What a repair came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Repaired {
    /// Frames that the new recording has.
    pub kept: u64,
    /// Frames that could not be read; each gap has an event, and its number travels with the next frame.
    pub left_out: u64,
}

/// Writes every good frame, and every event, to a new recording at `out`; `watch` is told how many frames of the old one
/// are done, and stops it with `false`: then what was written is no whole recording.
pub fn repair(
    recording: &Recording,
    out: &Path,
    watch: impl FnMut(u64) -> bool,
) -> Result<Repaired, Error> {
    repair_as(recording, out, out, watch)
}

/// The same at a name that the new recording has only meanwhile: errors tell of it as `called`.
pub fn repair_as(
    recording: &Recording,
    out: &Path,
    called: &Path,
    mut watch: impl FnMut(u64) -> bool,
) -> Result<Repaired, Error> {
    let h = recording.header();
    let head = Head {
        geometry: h.geometry,
        max_payload_bytes: h.max_payload_bytes,
        id_rule: h.id_rule,
        started: h.started,
        texts: h.texts.clone(),
    };
    let rule = Rule { frames: Some(recording.frames()), ..Rule::default() };
    let mut writer = Writer::create_as(out, called, head, h.layout.payload_capacity, rule)?;
    let mut events = recording.events()?;
    events.sort_by_key(|e| e.before_frame);
    let mut events = events.into_iter().peekable();
    let mut done = Repaired::default();
    let (mut missing, mut last) = (0_u32, h.started.host);
    let mut payload = Vec::new();
    for n in 0..recording.frames() {
        while let Some(event) = events.next_if(|e| e.before_frame <= n) {
            writer.event(&event)?;
        }
        match recording.read(n, &mut payload) {
            Ok(entry) => {
                if missing > 0 {
                    writer.event(&left_out(missing, last))?;
                }
                let not_written = entry.not_written.saturating_add(std::mem::take(&mut missing));
                writer.push(&Entry { not_written, ..entry }, &payload)?;
                (done.kept, last) = (done.kept + 1, entry.meta.host_time);
            }
            Err(_) => {
                missing = missing.saturating_add(1);
                done.left_out += 1;
            }
        }
        if !watch(n + 1) {
            let done = counted(n + 1, "frame");
            return Err(Error::new(ErrorKind::State, format!("interrupted after {done}")));
        }
    }
    for event in events {
        writer.event(&event)?;
    }
    if missing > 0 {
        writer.event(&left_out(missing, last))?;
    }
    writer.finish(End::Repaired)?;
    Ok(done)
}

fn left_out(frames: u32, after: HostTime) -> Event {
    Event {
        kind: EventKind::LeftOut,
        before_frame: 0,
        host_time: after,
        code: 0,
        class: None,
        detail: 0,
        count: u64::from(frames),
    }
}
