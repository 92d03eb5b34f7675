//! Counters for progress, metrics and the report. They are for people: nothing in the engine reads them back.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::busy_hosts::{BusyHosts, HostBoard};
use crate::scope::LinkRefusal;

/// Different reasons for which items were dropped that are told apart; further ones are counted together.
const MAX_DROP_REASONS: usize = 64;

/// What this process has done so far. Shared by the engine's threads and whoever reports.
#[derive(Debug, Default)]
pub struct CrawlStats {
    pub(crate) pages_fetched: Counter,
    pub(crate) bytes_fetched: Counter,
    pub(crate) retries: Counter,
    pub(crate) redirects: Counter,
    pub(crate) given_up: Counter,
    pub(crate) robots_denied: Counter,
    pub(crate) items_kept: Counter,
    pub(crate) items_dropped: Counter,
    pub(crate) items_quarantined: Counter,
    pub(crate) in_flight: Counter,
    pub(crate) window_requests: Counter,
    pub(crate) waiting_hosts: Counter,
    refused_links: [Counter; LinkRefusal::ALL.len()],
    drop_reasons: Mutex<BTreeMap<String, u64>>,
    pub(crate) hosts: HostBoard,
}

/// The counters at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StatsSnapshot {
    /// Answers received whole.
    pub pages_fetched: u64,
    /// Their bytes, decompressed.
    pub bytes_fetched: u64,
    /// Fetches put off to be tried again.
    pub retries: u64,
    /// Requests that ended as `skipped` because they were redirected.
    pub redirects: u64,
    /// Requests given up.
    pub given_up: u64,
    /// Requests that robots.txt forbids.
    pub robots_denied: u64,
    /// Items that the item pipelines kept.
    pub items_kept: u64,
    /// Items that an item pipeline dropped.
    pub items_dropped: u64,
    /// Items that an item pipeline put into quarantine.
    pub items_quarantined: u64,
    /// Credits in use now: fetched, parsed or waiting for the persistence thread.
    pub in_flight: u64,
    /// Requests in the window now.
    pub window_requests: u64,
    /// Hosts that rest now: pace, back-off, robots.
    pub waiting_hosts: u64,
    /// Links that were not followed.
    pub refused_links: BTreeMap<LinkRefusal, u64>,
    /// Why items were dropped.
    pub drop_reasons: BTreeMap<String, u64>,
}

/// One number. Relaxed: no counter is compared with another.
#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    pub(crate) fn add(&self, more: u64) {
        self.0.fetch_add(more, Ordering::Relaxed);
    }

    pub(crate) fn set(&self, value: usize) {
        self.0.store(value as u64, Ordering::Relaxed);
    }

    fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl CrawlStats {
    /// All counters at this moment.
    pub fn snapshot(&self) -> StatsSnapshot {
        StatsSnapshot {
            pages_fetched: self.pages_fetched.get(),
            bytes_fetched: self.bytes_fetched.get(),
            retries: self.retries.get(),
            redirects: self.redirects.get(),
            given_up: self.given_up.get(),
            robots_denied: self.robots_denied.get(),
            items_kept: self.items_kept.get(),
            items_dropped: self.items_dropped.get(),
            items_quarantined: self.items_quarantined.get(),
            in_flight: self.in_flight.get(),
            window_requests: self.window_requests.get(),
            waiting_hosts: self.waiting_hosts.get(),
            refused_links: LinkRefusal::ALL
                .into_iter()
                .map(|reason| (reason, self.refused_links[reason as usize].get()))
                .filter(|(_, count)| *count > 0)
                .collect(),
            drop_reasons: self.drop_reasons.lock().unwrap_or_else(PoisonError::into_inner).clone(),
        }
    }

    /// From now on the scheduler tells which hosts are busy.
    pub fn watch_hosts(&self) {
        self.hosts.watch();
    }

    /// The busiest hosts; none unless somebody asked for them with [`CrawlStats::watch_hosts`].
    pub fn busy_hosts(&self) -> BusyHosts {
        self.hosts.read()
    }

    pub(crate) fn refuse_links(&self, reason: LinkRefusal, count: u64) {
        self.refused_links[reason as usize].add(count);
    }

    pub(crate) fn drop_item(&self, reason: String) {
        self.items_dropped.add(1);
        let mut reasons = self.drop_reasons.lock().unwrap_or_else(PoisonError::into_inner);
        let known = reasons.len() < MAX_DROP_REASONS || reasons.contains_key(&reason);
        *reasons.entry(if known { reason } else { "other reasons".to_owned() }).or_default() += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_are_counted_and_bounded() {
        let stats = CrawlStats::default();
        stats.refuse_links(LinkRefusal::TooLong, 2);
        for number in 0..1000 {
            stats.drop_item(format!("reason {}", number % 100));
        }
        let snapshot = stats.snapshot();
        assert_eq!(snapshot.refused_links, BTreeMap::from([(LinkRefusal::TooLong, 2)]));
        assert_eq!(snapshot.items_dropped, 1000);
        assert_eq!(snapshot.drop_reasons.len(), MAX_DROP_REASONS + 1);
        assert_eq!(snapshot.drop_reasons.values().sum::<u64>(), 1000);
    }
}
