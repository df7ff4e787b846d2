//! Descriptions that nobody here wrote, where they are at hand: `tools/test genapi` fetches them into
//! `target/genapi`. Without them the tests say so and pass.

use crate::memory::Memory;
use frameline::genapi::Features;
use std::path::PathBuf;

/// The description of that name, if it was fetched.
pub fn description(name: &str) -> Option<Vec<u8>> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("target/genapi").join(name);
    match std::fs::read(&path) {
        Ok(bytes) => Some(bytes),
        Err(_) => {
            eprintln!("SKIPPED: there is no {}; tools/test genapi fetches it", path.display());
            None
        }
    }
}

#[test]
fn the_gentl_simulators_camera_is_understood() {
    let Some(xml) = description("tlsimu.xml") else { return };
    let mut camera = Memory::default();
    camera.set(0x0, b"STEMMER IMAGING");
    camera.set(0x104, &512u32.to_le_bytes());
    camera.set(0x108, &512u32.to_le_bytes());
    camera.set(0x10c, &17301505u32.to_le_bytes());
    camera.set(0x114, &262144u32.to_le_bytes());
    let mut features = Features::parse(&xml).unwrap();
    let all = features.list(&mut camera).unwrap();
    let troubled: Vec<_> = all.iter().filter(|f| f.trouble.is_some()).collect();
    assert!(troubled.is_empty(), "{troubled:?}");
    assert!(all.len() > 15, "{}", all.len());
    assert_eq!(
        features.range(&mut camera, "Width").unwrap().to_string(),
        "8 to 4096 in steps of 4"
    );
    assert_eq!(features.get_integer(&mut camera, "PayloadSize"), Ok(262144));
    features.set(&mut camera, "PixelFormat", "Mono16").unwrap();
    features.set(&mut camera, "TLParamsLocked", "1").unwrap();
    let e = features.set(&mut camera, "Width", "640").unwrap_err().to_string();
    assert!(e.contains("locked"), "{e}");
    features.set(&mut camera, "TLParamsLocked", "0").unwrap();
    features.set(&mut camera, "Width", "640").unwrap();
    features.execute(&mut camera, "AcquisitionStart").unwrap();
    assert_eq!((camera.bytes[&0x100], camera.bytes[&0x104], camera.bytes[&0x105]), (1, 0x80, 2));
}

#[test]
fn the_gige_simulators_camera_is_understood() {
    let Some(xml) = description("arv-fake-camera.xml") else { return };
    let mut camera = Memory::default();
    camera.set(0x118, &2048u32.to_be_bytes());
    camera.set(0x11c, &2048u32.to_be_bytes());
    camera.set(0x100, &512u32.to_be_bytes());
    camera.set(0x104, &512u32.to_be_bytes());
    camera.set(0x128, &0x0108_0001u32.to_be_bytes());
    let mut features = Features::parse(&xml).unwrap();
    let all = features.list(&mut camera).unwrap();
    assert!(all.len() > 20, "{}", all.len());
    let of = |name: &str| all.iter().find(|f| f.name == name).unwrap_or_else(|| panic!("{name}"));
    assert_eq!(of("Width").range.to_string(), "1 to 2048");
    assert_eq!(of("PixelFormat").value.as_deref(), Some("Mono8"));
    features.set(&mut camera, "Width", "1024").unwrap();
    assert_eq!(camera.bytes[&0x102], 4);
    let e = features.set(&mut camera, "Width", "4096").unwrap_err().to_string();
    assert_eq!(e, "Width cannot be 4096; it can be 1 to 2048, and is 1024");
}
