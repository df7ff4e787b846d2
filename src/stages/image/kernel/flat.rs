//! A pixel against what a reference says of its place: gain and offset, or a difference. All saturate; 16-bit
//! pixels are little-endian.
//!
//! Each works on as many values as all of its slices hold. A value is a component: a pixel of `RGB8` has three.

use crate::stages::cpu::{Kernel, dispatch};

/// Fraction bits of a gain: 4096 is 1.
pub const GAIN_BITS: u32 = 12;

/// `(value - dark) * gain / 4096`, rounded, within 0 and 255.
///
/// # Real-time
/// Any thread. No allocation, no lock.
pub fn flat_8(input: &[u8], dark: &[u8], gain: &[u16], output: &mut [u8]) {
    dispatch(Flat8 { input, dark, gain, output });
}

/// `(value - dark) * gain / 4096`, rounded, within 0 and `max`.
///
/// # Real-time
/// Any thread. No allocation, no lock.
pub fn flat_16(input: &[u8], dark: &[u16], gain: &[u16], max: u16, output: &mut [u8]) {
    dispatch(Flat16 { input, dark, gain, max, output });
}

/// The distance from the background.
///
/// # Real-time
/// Any thread. No allocation, no lock.
pub fn absolute_8(input: &[u8], background: &[u8], output: &mut [u8]) {
    dispatch(Pairs8 { input, background, output, f: |a: u8, b: u8| a.abs_diff(b) });
}

/// `level + value - background`, within 0 and 255.
///
/// # Real-time
/// Any thread. No allocation, no lock.
pub fn signed_8(input: &[u8], background: &[u8], level: u8, output: &mut [u8]) {
    let f = move |a: u8, b: u8| {
        let d = i16::from(level) + i16::from(a) - i16::from(b);
        d.clamp(0, 255) as u8
    };
    dispatch(Pairs8 { input, background, output, f });
}

/// The distance from the background, `max` at most.
///
/// # Real-time
/// Any thread. No allocation, no lock.
pub fn absolute_16(input: &[u8], background: &[u16], max: u16, output: &mut [u8]) {
    let f = move |a: u16, b: u16| a.abs_diff(b).min(max);
    dispatch(Pairs16 { input, background, output, f });
}

/// `level + value - background`, within 0 and `max`.
///
/// # Real-time
/// Any thread. No allocation, no lock.
pub fn signed_16(input: &[u8], background: &[u16], level: u16, max: u16, output: &mut [u8]) {
    let f = move |a: u16, b: u16| {
        let d = i32::from(level) + i32::from(a) - i32::from(b);
        d.clamp(0, i32::from(max)) as u16
    };
    dispatch(Pairs16 { input, background, output, f });
}

struct Flat8<'a> {
    input: &'a [u8],
    dark: &'a [u8],
    gain: &'a [u16],
    output: &'a mut [u8],
}

impl Kernel for Flat8<'_> {
    type Out = ();
    #[inline(always)]
    fn run(self) {
        let Flat8 { input, dark, gain, output } = self;
        for (((out, v), d), g) in output.iter_mut().zip(input).zip(dark).zip(gain) {
            // 13 bits times 16 bits, of which the upper 16 stay: one instruction for a whole vector. It leaves
            // one bit of fraction, by which is rounded.
            let v = u16::from(v.saturating_sub(*d)) << 5;
            let doubled = ((u32::from(v) * u32::from(*g)) >> 16) as u16;
            *out = doubled.div_ceil(2).min(255) as u8;
        }
    }
}

struct Flat16<'a> {
    input: &'a [u8],
    dark: &'a [u16],
    gain: &'a [u16],
    max: u16,
    output: &'a mut [u8],
}

impl Kernel for Flat16<'_> {
    type Out = ();
    #[inline(always)]
    fn run(self) {
        let Flat16 { input, dark, gain, max, output } = self;
        let (values, _) = input.as_chunks::<2>();
        let (outs, _) = output.as_chunks_mut::<2>();
        for (((out, v), d), g) in outs.iter_mut().zip(values).zip(dark).zip(gain) {
            let v = u32::from(u16::from_le_bytes(*v).saturating_sub(*d));
            // 65535 * 65535 + 2048 is below 2^32.
            let corrected = (v * u32::from(*g) + (1 << (GAIN_BITS - 1))) >> GAIN_BITS;
            *out = (corrected.min(u32::from(max)) as u16).to_le_bytes();
        }
    }
}

struct Pairs8<'a, F> {
    input: &'a [u8],
    background: &'a [u8],
    output: &'a mut [u8],
    f: F,
}

impl<F: Fn(u8, u8) -> u8> Kernel for Pairs8<'_, F> {
    type Out = ();
    #[inline(always)]
    fn run(self) {
        for ((out, v), b) in self.output.iter_mut().zip(self.input).zip(self.background) {
            *out = (self.f)(*v, *b);
        }
    }
}

struct Pairs16<'a, F> {
    input: &'a [u8],
    background: &'a [u16],
    output: &'a mut [u8],
    f: F,
}

impl<F: Fn(u16, u16) -> u16> Kernel for Pairs16<'_, F> {
    type Out = ();
    #[inline(always)]
    fn run(self) {
        let (values, _) = self.input.as_chunks::<2>();
        let (outs, _) = self.output.as_chunks_mut::<2>();
        for ((out, v), b) in outs.iter_mut().zip(values).zip(self.background) {
            *out = (self.f)(u16::from_le_bytes(*v), *b).to_le_bytes();
        }
    }
}
