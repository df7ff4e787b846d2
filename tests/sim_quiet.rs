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
    let config = SimConfig::from_uri(&format!("sim:?width=128&height=64&{query}")).unwrap();
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
    verify.prepare(&sim.geometry()).unwrap();
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
                  duplicate;random 0.1 reorder;random 0.1 double;random 0.1 burst 20;every 50 short;at 99 lie 9";
    for fill in [Fill::Copy, Fill::Announce, Fill::Lend] {
        for query in ["rate=max", "rate=2000&queue=5", "rate=10000", "rate=500&trigger=external"] {
            let (allocations, frames) = turn(&format!("{query}&faults={faults}"), fill, 3000);
            assert_eq!(allocations, 0, "{query} {fill:?}");
            assert!(frames > 1000, "{query} {fill:?}: {frames} frames only");
        }
    }
}

/// Not a test but a look: `cargo test --release --test sim_quiet -- --ignored --nocapture`.
#[test]
#[ignore = "prints how fast the simulated camera is"]
fn speed() {
    let config = |query: &str| SimConfig::from_uri(&format!("sim:?rate=max&{query}")).unwrap();
    let bytes = config("").max_payload_bytes() as usize;
    let (from, mut to) = (vec![1_u8; bytes * 8], vec![2_u8; bytes * 8]);
    let clock = Clock::host();
    for round in 0..2 {
        let t = clock.now();
        for k in 0..64 {
            let at = (k % 8) * bytes;
            to[at..at + bytes].copy_from_slice(&from[at..at + bytes]);
            std::hint::black_box(&mut to);
        }
        println!(
            "memcpy round {round}: {} a frame",
            frameline::clock::Nanos((clock.now() - t).0 / 64)
        );
    }
    for (query, fill, n) in [
        ("", Fill::Copy, 200),
        ("", Fill::Lend, 2000),
        ("stamp=off", Fill::Copy, 1_000_000),
        ("stamp=off", Fill::Lend, 1_000_000),
    ] {
        let mut sim = Sim::new(config(query)).unwrap();
        let mut pool = match fill {
            Fill::Lend => Pool::lending(8, sim.keep().unwrap(), Default::default()),
            _ => Pool::new(
                PoolConfig { headroom: 1.0, ..PoolConfig::new(8, bytes) },
                Default::default(),
            ),
        }
        .unwrap();
        sim.start(fill).unwrap();
        let mut frames: Vec<_> = (0..8).map(|_| pool.take().unwrap()).collect();
        for round in 0..3 {
            let t = clock.now();
            for k in 0..n {
                let frame = &mut frames[k % 8];
                match fill {
                    Fill::Copy => sim.grab_into(frame, TIMEOUT),
                    _ => {
                        if frame.token() != 0 {
                            sim.give_back(frame);
                        }
                        sim.grab_lent(frame, TIMEOUT)
                    }
                };
            }
            let each = (clock.now() - t).0 as f64 / n as f64;
            println!("{fill:?} {query} round {round}: {each:.1} ns a frame");
        }
        if query.is_empty() {
            let mut verify = Verify::new(VerifyConfig::default());
            verify.prepare(&sim.geometry()).unwrap();
            let mut cx = StageContext::new(HostTime(0), None);
            let mut filled: Vec<_> = frames.into_iter().map(|f| f.filled()).collect();
            let t = clock.now();
            filled.iter_mut().for_each(|f| drop(verify.process(f, &mut cx)));
            println!("verify: {:.0} ns a frame", (clock.now() - t).0 as f64 / 8.0);
        }
    }
    let sim = Sim::new(config("")).map(|_| ());
    let t = clock.now();
    sim.and_then(|()| Sim::new(config("")).map(drop)).unwrap();
    println!("construction: {}", clock.now() - t);
}
