//! Registers for a description that has no camera.

use frameline::genapi::{Port, PortError};
use std::collections::BTreeMap;

pub const EVERYTHING: &[u8] = include_bytes!("camera.xml");

/// Registers, zero at first, that count what was done to them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Memory {
    pub bytes: BTreeMap<u64, u8>,
    pub reads: usize,
    pub writes: usize,
}

impl Memory {
    pub fn set(&mut self, address: u64, bytes: &[u8]) {
        self.bytes.extend((address..).zip(bytes.iter().copied()));
    }
}

impl Port for Memory {
    fn read(&mut self, address: u64, into: &mut [u8]) -> Result<(), PortError> {
        self.reads += 1;
        for (i, b) in into.iter_mut().enumerate() {
            *b = self.bytes.get(&address.wrapping_add(i as u64)).copied().unwrap_or(0);
        }
        Ok(())
    }

    fn write(&mut self, address: u64, bytes: &[u8]) -> Result<(), PortError> {
        self.writes += 1;
        for (i, b) in bytes.iter().enumerate() {
            self.bytes.insert(address.wrapping_add(i as u64), *b);
        }
        Ok(())
    }
}

/// The camera of `camera.xml` as it is switched on.
pub fn camera() -> Memory {
    let mut m = Memory::default();
    m.set(0x0, b"frameline");
    m.set(0x20, &36.6f32.to_be_bytes());
    m.set(0x24, &[192, 168, 0, 7]);
    m.set(0x30, &1936u16.to_be_bytes());
    m.set(0x32, &1216u16.to_be_bytes());
    m.set(0x34, &640u32.to_le_bytes());
    m.set(0x38, &480u32.to_le_bytes());
    m.set(0x40, &0x0108_0001u32.to_le_bytes());
    m.set(0x4c, &10_000u32.to_le_bytes());
    m.set(0x50, &40_000u32.to_be_bytes());
    m.set(0x74, &[0x55, 0, 0x55, 0xff, 0xaa, 7, 0x55, 0]);
    m
}
