//! Rows of an image in a slice of bytes.

/// The rows of an image that are whole in a slice: what an incomplete frame lacks is not among them.
#[derive(Debug, Clone, Copy)]
pub struct Rows<'a> {
    bytes: &'a [u8],
    row_bytes: usize,
    stride: usize,
    rows: usize,
}

impl<'a> Rows<'a> {
    /// At most `rows` rows of `row_bytes` bytes, `stride` bytes from one to the next; fewer if `bytes` is
    /// shorter. The last row needs no padding behind it. No rows where `row_bytes` is 0 or beyond `stride`.
    pub fn new(bytes: &'a [u8], row_bytes: usize, stride: usize, rows: usize) -> Rows<'a> {
        let whole = match bytes.len().checked_sub(row_bytes) {
            Some(rest) if (1..=stride).contains(&row_bytes) => rest / stride + 1,
            _ => 0,
        };
        Rows { bytes, row_bytes, stride, rows: rows.min(whole) }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.rows
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// Bytes of a row, without padding.
    pub fn row_bytes(&self) -> usize {
        self.row_bytes
    }

    /// Row `y`; empty beyond the last one.
    #[inline(always)]
    pub fn row(&self, y: usize) -> &'a [u8] {
        if y >= self.rows {
            return &[];
        }
        &self.bytes[y * self.stride..][..self.row_bytes]
    }

    /// All rows as one slice, if no padding lies between them.
    pub fn contiguous(&self) -> Option<&'a [u8]> {
        (self.stride == self.row_bytes || self.rows == 1)
            .then(|| &self.bytes[..self.rows * self.row_bytes])
    }

    /// One row after the other.
    pub fn iter(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let this = *self;
        (0..this.rows).map(move |y| this.row(y))
    }
}
