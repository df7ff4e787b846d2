//! What a line's witnesses are told.

use super::shared::Event;
use crate::fault::{Incident, IncidentKind};

/// What a witness is told of an event.
pub(super) fn incident(event: &Event) -> Option<Incident> {
    let (kind, at, detail, count) = match event {
        Event::Fault { code, class, detail, times, at, .. } => {
            return Some(Incident {
                kind: IncidentKind::Fault,
                at: *at,
                code: *code,
                class: Some(*class),
                detail: *detail,
                count: *times,
            });
        }
        Event::Reset(r) => (IncidentKind::Reset, r.at, r.slot_bytes_after, r.epoch),
        Event::Reconnect(r) => (IncidentKind::Reconnect, r.at, 0, u64::from(r.attempts)),
        _ => return None,
    };
    Some(Incident { kind, at, code: 0, class: None, detail, count })
}
