//! What kind of file a library is, from its first bytes: so that a wrong one is named, not only refused.

use std::fmt;
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// What a file is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Binary {
    /// A shared object of Linux for that processor.
    Elf(Machine),
    /// A library of Windows for that processor.
    Windows(Machine),
    /// A library of macOS.
    Mac,
    /// Nothing of the kind.
    Other,
}

/// A processor and the width of its words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Machine {
    X86,
    X86_64,
    Arm,
    Aarch64,
    /// Another: its number in the file.
    Other(u16),
}

impl Machine {
    /// The processor that this program was built for.
    pub const HERE: Machine = if cfg!(target_arch = "x86_64") {
        Machine::X86_64
    } else if cfg!(target_arch = "aarch64") {
        Machine::Aarch64
    } else if cfg!(target_arch = "x86") {
        Machine::X86
    } else if cfg!(target_arch = "arm") {
        Machine::Arm
    } else {
        Machine::Other(0)
    };
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Machine::X86 => f.write_str("32-bit x86"),
            Machine::X86_64 => f.write_str("x86-64"),
            Machine::Arm => f.write_str("32-bit ARM"),
            Machine::Aarch64 => f.write_str("aarch64"),
            Machine::Other(n) => write!(f, "another processor (machine number {n})"),
        }
    }
}

/// Reads the head of the file at `path`.
pub(super) fn kind_of(path: &Path) -> std::io::Result<Binary> {
    let mut head = Vec::with_capacity(1024);
    File::open(path)?.take(1024).read_to_end(&mut head)?;
    Ok(kind(&head))
}

/// The kind of a file that begins with `head`.
fn kind(head: &[u8]) -> Binary {
    match head {
        [0x7F, b'E', b'L', b'F', ..] => elf(head),
        [b'M', b'Z', ..] => windows(head),
        [0xCF, 0xFA, 0xED, 0xFE, ..] | [0xCA, 0xFE, 0xBA, 0xBE, ..] => Binary::Mac,
        _ => Binary::Other,
    }
}

fn u16_at(head: &[u8], at: usize, big_endian: bool) -> Option<u16> {
    let bytes = head.get(at..at.checked_add(2)?)?.try_into().ok()?;
    Some(if big_endian { u16::from_be_bytes(bytes) } else { u16::from_le_bytes(bytes) })
}

/// ELF: class at 4, byte order at 5, type at 16, machine at 18.
fn elf(head: &[u8]) -> Binary {
    const SHARED_OBJECT: u16 = 3;
    let big_endian = head.get(5) == Some(&2);
    let (kind, machine) = (u16_at(head, 16, big_endian), u16_at(head, 18, big_endian));
    let (Some(SHARED_OBJECT), Some(machine)) = (kind, machine) else { return Binary::Other };
    Binary::Elf(match machine {
        3 => Machine::X86,
        40 => Machine::Arm,
        62 => Machine::X86_64,
        183 => Machine::Aarch64,
        n => Machine::Other(n),
    })
}

/// PE: the header's place at 0x3C, its machine behind `PE\0\0`.
fn windows(head: &[u8]) -> Binary {
    let at = head.get(0x3C..0x40).and_then(|b| b.try_into().ok()).map(u32::from_le_bytes);
    let at = at.and_then(|at| usize::try_from(at).ok());
    let Some(at) = at.filter(|at| head.get(*at..).is_some_and(|h| h.starts_with(b"PE\0\0"))) else {
        return Binary::Other;
    };
    match u16_at(head, at + 4, false) {
        Some(0x014C) => Binary::Windows(Machine::X86),
        Some(0x8664) => Binary::Windows(Machine::X86_64),
        Some(0xAA64) => Binary::Windows(Machine::Aarch64),
        Some(n) => Binary::Windows(Machine::Other(n)),
        None => Binary::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn elf_of(machine: u16) -> Vec<u8> {
        let mut head = vec![0_u8; 64];
        head[..6].copy_from_slice(&[0x7F, b'E', b'L', b'F', 2, 1]);
        head[16] = 3;
        head[18..20].copy_from_slice(&machine.to_le_bytes());
        head
    }

    #[test]
    fn heads_are_told_apart() {
        // Catches "wrong ELF class" and "invalid ELF header" passed on to somebody who has never heard of ELF.
        assert_eq!(kind(&elf_of(62)), Binary::Elf(Machine::X86_64));
        assert_eq!(kind(&elf_of(183)), Binary::Elf(Machine::Aarch64));
        let mut pe = vec![0_u8; 0x90];
        pe[..2].copy_from_slice(b"MZ");
        pe[0x3C] = 0x80;
        pe[0x80..0x86].copy_from_slice(&[b'P', b'E', 0, 0, 0x64, 0x86]);
        assert_eq!(kind(&pe), Binary::Windows(Machine::X86_64));
        assert_eq!(kind(b"#!/bin/sh\n"), Binary::Other);
    }

    #[test]
    fn a_cut_head_is_no_panic() {
        for machine in [62, 183, 9999] {
            let head = elf_of(machine);
            assert!((0..18).all(|n| kind(&head[..n]) == Binary::Other));
        }
        let mut pe = vec![0xFF_u8; 0x40];
        pe[..2].copy_from_slice(b"MZ");
        assert_eq!(kind(&pe), Binary::Other);
    }
}
