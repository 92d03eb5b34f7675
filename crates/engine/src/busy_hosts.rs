//! The hosts that keep the crawl busy, for people who watch it. The list is only made if somebody asks for it.

use std::cmp::Reverse;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How many hosts the list has.
pub(crate) const TOLD_HOSTS: usize = 16;
/// Shortest time between two lists, because each looks at every host.
const GATHER_EVERY: Duration = Duration::from_millis(250);

/// A host that has requests in flight or in the window.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BusyHost {
    /// Host and port.
    pub name: Arc<str>,
    /// Fetches in flight.
    pub in_flight: usize,
    /// Its requests in the window.
    pub queued: u64,
    /// The shortest time between two requests to it now. Zero means no limit.
    pub pace: Duration,
    /// How many requests to it may be in flight at once.
    pub slots: usize,
    /// How long the host rests, and why.
    pub rests_for: Option<(Duration, RestReason)>,
}

/// Why a host rests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RestReason {
    /// Its next request is not due.
    Pace,
    /// The host asked for a rest (429, `Retry-After`).
    Asked,
    /// The host keeps failing.
    Failing,
    /// Its robots.txt could not be fetched, and another attempt follows.
    Robots,
}

impl RestReason {
    /// The reason in one word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pace => "pace",
            Self::Asked => "asked",
            Self::Failing => "failing",
            Self::Robots => "robots",
        }
    }
}

/// The busiest hosts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BusyHosts {
    /// The busiest first.
    pub busiest: Vec<BusyHost>,
    /// How many others there are.
    pub others: usize,
}

/// The scheduler writes the list here, and others read it.
#[derive(Debug, Default)]
pub(crate) struct HostBoard {
    is_watched: AtomicBool,
    written: Mutex<(Option<Instant>, BusyHosts)>,
}

impl HostBoard {
    pub(crate) fn watch(&self) {
        self.is_watched.store(true, Ordering::Relaxed);
    }

    pub(crate) fn read(&self) -> BusyHosts {
        self.written.lock().unwrap_or_else(PoisonError::into_inner).1.clone()
    }

    /// Updates the list if somebody watches and it is old enough.
    pub(crate) fn write(&self, now: Instant, gather: impl FnOnce() -> Vec<BusyHost>) {
        if !self.is_watched.load(Ordering::Relaxed) {
            return;
        }
        let mut written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
        if written.0.is_none_or(|at| now >= at + GATHER_EVERY) {
            *written = (Some(now), BusyHosts::of(gather()));
        }
    }
}

impl BusyHosts {
    fn of(mut hosts: Vec<BusyHost>) -> Self {
        hosts.sort_by(|a, b| {
            let order = |host: &BusyHost| Reverse((host.in_flight, host.queued));
            order(a).cmp(&order(b)).then_with(|| a.name.cmp(&b.name))
        });
        let others = hosts.len().saturating_sub(TOLD_HOSTS);
        hosts.truncate(TOLD_HOSTS);
        Self { busiest: hosts, others }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_busiest_are_told_and_nothing_is_gathered_for_nobody() {
        let board = HostBoard::default();
        let now = Instant::now();
        board.write(now, || unreachable!("nobody watches"));
        board.watch();
        let host = |number: usize| BusyHost {
            name: format!("h{number:02}").into(),
            in_flight: number % 3,
            queued: 5,
            pace: Duration::ZERO,
            slots: 2,
            rests_for: None,
        };
        board.write(now, || (0..20).map(host).collect());
        board.write(now, || unreachable!("too soon"));
        let read = board.read();
        assert_eq!((read.busiest.len(), read.others), (TOLD_HOSTS, 4));
        assert_eq!((&*read.busiest[0].name, read.busiest[0].in_flight), ("h02", 2));
    }
}
