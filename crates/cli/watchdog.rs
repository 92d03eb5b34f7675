//! The watchdog: bounds the stop, whatever else is stuck, and names a loop that has stopped beating.
//!
//! It depends on none of the other threads. When the total time of a stop is exceeded it writes a diagnosis
//! and ends the process; that does not wait for a stderr that nobody reads.

use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, bounded, never, select, tick};
use dragline_core::activity::ActivityBoard;
use dragline_core::stop::Stop;
use dragline_core::worker::Worker;

use crate::exit::Exit;
use crate::heartbeat::Heartbeat;

/// A loop that has not come round for so long is named in the log.
const SILENT_LOOP: Duration = Duration::from_secs(60);
/// How often the watchdog looks.
const TICK: Duration = Duration::from_millis(200);
/// How long the process waits for a stderr that may be blocked before it ends all the same.
const LAST_WORDS: Duration = Duration::from_millis(300);

/// Watches until dropped.
pub(crate) struct Watchdog {
    step: Arc<Mutex<(&'static str, Instant)>>,
    closing: Sender<()>,
    _end: Sender<()>,
    _thread: Worker<()>,
}

impl Watchdog {
    /// Watches from now on: the loops at once, the stop when it is asked for or the run closes.
    pub(crate) fn start(
        stop: &Stop,
        total: Duration,
        heartbeat: Arc<Heartbeat>,
        activity: ActivityBoard,
        crawl_threads: usize,
    ) -> io::Result<Self> {
        let step = Arc::new(Mutex::new(("crawl", Instant::now())));
        let (closing, closes) = bounded(1);
        let (end, ended) = bounded(0);
        let watch = Watch {
            stop: stop.clone(),
            total,
            heartbeat,
            activity,
            crawl_threads,
            step: Arc::clone(&step),
            closes,
            ended,
        };
        let thread = Worker::spawn("watchdog", move || watch.run())?;
        Ok(Self { step, closing, _end: end, _thread: thread })
    }

    /// A step of the stop begins; the first one starts the clock, also without a signal.
    pub(crate) fn step(&self, name: &'static str) {
        *self.step.lock().unwrap_or_else(PoisonError::into_inner) = (name, Instant::now());
        let _ = self.closing.try_send(());
    }
}

struct Watch {
    stop: Stop,
    total: Duration,
    heartbeat: Arc<Heartbeat>,
    activity: ActivityBoard,
    crawl_threads: usize,
    step: Arc<Mutex<(&'static str, Instant)>>,
    closes: Receiver<()>,
    ended: Receiver<()>,
}

impl Watch {
    fn run(&self) {
        let ticks = tick(TICK);
        let (mut requested, mut deadline) = (self.stop.requested().clone(), None::<Instant>);
        let mut named = false;
        loop {
            select! {
                recv(self.ended) -> _ => return,
                recv(self.closes) -> _ => {}
                recv(requested) -> _ => requested = never(),
                recv(ticks) -> _ => named = self.name_silent_loops(named),
            }
            let closing = self.stop.is_requested() || self.closed_step().is_some();
            if closing && deadline.is_none() {
                deadline = Some(Instant::now() + self.total);
            }
            if deadline.is_some_and(|deadline| Instant::now() >= deadline) {
                self.abort();
            }
        }
    }

    /// The step of the stop under way, and since when.
    fn closed_step(&self) -> Option<(&'static str, Instant)> {
        let step = *self.step.lock().unwrap_or_else(PoisonError::into_inner);
        (step.0 != "crawl").then_some(step)
    }

    fn name_silent_loops(&self, named: bool) -> bool {
        let silent: Vec<_> =
            self.heartbeat.ages().into_iter().filter(|(_, age)| *age > SILENT_LOOP).collect();
        if !named {
            for (part, age) in &silent {
                let diagnosis = self.diagnosis();
                tracing::error!("the {part} has given no heartbeat for {} s\n{diagnosis}", age.as_secs());
            }
        }
        !silent.is_empty()
    }

    fn diagnosis(&self) -> String {
        let (step, since) = *self.step.lock().unwrap_or_else(PoisonError::into_inner);
        let mut text = format!("  step       {step}, for {:.1} s\n", since.elapsed().as_secs_f64());
        for (part, age) in self.heartbeat.ages() {
            let _ = writeln!(text, "  {part:<10} last heartbeat {:.1} s ago", age.as_secs_f64());
        }
        for index in 0..self.crawl_threads {
            if let Some(activity) = self.activity.get(index) {
                let seconds = activity.since.elapsed().as_secs_f64();
                let _ = writeln!(text, "  crawl-{index:<4} parsing {} for {seconds:.1} s", activity.url);
            }
        }
        text
    }

    /// Ends the process. What was not stored is still queued, so nothing is lost.
    fn abort(&self) -> ! {
        let text = format!(
            "CRITICAL: the stop took longer than {} s and is forced.\n{}  Nothing is lost: what was not stored is still queued, and the same \
             command resumes.\n  If the step is about the store, look at the database's load and locks; if a crawl \
             thread is named, at that spider's parse.\n",
            self.total.as_secs(),
            self.diagnosis()
        );
        let written = Worker::spawn("last-words", move || {
            let _ = io::stderr().write_all(text.as_bytes());
        });
        if let Ok(written) = written {
            let _ = written.join_until(Instant::now() + LAST_WORDS);
        }
        signal_hook::low_level::exit(i32::from(Exit::Forced.code()))
    }
}
