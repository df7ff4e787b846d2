//! The camera's GenApi description, and the registers that it speaks of: what `MV_XML_GetGenICamXML` and
//! `MV_CC_ReadMemory` answer.
//!
//! Each node has a block of registers, little-endian, 8 bytes each but texts:
//!
//! ```text
//! 0x000 value (a text: 64 bytes) | 0x100 min | 0x108 max | 0x110 increment | 0x118 whether it is locked now
//! ```

use super::{Features, Node, Value};
use crate::codes::Code;
use std::fmt::Write as _;

/// Where the first node's block lies.
const FIRST: u64 = 0x1_0000;
const BLOCK: u64 = 0x200;
const MIN: u64 = 0x100;
const MAX: u64 = 0x108;
const INC: u64 = 0x110;
const LOCK: u64 = 0x118;
const TEXT_BYTES: usize = 64;

/// The categories, each with the node that it begins with.
const CATEGORIES: [(&str, &str); 6] = [
    ("DeviceControl", "DeviceVendorName"),
    ("ImageFormatControl", "SensorWidth"),
    ("AcquisitionControl", "AcquisitionMode"),
    ("AnalogControl", "Gain"),
    ("TransportLayerControl", "PayloadSize"),
    ("UserSetControl", "UserSetSelector"),
];

fn unit(name: &str) -> &'static str {
    match name {
        "ExposureTime" | "TriggerDelay" => "us",
        "AcquisitionFrameRate" | "ResultingFrameRate" => "Hz",
        "Gain" => "dB",
        "DeviceTemperature" => "C",
        _ => "",
    }
}

impl Features {
    /// The description, as XML.
    pub fn description(&self) -> String {
        let mut categories = String::new();
        let mut root = String::new();
        let mut nodes = String::new();
        for (n, node) in self.nodes.iter().enumerate() {
            if let Some((category, _)) = CATEGORIES.iter().find(|(_, first)| *first == node.name) {
                if !categories.is_empty() {
                    categories.push_str("</Category>\n");
                }
                let _ = write!(root, "<pFeature>{category}</pFeature>");
                let _ = write!(categories, "<Category Name=\"{category}\" NameSpace=\"Standard\">");
            }
            let _ = write!(categories, "<pFeature>{}</pFeature>", node.name);
            describe(node, FIRST + n as u64 * BLOCK, &mut nodes);
        }
        format!(
            "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n\
             <RegisterDescription ModelName=\"Simulated\" VendorName=\"frameline\" StandardNameSpace=\"GEV\" SchemaMajorVersion=\"1\" SchemaMinorVersion=\"1\" SchemaSubMinorVersion=\"0\" MajorVersion=\"1\" MinorVersion=\"0\" SubMinorVersion=\"0\" ProductGuid=\"5B1C1A0E-8A0D-4B63-9C55-2F7A30C0D101\" VersionGuid=\"5B1C1A0E-8A0D-4B63-9C55-2F7A30C0D102\" xmlns=\"http://www.genicam.org/GenApi/Version_1_1\">\n\
             <Category Name=\"Root\" NameSpace=\"Standard\">{root}</Category>\n\
             {categories}</Category>\n\
             {nodes}<Port Name=\"Device\" NameSpace=\"Standard\"/>\n\
             </RegisterDescription>\n"
        )
    }

    /// Reads registers of one block.
    pub fn read_memory(&self, address: u64, to: &mut [u8], streaming: bool) -> Result<(), Code> {
        let offset = address.checked_sub(FIRST).ok_or(Code::PARAMETER)?;
        let node = usize::try_from(offset / BLOCK).ok().and_then(|n| self.nodes.get(n));
        let block = self.block(node.ok_or(Code::PARAMETER)?, streaming);
        let from = (offset % BLOCK) as usize;
        let bytes = block.get(from..from.saturating_add(to.len())).ok_or(Code::PARAMETER)?;
        to.copy_from_slice(bytes);
        Ok(())
    }

    /// A node's registers.
    fn block(&self, node: &Node, streaming: bool) -> [u8; BLOCK as usize] {
        let mut block = [0; BLOCK as usize];
        let mut put =
            |at: u64, bytes: &[u8]| block[at as usize..][..bytes.len()].copy_from_slice(bytes);
        match &node.value {
            Value::Int { now, min, max, inc } => {
                for (at, n) in [(0, now), (MIN, min), (MAX, max), (INC, inc)] {
                    put(at, &n.to_le_bytes());
                }
            }
            Value::Float { now, min, max } => {
                for (at, n) in [(0, now), (MIN, min), (MAX, max)] {
                    put(at, &n.to_le_bytes());
                }
            }
            Value::Enum { now, .. } => put(0, &u64::from(*now).to_le_bytes()),
            Value::Bool(now) => put(0, &u64::from(*now).to_le_bytes()),
            Value::Text { now, .. } => put(0, &now.as_bytes()[..now.len().min(TEXT_BYTES)]),
            Value::Command => {}
        }
        put(LOCK, &u64::from(self.is_locked(node, streaming)).to_le_bytes());
        block
    }
}

/// Writes a node, and the registers that it stands on.
fn describe(node: &Node, at: u64, out: &mut String) {
    let name = node.name;
    let access = if node.writable { "RW" } else { "RO" };
    let register = |out: &mut String, kind: &str, suffix: &str, offset: u64, access: &str| {
        let sign = if kind == "IntReg" { "<Sign>Signed</Sign>" } else { "" };
        let _ = writeln!(
            out,
            "<{kind} Name=\"{name}{suffix}\"><Address>{:#x}</Address><Length>8</Length><AccessMode>{access}</AccessMode><pPort>Device</pPort><Cachable>NoCache</Cachable>{sign}<Endianess>LittleEndian</Endianess></{kind}>",
            at + offset
        );
    };
    let lock = format!("<pIsLocked>{name}Lock</pIsLocked>");
    register(out, "IntReg", "Lock", LOCK, "RO");
    let _ = match &node.value {
        Value::Int { .. } => {
            register(out, "IntReg", "Value", 0, access);
            register(out, "IntReg", "Min", MIN, "RO");
            register(out, "IntReg", "Max", MAX, "RO");
            register(out, "IntReg", "Inc", INC, "RO");
            writeln!(
                out,
                "<Integer Name=\"{name}\" NameSpace=\"Standard\">{lock}<pValue>{name}Value</pValue><pMin>{name}Min</pMin><pMax>{name}Max</pMax><pInc>{name}Inc</pInc></Integer>"
            )
        }
        Value::Float { .. } => {
            register(out, "FloatReg", "Value", 0, access);
            register(out, "FloatReg", "Min", MIN, "RO");
            register(out, "FloatReg", "Max", MAX, "RO");
            writeln!(
                out,
                "<Float Name=\"{name}\" NameSpace=\"Standard\">{lock}<pValue>{name}Value</pValue><pMin>{name}Min</pMin><pMax>{name}Max</pMax><Unit>{}</Unit></Float>",
                unit(name)
            )
        }
        Value::Enum { entries, .. } => {
            register(out, "IntReg", "Value", 0, access);
            let entries: String = entries
                .iter()
                .map(|(value, entry)| {
                    format!("<EnumEntry Name=\"{entry}\"><Value>{value}</Value></EnumEntry>")
                })
                .collect();
            writeln!(
                out,
                "<Enumeration Name=\"{name}\" NameSpace=\"Standard\">{lock}{entries}<pValue>{name}Value</pValue></Enumeration>"
            )
        }
        Value::Bool(_) => {
            register(out, "IntReg", "Value", 0, access);
            writeln!(
                out,
                "<Boolean Name=\"{name}\" NameSpace=\"Standard\">{lock}<pValue>{name}Value</pValue><OnValue>1</OnValue><OffValue>0</OffValue></Boolean>"
            )
        }
        Value::Text { .. } => writeln!(
            out,
            "<StringReg Name=\"{name}\" NameSpace=\"Standard\">{lock}<Address>{at:#x}</Address><Length>{TEXT_BYTES}</Length><AccessMode>{access}</AccessMode><pPort>Device</pPort><Cachable>NoCache</Cachable></StringReg>"
        ),
        Value::Command => {
            register(out, "IntReg", "Value", 0, "WO");
            writeln!(
                out,
                "<Command Name=\"{name}\" NameSpace=\"Standard\">{lock}<pValue>{name}Value</pValue><CommandValue>1</CommandValue></Command>"
            )
        }
    };
}
