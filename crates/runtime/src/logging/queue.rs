//! A bounded queue from the working threads to a slow device. Only the thread behind the queue writes to the
//! device. Nothing waits for space in the queue: lines that don't fit are counted.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use crossbeam_channel::{Receiver, Sender, TrySendError, bounded};
use dragline_core::worker::Worker;

use super::counts::{LogCounts, LostBy};

/// Maximum number of waiting lines.
const MAX_LINES: usize = 4_096;
/// Maximum bytes of waiting lines.
const MAX_BYTES: usize = 8 << 20;
/// Maximum bytes of one write.
const MAX_BATCH_BYTES: usize = 64 << 10;

/// The device.
pub(super) trait Sink: Send + 'static {
    /// Writes whole lines, and shows `panel` below them if there is a new one. Returns how many lines could not
    /// be written.
    fn write(&mut self, lines: &[Vec<u8>], panel: Option<Vec<String>>) -> u64;
}

/// The sending side.
#[derive(Clone)]
pub(super) struct Queue {
    sender: Sender<Message>,
    waiting_bytes: Arc<AtomicUsize>,
    counts: LogCounts,
    lost_by: LostBy,
}

enum Message {
    Line(Vec<u8>),
    Panel(Vec<String>),
    Settle(Sender<()>),
}

/// Renders the line that says how many lines have been dropped.
pub(super) type DroppedLine = Box<dyn Fn(u64) -> Vec<u8> + Send>;

impl Queue {
    /// Starts the thread. It ends only with the process, because a device may block it forever.
    pub(super) fn start(
        name: &str,
        sink: impl Sink,
        counts: LogCounts,
        lost_by: LostBy,
        dropped: DroppedLine,
    ) -> io::Result<Self> {
        let (sender, receiver) = bounded(MAX_LINES);
        let waiting_bytes = Arc::new(AtomicUsize::new(0));
        let writer = Writer {
            sink,
            receiver,
            waiting_bytes: Arc::clone(&waiting_bytes),
            counts: counts.clone(),
            lost_by,
            dropped,
        };
        Worker::spawn(name, move || writer.run())?;
        Ok(Self { sender, waiting_bytes, counts, lost_by })
    }

    /// Sends a line with its line end. Never waits.
    pub(super) fn line(&self, line: Vec<u8>) {
        let bytes = line.len();
        if self.waiting_bytes.fetch_add(bytes, Ordering::Relaxed) < MAX_BYTES
            && self.sender.try_send(Message::Line(line)).is_ok()
        {
            return;
        }
        self.waiting_bytes.fetch_sub(bytes, Ordering::Relaxed);
        self.counts.drop_line(self.lost_by, 1);
    }

    /// Sets what is shown below the lines. Never waits: a panel that doesn't fit is out of date anyway.
    pub(super) fn panel(&self, rows: Vec<String>) {
        let _ = self.sender.try_send(Message::Panel(rows));
    }

    /// Removes the panel, and waits until that and all earlier lines are written. Returns whether they are.
    pub(super) fn settle(&self, deadline: Instant) -> bool {
        let (done, is_done) = bounded(1);
        for message in [Message::Panel(Vec::new()), Message::Settle(done)] {
            if self.sender.send_deadline(message, deadline).is_err() {
                return false;
            }
        }
        is_done.recv_deadline(deadline).is_ok()
    }

    /// Whether there is space for a line.
    #[cfg(test)]
    pub(super) fn has_room(&self) -> bool {
        !self.sender.is_full()
    }
}

struct Writer<S> {
    sink: S,
    receiver: Receiver<Message>,
    waiting_bytes: Arc<AtomicUsize>,
    counts: LogCounts,
    lost_by: LostBy,
    dropped: DroppedLine,
}

impl<S: Sink> Writer<S> {
    fn run(mut self) {
        let mut told = 0;
        while let Ok(first) = self.receiver.recv() {
            let (mut lines, mut panel, mut settled) = (Vec::new(), None, Vec::new());
            let (mut bytes, mut next) = (0, Some(first));
            while let Some(message) = next {
                match message {
                    Message::Line(line) => {
                        bytes += line.len();
                        lines.push(line);
                    }
                    Message::Panel(rows) => panel = Some(rows),
                    Message::Settle(done) => settled.push(done),
                }
                next = if bytes < MAX_BATCH_BYTES { self.receiver.try_recv().ok() } else { None };
            }
            self.waiting_bytes.fetch_sub(bytes, Ordering::Relaxed);
            // Only say this when the queue has caught up, or an overload would repeat it with each batch.
            let dropped = self.counts.lost(self.lost_by);
            if dropped > told && self.receiver.is_empty() {
                told = dropped;
                lines.push((self.dropped)(dropped));
            }
            let lost = self.sink.write(&lines, panel);
            self.counts.drop_line(self.lost_by, lost);
            // Don't tell the device what it refused, because it would refuse that too.
            told += lost;
            for done in settled {
                let _: Result<(), TrySendError<()>> = done.try_send(());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    /// Before each write, waits until it is allowed.
    struct Gate(Receiver<()>, Sender<Vec<u8>>);

    impl Sink for Gate {
        fn write(&mut self, lines: &[Vec<u8>], _panel: Option<Vec<String>>) -> u64 {
            let _ = self.0.recv();
            let _ = self.1.send(lines.concat());
            0
        }
    }

    #[test]
    fn a_blocked_device_costs_lines_and_no_time_and_that_is_said() {
        let (open, gate) = bounded(1);
        let (written, read) = bounded(MAX_LINES);
        let counts = LogCounts::default();
        let dropped = Box::new(|lines| format!("{lines} dropped\n").into_bytes());
        let queue =
            Queue::start("log", Gate(gate, written), counts.clone(), LostBy::Stderr, dropped).unwrap();
        let mut sent = 0;
        while counts.dropped() < 10 {
            queue.line(b"a line\n".to_vec());
            sent += 1;
            assert!(sent < 3 * MAX_LINES, "nothing is dropped");
        }
        assert!(!queue.settle(Instant::now() + Duration::from_millis(10)), "it is blocked");
        drop(open);
        assert!(queue.settle(Instant::now() + Duration::from_secs(20)));
        let all: Vec<u8> = read.try_iter().flatten().collect();
        let all = String::from_utf8(all).unwrap();
        assert_eq!(all.matches("a line\n").count(), sent - 10);
        assert_eq!(all.matches("10 dropped\n").count(), 1, "said once: {}", all.len());
        assert!(queue.has_room());
    }

    #[test]
    fn the_bytes_that_wait_are_bounded() {
        let (_open, gate) = bounded::<()>(0);
        let (written, _read) = bounded(MAX_LINES);
        let counts = LogCounts::default();
        let queue = Queue::start(
            "log",
            Gate(gate, written),
            counts.clone(),
            LostBy::Stderr,
            Box::new(|_| Vec::new()),
        );
        let queue = queue.unwrap();
        for _ in 0..64 {
            queue.line(vec![b'x'; 1 << 20]);
        }
        assert!(counts.dropped() >= 64 - 9 - 1, "{}", counts.dropped());
    }
}
