//! A recording of a range of another one.

use super::draft::Draft;
use super::export::{events_of, range, unreadable};
use super::{Watch, interrupted};
use crate::error::Error;
use crate::recording::format::End;
use crate::recording::{Head, Recording, Rule, Writer};
use std::path::PathBuf;

/// What is to be cut out.
#[derive(Debug, Clone)]
pub struct Cut {
    /// The new recording's first file.
    pub out: PathBuf,
    /// The first frame, from 0.
    pub from: u64,
    /// The last frame; `None`: the last one there is.
    pub to: Option<u64>,
}

/// Copies frames `from..=to` with their metadata, bytes as they are, and what happened before each of them. Returns how
/// many. A frame that cannot be read ends it: `repair` leaves such frames out.
pub fn cut(recording: &Recording, what: &Cut, watch: Watch<'_>) -> Result<(u64, u64), Error> {
    let (from, to) = range(recording, what.from, what.to)?;
    let events = events_of(recording, (from, to))?;
    let damaged = |n, e: &dyn std::fmt::Display| {
        unreadable(recording, n, &format!("{e}; frameline repair makes a recording of the others"))
    };
    let first = recording.entry(from).map_err(|e| damaged(from, &e))?;
    let h = recording.header();
    let head = Head {
        geometry: first.meta.geometry(),
        max_payload_bytes: h.max_payload_bytes,
        id_rule: h.id_rule,
        started: h.started,
        texts: h.texts.clone(),
    };
    let frames = to - from + 1;
    let rule = Rule {
        frames: Some(frames),
        events: events.len() as u64,
        direct: false,
        ..Rule::default()
    };
    // Room as the first frame's segment had it: frames that came to it fit.
    let segment = recording.locate(from).map_or(0, |(s, _)| s);
    let room = recording.segments()[segment].header().layout.payload_capacity;
    let draft = Draft::recording(&what.out)?;
    let room = room.min(largest(recording, from, to));
    let mut writer = Writer::create_as(draft.path(), draft.target(), head, room, rule)?;
    let mut payload = Vec::new();
    let mut events = events.into_iter().peekable();
    for n in from..=to {
        if !watch(n - from) {
            return Err(interrupted(n - from));
        }
        while let Some(event) = events.next_if(|e| e.before_frame <= n) {
            writer.event(&event)?;
        }
        let entry = recording.read(n, &mut payload).map_err(|e| damaged(n, &e))?;
        writer.push(&entry, &payload)?;
    }
    for event in events {
        writer.event(&event)?;
    }
    writer.finish(End::Finished)?;
    draft.finish()?;
    Ok((from, to))
}

/// The largest payload of the range, in bytes. A frame that cannot be read has none.
fn largest(recording: &Recording, from: u64, to: u64) -> u64 {
    let bytes = (from..=to).filter_map(|n| recording.entry(n).ok()).map(|e| e.end_bytes());
    bytes.max().unwrap_or(0)
}
