//! The heartbeat file: written by the working loops themselves, read by `dragline healthcheck`.
//!
//! It holds one JSON object: the pid and, for each loop, the moment of its last beat in milliseconds since
//! 1970; while the crawl waits for its store also since when, for that is no reason to restart it. The file is
//! replaced by renaming, so that a reader never sees half of one.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use dragline_core::pulse::{Beating, Pulse};
use serde::{Deserialize, Serialize};

/// The file is rewritten at most this often.
const WRITE_EVERY: Duration = Duration::from_secs(2);
/// A beat may be this far ahead of the reader's clock.
const CLOCK_TOLERANCE_MS: u64 = 1_000;

#[derive(Debug, Deserialize, Serialize)]
struct Beats {
    pid: u32,
    scheduler_ms: u64,
    persistence_ms: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    degraded_since_ms: Option<u64>,
}

/// Keeps the beats of this process, and the file if there is one.
pub(crate) struct Heartbeat {
    scheduler_ms: AtomicU64,
    persistence_ms: AtomicU64,
    /// 0 when it is not.
    degraded_since_ms: AtomicU64,
    file: Option<PathBuf>,
    written_ms: Mutex<u64>,
}

impl Heartbeat {
    /// Starts with a beat of each loop; fails if the file cannot be written.
    pub(crate) fn start(file: Option<PathBuf>) -> io::Result<Self> {
        if let Some(file) = &file
            && fs::metadata(file).is_ok_and(|found| !found.is_file())
        {
            // It is written by renaming, which would put a file in the place of a device or a pipe.
            return Err(io::Error::other("it is there already and no regular file"));
        }
        let now = unix_ms();
        let heartbeat = Self {
            scheduler_ms: AtomicU64::new(now),
            persistence_ms: AtomicU64::new(now),
            degraded_since_ms: AtomicU64::new(0),
            file,
            written_ms: Mutex::new(now),
        };
        heartbeat.write()?;
        Ok(heartbeat)
    }

    /// How long ago each loop came round.
    pub(crate) fn ages(&self) -> [(&'static str, Duration); 2] {
        let now = unix_ms();
        let age = |beat: &AtomicU64| Duration::from_millis(now.saturating_sub(beat.load(Ordering::Relaxed)));
        [("scheduler", age(&self.scheduler_ms)), ("persistence", age(&self.persistence_ms))]
    }

    fn write(&self) -> io::Result<()> {
        let Some(file) = &self.file else { return Ok(()) };
        let beats = Beats {
            pid: std::process::id(),
            scheduler_ms: self.scheduler_ms.load(Ordering::Relaxed),
            persistence_ms: self.persistence_ms.load(Ordering::Relaxed),
            degraded_since_ms: Some(self.degraded_since_ms.load(Ordering::Relaxed))
                .filter(|since| *since > 0),
        };
        let mut name = file.as_os_str().to_owned();
        name.push(format!(".{}.tmp", std::process::id()));
        fs::write(&name, serde_json::to_vec(&beats)?)?;
        fs::rename(&name, file)
    }
}

impl Pulse for Heartbeat {
    fn beat(&self, part: Beating) {
        let now = unix_ms();
        let beat = match part {
            Beating::Scheduler => &self.scheduler_ms,
            Beating::Persistence => &self.persistence_ms,
        };
        beat.store(now, Ordering::Relaxed);
        // Whoever comes while another loop writes has nothing to add.
        let Ok(mut written) = self.written_ms.try_lock() else { return };
        if self.file.is_some() && now.saturating_sub(*written) >= millis(WRITE_EVERY) {
            *written = now;
            if let Err(error) = self.write() {
                tracing::warn!(%error, "the heartbeat file could not be written");
            }
        }
    }

    fn degraded(&self, since: Option<Instant>) {
        let since_ms = since.map_or(0, |since| unix_ms().saturating_sub(millis(since.elapsed())));
        self.degraded_since_ms.store(since_ms, Ordering::Relaxed);
    }
}

/// Held as long as the crawl runs: a process that has ended is not alive, whoever still holds its heartbeat.
pub(crate) struct Alive(Arc<Heartbeat>);

impl Alive {
    pub(crate) fn new(heartbeat: &Arc<Heartbeat>) -> Self {
        Self(Arc::clone(heartbeat))
    }
}

impl Drop for Alive {
    fn drop(&mut self) {
        if let Some(file) = &self.0.file {
            let _ = fs::remove_file(file);
        }
    }
}

/// Why the process that writes `file` is not healthy, if so; else one line that says that it is.
pub(crate) fn check(file: &Path, max_age: Duration) -> Result<String, String> {
    let name = file.display();
    if fs::metadata(file).is_ok_and(|found| !found.is_file()) {
        return Err(format!("{name} is no regular file, so no heartbeat file"));
    }
    let content = fs::read(file).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => format!("there is no heartbeat file {name}: no crawl is running"),
        _ => format!("the heartbeat file {name} cannot be read: {error}"),
    })?;
    let beats: Beats = serde_json::from_slice(&content)
        .map_err(|error| format!("{name} is not a heartbeat file: {error}"))?;
    let modified_ms = fs::metadata(file).and_then(|meta| meta.modified()).map_or(0, ms_since_1970);
    let now = unix_ms();
    let mut oldest = 0;
    let moments =
        [("scheduler", beats.scheduler_ms), ("persistence", beats.persistence_ms), ("file", modified_ms)];
    for (part, moment) in moments {
        if moment > now + CLOCK_TOLERANCE_MS {
            return Err(format!("the {part}'s heartbeat is {} s in the future", (moment - now) / 1_000));
        }
        let age = now.saturating_sub(moment);
        if age > millis(max_age) {
            let limit = max_age.as_secs();
            return Err(format!("the {part}'s last heartbeat is {} s old (limit {limit} s)", age / 1_000));
        }
        oldest = oldest.max(age);
    }
    let degraded = beats.degraded_since_ms.map_or_else(String::new, |since| {
        format!(" and degraded: it has waited for its store for {} s", now.saturating_sub(since) / 1_000)
    });
    Ok(format!("pid {} is alive{degraded}, the oldest heartbeat is {} s old", beats.pid, oldest / 1_000))
}

fn unix_ms() -> u64 {
    ms_since_1970(SystemTime::now())
}

fn ms_since_1970(moment: SystemTime) -> u64 {
    moment.duration_since(UNIX_EPOCH).map_or(0, millis)
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(scheduler_ms: u64, persistence_ms: u64) -> Result<String, String> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("beat");
        let beats = Beats { pid: 7, scheduler_ms, persistence_ms, degraded_since_ms: None };
        fs::write(&file, serde_json::to_vec(&beats).unwrap()).unwrap();
        check(&file, Duration::from_secs(60))
    }

    #[test]
    fn each_loop_must_have_beaten_lately() {
        let now = unix_ms();
        assert!(with(now, now).unwrap().contains("pid 7"));
        assert!(with(now - 61_000, now).unwrap_err().contains("scheduler"));
        assert!(with(now, now - 61_000).unwrap_err().contains("persistence"));
        assert!(with(now + 60_000, now).unwrap_err().contains("future"));
    }

    #[test]
    fn a_crawl_that_waits_for_its_store_is_alive_and_degraded() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("beat");
        let heartbeat = Heartbeat::start(Some(file.clone())).unwrap();
        heartbeat.degraded(Some(Instant::now()));
        heartbeat.write().unwrap();
        let line = check(&file, Duration::from_secs(60)).unwrap();
        assert!(line.contains("is alive and degraded: it has waited for its store for 0 s"), "{line}");
        heartbeat.degraded(None);
        heartbeat.write().unwrap();
        assert!(!check(&file, Duration::from_secs(60)).unwrap().contains("degraded"));
    }

    #[test]
    fn a_file_lives_as_long_as_its_process() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("beat");
        let limit = Duration::from_secs(60);
        assert!(check(&file, limit).unwrap_err().contains("no heartbeat file"));
        let heartbeat = Arc::new(Heartbeat::start(Some(file.clone())).unwrap());
        let alive = Alive::new(&heartbeat);
        assert!(check(&file, limit).is_ok());
        drop(alive);
        assert!(check(&file, limit).is_err());
        fs::write(&file, "garbage").unwrap();
        assert!(check(&file, limit).unwrap_err().contains("not a heartbeat file"));
    }
}
