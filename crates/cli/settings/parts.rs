//! What each part of the program is given: its own defaults, and what was set instead, validated.

use std::num::NonZeroUsize;
use std::time::Duration;

use dragline_engine::EngineSettings;
use dragline_pipelines::persistence::PersistenceSettings;
use dragline_store::StoreSettings;

use crate::arguments::Tuning;
use crate::exit::Failed;

/// Outcomes that the scheduler itself may add to those that hold a credit.
const INBOX_SPARE: usize = 64;

pub(super) fn engine(tuning: &Tuning) -> Result<EngineSettings, Failed> {
    let defaults = EngineSettings::default();
    Ok(EngineSettings {
        concurrency: at_least_one("concurrency", tuning.concurrency, defaults.concurrency)?,
        host_concurrency: at_least_one(
            "host-concurrency",
            tuning.host_concurrency,
            defaults.host_concurrency,
        )?,
        rate_per_second: match tuning.rate {
            Some(rate) => Some(rate).filter(|rate| *rate > 0.0),
            None => defaults.rate_per_second,
        },
        crawl_threads: at_least_one("crawl-threads", tuning.crawl_threads, defaults.crawl_threads)?,
        obey_robots: tuning.robots.unwrap_or(defaults.obey_robots),
        user_agent: tuning.user_agent.clone().unwrap_or(defaults.user_agent),
        parse_timeout: tuning.parse_timeout.unwrap_or(defaults.parse_timeout),
        retries: tuning.retries.unwrap_or(defaults.retries),
        connect_timeout: tuning.connect_timeout.unwrap_or(defaults.connect_timeout),
        max_failed_share: tuning.max_failed_share,
        request_timeout: tuning.request_timeout.unwrap_or(defaults.request_timeout),
        max_body_bytes: at_least_one("max-body", tuning.max_body, defaults.max_body_bytes)?,
        memory_budget_bytes: at_least_one(
            "memory-budget",
            tuning.memory_budget,
            defaults.memory_budget_bytes,
        )?,
        ..defaults
    })
}

pub(super) fn persistence(tuning: &Tuning, concurrency: usize) -> Result<PersistenceSettings, Failed> {
    let defaults = PersistenceSettings::default();
    Ok(PersistenceSettings {
        flush_rows: at_least_one("flush-rows", tuning.flush_rows, defaults.flush_rows)?,
        flush_bytes: at_least_one("flush-bytes", tuning.flush_bytes, defaults.flush_bytes)?,
        flush_interval: tuning.flush_interval.unwrap_or(defaults.flush_interval),
        max_pending_flushes: at_least_one(
            "max-pending-flushes",
            tuning.max_pending_flushes,
            defaults.max_pending_flushes,
        )?,
        max_outage: tuning.max_outage.filter(|time| !time.is_zero()),
        operation_timeout: tuning.operation_timeout.unwrap_or(defaults.operation_timeout),
        startup_timeout: tuning.startup_timeout.unwrap_or(defaults.startup_timeout),
        inbox_capacity: concurrency + INBOX_SPARE,
        ..defaults
    })
}

/// The pool must hold a session for each pending flush, one for a refill and one for a heartbeat.
pub(super) fn store_settings(tuning: &Tuning) -> StoreSettings {
    let defaults = StoreSettings::default();
    StoreSettings {
        connections: tuning
            .max_pending_flushes
            .map_or(defaults.connections, |flushes| flushes.saturating_add(2)),
        connect_timeout: tuning.operation_timeout.unwrap_or(defaults.connect_timeout),
        ..defaults
    }
}

/// The time of a stop: it must hold the reserve of the last two steps, and should fit a container's 10 s.
pub(super) fn shutdown_timeout(given: Option<Duration>) -> Result<Duration, Failed> {
    let timeout = given.unwrap_or(Duration::from_secs(8));
    if timeout < Duration::from_secs(4) {
        return Err(Failed::usage(format!(
            "a shutdown timeout of {} s is too short: 2.5 s of it are reserved for cancelling and closing",
            timeout.as_secs_f64()
        ))
        .hint("give at least 4 (SHUTDOWN_TIMEOUT_SECONDS or --shutdown-timeout)"));
    }
    if timeout > Duration::from_secs(10) {
        tracing::warn!(
            seconds = timeout.as_secs_f64(),
            "the shutdown timeout is longer than the 10 s that most orchestrators grant before they kill"
        );
    }
    Ok(timeout)
}

/// The loops beat every second at the latest.
pub(super) fn health_max_age(given: Option<Duration>) -> Result<Duration, Failed> {
    match given {
        None => Ok(Duration::from_secs(60)),
        Some(time) if time < Duration::from_secs(2) => Err(Failed::usage(format!(
            "{} s is too short to tell a crawl that is stuck: its loops beat once a second",
            time.as_secs_f64()
        ))
        .hint("give at least 2s (--health-max-age)")),
        Some(time) => Ok(time),
    }
}

/// A process beats every 5 s: what is silent for less than twice that need not hang.
pub(super) fn take_over_after(given: Option<Duration>) -> Result<Option<Duration>, Failed> {
    match given {
        None => Ok(StoreSettings::default().take_over_after),
        Some(Duration::ZERO) => Ok(None),
        Some(time) if time < Duration::from_secs(10) => Err(Failed::usage(format!(
            "{} s is too short to take a run over: its process writes a heartbeat every 5 s",
            time.as_secs_f64()
        ))
        .hint("give at least 10s, or 0 for never (--take-over-after)")),
        Some(time) => Ok(Some(time)),
    }
}

fn at_least_one(name: &str, given: Option<usize>, default: usize) -> Result<usize, Failed> {
    match given.map(NonZeroUsize::new) {
        None => Ok(default),
        Some(Some(number)) => Ok(number.get()),
        Some(None) => Err(Failed::usage(format!("--{name} must be at least 1"))),
    }
}

pub(super) fn above_zero<N: Default + PartialEq>(limit: Option<N>) -> Option<N> {
    limit.filter(|number| *number != N::default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_take_over_needs_two_missed_heartbeats() {
        assert!(take_over_after(Some(Duration::from_secs(9))).is_err());
        assert_eq!(take_over_after(Some(Duration::ZERO)).unwrap(), None);
        assert_eq!(take_over_after(None).unwrap(), Some(Duration::from_secs(60)));
    }

    #[test]
    fn a_stop_needs_four_seconds() {
        assert!(shutdown_timeout(Some(Duration::from_secs(3))).is_err());
        assert_eq!(shutdown_timeout(None).unwrap(), Duration::from_secs(8));
    }
}
