//! What a commit must never do: show a frame that is not written, leave a gap, lose count of a frame that it could not
//! write, or end before everything is dealt with.

use super::super::RecorderSettings;
use super::super::state::{Job, Open};
use super::*;
use crate::clock::HostTime;
use crate::format::{Geometry, PixelFormat};
use crate::meta::{FrameMeta, Loss};
use crate::recording::chain::Chain;
use crate::recording::format::{End, Entry, EntryFault, Texts, WallClock, checksum};
use crate::recording::{Head, Rule, Segment};
use crate::source::FrameIdRule;
use crate::stages::frame_of;
use rtrb::{Producer, RingBuffer};
use std::fs::File;
use std::io::IoSlice;
use std::path::PathBuf;
use std::sync::mpsc;
use std::time::Instant;

const BYTES: u64 = 64;
const PATIENCE: Duration = Duration::from_secs(60);

fn geometry() -> Geometry {
    Geometry::new(8, 8, PixelFormat::MONO8)
}

fn payload(sequence: u64) -> [u8; BYTES as usize] {
    [sequence as u8; BYTES as usize]
}

/// A recorder's state with open segments and without its threads: frames get their places and are written by hand.
pub struct Rig {
    folder: PathBuf,
    pub shared: Arc<Shared>,
}

impl Rig {
    /// `indexes`: a segment for each, with that file, if any, in place of its own where index and events go;
    /// with room for so many events. Beside it the stage's end of the ring.
    pub fn new(name: &str, indexes: Vec<Option<File>>, events: u64) -> (Rig, Producer<Job>) {
        let unique = format!("frameline-commit-{}-{name}", std::process::id());
        let folder = std::env::temp_dir().join(unique);
        std::fs::create_dir_all(&folder).unwrap();
        let head = Head {
            geometry: geometry(),
            max_payload_bytes: 0,
            id_rule: FrameIdRule::default(),
            started: WallClock::at(HostTime(0)),
            texts: Texts::default(),
        };
        let path = folder.join("a.flr");
        let rule = Rule { frames: Some(512), events, direct: false, ..Rule::default() };
        let mut chain = Chain::new(&path, head.clone(), rule).unwrap();
        let (jobs, ring) = RingBuffer::new(4);
        let mut state = State::new(ring);
        for index in indexes {
            let file = chain.open_next(BYTES, 0).unwrap();
            state.open.push_back(Open::new(match index {
                Some(index) => file.with_index(index),
                None => file,
            }));
        }
        let shared = Shared::new(RecorderSettings::new(path), head, BYTES, state);
        (Rig { folder, shared: Arc::new(shared) }, jobs)
    }

    /// The next frame gets a place in the segment, as a writer gives it one. Returns its ticket.
    fn place(&self, segment: usize) -> u64 {
        let mut state = lock(&self.shared.state);
        let ticket = state.tickets;
        state.tickets += 1;
        let open = &mut state.open[segment];
        let (file, n) = (open.file.clone(), open.placed);
        (open.placed, open.pending) = (n + 1, open.pending + 1);
        state.flights.push_back(Flight { ticket, file, n, done: None });
        ticket
    }

    fn done(&self, ticket: u64, done: Result<[u8; 128], ()>) {
        let mut state = lock(&self.shared.state);
        state.flights.iter_mut().find(|f| f.ticket == ticket).unwrap().done = Some(done);
        state.since.get_or_insert_with(Instant::now);
        drop(state);
        self.shared.news.notify_one();
    }

    /// The payload of the frame, whose sequence is its ticket, is written.
    fn written(&self, ticket: u64) {
        let (file, n) = {
            let state = lock(&self.shared.state);
            let flight = state.flights.iter().find(|f| f.ticket == ticket).unwrap();
            (flight.file.clone(), flight.n)
        };
        let bytes = payload(ticket);
        file.write_payload(n, &[IoSlice::new(&bytes)], false).unwrap();
        self.done(ticket, Ok(entry(ticket).encode()));
    }

    fn next_run(&self) -> Option<(Run, Vec<u8>)> {
        let mut entries = vec![7; 5]; // Of the run before.
        let run = next_run(&mut lock(&self.shared.state), &mut entries)?;
        Some((run, entries))
    }

    /// What the thread does once, as long as there is something.
    fn commit_what_is_written(&self) {
        while let Some((run, entries)) = self.next_run() {
            commit_run(&self.shared, run, &entries);
        }
    }

    pub fn segment(&self, segment: usize) -> Segment {
        let path = lock(&self.shared.state).open[segment].file.path().to_path_buf();
        Segment::open(path).unwrap()
    }

    /// Of a segment: frames with a place, those not dealt with, and up to where it is committed.
    fn open(&self, segment: usize) -> (u64, u64, u64) {
        let open = &lock(&self.shared.state).open[segment];
        (open.placed, open.pending, open.committed)
    }

    /// Frames that are dealt with, recorded, not written.
    fn counts(&self) -> (u64, u64, u64) {
        let s = &self.shared;
        let read = |c: &crate::sync::AtomicU64| c.load(Ordering::Acquire);
        (read(&s.done), read(&s.frames), read(&s.not_written))
    }

    /// Starts the thread; the receiver hears of its end.
    fn run(&self) -> mpsc::Receiver<()> {
        let (ended, end) = mpsc::channel();
        let shared = self.shared.clone();
        std::thread::spawn(move || {
            commit_all(&shared);
            let _ = ended.send(());
        });
        end
    }
}

impl Drop for Rig {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

fn entry(sequence: u64) -> Entry {
    Entry {
        meta: FrameMeta { sequence, lost_before: Loss::default(), ..FrameMeta::of(&geometry()) },
        payload_bytes: BYTES,
        payload_crc: checksum(&payload(sequence)),
        ..Entry::default()
    }
}

/// The sequences of a segment's frames, each held against its checksum; `None`: it was not committed.
fn sequences(segment: &Segment) -> Vec<Option<u64>> {
    let mut read = Vec::new();
    let frames = (0..segment.frames()).map(|n| match segment.read(n, &mut read) {
        Ok(entry) => Some(entry.meta.sequence),
        Err(EntryFault::NotCommitted) => None,
        Err(fault) => panic!("frame {n}: {fault}"),
    });
    frames.collect()
}

/// Catches: a frame that is committed while its payload, or that of one before it, is still being written.
#[test]
fn only_what_is_written_at_the_front_is_committed() {
    let (rig, _jobs) = Rig::new("front", vec![None], 1);
    let tickets: Vec<_> = (0..4).map(|_| rig.place(0)).collect();
    rig.written(tickets[1]);
    rig.written(tickets[2]);
    assert_eq!(due_in(&lock(&rig.shared.state)), LOOK, "the front is not written");
    assert!(rig.next_run().is_none() && rig.segment(0).frames() == 0);
    rig.written(tickets[0]);
    let (run, entries) = rig.next_run().expect("three are written");
    assert_eq!((run.first, run.frames, entries.len() as u64), (0, 3, 3 * ENTRY_BYTES));
    // Under way: who closes files must not take them for dealt with.
    assert_eq!((rig.open(0), rig.counts()), ((4, 4, 0), (0, 0, 0)));
    commit_run(&rig.shared, run, &entries);
    assert_eq!((rig.open(0), rig.counts()), ((4, 1, 3), (3, 3, 0)));
    assert!(rig.next_run().is_none(), "the last one is not written");
    assert_eq!(sequences(&rig.segment(0)), [Some(0), Some(1), Some(2)]);
}

/// Catches: a frame that waits for its commit though nothing is in flight, or for ever while something always is.
#[test]
fn what_is_written_waits_for_others_and_not_long() {
    let (rig, _jobs) = Rig::new("gather", vec![None], 1);
    let (first, second) = (rig.place(0), rig.place(0));
    assert_eq!(due_in(&lock(&rig.shared.state)), LOOK);
    rig.written(first);
    assert!(due_in(&lock(&rig.shared.state)) <= GATHER);
    let mut state = lock(&rig.shared.state);
    state.since = Some(Instant::now() + PATIENCE);
    assert_eq!(due_in(&state), GATHER, "the other payload is in flight");
    state.since = Instant::now().checked_sub(GATHER);
    assert_eq!(due_in(&state), Duration::ZERO, "long enough");
    state.since = Some(Instant::now() + PATIENCE);
    drop(state);
    rig.written(second);
    assert_eq!(due_in(&lock(&rig.shared.state)), Duration::ZERO, "nothing is in flight");
}

/// Catches: entries of one file that are written to another; a frame that could not be written and is told as recorded,
/// or takes those behind it with it.
#[test]
fn a_run_ends_with_its_file_and_at_a_loss() {
    let (rig, _jobs) = Rig::new("files", vec![None, None], 1);
    let tickets: Vec<_> = [0, 0, 0, 1, 1].into_iter().map(|segment| rig.place(segment)).collect();
    for ticket in tickets {
        if ticket == 1 {
            rig.done(ticket, Err(()));
        } else {
            rig.written(ticket);
        }
    }
    let mut runs = Vec::new();
    while let Some((run, entries)) = rig.next_run() {
        runs.push((run.first, run.frames, entries.len() as u64 / ENTRY_BYTES));
        commit_run(&rig.shared, run, &entries);
    }
    assert_eq!(runs, [(0, 1, 1), (1, 1, 0), (2, 1, 1), (0, 2, 2)]);
    assert_eq!(sequences(&rig.segment(0)), [Some(0), None, Some(2)]);
    assert_eq!(sequences(&rig.segment(1)), [Some(3), Some(4)]);
    assert_eq!((rig.open(0), rig.open(1)), ((3, 0, 3), (2, 0, 2)));
    assert_eq!(rig.counts(), (5, 4, 1));
    assert_eq!(lock(&rig.shared.state).not_written, 1, "the next frame tells of it");
}

/// Catches: the commits of a file that is closed already, or of which another took the front, counted for another one.
#[test]
fn a_file_that_is_gone_meanwhile_leaves_the_others_alone() {
    let (rig, _jobs) = Rig::new("gone", vec![None, None], 1);
    let (old, new) = (rig.place(0), rig.place(1));
    rig.written(old);
    let (run, entries) = rig.next_run().expect("the first file's");
    let gone = lock(&rig.shared.state).open.pop_front().expect("it is open");
    commit_run(&rig.shared, run, &entries);
    assert_eq!((rig.open(0), rig.counts()), ((1, 1, 0), (1, 1, 0)));
    assert_eq!(sequences(&Segment::open(gone.file.path()).unwrap()), [Some(0)]);
    rig.written(new);
    rig.commit_what_is_written();
    assert_eq!((rig.open(0), rig.counts()), ((1, 0, 1), (2, 2, 0)));
}

/// Catches: a commit that fails and is counted as recorded, or not at all, so that the end waits for it for ever; one
/// that takes what was committed before with it, or is not told.
#[test]
fn a_commit_that_cannot_be_written_is_counted_and_told() {
    let exe = std::env::current_exe().unwrap();
    for (index, end, told) in [
        (File::open(exe).unwrap(), End::WriteError, "a.0001.flr cannot be written: "),
        (File::create("/dev/full").unwrap(), End::DiskFull, "a.0001.flr is full"),
    ] {
        let (rig, _jobs) = Rig::new(&format!("{end:?}"), vec![None, Some(index)], 1);
        let (first, others) = (rig.place(0), [rig.place(1), rig.place(1), rig.place(1)]);
        rig.written(first);
        others.into_iter().for_each(|ticket| rig.done(ticket, Ok(entry(ticket).encode())));
        rig.commit_what_is_written();
        assert_eq!((rig.open(0), rig.open(1)), ((1, 0, 1), (3, 0, 0)));
        assert_eq!((rig.counts(), sequences(&rig.segment(0))), ((4, 1, 3), vec![Some(0)]));
        let state = lock(&rig.shared.state);
        let (ended, sentence) = state.failure.as_ref().expect("the recording ends");
        assert!(*ended == end && sentence.contains(told), "{ended:?}: {sentence}");
        let errors = rig.shared.write_errors.load(Ordering::Relaxed);
        assert_eq!((state.not_written, errors), (3, 1));
        assert!(rig.shared.failed.load(Ordering::Acquire), "nothing more is handed over");
    }
}

/// Set where the test below runs by itself, in a process whose files may not grow beyond a limit.
#[cfg(feature = "cli")]
const ALONE: &str = "FRAMELINE_TEST_COMMIT_ALONE";

/// Catches: a commit that the system does in part, counted as if nothing of it were written, or all; and an entry without
/// its end that is taken for a frame.
#[cfg(feature = "cli")]
#[test]
fn a_commit_that_is_done_in_part_is_counted_as_far_as_it_came() {
    use std::process::Command;
    if std::env::var_os(ALONE).is_none() {
        let own = std::thread::current().name().map(str::to_string).expect("a test has a name");
        let mut alone = Command::new(std::env::current_exe().unwrap());
        let o = alone.args(["--exact", &own, "--nocapture"]).env(ALONE, "1").output().unwrap();
        let told = String::from_utf8_lossy(&o.stdout).into_owned();
        assert!(o.status.success() && told.contains("1 passed"), "{told}{o:?}");
        print!("{told}");
        return;
    }
    let (rig, _jobs) = Rig::new("part", vec![None], 1);
    (0..3).map(|_| rig.place(0)).collect::<Vec<_>>().into_iter().for_each(|t| rig.written(t));
    // The limit falls into the second entry: of the three, the system writes one and a half.
    crate::sys::ignore_file_size_signal();
    let limit = rig.segment(0).header().layout.entry_offset(1) + ENTRY_BYTES / 2;
    let own = std::process::id().to_string();
    let mut prlimit = Command::new("prlimit");
    if !prlimit
        .args(["--pid", &own, &format!("--fsize={limit}")])
        .status()
        .is_ok_and(|s| s.success())
    {
        println!("prlimit is missing or not allowed: no commit is done in part");
        return;
    }
    rig.commit_what_is_written();
    assert_eq!((rig.open(0), rig.counts()), ((3, 0, 1), (3, 1, 2)));
    assert_eq!(sequences(&rig.segment(0)), [Some(0)], "the torn one is none");
    let state = lock(&rig.shared.state);
    let (ended, sentence) = state.failure.as_ref().expect("the recording ends");
    assert!(*ended == End::DiskFull && sentence.contains("is full"), "{ended:?}: {sentence}");
    assert_eq!(state.not_written, 2, "the closing record tells of them");
}

/// Catches: an end that comes before the last frames are committed.
#[test]
fn the_end_waits_for_what_is_under_way() {
    let (rig, mut jobs) = Rig::new("end", vec![None], 1);
    let over = |rig: &Rig| is_over(&lock(&rig.shared.state));
    let (frame, _pool) = frame_of(&geometry(), &payload(0));
    let job = Job {
        frame: frame.to_shared().unwrap(),
        lost_before: Loss::default(),
        lost_by_hops: 0,
        not_written: 0,
        failed: false,
    };
    assert!(!over(&rig), "the stage lives");
    assert!(jobs.push(job).is_ok());
    drop(jobs);
    assert!(!over(&rig), "a frame has no place yet");
    let tickets: Vec<_> = (0..3).map(|_| rig.place(0)).collect();
    drop(lock(&rig.shared.state).ring.pop());
    assert!(!over(&rig), "three are being written");
    let end = rig.run();
    rig.written(tickets[2]);
    rig.done(tickets[0], Err(()));
    rig.written(tickets[1]);
    end.recv_timeout(PATIENCE).expect("it ends");
    assert!(over(&rig));
    assert_eq!((rig.counts(), rig.open(0)), ((3, 2, 1), (3, 0, 3)));
    assert_eq!(sequences(&rig.segment(0)), [None, Some(1), Some(2)]);
}

/// Catches: a reader beside the writer that finds a gap, or a committed frame without its payload, whatever the order in
/// which payloads are written; a wake-up that is lost.
#[test]
fn a_reader_finds_no_gap_whatever_the_order() {
    const FRAMES: u64 = 400;
    const UNDER_WAY: u64 = 8;
    let (rig, jobs) = Rig::new("order", vec![None], 1);
    let end = rig.run();
    let (wrote, look) = mpsc::sync_channel(0);
    let rig = &rig;
    std::thread::scope(|scope| {
        scope.spawn(move || {
            for round in 0..FRAMES / UNDER_WAY {
                let mut tickets: Vec<_> = (0..UNDER_WAY).map(|_| rig.place(0)).collect();
                // Another order each time, also with the first one last.
                tickets.rotate_left((round % UNDER_WAY) as usize);
                tickets.reverse();
                for ticket in tickets {
                    rig.written(ticket);
                    let _ = wrote.send(());
                }
            }
        });
        let mut seen = 0;
        for () in look {
            let counted = rig.counts().1;
            // The last one is looked for first: all before it must be there then.
            let found = sequences(&rig.segment(0));
            assert!(found.iter().copied().eq((0..found.len() as u64).map(Some)), "{found:?}");
            let frames = found.len() as u64;
            assert!(frames >= seen && frames >= counted, "{frames}: {seen} seen, {counted} told");
            seen = frames;
        }
    });
    drop(jobs);
    rig.shared.news.notify_one();
    end.recv_timeout(PATIENCE).expect("it ends");
    assert_eq!((rig.counts(), rig.open(0)), ((FRAMES, FRAMES, 0), (FRAMES, 0, FRAMES)));
    assert_eq!(sequences(&rig.segment(0)).len() as u64, FRAMES);
}
