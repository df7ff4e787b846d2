//! What a payload holds beside its image: chunk data, in the entry; and the parts of one that has several, in a table
//! behind the valid bytes, at the next multiple of 8.
//!
//! ```text
//! 0  4  rows, 64 at most         4  4  CRC-32C of the rows        8  40 x rows
//!
//! a row:   0  8  offset in the payload       20  4  width
//!          8  8  bytes                       24  4  height
//!         16  2  kind (GenTL PARTDATATYPE)   28  4  x_padding
//!         18  2  source                      32  4  PFNC code    36  4  zeros
//! ```

use super::{EntryFault, checksum, get16, get32, get64, put16, put32, put64};
use crate::format::PixelFormat;
use crate::meta::{Beside, Extent, MAX_PARTS, Part};

/// What stands before the rows.
pub(crate) const HEAD_BYTES: usize = 8;
/// One row.
const ROW_BYTES: usize = 40;
/// Rows that a table may have; a later version may tell of more parts than this one does.
const MAX_ROWS: usize = 64;
/// The largest table.
pub(crate) const MAX_TABLE_BYTES: usize = HEAD_BYTES + MAX_ROWS * ROW_BYTES;

/// Where the table of a payload of so many bytes begins, from the payload's beginning.
pub(crate) fn table_offset(payload_bytes: u64) -> u64 {
    payload_bytes.saturating_add(7) / 8 * 8
}

/// The table of the parts that are told; empty where there are none.
pub(crate) fn encode(beside: &Beside) -> Vec<u8> {
    let parts = beside.parts();
    if parts.is_empty() {
        return Vec::new();
    }
    let mut b = vec![0; HEAD_BYTES + parts.len() * ROW_BYTES];
    for (row, p) in b[HEAD_BYTES..].chunks_exact_mut(ROW_BYTES).zip(parts) {
        put64(row, 0, p.extent.offset);
        put64(row, 8, p.extent.bytes);
        put16(row, 16, p.kind);
        put16(row, 18, p.source);
        for (i, v) in [p.width, p.height, p.x_padding, p.pixel_format.0].into_iter().enumerate() {
            put32(row, 20 + 4 * i, v);
        }
    }
    let crc = checksum(&b[HEAD_BYTES..]);
    put32(&mut b, 0, parts.len() as u32);
    put32(&mut b, 4, crc);
    b
}

/// Bytes of the table of a payload of so many parts, as this version writes it.
pub(crate) fn table_bytes(part_count: u32) -> u64 {
    match (part_count as usize).min(MAX_PARTS) {
        0 => 0,
        rows => (HEAD_BYTES + rows * ROW_BYTES) as u64,
    }
}

/// Reads the table into `beside`, whose number of parts the entry told; `b` is what the file has there.
pub(crate) fn decode(b: &[u8], beside: &mut Beside) -> Result<(), EntryFault> {
    if b.len() < HEAD_BYTES {
        return Err(EntryFault::Impossible("table of parts"));
    }
    let rows = get32(b, 0) as usize;
    let told = (beside.part_count as usize).min(MAX_PARTS);
    let table = match rows {
        rows if rows < told || rows > MAX_ROWS => None,
        rows => b.get(HEAD_BYTES..HEAD_BYTES + rows * ROW_BYTES),
    };
    let table = table.ok_or(EntryFault::Impossible("table of parts"))?;
    let (stored, computed) = (get32(b, 4), checksum(table));
    if stored != computed {
        return Err(EntryFault::Parts { stored, computed });
    }
    for (part, row) in beside.parts[..told].iter_mut().zip(table.chunks_exact(ROW_BYTES)) {
        *part = Part {
            extent: Extent { offset: get64(row, 0), bytes: get64(row, 8) },
            kind: get16(row, 16),
            source: get16(row, 18),
            width: get32(row, 20),
            height: get32(row, 24),
            x_padding: get32(row, 28),
            pixel_format: PixelFormat(get32(row, 32)),
        };
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn beside() -> Beside {
        let mut beside = Beside { part_count: 6, ..Beside::default() };
        for (i, part) in (1..).zip(&mut beside.parts) {
            *part = Part {
                extent: Extent { offset: i, bytes: 10 * i },
                kind: i as u16,
                source: 2,
                width: 3,
                height: 4,
                x_padding: 5,
                pixel_format: PixelFormat::MONO12,
            };
        }
        beside
    }

    fn told(part_count: u32) -> Beside {
        Beside { part_count, ..Beside::default() }
    }

    #[test]
    fn parts_come_back_and_more_than_are_told_are_counted() {
        // Catches two fields at one place, and a table whose room is not reckoned.
        let table = encode(&beside());
        assert_eq!(table.len() as u64, table_bytes(6));
        let mut read = told(6);
        decode(&table, &mut read).unwrap();
        assert_eq!(read, beside());
        assert_eq!((encode(&told(0)), table_bytes(0)), (Vec::new(), 0));
        let mut b = table.clone();
        b[HEAD_BYTES + 3] ^= 1;
        assert!(matches!(decode(&b, &mut told(6)), Err(EntryFault::Parts { .. })));
        b = table;
        put32(&mut b, 0, 3);
        assert!(decode(&b, &mut told(6)).is_err(), "fewer rows than parts");
    }

    proptest! {
        #[test]
        fn no_table_panics(b in prop::collection::vec(any::<u8>(), 0..400), rows in 0_u32..80, count in any::<u32>()) {
            // Catches a number of rows that is believed.
            let mut b = b;
            if b.len() >= HEAD_BYTES {
                put32(&mut b, 0, rows);
                let end = (HEAD_BYTES + rows as usize * ROW_BYTES).min(b.len());
                let crc = checksum(&b[HEAD_BYTES..end]);
                put32(&mut b, 4, crc);
            }
            let _ = decode(&b, &mut told(count));
        }
    }
}
