//! What the re-enactment claims, each held against what was seen.

use crate::scene::{SMALL_BYTES, Seen};
use crate::story::{NO_DATA, Told};
use frameline::pipeline::Snapshot;
use std::sync::atomic::Ordering::Relaxed;

/// Why a quiescent reset is made that a diagnosis asked for.
const DRIFT: &str = "format drift diagnosed after time-outs";
/// Why an epoch begins with a camera that came back with the region that the line had set, not with the one it lost.
const RETURN: &str = "format changed while away";
/// Resident memory may rise by so many bytes after the first two rounds, in which every kind of frame comes for the
/// first time. A line that kept one frame a round would pass it soon.
const FLAT_BYTES: u64 = 2 << 20;
/// Rounds that a judgement on memory takes.
const FLAT_ROUNDS: usize = 4;

/// One claim.
#[derive(Debug, Clone)]
pub struct Claim {
    pub what: &'static str,
    /// What was seen, as a sentence.
    pub seen: String,
    pub holds: bool,
}

fn mib(bytes: u64) -> String {
    format!("{:.1} MiB", bytes as f64 / f64::from(1 << 20))
}

/// All of them, for a line that has ended.
pub fn claims(end: &Snapshot, told: &Told, consumers: &[(String, &Seen)]) -> Vec<Claim> {
    let claim = |what, holds, seen| Claim { what, seen, holds };
    vec![
        time_outs(end, told),
        size_changes(end, told),
        losses(end, told),
        features(told),
        resident(end, told),
        frames(end),
        readers(consumers),
        // The library's own word for it.
        claim(
            "starts of the SDK",
            told.starts == 1 + told.size_changes + told.losses,
            format!(
                "{} = 1 + {} size changes + {} losses, and none for a time-out",
                told.starts, told.size_changes, told.losses
            ),
        ),
        claim(
            "the end",
            end.failure.is_none() && end.frames.in_flight == 0,
            end.failure.clone().unwrap_or_else(|| "drained, no frame is out".into()),
        ),
    ]
}

fn time_outs(end: &Snapshot, told: &Told) -> Claim {
    let fault = end.faults.iter().find(|f| f.code == NO_DATA);
    let (count, name) = fault.map_or((0, "none"), |f| (f.count, f.name.as_str()));
    Claim {
        what: "time-outs",
        holds: count > 0 && told.bursts > 0 && told.moved_by_timeouts == 0,
        seen: format!(
            "{count} times 0x80000007 {name}; {} bursts for no other reason, and {} reallocations for them",
            told.bursts, told.moved_by_timeouts
        ),
    }
}

fn size_changes(end: &Snapshot, told: &Told) -> Claim {
    let drifts: Vec<_> = end.diagnoses.iter().filter(|d| d.verdict == "format-drift").collect();
    let grew = |d: &&&frameline::pipeline::DiagnosisReport| {
        d.evidence.payload_at_start == Some(SMALL_BYTES)
            && d.evidence.payload_now > d.evidence.payload_at_start
            && d.evidence.connected == Some(true)
    };
    let shown = drifts.iter().filter(grew).count() as u64;
    let cured = end.resets.iter().filter(|r| r.ok && r.reason == DRIFT).count() as u64;
    let others: Vec<_> = end.resets.iter().filter(|r| r.reason != DRIFT).collect();
    let still = others.iter().all(|r| r.ok && r.reason == RETURN && r.touched_bytes == 0);
    let touched: u64 = end.resets.iter().map(|r| r.touched_bytes).sum();
    let larger = end.resets.iter().filter(|r| r.slot_bytes_after > r.slot_bytes_before).count();
    let all = [shown, drifts.len() as u64, cured];
    Claim {
        what: "size changes",
        holds: told.size_changes > 0
            && all == [told.size_changes; 3]
            && still
            && others.len() as u64 == told.losses,
        seen: format!(
            "{}, each diagnosed by its evidence ({shown}) and cured by one reset ({cured}); {larger} of them needed \
             larger slots, {}; {} epochs more, for cameras that came back, moved nothing",
            told.size_changes,
            mib(touched),
            others.len()
        ),
    }
}

fn losses(end: &Snapshot, told: &Told) -> Claim {
    let ok = end.reconnects.iter().filter(|r| r.ok && r.dead.0 > 0).count() as u64;
    let dead = end.reconnects.iter().map(|r| r.dead);
    let range = dead.clone().min().zip(dead.max());
    Claim {
        what: "lost cameras",
        holds: told.losses > 0 && ok == told.losses && end.reconnects.len() as u64 == ok,
        seen: format!(
            "{ok} of {} came back{}",
            told.losses,
            range.map_or(String::new(), |(min, max)| format!(", dead for {min} to {max}"))
        ),
    }
}

fn features(told: &Told) -> Claim {
    let same = told.restored.iter().filter(|(set, seen)| Some(*set) == *seen).count() as u64;
    Claim {
        what: "features",
        holds: told.losses > 0 && same == told.losses,
        seen: format!("exposure and gain as last set after {same} of {} returns", told.losses),
    }
}

fn resident(end: &Snapshot, told: &Told) -> Claim {
    let m = &end.memory;
    let judged = told.resident.get(1..).filter(|_| told.resident.len() >= FLAT_ROUNDS);
    let rise = judged.and_then(|r| r.last()?.checked_sub(*r.first()?));
    let judged = match judged {
        None => format!("{FLAT_ROUNDS} rounds are needed to judge it"),
        Some(rounds) => {
            format!("{} more over the last {} rounds", mib(rise.unwrap_or(0)), rounds.len() - 1)
        }
    };
    let touched: u64 = end.resets.iter().map(|r| r.touched_bytes).sum();
    Claim {
        what: "resident memory",
        holds: rise.unwrap_or(0) <= FLAT_BYTES,
        seen: format!(
            "{} at the start, {} at its peak, {} at the end, {} of it in slots that became larger; {judged}",
            mib(m.rss_start),
            mib(m.rss_peak),
            mib(m.rss_end),
            mib(touched)
        ),
    }
}

fn frames(end: &Snapshot) -> Claim {
    let f = &end.frames;
    Claim {
        what: "frames",
        holds: end.is_balanced() && f.delivered > 0,
        seen: format!(
            "{} grabbed = {} delivered + {} incomplete + {} underrun + {} refused + {} invalid + {} lost by the \
             device + {} in flight",
            f.grabbed,
            f.delivered,
            f.incomplete,
            f.underrun,
            f.refused,
            f.invalid,
            f.lost_by_device,
            f.in_flight
        ),
    }
}

fn readers(consumers: &[(String, &Seen)]) -> Claim {
    let sum = |of: fn(&Seen) -> u64| consumers.iter().map(|(_, s)| of(s)).sum::<u64>();
    let wrong = (sum(|s| s.torn.load(Relaxed)), sum(|s| s.changed.load(Relaxed)));
    let each: Vec<_> =
        consumers.iter().map(|(name, s)| format!("{name} {}", s.whole.load(Relaxed))).collect();
    Claim {
        what: "consumers",
        holds: wrong == (0, 0) && consumers.iter().all(|(_, s)| s.whole.load(Relaxed) > 0),
        seen: format!(
            "{}: whole to the byte; {} torn, {} changed under a reader",
            each.join(", "),
            wrong.0,
            wrong.1
        ),
    }
}
