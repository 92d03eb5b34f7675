//! How much was logged, and how much of it could not be written: numbers for metrics and for the end of the log.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tracing::Level;

const LEVELS: [Level; 5] = [Level::ERROR, Level::WARN, Level::INFO, Level::DEBUG, Level::TRACE];

/// Anyone can read it at any time.
#[derive(Clone, Debug, Default)]
pub struct LogCounts(Arc<Counted>);

#[derive(Debug, Default)]
struct Counted {
    events: [AtomicU64; LEVELS.len()],
    repeats: AtomicU64,
    dropped: AtomicU64,
    dropped_by_file: AtomicU64,
}

impl LogCounts {
    /// Events by level (`log_events_total`), including repeats that were held back.
    pub fn events(&self) -> [(&'static str, u64); LEVELS.len()] {
        LEVELS.map(|level| (level_name(level), self.events_at(level)))
    }

    /// Events of one level.
    pub fn events_at(&self, level: Level) -> u64 {
        self.0.events[index(level)].load(Ordering::Relaxed)
    }

    /// Events that were counted instead of written, because there were too many like them.
    pub fn repeats(&self) -> u64 {
        self.0.repeats.load(Ordering::Relaxed)
    }

    /// Lines that stderr could not take, or not in time.
    pub fn dropped(&self) -> u64 {
        self.0.dropped.load(Ordering::Relaxed)
    }

    /// Lines that are missing in the log file.
    pub fn dropped_by_file(&self) -> u64 {
        self.0.dropped_by_file.load(Ordering::Relaxed)
    }

    pub(super) fn event(&self, level: Level) {
        self.0.events[index(level)].fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn repeat(&self) {
        self.0.repeats.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn drop_line(&self, lost_by: LostBy, lines: u64) {
        match lost_by {
            LostBy::Stderr => &self.0.dropped,
            LostBy::File => &self.0.dropped_by_file,
        }
        .fetch_add(lines, Ordering::Relaxed);
    }

    pub(super) fn lost(&self, by: LostBy) -> u64 {
        match by {
            LostBy::Stderr => self.dropped(),
            LostBy::File => self.dropped_by_file(),
        }
    }
}

/// Where a line was lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LostBy {
    Stderr,
    File,
}

/// A level, as the log writes it.
pub(super) fn level_name(level: Level) -> &'static str {
    match level {
        Level::TRACE => "TRACE",
        Level::DEBUG => "DEBUG",
        Level::INFO => "INFO",
        Level::WARN => "WARN",
        Level::ERROR => "ERROR",
    }
}

fn index(level: Level) -> usize {
    LEVELS.iter().position(|known| *known == level).unwrap_or_default()
}
