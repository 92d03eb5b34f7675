//! Guards the report and the export, between the end of the run and the end of the process. A signal cuts them off.
//! A slow store or a blocked stdout therefore can't delay the end of a stop.

use std::io;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, at, bounded, never, select};
use dragline_core::stop::Stop;
use dragline_core::worker::Worker;

use crate::exit::Exit;
use dragline_runtime::logging::LogHandle;

/// After a signal, an export has this much time to remove its unfinished file.
const PATIENCE: Duration = Duration::from_secs(1);

/// Dropped when nothing is left to write.
pub(crate) struct Aftermath {
    _done: Sender<()>,
}

impl Aftermath {
    /// Report and export check `cut` and end early when it is requested. If they don't, or at `deadline`, the
    /// process ends with `exit`.
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
                     nothing reads stdout. Dragline cuts it off. Everything that was stored is safe.",
                );
                exit.now();
            }
        })?;
        Ok(Self { _done: done })
    }
}

/// Whether the time is up before the work is done.
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
