//! `frameline devices`: every camera that each camera SDK on this machine can see. How a backend looks is in a file
//! of its own; here is what they have in common, and what is printed.

mod aravis;
mod features;
mod gentl;
mod mvs;
mod sim;

use super::args::DevicesArgs;
use super::doctor::bounded::bounded;
use super::run::print;
use super::value::{either, list};
use crate::error::Error;
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::time::Duration;

/// How long an SDK may look for cameras. An enumeration takes seconds where adapters have no link.
const PATIENCE: Duration = Duration::from_secs(60);

/// One camera.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Device {
    /// What opens it.
    pub uri: String,
    /// Its maker; empty where the SDK does not say, as with all that follows.
    pub vendor: String,
    /// Its model.
    pub model: String,
    /// Its serial number.
    pub serial: String,
    /// The name that its user gave it.
    pub user_name: String,
    /// Its firmware.
    pub firmware: String,
    /// How it is connected.
    pub link: String,
    /// Its address.
    pub ip: String,
    /// Whether it would let itself be opened; `None` where the SDK does not say.
    pub accessible: Option<bool>,
}

/// What one SDK showed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Look {
    /// It lists these cameras.
    Sees {
        /// Where the SDK lies, and its version.
        sdk: String,
        /// The cameras.
        devices: Vec<Device>,
    },
    /// It is not on this machine.
    Absent {
        /// Where it was looked for.
        places: Vec<String>,
    },
    /// It is there and does not work.
    Broken {
        /// One sentence.
        reason: String,
    },
}

/// How a backend looks for cameras: what each of its SDKs shows, of which there is at least one (where none is
/// installed, [`Look::Absent`] says so). Blocks while it looks.
type Backend = (&'static str, fn() -> Vec<Look>);

/// The backends of this version, by URI scheme, as they are printed. A new one is a file and a line here; a scheme
/// without a line is not listed, and is not broken either.
const BACKENDS: &[Backend] =
    &[("sim", sim::look), ("mvs", mvs::look), ("gentl", gentl::look), ("aravis", aravis::look)];

/// Looks and prints.
pub fn run(args: &DevicesArgs) -> Result<Option<String>, Error> {
    if let Some(uri) = &args.features {
        return features::run(uri, args.json).map(|()| None);
    }
    let looks: Vec<_> = BACKENDS
        .iter()
        .flat_map(|(name, look)| patient(*look).into_iter().map(move |l| (*name, l)))
        .collect();
    let text = match args.json {
        true => format!("{}\n", object(&looks)),
        false => text(&looks),
    };
    print(&text).map(|()| None)
}

/// A look that hangs or fails is a broken SDK, and costs the others nothing.
fn patient(look: fn() -> Vec<Look>) -> Vec<Look> {
    let broken = |e| Look::Broken { reason: format!("{e} when it was asked for its cameras") };
    bounded(PATIENCE, |_| {}, look).unwrap_or_else(|e| vec![broken(e)])
}

/// A text without what a terminal would obey: names come from devices.
fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

fn text(looks: &[(&str, Look)]) -> String {
    let mut out = String::new();
    let mut real = 0;
    for (name, look) in looks {
        match look {
            Look::Sees { sdk, devices } => {
                let _ = writeln!(out, "{name}  {}", plain(sdk));
                real += if *name == "sim" { 0 } else { devices.len() };
                for d in devices {
                    device(&mut out, d);
                }
                if devices.is_empty() {
                    out.push_str("  sees no camera\n");
                }
            }
            Look::Absent { places } => {
                let _ = writeln!(
                    out,
                    "{name}  not installed: there is no {}",
                    either(places.iter().map(String::as_str))
                );
            }
            Look::Broken { reason } => {
                let _ = writeln!(out, "{name}  BROKEN: {}", plain(reason));
            }
        }
    }
    if real == 0 {
        let _ = writeln!(out, "\n{}", nothing(looks));
    }
    out
}

fn device(out: &mut String, d: &Device) {
    let _ = write!(out, "  {}", plain(&d.uri));
    let name = if d.user_name.is_empty() { String::new() } else { format!("{:?}", d.user_name) };
    let serial = if d.serial.is_empty() { String::new() } else { format!("serial {}", d.serial) };
    let firmware =
        if d.firmware.is_empty() { String::new() } else { format!("firmware {}", d.firmware) };
    for part in [&d.vendor, &d.model, &name, &serial, &firmware, &d.link, &d.ip] {
        if !part.is_empty() {
            let _ = write!(out, "  {}", plain(part));
        }
    }
    if d.accessible == Some(false) {
        out.push_str("  in use or out of reach");
    }
    out.push('\n');
}

/// No camera but the simulated one: what was looked at, and what to do.
fn nothing(looks: &[(&str, Look)]) -> String {
    let of = |want: fn(&Look) -> bool| {
        let names = looks.iter().filter(|(n, l)| *n != "sim" && want(l)).map(|(n, _)| *n);
        let mut names: Vec<_> = names.collect();
        names.dedup(); // Several SDKs of one kind stand together.
        (!names.is_empty()).then(|| list(names))
    };
    let sees = of(|l| matches!(l, Look::Sees { .. }));
    let absent = of(|l| matches!(l, Look::Absent { .. }));
    let broken = of(|l| matches!(l, Look::Broken { .. }));
    let parts: Vec<_> = [
        (sees, "sees none, check power, cable and the adapter's address"),
        (broken, "does not work, the reason is above"),
        (absent, "is not installed"),
    ]
    .into_iter()
    .filter_map(|(names, what)| Some(format!("{} {what}", names?)))
    .collect();
    format!(
        "no camera was found ({}); sim: stands in for one, and frameline doctor tells more",
        parts.join("; ")
    )
}

fn object(looks: &[(&str, Look)]) -> Value {
    let some = |t: &str| (!t.is_empty()).then(|| t.to_string());
    let devices = looks.iter().flat_map(|(name, look)| {
        let devices = match look {
            Look::Sees { devices, .. } => devices.as_slice(),
            _ => &[],
        };
        devices.iter().map(move |d| {
            json!({
                "sdk": name,
                "uri": d.uri,
                "vendor": some(&d.vendor),
                "model": some(&d.model),
                "serial": some(&d.serial),
                "user_name": some(&d.user_name),
                "firmware": some(&d.firmware),
                "link": some(&d.link),
                "ip": some(&d.ip),
                "accessible": d.accessible,
            })
        })
    });
    let sdks = looks.iter().map(|(name, look)| {
        let (state, library, reason, places) = match look {
            Look::Sees { sdk, .. } => ("ok", Some(sdk), None, None),
            Look::Absent { places } => ("absent", None, None, Some(places)),
            Look::Broken { reason } => ("broken", None, Some(reason), None),
        };
        json!({
            "sdk": name,
            "state": state,
            "library": library,
            "reason": reason,
            "looked_at": places,
        })
    });
    let real = looks.iter().any(|(name, look)| {
        *name != "sim" && matches!(look, Look::Sees { devices, .. } if !devices.is_empty())
    });
    json!({
        "devices": devices.collect::<Vec<_>>(),
        "sdks": sdks.collect::<Vec<_>>(),
        "note": (!real).then(|| nothing(looks)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn camera(model: &str) -> Device {
        Device {
            uri: "mvs:?serial=K1".into(),
            model: model.into(),
            serial: "K1".into(),
            user_name: "left".into(),
            ip: "192.168.1.7".into(),
            accessible: Some(false),
            ..Device::default()
        }
    }

    #[test]
    fn each_sdk_is_told_with_what_it_sees_or_why_not() {
        // Catches a broken SDK that is silent, a camera that is left out, and a name that moves the cursor.
        let sees = Look::Sees { sdk: "/lib/x.so".into(), devices: vec![camera("MV-\u{1b}[2J")] };
        let looks = [
            ("mvs", sees),
            ("a", Look::Broken { reason: "/lib/a.so lacks the symbol f".into() }),
            ("b", Look::Absent { places: vec!["/opt/b".into(), "/usr/b".into()] }),
        ];
        let told = text(&looks);
        for part in [
            "mvs  /lib/x.so\n  mvs:?serial=K1  MV-",
            "\"left\"  serial K1",
            "192.168.1.7  in use or out of reach\n",
            "a  BROKEN: /lib/a.so lacks the symbol f\n",
            "b  not installed: there is no /opt/b or /usr/b\n",
        ] {
            assert!(told.contains(part), "{part:?} is missing: {told}");
        }
        assert!(!told.contains('\u{1b}') && !told.contains("no camera was found"), "{told}");
        let o = object(&looks);
        assert_eq!(
            (o["devices"][0]["ip"].as_str(), o["note"].as_str()),
            (Some("192.168.1.7"), None)
        );
        assert_eq!(o["sdks"][1]["state"], "broken");
        assert_eq!(o["sdks"][2]["looked_at"][1], "/usr/b");
    }

    #[test]
    fn no_camera_is_told_with_what_was_looked_at() {
        // Catches an empty list that leaves the user to guess whether anything was looked at.
        let nothing = Look::Sees { sdk: "/lib/x.so".into(), devices: Vec::new() };
        let told = text(&[("sim", sim::look().remove(0)), ("mvs", nothing)]);
        assert!(told.contains("sim:") && told.contains("  sees no camera\n"), "{told}");
        assert!(told.contains("no camera was found (mvs sees none, check power"), "{told}");
        let absent = Look::Absent { places: vec!["/opt/b".into()] };
        let o = object(&[("sim", sim::look().remove(0)), ("mvs", absent)]);
        assert!(o["note"].as_str().unwrap().contains("mvs is not installed"), "{o}");
        assert_eq!(o["devices"][0]["uri"], "sim:");
    }

    #[test]
    fn every_backend_of_this_version_can_be_opened_and_looked_at() {
        // Catches a scheme that run knows and devices forgets, or the other way round.
        for (name, _) in BACKENDS {
            assert!(crate::cli::resolve::has_backend(name), "{name}");
        }
        for name in ["sim", "mvs", "gentl", "aravis"] {
            let listed = BACKENDS.iter().any(|(n, _)| *n == name);
            assert_eq!(listed, crate::cli::resolve::has_backend(name), "{name}");
        }
    }
}
