//! The duties of the first process in a container.
//!
//! Process 1 inherits every process whose parent has ended, such as a health check that was cut off. It must reap them, or
//! they stay in the process table as long as the container lives. Its signals need handlers: see `early_signals.rs`.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};

/// Whether this is process 1.
pub(crate) fn is_this() -> bool {
    std::process::id() == 1
}

/// Takes on these duties if this is process 1. Other processes don't have them.
///
/// # Errors
/// When the thread cannot be made.
pub fn begin() -> io::Result<()> {
    #[cfg(target_os = "linux")]
    if is_this() {
        orphans::reap_from_now_on()?;
    }
    Ok(())
}

/// Whether another part of this process reaps from now on.
static IS_HANDED_OVER: AtomicBool = AtomicBool::new(false);

/// Leaves the reaping to the caller, who knows which children are waited for.
pub fn hand_over() {
    IS_HANDED_OVER.store(true, Ordering::Relaxed);
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
                if super::IS_HANDED_OVER.load(super::Ordering::Relaxed) {
                    return;
                }
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
