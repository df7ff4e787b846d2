//! The cameras' GenApi description, plain or in a zip file.

use crate::camera::{FORMATS, at};
use crate::config::CameraConfig;
use std::fmt::Write as _;

/// Bytes of a module's name, at the start of its registers.
pub const MODULE_ID_BYTES: usize = 64;

/// The description of a module of the host's side. Consumers were seen that open nothing without one.
pub const MODULE: &str = "<?xml version=\"1.0\" encoding=\"utf-8\"?>
<RegisterDescription ModelName=\"FakeGenTLModule\" VendorName=\"frameline\" ToolTip=\"A module of the producer\" StandardNameSpace=\"None\" SchemaMajorVersion=\"1\" SchemaMinorVersion=\"1\" SchemaSubMinorVersion=\"0\" MajorVersion=\"1\" MinorVersion=\"0\" SubMinorVersion=\"0\" ProductGuid=\"6E3D1F8A-52C4-4B0E-9C67-0D8A7F1B2C03\" VersionGuid=\"6E3D1F8A-52C4-4B0E-9C67-0D8A7F1B2C04\" xmlns=\"http://www.genicam.org/GenApi/Version_1_1\" xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" xsi:schemaLocation=\"http://www.genicam.org/GenApi/Version_1_1 http://www.genicam.org/GenApi/GenApiSchema_Version_1_1.xsd\">
<Category Name=\"Root\" NameSpace=\"Standard\"><pFeature>ModuleID</pFeature></Category>
<StringReg Name=\"ModuleID\"><Visibility>Beginner</Visibility><Address>0</Address><Length>64</Length><AccessMode>RO</AccessMode><pPort>Module</pPort></StringReg>
<Port Name=\"Module\"/>
</RegisterDescription>
";

/// The name of the description's file.
pub fn file_name(zipped: bool) -> &'static str {
    if zipped { "FakeGenTL.zip" } else { "FakeGenTL.xml" }
}

/// The file itself.
pub fn file(config: &CameraConfig, zipped: bool) -> Vec<u8> {
    let xml = xml(config).into_bytes();
    if zipped { zip("FakeGenTL.xml", &xml) } else { xml }
}

/// The least and the greatest value, each a number or the name of a node, and the step.
type Range<'a> = (&'a str, &'a str, u32);

fn bound(which: &str, value: &str) -> String {
    match value.starts_with(|c: char| c.is_ascii_digit()) {
        true => format!("<{which}>{value}</{which}>"),
        false => format!("<p{which}>{value}</p{which}>"),
    }
}

#[derive(Default)]
struct Xml {
    nodes: String,
    features: String,
}

impl Xml {
    fn register(&mut self, name: &str, at: u64, access: &str, invalidated_by: &str) {
        let invalidators: String = invalidated_by
            .split_whitespace()
            .map(|n| format!("<pInvalidator>{n}</pInvalidator>"))
            .collect();
        let _ = writeln!(
            self.nodes,
            "<IntReg Name=\"{name}Reg\"><Visibility>Invisible</Visibility><Address>{at:#X}</Address><Length>4</Length><AccessMode>{access}</AccessMode><pPort>Device</pPort><Cachable>NoCache</Cachable>{invalidators}<Sign>Unsigned</Sign><Endianess>LittleEndian</Endianess></IntReg>"
        );
    }

    fn feature(&mut self, name: &str) {
        let _ = write!(self.features, "<pFeature>{name}</pFeature>");
    }

    fn integer(&mut self, name: &str, at: u64, access: &str, range: Range<'_>, tip: &str) {
        self.feature(name);
        self.register(name, at, access, "");
        let (min, max, step) = range;
        let (min, max) = (bound("Min", min), bound("Max", max));
        let _ = writeln!(
            self.nodes,
            "<Integer Name=\"{name}\" NameSpace=\"Standard\"><ToolTip>{tip}</ToolTip><Visibility>Beginner</Visibility><pValue>{name}Reg</pValue>{min}{max}<Inc>{step}</Inc></Integer>"
        );
    }

    /// An integer that is no feature of the category.
    fn hidden(&mut self, name: &str, at: u64) {
        self.register(name, at, "RO", "");
        let _ = writeln!(
            self.nodes,
            "<Integer Name=\"{name}\"><Visibility>Invisible</Visibility><pValue>{name}Reg</pValue></Integer>"
        );
    }

    fn float(&mut self, name: &str, at: u64, range: (&str, &str), unit: &str) {
        self.feature(name);
        let (min, max) = range;
        let _ = writeln!(
            self.nodes,
            "<FloatReg Name=\"{name}Reg\"><Visibility>Invisible</Visibility><Address>{at:#X}</Address><Length>8</Length><AccessMode>RW</AccessMode><pPort>Device</pPort><Cachable>NoCache</Cachable><Endianess>LittleEndian</Endianess></FloatReg>\n\
             <Float Name=\"{name}\" NameSpace=\"Standard\"><Visibility>Beginner</Visibility><pValue>{name}Reg</pValue><Min>{min}</Min><Max>{max}</Max><Unit>{unit}</Unit></Float>"
        );
    }

    fn enumeration(&mut self, name: &str, at: u64, entries: &[(&str, u32)]) {
        self.feature(name);
        self.register(name, at, "RW", "");
        let entries: String = entries
            .iter()
            .map(|(entry, value)| {
                format!("<EnumEntry Name=\"{entry}\" NameSpace=\"Standard\"><Value>{value}</Value></EnumEntry>")
            })
            .collect();
        let _ = writeln!(
            self.nodes,
            "<Enumeration Name=\"{name}\" NameSpace=\"Standard\"><Visibility>Beginner</Visibility>{entries}<pValue>{name}Reg</pValue></Enumeration>"
        );
    }

    fn boolean(&mut self, name: &str, at: u64) {
        self.feature(name);
        self.register(name, at, "RW", "");
        let _ = writeln!(
            self.nodes,
            "<Boolean Name=\"{name}\" NameSpace=\"Standard\"><Visibility>Expert</Visibility><pValue>{name}Reg</pValue><OnValue>1</OnValue><OffValue>0</OffValue></Boolean>"
        );
    }

    fn command(&mut self, name: &str, at: u64) {
        self.feature(name);
        self.register(name, at, "WO", "");
        let _ = writeln!(
            self.nodes,
            "<Command Name=\"{name}\" NameSpace=\"Standard\"><Visibility>Beginner</Visibility><pValue>{name}Reg</pValue><CommandValue>1</CommandValue></Command>"
        );
    }

    fn text(&mut self, name: &str, at: u64, access: &str) {
        self.feature(name);
        let _ = writeln!(
            self.nodes,
            "<StringReg Name=\"{name}\" NameSpace=\"Standard\"><Visibility>Beginner</Visibility><Address>{at:#X}</Address><Length>32</Length><AccessMode>{access}</AccessMode><pPort>Device</pPort><Cachable>NoCache</Cachable></StringReg>"
        );
    }
}

fn xml(config: &CameraConfig) -> String {
    let mut x = Xml::default();
    x.text("DeviceVendorName", at::VENDOR, "RO");
    x.text("DeviceModelName", at::MODEL, "RO");
    x.text("DeviceSerialNumber", at::SERIAL, "RO");
    x.text("DeviceUserID", at::USER, "RW");
    let (width, height) = config.size;
    let (w, h) = (width.to_string(), height.to_string());
    x.integer("SensorWidth", at::SENSOR_WIDTH, "RO", (&w, &w, 1), "Columns of the sensor");
    x.integer("SensorHeight", at::SENSOR_HEIGHT, "RO", (&h, &h, 1), "Rows of the sensor");
    x.hidden("WidthLimit", at::WIDTH_MAX);
    x.hidden("HeightLimit", at::HEIGHT_MAX);
    x.hidden("OffsetXLimit", at::OFFSET_X_MAX);
    x.hidden("OffsetYLimit", at::OFFSET_Y_MAX);
    x.integer("WidthMax", at::SENSOR_WIDTH, "RO", (&w, &w, 1), "The largest width");
    x.integer("HeightMax", at::SENSOR_HEIGHT, "RO", (&h, &h, 1), "The largest height");
    x.integer("Width", at::WIDTH, "RW", ("16", "WidthLimit", 4), "Columns of the region");
    x.integer("Height", at::HEIGHT, "RW", ("16", "HeightLimit", 1), "Rows of the region");
    x.integer("OffsetX", at::OFFSET_X, "RW", ("0", "OffsetXLimit", 4), "First column");
    x.integer("OffsetY", at::OFFSET_Y, "RW", ("0", "OffsetYLimit", 2), "First row");
    x.enumeration("PixelFormat", at::PIXEL_FORMAT, &FORMATS);
    x.integer("PayloadSize", at::PAYLOAD_SIZE, "RO", ("0", "4294967295", 1), "Bytes of a frame");
    x.enumeration(
        "AcquisitionMode",
        at::ACQUISITION_MODE,
        &[("Continuous", 0), ("SingleFrame", 1)],
    );
    x.command("AcquisitionStart", at::ACQUISITION_START);
    x.command("AcquisitionStop", at::ACQUISITION_STOP);
    x.enumeration("TriggerMode", at::TRIGGER_MODE, &[("Off", 0), ("On", 1)]);
    x.enumeration("TriggerSource", at::TRIGGER_SOURCE, &[("Software", 0), ("Line0", 1)]);
    x.command("TriggerSoftware", at::TRIGGER_SOFTWARE);
    x.float("ExposureTime", at::EXPOSURE, ("10", "1000000"), "us");
    x.float("AcquisitionFrameRate", at::FRAME_RATE, ("0.001", "1000000"), "Hz");
    x.boolean("ChunkModeActive", at::CHUNK_MODE);
    x.boolean("MultiPartActive", at::MULTI_PART);
    x.integer("TLParamsLocked", at::LOCKED, "RW", ("0", "1", 1), "Set while a stream runs");
    format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n\
         <RegisterDescription ModelName=\"FakeGenTL\" VendorName=\"frameline\" ToolTip=\"A simulated camera\" StandardNameSpace=\"None\" SchemaMajorVersion=\"1\" SchemaMinorVersion=\"1\" SchemaSubMinorVersion=\"0\" MajorVersion=\"1\" MinorVersion=\"0\" SubMinorVersion=\"0\" ProductGuid=\"6E3D1F8A-52C4-4B0E-9C67-0D8A7F1B2C01\" VersionGuid=\"6E3D1F8A-52C4-4B0E-9C67-0D8A7F1B2C02\" xmlns=\"http://www.genicam.org/GenApi/Version_1_1\" xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" xsi:schemaLocation=\"http://www.genicam.org/GenApi/Version_1_1 http://www.genicam.org/GenApi/GenApiSchema_Version_1_1.xsd\">\n\
         <Category Name=\"Root\" NameSpace=\"Standard\"><pFeature>Camera</pFeature></Category>\n\
         <Category Name=\"Camera\" NameSpace=\"Custom\">{}</Category>\n\
         {}<Port Name=\"Device\" NameSpace=\"Standard\"><ToolTip>The camera's registers</ToolTip></Port>\n\
         </RegisterDescription>\n",
        x.features, x.nodes
    )
}

/// CRC-32 as in zip files.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8)
            .fold(crc ^ u32::from(*byte), |c, _| (c >> 1) ^ (0xEDB8_8320 & (c & 1).wrapping_neg()))
    })
}

/// A zip file of one stored (not deflated) file.
fn zip(name: &str, content: &[u8]) -> Vec<u8> {
    let size = (content.len() as u32).to_le_bytes();
    // Version needed, flags, method, time, date, then CRC, both sizes, the name's length and that of extras.
    let mut common = vec![20, 0, 0, 0, 0, 0, 0, 0, 0x21, 0x50];
    common.extend(crc32(content).to_le_bytes());
    common.extend([size, size].concat());
    common.extend([(name.len() as u16).to_le_bytes(), [0, 0]].concat());
    let mut out = [b"PK\x03\x04", &common[..], name.as_bytes(), content].concat();
    let directory_at = out.len() as u32;
    out.extend(b"PK\x01\x02\x14\x00");
    out.extend(&common);
    out.extend([0; 14]); // No comment, disk 0, no attributes, the file at 0.
    out.extend(name.as_bytes());
    let directory = out.len() as u32 - directory_at;
    out.extend(b"PK\x05\x06\x00\x00\x00\x00\x01\x00\x01\x00");
    out.extend([directory.to_le_bytes(), directory_at.to_le_bytes()].concat());
    out.extend([0, 0]);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_zip_file_is_one() {
        // Catches a checksum or a directory that other programs refuse.
        assert_eq!(crc32(b"123456789"), 0xCBF4_3926);
        let file = zip("a.xml", b"<a/>");
        assert_eq!(file.len(), 30 + 5 + 4 + 46 + 5 + 22);
    }
}
