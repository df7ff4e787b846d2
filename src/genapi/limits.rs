//! How much a camera's description may ask for. Each is far beyond what cameras were seen to need (the largest XML
//! files have about 6 MB and 10,000 nodes), and small enough that a broken or hostile one costs little.

/// Bytes of the XML, unpacked.
pub const MAX_XML_BYTES: u64 = 16 << 20;
/// Bytes of the XML as it lies in the camera or in a file, packed or not.
pub const MAX_FILE_BYTES: u64 = 16 << 20;
/// Elements, texts and comments of the XML.
pub const MAX_XML_NODES: u32 = 2_000_000;
/// How deep elements may lie in each other.
pub const MAX_XML_DEPTH: usize = 64;
/// Features, registers and other nodes, and names that nodes refer to.
pub const MAX_NODES: usize = 200_000;
/// How deep nodes may refer to each other.
pub const MAX_DEPTH: usize = 64;
/// Nodes visited by one call, or for one feature of a list.
pub const MAX_VISITS: u32 = 20_000;
/// Bytes of one register.
pub const MAX_REGISTER_BYTES: u64 = 64 << 10;
/// Bytes of registers that are kept while nothing is written.
pub const MAX_KEPT_BYTES: usize = 4 << 20;
