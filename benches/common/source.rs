//! A source without work of its own.

use frameline::Error;
use frameline::buffer::{FrameMut, Keep};
use frameline::clock::{Clock, DeviceTime, HostTime, Nanos};
use frameline::fault::{CodeTable, Fault};
use frameline::format::{Geometry, PixelFormat};
use frameline::meta::FrameMeta;
use frameline::source::{Fill, FrameIdRule, Grab, Source, SourceInfo};
use std::ptr::NonNull;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// What a [`BenchSource`] makes.
#[derive(Debug, Clone)]
pub struct SourceSpec {
    /// Copy or lend.
    pub fill: Fill,
    /// The end comes after so many frames.
    pub frames: u64,
    /// Pixels of a Mono8 image.
    pub width: u32,
    /// Rows.
    pub height: u32,
    /// Buffers that are lent at once.
    pub buffers: usize,
    /// Spins so long after a frame before the next one comes; 0: at once.
    pub gap: Nanos,
}

/// Memory to lend from, touched once.
pub struct Memory {
    bytes: Vec<u8>,
}

impl Memory {
    /// So many bytes, every page of them touched.
    pub fn touched(bytes: usize) -> Arc<Memory> {
        let mut m = vec![0_u8; bytes];
        m.iter_mut().step_by(4096).for_each(|b| *b = 1);
        Arc::new(Memory { bytes: m })
    }

    /// Images of one size behind each other, to be lent as they are.
    pub fn holding(images: &[Vec<u8>]) -> Arc<Memory> {
        Arc::new(Memory { bytes: images.concat() })
    }

    /// Bytes.
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    fn at(&self, offset: usize) -> NonNull<u8> {
        NonNull::from(&self.bytes[offset]).cast()
    }
}

/// A source that costs as little as a source can: it copies `images` in turn, or lends buffers that it
/// never touches. Its time stamp, read as the last thing of a grab, travels as the device's.
pub struct BenchSource {
    spec: SourceSpec,
    clock: Clock,
    meta: FrameMeta,
    memory: Option<Arc<Memory>>,
    free: Vec<usize>,
    made: u64,
    last: HostTime,
    /// Payloads to copy; empty: the buffers are left as they are.
    pub images: Arc<Vec<Vec<u8>>>,
    /// Which slot each frame was copied into, for who wants to take the same way.
    pub order: Arc<Order>,
}

/// The slots that a copying source filled, one after the other; preallocated.
#[derive(Debug, Default)]
pub struct Order {
    slots: Vec<AtomicU64>,
    len: AtomicU64,
}

impl Order {
    /// Room for `n` frames.
    pub fn with_room(n: usize) -> Order {
        Order { slots: (0..n).map(|_| AtomicU64::new(0)).collect(), len: AtomicU64::new(0) }
    }

    fn note(&self, slot: usize) {
        let n = self.len.load(Ordering::Relaxed);
        if let Some(place) = self.slots.get(n as usize) {
            place.store(slot as u64, Ordering::Relaxed);
            self.len.store(n + 1, Ordering::Relaxed);
        }
    }

    /// The slots so far.
    pub fn slots(&self) -> Vec<usize> {
        let n = self.len.load(Ordering::Relaxed) as usize;
        self.slots[..n].iter().map(|s| s.load(Ordering::Relaxed) as usize).collect()
    }
}

impl BenchSource {
    pub fn new(spec: SourceSpec) -> Result<BenchSource, Error> {
        let geometry = Geometry::new(spec.width, spec.height, PixelFormat::MONO8);
        let memory = (spec.fill == Fill::Lend)
            .then(|| Memory::touched(spec.buffers * geometry.image_bytes() as usize));
        BenchSource::lending_from(spec, memory)
    }

    /// A lending source whose buffers lie in `memory`, which may serve many.
    pub fn lending_from(
        spec: SourceSpec,
        memory: Option<Arc<Memory>>,
    ) -> Result<BenchSource, Error> {
        let geometry = Geometry::new(spec.width, spec.height, PixelFormat::MONO8);
        if let Some(memory) = &memory {
            assert!(memory.bytes.len() >= spec.buffers * geometry.image_bytes() as usize);
        }
        Ok(BenchSource {
            free: (0..spec.buffers).rev().collect(),
            clock: Clock::host(),
            meta: FrameMeta::of(&geometry),
            memory,
            made: 0,
            last: HostTime(0),
            images: Arc::default(),
            order: Arc::default(),
            spec,
        })
    }

    /// Spins until the next frame is due. Returns whether there is one.
    #[inline]
    fn next(&mut self) -> bool {
        if self.made >= self.spec.frames {
            return false;
        }
        if self.spec.gap.0 > 0 {
            while self.clock.now() - self.last < self.spec.gap {
                std::hint::spin_loop();
            }
        }
        true
    }

    /// Metadata and stamp: the frame exists from here on.
    #[inline]
    fn stamp(&mut self, frame: &mut FrameMut) -> Grab {
        let meta = frame.meta_mut();
        *meta = self.meta;
        meta.frame_id = self.made;
        self.made += 1;
        self.last = self.clock.now();
        meta.device_time = DeviceTime(self.last.0);
        Grab::Filled { reported_bytes: self.payload_bytes() as u64 }
    }
}

impl Source for BenchSource {
    fn info(&self) -> SourceInfo {
        SourceInfo { uri: "bench:".into(), model: "benchmark".into() }
    }

    fn fills(&self) -> &[Fill] {
        std::slice::from_ref(&self.spec.fill)
    }

    fn can_wait(&self) -> bool {
        true
    }

    fn codes(&self) -> CodeTable {
        CodeTable::new(frameline::sim::codes::TABLE)
    }

    fn geometry(&self) -> Geometry {
        self.meta.geometry()
    }

    fn payload_bytes(&self) -> usize {
        self.spec.width as usize * self.spec.height as usize
    }

    fn max_payload_bytes(&self) -> usize {
        self.payload_bytes()
    }

    fn frame_id_rule(&self) -> FrameIdRule {
        FrameIdRule::default()
    }

    fn queue_depth(&self, fill: Fill) -> usize {
        if fill == Fill::Lend { self.spec.buffers } else { 0 }
    }

    fn keep(&self) -> Option<Keep> {
        self.memory.clone().map(|m| m as Keep)
    }

    fn start(&mut self, _: Fill) -> Result<(), Fault> {
        Ok(())
    }

    fn stop_device(&mut self) -> Result<(), Fault> {
        Ok(())
    }

    fn stop_host(&mut self) -> Result<(), Fault> {
        Ok(())
    }

    fn grab_into(&mut self, frame: &mut FrameMut, _: Duration) -> Grab {
        if !self.next() {
            return Grab::End;
        }
        if !self.images.is_empty() {
            let image = &self.images[self.made as usize % self.images.len()];
            frame.buffer_mut()[..image.len()].copy_from_slice(image);
            self.order.note(frame.slot_index());
        }
        self.stamp(frame)
    }

    fn grab_lent(&mut self, frame: &mut FrameMut, _: Duration) -> Grab {
        if !self.next() {
            return Grab::End;
        }
        let memory = self.memory.as_ref().expect("a lending source has memory");
        let bytes = self.payload_bytes();
        let i = self.free.pop().expect("as many buffers as slots");
        // SAFETY: `bytes` bytes lie there (checked when the source was made), initialised and written by
        // nobody; the pool was made with this memory's keep.
        unsafe { frame.lend(memory.at(i * bytes), bytes, i as u64 + 1) };
        self.stamp(frame)
    }

    fn give_back(&mut self, frame: &mut FrameMut) {
        self.free.push(frame.token() as usize - 1);
        // SAFETY: zero bytes at a dangling pointer are nobody's.
        unsafe { frame.lend(NonNull::dangling(), 0, 0) };
    }
}
