//! The heartbeat. The working loops write it themselves, because an open port proves nothing about them.
//!
//! It is kept in memory for the endpoints, and optionally in a file for `dragline healthcheck`. The file is
//! replaced by renaming, so a reader never sees half of one.

use std::fs;
use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use dragline_core::pulse::{Beating, Pulse};
use dragline_engine::crawl::Desks;

use super::verdict::{Beats, Parse, Phase, millis, unix_ms};

/// Rewrite the file at most this often. This is well within the shortest `--health-max-age` of 2 s, including
/// the heartbeats.
const WRITE_EVERY: Duration = Duration::from_millis(500);

/// Keeps the heartbeats of this process, and the file if there is one.
pub struct Heartbeat {
    phase: AtomicU8,
    scheduler_ms: AtomicU64,
    persistence_ms: AtomicU64,
    aftermath_ms: AtomicU64,
    /// 0 when it is not.
    degraded_since_ms: AtomicU64,
    /// 0 when it is not.
    offline_since_ms: AtomicU64,
    desks: OnceLock<Desks>,
    file: Option<PathBuf>,
    written_ms: Mutex<u64>,
    has_ended: AtomicBool,
    /// Whether the last attempt to write the file failed.
    is_unwritten: AtomicBool,
}

impl Heartbeat {
    /// Starts with a heartbeat of each loop.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn start(file: Option<PathBuf>) -> io::Result<Self> {
        if let Some(file) = &file
            && fs::metadata(file).is_ok_and(|found| !found.is_file())
        {
            // Writing by renaming would replace a device or a pipe with a file.
            return Err(io::Error::other("it already exists and is not a regular file"));
        }
        let now = unix_ms();
        let heartbeat = Self {
            phase: AtomicU8::new(Phase::Starting as u8),
            scheduler_ms: AtomicU64::new(now),
            persistence_ms: AtomicU64::new(now),
            aftermath_ms: AtomicU64::new(now),
            degraded_since_ms: AtomicU64::new(0),
            offline_since_ms: AtomicU64::new(0),
            desks: OnceLock::new(),
            file,
            written_ms: Mutex::new(now),
            has_ended: AtomicBool::new(false),
            is_unwritten: AtomicBool::new(false),
        };
        heartbeat.write()?;
        Ok(heartbeat)
    }

    /// The crawl is running from now on, and a silent loop counts as stuck.
    pub fn crawling(&self, desks: Desks) {
        let _ = self.desks.set(desks);
        self.beat(Beating::Scheduler);
        self.beat(Beating::Persistence);
        self.enter(Phase::Crawling);
    }

    /// The report or the export has made progress.
    pub fn still_here(&self) {
        self.aftermath_ms.store(unix_ms(), Ordering::Relaxed);
        self.refresh();
    }

    /// The crawl is stopping from now on. The loops end one after the other, within the watchdog's limit.
    pub fn stopping(&self) {
        self.enter(Phase::Stopping);
    }

    /// The process is about to end. The file is removed, and loops that don't know this yet no longer write it.
    pub fn end(&self) {
        let _written = self.written_ms.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(file) = self.file.as_ref().filter(|_| !self.has_ended.swap(true, Ordering::Relaxed)) {
            let _ = fs::remove_file(file);
        }
    }

    /// The age of each loop's last heartbeat.
    pub fn ages(&self) -> [(&'static str, Duration); 2] {
        let now = unix_ms();
        let age = |beat: &AtomicU64| Duration::from_millis(now.saturating_sub(beat.load(Ordering::Relaxed)));
        [("scheduler", age(&self.scheduler_ms)), ("persistence", age(&self.persistence_ms))]
    }

    /// All heartbeats at this moment.
    pub fn beats(&self) -> Beats {
        Beats {
            pid: std::process::id(),
            phase: self.phase(),
            scheduler_ms: self.scheduler_ms.load(Ordering::Relaxed),
            persistence_ms: self.persistence_ms.load(Ordering::Relaxed),
            aftermath_ms: self.aftermath_ms.load(Ordering::Relaxed),
            degraded_since_ms: Some(self.degraded_since_ms.load(Ordering::Relaxed))
                .filter(|since| *since > 0),
            offline_since_ms: Some(self.offline_since_ms.load(Ordering::Relaxed)).filter(|since| *since > 0),
            longest_parse: self.desks.get().and_then(longest_parse),
        }
    }

    fn phase(&self) -> Phase {
        let phases = [Phase::Starting, Phase::Crawling];
        let now = self.phase.load(Ordering::Relaxed);
        phases.into_iter().find(|phase| *phase as u8 == now).unwrap_or(Phase::Stopping)
    }

    fn enter(&self, phase: Phase) {
        let before = self.phase.fetch_max(phase as u8, Ordering::Relaxed);
        if before < phase as u8 {
            self.write_at(&mut self.written_ms.lock().unwrap_or_else(PoisonError::into_inner));
        }
    }

    /// Writes the file at intervals, however often this is called.
    fn refresh(&self) {
        // If another loop is writing, there is nothing to add.
        let Ok(mut written) = self.written_ms.try_lock() else { return };
        if unix_ms().saturating_sub(*written) >= millis(WRITE_EVERY) {
            self.write_at(&mut written);
        }
    }

    fn write_at(&self, written_ms: &mut u64) {
        *written_ms = unix_ms();
        match self.write() {
            Ok(()) => {
                if self.is_unwritten.swap(false, Ordering::Relaxed) {
                    tracing::info!("the heartbeat file can be written again");
                }
            }
            // It is tried twice a second, but logged only once.
            Err(error) if !self.is_unwritten.swap(true, Ordering::Relaxed) => {
                tracing::warn!(%error, "cannot write the heartbeat file; trying again until it works");
            }
            Err(_) => {}
        }
    }

    fn write(&self) -> io::Result<()> {
        let file = self.file.as_ref().filter(|_| !self.has_ended.load(Ordering::Relaxed));
        let Some(file) = file else { return Ok(()) };
        let mut name = file.as_os_str().to_owned();
        name.push(format!(".{}.tmp", std::process::id()));
        fs::write(&name, serde_json::to_vec(&self.beats())?)?;
        fs::rename(&name, file)
    }
}

impl Pulse for Heartbeat {
    fn beat(&self, part: Beating) {
        let beat = match part {
            Beating::Scheduler => &self.scheduler_ms,
            Beating::Persistence => &self.persistence_ms,
        };
        beat.store(unix_ms(), Ordering::Relaxed);
        self.refresh();
    }

    fn degraded(&self, since: Option<Instant>) {
        self.waits(&self.degraded_since_ms, since);
    }

    fn offline(&self, since: Option<Instant>) {
        self.waits(&self.offline_since_ms, since);
    }
}

impl Heartbeat {
    fn waits(&self, moment: &AtomicU64, since: Option<Instant>) {
        let since_ms = since.map_or(0, |since| unix_ms().saturating_sub(millis(since.elapsed())));
        let before = moment.swap(since_ms, Ordering::Relaxed);
        // The file must not lag behind what the process itself answers.
        if (before == 0) != (since_ms == 0) {
            self.write_at(&mut self.written_ms.lock().unwrap_or_else(PoisonError::into_inner));
        }
    }
}

fn longest_parse(desks: &Desks) -> Option<Parse> {
    let parses = (0..desks.count()).filter_map(|thread| Some((thread, desks.activity(thread)?)));
    parses.min_by_key(|(_, activity)| activity.since).map(|(thread, activity)| Parse {
        thread,
        since_ms: unix_ms().saturating_sub(millis(activity.since.elapsed())),
        limit_ms: millis(desks.parse_timeout()),
        url: activity.url,
    })
}
