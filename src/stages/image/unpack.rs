//! Packed pixels to whole bytes.

use super::common::{
    Figures, UNKNOWN_FORMAT, check_sides, output_for, rows_of, some, unknown_format,
};
use super::kernel::{narrow, unpack_8, unpack_16, widen};
use crate::buffer::Frame;
use crate::error::Error;
use crate::format::{Geometry, Packing, PixelFormat};
use crate::stage::{Flow, OutputSpec, Stage, StageContext, StageError, StageResults};
use crate::stages::{Key, KeyType};
use std::sync::Arc;

/// Keys of `kind = "unpack"`.
pub const UNPACK_KEYS: &[Key] = &[Key {
    name: "to",
    value: KeyType::Choice(UnpackTo::NAMES),
    default: "\"same\"",
    about: "16 bits with the depth it had, 16 bits over the full range, or the upper 8 bits",
}];

/// What pixels are unpacked to. Mosaics keep their colours: of `BayerRG10p`, `Mono8` makes `BayerRG8`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum UnpackTo {
    /// The same depth, in 16 bits: `Mono12p` becomes `Mono12`.
    #[default]
    Same,
    /// The full range of 16 bits, by a shift to the left: `Mono12p` becomes `Mono16`.
    Mono16,
    /// The upper 8 bits: `Mono12p` and `Mono12` become `Mono8`.
    Mono8,
}

impl UnpackTo {
    /// The names, in the order of the words.
    pub const NAMES: &'static [&'static str] = &["same", "mono16", "mono8"];

    /// The one of that name.
    pub fn from_name(name: &str) -> Option<UnpackTo> {
        let all = [UnpackTo::Same, UnpackTo::Mono16, UnpackTo::Mono8];
        Self::NAMES.iter().position(|n| *n == name).map(|i| all[i])
    }
}

/// How pixels become others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Work {
    /// To 16 bits, shifted left by so many.
    Unpack16(Packing, u32),
    Unpack8(Packing),
    /// From so many bits in 16.
    Narrow(u32),
    Widen(u32),
}

impl Work {
    /// Bits of an input pixel.
    fn bits(self) -> usize {
        match self {
            Work::Unpack16(packing, _) | Work::Unpack8(packing) => packing.bits_per_pixel(),
            Work::Narrow(_) | Work::Widen(_) => 16,
        }
    }

    fn run(self, input: &[u8], output: &mut [u8]) {
        match self {
            Work::Unpack16(packing, shift) => {
                unpack_16(packing, input, output, shift);
            }
            Work::Unpack8(packing) => {
                unpack_8(packing, input, output);
            }
            Work::Narrow(depth) => narrow(input, output, depth),
            Work::Widen(depth) => widen(input, output, depth),
        }
    }
}

/// Unpacks `Mono10p`, `Mono12p`, their GigE Vision forms and those of the Bayer mosaics, and changes the depth of
/// what is already in 16 bits if asked to. Every other known format is passed on.
///
/// An image whose rows do not end on a byte is one string of bits, as PFNC has it.
#[derive(Debug, Default)]
pub struct Unpack {
    to: UnpackTo,
    figures: Arc<Figures>,
}

impl Unpack {
    /// Unpacks to `to`.
    pub fn new(to: UnpackTo) -> Unpack {
        Unpack { to, figures: Arc::default() }
    }

    /// What is to be done with pixels of that format, and what they are afterwards; `None`: nothing.
    fn plan(&self, format: PixelFormat) -> Result<Option<(Work, PixelFormat)>, StageError> {
        let depth = format.component_bits().ok_or(UNKNOWN_FORMAT)?;
        let wanted = match self.to {
            UnpackTo::Same => depth,
            UnpackTo::Mono16 => 16,
            UnpackTo::Mono8 => 8,
        };
        let Some(target) = format.unpacked_at(wanted) else { return Ok(None) };
        let work = match (format.packing(), wanted) {
            (Some(packing), 8) => Work::Unpack8(packing),
            (Some(packing), _) => Work::Unpack16(packing, wanted - depth),
            (None, _) if target == format || format.bits_per_pixel() != 16 => return Ok(None),
            (None, 8) => Work::Narrow(depth),
            (None, _) => Work::Widen(depth),
        };
        Ok(Some((work, target)))
    }

    fn make(&self, frame: &Frame, cx: &mut StageContext<'_>) -> Result<Flow, StageError> {
        let meta = frame.meta();
        let Some((work, pixel_format)) = self.plan(meta.pixel_format)? else {
            return Ok(Flow::Pass);
        };
        check_sides(meta)?;
        let geometry = Geometry { pixel_format, x_padding: 0, ..meta.geometry() };
        let (width, bits) = (meta.width as usize, work.bits());
        if !(width * bits).is_multiple_of(8) {
            let pixels = frame.payload().len() as u64 * 8 / bits as u64;
            let rows = some((pixels / u64::from(meta.width)).min(meta.height.into()) as usize)?;
            let mut out = output_for(cx, frame, geometry, rows)?;
            work.run(frame.payload(), out.payload_mut());
            return Ok(Flow::Replace(out.filled()));
        }
        let rows = rows_of(frame, width * bits / 8)?;
        let mut out = output_for(cx, frame, geometry, rows.len())?;
        match rows.contiguous() {
            Some(all) => work.run(all, out.payload_mut()),
            None => {
                let outs = out.payload_mut().chunks_exact_mut(geometry.stride_bytes() as usize);
                rows.iter().zip(outs).for_each(|(row, out)| work.run(row, out));
            }
        }
        Ok(Flow::Replace(out.filled()))
    }
}

impl Stage for Unpack {
    fn prepare(&mut self, input: &Geometry) -> Result<Geometry, Error> {
        let format = input.pixel_format;
        let planned = self.plan(format).map_err(|_| unknown_format())?;
        if let Some((_, pixel_format)) = planned {
            return Ok(Geometry { pixel_format, x_padding: 0, ..*input });
        }
        let to = UnpackTo::NAMES[self.to as usize];
        let kin: Vec<String> = [8, 16]
            .into_iter()
            .filter(|depth| format.component_bits() != Some(*depth))
            .filter(|depth| format.bits_per_pixel() == 16 && format.unpacked_at(*depth).is_some())
            .map(|depth| format!("to = \"mono{depth}\""))
            .collect();
        let other =
            if kin.is_empty() { String::new() } else { format!(", set {}", kin.join(" or ")) };
        Err(Error::config(format!(
            "{format} is not packed, and to = \"{to}\" would not change it; leave the stage out{other}, or set the camera to a packed format such as Mono12p"
        )))
    }

    /// # Real-time
    /// Stage-bound. No allocation, no lock, no system call; the speed of memory.
    fn process(
        &mut self,
        frame: &mut Frame,
        cx: &mut StageContext<'_>,
    ) -> Result<Flow, StageError> {
        let flow = self.make(frame, cx);
        self.figures.count(&flow);
        flow
    }

    fn output(&self, input_bytes: usize) -> Option<OutputSpec> {
        let payload_bytes = match self.to {
            UnpackTo::Mono8 => input_bytes,
            // Four pixels of 10 bits come in five bytes and take eight.
            _ => (input_bytes as u64 * 8).div_ceil(5) as usize + 1,
        };
        Some(OutputSpec { payload_bytes, slots: 1 })
    }

    fn results(&self) -> Option<Arc<dyn StageResults>> {
        Some(self.figures.clone())
    }
}
