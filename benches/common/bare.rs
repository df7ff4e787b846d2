//! The bare loops that set the limits: rtrb alone, and one cache line alone.

use super::on_two_cores;
use frameline::clock::{Clock, HostTime, Nanos};
use frameline::telemetry::{LatencySnapshot, latency};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// Waits until what was read before it has arrived. A clock read may otherwise overtake the loads before
/// it, and a hand-off would end before the data are there.
#[inline(always)]
pub fn loaded() {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: lfence has no preconditions on x86-64.
    unsafe {
        std::arch::x86_64::_mm_lfence()
    };
    #[cfg(not(target_arch = "x86_64"))]
    std::sync::atomic::fence(Ordering::SeqCst);
}

/// The limit of a hand-off: an index and a time stamp through one rtrb ring, nothing else.
pub fn bare_handoff(depth: usize, frames: u64, skip: u64, gap: Nanos) -> LatencySnapshot {
    let (mut tx, mut rx) = rtrb::RingBuffer::<(u64, HostTime)>::new(depth);
    let ready = Arc::new(AtomicBool::new(false));
    let go = ready.clone();
    let ((), snapshot) = on_two_cores(
        move || {
            let clock = Clock::host();
            while !go.load(Ordering::Acquire) {
                std::hint::spin_loop();
            }
            let mut last = HostTime(0);
            for i in 0..frames {
                while clock.now() - last < gap {
                    std::hint::spin_loop();
                }
                last = clock.now();
                // A consumer that lost its core for long leaves the ring full; its frames are late, not lost.
                while tx.push((i, last)).is_err() {
                    std::hint::spin_loop();
                }
            }
        },
        move || {
            let clock = Clock::host();
            let (mut ages, reader) = latency();
            ready.store(true, Ordering::Release);
            let mut next = 0;
            while next < frames {
                let Ok((i, stamp)) = rx.pop() else {
                    std::hint::spin_loop();
                    continue;
                };
                std::hint::black_box((i, stamp));
                loaded();
                let now = clock.now();
                assert_eq!(i, next, "rtrb keeps the order");
                next += 1;
                if i >= skip {
                    ages.record(now - stamp);
                }
            }
            reader.snapshot()
        },
    );
    snapshot
}

/// Half the time in which one cache line goes there and back.
pub fn bounce(rounds: u64) -> f64 {
    #[repr(align(128))]
    struct Line(AtomicU64);
    let line = Arc::new(Line(AtomicU64::new(0)));
    let other = line.clone();
    let (nanos, ()) = on_two_cores(
        move || {
            let clock = Clock::host();
            let mut begun = HostTime(0);
            for i in 0..rounds + 1000 {
                if i == 1000 {
                    begun = clock.now();
                }
                line.0.store(2 * i + 1, Ordering::Release);
                while line.0.load(Ordering::Acquire) != 2 * i + 2 {
                    std::hint::spin_loop();
                }
            }
            (clock.now() - begun).0
        },
        move || {
            for i in 0..rounds + 1000 {
                while other.0.load(Ordering::Acquire) != 2 * i + 1 {
                    std::hint::spin_loop();
                }
                other.0.store(2 * i + 2, Ordering::Release);
            }
        },
    );
    nanos as f64 / rounds as f64 / 2.0
}

/// The limit of the pool's cycle: tokens through two rtrb rings, there and back. Rounds a second.
pub fn bare_cycle(tokens: usize, depth: usize, rounds: u64) -> f64 {
    let (mut tx, mut there) = rtrb::RingBuffer::<u32>::new(depth);
    let (mut back, mut rx) = rtrb::RingBuffer::<u32>::new(depth.max(tokens));
    let (nanos, ()) = on_two_cores(
        move || {
            let clock = Clock::host();
            let mut hand: Vec<u32> = (0..tokens as u32).collect();
            let begun = clock.now();
            let (mut sent, mut came) = (0, 0);
            while came < rounds {
                while let Ok(t) = rx.pop() {
                    hand.push(t);
                    came += 1;
                }
                if sent < rounds
                    && let Some(t) = hand.pop()
                {
                    match tx.push(t) {
                        Ok(()) => sent += 1,
                        Err(rtrb::PushError::Full(t)) => hand.push(t),
                    }
                }
            }
            (clock.now() - begun).0
        },
        move || {
            let mut done = 0;
            while done < rounds {
                if let Ok(t) = there.pop() {
                    back.push(t).expect("room for every token");
                    done += 1;
                }
            }
        },
    );
    rounds as f64 / (nanos as f64 / 1e9)
}
