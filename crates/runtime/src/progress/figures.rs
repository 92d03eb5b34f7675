//! The progress of the crawl in numbers, collected from what the threads publish at one moment.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use dragline_core::PageState;
use dragline_core::store::PageCounts;
use dragline_engine::{BusyHosts, CrawlStats};
use dragline_pipelines::persistence::Monitor;
use tracing::Level;

use crate::logging::LogCounts;
use crate::page_counts::pages_now;
use crate::running::Running;

/// The sources of the numbers.
pub(crate) struct Sources {
    spider: String,
    stats: Arc<CrawlStats>,
    persistence: Monitor,
    log: LogCounts,
    /// The run's pages when this process started.
    before: PageCounts,
    /// The limit of `done` pages.
    limit: Option<u64>,
    began: Instant,
}

/// The numbers.
#[derive(Clone, Debug, Default)]
pub(crate) struct Figures {
    pub(crate) spider: String,
    /// The run's durable pages by state.
    pub(crate) pages: PageCounts,
    /// Items that this process has stored.
    pub(crate) items: u64,
    pub(crate) fetched: u64,
    pub(crate) pages_per_second: f64,
    pub(crate) bytes_per_second: f64,
    pub(crate) in_flight: u64,
    pub(crate) window: u64,
    pub(crate) waiting_hosts: u64,
    pub(crate) retries: u64,
    /// ERROR lines in the log.
    pub(crate) errors: u64,
    /// Time since the last commit, or since the start if there was none.
    pub(crate) last_commit: Duration,
    /// How long the store has been away.
    pub(crate) outage: Option<Duration>,
    /// How long no host could be reached.
    pub(crate) network_outage: Option<Duration>,
    pub(crate) elapsed: Duration,
    pub(crate) limit: Option<u64>,
    /// The estimated time until the limit is reached.
    pub(crate) left: Option<Duration>,
    pub(crate) hosts: BusyHosts,
}

/// Pages and bytes in the last interval.
pub(crate) struct Pace {
    over: Duration,
    samples: VecDeque<(Instant, u64, u64)>,
}

impl Sources {
    /// The numbers of a crawl and its log.
    pub(crate) fn of(running: &Running, log: LogCounts) -> Self {
        Self {
            spider: running.run().key.spider.to_string(),
            stats: Arc::clone(&running.parts.stats),
            persistence: running.parts.persistence.clone(),
            log,
            before: running.pages_before.clone(),
            limit: running.settings.engine.limits.pages,
            began: running.began,
        }
    }

    /// The current numbers.
    pub(crate) fn figures(&self, pace: &mut Pace) -> Figures {
        let now = Instant::now();
        let stats = self.stats.snapshot();
        let store = self.persistence.status();
        let (pages_per_second, bytes_per_second) =
            pace.take(now, stats.pages_fetched + stats.pages_read, stats.bytes_fetched);
        let pages = pages_now(&self.before, &store);
        let elapsed = self.began.elapsed();
        let done_here = store.pages.get(&PageState::Done).copied().unwrap_or_default();
        let left =
            self.limit.and_then(|limit| time_left(limit, pages.of(PageState::Done), done_here, elapsed));
        Figures {
            spider: self.spider.clone(),
            pages,
            items: store.items,
            fetched: stats.pages_fetched,
            pages_per_second,
            bytes_per_second,
            in_flight: stats.in_flight,
            window: stats.window_requests,
            waiting_hosts: stats.waiting_hosts,
            retries: stats.retries,
            errors: self.log.events_at(Level::ERROR),
            last_commit: store.last_commit.map_or(elapsed, |at| now.saturating_duration_since(at)),
            outage: store.outage_since.map(|since| now.saturating_duration_since(since)),
            network_outage: stats.network_outage.map(|outage| now.saturating_duration_since(outage.since)),
            elapsed,
            limit: self.limit,
            left,
            hosts: self.stats.busy_hosts(),
        }
    }

    /// From now on, the scheduler shows which hosts are busy.
    pub(crate) fn watch_hosts(&self) {
        self.stats.watch_hosts();
    }
}

// These rates are for people, so the lost precision doesn't matter.
#[allow(clippy::cast_precision_loss)]
fn time_left(limit: u64, done: u64, done_here: u64, elapsed: Duration) -> Option<Duration> {
    let missing = limit.saturating_sub(done);
    let seconds = elapsed.as_secs_f64() * missing as f64 / done_here as f64;
    Duration::try_from_secs_f64(seconds).ok()
}

impl Pace {
    /// A pace over this interval.
    pub(crate) fn over(over: Duration) -> Self {
        Self { over, samples: VecDeque::new() }
    }

    /// Pages and bytes per second, from the current totals.
    #[allow(clippy::cast_precision_loss)]
    fn take(&mut self, now: Instant, pages: u64, bytes: u64) -> (f64, f64) {
        self.samples.push_back((now, pages, bytes));
        while self.samples.get(1).is_some_and(|(at, ..)| now.saturating_duration_since(*at) >= self.over) {
            self.samples.pop_front();
        }
        let Some((since, pages_then, bytes_then)) = self.samples.front() else { return (0.0, 0.0) };
        let seconds = now.saturating_duration_since(*since).as_secs_f64();
        if seconds == 0.0 {
            return (0.0, 0.0);
        }
        ((pages - pages_then) as f64 / seconds, (bytes - bytes_then) as f64 / seconds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[allow(clippy::float_cmp)] // these quotients are exact
    fn a_pace_is_that_of_the_last_while() {
        let (mut pace, start) = (Pace::over(Duration::from_secs(4)), Instant::now());
        let mut at = |seconds, pages, bytes| pace.take(start + Duration::from_secs(seconds), pages, bytes);
        assert_eq!(at(0, 0, 0), (0.0, 0.0));
        assert_eq!(at(2, 20, 200), (10.0, 100.0));
        assert_eq!(at(4, 20, 200), (5.0, 50.0));
        assert_eq!(at(6, 20, 200), (0.0, 0.0), "what is older than four seconds does not count");
    }

    #[test]
    fn a_limit_is_as_far_away_as_the_pace_so_far_says() {
        let elapsed = Duration::from_secs(10);
        assert_eq!(time_left(100, 60, 20, elapsed), Some(Duration::from_secs(20)));
        assert_eq!(time_left(100, 60, 0, elapsed), None, "nothing is known yet");
        assert_eq!(time_left(100, 100, 0, elapsed), None);
        assert_eq!(time_left(100, 100, 1, elapsed), Some(Duration::ZERO));
    }
}
