//! The simulated camera's features, by their GenICam names.

use super::config::{MAX_RATE, MIN_RATE, Rate, SimConfig, Trigger};
use super::source::Sim;
use super::stream::State;
use super::uri;
use crate::error::{Error, ErrorKind};
use crate::feature::{Access, Feature, FeatureKind, FeatureRange, Number};
use crate::format::PixelFormat;

/// The features that [`set_feature`](crate::source::Source::set_feature) knows.
pub const FEATURES: [&str; 8] = [
    "Width",
    "Height",
    "OffsetX",
    "OffsetY",
    "PixelFormat",
    "AcquisitionFrameRate",
    "TriggerMode",
    "TriggerSource",
];

pub(super) fn is_locked(feature: &str) -> bool {
    FEATURES[..5].contains(&feature)
}

/// All features as they are.
pub(super) fn list(config: &SimConfig, trigger_source: Trigger, state: State) -> Vec<Feature> {
    let (sensor_width, sensor_height) = config.sensor();
    let whole =
        |min: u32, max: u32| FeatureRange::Integer { min: min.into(), max: max.into(), step: 1 };
    let entries =
        |names: &[&str]| FeatureRange::Entries(names.iter().map(|n| (*n).into()).collect());
    let formats = SimConfig::formats().filter_map(PixelFormat::name).map(String::from).collect();
    let (rate, how) = match config.rate {
        Rate::Hz(hz) => (Some(Number(hz).to_string()), ""),
        Rate::Max => (None, "as fast as frames are fetched, until a rate is set"),
    };
    let source = match (config.trigger, trigger_source) {
        (Trigger::Software, _) | (Trigger::Off, Trigger::Software) => "Software",
        _ => "Line0",
    };
    let mode = if config.trigger == Trigger::Off { "Off" } else { "On" };
    use FeatureKind::{Enumeration, Float, Integer};
    let (image, acquisition) = ("ImageFormatControl", "AcquisitionControl");
    let of = |n: u32| Some(n.to_string());
    [
        (
            "Width",
            image,
            Integer,
            of(config.width),
            whole(1, sensor_width - config.offset_x.min(sensor_width)),
            "",
        ),
        (
            "Height",
            image,
            Integer,
            of(config.height),
            whole(1, sensor_height - config.offset_y.min(sensor_height)),
            "",
        ),
        (
            "OffsetX",
            image,
            Integer,
            of(config.offset_x),
            whole(0, sensor_width - config.width.min(sensor_width)),
            "",
        ),
        (
            "OffsetY",
            image,
            Integer,
            of(config.offset_y),
            whole(0, sensor_height - config.height.min(sensor_height)),
            "",
        ),
        (
            "PixelFormat",
            image,
            Enumeration,
            Some(config.format.to_string()),
            FeatureRange::Entries(formats),
            "",
        ),
        (
            "AcquisitionFrameRate",
            acquisition,
            Float,
            rate,
            FeatureRange::Float { min: MIN_RATE, max: MAX_RATE, step: None },
            how,
        ),
        ("TriggerMode", acquisition, Enumeration, Some(mode.into()), entries(&["Off", "On"]), ""),
        (
            "TriggerSource",
            acquisition,
            Enumeration,
            Some(source.into()),
            entries(&["Software", "Line0"]),
            "",
        ),
    ]
    .into_iter()
    .map(|(name, category, kind, value, range, description)| Feature {
        name: name.into(),
        category: category.into(),
        kind,
        access: match is_locked(name) && state != State::Idle {
            true => Access::ReadOnly,
            false => Access::ReadWrite,
        },
        value,
        range,
        unit: if kind == Float { "Hz".into() } else { String::new() },
        description: description.into(),
        ..Feature::default()
    })
    .collect()
}

/// Sets a feature. A region or format renders the pattern anew and drops frames that were made but not
/// grabbed, as a host's buffers are flushed: they show as a gap in ids.
pub(super) fn set(sim: &mut Sim, feature: &str, value: &str) -> Result<(), Error> {
    if sim.stream.is_gone() {
        let what = format!("{feature} cannot be set: the camera is gone; reopen it first");
        return Err(Error::new(ErrorKind::Source, what));
    }
    if is_locked(feature) && sim.stream.state != State::Idle {
        let what = format!("{feature} is locked while grabbing; stop the camera first");
        return Err(Error::new(ErrorKind::State, what));
    }
    let mut config = sim.config.clone();
    // A sensor that was not given is what it was at start, not what the new region would need.
    let (sensor_width, sensor_height) = sim.config.sensor();
    config.sensor_width = Some(sensor_width);
    config.sensor_height = Some(sensor_height);
    config.max_format = Some(sim.config.largest_format());
    let pixels = || {
        value.parse().map_err(|_| {
            Error::config(format!("{feature} is {value:?}; it must be a number of pixels"))
        })
    };
    match feature {
        "Width" => config.width = pixels()?,
        "Height" => config.height = pixels()?,
        "OffsetX" => config.offset_x = pixels()?,
        "OffsetY" => config.offset_y = pixels()?,
        "PixelFormat" => config.format = uri::format("PixelFormat", value)?,
        "AcquisitionFrameRate" => {
            let hz = value.parse().ok().filter(|hz| (MIN_RATE..=MAX_RATE).contains(hz));
            config.rate = Rate::Hz(hz.ok_or_else(|| {
                Error::config(format!(
                    "AcquisitionFrameRate is {value:?}; it must be {MIN_RATE} to {MAX_RATE} frames a second"
                ))
            })?);
        }
        "TriggerMode" => {
            config.trigger = match (value, sim.config.trigger) {
                ("Off", _) => Trigger::Off,
                ("On", Trigger::Off) => sim.trigger_source,
                ("On", already) => already,
                _ => return Err(wrong(feature, value, "Off or On")),
            };
        }
        "TriggerSource" => {
            sim.trigger_source = match value {
                "Software" => Trigger::Software,
                "Line0" => Trigger::External,
                _ => return Err(wrong(feature, value, "Software or Line0")),
            };
            if sim.config.trigger != Trigger::Off {
                config.trigger = sim.trigger_source;
            }
        }
        _ => {
            return Err(Error::config(format!(
                "the simulated camera has no feature {feature:?}; it knows {}",
                FEATURES.join(", ")
            )));
        }
    }
    if config.geometry() == sim.config.geometry() {
        config.check()?;
        return repace(sim, config);
    }
    config.check_region("", &config.geometry())?;
    sim.sheets.replace_first(config.geometry())?;
    sim.stream.set_region(&mut sim.room);
    sim.config = config;
    Ok(())
}

fn repace(sim: &mut Sim, config: SimConfig) -> Result<(), Error> {
    let now = sim.pacer.now();
    sim.stream.catch_up(now, &mut sim.room, &sim.sheets);
    sim.config = config;
    sim.pacer.set_rate(sim.config.rate);
    sim.stream.pace(sim.config.rate, sim.config.trigger, now);
    Ok(())
}

fn wrong(name: &str, value: &str, expected: &str) -> Error {
    Error::config(format!("{name} is {value:?}; it must be {expected}"))
}
