//! Between the run's end and the process's: the report and the export. A signal cuts them off, and neither a slow
//! store nor a stdout that takes nothing holds up the end of a stop.

use std::io;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, at, bounded, never, select};
use dragline_core::stop::Stop;
use dragline_core::worker::Worker;

use crate::exit::Exit;
use dragline_runtime::logging::LogHandle;

/// After a signal: what an export needs to take its unfinished file away.
const PATIENCE: Duration = Duration::from_secs(1);

/// Dropped when there is nothing left to write.
pub(crate) struct Aftermath {
    _done: Sender<()>,
}

impl Aftermath {
    /// Whoever writes looks at `cut` and ends early when it is requested. The process ends with `exit` when that is
    /// not heard, or at `deadline`.
    pub(crate) fn start(
        cut: Stop,
        deadline: Option<Instant>,
        exit: Exit,
        log: &LogHandle,
    ) -> io::Result<Self> {
        let (done, ended) = bounded(0);
        let log = log.clone();
        Worker::spawn("aftermath", move || {
            if is_late(&ended, &cut, &deadline.map_or_else(never, at)) {
                log.last_words(
                    "CRITICAL: the run has ended, but its report or export has not: the store does not answer, or \
                     stdout takes nothing. It is cut off; what was stored is safe.",
                );
                exit.now();
            }
        })?;
        Ok(Self { _done: done })
    }
}

/// Whether the time is over before the work is done.
fn is_late(done: &Receiver<()>, cut: &Stop, deadline: &Receiver<Instant>) -> bool {
    select! {
        recv(done) -> _ => return false,
        recv(deadline) -> _ => return true,
        recv(cut.requested()) -> _ => {}
    }
    select! {
        recv(done) -> _ => false,
        recv(deadline) -> _ => true,
        default(PATIENCE) => true,
    }
}
