//! Numbers in registers: byte order, sign, and parts that the XML names by their bits.

use super::node::Bits;

/// The longest register that holds a whole number.
pub(super) const MAX_NUMBER_BYTES: usize = 8;

/// Where a part lies: its lowest bit and how many there are. Little-endian registers count from the lowest bit,
/// big-endian ones from the highest. Some cameras name the two ends the wrong way round.
pub(super) fn place(bits: Bits, length: usize, is_big: bool) -> Option<(u32, u32)> {
    let (low, high) = (bits.one.min(bits.other), bits.one.max(bits.other));
    let last = u16::try_from(length * 8).ok()?.checked_sub(1)?;
    if high > last {
        return None;
    }
    let (low, high) = if is_big { (last - high, last - low) } else { (low, high) };
    Some((u32::from(low), u32::from(high - low) + 1))
}

/// All bits of a register.
pub(super) fn whole(bytes: &[u8], is_big: bool) -> u64 {
    let add = |n: u64, b: &u8| (n << 8) | u64::from(*b);
    match is_big {
        true => bytes.iter().fold(0, add),
        false => bytes.iter().rev().fold(0, add),
    }
}

/// A register of those bits.
pub(super) fn bytes(bits: u64, length: usize, is_big: bool) -> Vec<u8> {
    let mut out = bits.to_le_bytes()[..length.min(MAX_NUMBER_BYTES)].to_vec();
    if is_big {
        out.reverse();
    }
    out
}

fn mask(count: u32) -> u64 {
    if count >= 64 { u64::MAX } else { (1 << count) - 1 }
}

/// The number that the part holds.
pub(super) fn extract(all: u64, low: u32, count: u32, is_signed: bool) -> i64 {
    let part = (all >> low) & mask(count);
    let is_negative = is_signed && count < 64 && part >> (count - 1) == 1;
    (if is_negative { part | !mask(count) } else { part }) as i64
}

/// The register with the part replaced.
pub(super) fn insert(all: u64, low: u32, count: u32, value: i64) -> u64 {
    let mask = mask(count) << low;
    (all & !mask) | (((value as u64) << low) & mask)
}

/// The smallest and the largest number of so many bits.
pub(super) fn limits(count: u32, is_signed: bool) -> (i64, i64) {
    match (count, is_signed) {
        (64.., true) => (i64::MIN, i64::MAX),
        // Numbers are signed ones of 64 bits everywhere; the reference says the same.
        (63.., false) => (0, i64::MAX),
        (_, true) => (-(1 << (count - 1)), (1 << (count - 1)) - 1),
        (_, false) => (0, (1 << count) - 1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_where_the_reference_has_them() {
        // Catches bits counted from the wrong end; the figures are the reference implementation's.
        let part = |bytes: &[u8], one, other, is_big, is_signed| {
            let (low, count) = place(Bits { one, other }, bytes.len(), is_big).unwrap();
            extract(whole(bytes, is_big), low, count, is_signed)
        };
        let bytes = [0xa5, 0, 0, 0xc3];
        assert_eq!(part(&bytes, 4, 7, false, false), 10);
        assert_eq!(part(&bytes, 7, 4, false, true), -6);
        assert_eq!(part(&bytes, 31, 28, true, false), 3);
        assert_eq!(part(&bytes, 0, 0, true, false), 1);
        assert_eq!(part(&bytes, 5, 5, false, false), 1);
        assert_eq!(part(&[0xfe, 0xff, 0xff, 0xff], 0, 31, false, true), -2);
        assert_eq!(part(&[1, 2, 3], 0, 23, true, false), 0x010203);
        assert_eq!(place(Bits { one: 4, other: 32 }, 4, false), None);
        assert_eq!(place(Bits { one: 0, other: 0 }, 0, true), None);
    }

    #[test]
    fn what_is_inserted_is_extracted_and_nothing_else_changes() {
        for (low, count) in [(0, 1), (0, 64), (63, 1), (4, 4), (1, 62), (0, 63)] {
            for is_signed in [false, true] {
                let (min, max) = limits(count, is_signed);
                for value in [min, max, 0, max / 3] {
                    for before in [0, u64::MAX, 0x0123_4567_89ab_cdef] {
                        let after = insert(before, low, count, value);
                        assert_eq!(extract(after, low, count, is_signed), value, "{low} {count}");
                        assert_eq!((before ^ after) & !(mask(count) << low), 0);
                    }
                }
            }
        }
        for is_big in [false, true] {
            assert_eq!(whole(&bytes(0x0102_0304, 4, is_big), is_big), 0x0102_0304);
        }
    }
}
