//! What is only ever set while a camera is stopped.

/// Features that decide how long a frame is, or how it travels. Some cameras let them be written while they
/// grab, and then send frames that are longer than their buffers, or that the host never completes.
const LOCKED: &[&str] = &[
    "Width",
    "Height",
    "PixelFormat",
    "PixelSize",
    "BinningHorizontal",
    "BinningVertical",
    "BinningSelector",
    "DecimationHorizontal",
    "DecimationVertical",
    "RegionSelector",
    "RegionMode",
    "RegionDestination",
    "ComponentSelector",
    "ComponentEnable",
    "ImageCompressionMode",
    "ChunkModeActive",
    "ChunkSelector",
    "ChunkEnable",
    "MultiPartActive",
    "UserSetLoad",
    "GevSCPSPacketSize",
];

/// Whether a feature is only ever set while the camera is stopped.
pub(super) fn is_locked(feature: &str) -> bool {
    LOCKED.contains(&feature)
}
