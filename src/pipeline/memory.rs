//! How much memory a line needs, pool by pool, and its shares of the budget.

use super::config::LineConfig;
use super::plan::{Plan, Sum};
use crate::buffer::{Pool, PoolConfig};
use crate::error::{Error, ErrorKind};
use crate::source::{Fill, Source};
use crate::stage::OutputSpec;
use crate::sync::WakeCell;
use crate::words::counted;
use std::sync::Arc;

/// Slots beyond what the arithmetic needs, where no number is configured: so that a new frame finds a
/// slot while the last of the old ones is on its way home.
const SPARE_SLOTS: usize = 2;

/// What came to a stage at the start, beside what came from the source: through a reset it stays in proportion.
#[derive(Debug, Clone, Copy)]
pub(super) struct InputShare {
    pub input: usize,
    pub source: usize,
}

impl InputShare {
    /// The largest image that comes to the stage when the source's is `source` bytes.
    pub fn of(self, source: usize) -> usize {
        let share = (source as u128 * self.input as u128).div_ceil(self.source.max(1) as u128);
        usize::try_from(share).unwrap_or(usize::MAX)
    }
}

/// The pools' arithmetic: how many slots each needs, and its share of the budget.
pub(super) struct PoolNeeds {
    source: PoolConfig,
    /// By node; `None` for stages that make no image.
    pub stages: Vec<Option<PoolConfig>>,
    /// By node.
    pub inputs: Vec<InputShare>,
}

impl PoolNeeds {
    pub fn new(
        source: &dyn Source,
        config: &LineConfig,
        plan: &Plan,
        fill: Fill,
        inputs: Vec<InputShare>,
        outputs: &[Option<OutputSpec>],
        makes_own: &dyn Fn(usize) -> bool,
    ) -> Result<PoolNeeds, Error> {
        let mut sum = Sum::default();
        sum.add(1, "capture".into());
        if fill == Fill::Announce {
            // Slots that wait in the SDK's queue are neither free nor held.
            sum.add(source.queue_depth(fill), "queued with the source".into());
        }
        plan.add_holders(&plan.roots, makes_own, &mut sum);
        let need = sum.total;
        if need > PoolConfig::MAX_SLOTS {
            return Err(Error::config(format!(
                "the line can hold {need} frames at once: {}; pool.slots can be {} at most, so make rings shallower or let stages keep fewer",
                sum.text(),
                PoolConfig::MAX_SLOTS
            )));
        }
        let lent = source.queue_depth(fill);
        if fill == Fill::Lend && (1..need).contains(&lent) {
            let more = source.how_to_lend(need).map_or(String::new(), |how| format!("{how}, "));
            return Err(Error::config(format!(
                "the source lends {} at once, but the line can hold {need}: {}; {more}make rings shallower, or choose another capture.fill",
                counted(lent as u64, "buffer"),
                sum.text()
            )));
        }
        let slots = config.pool.slots.unwrap_or((need + SPARE_SLOTS).min(PoolConfig::MAX_SLOTS));
        if slots < need {
            return Err(Error::config(format!(
                "pool.slots is {slots}, but the line can hold {need} at once: {}; raise pool.slots to {need} or make rings shallower",
                sum.text()
            )));
        }
        let payload_bytes = source.max_payload_bytes().max(source.payload_bytes());
        let base = PoolConfig {
            min_slots: need,
            headroom: config.pool.headroom,
            lock: config.pool.lock,
            huge_pages: config.pool.huge_pages,
            guard: config.pool.guard,
            ..PoolConfig::new(slots, payload_bytes)
        };
        let mut needs = PoolNeeds { source: base, stages: Vec::new(), inputs };
        for (n, output) in outputs.iter().enumerate() {
            needs.stages.push(output.map(|spec| {
                let mut sum = Sum::default();
                plan.add_holders(&plan.nodes[n].children, makes_own, &mut sum);
                // One being made, and one on its way home.
                let slots = spec.slots.max(sum.total.saturating_add(2));
                let min_slots = sum.total.saturating_add(1);
                PoolConfig { slots, min_slots, payload_bytes: spec.payload_bytes, ..base }
            }));
        }
        needs.share(config, plan, fill)?;
        Ok(needs)
    }

    /// Divides the budget among the pools by what each starts with, so that their sum never passes it.
    fn share(&mut self, config: &LineConfig, plan: &Plan, fill: Fill) -> Result<(), Error> {
        let Some(budget) = config.pool.budget_bytes else { return Ok(()) };
        let own = if fill == Fill::Lend { 0.0 } else { start_bytes(&self.source) };
        let of = |n: usize, c: &PoolConfig| start_bytes(c) * plan.nodes[n].spec.workers as f64;
        let stages: f64 =
            self.stages.iter().enumerate().filter_map(|(n, c)| c.as_ref().map(|c| of(n, c))).sum();
        let need = own + stages;
        if need > budget as f64 {
            let c = &self.source;
            let made = match stages {
                0.0 => String::new(),
                _ => format!(", and {stages:.0} bytes for images that stages make"),
            };
            return Err(Error::config(format!(
                "the pools need {need:.0} bytes ({} slots for payloads of {} bytes x headroom {}, rounded up to pages with a canary page each{made}) but pool.budget is {budget}; raise the budget, or lower pool.slots, pool.headroom or the region",
                c.slots, c.payload_bytes, c.headroom
            )));
        }
        // `max`: rounding must not take away what was found to fit.
        let share =
            |bytes: f64| Some(((budget as f64 * (bytes / need)) as usize).max(bytes as usize));
        self.source.budget_bytes = share(own);
        for c in self.stages.iter_mut().flatten() {
            c.budget_bytes = share(start_bytes(c));
        }
        Ok(())
    }

    pub fn source_pool(
        &mut self,
        source: &dyn Source,
        fill: Fill,
        bed: Arc<WakeCell>,
    ) -> Result<Pool, Error> {
        if fill != Fill::Lend {
            return Pool::new(self.source, bed);
        }
        let keep = source.keep().ok_or_else(|| {
            Error::new(
                ErrorKind::Source,
                "the source lends frames but names no memory to keep; choose another capture.fill",
            )
        })?;
        Pool::lending(self.source.slots, keep, bed)
    }
}

/// Bytes that a pool touches at its start.
fn start_bytes(c: &PoolConfig) -> f64 {
    c.slots as f64 * c.slot_footprint() as f64
}
