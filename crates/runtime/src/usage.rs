//! The resources that the process uses, read from `/proc` on request. They are only known on Linux.

use serde::Serialize;

/// Memory, CPU time and open files of this process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub(crate) struct Usage {
    /// Resident memory.
    pub(crate) memory_bytes: u64,
    /// Peak resident memory.
    pub(crate) memory_peak_bytes: u64,
    /// User and system time of all threads.
    pub(crate) cpu_seconds: f64,
    /// Threads of the process.
    pub(crate) threads: u64,
    /// Open files and sockets.
    pub(crate) open_files: u64,
}

impl Usage {
    /// The current values, or `None` if they are unknown.
    #[cfg(target_os = "linux")]
    pub(crate) fn now() -> Option<Self> {
        let process = procfs::process::Process::myself().ok()?;
        let (stat, status) = (process.stat().ok()?, process.status().ok()?);
        let kib = |kib: Option<u64>| kib.unwrap_or_default() * 1_024;
        // A float only loses precision here after centuries.
        #[allow(clippy::cast_precision_loss)]
        let seconds = (stat.utime + stat.stime) as f64 / procfs::ticks_per_second() as f64;
        Some(Self {
            memory_bytes: kib(status.vmrss),
            memory_peak_bytes: kib(status.vmhwm),
            cpu_seconds: seconds,
            threads: status.threads,
            open_files: process.fd_count().ok()? as u64,
        })
    }

    /// Only resident memory. It is cheap enough to read several times a second.
    #[cfg(target_os = "linux")]
    pub(crate) fn resident_bytes() -> Option<u64> {
        let statm = procfs::process::Process::myself().ok()?.statm().ok()?;
        Some(statm.resident * procfs::page_size())
    }

    /// Only resident memory.
    #[cfg(not(target_os = "linux"))]
    pub(crate) fn resident_bytes() -> Option<u64> {
        None
    }

    /// The current values, or `None` if they are unknown.
    #[cfg(not(target_os = "linux"))]
    pub(crate) fn now() -> Option<Self> {
        None
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn a_process_takes_something() {
        let usage = Usage::now().unwrap();
        assert!(usage.memory_bytes > 1 << 20 && usage.memory_peak_bytes >= usage.memory_bytes, "{usage:?}");
        assert!(usage.threads > 0 && usage.open_files > 2, "{usage:?}");
        let before = usage.cpu_seconds;
        let mut sum = 0_u64;
        while Usage::now().unwrap().cpu_seconds <= before {
            sum = (0..1_000_000).fold(sum, u64::wrapping_add);
        }
    }
}
