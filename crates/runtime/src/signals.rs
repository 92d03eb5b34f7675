//! Signals stop a run: the first one gracefully, the second one abandons it, and the third one ends the
//! process. SIGUSR1 shows the status of every part and stops nothing. After the run has ended, the first signal
//! cuts off the report and export, and the second one ends the process. One thread listens all the time, so
//! that no signal is lost in between.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Instant;

use dragline_core::stop::{Stop, StopReason};
use dragline_core::worker::Worker;
use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1};
use signal_hook::iterator::Handle;
use tracing::{info, warn};

use crate::diagnosis::Diagnosis;
use crate::early_signals;

/// The thread that listens; dropping it ends the thread.
pub struct SignalListener {
    handle: Handle,
    diagnosis: Arc<OnceLock<Arc<Diagnosis>>>,
    run: Stop,
    /// The writing that a signal cuts off once the run has ended. The lock is held while a signal gets its meaning, but not
    /// while that is logged.
    aftermath: Arc<Mutex<Option<Stop>>>,
    _thread: Worker<()>,
}

/// Listens from now on, and hears what was caught before. Signals are for the run that `stop` stops, until [`SignalListener::run_has_ended`]. `end_process`
/// is called on the signals' thread when a signal is to end the process at once.
///
/// # Errors
/// When the operating system refuses a handler or a thread.
pub fn listen(stop: Stop, end_process: impl Fn() + Send + 'static) -> io::Result<SignalListener> {
    let mut signals = early_signals::take()?;
    let handle = signals.handle();
    let diagnosis = Arc::<OnceLock<Arc<Diagnosis>>>::default();
    let aftermath = Arc::<Mutex<Option<Stop>>>::default();
    let (shown, ended, run) = (Arc::clone(&diagnosis), Arc::clone(&aftermath), stop.clone());
    let thread = Worker::spawn("signals", move || {
        let mut first: Option<Instant> = None;
        for signal in &mut signals {
            let name = name(signal);
            if signal == SIGUSR1 {
                show(shown.get().map(|diagnosis| &**diagnosis));
                continue;
            }
            let ended = ended.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(cut) = ended.clone() {
                drop(ended);
                cut_off(&cut, name, &end_process);
                continue;
            }
            match first {
                None => {
                    first = Some(Instant::now());
                    // Request the stop before logging, because a blocked log must not hold up the stop.
                    stop.request(StopReason::Signal(name));
                    drop(ended);
                    info!(
                        signal = name,
                        "stopping: no new requests; pages in hand are finished and stored. This is normal \
                         during deploys and restarts and after Ctrl-C. Run the same command to resume, or send a second \
                         signal to force the end"
                    );
                }
                Some(since) if !stop.is_abandoned() => {
                    stop.abandon(StopReason::Signal(name));
                    drop(ended);
                    let elapsed_ms = since.elapsed().as_millis();
                    warn!(
                        signal = name,
                        elapsed_ms, "forced to end: pending work is abandoned, but still queued"
                    );
                }
                Some(_) => end_process(),
            }
        }
    })?;
    Ok(SignalListener { handle, diagnosis, run, aftermath, _thread: thread })
}

fn cut_off(cut: &Stop, signal: &'static str, end_process: &impl Fn()) {
    if cut.is_requested() {
        end_process();
    }
    cut.request(StopReason::Signal(signal));
    info!(signal, "the run has already ended; its report and export are cut off");
}

/// Calls `heard` with the name of every signal from now on, and with those that were caught before, on a thread of its own.
///
/// # Errors
/// When the operating system refuses a handler or a thread.
pub fn each(mut heard: impl FnMut(&'static str) + Send + 'static) -> io::Result<Worker<()>> {
    let mut signals = early_signals::take()?;
    Worker::spawn("signals", move || {
        for signal in signals.forever() {
            heard(name(signal));
        }
    })
}

impl SignalListener {
    /// From now on, a signal cuts off the report and export. If a signal came too late to stop the run, and the
    /// run is `complete` anyway, it cuts them off now.
    pub fn run_has_ended(&self, complete: bool) {
        let mut aftermath = self.aftermath();
        let cut = aftermath.get_or_insert_default();
        if complete && let Some(late @ StopReason::Signal(_)) = self.run.reason() {
            cut.request(late.clone());
        }
    }

    /// Requested by a signal after the run's end.
    pub fn cut(&self) -> Stop {
        self.aftermath().get_or_insert_default().clone()
    }

    fn aftermath(&self) -> MutexGuard<'_, Option<Stop>> {
        self.aftermath.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// From now on, SIGUSR1 has something to show.
    pub fn show_on_request(&self, diagnosis: Arc<Diagnosis>) {
        let _ = self.diagnosis.set(diagnosis);
    }
}

fn show(diagnosis: Option<&Diagnosis>) {
    match diagnosis {
        Some(diagnosis) => info!("where everything stands:\n{}", diagnosis.render()),
        None => info!("starting: the store is being opened"),
    }
}

impl Drop for SignalListener {
    fn drop(&mut self) {
        self.handle.close();
    }
}

fn name(signal: i32) -> &'static str {
    match signal {
        SIGINT => "SIGINT",
        SIGTERM => "SIGTERM",
        SIGHUP => "SIGHUP",
        SIGQUIT => "SIGQUIT",
        SIGUSR1 => "SIGUSR1",
        _ => "signal",
    }
}
