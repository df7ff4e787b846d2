//! Hops and taps, explored by the model checker. Items are loom cells that the producer writes just before
//! it offers them and the consumer reads just after it got them, so that a hand-over which does not order the
//! two is an error that loom names. A wake-up that is lost shows as a deadlock: the model has no time.
//!
//! Run with `RUSTFLAGS="--cfg loom" cargo test --release --lib loom`.

use super::tap::tap;
use super::{Beds, Control, EdgeRx, EdgeTx, Entry, Offer, Policy, Told, edge};
use crate::clock::HostTime;
use crate::sync::{Arc, UnsafeCell, WakeCell};
use crate::wait::{WaitStrategy, Waiter};
use loom::thread;
use std::time::Duration;

fn explore(preemptions: usize, model: impl Fn() + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(preemptions);
    builder.check(model);
}

/// An item that remembers who may touch it.
struct Item(Box<UnsafeCell<u32>>);

// SAFETY: it is handed over by the hop, which is what loom checks.
#[allow(unsafe_code)]
unsafe impl Send for Item {}

impl Item {
    #[allow(unsafe_code)]
    fn new(n: u32) -> Item {
        let cell = UnsafeCell::new(0);
        // SAFETY: nobody else has it yet.
        cell.with_mut(|c| unsafe { *c = n });
        Item(Box::new(cell))
    }

    #[allow(unsafe_code)]
    fn read(&self) -> u32 {
        // SAFETY: checked by loom.
        self.0.with(|c| unsafe { *c })
    }

    /// Writes once more, as a stage that is alone may.
    #[allow(unsafe_code)]
    fn spoil(&self) {
        // SAFETY: checked by loom.
        self.0.with_mut(|c| unsafe { *c += 100 });
    }
}

struct Hop {
    tx: EdgeTx<Item>,
    rx: EdgeRx<Item>,
    producer: Arc<WakeCell>,
    consumer: Arc<WakeCell>,
}

fn hop(depth: usize, policy: Policy) -> Hop {
    let (producer, consumer) = (Arc::new(WakeCell::new()), Arc::new(WakeCell::new()));
    let beds = Beds {
        producer: producer.clone(),
        producer_parks: true,
        consumer: consumer.clone(),
        consumer_parks: true,
    };
    let (tx, rx) = edge(depth, policy, false, beds);
    Hop { tx, rx, producer, consumer }
}

/// Waits for the next entry, as a stage does.
fn next(rx: &mut EdgeRx<Item>, bed: &WakeCell, waiter: &mut Waiter) -> Entry<Item> {
    loop {
        if let Some(entry) = rx.pop() {
            return entry;
        }
        waiter.wait(bed, Duration::MAX, || rx.is_ready());
    }
}

/// Takes everything up to the end. Returns the items and the losses they told of.
fn take_all(mut rx: EdgeRx<Item>, bed: &WakeCell) -> (Vec<u32>, u32) {
    let mut waiter = Waiter::new(WaitStrategy::Park);
    let (mut seen, mut told) = (Vec::new(), 0);
    loop {
        let Entry { item, word, count } = next(&mut rx, bed, &mut waiter);
        match item {
            Some(item) => {
                seen.push(item.read());
                item.spoil();
                told += count as u32;
            }
            None => {
                assert_eq!(Told::of(word, count), Told::Control(Control::End(7)));
                assert!(rx.pop().is_none(), "something came behind the end");
                return (seen, told);
            }
        }
    }
}

/// Offers until it is in, as a producer of policy `every` does.
fn put(tx: &mut EdgeTx<Item>, n: u32, bed: &WakeCell, waiter: &mut Waiter) {
    let mut item = Item::new(n);
    loop {
        match tx.offer(item, 0, HostTime(0)) {
            Offer::Accepted => return,
            Offer::Full(back) => item = back,
            _ => unreachable!("the policy is every"),
        }
        waiter.wait(bed, Duration::MAX, || tx.has_room());
    }
}

fn end(tx: &mut EdgeTx<Item>, bed: &WakeCell, waiter: &mut Waiter) {
    let mut done = tx.put_control(Control::End(7));
    while !done {
        waiter.wait(bed, Duration::MAX, || tx.has_room());
        done = tx.settle();
    }
}

/// Catches a wake-up lost in either direction (the consumer sleeps for items, the producer for room), an
/// item lost, doubled or overtaken, and a hand-over that does not order the two.
#[test]
fn loom_hop_waits_for_items_and_for_room() {
    explore(3, || {
        let Hop { mut tx, rx, producer, consumer } = hop(1, Policy::Every);
        let counts = tx.counts().clone();
        let maker = thread::spawn(move || {
            let mut waiter = Waiter::new(WaitStrategy::Park);
            put(&mut tx, 1, &producer, &mut waiter);
            put(&mut tx, 2, &producer, &mut waiter);
            end(&mut tx, &producer, &mut waiter);
        });
        let (seen, told) = take_all(rx, &consumer);
        maker.join().unwrap();
        assert_eq!((seen, told), (vec![1, 2], 0));
        assert_eq!((counts.accepted.get(), counts.taken.get()), (2, 2));
    });
}

/// Catches a refusal that nobody counts or tells of, and an end that finds no room and is forgotten.
#[test]
fn loom_hop_that_refuses_accounts_for_each() {
    explore(3, || {
        let Hop { mut tx, rx, producer, consumer } = hop(1, Policy::Refuse);
        let counts = tx.counts().clone();
        let maker = thread::spawn(move || {
            let mut waiter = Waiter::new(WaitStrategy::Park);
            for n in 1..=3 {
                match tx.offer(Item::new(n), 0, HostTime(0)) {
                    Offer::Accepted => {}
                    Offer::Refused(item) => item.spoil(),
                    _ => unreachable!("the policy is refuse"),
                }
            }
            end(&mut tx, &producer, &mut waiter);
        });
        let (seen, told) = take_all(rx, &consumer);
        maker.join().unwrap();
        assert!(seen.is_sorted());
        let refused = counts.refused.get();
        assert_eq!(seen.len() as u64 + refused, 3);
        assert_eq!((counts.accepted.get(), counts.taken.get()), (3 - refused, 3 - refused));
        // What was refused before an item is told with it; what was refused last has no next item.
        assert_eq!(u64::from(told), seen.last().map_or(0, |n| u64::from(*n) - seen.len() as u64));
    });
}

/// Catches a tap that hands an old item out after a new one, loses one uncounted, hands one out twice, or
/// lets the end overtake the newest item.
#[test]
fn loom_tap_newest_wins_and_each_is_counted() {
    explore(3, || {
        let Hop { mut tx, rx, consumer, .. } = hop(1, Policy::Latest);
        let counts = tx.counts().clone();
        let maker = thread::spawn(move || {
            for n in 1..=3 {
                match tx.offer(Item::new(n), 0, HostTime(0)) {
                    Offer::Accepted => {}
                    // The producer may do with it what it likes: nobody else has it.
                    Offer::Replaced(old) => old.spoil(),
                    _ => unreachable!("a tap takes everything"),
                }
            }
            tx.put_control(Control::End(7));
        });
        let (seen, told) = take_all(rx, &consumer);
        maker.join().unwrap();
        assert!(seen.is_sorted_by(|a, b| a < b), "{seen:?}");
        assert_eq!(seen.last(), Some(&3), "the newest always arrives");
        assert_eq!(seen.len() as u64 + counts.replaced.get(), 3);
        assert_eq!(u64::from(told), counts.replaced.get());
        assert_eq!(counts.taken.get(), seen.len() as u64);
    });
}

/// Catches a control word that is seen before an item which was put before it.
#[test]
fn loom_tap_control_never_overtakes() {
    explore(4, || {
        let (mut tx, mut rx) = tap();
        let maker = thread::spawn(move || {
            drop(tx.put(Item::new(1)));
            tx.set_control(5);
            drop(tx.put(Item::new(2)));
            tx.set_control(6);
        });
        let (mut last, mut control) = (0, 0);
        for _ in 0..3 {
            match rx.next() {
                Some(Ok(item)) => {
                    assert!(item.read() > last);
                    last = item.read();
                }
                Some(Err(word)) => {
                    // What was put before the word is gone, or was taken before.
                    assert!(word > control);
                    control = word;
                    assert!(
                        last >= u32::from(word == 5) + 2 * u32::from(word == 6),
                        "{last} {word}"
                    );
                }
                None => {}
            }
        }
        maker.join().unwrap();
    });
}
