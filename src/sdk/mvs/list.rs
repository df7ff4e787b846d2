//! Every feature of a camera, by the description that the SDK has of it: for a list. They are set by the SDK's own calls.

use super::codes::{MV_E_SUPPORT, named};
use super::handle::{Code, Handle};
use crate::error::{Error, ErrorKind};
use crate::feature::Feature;
use crate::genapi::{Features, Port, PortError};

/// The camera's registers, through the SDK.
struct Registers<'a>(&'a Handle);

impl Port for Registers<'_> {
    fn read(&mut self, address: u64, into: &mut [u8]) -> Result<(), PortError> {
        self.0.read_memory(address, into).map_err(|code| PortError {
            code: i64::from(code),
            message: format!("MV_CC_ReadMemory answered {}", named(code)),
        })
    }

    fn write(&mut self, _: u64, _: &[u8]) -> Result<(), PortError> {
        let message = "a list writes nothing".into();
        Err(PortError { code: i64::from(MV_E_SUPPORT), message })
    }
}

/// All of them, as they are now. Blocks for an answer of the camera for each of their registers.
pub(super) fn features(handle: &Handle) -> Result<Vec<Feature>, Error> {
    // Asked first: a description without registers lists nothing but troubles.
    let symbols = [
        ("MV_XML_GetGenICamXML", handle.library().symbols.xml.is_some()),
        ("MV_CC_ReadMemory", handle.library().symbols.read_memory.is_some()),
    ];
    if let Some((lacking, _)) = symbols.iter().find(|(_, is_there)| !is_there) {
        return Err(Error::new(
            ErrorKind::Source,
            format!(
                "the features cannot be listed: the MVS library {} (version {}) has no {lacking}; install a newer SDK, or set features by the names that the MVS viewer shows",
                handle.library().path().display(),
                handle.library().version()
            ),
        ));
    }
    let xml = handle.description().map_err(|(call, code)| refused(call, code))?;
    Ok(Features::parse(&xml)?.list(&mut Registers(handle))?)
}

fn refused(call: &str, code: Code) -> Error {
    Error::new(
        ErrorKind::Source,
        format!(
            "the features cannot be listed: {call} answered {}; frameline explain tells what the code means",
            named(code)
        ),
    )
}
