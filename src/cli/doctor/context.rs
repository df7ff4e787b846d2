//! What every probe is given.

use super::platform::{self, Platform};
use super::roots::Roots;
use crate::agent::known_cores;
use crate::cli::args::{DoctorArgs, RunArgs};
use crate::cli::resolve;
use crate::cli::units::size;
use crate::error::Error;
use crate::sim::{Rate, Sim};
use std::path::PathBuf;
use std::time::Duration;

/// What the machine is held against.
#[derive(Debug, Clone, Copy)]
pub struct Need {
    /// Bytes of one frame.
    pub payload_bytes: u64,
    /// Bytes a second that the camera sends.
    pub rate: f64,
}

impl Need {
    /// The default line, at another rate in bytes a second if one is given.
    pub fn new(cores: &[usize], rate: Option<f64>) -> Result<Need, Error> {
        let job = resolve::job(&RunArgs::default(), cores)?;
        let source = Sim::from_uri(&job.uri)?;
        let config = source.config();
        let payload_bytes = config.geometry().image_bytes().max(1);
        let frames = match config.rate {
            Rate::Hz(hz) => hz,
            Rate::Max => 100.0,
        };
        Ok(Need { payload_bytes, rate: rate.unwrap_or(payload_bytes as f64 * frames) })
    }

    /// Time from frame to frame.
    pub fn period(&self) -> Duration {
        Duration::from_secs_f64(self.payload_bytes as f64 / self.rate)
    }
}

/// What every probe is given.
#[derive(Debug, Clone)]
pub struct Context {
    /// Where it looks.
    pub roots: Roots,
    /// What it compares with.
    pub need: Need,
    /// The cores that this process may use.
    pub cores: Vec<usize>,
    /// How long the hiccup meter looks; no other measurement takes longer.
    pub look: Duration,
    /// The folder whose disk is measured.
    pub disk: PathBuf,
    /// In what the program runs.
    pub platform: Platform,
}

impl Context {
    /// This machine. To be called before any thread is pinned.
    pub fn new(args: &DoctorArgs) -> Result<Context, Error> {
        let mut cores = known_cores().to_vec();
        cores.sort_unstable();
        let roots = Roots::real();
        Ok(Context {
            need: Need::new(&cores, args.rate.map(|megabytes| megabytes * 1e6))?,
            platform: platform::find(&roots),
            look: Duration::from_secs_f64(args.seconds),
            disk: super::disk::folder(args.disk.as_deref())?,
            cores,
            roots,
        })
    }

    /// How long a measurement may take that wants `wish`.
    pub fn at_most(&self, wish: Duration) -> Duration {
        wish.min(self.look)
    }

    /// How to raise a limit: for a shell's user, or for a container.
    pub fn raise(&self, limits_conf: &str, container: &str) -> String {
        match self.platform.container {
            Some(_) => format!("start the container with {container}"),
            None => format!(
                "add the line \"@video - {limits_conf}\" to /etc/security/limits.conf (with your group) and log in anew"
            ),
        }
    }
}

/// A limit as people set it: in MiB or KiB where it is a whole number of them.
pub fn limit_text(bytes: u64) -> String {
    for (unit, scale) in [("MiB", 1 << 20), ("KiB", 1 << 10)] {
        if bytes >= scale && bytes.is_multiple_of(scale) {
            return format!("{} {unit}", bytes / scale);
        }
    }
    size(bytes)
}

/// A rate as people say it.
pub fn megabytes(per_second: f64) -> String {
    match per_second {
        r if r >= 1e10 => format!("{:.1} GB/s", r / 1e9),
        r if r >= 1e7 => format!("{:.0} MB/s", r / 1e6),
        r => format!("{:.2} MB/s", r / 1e6),
    }
}

#[cfg(test)]
pub fn fake(tree: &super::fake::Tree) -> Context {
    Context {
        roots: tree.roots(),
        need: Need { payload_bytes: 5_000_000, rate: 5e8 },
        cores: vec![0, 1],
        look: Duration::from_millis(50),
        disk: tree.path().to_path_buf(),
        platform: Platform::default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_need_is_the_default_lines() {
        // Catches a doctor that judges by a camera which the default line does not have.
        let need = Need::new(&[0], None).unwrap();
        assert_eq!(need.payload_bytes, 2448 * 2048);
        assert!((need.rate - 2448.0 * 2048.0 * 100.0).abs() < 1.0);
        assert_eq!(need.period(), Duration::from_millis(10));
        assert!((Need::new(&[0], Some(7.0)).unwrap().rate - 7.0).abs() < 1e-9);
    }
}
