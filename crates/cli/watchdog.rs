//! The watchdog: bounds the stop, whatever else is stuck, and names a loop that has stopped beating.
//!
//! It depends on none of the other threads. When the total time of a stop is exceeded it writes a diagnosis
//! and ends the process; that does not wait for a stderr that nobody reads.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, bounded, never, select, tick};
use dragline_core::stop::Stop;
use dragline_core::worker::Worker;

use crate::critical;
use crate::diagnosis::Diagnosis;
use crate::exit::Exit;
use crate::health::{Health, State};
use crate::logging::LogHandle;

/// How often the watchdog looks.
const TICK: Duration = Duration::from_millis(200);

/// Watches until dropped.
pub(crate) struct Watchdog {
    diagnosis: Arc<Diagnosis>,
    closing: Sender<()>,
    _end: Sender<()>,
    _thread: Worker<()>,
}

impl Watchdog {
    /// Watches from now on: the loops at once, the stop when it is asked for or the run closes.
    pub(crate) fn start(
        stop: &Stop,
        total: Duration,
        diagnosis: Arc<Diagnosis>,
        health: &Arc<Health>,
        log: LogHandle,
    ) -> io::Result<Self> {
        let (closing, closes) = bounded(1);
        let (end, ended) = bounded(0);
        let watch = Watch {
            stop: stop.clone(),
            total,
            diagnosis: Arc::clone(&diagnosis),
            health: Arc::clone(health),
            log,
            closes,
            ended,
        };
        let thread = Worker::spawn("watchdog", move || watch.run())?;
        Ok(Self { diagnosis, closing, _end: end, _thread: thread })
    }

    /// A step of the stop begins; the first one starts the clock, also without a signal.
    pub(crate) fn step(&self, name: &'static str) {
        self.diagnosis.begin(name);
        let _ = self.closing.try_send(());
    }

    /// Something exceeded its limit, and the process goes on: the same block in the log.
    pub(crate) fn tell(&self, exceeded: &str) {
        tracing::error!("{}", critical::block(exceeded, &self.diagnosis));
    }
}

struct Watch {
    stop: Stop,
    total: Duration,
    diagnosis: Arc<Diagnosis>,
    health: Arc<Health>,
    log: LogHandle,
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
                recv(ticks) -> _ => named = self.name_what_is_stuck(named),
            }
            let closing = self.stop.is_requested() || self.diagnosis.is_closing();
            if closing && deadline.is_none() {
                deadline = Some(Instant::now() + self.total);
            }
            if deadline.is_some_and(|deadline| Instant::now() >= deadline) {
                self.abort();
            }
        }
    }

    /// Says once that a loop does not come round, or a parse does not come back; whether it is so.
    fn name_what_is_stuck(&self, named: bool) -> bool {
        let verdict = self.health.verdict();
        let is_stuck = verdict.state == State::Stuck;
        if is_stuck && !named {
            let exceeded = format!("stuck: {}", verdict.why);
            tracing::error!("{}", critical::block(&exceeded, &self.diagnosis));
        }
        is_stuck
    }

    /// Ends the process. What was not stored is still queued, so nothing is lost.
    fn abort(&self) -> ! {
        let total = self.total.as_secs_f64();
        let exceeded = format!(
            "the stop took longer than its limit of {total} s (SHUTDOWN_TIMEOUT_SECONDS), and is forced"
        );
        self.log.last_words(&critical::block(&exceeded, &self.diagnosis));
        signal_hook::low_level::exit(i32::from(Exit::Forced.code()))
    }
}
