//! Where bytes from outside come in: each function takes some, uses whatever can be used of them, and returns. A
//! panic, an abort or a hang is a fault; so is a refusal that is no sentence.
//!
//! The targets of libFuzzer call them, and so does a plain test (`tests/recording/mutated.rs`) with changed inputs of a
//! small corpus, so that nothing rots here.

use frameline::genapi::{Features, Port, PortError};
#[cfg(feature = "media")]
use frameline::media::{Import, Input, import as import_file};
use frameline::recording::format::{
    CLOSING_BYTES, CLOSING_OFFSET, COMMIT, Closing, ENTRY_BYTES, EVENT_BYTES, Entry, Event,
    FIXED_BYTES, HEADER_BYTES, Header, Layout, TEXTS_BYTES, TEXTS_OFFSET, Texts, checksum,
};
use frameline::recording::{Recording, repair, verify};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// A refusal is one line that a person reads.
fn sentence(e: &dyn std::fmt::Display) {
    let text = e.to_string();
    assert!(!text.is_empty() && !text.contains('\n') && text.chars().count() < 1000, "{text:?}");
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

/// The blocks of a recording by themselves, with checksums that are right: fixed fields, closing record, event, entry, texts.
/// What is read is written the same again.
pub fn blocks(bytes: &[u8]) {
    let mut rest = bytes;
    let mut take = |n: usize| {
        let block;
        (block, rest) = rest.split_at(n.min(rest.len()));
        let mut block = block.to_vec();
        block.resize(n, 0);
        block
    };
    let (fixed, mut closing) = (take(FIXED_BYTES), take(CLOSING_BYTES));
    let (mut event, mut entry) = (take(EVENT_BYTES as usize), take(ENTRY_BYTES as usize));
    let mut texts = take(TEXTS_BYTES);
    let mut header = vec![0; HEADER_BYTES as usize];
    header[..FIXED_BYTES].copy_from_slice(&fixed);
    seal_end(&mut header[..FIXED_BYTES]);
    seal_end(&mut texts);
    header[TEXTS_OFFSET as usize..].copy_from_slice(&texts);
    [&mut closing, &mut event, &mut entry].into_iter().for_each(|block| seal_committed(block));

    // What has no layout of its own is read by a plain one.
    let mut layout = Layout::new(4096, 64, 64).expect("a layout that can be");
    match Header::decode(&header) {
        Ok(read) => {
            let again = Header::decode(&read.encode()).expect("what was written is read");
            // Texts that are no UTF-8 become longer, and may not fit any more.
            assert_eq!(Header { texts: read.texts.clone(), ..again }, read);
            layout = read.layout;
        }
        Err(e) => sentence(&e),
    }
    match Texts::decode(&texts) {
        Ok(texts) => drop(texts.encode()),
        Err(e) => sentence(&e),
    }
    if let Some(read) = Closing::decode(&closing, &layout) {
        assert_eq!(Closing::decode(&read.encode(), &layout), Some(read));
    }
    if let Some(read) = Event::decode(&event) {
        assert_eq!(Event::decode(&read.encode()), Some(read));
    }
    match Entry::decode(&entry, &layout) {
        Ok(read) => {
            assert_eq!(Entry::decode(&read.encode(), &layout), Ok(read));
            assert!(layout.fits(read.payload_bytes, read.end_bytes()), "{read:?} in {layout:?}");
        }
        Err(e) => sentence(&e),
    }
}

/// A recording as a file that is opened, read, verified and repaired: as it is, and with checksums that are right again,
/// for whoever means harm reckons them, too.
pub fn recording(bytes: &[u8]) {
    use_recording(bytes);
    let mut sealed = bytes.to_vec();
    seal(&mut sealed);
    if sealed != bytes {
        use_recording(&sealed);
    }
}

fn use_recording(bytes: &[u8]) {
    let place = Place::new();
    let path = place.file("a.flr", bytes);
    let recording = match Recording::open(&path) {
        Ok(recording) => recording,
        Err(e) => return sentence(&e),
    };
    let mut payload = Vec::new();
    for n in 0..recording.frames().min(200) {
        if let Err(e) = recording.read(n, &mut payload) {
            sentence(&e);
        }
    }
    if let Err(e) = recording.events() {
        sentence(&e);
    }
    verify(&recording, |_| {});
    let whole = place.0.join("b.flr");
    match repair(&recording, &whole, |_| true) {
        Ok(done) => {
            let repaired = Recording::open(&whole).expect("what was repaired is a recording");
            assert_eq!(repaired.frames(), done.kept);
            assert_eq!(verify(&repaired, |_| {}).bad_frames(), 0, "and it is whole");
        }
        Err(e) => sentence(&e),
    }
}

/// Reckons the checksum that a block ends with.
fn seal_end(block: &mut [u8]) {
    let at = block.len() - 4;
    let crc = checksum(&block[..at]);
    block[at..].copy_from_slice(&crc.to_le_bytes());
}

/// The same, of a block that ends with its commit word.
fn seal_committed(block: &mut [u8]) {
    let at = block.len() - 4;
    block[at..].copy_from_slice(&COMMIT.to_le_bytes());
    seal_end(&mut block[..at]);
}

/// Every checksum of a file, as far as its header says where they are; blocks that are not committed stay so.
fn seal(file: &mut [u8]) {
    if file.len() < HEADER_BYTES as usize {
        return;
    }
    seal_end(&mut file[..FIXED_BYTES]);
    seal_end(&mut file[TEXTS_OFFSET as usize..][..TEXTS_BYTES]);
    seal_if_committed(file, CLOSING_OFFSET, CLOSING_BYTES);
    let Ok(Header { layout, .. }) = Header::decode(file) else { return };
    for k in 0..layout.event_capacity.min(64) {
        seal_if_committed(file, layout.event_offset(k), EVENT_BYTES as usize);
    }
    for n in 0..layout.frame_capacity.min(64) {
        seal_if_committed(file, layout.entry_offset(n), ENTRY_BYTES as usize);
    }
}

fn seal_if_committed(file: &mut [u8], at: u64, bytes: usize) {
    let block = usize::try_from(at).ok().and_then(|at| file.get_mut(at..at.checked_add(bytes)?));
    if let Some(block) = block.filter(|b| b.ends_with(&COMMIT.to_le_bytes())) {
        seal_committed(block);
    }
}

/// Whatever others write: images, a NorPix sequence, else raw pixels.
#[cfg(feature = "media")]
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
