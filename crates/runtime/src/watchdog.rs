//! The watchdog. It limits the time of a stop whatever else is stuck, names a loop that has stopped sending
//! heartbeats, and enforces the soft memory limit of the process.
//!
//! It depends on none of the other threads. When a stop takes longer than its total time, the watchdog makes a diagnosis
//! and calls [`Overrun`], once. The command line ends the process there; a program that embeds the crawl gets an error.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, bounded, never, select, tick};
use dragline_core::stop::Stop;
use dragline_core::suspension::Since;
use dragline_core::worker::Worker;

use crate::critical;
use crate::diagnosis::Diagnosis;
use crate::health::{Health, HealthState};
use crate::memory::MemoryGuard;

/// How often the watchdog checks.
const TICK: Duration = Duration::from_millis(200);
/// A loop must be silent in this many checks in a row. After a suspended process continues, no loop has sent a
/// heartbeat yet.
const LOOKS: u32 = 5;

/// What is watched, and where to report it.
pub(crate) struct Watches {
    pub(crate) stop: Stop,
    /// The time limit of a stop.
    pub(crate) total: Duration,
    pub(crate) diagnosis: Arc<Diagnosis>,
    pub(crate) health: Arc<Health>,
    pub(crate) memory: MemoryGuard,
    /// Called when the stop takes longer than that.
    pub(crate) overrun: Overrun,
}

/// Called once, with the diagnosis, when a stop takes longer than its limit. A program that gives its whole process to the
/// crawl ends it here.
pub type Overrun = Box<dyn FnOnce(&str) + Send>;

/// Watches until dropped.
pub(crate) struct Watchdog {
    diagnosis: Arc<Diagnosis>,
    closing: Sender<()>,
    _end: Sender<()>,
    _thread: Worker<()>,
}

impl Watchdog {
    /// Starts to watch: the loops at once, and the stop when it is requested or the run closes.
    pub(crate) fn start(watched: Watches) -> io::Result<Self> {
        let (closing, closes) = bounded(1);
        let (end, ended) = bounded(0);
        let diagnosis = Arc::clone(&watched.diagnosis);
        let mut watch = Watch {
            overrun: Some(watched.overrun),
            stop: watched.stop,
            total: watched.total,
            diagnosis: watched.diagnosis,
            health: watched.health,
            memory: watched.memory,
            closes,
            ended,
        };
        let thread = Worker::spawn("watchdog", move || watch.run())?;
        Ok(Self { diagnosis, closing, _end: end, _thread: thread })
    }

    /// A step of the stop begins. The first step starts the clock, even without a signal.
    pub(crate) fn step(&self, name: &'static str) {
        self.diagnosis.begin(name);
        let _ = self.closing.try_send(());
    }

    /// Logs the same block when something exceeded its limit but the process goes on.
    pub(crate) fn tell(&self, exceeded: &str) {
        tracing::error!("{}", critical::block(exceeded, &self.diagnosis));
    }
}

struct Watch {
    stop: Stop,
    total: Duration,
    diagnosis: Arc<Diagnosis>,
    health: Arc<Health>,
    memory: MemoryGuard,
    /// Taken when it is called.
    overrun: Option<Overrun>,
    closes: Receiver<()>,
    ended: Receiver<()>,
}

impl Watch {
    fn run(&mut self) {
        let ticks = tick(TICK);
        let (mut requested, mut began, mut stuck) = (self.stop.requested().clone(), None::<Since>, 0);
        loop {
            select! {
                recv(self.ended) -> _ => return,
                recv(self.closes) -> _ => {}
                recv(requested) -> _ => requested = never(),
                recv(ticks) -> _ => {
                    stuck = self.name_what_is_stuck(stuck);
                    self.memory.look(&self.stop);
                }
            }
            let closing = self.stop.is_requested() || self.diagnosis.is_closing();
            if closing && began.is_none() {
                began = Some(Since::now());
            }
            if let Some(began) = began.filter(|began| began.elapsed() >= self.total) {
                self.overran(began);
            }
        }
    }

    /// Logs once that a loop is silent or a parse doesn't return. Returns in how many checks this was so.
    fn name_what_is_stuck(&self, looks: u32) -> u32 {
        let verdict = self.health.verdict();
        if verdict.state != HealthState::Stuck {
            return 0;
        }
        let looks = looks.saturating_add(1);
        if looks == LOOKS {
            let exceeded = format!("stuck: {}", verdict.why);
            tracing::error!("{}", critical::block(&exceeded, &self.diagnosis));
        }
        looks
    }

    /// Everything that wasn't stored is still queued, so nothing is lost.
    fn overran(&mut self, began: Since) {
        let Some(overrun) = self.overrun.take() else { return };
        let total = self.total.as_secs_f64();
        let exceeded = format!(
            "the stop took longer than its limit of {total} s (SHUTDOWN_TIMEOUT_SECONDS), so the process is \
             forced to end"
        );
        self.diagnosis.metrics().stop.stopped(began.elapsed());
        overrun(&critical::block(&exceeded, &self.diagnosis));
    }
}
