//! The bounded queue before the log file, and the books about its lines.

use super::LogOutcome;
use super::roll::RollingFile;
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tracing_appender::non_blocking::{NonBlocking, NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::fmt::MakeWriter;

/// How long the end of a run waits for the disk.
const PATIENCE: Duration = Duration::from_secs(2);

/// What happened to lines, as far as the writing thread knows.
#[derive(Debug, Default)]
struct Books {
    offered: u64,
    written: u64,
    failed: u64,
    error: Option<String>,
}

#[derive(Debug, Default)]
struct Shared {
    books: Mutex<Books>,
    changed: Condvar,
}

impl Shared {
    fn books(&self) -> MutexGuard<'_, Books> {
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A queue with the thread that empties it.
#[derive(Debug)]
pub(super) struct Queue {
    lines: NonBlocking,
    /// Ends the thread when dropped.
    guard: Option<WorkerGuard>,
    shared: Arc<Shared>,
}

impl Queue {
    /// A queue of at most `limit` lines before a file.
    pub fn new(file: RollingFile, limit: usize) -> Queue {
        Queue::before(file, limit)
    }

    fn before(writer: impl Write + Send + 'static, limit: usize) -> Queue {
        let shared = Arc::new(Shared::default());
        let counted = Counted { writer, shared: shared.clone(), torn: false };
        let (lines, guard) = NonBlockingBuilder::default()
            .lossy(true)
            .buffered_lines_limit(limit)
            .thread_name("log")
            .finish(counted);
        Queue { lines, guard: Some(guard), shared }
    }

    /// What a subscriber writes its lines to.
    pub fn writer(&self) -> Offering {
        Offering { lines: self.lines.clone(), shared: self.shared.clone() }
    }

    fn dropped(&self) -> u64 {
        self.lines.error_counter().dropped_lines() as u64
    }

    /// Waits for the disk, at most [`PATIENCE`].
    fn settle(&mut self) {
        let Some(guard) = self.guard.take() else { return };
        let waits = |b: &mut Books| b.written + b.failed + self.dropped() < b.offered;
        let books = self.shared.books();
        let waited = self.shared.changed.wait_timeout_while(books, PATIENCE, waits);
        let late = waited.unwrap_or_else(PoisonError::into_inner).1.timed_out();
        if late {
            // It would wait for the disk once more, and complain on stdout. The thread ends with the process.
            std::mem::forget(guard);
        }
    }

    /// Waits for the disk, and closes the books.
    pub fn finish(mut self, file: PathBuf) -> LogOutcome {
        self.settle();
        let b = self.shared.books();
        LogOutcome {
            file,
            written: b.written,
            dropped: b.offered.saturating_sub(b.written + b.failed),
            failed: b.failed,
            error: b.error.clone(),
        }
    }
}

impl Drop for Queue {
    fn drop(&mut self) {
        self.settle();
    }
}

/// Puts lines into the queue. Never blocks on the disk.
#[derive(Debug, Clone)]
pub(super) struct Offering {
    lines: NonBlocking,
    shared: Arc<Shared>,
}

impl Write for Offering {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.shared.books().offered += 1;
        self.lines.write(line)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Offering {
    type Writer = Offering;

    fn make_writer(&'a self) -> Offering {
        self.clone()
    }
}

/// Counts what the thread writes, and what it could not.
#[derive(Debug)]
struct Counted<W> {
    writer: W,
    shared: Arc<Shared>,
    /// A line may have been written in part.
    torn: bool,
}

impl<W: Write> Write for Counted<W> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        // So that a torn line costs itself, not the next one, too.
        let begun = if self.torn { self.writer.write_all(b"\n") } else { Ok(()) };
        let written = begun.and_then(|()| self.writer.write_all(line));
        self.torn = written.is_err();
        let mut books = self.shared.books();
        match written {
            Ok(()) => books.written += 1,
            Err(e) => {
                books.failed += 1;
                books.error.get_or_insert_with(|| e.to_string());
            }
        }
        drop(books);
        self.shared.changed.notify_all();
        // The books have it: the thread goes on with the next line.
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.writer.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::{Receiver, Sender, channel};

    /// A disk that takes a line when it is told what to answer.
    struct Slow {
        asked: Sender<Vec<u8>>,
        answers: Receiver<io::Result<()>>,
    }

    impl Write for Slow {
        fn write(&mut self, line: &[u8]) -> io::Result<usize> {
            let _ = self.asked.send(line.to_vec());
            self.answers.recv().unwrap_or(Ok(())).map(|()| line.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn slow(limit: usize) -> (Queue, Receiver<Vec<u8>>, Sender<io::Result<()>>) {
        let (asked, asks) = channel();
        let (answer, answers) = channel();
        (Queue::before(Slow { asked, answers }, limit), asks, answer)
    }

    #[test]
    fn a_slow_disk_costs_lines_that_are_counted_and_never_time() {
        // Catches a logger that waits for the disk, and lines that vanish without a count.
        let (queue, asks, answer) = slow(2);
        let mut writer = queue.writer();
        writer.write_all(b"first\n").unwrap();
        // The thread holds the first line; two wait; the rest finds no room.
        assert_eq!(asks.recv_timeout(Duration::from_secs(60)).unwrap(), b"first\n");
        for _ in 0..10 {
            writer.write_all(b"more\n").unwrap();
        }
        (0..3).for_each(|_| answer.send(Ok(())).unwrap());
        let o = queue.finish("x".into());
        assert_eq!((o.written, o.dropped, o.failed), (3, 8, 0));
        assert!(o.text().contains("8 dropped because the disk was too slow"), "{}", o.text());
    }

    #[test]
    fn lines_that_the_system_refuses_are_counted_with_the_reason() {
        // Catches a full disk that nobody hears of, and a torn line that spoils the next one.
        let (queue, asks, answer) = slow(100);
        let mut writer = queue.writer();
        for line in ["a\n", "b\n", "c\n"] {
            writer.write_all(line.as_bytes()).unwrap();
        }
        let full = || Err(io::Error::new(io::ErrorKind::StorageFull, "the disk is full"));
        for a in [full(), Ok(()), Ok(()), Ok(())] {
            answer.send(a).unwrap();
        }
        let o = queue.finish("x".into());
        assert_eq!((o.written, o.dropped, o.failed), (2, 0, 1));
        assert_eq!(o.error.as_deref(), Some("the disk is full"));
        let seen: Vec<_> = asks.try_iter().collect();
        assert_eq!(seen, [&b"a\n"[..], b"\n", b"b\n", b"c\n"]);
    }

    #[test]
    fn a_disk_that_hangs_does_not_hold_the_end_of_the_run() {
        // Catches a program that cannot be ended because its log lies on a dead network share.
        let (queue, asks, answer) = slow(4);
        queue.writer().write_all(b"stuck\n").unwrap();
        asks.recv_timeout(Duration::from_secs(60)).unwrap();
        let o = queue.finish("x".into());
        assert_eq!((o.written, o.dropped), (0, 1));
        drop(answer);
    }
}
