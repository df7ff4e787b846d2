//! `replay:FILE?name=value&...`: what a replay can be told.

use crate::error::Error;
use crate::query;
use std::path::PathBuf;

/// Parameters of a `replay:` URI and what they mean.
pub const PARAMETERS: &[(&str, &str)] = &[
    ("rate", "recorded, max, or xN for N times the recorded pace (default recorded)"),
    ("loop", "how often it is played; 0: without end (default 1)"),
    ("from", "number of the first frame, from 0 (default 0)"),
    ("to", "number of the last frame (default: the last one there is)"),
    ("step", "on: each frame waits for a software trigger (default off)"),
    ("faults", "off: the recorded faults are not replayed (default on)"),
    ("check", "on: each payload is held against its checksum first (default off)"),
];

/// How fast frames come.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Rate {
    /// So many times the recorded pace.
    Times(f64),
    /// As fast as they are taken.
    Max,
}

/// What is replayed, and how.
#[derive(Debug, Clone, PartialEq)]
pub struct ReplayConfig {
    /// The recording's first file, or the segment to begin with.
    pub path: PathBuf,
    /// How fast.
    pub rate: Rate,
    /// How often; 0: without end.
    pub loops: u64,
    /// The first frame, from 0.
    pub from: u64,
    /// The last frame; `None`: the last one there is.
    pub to: Option<u64>,
    /// Each frame waits for a software trigger.
    pub step: bool,
    /// The recorded faults come again.
    pub faults: bool,
    /// Each payload is held against its checksum before it is handed on.
    pub check: bool,
}

impl ReplayConfig {
    /// All of a recording once, at its pace.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        ReplayConfig {
            path: path.into(),
            rate: Rate::Times(1.0),
            loops: 1,
            from: 0,
            to: None,
            step: false,
            faults: true,
            check: false,
        }
    }

    /// What a URI says. Wrong ones are configuration errors.
    pub fn from_uri(uri: &str) -> Result<ReplayConfig, Error> {
        let (place, pairs) = query::parts("replay", uri)?;
        if place.is_empty() {
            return Err(Error::config("replay: names no file; write replay:FILE.flr"));
        }
        // A name with a ? in it is written with %3F; one with a % that begins no code is what it says.
        let name = query::decode("file", place).unwrap_or_else(|_| place.into());
        let mut config = ReplayConfig::new(name);
        for (name, value) in &pairs {
            let number = || {
                value.parse::<u64>().map_err(|_| query::wrong(name, value, "a whole number from 0"))
            };
            let switch = || match value.as_str() {
                "on" => Ok(true),
                "off" => Ok(false),
                _ => Err(query::wrong(name, value, "on or off")),
            };
            match *name {
                "rate" => config.rate = rate(value)?,
                "loop" => config.loops = number()?,
                "from" => config.from = number()?,
                "to" => config.to = Some(number()?),
                "step" => config.step = switch()?,
                "faults" => config.faults = switch()?,
                "check" => config.check = switch()?,
                _ => {
                    let known: Vec<&str> = PARAMETERS.iter().map(|(n, _)| *n).collect();
                    return Err(Error::config(format!(
                        "replay sources have no parameter {name:?}; they have {}",
                        known.join(", ")
                    )));
                }
            }
        }
        if config.to.is_some_and(|to| to < config.from) {
            return Err(Error::config("to lies before from; nothing would be replayed"));
        }
        Ok(config)
    }

    /// The URI that says the same.
    pub fn to_uri(&self) -> String {
        let rate = match self.rate {
            Rate::Max => "max".into(),
            Rate::Times(1.0) => "recorded".into(),
            Rate::Times(x) => format!("x{x}"),
        };
        let switch = |on| if on { "on" } else { "off" };
        let file = query::encode(&self.path.display().to_string());
        let mut uri = format!("replay:{file}?rate={rate}&loop={}", self.loops);
        uri += &format!("&from={}", self.from);
        if let Some(to) = self.to {
            uri += &format!("&to={to}");
        }
        uri += &format!("&step={}", switch(self.step));
        uri += &format!("&faults={}&check={}", switch(self.faults), switch(self.check));
        uri
    }
}

fn rate(value: &str) -> Result<Rate, Error> {
    match value {
        "max" => return Ok(Rate::Max),
        "recorded" => return Ok(Rate::Times(1.0)),
        _ => {}
    }
    let times = value.strip_prefix('x').and_then(|x| x.parse::<f64>().ok());
    times.filter(|x| (0.001..=1000.0).contains(x)).map(Rate::Times).ok_or_else(|| {
        query::wrong("rate", value, "recorded, max, or xN with N from 0.001 to 1000")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uri_says_what_it_says() {
        // Catches a parameter that is read and ignored, or written back as another.
        let uri = "replay:/a/b.flr?rate=x2.5&loop=0&from=3&to=9&step=on&faults=off&check=on";
        let config = ReplayConfig::from_uri(uri).unwrap();
        assert_eq!(config.rate, Rate::Times(2.5));
        assert_eq!((config.loops, config.from, config.to), (0, 3, Some(9)));
        assert!(config.step && !config.faults && config.check);
        assert_eq!(ReplayConfig::from_uri(&config.to_uri()).unwrap(), config);
        for name in ["what?.flr", "50%.flr", "a%3Fb & c.flr"] {
            let config = ReplayConfig::new(name);
            assert_eq!(ReplayConfig::from_uri(&config.to_uri()).unwrap(), config, "{name}");
        }
        assert_eq!(ReplayConfig::from_uri("replay:50%.flr").unwrap().path.as_os_str(), "50%.flr");
        let plain = ReplayConfig::from_uri("replay:a.flr").unwrap();
        assert_eq!(plain, ReplayConfig::new("a.flr"));
        assert_eq!(ReplayConfig::from_uri(&plain.to_uri()).unwrap(), plain);
    }

    #[test]
    fn wrong_uris_are_sentences() {
        for (uri, want) in [
            ("replay:", "names no file"),
            ("replay:a?rate=fast", "recorded, max, or xN"),
            ("replay:a?rate=x0", "0.001"),
            ("replay:a?loop=-1", "a whole number"),
            ("replay:a?from=5&to=4", "to lies before from"),
            ("replay:a?step=1", "on or off"),
            ("replay:a?speed=3", "they have rate, loop"),
        ] {
            let e = ReplayConfig::from_uri(uri).unwrap_err().to_string();
            assert!(e.contains(want) && !e.contains('\n'), "{uri}: {e}");
        }
    }
}
