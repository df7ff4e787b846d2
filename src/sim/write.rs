//! How a finished frame gets into its buffer, and how the script spoils that.

use super::made::{Damage, Made};
use super::sheets::Sheet;
use super::source::Sim;

use crate::buffer::FrameMut;
use crate::meta::{FrameMeta, FrameStatus};
use crate::source::Grab;

/// What follows the image where the script says `long`.
const CHUNK_BYTE: u8 = 0xC5;

impl Sim {
    /// Writes a frame. `kept`: the buffer holds it but for the stamps.
    #[inline]
    pub(super) fn write(
        &self,
        made: &Made,
        sheet: &Sheet,
        frame: &mut FrameMut,
        kept: bool,
    ) -> Grab {
        let image = sheet.image_bytes;
        let part = match made.damage {
            Damage::Incomplete(fraction) => (image as f64 * fraction) as usize,
            _ => image,
        };
        if let Some(content) = &sheet.content {
            let buffer = frame.buffer_mut();
            let end = part.min(buffer.len());
            content.write(made.serial, &mut buffer[..end], kept);
        }
        let reported = match made.damage {
            Damage::None => image,
            damage => spoil(damage, image, part, frame),
        };
        frame.set_filled(reported);
        let incomplete = matches!(made.damage, Damage::Incomplete(_));
        *frame.meta_mut() = FrameMeta {
            frame_id: self.config.id_of(made.serial),
            device_time: self.pacer.device_time(made.due),
            status: if incomplete { FrameStatus::Incomplete } else { FrameStatus::Complete },
            ..sheet.meta
        };
        Grab::Filled { reported_bytes: reported as u64 }
    }
}

/// Does what the script wants done to a written frame; returns what is reported.
#[cold]
fn spoil(damage: Damage, image: usize, part: usize, frame: &mut FrameMut) -> usize {
    match damage {
        Damage::None => image,
        Damage::Incomplete(_) => part,
        Damage::Short(bytes) => image.saturating_sub(bytes as usize),
        Damage::Lie(bytes) => image + bytes as usize,
        Damage::Long(bytes) => {
            let end = image + bytes as usize;
            let buffer = frame.buffer_mut();
            let (from, to) = (image.min(buffer.len()), end.min(buffer.len()));
            buffer[from..to].fill(CHUNK_BYTE);
            end
        }
        Damage::Overrun(bytes) => {
            frame.write_past_end(bytes as usize);
            image
        }
    }
}
