//! Packed pixels to 16 or 8 bits, and one depth to another. 16-bit pixels are little-endian, as PFNC says.

use crate::format::Packing;
use crate::stages::cpu::{Kernel, dispatch};

/// Groups of four pixels that are taken in one go: they fill two vectors of 32 bytes.
const GROUPS: usize = 8;
/// Pixels that go by way of 16 bits in one go: whole groups of every packing.
const BLOCK: usize = 1024;

/// Unpacks to 16 bits, shifted left by `shift` (0: as they are; 16 less the depth: to the full range). As many
/// pixels as are whole in `input` and fit `output`; returns how many.
///
/// # Real-time
/// Any thread. No allocation, no lock; the speed of memory.
pub fn unpack_16(packing: Packing, input: &[u8], output: &mut [u8], shift: u32) -> usize {
    let pixels = packing.pixels_in(input.len()).min(output.len() / 2);
    let shift = shift.min(16 - packing.depth());
    dispatch(Unpack::<2> { packing, input, output: &mut output[..pixels * 2], shift });
    pixels
}

/// Unpacks to the upper 8 bits of each pixel. As many pixels as are whole in `input` and fit `output`; returns
/// how many.
///
/// # Real-time
/// Any thread. No allocation, no lock; the speed of memory.
pub fn unpack_8(packing: Packing, input: &[u8], output: &mut [u8]) -> usize {
    let pixels = packing.pixels_in(input.len()).min(output.len());
    let shift = packing.depth() - 8;
    dispatch(Unpack::<1> { packing, input, output: &mut output[..pixels], shift });
    pixels
}

/// Pixels of `depth` bits (8 to 16) in 16 to their upper 8 bits; bits above the depth are ignored. As many as
/// both slices hold.
///
/// # Real-time
/// Any thread. No allocation, no lock; the speed of memory.
pub fn narrow(input: &[u8], output: &mut [u8], depth: u32) {
    dispatch(Narrow { input, output, shift: depth.clamp(8, 16) - 8 });
}

/// Pixels of `depth` bits (8 to 16) in 16 to the full range, by a shift; bits above the depth are ignored. As
/// many as both slices hold.
///
/// # Real-time
/// Any thread. No allocation, no lock; the speed of memory.
pub fn widen(input: &[u8], output: &mut [u8], depth: u32) {
    dispatch(Widen { input, output, shift: 16 - depth.clamp(8, 16) });
}

struct Narrow<'a> {
    input: &'a [u8],
    output: &'a mut [u8],
    shift: u32,
}

impl Kernel for Narrow<'_> {
    type Out = ();
    #[inline(always)]
    fn run(self) {
        let (pixels, _) = self.input.as_chunks::<2>();
        for (out, pixel) in self.output.iter_mut().zip(pixels) {
            *out = (u16::from_le_bytes(*pixel) >> self.shift) as u8;
        }
    }
}

struct Widen<'a> {
    input: &'a [u8],
    output: &'a mut [u8],
    shift: u32,
}

impl Kernel for Widen<'_> {
    type Out = ();
    #[inline(always)]
    fn run(self) {
        let (pixels, _) = self.input.as_chunks::<2>();
        let (outs, _) = self.output.as_chunks_mut::<2>();
        for (out, pixel) in outs.iter_mut().zip(pixels) {
            *out = (u16::from_le_bytes(*pixel) << self.shift).to_le_bytes();
        }
    }
}

/// Every pixel of `output` is whole in `input`. `PUT`: bytes that a pixel becomes, 2 or 1.
struct Unpack<'a, const PUT: usize> {
    packing: Packing,
    input: &'a [u8],
    output: &'a mut [u8],
    shift: u32,
}

impl<const PUT: usize> Kernel for Unpack<'_, PUT> {
    type Out = ();
    #[inline(always)]
    fn run(self) {
        let Unpack { packing, mut input, output, shift } = self;
        if PUT == 2 {
            return unpack(packing, input, output, shift);
        }
        // By way of 16 bits that never leave the first cache.
        let mut wide = [0; 2 * BLOCK];
        for out in output.chunks_mut(BLOCK) {
            let wide = &mut wide[..2 * out.len()];
            unpack(packing, input, wide, 0);
            Narrow { input: wide, output: out, shift }.run();
            input = &input[packing.bytes_of(BLOCK).min(input.len())..];
        }
    }
}

#[inline(always)]
fn unpack(packing: Packing, input: &[u8], output: &mut [u8], shift: u32) {
    match packing {
        Packing::Lsb10 => groups::<5, 43>(input, output, |w| lsb10(w) << shift),
        Packing::Lsb12 => groups::<6, 50>(input, output, |w| lsb12(w) << shift),
        Packing::Gev10 => groups::<6, 50>(input, output, |w| gev10(w) << shift),
        Packing::Gev12 => groups::<6, 50>(input, output, |w| gev12(w) << shift),
    }
}

/// Takes groups of `FROM` bytes, four pixels each, to 8 bytes each. `WINDOW`: what `GROUPS` groups touch when a
/// whole word is read at each. No pixel reaches into its neighbour: depth and shift are 16 bits at most
/// together.
#[inline(always)]
fn groups<const FROM: usize, const WINDOW: usize>(
    mut input: &[u8],
    output: &mut [u8],
    four: impl Fn(u64) -> u64,
) {
    const { assert!(WINDOW == (GROUPS - 1) * FROM + 8) };
    let mut done = 0;
    for block in output.chunks_exact_mut(8 * GROUPS) {
        let Some(window) = input.first_chunk::<WINDOW>() else { break };
        let mut words = [0; GROUPS];
        for (k, word) in words.iter_mut().enumerate() {
            let mut bytes = [0; 8];
            bytes.copy_from_slice(&window[k * FROM..][..8]);
            *word = u64::from_le_bytes(bytes);
        }
        for (word, out) in words.into_iter().zip(block.as_chunks_mut::<8>().0) {
            *out = four(word).to_le_bytes();
        }
        input = &input[GROUPS * FROM..];
        done += 8 * GROUPS;
    }
    // The end, where a whole word would reach beyond the input, or the last group is cut.
    for out in output[done..].chunks_mut(8) {
        let taken = input.len().min(FROM);
        let mut bytes = [0; 8];
        bytes[..taken].copy_from_slice(&input[..taken]);
        out.copy_from_slice(&four(u64::from_le_bytes(bytes)).to_le_bytes()[..out.len()]);
        input = &input[taken..];
    }
}

// Each of these takes four pixels from the low bits of a word and puts one into each 16 bits. What lies above
// them in the word does not matter.

#[inline(always)]
fn lsb10(w: u64) -> u64 {
    let pairs = (w & 0x000F_FFFF) | ((w & 0xFF_FFF0_0000) << 12);
    (pairs & 0x0000_03FF_0000_03FF) | ((pairs & 0x000F_FC00_000F_FC00) << 6)
}

/// Two times 24 bits, each into 32.
#[inline(always)]
fn pairs_of_24(w: u64) -> u64 {
    (w & 0x00FF_FFFF) | ((w & 0xFFFF_FF00_0000) << 8)
}

#[inline(always)]
fn lsb12(w: u64) -> u64 {
    let pairs = pairs_of_24(w);
    (pairs & 0x0000_0FFF_0000_0FFF) | ((pairs & 0x00FF_F000_00FF_F000) << 4)
}

// The outer bytes are the upper eight bits of each pixel, the middle one holds the lower bits of both.

#[inline(always)]
fn gev10(w: u64) -> u64 {
    let pairs = pairs_of_24(w);
    ((pairs & 0x00FF_00FF_00FF_00FF) << 2)
        | ((pairs >> 8) & 0x0000_0003_0000_0003)
        | ((pairs & 0x0000_3000_0000_3000) << 4)
}

#[inline(always)]
fn gev12(w: u64) -> u64 {
    let pairs = pairs_of_24(w);
    ((pairs & 0x00FF_00FF_00FF_00FF) << 4)
        | ((pairs >> 8) & 0x0000_000F_0000_000F)
        | ((pairs & 0x0000_F000_0000_F000) << 4)
}
