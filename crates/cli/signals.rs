//! Signals become a stop: the first is graceful, the second abandons, the third ends the process. SIGUSR1 shows
//! where everything stands and stops nothing.

use std::io;
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use dragline_core::stop::{Stop, StopReason};
use dragline_core::worker::Worker;
use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1};
use signal_hook::iterator::{Handle, Signals};
use tracing::{info, warn};

use crate::diagnosis::Diagnosis;
use crate::exit::Exit;
use crate::logging::LogHandle;

/// The thread that listens; dropping it ends the thread.
pub(crate) struct SignalListener {
    handle: Handle,
    diagnosis: Arc<OnceLock<Arc<Diagnosis>>>,
    _thread: Worker<()>,
}

/// Listens from now on.
pub(crate) fn listen(stop: Stop, log: LogHandle) -> io::Result<SignalListener> {
    let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1])?;
    let handle = signals.handle();
    let diagnosis = Arc::<OnceLock<Arc<Diagnosis>>>::default();
    let shown = Arc::clone(&diagnosis);
    let thread = Worker::spawn("signals", move || {
        let mut first: Option<Instant> = None;
        for signal in &mut signals {
            let name = name(signal);
            if signal == SIGUSR1 {
                show(shown.get().map(|diagnosis| &**diagnosis));
                continue;
            }
            match first {
                None => {
                    first = Some(Instant::now());
                    // The stop comes before the words: a log that blocks must not hold it up.
                    stop.request(StopReason::Signal(name));
                    info!(
                        signal = name,
                        "stopping: no new requests; what is in hand is finished and stored. This is normal during \
                         deploys, restarts and after Ctrl-C; the same command resumes. Once more to force it"
                    );
                }
                Some(since) if !stop.is_abandoned() => {
                    stop.abandon(StopReason::Signal(name));
                    let elapsed_ms = since.elapsed().as_millis();
                    warn!(signal = name, elapsed_ms, "forced: pending work is given up; it is still queued");
                }
                Some(_) => {
                    // What is drawn on the terminal goes before the process does.
                    log.settle();
                    signal_hook::low_level::exit(i32::from(Exit::Forced.code()))
                }
            }
        }
    })?;
    Ok(SignalListener { handle, diagnosis, _thread: thread })
}

/// Listens after the run's end: the first signal cuts off what is still written, the second ends the process.
pub(crate) fn listen_after(cut: Stop, log: LogHandle) -> io::Result<SignalListener> {
    let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP, SIGQUIT])?;
    let handle = signals.handle();
    let thread = Worker::spawn("signals-after", move || {
        for signal in &mut signals {
            let signal = name(signal);
            if cut.is_requested() {
                log.settle();
                signal_hook::low_level::exit(i32::from(Exit::Forced.code()));
            }
            cut.request(StopReason::Signal(signal));
            info!(signal, "the run has ended before; what is still written of it is cut off");
        }
    })?;
    Ok(SignalListener { handle, diagnosis: Arc::default(), _thread: thread })
}

impl SignalListener {
    /// From now on SIGUSR1 has something to show.
    pub(crate) fn show_on_request(&self, diagnosis: Arc<Diagnosis>) {
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
        _ => "signal",
    }
}
