//! Where a camera keeps its description, and how it is fetched.

use super::limits::MAX_FILE_BYTES;
use super::{Cause, Port, Refused};
use std::path::PathBuf;

/// Bytes read from a port at once: what every transport can do.
const CHUNK_BYTES: usize = 512;

/// Where a description lies, by its URL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Location {
    /// In the device's registers.
    Device {
        /// The file's name, for messages.
        name: String,
        /// The first byte.
        address: u64,
        /// How many bytes there are.
        length: u64,
    },
    /// In a file of this machine.
    File(PathBuf),
}

impl Location {
    /// The place that `url` names: `Local:camera.xml;8001000;1A2B` (numbers are hexadecimal), or
    /// `File:///opt/camera.xml`, each with or without `?SchemaVersion=1.0.0`.
    pub fn parse(url: &str) -> Result<Location, Refused> {
        let shown = short(url);
        let wrong = |why: &str| {
            Refused::description(format!("the camera gives {shown:?} for its description: {why}"))
        };
        let url = url.trim_matches(|c: char| c.is_whitespace() || c == '\0');
        let url = url.split('?').next().unwrap_or_default();
        let (scheme, rest) = url.split_once(':').ok_or_else(|| wrong("that is no URL"))?;
        match scheme.to_ascii_lowercase().as_str() {
            "local" => {
                let parts: Vec<&str> = rest.trim_start_matches('/').split(';').collect();
                let [name, address, length] = parts[..] else {
                    return Err(wrong("a local one has a name, an address and a length"));
                };
                let number = |text: &str| {
                    let text = text.trim();
                    let digits = text.strip_prefix("0x").or(text.strip_prefix("0X"));
                    u64::from_str_radix(digits.unwrap_or(text), 16).ok()
                };
                let (Some(address), Some(length)) = (number(address), number(length)) else {
                    return Err(wrong("its address and length must be hexadecimal numbers"));
                };
                if length == 0 || address.checked_add(length).is_none() {
                    return Err(wrong("there is nothing at that address"));
                }
                if length > MAX_FILE_BYTES {
                    return Err(wrong("it is longer than 16 MiB, and is not read"));
                }
                Ok(Location::Device { name: name.into(), address, length })
            }
            "file" => {
                let path = rest.strip_prefix("//").unwrap_or(rest);
                let path = path.strip_prefix("localhost").unwrap_or(path);
                // A drive's letter needs no slash before it.
                let path = match path.as_bytes() {
                    [b'/', drive, b':' | b'|', ..] if drive.is_ascii_alphabetic() => &path[1..],
                    _ => path,
                };
                let path = unescaped(path).ok_or_else(|| wrong("its path is no text"))?;
                if path.is_empty() {
                    return Err(wrong("it names no file"));
                }
                Ok(Location::File(path.into()))
            }
            "http" | "https" | "ftp" => Err(wrong(
                "frameline fetches nothing from the network; ask the camera's maker for a firmware, or a producer, that has it",
            )),
            _ => Err(wrong("known are Local: and File:")),
        }
    }
}

/// The bytes of the description that lies at `url`, packed as it may be. Blocks while the device or the disk does.
pub fn xml_of(port: &mut dyn Port, url: &str) -> Result<Vec<u8>, Refused> {
    match Location::parse(url)? {
        Location::Device { name, address, length } => {
            let length = usize::try_from(length).unwrap_or(usize::MAX);
            let mut bytes = vec![0; length];
            let mut at = address;
            for chunk in bytes.chunks_mut(CHUNK_BYTES) {
                port.read(at, chunk).map_err(|e| Refused {
                    cause: Cause::Port,
                    sentence: format!(
                        "the camera's description {:?} could not be read from its registers at {at:#x}: {}",
                        short(&name),
                        e.message
                    ),
                    code: Some(e.code),
                })?;
                at += chunk.len() as u64;
            }
            Ok(bytes)
        }
        Location::File(path) => {
            let failed = |why: &dyn std::fmt::Display| {
                Refused::description(format!(
                    "the camera's description {} cannot be read: {why}",
                    path.display()
                ))
            };
            if path.is_relative() {
                return Err(failed(
                    &"its path is relative, and nothing is taken from the working directory",
                ));
            }
            // A device or a pipe would be read without end.
            let about = std::fs::metadata(&path).map_err(|e| failed(&e))?;
            if !about.is_file() || about.len() > MAX_FILE_BYTES {
                return Err(failed(&"it is no file of at most 16 MiB"));
            }
            let file = std::fs::File::open(&path).map_err(|e| failed(&e))?;
            let mut bytes = Vec::new();
            std::io::Read::read_to_end(&mut std::io::Read::take(file, MAX_FILE_BYTES), &mut bytes)
                .map_err(|e| failed(&e))?;
            Ok(bytes)
        }
    }
}

/// Enough of a text to know it again.
fn short(text: &str) -> String {
    text.chars().take(120).collect()
}

fn unescaped(path: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(path.len());
    let mut rest = path.as_bytes();
    while let [first, tail @ ..] = rest {
        rest = tail;
        if *first == b'%' {
            let (digits, tail) = rest.split_at_checked(2)?;
            let digits = std::str::from_utf8(digits).ok()?;
            bytes.push(u8::from_str_radix(digits, 16).ok()?);
            rest = tail;
        } else {
            bytes.push(*first);
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_that_cameras_give_are_understood() {
        // Catches a number taken as decimal, a question mark in the length, and a scheme in small letters.
        let device =
            |name: &str, address, length| Location::Device { name: name.into(), address, length };
        for (url, want) in [
            ("Local:SIDEV.xml;380;6214", device("SIDEV.xml", 0x380, 0x6214)),
            (
                "local:a.zip;0x8001000;1aB?SchemaVersion=1.0.0\0\0",
                device("a.zip", 0x800_1000, 0x1ab),
            ),
            ("Local:///a.xml; C0 ; 10", device("a.xml", 0xc0, 0x10)),
            (
                "File:///opt/my%20camera.xml?SchemaVersion=1.1.0",
                Location::File("/opt/my camera.xml".into()),
            ),
            ("file:///C:/a.xml", Location::File("C:/a.xml".into())),
            ("File:a.zip", Location::File("a.zip".into())),
        ] {
            assert_eq!(Location::parse(url).unwrap(), want, "{url}");
        }
    }

    #[test]
    fn others_are_a_sentence() {
        for url in [
            "",
            "a.xml",
            "Local:a.xml",
            "Local:a.xml;1",
            "Local:a;1;2;3",
            "Local:a;x;2",
            "Local:a;1;0",
            "Local:a;1;7fffffffffffffff",
            "Local:a;ffffffffffffffff;2",
            "File:",
            "File://",
            "File:%zz",
            "http://example.org/a.xml",
            "gopher:a",
        ] {
            let e = Location::parse(url).unwrap_err();
            assert!(e.to_string().starts_with("the camera gives \""), "{url}: {e}");
        }
        let long = format!("Local:{}", "a".repeat(100_000));
        assert!(Location::parse(&long).unwrap_err().to_string().len() < 400);
    }

    #[test]
    fn a_file_that_is_none_is_not_read() {
        struct Nothing;
        impl Port for Nothing {
            fn read(&mut self, _: u64, _: &mut [u8]) -> Result<(), super::super::PortError> {
                Err(super::super::PortError { code: -1010, message: "the cable is out".into() })
            }
            fn write(&mut self, _: u64, _: &[u8]) -> Result<(), super::super::PortError> {
                unreachable!()
            }
        }
        // Catches a process that reads a device file without end.
        for url in ["File:///dev/zero", "File:///dev", "File:///nowhere.xml"] {
            assert_eq!(xml_of(&mut Nothing, url).unwrap_err().cause(), Cause::Description, "{url}");
        }
        // Catches a description that whoever writes into the working directory can plant. (Tests run where the package is.)
        let e = xml_of(&mut Nothing, "File:tests/genapi/camera.xml").unwrap_err();
        assert!(e.to_string().contains("working directory"), "{e}");
        let e = xml_of(&mut Nothing, "Local:a.xml;100;10").unwrap_err();
        assert_eq!((e.cause(), e.code()), (Cause::Port, Some(-1010)));
        assert!(e.to_string().ends_with("at 0x100: the cable is out"), "{e}");
    }
}
