//! As much of Protocol Buffers as one message and its description need.

/// A message that is being built: fields in the order in which they are added.
#[derive(Debug, Default)]
pub struct Message(pub Vec<u8>);

impl Message {
    fn varint(&mut self, mut v: u64) {
        while v >= 0x80 {
            self.0.push(v as u8 | 0x80);
            v >>= 7;
        }
        self.0.push(v as u8);
    }

    /// A whole number.
    pub fn number(mut self, field: u64, v: u64) -> Message {
        self.varint(field << 3);
        self.varint(v);
        self
    }

    /// A number of four bytes.
    pub fn fixed32(mut self, field: u64, v: u32) -> Message {
        self.varint(field << 3 | 5);
        self.0.extend_from_slice(&v.to_le_bytes());
        self
    }

    /// Bytes, a text, or a message.
    pub fn bytes(mut self, field: u64, v: impl AsRef<[u8]>) -> Message {
        self.varint(field << 3 | 2);
        self.varint(v.as_ref().len() as u64);
        self.0.extend_from_slice(v.as_ref());
        self
    }
}

// Types of fields, as descriptor.proto numbers them.
const STRING: u64 = 9;
const MESSAGE: u64 = 11;
const BYTES: u64 = 12;
const FIXED32: u64 = 7;
const INT64: u64 = 3;
const INT32: u64 = 5;

fn field(name: &str, number: u64, kind: u64, of: &str) -> Message {
    // Label 1: optional.
    let m = Message::default().bytes(1, name).number(3, number).number(4, 1).number(5, kind);
    if of.is_empty() { m } else { m.bytes(6, of) }
}

fn file(name: &str, package: &str, needs: &str, message: &str, fields: &[Message]) -> Message {
    let message = fields.iter().fold(Message::default().bytes(1, message), |m, f| m.bytes(2, &f.0));
    let mut file = Message::default().bytes(1, name).bytes(2, package);
    if !needs.is_empty() {
        file = file.bytes(3, needs);
    }
    file.bytes(4, message.0).bytes(12, "proto3")
}

/// The description of `foxglove.RawImage` and of what it refers to: a `FileDescriptorSet`.
pub fn raw_image_description() -> Vec<u8> {
    let time = file(
        "google/protobuf/timestamp.proto",
        "google.protobuf",
        "",
        "Timestamp",
        &[field("seconds", 1, INT64, ""), field("nanos", 2, INT32, "")],
    );
    let image = file(
        "foxglove/RawImage.proto",
        "foxglove",
        "google/protobuf/timestamp.proto",
        "RawImage",
        &[
            field("timestamp", 1, MESSAGE, ".google.protobuf.Timestamp"),
            field("frame_id", 7, STRING, ""),
            field("width", 2, FIXED32, ""),
            field("height", 3, FIXED32, ""),
            field("encoding", 4, STRING, ""),
            field("step", 5, FIXED32, ""),
            field("data", 6, BYTES, ""),
        ],
    );
    Message::default().bytes(1, time.0).bytes(1, image.0).0
}

/// A `foxglove.RawImage`.
pub fn raw_image(
    unix_ns: u64,
    frame_id: &str,
    size: (u32, u32, u32),
    encoding: &str,
    data: &[u8],
) -> Vec<u8> {
    let (width, height, step) = size;
    let (seconds, nanos) = (unix_ns / 1_000_000_000, unix_ns % 1_000_000_000);
    let time = Message::default().number(1, seconds).number(2, nanos);
    Message(Vec::with_capacity(data.len() + 128))
        .bytes(1, time.0)
        .fixed32(2, width)
        .fixed32(3, height)
        .bytes(4, encoding)
        .fixed32(5, step)
        .bytes(6, data)
        .bytes(7, frame_id)
        .0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_bytes_are_as_the_format_has_them() {
        // Catches a length of more than 127 that is cut, and a wrong wire type.
        let m = Message::default().number(1, 300).fixed32(2, 1).bytes(4, [7; 200]).0;
        assert_eq!(m[..3], [0x08, 0xAC, 0x02]);
        assert_eq!(m[3..8], [0x15, 1, 0, 0, 0]);
        assert_eq!(m[8..11], [0x22, 0xC8, 0x01]);
        assert_eq!(m.len(), 211);
    }
}
