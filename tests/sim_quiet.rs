//! The simulated camera and the checking stage allocate nothing after the start, whatever the script does.

use frameline::alloc::{CountingAllocator, hot_allocations, mark_hot};
use frameline::buffer::{Pool, PoolConfig};
use frameline::clock::{Clock, HostTime};
use frameline::sim::{Sim, SimConfig, Verify, VerifyConfig};
use frameline::source::{Fill, Grab, Source};
use frameline::stage::{Stage, StageContext};
use std::time::Duration;

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

const TIMEOUT: Duration = Duration::from_millis(1);

/// Grabs and checks `n` times; returns the allocations and the frames.
fn turn(query: &str, fill: Fill, n: usize) -> (u64, u64) {
    let config = SimConfig::from_uri(&format!("sim:?{query}")).unwrap();
    let geometries: Vec<_> = config.geometries().collect();
    let (clock, hand) = Clock::manual();
    let mut sim = Sim::in_manual_time(config, clock, hand).unwrap();
    let mut pool = match fill {
        Fill::Lend => Pool::lending(8, sim.keep().unwrap(), Default::default()),
        _ => Pool::new(PoolConfig::new(8, sim.max_payload_bytes()), Default::default()),
    }
    .unwrap();
    if fill == Fill::Announce {
        (0..6).for_each(|_| sim.queue(pool.take().unwrap()));
    }
    let mut verify = Verify::new(VerifyConfig::default());
    geometries.iter().rev().for_each(|g| verify.prepare(g).unwrap());
    sim.start(fill).unwrap();
    let mut frames = 0;
    let before = hot_allocations().expect("the counting allocator is installed");
    mark_hot(true);
    for _ in 0..n {
        let (frame, grab) = match fill {
            Fill::Announce => sim.grab_queued(TIMEOUT),
            _ => {
                // A lending pool takes homes in late; a buffer that waits there is missing to the camera.
                pool.collect();
                let mut frame = pool.take().unwrap();
                if frame.token() != 0 {
                    sim.give_back(&mut frame);
                }
                let grab = match fill {
                    Fill::Copy => sim.grab_into(&mut frame, TIMEOUT),
                    _ => sim.grab_lent(&mut frame, TIMEOUT),
                };
                (Some(frame), grab)
            }
        };
        match (frame, grab) {
            (Some(frame), Grab::Filled { .. }) => {
                frames += 1;
                let mut frame = frame.filled();
                let _ = verify.process(&mut frame, &mut StageContext::new(HostTime(0), None));
            }
            (Some(frame), _) => pool.put_back(frame),
            _ => {}
        }
        if fill == Fill::Announce
            && let Some(frame) = pool.take()
        {
            sim.queue(frame);
        }
    }
    mark_hot(false);
    (hot_allocations().unwrap() - before, frames)
}

#[test]
fn nothing_is_allocated_after_the_start() {
    let faults = "random 0.1 timeout;random 0.1 lose 2;random 0.1 incomplete;random 0.1 fail 9;random 0.1 \
                  duplicate;random 0.1 reorder;random 0.1 double;random 0.1 burst 20;every 50 short;at 99 lie 9;at 200 resize 100x80 Mono16;at 400 resize 64x64";
    for fill in [Fill::Copy, Fill::Announce, Fill::Lend] {
        for query in ["rate=max", "rate=2000&queue=5", "rate=10000", "rate=500&trigger=external"] {
            let (allocations, frames) =
                turn(&format!("width=128&height=64&{query}&faults={faults}"), fill, 3000);
            assert_eq!(allocations, 0, "{query} {fill:?}");
            assert!(frames > 1000, "{query} {fill:?}: {frames} frames only");
        }
    }
}

#[test]
fn the_conveyor_allocates_nothing_after_the_start() {
    for fill in [Fill::Copy, Fill::Announce, Fill::Lend] {
        for format in ["Mono8", "Mono12p", "BayerRG16"] {
            let query = format!(
                "width=320&height=256&scene=conveyor&format={format}&rate=max&faults=at 9 resize 352x288;at 19 resize 64x64"
            );
            let (allocations, frames) = turn(&query, fill, 40);
            assert_eq!(allocations, 0, "{query} {fill:?}");
            assert!(frames > 30, "{query} {fill:?}: {frames} frames only");
        }
    }
}
