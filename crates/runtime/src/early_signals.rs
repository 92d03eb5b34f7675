//! Signals from the first moment of the process on.
//!
//! A deploy may stop a container that has just been started. Until the command line is read, nobody knows whether the command is
//! a crawl, which ends in its own way with its own exit code, or another one, which a signal simply ends. So handlers come first,
//! and what they have caught waits.
//!
//! A signal that was ignored when this process started stays ignored: `nohup` does that with SIGHUP, and a shell without job control
//! does it with SIGINT and SIGQUIT for what it starts in the background.
//!
//! The kernel protects process 1: a signal without a handler has no effect, so without handlers only SIGKILL could end a command
//! there.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1};
use signal_hook::flag::{register_conditional_default, register_conditional_shutdown};
use signal_hook::iterator::Signals;
use signal_hook::low_level::{emulate_default_handler, exit};

use crate::first_process;

/// The signals that a crawl listens to.
const HEARD: [i32; 5] = [SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1];
/// Those that stay ignored if they were ignored when the process began. SIGTERM is for whoever runs the process, so it always counts.
const MAY_BE_IGNORED: [i32; 3] = [SIGINT, SIGHUP, SIGQUIT];
/// The exit code that shells use for a process that was ended by a signal.
const ENDED_BY_SIGNAL: i32 = 128;

/// Whether a signal ends the process at once. Handlers belong to the process, and so does this.
static ENDS_AT_ONCE: LazyLock<Arc<AtomicBool>> = LazyLock::new(Arc::default);
/// The signals that were caught and not yet handed to anyone.
static CAUGHT: Mutex<Option<Signals>> = Mutex::new(None);
/// The signals to listen to, as they stood before the first handler.
static HEARD_HERE: LazyLock<Vec<i32>> = LazyLock::new(|| {
    let ignored = ignored();
    HEARD
        .into_iter()
        .filter(|signal| !(MAY_BE_IGNORED.contains(signal) && ignored.contains(signal)))
        .collect()
});

/// Catches signals from now on. It comes first in `main`.
///
/// # Errors
/// When the operating system refuses a handler.
pub fn catch() -> io::Result<()> {
    for &signal in &*HEARD_HERE {
        let at_once = Arc::clone(&ENDS_AT_ONCE);
        if first_process::is_this() {
            register_conditional_shutdown(signal, ENDED_BY_SIGNAL + signal, at_once)?;
        } else {
            register_conditional_default(signal, at_once)?;
        }
    }
    *CAUGHT.lock().unwrap_or_else(PoisonError::into_inner) = Some(Signals::new(&*HEARD_HERE)?);
    Ok(())
}

/// The signals that this process ignores, as the kernel of Linux shows them. Other systems don't show them.
fn ignored() -> Vec<i32> {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or_default();
    HEARD.into_iter().filter(|signal| mask & (1 << (signal - 1)) != 0).collect()
}

/// From now on, a signal ends the process at once, as if there were no handlers. One that was caught ends it now.
pub fn end_at_once() {
    ENDS_AT_ONCE.store(true, Ordering::Relaxed);
    let caught = CAUGHT.lock().unwrap_or_else(PoisonError::into_inner).take();
    for signal in caught.into_iter().flat_map(|mut caught| caught.pending().collect::<Vec<_>>()) {
        if first_process::is_this() {
            exit(ENDED_BY_SIGNAL + signal);
        }
        // This fails only for signals that have no default.
        let _ = emulate_default_handler(signal);
    }
}

/// What was caught, and everything that comes from now on.
///
/// # Errors
/// When the operating system refuses a handler.
pub(crate) fn take() -> io::Result<Signals> {
    let caught = CAUGHT.lock().unwrap_or_else(PoisonError::into_inner).take();
    caught.map_or_else(|| Signals::new(&*HEARD_HERE), Ok)
}

/// Blocks until a signal asks the process to end.
///
/// # Errors
/// When the operating system refuses a handler.
pub fn until_stopped() -> io::Result<()> {
    take()?.forever().find(|signal| *signal != SIGUSR1);
    Ok(())
}
