//! What is known of a recording and its frames, as JSON: one object a line.

use crate::fault::FaultClass;
use crate::meta::{Extent, FrameStatus, Part};
use crate::recording::Recording;
use crate::recording::format::{Entry, Event, WallClock};
use serde_json::{Value, json};

/// What is known before the first frame.
pub fn recording(recording: &Recording) -> Value {
    let h = recording.header();
    json!({
        "recording": {
            "source": h.texts.source,
            "model": h.texts.model,
            "codes": h.texts.codes,
            "features": h.texts.features,
            "host": h.texts.host,
            "started_unix_ns": h.started.unix_ns,
            "started_host_ns": h.started.host.0,
            "frame_id_modulus": h.id_rule.modulus,
            "frame_id_skips_zero": h.id_rule.skips_zero,
        }
    })
}

/// What is known of frame `number`. Times are ns; `unix_ns` counts from 1970 in UTC.
pub fn frame(number: u64, entry: &Entry, clock: &WallClock) -> Value {
    let m = &entry.meta;
    let mut object = json!({
        "frame": number,
        "frame_id": m.frame_id,
        "sequence": m.sequence,
        "device_time_ns": m.device_time.0,
        "host_time_ns": m.host_time.0,
        "unix_ns": clock.unix_ns_of(m.host_time),
        "epoch": m.epoch,
        "status": match m.status {
            FrameStatus::Complete => "complete",
            FrameStatus::Incomplete => "incomplete",
        },
        "payload_bytes": entry.payload_bytes,
        "out_of_order": m.out_of_order,
        "lost_before": {
            "device": m.lost_before.device,
            "underrun": m.lost_before.underrun,
            "rejected": m.lost_before.rejected,
            "hops": entry.lost_by_hops,
            "not_written": entry.not_written,
        },
        "width": m.width,
        "height": m.height,
        "offset_x": m.offset_x,
        "offset_y": m.offset_y,
        "x_padding": m.x_padding,
        "pixel_format": m.pixel_format.to_string(),
    });
    let b = &entry.beside;
    let extent = |e: &Extent| json!({ "offset": e.offset, "bytes": e.bytes });
    if b.chunks.bytes > 0 {
        object["chunks"] = extent(&b.chunks);
    }
    if b.part_count > 0 {
        object["part_count"] = b.part_count.into();
        let part = |p: &Part| {
            json!({
                "extent": extent(&p.extent),
                "kind": p.kind,
                "source": p.source,
                "width": p.width,
                "height": p.height,
                "x_padding": p.x_padding,
                "pixel_format": p.pixel_format.to_string(),
            })
        };
        object["parts"] = b.parts().iter().map(part).collect();
    }
    object
}

/// What happened before a frame.
pub fn event(event: &Event, clock: &WallClock) -> Value {
    json!({
        "event": event.kind.name(),
        "before_frame": event.before_frame,
        "host_time_ns": event.host_time.0,
        "unix_ns": clock.unix_ns_of(event.host_time),
        "code": event.code,
        "class": event.class.map(FaultClass::name),
        "detail": event.detail,
        "count": event.count,
    })
}

/// A frame that could not be read and is not there.
pub fn left_out(number: u64, why: &str) -> Value {
    json!({ "left_out": number, "why": why })
}
