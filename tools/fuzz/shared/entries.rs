//! Where bytes from outside come in: each function takes some, uses whatever can be used of them, and returns. A
//! panic, an abort or a hang is a fault; so is a refusal that is no sentence.
//!
//! The targets of libFuzzer call them, and so does a plain test (`tests/recording/mutated.rs`) with changed inputs of a
//! small corpus, so that nothing rots here.

use frameline::genapi::{Features, Port, PortError};
use frameline::media::{Import, Input, import as import_file};
use frameline::recording::format::{Closing, Entry, Event, Header, Texts};
use frameline::recording::{Recording, repair, verify};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// A refusal is one line that a person reads.
fn sentence(e: &dyn std::fmt::Display) {
    let text = e.to_string();
    assert!(!text.is_empty() && !text.contains('\n') && text.len() < 4000, "{text:?}");
}

/// Registers that are all one value, and forget what is written.
struct Registers(u8);

impl Port for Registers {
    fn read(&mut self, address: u64, into: &mut [u8]) -> Result<(), PortError> {
        if address > 1 << 40 {
            return Err(PortError { code: -1010, message: "there is nothing".into() });
        }
        into.fill(self.0);
        Ok(())
    }

    fn write(&mut self, _: u64, _: &[u8]) -> Result<(), PortError> {
        Ok(())
    }
}

/// A camera's description, as XML or zipped; every feature is read, set, and listed with its range.
pub fn genapi(bytes: &[u8]) {
    let mut features = match Features::parse(bytes) {
        Ok(features) => features,
        Err(e) => return sentence(&e),
    };
    let mut camera = Registers(bytes.last().copied().unwrap_or(0));
    let Ok(all) = features.list(&mut camera) else { return };
    // A description of ten thousand features has nothing that one of a hundred does not have.
    for f in all.iter().take(100) {
        let value = f.value.as_deref().unwrap_or("7");
        for text in [value, "-1", "9223372036854775807", "1e300", "execute"] {
            if let Err(e) = features.set(&mut camera, &f.name, text) {
                sentence(&e);
            }
        }
    }
}

/// A formula, as whole numbers and as they are, forwards and backwards.
pub fn formula(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let text: String = text
        .chars()
        .filter(|c| *c >= ' ')
        .map(|c| match c {
            '<' => "&lt;".into(),
            '&' => "&amp;".into(),
            c => c.to_string(),
        })
        .collect();
    let variables = "<pVariable Name=\"X\">V</pVariable><pVariable Name=\"Y.Max\">V</pVariable><Constant Name=\"C\">3</Constant><Expression Name=\"E\">X*C</Expression>";
    let xml = format!(
        "<RegisterDescription><Integer Name=\"V\"><Value>5</Value></Integer>\
         <IntSwissKnife Name=\"I\">{variables}<Formula>{text}</Formula></IntSwissKnife>\
         <SwissKnife Name=\"F\">{variables}<Formula>{text}</Formula></SwissKnife>\
         <Converter Name=\"K\">{variables}<FormulaTo>{text}</FormulaTo><FormulaFrom>TO</FormulaFrom><pValue>V</pValue></Converter>\
         </RegisterDescription>"
    );
    let mut features = match Features::parse(xml.as_bytes()) {
        Ok(features) => features,
        Err(e) => return sentence(&e),
    };
    let mut camera = Registers(0);
    for name in ["I", "F", "K"] {
        if let Err(e) = features.get(&mut camera, name) {
            sentence(&e);
        }
    }
    if let Err(e) = features.set(&mut camera, "K", "2") {
        sentence(&e);
    }
}

/// A recording: its blocks by themselves, then as a file that is opened, read, verified and repaired.
pub fn recording(bytes: &[u8]) {
    if let Ok(header) = Header::decode(bytes) {
        let _ = Entry::decode(bytes.get(..128).unwrap_or(bytes), &header.layout);
        let _ = Closing::decode(bytes, &header.layout);
    }
    let _ = Event::decode(bytes);
    let _ = Texts::decode(bytes);
    let place = Place::new();
    let path = place.file("a.flr", bytes);
    let recording = match Recording::open(&path) {
        Ok(recording) => recording,
        Err(e) => return sentence(&e),
    };
    let mut payload = Vec::new();
    for n in 0..recording.frames().min(200) {
        let _ = recording.read(n, &mut payload);
    }
    if let Err(e) = recording.events() {
        sentence(&e);
    }
    verify(&recording, |_| {});
    if let Err(e) = repair(&recording, &place.0.join("b.flr"), |_| true) {
        sentence(&e);
    }
}

/// Whatever others write: images, a NorPix sequence, else raw pixels.
pub fn import(bytes: &[u8]) {
    let place = Place::new();
    let path = place.file("in", bytes);
    let input = Input::of(&path).unwrap_or_else(|_| {
        let side = |k: usize| u32::from(bytes.get(k).copied().unwrap_or(8)) + 1;
        let format = frameline::format::PixelFormat::MONO8;
        Input::Raw(frameline::format::Geometry::new(side(0), side(1), format))
    });
    let what = Import { path, input, out: place.0.join("out.flr"), rate: None, format: None };
    // As many frames as an input may have cost nothing new.
    match import_file(&what, &mut |done, _| done < 50) {
        Ok(_) => assert!(Recording::open(&what.out).is_ok(), "what was imported is a recording"),
        Err(e) => {
            sentence(&e);
            assert!(!what.out.exists(), "a half file is left behind");
        }
    }
}

/// A folder of one run; gone afterwards.
struct Place(PathBuf);

impl Place {
    fn new() -> Place {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let n = NEXT.fetch_add(1, Ordering::Relaxed);
        let memory = Path::new("/dev/shm");
        let root = if memory.is_dir() { memory.into() } else { std::env::temp_dir() };
        let path = root.join(format!("frameline-fuzz-{}-{n}", std::process::id()));
        std::fs::create_dir_all(&path).expect("a folder in memory or for temporary files");
        Place(path)
    }

    fn file(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.0.join(name);
        std::fs::write(&path, bytes).expect("it can be written");
        path
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
