//! The camera takes its frames: whatever is due by now goes into the stream's buffers, with its faults.

use crate::camera::{Outage, State};
use crate::clock::{Nanos, millis};
use crate::codes::{STREAM_LIST_EMPTY, STREAM_OVERFLOW};
use crate::config::Kind;
use crate::script::FrameAction;
use crate::session::{Post, Session};
use crate::stream::Meta;

/// While the packet size is not what it was at the start, one frame in so many arrives, damaged.
const RARE: u64 = 25;
/// Bytes of a packet that are not image: IP, UDP and GVSP headers.
const PACKET_OVERHEAD: usize = 36;

impl State {
    /// Everything that happens up to this time.
    pub fn pump(&mut self, now: Nanos) {
        while let Some(due) = self.due().filter(|due| *due <= now) {
            self.settle(due);
            self.emit(due);
        }
        self.settle(now);
    }

    fn due(&self) -> Option<Nanos> {
        self.owner.and_then(|id| self.sessions.get(&id)?.stream.as_ref()?.next_due)
    }

    fn emit(&mut self, at: Nanos) {
        // The session steps aside, so that camera and session can both change.
        let Some(id) = self.owner else { return };
        let Some(mut session) = self.sessions.remove(&id) else { return };
        let left = self.frame(&mut session, at);
        self.changed = true;
        self.sessions.insert(id, session);
        if let Some(outage) = left {
            self.leave(outage);
        }
    }

    /// One frame is due; what makes the camera leave is returned.
    fn frame(&mut self, session: &mut Session, at: Nanos) -> Option<Outage> {
        if session.loss.is_some() {
            session.stream.as_mut()?.next_due = None;
            return None;
        }
        let actions = self.faults.of(self.serial);
        let calls_back = session.calls_back();
        let stream = session.stream.as_mut()?;
        let wait = actions
            .iter()
            .find_map(|a| if let FrameAction::Timeout(n) = a { Some(*n) } else { None });
        if let Some(count) = wait {
            self.faults.done(FrameAction::Timeout(count));
            if calls_back {
                stream.next_due = Some(at + u64::from(count) * self.features.period_nanos());
            } else {
                stream.silent = count;
                stream.next_due = None;
            }
            return None;
        }
        for action in &actions {
            if let Some(outage) = outage(*action, at) {
                self.faults.done(*action);
                return Some(outage);
            }
        }
        let serial = self.serial;
        self.serial += 1;
        self.block = match self.config.kind {
            Kind::Gige if self.block >= 65_535 => 1,
            _ => self.block.wrapping_add(1),
        };
        for action in &actions {
            match *action {
                FrameAction::Burst(count) => self.faults.burst_left = count,
                FrameAction::Lose(count) => self.faults.lose_left = count,
                FrameAction::Drift { width, height, format }
                | FrameAction::Resize { width, height, format } => {
                    self.features.force_region(width, height, format);
                }
                FrameAction::Packet(bytes) => self.features.force_packet_size(bytes),
                FrameAction::Exception(code) => session.posts.push_back(Post::Exception(code)),
                FrameAction::Stream(code) => session.posts.push_back(Post::Stream(code)),
                _ => {}
            }
        }
        stream.next_due = if self.faults.burst_left > 1 {
            Some(at)
        } else if self.features.triggered() {
            stream.triggers.pop_front()
        } else {
            Some(at + self.features.period_nanos())
        };
        self.faults.burst_left = self.faults.burst_left.saturating_sub(1);
        if self.features.enumeration("AcquisitionMode") == 0 {
            stream.acquiring = false;
            stream.next_due = None;
        }
        if self.faults.lose_left > 0 || !self.present() {
            self.faults.lose_left = self.faults.lose_left.saturating_sub(1);
            session.stats.lost_frames += 1;
            return None;
        }
        self.receive(session, at, serial, &actions);
        None
    }

    /// A frame reaches the host: into a buffer with it, if there is one.
    fn receive(&self, session: &mut Session, at: Nanos, serial: u64, actions: &[FrameAction]) {
        let Some(stream) = session.stream.as_mut() else { return };
        let image = self.features.payload();
        session.stats.bytes += image as i64;
        if actions.iter().any(|a| matches!(a, FrameAction::Resize { .. })) {
            stream.payload = image;
        }
        let mut lost = 0;
        if stream.packet != self.features.int("GevSCPSPacketSize") {
            if !serial.is_multiple_of(RARE) {
                return;
            }
            lost = 40 + (serial % 91) as usize;
        }
        let whole = self.packet_payload(stream.packet);
        let packets = image.div_ceil(whole);
        for action in actions {
            if let FrameAction::Incomplete(fraction) = action {
                lost = (packets as f64 * (1.0 - fraction)).ceil().max(1.0) as usize;
            }
        }
        let lost = lost.min(packets);
        let first = (packets - lost).div_ceil(2);
        let hole = (first * whole).min(image)..((first + lost) * whole).min(image);
        let extra = actions
            .iter()
            .find_map(|a| if let FrameAction::Long(n) = a { Some(*n as usize) } else { None })
            .unwrap_or(0);
        let needed = image.max(stream.payload) + extra;
        if image > stream.payload {
            if self.config.kind == Kind::Usb {
                session.stats.dropped += 1;
                session.posts.push_back(Post::Stream(STREAM_OVERFLOW));
            }
            return;
        }
        let copies = 1 + usize::from(actions.contains(&FrameAction::Duplicate));
        for _ in 0..copies {
            let Some(slot) = stream.room() else {
                session.stats.dropped += 1;
                session.posts.push_back(Post::Stream(STREAM_LIST_EMPTY));
                return;
            };
            if !stream.fits(slot, needed) {
                session.stats.dropped += 1;
                session.posts.push_back(Post::Stream(STREAM_OVERFLOW));
                return;
            }
            let meta = self.described(stream.payload, lost, at, serial, actions);
            session.stats.lost_packets += lost as i64;
            let meta = Meta { trigger: stream.trigger_count, filled: needed, ..meta };
            stream.fill(slot, meta, image, hole.clone(), extra);
            if let (crate::memory::Memory::Theirs { at, len, .. }, true) =
                (&stream.slots[slot].memory, meta.overrun > 0)
            {
                // SAFETY: not sound, and meant so: the script asks for what a faulty SDK does. Whoever runs it keeps
                // writable memory behind the buffer.
                unsafe { std::ptr::write_bytes((at + len) as *mut u8, 0xEE, meta.overrun as usize) }
            }
            if actions.contains(&FrameAction::Reorder) && stream.overtaken.is_none() {
                stream.overtaken = Some(slot);
                continue;
            }
            stream.queue.push_back(slot);
            if actions.contains(&FrameAction::Double) {
                stream.queue.push_back(slot);
            }
            if let Some(late) = stream.overtaken.take() {
                stream.queue.push_back(late);
            }
        }
        session.stats.frames += 1;
    }

    /// Bytes of the image in one packet.
    fn packet_payload(&self, packet: i64) -> usize {
        match self.config.kind {
            Kind::Gige => packet as usize - PACKET_OVERHEAD,
            Kind::Usb => 1 << 14,
        }
    }

    /// What is said of a frame.
    fn described(
        &self,
        payload: usize,
        lost: usize,
        at: Nanos,
        serial: u64,
        actions: &[FrameAction],
    ) -> Meta {
        let (width, height) = self.features.region();
        let mut meta = Meta {
            frame_num: match self.config.kind {
                Kind::Gige => self.block,
                Kind::Usb => self.block.wrapping_sub(1),
            },
            serial,
            at,
            width,
            height,
            offset: (self.features.int("OffsetX") as u32, self.features.int("OffsetY") as u32),
            pixel: self.features.format().code,
            // The length is that of the start, whatever the region became since.
            reported: payload,
            lost_packets: lost as u32 + u32::from(self.config.trailer),
            exposure: self.features.float("ExposureTime") as f32,
            gain: self.features.float("Gain") as f32,
            ..Meta::default()
        };
        for action in actions {
            match *action {
                FrameAction::Short(bytes) => {
                    meta.reported = meta.reported.saturating_sub(bytes as usize);
                }
                FrameAction::Long(bytes) | FrameAction::Lie(bytes) => {
                    meta.reported += bytes as usize;
                }
                FrameAction::Overrun(bytes) => meta.overrun = bytes,
                FrameAction::Stall(ms) => meta.stall_ms = ms,
                FrameAction::Fail(code) => meta.fail = Some(code),
                _ => {}
            }
        }
        meta
    }
}

/// What takes the camera away at this time, if the action does.
fn outage(action: FrameAction, since: Nanos) -> Option<Outage> {
    match action {
        FrameAction::Disconnect { millis: ms, new_handle } => {
            Some(Outage { since, back: Some(since + millis(ms.into())), cable: false, new_handle })
        }
        FrameAction::Glitch(ms) => Some(Outage {
            since,
            back: Some(since + millis(ms.into())),
            cable: true,
            new_handle: false,
        }),
        _ => None,
    }
}
