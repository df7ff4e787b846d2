//! The thread that encodes pictures and writes them to files, off the hot path.

use crate::error::{Error, ErrorKind};
use crate::format::Geometry;
use crate::stages::gallery::{Gallery, SavedPart};
use crate::stages::writer::lock;
use crate::sync::{AtomicBool, Ordering};
use crate::telemetry::Counter;
use crate::touch;
use crate::verdict::{Area, PartVerdict};
use rtrb::{Consumer, Producer, RingBuffer};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::png::encode_grey;

/// How often the writer looks for pictures. Hot threads never wake it: that would be a system call.
const LOOK: Duration = Duration::from_millis(10);
/// The largest picture in pixels: what is beyond is cut around the mark.
pub(super) const MAX_PICTURE_PIXELS: usize = 1 << 20;

/// Where pictures go, and how many.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SaveSettings {
    /// Folder; it is made if need be.
    pub dir: PathBuf,
    /// Files that one run writes at most.
    pub max_files: u64,
    /// Bytes that these files have at most, together.
    pub max_bytes: u64,
    /// Frame pixels around a part that its picture shows.
    pub margin: u16,
    /// Pictures that each sink may have under way, at least 1.
    pub depth: usize,
}

impl SaveSettings {
    /// Files where nobody says.
    pub const DEFAULT_MAX_FILES: u64 = 200;
    /// Bytes where nobody says: 64 MiB.
    pub const DEFAULT_MAX_BYTES: u64 = 64 << 20;
    /// Margin where nobody says.
    pub const DEFAULT_MARGIN: u16 = 16;
    /// Pictures under way where nobody says: the parts of one bad frame.
    pub const DEFAULT_DEPTH: usize = 8;
}

/// A picture on its way, in a buffer that goes round between stage and writer.
#[derive(Debug)]
pub(super) struct Picture {
    pub pixels: Box<[u8]>,
    pub crop: Area,
    pub frame_id: u64,
    pub sequence: u64,
    pub part: u8,
    pub verdict: PartVerdict,
}

/// What the writer and its sinks share. The counters are the writer thread's.
#[derive(Debug, Default)]
pub(super) struct Shared {
    pub saved: Counter,
    pub bytes: Counter,
    pub failed: Counter,
    pub beyond: Counter,
    pub error: Mutex<Option<String>>,
    /// A bound is reached: nothing more is written.
    pub full: AtomicBool,
    rings: Mutex<Vec<Rings>>,
    stop: AtomicBool,
    ended: AtomicBool,
}

/// The writer's ends of one sink's rings.
#[derive(Debug)]
struct Rings {
    pictures: Consumer<Picture>,
    free: Producer<Picture>,
}

/// Writes the pictures of any number of sinks, and lists them in a gallery. Its files are complete when it is
/// dropped, or after [`PictureSink::finish`].
#[derive(Debug)]
pub struct PictureWriter {
    shared: Arc<Shared>,
    settings: SaveSettings,
    picture_bytes: usize,
    thread: Option<JoinHandle<()>>,
}

impl PictureWriter {
    /// Makes the folder and starts the writer. A folder that cannot be written is a configuration error.
    /// `geometry` is that of the frames.
    pub fn open(
        settings: &SaveSettings,
        geometry: &Geometry,
        gallery: Arc<Gallery>,
    ) -> Result<Self, Error> {
        probe(&settings.dir).map_err(|e| {
            Error::config(format!(
                "the folder {} for pictures cannot be written: {e}",
                settings.dir.display()
            ))
        })?;
        let shared = Arc::new(Shared::default());
        let mut writing = Writing {
            shared: shared.clone(),
            settings: settings.clone(),
            gallery,
            encoded: Vec::new(),
        };
        let thread = std::thread::Builder::new()
            .name("fl-save".into())
            .spawn(move || {
                writing.run();
                writing.shared.ended.store(true, Ordering::Release);
            })
            .map_err(|e| {
                Error::with_source(ErrorKind::State, "the picture writer cannot be started", e)
            })?;
        let frame = u64::from(geometry.width) * u64::from(geometry.height);
        let picture_bytes = usize::try_from(frame).unwrap_or(usize::MAX).min(MAX_PICTURE_PIXELS);
        Ok(PictureWriter {
            shared,
            settings: settings.clone(),
            picture_bytes,
            thread: Some(thread),
        })
    }

    /// One more sink, for one stage instance. Its buffers are allocated and touched here.
    pub fn sink(&self) -> PictureSink {
        let depth = self.settings.depth.max(1);
        let (pictures, theirs) = touch::ring(RingBuffer::new(depth));
        let (mut free, ours) = touch::ring(RingBuffer::new(depth));
        for _ in 0..depth {
            let _ = free.push(Picture {
                // Not zeros, which would be pages that nobody has touched.
                pixels: vec![1; self.picture_bytes.max(1)].into_boxed_slice(),
                crop: Area::default(),
                frame_id: 0,
                sequence: 0,
                part: 0,
                verdict: PartVerdict::default(),
            });
        }
        lock(&self.shared.rings).push(Rings { pictures: theirs, free });
        PictureSink {
            pictures,
            free: ours,
            margin: self.settings.margin,
            shared: self.shared.clone(),
        }
    }
}

impl Drop for PictureWriter {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Release);
        let Some(thread) = self.thread.take() else { return };
        thread.thread().unpark();
        // Stages that still push keep the thread: it ends with the last of them.
        if lock(&self.shared.rings).iter().any(|r| !r.pictures.is_abandoned()) {
            return;
        }
        // A file system that hangs must not hang the program: then the thread is left behind.
        let until = Instant::now() + Duration::from_secs(2);
        while !self.shared.ended.load(Ordering::Acquire) && Instant::now() < until {
            std::thread::park_timeout(Duration::from_millis(1));
        }
        if self.shared.ended.load(Ordering::Acquire) {
            let _ = thread.join();
        }
    }
}

/// Makes the folder and sees whether files can be made in it.
fn probe(dir: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(dir)?;
    let file = dir.join(format!(".frameline-{}", std::process::id()));
    std::fs::write(&file, b"")?;
    std::fs::remove_file(&file)
}

/// The end that a stage pushes into.
#[derive(Debug)]
pub struct PictureSink {
    pub(super) pictures: Producer<Picture>,
    pub(super) free: Consumer<Picture>,
    pub(super) margin: u16,
    pub(super) shared: Arc<Shared>,
}

impl PictureSink {
    /// Waits until every picture pushed here is in its file, at most `bound`; whether it came so far.
    pub fn finish(&mut self, bound: Duration) -> bool {
        let until = Instant::now() + bound;
        let home = |s: &Self| s.free.slots() == s.free.buffer().capacity();
        while !home(self) && !self.shared.ended.load(Ordering::Acquire) && Instant::now() < until {
            std::thread::park_timeout(Duration::from_millis(1));
        }
        home(self)
    }
}

/// What the writer's thread works with.
struct Writing {
    shared: Arc<Shared>,
    settings: SaveSettings,
    gallery: Arc<Gallery>,
    encoded: Vec<u8>,
}

impl Writing {
    /// Until it is told to stop, every stage that pushed is gone, and the rings are empty.
    fn run(&mut self) {
        let shared = self.shared.clone();
        loop {
            // Read before the rings: what was pushed before the order to stop is still written.
            let stop = shared.stop.load(Ordering::Acquire);
            let mut taken = 0;
            for ring in lock(&shared.rings).iter_mut() {
                while let Ok(picture) = ring.pictures.pop() {
                    self.save(&picture);
                    taken += 1;
                    // There is room: as many pictures go round as the ring has places.
                    let _ = ring.free.push(picture);
                }
            }
            if taken == 0 {
                // The last look at a ring comes after its stage is gone.
                let gone = stop && lock(&shared.rings).iter().all(|r| r.pictures.is_abandoned());
                if gone && lock(&shared.rings).iter().all(|r| r.pictures.is_empty()) {
                    return;
                }
                if !gone {
                    std::thread::park_timeout(LOOK);
                }
            }
        }
    }

    fn save(&mut self, p: &Picture) {
        let shared = &*self.shared;
        if shared.saved.get() >= self.settings.max_files {
            shared.full.store(true, Ordering::Release);
            shared.beyond.bump();
            return;
        }
        let (width, height) = (usize::from(p.crop.width), usize::from(p.crop.height));
        let defect = p.verdict.defect.map_or("good", |d| d.name());
        let name =
            format!("s{:06}_frame{:06}_part{:02}_{defect}.png", p.sequence, p.frame_id, p.part);
        let path = self.settings.dir.join(name);
        let pixels = &p.pixels[..width * height];
        let done = encode_grey(width as u32, height as u32, pixels, &mut self.encoded);
        let bytes = self.encoded.len() as u64;
        if done.is_ok() && shared.bytes.get() + bytes > self.settings.max_bytes {
            shared.full.store(true, Ordering::Release);
            shared.beyond.bump();
            return;
        }
        match done.and_then(|()| std::fs::write(&path, &self.encoded).map_err(|e| e.to_string())) {
            Ok(()) => {
                shared.saved.bump();
                shared.bytes.add(bytes);
                self.gallery.add(SavedPart {
                    path,
                    frame_id: p.frame_id,
                    sequence: p.sequence,
                    verdict: p.verdict,
                    crop: p.crop,
                });
            }
            Err(e) => {
                shared.failed.bump();
                lock(&shared.error).get_or_insert_with(|| {
                    format!("the picture {} cannot be written: {e}", path.display())
                });
            }
        }
    }
}
