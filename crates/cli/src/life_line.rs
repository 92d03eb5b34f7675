//! `--stop-with-stdin`: a crawl that stops when its stdin closes. A supervisor holds the other end of the pipe, so the crawl does not
//! outlive it, even if the supervisor is killed.

use std::io::{self, Read as _};

use dragline_core::worker::Worker;
use signal_hook::consts::SIGTERM;
use signal_hook::low_level::raise;

/// Reads stdin until it ends. The end is a stop, the same one as by SIGTERM.
pub(crate) fn hold() -> io::Result<()> {
    continue_without_parent();
    Worker::spawn("life-line", || {
        let mut stdin = io::stdin().lock();
        let mut ignored = [0; 1024];
        loop {
            match stdin.read(&mut ignored) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Ok(0) | Err(_) => break,
                Ok(_) => {}
            }
        }
        tracing::info!(
            "stdin has closed, so the process that started this crawl has ended or wants it to stop"
        );
        let _ = raise(SIGTERM);
    })?;
    Ok(())
}

/// A process that stands still (SIGSTOP) would never read. With the end of its parent, it goes on.
#[cfg(target_os = "linux")]
fn continue_without_parent() {
    let _ = rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::CONT));
}

#[cfg(not(target_os = "linux"))]
fn continue_without_parent() {}
