//! The story, in rounds: time-outs in bursts, a region that grows in mid-stream, a camera that goes and returns.
//! Each act waits for what it brings about and looks whether the line did what it should, no more and no less.

use crate::scene::{GROWN, Scene};
use frameline::pipeline::{ResetReport, Snapshot};
use std::time::{Duration, Instant};

/// `MV_E_NODATA`: no frame in time.
pub const NO_DATA: i64 = 0x8000_0007;
/// What an act brings about is there after so long, or never comes.
const PATIENCE: Duration = Duration::from_secs(60);
/// How often is looked whether it is.
const LOOK: Duration = Duration::from_millis(5);
/// How long an order may take.
const ORDER: Duration = Duration::from_secs(20);

/// What was done to the line, and what was seen beside its own report.
#[derive(Debug, Clone, Default)]
pub struct Told {
    pub rounds: u64,
    /// Bursts of time-outs that were ordered as such.
    pub bursts: u64,
    /// Resets, reconnections and changed slots while there were only time-outs.
    pub moved_by_timeouts: u64,
    pub size_changes: u64,
    pub losses: u64,
    /// Exposure and gain: as last set, and as a second program saw them after a return.
    pub restored: Vec<([f32; 2], Option<[f32; 2]>)>,
    /// Resident memory at the end of each round, in bytes; empty where the system does not tell it.
    pub resident: Vec<u64>,
    /// Starts of the SDK, counted by the SDK.
    pub starts: u64,
}

/// Resident memory of this process now, in bytes; the line's own figure is up to a tenth of a second old.
fn resident() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|l| l.strip_prefix("VmRSS:"))?;
    Some(line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()? * 1024)
}

/// Plays the story.
pub struct Teller<'a> {
    scene: &'a Scene,
    say: &'a mut dyn FnMut(&str),
    pub told: Told,
    exposure_gain: [f32; 2],
}

fn timeouts(s: &Snapshot) -> u64 {
    s.faults.iter().find(|f| f.code == NO_DATA).map_or(0, |f| f.count)
}

/// Everything that moving memory would change.
fn memory(s: &Snapshot) -> (usize, usize, usize, usize, u64) {
    (s.resets.len(), s.reconnects.len(), s.slots, s.slot_bytes, s.memory.pool_bytes)
}

impl<'a> Teller<'a> {
    pub fn new(scene: &'a Scene, say: &'a mut dyn FnMut(&str)) -> Teller<'a> {
        Teller { scene, say, told: Told::default(), exposure_gain: [0.0; 2] }
    }

    /// One round. The error is a sentence.
    pub fn round(&mut self) -> Result<(), String> {
        let n = self.told.rounds;
        self.flow(50)?;
        self.time_outs(20, 2, 8)?;
        self.time_outs(40, 7, 14)?;
        self.features(n)?;
        self.region_grows(n % 2 == 1)?;
        self.flow(30)?;
        self.camera_goes(n % 2 == 1)?;
        self.flow(30)?;
        self.told.resident.extend(resident());
        self.told.rounds += 1;
        self.told.starts = self.scene.fake.calls("MV_CC_StartGrabbing");
        Ok(())
    }

    fn until(
        &self,
        what: &str,
        mut ready: impl FnMut(&Snapshot) -> bool,
    ) -> Result<Snapshot, String> {
        let begun = Instant::now();
        loop {
            let s = self.scene.line.snapshot();
            if ready(&s) {
                return Ok(s);
            }
            if let Some(failure) = &s.failure {
                return Err(format!("the line has failed while {what}: {failure}"));
            }
            if begun.elapsed() > PATIENCE {
                let last = s.events.last().map_or("nothing", |e| e.text.as_str());
                return Err(format!("not within {PATIENCE:?}: {what}; the last event: {last}"));
            }
            std::thread::sleep(LOOK);
        }
    }

    /// Frames come.
    fn flow(&self, frames: u64) -> Result<Snapshot, String> {
        let before = self.scene.line.snapshot().frames.grabbed;
        self.until("frames flow", |s| s.frames.grabbed >= before + frames)
    }

    /// Every so many frames a burst of time-outs, until there were `total`.
    fn time_outs(&mut self, every: u32, burst: u32, total: u64) -> Result<(), String> {
        let before = self.scene.line.snapshot();
        self.scene.fake.script(&format!("every {every} timeout {burst}"));
        let came = timeouts(&before);
        self.until("time-outs come", |s| timeouts(s) >= came + total)?;
        self.scene.fake.script("");
        let after = self.flow(5)?;
        self.told.bursts += total / u64::from(burst);
        let moved = memory(&before) != memory(&after);
        self.told.moved_by_timeouts += u64::from(moved);
        let count = timeouts(&after) - came;
        let moved = if moved { "MEMORY WAS MOVED" } else { "nothing was moved" };
        self.say(&format!("{count} time-outs in bursts of {burst}: frames flow again, {moved}"));
        if let Some(d) = after.diagnoses[before.diagnoses.len()..].last() {
            self.say(&format!("  the camera was asked: {}; {}", d.verdict, d.evidence));
        }
        Ok(())
    }

    /// Exposure and gain are changed while frames flow.
    fn features(&mut self, round: u64) -> Result<(), String> {
        let values = [1000.0 + 50.0 * (round % 100) as f32, 1.0 + 0.5 * (round % 20) as f32];
        let handle = self.scene.line.handle();
        for (name, value) in ["ExposureTime", "Gain"].iter().zip(values) {
            handle.set_feature(name, &value.to_string(), ORDER).map_err(|e| e.to_string())?;
        }
        self.exposure_gain = values;
        Ok(())
    }

    /// Somebody sets a larger region in mid-stream, every second time with deeper pixels: from here on the SDK
    /// answers 0x80000007 for ever.
    fn region_grows(&mut self, deeper: bool) -> Result<(), String> {
        let before = self.scene.line.snapshot();
        let format = if deeper { "Mono12" } else { "Mono8" };
        self.scene.fake.script(&format!("every 1 drift {GROWN} {format}"));
        self.told.size_changes += 1;
        let known = before.resets.len();
        let cured = |s: &Snapshot| s.resets.get(known).is_some_and(|r| r.dead.0 > 0);
        let after = self.until("the region grows", cured)?;
        self.scene.fake.script("");
        let ResetReport { dead, touched_bytes, slot_bytes_before, slot_bytes_after, .. } =
            after.resets[known];
        self.say(&format!("somebody sets the region to {GROWN} {format}, and no frame comes"));
        if let Some(d) = after.diagnoses[before.diagnoses.len()..].last() {
            self.say(&format!("  after {} time-outs: {}; {}", d.timeouts, d.verdict, d.evidence));
        }
        self.say(&format!(
            "  one quiescent reset: slots {slot_bytes_before} -> {slot_bytes_after} bytes, {touched_bytes} bytes touched; dead for {dead}"
        ));
        Ok(())
    }

    /// The camera loses its power and returns, every second time as one that only a new handle opens.
    fn camera_goes(&mut self, new_handle: bool) -> Result<(), String> {
        let before = self.scene.line.snapshot();
        let looked = self.scene.fake.calls("MV_CC_EnumDevices");
        self.scene.fake.unplug(false);
        self.told.losses += 1;
        let sought = |_: &Snapshot| self.scene.fake.calls("MV_CC_EnumDevices") > looked;
        self.until("the camera is looked for", sought)?;
        self.scene.fake.plug(new_handle);
        let known = before.reconnects.len();
        let back = |s: &Snapshot| s.reconnects.get(known).is_some_and(|r| !r.ok || r.dead.0 > 0);
        let after = self.until("the camera comes back", back)?;
        let seen = ["ExposureTime", "Gain"].map(|name| self.scene.fake.look(name));
        let seen = seen[0].zip(seen[1]).map(|(exposure, gain)| [exposure, gain]);
        self.told.restored.push((self.exposure_gain, seen));
        let r = &after.reconnects[known];
        let [exposure, gain] = seen.unwrap_or([f32::NAN; 2]);
        self.say(&format!(
            "the camera lost its power: {}; back at attempt {}, dead for {}, exposure {exposure}, gain {gain}",
            r.reason, r.attempts, r.dead
        ));
        Ok(())
    }

    fn say(&mut self, text: &str) {
        (self.say)(text);
    }
}
