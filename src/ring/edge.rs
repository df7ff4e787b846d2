//! One hop: the ring or tap, the policy, the counts, and who is woken when.

use super::policy::Policy;
use super::tap::{TapRx, TapTx, tap};
use crate::clock::HostTime;
use crate::sync::{Arc, CachePadded, WakeCell, rtrb};
use crate::telemetry::Counter;
use crate::touch;
use std::collections::VecDeque;

/// What travels through a hop: an item, or what the producer tells between its items.
///
/// Words and no `enum`: an entry must reach the stage in registers. A copy of variants of different shapes goes through memory
/// in pieces that are read in other pieces, and each such read waits until the store buffer is empty; and telling four variants
/// apart becomes a table of jumps that is often guessed wrong while the entry's line is still on its way.
#[derive(Debug)]
pub struct Entry<T> {
    /// The item; `None`: see [`Told::of`].
    pub item: Option<T>,
    /// When the item was pushed, in host nanoseconds; else the control's word, 0 for none.
    pub word: u64,
    /// Items that this hop did not pass on since the one before, and what was missing before those; or turns that bring
    /// nothing.
    pub count: u64,
}

/// What a producer tells between its items.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Told {
    /// So many items of this producer will not come: it keeps its turn among workers.
    Skip(u32),
    /// Everything of an epoch, or of the run, came before this.
    Control(Control),
}

impl<T> Entry<T> {
    #[inline(always)]
    fn of(item: T, pushed_at: HostTime, lost: u32) -> Entry<T> {
        Entry { item: Some(item), word: pushed_at.0, count: u64::from(lost) }
    }

    fn telling(told: Told) -> Entry<T> {
        let (word, count) = match told {
            Told::Skip(n) => (0, n),
            Told::Control(control) => (control.word(), 0),
        };
        Entry { item: None, word, count: u64::from(count) }
    }
}

impl Told {
    /// What the `word` and the `count` of an entry without an item say.
    pub fn of(word: u64, count: u64) -> Told {
        if word == 0 {
            Told::Skip(count as u32) // It was one.
        } else {
            Told::Control(Control::from_word(word))
        }
    }
}

/// What became of an item that was offered.
#[derive(Debug)]
pub enum Offer<T> {
    /// It is in.
    Accepted,
    /// It is in, and replaced this one.
    Replaced(T),
    /// The ring is full and the policy refuses.
    Refused(T),
    /// The policy leaves it out.
    Skipped(T),
    /// The ring is full and the policy is to wait: nothing is counted yet, offer it again.
    Full(T),
}

/// The counts of a hop. The first four are the producer's, the last the consumer's.
#[derive(Debug, Default)]
#[repr(align(128))]
pub struct EdgeCounts {
    /// Items that found their way in.
    pub accepted: Counter,
    /// Items refused because the ring was full.
    pub refused: Counter,
    /// Items replaced by a newer one.
    pub replaced: Counter,
    /// Items left out by the policy.
    pub skipped: Counter,
    /// Items taken out. On a line of its own: the consumer writes it while the producer writes the others.
    pub taken: CachePadded<Counter>,
}

impl EdgeCounts {
    /// Items offered, by what became of them.
    pub fn offered(&self) -> u64 {
        self.accepted.get() + self.refused.get() + self.skipped.get()
    }
}

/// An item's numbers in a tap, by which the consumer knows how many were replaced before it: those that
/// never came to the producer, and the item itself.
#[derive(Debug, Clone, Copy)]
struct Numbers {
    from: u64,
    to: u64,
}

enum Tx<T> {
    Ring(rtrb::Producer<Entry<T>>),
    Tap(TapTx<(T, HostTime, Numbers)>, u64),
}

enum Rx<T> {
    Ring(rtrb::Consumer<Entry<T>>),
    Tap(TapRx<(T, HostTime, Numbers)>, u64),
}

/// The producer's end of a hop.
pub struct EdgeTx<T> {
    tx: Tx<T>,
    policy: Policy,
    /// Items until the next one is offered (`1-in-n`).
    until: u32,
    lost: u32,
    /// Turns and controls that found no room yet; nothing overtakes them.
    owed: VecDeque<Told>,
    keeps_turn: bool,
    counts: Arc<EdgeCounts>,
    consumer: Arc<WakeCell>,
    wakes: bool,
}

/// The consumer's end of a hop.
pub struct EdgeRx<T> {
    rx: Rx<T>,
    counts: Arc<EdgeCounts>,
    producer: Arc<WakeCell>,
    wakes: bool,
}

/// The two beds that a hop wakes, and whether it has to.
#[derive(Debug, Clone)]
pub struct Beds {
    /// Where the producer sleeps.
    pub producer: Arc<WakeCell>,
    /// Whether the producer ever sleeps.
    pub producer_parks: bool,
    /// Where the consumer sleeps.
    pub consumer: Arc<WakeCell>,
    /// Whether the consumer ever sleeps.
    pub consumer_parks: bool,
}

/// A hop of `depth` entries. `keeps_turn` says that its producer is one of several whose items are
/// gathered in turn, so that each item that is not passed on must leave a [`Told::Skip`].
pub fn edge<T: Send>(
    depth: usize,
    policy: Policy,
    keeps_turn: bool,
    beds: Beds,
) -> (EdgeTx<T>, EdgeRx<T>) {
    let counts = Arc::new(EdgeCounts::default());
    let (tx, rx) = match policy {
        Policy::Latest => {
            let (tx, rx) = tap();
            (Tx::Tap(tx, 0), Rx::Tap(rx, 0))
        }
        _ => {
            let (tx, rx) = touch::ring(rtrb::RingBuffer::new(depth));
            (Tx::Ring(tx), Rx::Ring(rx))
        }
    };
    let tx = EdgeTx {
        tx,
        policy,
        until: 0,
        lost: 0,
        owed: VecDeque::with_capacity(8),
        keeps_turn,
        counts: counts.clone(),
        consumer: beds.consumer,
        wakes: beds.consumer_parks,
    };
    (tx, EdgeRx { rx, counts, producer: beds.producer, wakes: beds.producer_parks })
}

impl<T> EdgeTx<T> {
    /// The hop's counts.
    pub fn counts(&self) -> &Arc<EdgeCounts> {
        &self.counts
    }

    /// The hop's policy.
    pub fn policy(&self) -> Policy {
        self.policy
    }

    #[inline]
    fn wake(&self) {
        if self.wakes {
            self.consumer.wake();
        }
    }

    /// `n` items that should have come through here never will: the next one that does says so.
    pub fn note_missing(&mut self, n: u32) {
        match &mut self.tx {
            Tx::Ring(_) => self.lost = self.lost.saturating_add(n),
            Tx::Tap(_, put) => *put += u64::from(n),
        }
    }

    /// Offers an item, by the policy. `missing` says how many items before this one never came to the
    /// producer: they are handed down with the next item that gets in, should this one not.
    ///
    /// # Real-time
    /// The producer. Wait-free, no allocation, no lock; a system call only if the consumer sleeps.
    #[inline]
    pub fn offer(&mut self, item: T, missing: u32, now: HostTime) -> Offer<T> {
        if let Policy::OneIn(n) = self.policy {
            if self.until > 0 {
                self.until -= 1;
                self.counts.skipped.bump();
                self.leave_out(missing);
                return Offer::Skipped(item);
            }
            self.until = n.get() - 1;
        }
        match &mut self.tx {
            Tx::Tap(tx, put) => {
                let numbers = Numbers { from: *put, to: *put + u64::from(missing) + 1 };
                *put = numbers.to;
                let replaced = tx.put((item, now, numbers));
                self.counts.accepted.bump();
                self.wake();
                match replaced {
                    Some((old, ..)) => {
                        self.counts.replaced.bump();
                        Offer::Replaced(old)
                    }
                    None => Offer::Accepted,
                }
            }
            Tx::Ring(_) => {
                if self.owed.is_empty() {
                    self.offer_ring(item, missing, now)
                } else {
                    self.offer_behind(item, missing, now)
                }
            }
        }
    }

    /// Something is owed to the consumer and goes first.
    #[cold]
    fn offer_behind(&mut self, item: T, missing: u32, now: HostTime) -> Offer<T> {
        if self.settle() { self.offer_ring(item, missing, now) } else { self.full(item, missing) }
    }

    #[inline]
    fn offer_ring(&mut self, item: T, missing: u32, now: HostTime) -> Offer<T> {
        let Tx::Ring(tx) = &mut self.tx else { unreachable!("taps owe nothing") };
        match tx.push(Entry::of(item, now, self.lost)) {
            Ok(()) => {
                self.counts.accepted.bump();
                self.lost = 0;
                self.wake();
                Offer::Accepted
            }
            Err(rtrb::PushError::Full(Entry { item: Some(item), .. })) => self.full(item, missing),
            Err(_) => unreachable!("the ring gives back what it refused"),
        }
    }

    #[cold]
    fn full(&mut self, item: T, missing: u32) -> Offer<T> {
        if self.policy == Policy::Every {
            return Offer::Full(item);
        }
        self.counts.refused.bump();
        self.leave_out(missing);
        Offer::Refused(item)
    }

    #[inline]
    fn leave_out(&mut self, missing: u32) {
        self.lost = self.lost.saturating_add(missing).saturating_add(1);
        self.owe_turn();
        if self.keeps_turn {
            self.settle();
        }
    }

    /// The consumer will be told that one turn brings nothing. Turns are counted together, so the queue
    /// grows only with controls, which are rare.
    #[inline]
    fn owe_turn(&mut self) {
        if !self.keeps_turn {
            return;
        }
        match self.owed.back_mut() {
            Some(Told::Skip(n)) => *n = n.saturating_add(1),
            _ => self.owed.push_back(Told::Skip(1)),
        }
    }

    /// The producer has nothing for this turn (a frame ended before this hop): the consumer is told, so
    /// that it does not wait for it.
    pub fn pass_turn(&mut self) {
        if self.keeps_turn {
            self.owe_turn();
            self.settle();
        }
    }

    /// Pushes what is owed, if there is room. Returns whether nothing is owed any more.
    pub fn settle(&mut self) -> bool {
        let Tx::Ring(tx) = &mut self.tx else { return true };
        let mut moved = false;
        while let Some(owed) = self.owed.front() {
            if tx.push(Entry::telling(*owed)).is_err() {
                break;
            }
            self.owed.pop_front();
            moved = true;
        }
        if moved {
            self.wake();
        }
        self.owed.is_empty()
    }

    /// Puts a marker or an end behind everything offered so far. If there is no room now it goes in before
    /// anything else does: call [`settle`](Self::settle) until it says so.
    pub fn put_control(&mut self, control: Control) -> bool {
        match &mut self.tx {
            Tx::Ring(_) => {
                self.owed.push_back(Told::Control(control));
                self.settle()
            }
            Tx::Tap(tx, _) => {
                tx.set_control(control.word());
                self.wake();
                true
            }
        }
    }

    /// Whether an offer could be accepted now. A `true` stays true until the producer pushes.
    #[inline]
    pub fn has_room(&self) -> bool {
        match &self.tx {
            Tx::Ring(tx) => !tx.is_full(),
            Tx::Tap(..) => true,
        }
    }
}

/// What is put behind the last item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Control {
    /// Everything before this belongs to the epoch before this one.
    Marker(u64),
    /// The end of the sequence: the number of the last item accepted, plus one.
    End(u64),
}

impl Control {
    /// Never 0, and different for successive controls.
    fn word(self) -> u64 {
        match self {
            Control::Marker(epoch) => (epoch << 1) | 1,
            Control::End(sequence) => (sequence + 1) << 1,
        }
    }

    fn from_word(word: u64) -> Control {
        if word & 1 == 1 { Control::Marker(word >> 1) } else { Control::End((word >> 1) - 1) }
    }
}

impl<T> EdgeRx<T> {
    /// The hop's counts.
    pub fn counts(&self) -> &Arc<EdgeCounts> {
        &self.counts
    }

    /// The next entry, if there is one.
    ///
    /// # Real-time
    /// The consumer. Wait-free, no allocation, no lock; a system call only if the producer sleeps.
    #[inline(always)] // See `Entry`.
    pub fn pop(&mut self) -> Option<Entry<T>> {
        let entry = match &mut self.rx {
            Rx::Ring(rx) => rx.pop().ok()?,
            Rx::Tap(rx, expected) => match rx.next()? {
                Ok((item, pushed_at, numbers)) => {
                    let lost = u32::try_from(numbers.from - *expected).unwrap_or(u32::MAX);
                    *expected = numbers.to;
                    Entry::of(item, pushed_at, lost)
                }
                Err(word) => Entry::telling(Told::Control(Control::from_word(word))),
            },
        };
        if entry.item.is_some() {
            self.counts.taken.bump();
        }
        if self.wakes {
            self.producer.wake();
        }
        Some(entry)
    }

    /// Whether the producer is gone: what is there now is all that will ever be. A `true` stays true.
    pub fn is_abandoned(&self) -> bool {
        match &self.rx {
            Rx::Ring(rx) => rx.is_abandoned(),
            Rx::Tap(rx, _) => rx.is_abandoned(),
        }
    }

    /// Whether there is an entry. A `true` stays true until the consumer pops.
    #[inline]
    pub fn is_ready(&self) -> bool {
        match &self.rx {
            Rx::Ring(rx) => !rx.is_empty(),
            Rx::Tap(rx, _) => rx.is_ready(),
        }
    }
}
