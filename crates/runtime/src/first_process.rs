//! The duties of the first process in a container.
//!
//! The kernel protects process 1: a signal without a handler has no effect, so without handlers only SIGKILL
//! could end a command. Process 1 also inherits every process whose parent has ended, such as a health check
//! that was cut off. It must reap them, or they stay in the process table as long as the container lives.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock};

use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM};
use signal_hook::flag::register_conditional_shutdown;

/// The exit code that shells use for a process that was ended by a signal.
const ENDED_BY_SIGNAL: i32 = 128;

/// Whether a signal ends the process at once. Handlers belong to the process, and so does this.
static ENDS_AT_ONCE: LazyLock<Arc<AtomicBool>> = LazyLock::new(Arc::default);

/// Takes on these duties if this is process 1. Other processes don't have them.
///
/// # Errors
/// When the signal handlers or the thread cannot be made.
pub fn begin() -> io::Result<()> {
    if std::process::id() != 1 {
        return Ok(());
    }
    ENDS_AT_ONCE.store(true, Ordering::Relaxed);
    for signal in [SIGHUP, SIGINT, SIGQUIT, SIGTERM] {
        register_conditional_shutdown(signal, ENDED_BY_SIGNAL + signal, Arc::clone(&ENDS_AT_ONCE))?;
    }
    #[cfg(target_os = "linux")]
    orphans::reap_from_now_on()?;
    Ok(())
}

/// Something listens for signals, so they no longer end the process at once.
pub fn signals_are_heard() {
    ENDS_AT_ONCE.store(false, Ordering::Relaxed);
}

#[cfg(target_os = "linux")]
mod orphans {
    use std::collections::BTreeSet;
    use std::io;
    use std::time::Duration;

    use crossbeam_channel::tick;
    use dragline_core::worker::Worker;
    use procfs::process::all_processes;
    use rustix::process::{Pid, WaitOptions, waitpid};

    /// How often to look for ended processes.
    const LOOK_EVERY: Duration = Duration::from_secs(1);

    pub(super) fn reap_from_now_on() -> io::Result<()> {
        Worker::spawn("orphans", || {
            let mut seen = BTreeSet::new();
            for _ in tick(LOOK_EVERY) {
                seen = look(&seen);
            }
        })?;
        Ok(())
    }

    /// Reaps processes that were already seen before. By then, any code here that waits for its own child has
    /// done so.
    fn look(seen: &BTreeSet<i32>) -> BTreeSet<i32> {
        let mut ended = ended_children();
        for pid in seen.intersection(&ended).copied().collect::<Vec<_>>() {
            // It is already gone, or isn't ours. Both are fine.
            let _ = Pid::from_raw(pid).map(|pid| waitpid(Some(pid), WaitOptions::NOHANG));
            ended.remove(&pid);
        }
        ended
    }

    fn ended_children() -> BTreeSet<i32> {
        let stats = all_processes().into_iter().flatten().filter_map(|process| process.ok()?.stat().ok());
        stats.filter(|stat| stat.ppid == 1 && stat.state == 'Z').map(|stat| stat.pid).collect()
    }
}
