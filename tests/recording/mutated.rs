//! What comes from outside, changed in a thousand ways that are the same in every run: the entry points of the fuzz targets
//! (`tools/fuzz`), without their compiler.

use super::made::{Folder, recording};
use frameline::media::{Export, Target, export};
use frameline::recording::Recording;
use std::path::Path;

#[path = "../../tools/fuzz/shared/entries.rs"]
mod entries;

/// Numbers that are the same in every run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) % sides.max(1) as u64) as usize
    }

    /// A few changes of `bytes`: bits, bytes, numbers of several widths, pieces cut out, moved or doubled.
    fn change(&mut self, bytes: &[u8]) -> Vec<u8> {
        const NUMBERS: [u64; 8] = [0, 1, 0x7F, 0xFF, 0xFFFF, 0x7FFF_FFFF, 0xFFFF_FFFF, u64::MAX];
        let mut out = bytes.to_vec();
        for _ in 0..=self.roll(4) {
            let at = self.roll(out.len());
            let end = (at + 1 + self.roll(64)).min(out.len());
            match self.roll(7) {
                0 if !out.is_empty() => out[at] ^= 1 << self.roll(8),
                1 if !out.is_empty() => out[at] = self.roll(256) as u8,
                2 | 3 => {
                    let width = 1 << self.roll(4);
                    let number = NUMBERS[self.roll(NUMBERS.len())];
                    let number = match self.roll(2) {
                        0 => number.to_le_bytes(),
                        _ => number.to_be_bytes(),
                    };
                    let end = (at + width).min(out.len());
                    out[at..end].copy_from_slice(&number[..end - at]);
                }
                4 => drop(out.drain(at..end)),
                5 => {
                    let piece = out[at..end].to_vec();
                    let to = self.roll(out.len() + 1);
                    out.splice(to..to, piece);
                }
                _ => out.truncate(at),
            }
        }
        out
    }
}

/// A number that a longer run sets.
fn number(variable: &str, or: u64) -> u64 {
    let set = std::env::var(variable).ok();
    set.map_or(or, |n| n.parse().unwrap_or_else(|_| panic!("{variable} is a number")))
}

/// What the fuzz targets begin with; among it whatever one of them has found.
fn seeds(name: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tools/fuzz/seeds").join(name);
    let mut files: Vec<_> =
        std::fs::read_dir(&folder).unwrap().map(|file| file.unwrap().path()).collect();
    files.sort();
    assert!(!files.is_empty(), "{}", folder.display());
    files.iter().map(|file| std::fs::read(file).unwrap()).collect()
}

/// Uses `times` changes of each seed and of each input here (FRAMELINE_FUZZ_TIMES times as many, from FRAMELINE_FUZZ_SEED on), and keeps the inputs
/// for the fuzz targets to begin with.
fn use_changes(name: &str, inputs: &[Vec<u8>], times: usize, entry: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("fuzz-corpus").join(name);
    let mut dice = Dice(number("FRAMELINE_FUZZ_SEED", 7));
    let times = times as u64 * number("FRAMELINE_FUZZ_TIMES", 1);
    for (n, input) in inputs.iter().chain(&seeds(name)).enumerate() {
        let kept = std::fs::create_dir_all(&folder)
            .and_then(|()| std::fs::write(folder.join(n.to_string()), input));
        kept.expect("the target folder can be written");
        entry(input);
        for _ in 0..times {
            entry(&dice.change(input));
        }
    }
}

/// Catches: a panic, an overflow or a hang in what reads a camera's description.
#[test]
fn changed_descriptions() {
    let xml = include_bytes!("../genapi/camera.xml").to_vec();
    use_changes("genapi", &[xml], 150, entries::genapi);
}

/// Catches: the same in formulas.
#[test]
fn changed_formulas() {
    use_changes("formula", &[], 400, entries::formula);
}

/// Catches: the same in the blocks of a recording, and a field that is written otherwise than it was read.
#[test]
fn changed_blocks() {
    use_changes("blocks", &[], 2000, entries::blocks);
}

/// Catches: the same in recordings, also in those whose checksums somebody reckoned who means harm.
#[test]
fn changed_recordings() {
    let folder = Folder::new();
    let file = folder.file("good.flr");
    recording(&file, 5);
    let bytes = std::fs::read(&file).unwrap();
    // Its header, most of which is empty, has its share of the changes.
    let mut dice = Dice(11);
    for _ in 0..150 {
        let mut changed = bytes.clone();
        let at = dice.roll(252);
        changed[at] = dice.roll(256) as u8;
        entries::recording(&changed);
    }
    use_changes("recording", &[bytes], 100, entries::recording);
}

/// Catches: the same in images and sequences of others, and a file that is left behind when one is refused.
#[test]
fn changed_imports() {
    let folder = Folder::new();
    let file = folder.file("good.flr");
    recording(&file, 3);
    let good = Recording::open(&file).unwrap();
    let mut inputs = Vec::new();
    for (target, name) in [(Target::Png, "png"), (Target::Tiff, "tiff"), (Target::Seq, "seq")] {
        let out = folder.file(name);
        let what = Export {
            target,
            out: out.clone(),
            from: 0,
            to: None,
            force: false,
            skip_damaged: false,
        };
        export(&good, &what, &mut |_| true).unwrap();
        let file = if name == "png" { out.join("00000000.png") } else { out };
        inputs.push(std::fs::read(file).unwrap());
    }
    use_changes("import", &inputs, 150, entries::import);
}
