//! Memory and stacks that are touched when they are made, so that no hot thread faults a page in later.
//!
//! The allocator hands out fresh memory untouched: the first write to each of its pages is a page fault, be it an hour
//! after the start, when a ring comes round to a place that was never filled before.

use std::hint::black_box;
use std::mem::MaybeUninit;

/// Stack that a line's thread may use before it faults a page in: far more than the built-in stages need, and
/// far less than the smallest stack that a thread of ours runs on.
const STACK_BYTES: usize = 128 * 1024;

/// An empty vector with room for `capacity` items, every page of it touched.
pub(crate) fn vec<T>(capacity: usize) -> Vec<T> {
    // Through the box, lest the compiler ask for memory that is zero already, which is memory untouched.
    let mut v: Vec<T> = black_box(Vec::with_capacity(capacity));
    fill(v.spare_capacity_mut());
    v
}

/// The same ring, every place of it touched. For rings that nothing has been pushed into.
#[cfg(not(loom))]
pub(crate) fn ring<T>((tx, rx): Ring<T>) -> Ring<T> {
    let mut tx = black_box(tx);
    if let Ok(mut places) = tx.write_chunk_uninit(tx.slots()) {
        let (first, second) = places.as_mut_slices();
        fill(first);
        fill(second);
        // Nothing was committed: the ring is as empty as before.
    }
    (tx, rx)
}

#[cfg(not(loom))]
type Ring<T> = (rtrb::Producer<T>, rtrb::Consumer<T>);

/// The model checker's rings have no memory to speak of.
#[cfg(loom)]
pub(crate) fn ring<R>(ring: R) -> R {
    ring
}

/// Touches the calling thread's stack.
#[inline(never)]
pub(crate) fn stack() {
    black_box(&[1_u8; STACK_BYTES]);
}

fn fill<T>(places: &mut [MaybeUninit<T>]) {
    places.fill_with(MaybeUninit::zeroed);
    black_box(places);
}

#[cfg(all(test, target_os = "linux", not(loom)))]
mod tests {
    use super::*;

    /// Minor page faults of this thread so far (field 10 of `stat`, proc(5)).
    fn faults() -> u64 {
        let stat = std::fs::read_to_string("/proc/thread-self/stat").expect("proc");
        let fields = stat.rsplit_once(')').expect("a name").1;
        fields.split_ascii_whitespace().nth(7).expect("minflt").parse().expect("a number")
    }

    /// Of eight bytes each: 96 MiB. The allocator answers so large a wish with fresh memory, never with some that was
    /// given back, which is touched already: what is beyond 32 MiB is mapped unless a free piece is as large (mallopt(3)),
    /// and of free pieces at the end of a heap it keeps no more than 64 MiB.
    const PLACES: usize = 12 << 20;

    /// Faults while memory is used. A page that the kernel moves meanwhile costs one too, hence the margin below;
    /// twenty thousand pages are written to.
    fn faults_of(used: impl FnOnce()) -> u64 {
        let before = faults();
        used();
        faults() - before
    }

    /// Catches a ring whose places are touched only when it comes round to them; and that an untouched one is seen.
    #[test]
    fn a_ring_is_touched_when_it_is_made() {
        let go_round = |(mut tx, mut rx): Ring<u64>| {
            faults_of(|| {
                for i in 0..PLACES as u64 {
                    tx.push(i).expect("there is room");
                    assert_eq!(rx.pop(), Ok(i));
                }
            })
        };
        let untouched = go_round(rtrb::RingBuffer::new(PLACES));
        let touched = go_round(ring(rtrb::RingBuffer::new(PLACES)));
        // Huge pages, where the machine always uses them, leave four faults.
        assert!(untouched >= 4 && touched < untouched / 2, "{touched} and {untouched}");
    }

    /// Catches a vector whose memory is asked for as zeros, which nobody has touched.
    #[test]
    fn a_vector_is_touched_when_it_is_made() {
        let write = |mut v: Vec<u64>| faults_of(|| (0..PLACES as u64).for_each(|i| v.push(i)));
        let untouched = write(black_box(Vec::with_capacity(PLACES)));
        let touched = write(vec(PLACES));
        assert!(untouched >= 4 && touched < untouched / 2, "{touched} and {untouched}");
    }
}
