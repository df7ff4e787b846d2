//! What a camera's description makes of its registers, without the camera: `features CAMERA.xml REGISTERS.bin
//! [NAME=VALUE]...` sets features in that order and lists all of them, one a line, with what became of each setting
//! before. The registers are a file that lies at address 0; it is not changed.
//!
//! `tools/checks/genapi.py` compares its output with the reference implementation's.

use frameline::feature::{Feature, FeatureRange};
use frameline::genapi::{Features, Port, PortError};

struct Memory(Vec<u8>);

impl Memory {
    fn at(&mut self, address: u64, length: usize) -> Result<&mut [u8], PortError> {
        let start = usize::try_from(address).unwrap_or(usize::MAX);
        let part = start.checked_add(length).and_then(|end| self.0.get_mut(start..end));
        let message = || format!("the file does not reach so far as {length} bytes from there");
        part.ok_or_else(|| PortError { code: -1, message: message() })
    }
}

impl Port for Memory {
    fn read(&mut self, address: u64, into: &mut [u8]) -> Result<(), PortError> {
        into.copy_from_slice(self.at(address, into.len())?);
        Ok(())
    }

    fn write(&mut self, address: u64, bytes: &[u8]) -> Result<(), PortError> {
        self.at(address, bytes.len())?.copy_from_slice(bytes);
        Ok(())
    }
}

fn line(f: &Feature) -> String {
    let range = match &f.range {
        FeatureRange::Integer { min, max, step } => format!("{min} {max} {step}"),
        FeatureRange::Float { min, max, .. } => format!("{min:?} {max:?}"),
        FeatureRange::Entries(entries) => entries.join(" "),
        FeatureRange::Length(_) | FeatureRange::Unknown => String::new(),
    };
    let value = f.value.as_deref().unwrap_or("-");
    [f.name.as_str(), f.kind.name(), f.access.name(), value, &range].join("\t")
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(xml), Some(registers)) = (arguments.next(), arguments.next()) else {
        return Err("usage: features CAMERA.xml REGISTERS.bin [NAME=VALUE]...".into());
    };
    let mut camera = Memory(std::fs::read(registers)?);
    let mut features = Features::parse(&std::fs::read(xml)?)?;
    for setting in arguments {
        let (name, value) = setting.split_once('=').ok_or("expected NAME=VALUE")?;
        match features.set(&mut camera, name, value) {
            Ok(()) => println!("set\t{setting}\tdone"),
            Err(e) => println!("set\t{setting}\t{e}"),
        }
    }
    for feature in features.list(&mut camera)? {
        println!("{}", line(&feature));
    }
    let bytes: String = camera.0.iter().map(|b| format!("{b:02x}")).collect();
    println!("registers\t{bytes}");
    Ok(())
}
