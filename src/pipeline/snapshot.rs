//! Taking a snapshot: reads counters and histograms, touches no hot thread.

use super::report::{
    FrameCounts, HopSnapshot, LineState, MemoryReport, Snapshot, StageSnapshot, SteadyReport,
    ThreadSnapshot,
};
use super::shared::{ANOMALIES, Shared, StageInfo};
use crate::clock::HostTime;
use crate::stage::Figure;
use crate::telemetry::{LatencyReader, LatencySnapshot};

/// The line now. Any thread; allocates, and takes a lock that no hot thread takes.
pub(super) fn snapshot(shared: &Shared) -> Snapshot {
    let at = shared.clock.now();
    let state = shared.state();
    // Ends are read before beginnings: a frame that ends meanwhile is still in flight here, never
    // counted twice.
    let frames = frame_counts(shared);
    // Before the lock: the histograms take long, and whoever polls snapshots must not keep the monitor from its own.
    let (hops, threads, end_to_end) =
        (hops(shared), threads(shared, at), merged(&shared.end_to_end));
    let stages = shared.stages.iter().map(stage).collect();
    let (grab_interval, grab_jitter) =
        (shared.grab_interval.snapshot(), shared.grab_jitter.snapshot());
    let held = shared.pools.iter().flat_map(|p| p.held()).collect();
    let memory = shared
        .pools
        .iter()
        .map(|p| p.memory())
        .fold((0, 0, 0), |a, m| (a.0 + m.0 as u64, a.1 + m.1 as u64, a.2 + m.2 as u64));
    let cold = shared.cold();
    let from = cold.steady_from.or(cold.steady_first).unwrap_or(cold.steady_now);
    let now = cold.steady_now;
    Snapshot {
        at,
        started: shared.start_or(at),
        elapsed: shared.elapsed(),
        state,
        frames,
        bytes: shared.capture.bytes.get(),
        fill: shared.fill,
        slots: shared.capture.slots.get() as usize,
        slot_bytes: shared.capture.slot_bytes.get() as usize,
        hops,
        stages,
        threads,
        end_to_end,
        grab_interval,
        grab_jitter,
        resets: cold.resets.clone(),
        reconnects: cold.reconnects.clone(),
        diagnoses: cold.diagnoses.clone(),
        ladder: cold.ladder,
        faults: cold.faults.clone(),
        events: cold.events.iter().cloned().collect(),
        refusals: cold.refusals.clone(),
        source_counters: cold.source_counters.clone(),
        held,
        lanes: shared.lanes.clone(),
        memory: MemoryReport {
            pool_bytes: memory.0,
            locked_bytes: memory.1,
            huge_bytes: memory.2,
            rss_start: cold.rss_start,
            rss_settled: cold.settled.unwrap_or_default().0,
            pool_settled: cold.settled.unwrap_or_default().1,
            rss_end: cold.rss_now,
            rss_peak: cold.rss_peak,
        },
        steady: SteadyReport {
            allocations: now.allocations.map(|n| n.saturating_sub(from.allocations.unwrap_or(n))),
            page_faults_major: now.faults_major.saturating_sub(from.faults_major),
            page_faults_minor: now.faults_minor.saturating_sub(from.faults_minor),
        },
        samples: cold.samples.clone(),
        anomalies: ANOMALIES
            .iter()
            .zip(&shared.capture.anomalies)
            .map(|(name, c)| (*name, c.get()))
            .chain([
                ("resets_not_recorded", cold.resets_beyond),
                ("reconnects_not_recorded", cold.reconnects_beyond),
                ("diagnoses_not_recorded", cold.diagnoses_beyond),
                ("faults_not_recorded", cold.faults_beyond),
            ])
            .filter(|(_, n)| *n > 0)
            .collect(),
        failure: cold.failure.clone(),
    }
}

pub(super) fn frame_counts(shared: &Shared) -> FrameCounts {
    let c = &shared.capture;
    let (source, in_flight) = shared.pools[0].ends();
    let mut f = FrameCounts {
        delivered: source.delivered,
        incomplete: source.incomplete + c.incomplete.get(),
        underrun: c.underrun.get(),
        refused: source.refused,
        invalid: source.invalid + c.invalid.get(),
        lost_by_device: c.lost_by_device.get(),
        in_flight: source.abandoned + in_flight,
        grabbed: 0,
    };
    // A stage that hands on an image of its own takes over its input's fate.
    for pool in &shared.pools[1..] {
        let (d, in_flight) = pool.ends();
        let out = [
            (d.refused, &mut f.refused),
            (d.invalid, &mut f.invalid),
            (d.abandoned + in_flight, &mut f.in_flight),
        ];
        for (n, into) in out {
            let n = n.min(f.delivered);
            f.delivered -= n;
            *into += n;
        }
    }
    f.grabbed = c.grabbed.get();
    f
}

fn hops(shared: &Shared) -> Vec<HopSnapshot> {
    shared
        .hops
        .iter()
        .map(|h| {
            // Ends before beginnings, each read once: the sums below hold while the line runs, too.
            let taken = h.counts.taken.get();
            let replaced = h.counts.replaced.get();
            let (accepted, refused) = (h.counts.accepted.get(), h.counts.refused.get());
            let skipped = h.counts.skipped.get();
            HopSnapshot {
                name: h.name.clone(),
                policy: h.policy,
                depth: h.depth,
                taken,
                replaced,
                accepted,
                refused,
                skipped,
                offered: accepted + refused + skipped,
                latency: h.latency.snapshot(),
            }
        })
        .collect()
}

fn stage(info: &StageInfo) -> StageSnapshot {
    let mut results: Vec<(&'static str, Figure)> = Vec::new();
    for w in &info.workers {
        for (name, figure) in w.results.iter().flat_map(|r| r.read()) {
            match results.iter_mut().find(|(n, _)| *n == name) {
                Some((_, f)) => f.join(&figure),
                None => results.push((name, figure)),
            }
        }
    }
    let readers: Vec<LatencyReader> = info.workers.iter().map(|w| w.service.clone()).collect();
    StageSnapshot {
        name: info.name.clone(),
        frames: info.workers.iter().map(|w| w.counts.frames.get()).sum(),
        failed: info.workers.iter().map(|w| w.counts.failed.get()).sum(),
        panicked: info.workers.iter().map(|w| w.counts.panicked.get()).sum(),
        service: merged(&readers),
        results,
    }
}

fn threads(shared: &Shared, now: HostTime) -> Vec<ThreadSnapshot> {
    let limit = shared.config.monitor.hang_after;
    shared
        .threads
        .iter()
        .enumerate()
        .map(|(i, t)| {
            let (busy, since) = (t.busy.get(), HostTime(t.busy_since.get()));
            let long = busy > 0 && (now - since).as_duration() >= limit;
            ThreadSnapshot {
                name: t.name.clone(),
                turns: t.turn.turns(),
                longest_gap: t.turn.longest_gap(),
                busy: long.then(|| (shared.activities[busy as usize - 1].clone(), since)),
                ended: shared.state() == LineState::Ended && shared.exits.has_ended(i),
            }
        })
        .collect()
}

fn merged(readers: &[LatencyReader]) -> LatencySnapshot {
    let mut all = readers.iter().map(LatencyReader::snapshot);
    let first = all.next().unwrap_or_else(|| crate::telemetry::latency().1.snapshot());
    all.fold(first, |mut a, b| {
        a.merge(&b);
        a
    })
}
