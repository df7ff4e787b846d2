//! What is simulated, from a text: `camera NAME key=value ...; camera ...; producer key=value ...`.

use crate::film::Film;
use std::sync::Arc;

/// What lies at the start of a payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lead {
    /// The image, as nearly always.
    Image,
    /// The chunk data, if there are any.
    Chunks,
    /// The second part, if there is one; it is also told as the first.
    Part,
}

/// One camera.
#[derive(Debug, Clone, PartialEq)]
pub struct CameraConfig {
    /// Its serial number, and, behind `fake-`, its identifier.
    pub serial: String,
    /// Width and height of the sensor, and of the region at the start.
    pub size: (u32, u32),
    /// Frames a second.
    pub fps: f64,
    /// The host's side says the payload's size; else the camera's register does alone.
    pub defines_payload: bool,
    /// Bytes that the host's side adds to each frame, as a grabber may.
    pub adds: usize,
    /// The region can be changed while frames are taken, and frames change at once: as a bad camera does.
    pub loose: bool,
    /// A frame that finds no buffer waits for one, and is not lost: for tests on a busy machine.
    pub patient: bool,
    /// What lies at the start of a payload.
    pub lead: Lead,
    /// What it shows instead of its pattern.
    pub film: Option<Arc<Film>>,
}

/// The producer.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// The cameras, two to an interface.
    pub cameras: Vec<CameraConfig>,
    /// Buffers that must be announced.
    pub announce_min: usize,
    /// What a buffer's address must be a multiple of.
    pub alignment: usize,
    /// `DSGetBufferInfoStacked` works.
    pub stacked: bool,
    /// The cameras' description is zipped.
    pub zipped: bool,
    /// Optional questions (time in nanoseconds, offsets, namespaces, ...) are answered.
    pub talkative: bool,
}

/// Two cameras on one interface.
pub const DEFAULT: &str = "camera A size=640x480 fps=50; camera B size=320x240 fps=100";

impl Config {
    /// Reads a configuration; a sentence says what is wrong with it.
    pub fn parse(text: &str) -> Result<Config, String> {
        let mut config = Config {
            cameras: Vec::new(),
            announce_min: 3,
            alignment: 8,
            stacked: true,
            zipped: true,
            talkative: true,
        };
        for clause in text.split(';').map(str::trim).filter(|c| !c.is_empty()) {
            let mut words = clause.split_whitespace();
            match words.next() {
                Some("camera") => config.cameras.push(camera(&mut words, clause)?),
                Some("producer") => {
                    for (key, value) in words.map(pair) {
                        match key {
                            "min" => config.announce_min = number(clause, value)?,
                            "align" => config.alignment = number(clause, value)?,
                            "stacked" => config.stacked = flag(clause, value)?,
                            "zip" => config.zipped = flag(clause, value)?,
                            "talkative" => config.talkative = flag(clause, value)?,
                            _ => {
                                return Err(unknown(
                                    clause,
                                    key,
                                    "min, align, stacked, zip, talkative",
                                ));
                            }
                        }
                    }
                }
                word => {
                    return Err(format!(
                        "{clause:?} begins with {:?}; a clause begins with camera or producer",
                        word.unwrap_or_default()
                    ));
                }
            }
        }
        if config.alignment == 0 || !config.alignment.is_power_of_two() {
            return Err(format!("align is {}; it must be a power of two", config.alignment));
        }
        Ok(config)
    }
}

fn camera<'a>(
    words: &mut impl Iterator<Item = &'a str>,
    clause: &str,
) -> Result<CameraConfig, String> {
    let serial = words.next().ok_or_else(|| format!("{clause:?} names no camera"))?;
    let mut c = CameraConfig {
        serial: serial.into(),
        size: (640, 480),
        fps: 50.0,
        defines_payload: false,
        adds: 0,
        loose: false,
        patient: false,
        lead: Lead::Image,
        film: None,
    };
    let mut film = None;
    for (key, value) in words.map(pair) {
        match key {
            "size" => {
                let (w, h) = value.split_once('x').unwrap_or((value, ""));
                c.size = (number(clause, w)?, number(clause, h)?);
                let side = 16..=8192;
                if !side.contains(&c.size.0)
                    || !side.contains(&c.size.1)
                    || !c.size.0.is_multiple_of(4)
                {
                    return Err(format!(
                        "{clause:?}: sides are 16 to 8192, the width in steps of 4"
                    ));
                }
            }
            "fps" => {
                c.fps = number(clause, value)?;
                if !(0.001..=1e6).contains(&c.fps) {
                    return Err(format!("{clause:?}: fps is 0.001 to 1000000"));
                }
            }
            "defines" => c.defines_payload = flag(clause, value)?,
            "adds" => c.adds = number(clause, value)?,
            "loose" => c.loose = flag(clause, value)?,
            "patient" => c.patient = flag(clause, value)?,
            "lead" => {
                c.lead = match value {
                    "image" => Lead::Image,
                    "chunks" => Lead::Chunks,
                    "part" => Lead::Part,
                    _ => return Err(format!("{clause:?}: lead is image, chunks or part")),
                }
            }
            "film" => film = Some(value),
            _ => {
                return Err(unknown(
                    clause,
                    key,
                    "size, fps, defines, adds, loose, patient, lead, film",
                ));
            }
        }
    }
    if let Some(path) = film {
        c.film = Some(Arc::new(Film::read(path, c.size)?));
    }
    Ok(c)
}

fn pair(word: &str) -> (&str, &str) {
    word.split_once('=').unwrap_or((word, "1"))
}

fn flag(clause: &str, value: &str) -> Result<bool, String> {
    match value {
        "1" => Ok(true),
        "0" => Ok(false),
        _ => Err(format!("{clause:?}: {value:?} is neither 0 nor 1")),
    }
}

fn unknown(clause: &str, key: &str, known: &str) -> String {
    format!("{clause:?} has the unknown key {key:?}; known: {known}")
}

pub(crate) fn number<T: std::str::FromStr>(clause: &str, value: &str) -> Result<T, String> {
    value.parse().map_err(|_| format!("{clause:?}: {value:?} is no number"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wrong_texts_are_sentences() {
        // Catches a slip in a test's configuration that is silently taken for the default.
        assert_eq!(Config::parse(DEFAULT).unwrap().cameras.len(), 2);
        for wrong in [
            "camera",
            "camera A sise=3x4",
            "camera A size=3x4",
            "camera A lead=rows",
            "camera A film=/nowhere",
            "kamera A",
            "producer align=3",
        ] {
            assert!(Config::parse(wrong).is_err(), "{wrong}");
        }
    }
}
