//! The machine that a figure was measured on.

use crate::words::counted;
use serde_json::{Value, json};
use std::fs::read_to_string;

/// What is worth knowing about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Machine {
    /// Processor.
    pub cpu: String,
    /// Numbers of the cores that the program may use, read before anything is pinned.
    pub cores: Vec<usize>,
    /// Kernel release.
    pub kernel: String,
    /// Bytes of memory; 0 where it is not known.
    pub memory_bytes: u64,
}

impl Machine {
    /// Looks. To be called before any thread is pinned.
    pub fn look() -> Machine {
        let mut cores: Vec<usize> =
            core_affinity::get_core_ids().unwrap_or_default().iter().map(|c| c.id).collect();
        if cores.is_empty() {
            cores = (0..std::thread::available_parallelism().map_or(1, usize::from)).collect();
        }
        cores.sort_unstable();
        let line = |file: &str, name: &str| {
            let text = read_to_string(file).ok()?;
            let line = text.lines().find(|l| l.starts_with(name))?;
            Some(line.split_once(':')?.1.trim().to_string())
        };
        let memory = line("/proc/meminfo", "MemTotal");
        let kib = memory.and_then(|m| m.split(' ').next()?.parse::<u64>().ok());
        let kernel = read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
        Machine {
            cpu: line("/proc/cpuinfo", "model name")
                .unwrap_or_else(|| std::env::consts::ARCH.into()),
            cores,
            kernel: format!("{} {}", std::env::consts::OS, kernel.trim()).trim().into(),
            memory_bytes: kib.unwrap_or(0) * 1024,
        }
    }

    /// As JSON.
    pub fn json(&self) -> Value {
        json!({
            "cpu": self.cpu,
            "cores": self.cores.len(),
            "kernel": self.kernel,
            "memory_bytes": self.memory_bytes,
        })
    }
}

impl std::fmt::Display for Machine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}, {}, {}", self.cpu, counted(self.cores.len() as u64, "core"), self.kernel)
    }
}
