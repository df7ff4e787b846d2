//! Drives a source by hand, as a line would, in any way of filling.
#![allow(dead_code)] // Each test file uses a part of it.

use frameline::buffer::{Frame, FrameMut, Pool, PoolConfig};
use frameline::fault::Fault;
use frameline::source::{Fill, Grab, Source};
use std::time::Duration;

/// What a grab gave. A frame comes with the bytes that the source reported.
#[derive(Debug)]
pub enum Got {
    Frame(Frame, u64),
    Fault(Fault),
    End,
}

impl Got {
    pub fn frame(self) -> Frame {
        match self {
            Got::Frame(frame, _) => frame,
            other => panic!("no frame, but {other:?}"),
        }
    }

    pub fn code(self) -> i64 {
        match self {
            Got::Fault(fault) => fault.code,
            other => panic!("no fault, but {other:?}"),
        }
    }
}

pub struct Rig<S> {
    pub source: S,
    pub pool: Pool,
    pub fill: Fill,
    /// Buffers to keep queued (announce).
    pub depth: usize,
    queued: usize,
}

impl<S: Source> Rig<S> {
    /// A stopped source with a pool of 16 slots.
    pub fn new(source: S, fill: Fill) -> Self {
        let bytes = source.max_payload_bytes();
        Self::with_slots(source, fill, bytes)
    }

    /// With slots of `bytes`, rounded up to pages.
    pub fn with_slots(source: S, fill: Fill, bytes: usize) -> Self {
        let pool = match fill {
            Fill::Lend => {
                Pool::lending(16, source.keep().expect("lend has a keep"), Default::default())
            }
            _ => {
                let config =
                    PoolConfig { headroom: 1.0, lock: false, ..PoolConfig::new(16, bytes) };
                Pool::new(config, Default::default())
            }
        };
        Rig { source, pool: pool.unwrap(), fill, depth: 8, queued: 0 }
    }

    /// Whether nothing is left that the source could fill, but the one slot that each grab by copying is passed.
    pub fn is_exhausted(&mut self) -> bool {
        match self.fill {
            Fill::Copy => self.pool.census().free <= 1,
            Fill::Announce => self.queued == 0,
            Fill::Lend => self.pool.census().free == 0,
        }
    }

    pub fn started(mut self) -> Self {
        self.start();
        self
    }

    pub fn start(&mut self) {
        self.recycle();
        self.source.start(self.fill).unwrap();
    }

    /// Gives back what came home, and queues what is free.
    pub fn recycle(&mut self) {
        let mut free: Vec<FrameMut> = std::iter::from_fn(|| self.pool.take()).collect();
        for mut frame in free.drain(..) {
            if frame.token() != 0 {
                self.source.give_back(&mut frame);
            }
            if self.fill == Fill::Announce && self.queued < self.depth {
                self.queued += 1;
                self.source.queue(frame);
            } else {
                self.pool.put_back(frame);
            }
        }
    }

    pub fn grab(&mut self, timeout: Duration) -> Got {
        self.recycle();
        self.grab_only(timeout)
    }

    /// Without giving anything back before.
    pub fn grab_only(&mut self, timeout: Duration) -> Got {
        let (frame, grab) = match self.fill {
            Fill::Announce => {
                let (frame, grab) = self.source.grab_queued(timeout);
                self.queued -= usize::from(frame.is_some());
                (frame, grab)
            }
            fill => {
                let mut frame = self.pool.take().expect("a free slot");
                let grab = match fill {
                    Fill::Copy => self.source.grab_into(&mut frame, timeout),
                    _ => self.source.grab_lent(&mut frame, timeout),
                };
                match grab {
                    Grab::Filled { .. } => (Some(frame), grab),
                    _ => {
                        self.pool.put_back(frame);
                        (None, grab)
                    }
                }
            }
        };
        match (frame, grab) {
            (Some(mut frame), Grab::Filled { reported_bytes }) => {
                frame.set_filled(usize::try_from(reported_bytes).unwrap());
                Got::Frame(frame.filled(), reported_bytes)
            }
            (None, Grab::Fault(fault)) => Got::Fault(fault),
            (None, Grab::End) => Got::End,
            (_, other) => panic!("a buffer comes exactly with Filled, not with {other:?}"),
        }
    }

    /// Stops everything and takes every buffer back.
    pub fn stop(&mut self) {
        self.source.stop_device().unwrap();
        self.source.stop_host().unwrap();
        self.revoke();
    }

    pub fn revoke(&mut self) {
        let pool = &mut self.pool;
        let mut back = 0;
        self.source.revoke(&mut |frame| {
            back += 1;
            pool.put_back(frame);
        });
        assert_eq!(back, self.queued, "every queued buffer comes back");
        self.queued = 0;
        while let Some(mut frame) = self.pool.take() {
            if frame.token() == 0 {
                self.pool.put_back(frame);
                break;
            }
            self.source.give_back(&mut frame);
            self.pool.put_back(frame);
        }
    }
}
