//! Counters for progress, metrics and the report. They are for people, and nothing in the engine reads them back.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use dragline_core::budget::Stage;
use dragline_core::{BrokenRule, ItemType, Latency, LatencySnapshot, PageFault, Reason, RuleCounts};

use crate::answer_class::AnswerClass;
use crate::busy_hosts::{BusyHosts, HostBoard};
use crate::counter::Counter;
use crate::drop_reasons::DropReasons;
use crate::failure_counts::{FailureCount, FailureCounts, FailureKind};
use crate::item_counts::{Fate, ItemCounts, ItemsOfType};
use crate::look_ups::{LookUpCounts, LookUpEvent};
use crate::scope::LinkRefusal;

/// Counts what this process has done. The engine's threads and all who report share it.
#[derive(Debug, Default)]
pub struct CrawlStats {
    pub(crate) pages_fetched: Counter,
    pub(crate) bytes_fetched: Counter,
    pub(crate) retries: Counter,
    pub(crate) redirects: Counter,
    pub(crate) given_up: Counter,
    pub(crate) robots_denied: Counter,
    pub(crate) skipped_header_lines: Counter,
    pub(crate) unwanted_types: Counter,
    pages_unchanged: Counter,
    pages_fresh: Counter,
    pub(crate) pages_read: Counter,
    pub(crate) links_not_followed: Counter,
    pub(crate) waits_asked: Counter,
    pub(crate) slow_downs: Counter,
    pub(crate) host_pauses: Counter,
    pub(crate) hosts_down: Counter,
    pub(crate) host_down: Counter,
    pub(crate) in_flight: Counter,
    pub(crate) window_requests: Counter,
    pub(crate) waiting_hosts: Counter,
    pub(crate) waiting_pages: Counter,
    pub(crate) connections: Counter,
    pub(crate) network_outages: Counter,
    pub(crate) excused: Counter,
    network_outage: Mutex<Option<NetworkOutage>>,
    held_bytes: [Counter; Stage::ALL.len()],
    answers: [Counter; AnswerClass::ALL.len()],
    pub(crate) fetch: Latency,
    pub(crate) page_wait: Latency,
    pub(crate) parse: Latency,
    items: ItemCounts,
    refused_links: [Counter; LinkRefusal::ALL.len()],
    drop_reasons: Mutex<DropReasons>,
    rules: Mutex<RuleCounts>,
    look_ups: Mutex<BTreeMap<String, LookUpCounts>>,
    failures: Mutex<FailureCounts>,
    pub(crate) hosts: HostBoard,
}

/// The counters at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatsSnapshot {
    /// Answers that were received completely.
    pub pages_fetched: u64,
    /// Their bytes, decompressed.
    pub bytes_fetched: u64,
    /// Fetches that will be tried again.
    pub retries: u64,
    /// Requests that ended as `skipped` because they were redirected.
    pub redirects: u64,
    /// Requests given up.
    pub given_up: u64,
    /// Requests that robots.txt forbids.
    pub robots_denied: u64,
    /// Invalid header lines that were left out of answers.
    pub skipped_header_lines: u64,
    /// Pages of a type that nobody accepts.
    pub unwanted_types: u64,
    /// Pages that were done without a parse, because they are as an earlier run found them.
    pub pages_unchanged: u64,
    /// Pages that were done without a fetch, because an earlier run saw them a short time ago.
    pub pages_fresh: u64,
    /// Pages that were read from kept pages, and not fetched.
    pub pages_read: u64,
    /// New links that were stored and not followed, because the run only reads kept pages.
    pub links_not_followed: u64,
    /// How often a host asked for a rest (`Retry-After`, 429).
    pub waits_asked: u64,
    /// How often a host was slowed down because it refused requests.
    pub slow_downs: u64,
    /// How often a host was paused because it kept failing.
    pub host_pauses: u64,
    /// How often a host counted as down because its pause was too long.
    pub hosts_down: u64,
    /// Requests that were given up because their host was down.
    pub host_down: u64,
    /// Items that the item pipelines kept.
    pub items_kept: u64,
    /// Items that an item pipeline dropped.
    pub items_dropped: u64,
    /// Items that an item pipeline put into quarantine.
    pub items_quarantined: u64,
    /// Credits in use now, by requests that are fetched, parsed or waiting for the persistence thread.
    pub in_flight: u64,
    /// Requests in the window now.
    pub window_requests: u64,
    /// Hosts that rest now: pace, back-off, robots.
    pub waiting_hosts: u64,
    /// Pages that wait for a crawl thread now.
    pub waiting_pages: u64,
    /// Connections that may be open now.
    pub connections: u64,
    /// How often no host could be reached.
    pub network_outages: u64,
    /// Fetches that failed because of us, or were not processed by the server. They do not count against their requests.
    pub excused: u64,
    /// Why no host can be reached now, if that is so.
    pub network_outage: Option<NetworkOutage>,
    /// Memory that is charged to the byte budget now, by stage.
    pub held_bytes: [(Stage, u64); Stage::ALL.len()],
    /// Fetches that have ended, by the class of their answer.
    pub answers: [(AnswerClass, u64); AnswerClass::ALL.len()],
    /// How long fetches took, from the connection to the last byte, or to the error.
    pub fetch: LatencySnapshot,
    /// How long pages waited for a crawl thread.
    pub page_wait: LatencySnapshot,
    /// How long spider and item pipelines took for a page.
    pub parse: LatencySnapshot,
    /// The decisions of the item pipelines, for each item type.
    pub items: Vec<ItemsOfType>,
    /// Links that were not followed.
    pub refused_links: BTreeMap<LinkRefusal, u64>,
    /// Why items were dropped.
    pub drop_reasons: BTreeMap<String, u64>,
    /// The rules that items broke.
    pub rules: RuleCounts,
    /// What became of look-ups, by the name of their step.
    pub look_ups: BTreeMap<String, LookUpCounts>,
    /// Why pages failed or are dead.
    pub failures: BTreeMap<FailureKind, FailureCount>,
}

/// The network, or the proxy of the run, is away.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct NetworkOutage {
    /// Since when.
    pub since: Instant,
    /// What happened.
    pub error: String,
}

impl StatsSnapshot {
    /// How many pages failed or are dead, by reason.
    pub fn failures_by_reason(&self) -> BTreeMap<Reason, u64> {
        let mut counts = BTreeMap::new();
        for (kind, failures) in &self.failures {
            *counts.entry(kind.reason).or_default() += failures.count;
        }
        counts
    }
}

impl CrawlStats {
    /// Counters at zero, for a spider with these item types.
    pub fn new(items: &[ItemType]) -> Self {
        Self { items: ItemCounts::of(items), ..Self::default() }
    }

    /// All counters at this moment.
    pub fn snapshot(&self) -> StatsSnapshot {
        let items = self.items.snapshot();
        StatsSnapshot {
            pages_fetched: self.pages_fetched.get(),
            bytes_fetched: self.bytes_fetched.get(),
            retries: self.retries.get(),
            redirects: self.redirects.get(),
            given_up: self.given_up.get(),
            robots_denied: self.robots_denied.get(),
            skipped_header_lines: self.skipped_header_lines.get(),
            unwanted_types: self.unwanted_types.get(),
            pages_unchanged: self.pages_unchanged.get(),
            pages_fresh: self.pages_fresh.get(),
            pages_read: self.pages_read.get(),
            links_not_followed: self.links_not_followed.get(),
            waits_asked: self.waits_asked.get(),
            slow_downs: self.slow_downs.get(),
            host_pauses: self.host_pauses.get(),
            hosts_down: self.hosts_down.get(),
            host_down: self.host_down.get(),
            items_kept: items.iter().map(|of_type| of_type.kept).sum(),
            items_dropped: items.iter().map(|of_type| of_type.dropped).sum(),
            items_quarantined: items.iter().map(|of_type| of_type.quarantined).sum(),
            items,
            in_flight: self.in_flight.get(),
            window_requests: self.window_requests.get(),
            waiting_hosts: self.waiting_hosts.get(),
            waiting_pages: self.waiting_pages.get(),
            connections: self.connections.get(),
            network_outages: self.network_outages.get(),
            excused: self.excused.get(),
            network_outage: lock(&self.network_outage).clone(),
            held_bytes: Stage::ALL.map(|stage| (stage, self.held_bytes[stage as usize].get())),
            answers: AnswerClass::ALL.map(|class| (class, self.answers[class as usize].get())),
            fetch: self.fetch.snapshot(),
            page_wait: self.page_wait.snapshot(),
            parse: self.parse.snapshot(),
            refused_links: LinkRefusal::ALL
                .into_iter()
                .map(|reason| (reason, self.refused_links[reason as usize].get()))
                .filter(|(_, count)| *count > 0)
                .collect(),
            drop_reasons: lock(&self.drop_reasons).counts().clone(),
            rules: lock(&self.rules).clone(),
            look_ups: lock(&self.look_ups).clone(),
            failures: lock(&self.failures).counts().clone(),
        }
    }

    /// From now on the scheduler writes down which hosts are busy.
    pub fn watch_hosts(&self) {
        self.hosts.watch();
    }

    /// The busiest hosts. The list is empty unless somebody asked for it with [`CrawlStats::watch_hosts`].
    pub fn busy_hosts(&self) -> BusyHosts {
        self.hosts.read()
    }

    pub(crate) fn refuse_links(&self, reason: LinkRefusal, count: u64) {
        self.refused_links[reason as usize].add(count);
    }

    /// A page is done without a parse, for this reason.
    pub(crate) fn as_before(&self, reason: Reason) {
        let counter = if reason == Reason::Fresh { &self.pages_fresh } else { &self.pages_unchanged };
        counter.add(1);
    }

    /// A fetch has ended.
    pub(crate) fn fetched(&self, answer: AnswerClass, took: Duration) {
        self.answers[answer as usize].add(1);
        self.fetch.note(took);
    }

    pub(crate) fn hold_bytes(&self, stage: Stage, bytes: usize) {
        self.held_bytes[stage as usize].set(bytes);
    }

    /// No host can be reached since then, or they can be again.
    pub(crate) fn set_network_outage(&self, outage: Option<(Instant, &str)>) {
        let mut shown = lock(&self.network_outage);
        if outage.is_some() && shown.is_none() {
            self.network_outages.add(1);
        }
        *shown = outage.map(|(since, error)| NetworkOutage { since, error: error.to_owned() });
    }

    pub(crate) fn item(&self, item_type: &str, fate: Fate) {
        self.items.add(item_type, fate);
    }

    pub(crate) fn drop_item(&self, item_type: &str, reason: &str) {
        self.item(item_type, Fate::Dropped);
        lock(&self.drop_reasons).add(reason);
    }

    /// Items have to follow these rules. Counts that begin at 0 show the first item that breaks one as a rise.
    pub fn know_rules(&self, rules: impl IntoIterator<Item = BrokenRule>) {
        let mut counts = lock(&self.rules);
        rules.into_iter().for_each(|rule| counts.know(rule));
    }

    /// These steps look items up. Counts that begin at 0 show the first failure as a rise.
    pub fn know_look_ups<'a>(&self, steps: impl IntoIterator<Item = &'a str>) {
        let mut counts = lock(&self.look_ups);
        counts.extend(steps.into_iter().map(|step| (step.to_owned(), LookUpCounts::default())));
    }

    /// Something happened to a look-up of this step.
    pub(crate) fn look_up(&self, step: &str, event: LookUpEvent) {
        lock(&self.look_ups).entry(step.to_owned()).or_default().note(event);
    }

    /// The rules that the items of a page broke.
    pub(crate) fn count_rules(&self, of_page: &RuleCounts) {
        lock(&self.rules).add(of_page);
    }

    /// Looks at the rules that items broke.
    pub(crate) fn rules<T>(&self, look: impl FnOnce(&RuleCounts) -> T) -> T {
        look(&lock(&self.rules))
    }

    /// Pages have failed or are dead.
    pub(crate) fn failed(&self, faults: &[PageFault]) {
        let mut failures = lock(&self.failures);
        for fault in faults {
            failures.add(fault);
        }
    }
}

fn lock<T>(counts: &Mutex<T>) -> MutexGuard<'_, T> {
    counts.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_counted_is_told() {
        let note =
            ItemType::builder("note").with_column("text", dragline_core::ColumnType::Text).build().unwrap();
        let stats = CrawlStats::new(&[note]);
        stats.refuse_links(LinkRefusal::TooLong, 2);
        stats.drop_item("note", "no title");
        let forbidden =
            PageFault { reason: Reason::HttpStatus, status: Some(403), detail: "HTTP 403".to_owned() };
        stats.failed(&[forbidden.clone(), forbidden]);
        let snapshot = stats.snapshot();
        assert_eq!(snapshot.refused_links, BTreeMap::from([(LinkRefusal::TooLong, 2)]));
        assert_eq!(snapshot.items_dropped, 1);
        assert_eq!(snapshot.drop_reasons, BTreeMap::from([("no title".to_owned(), 1)]));
        let kind = FailureKind { reason: Reason::HttpStatus, status: Some(403) };
        assert_eq!(snapshot.failures[&kind].count, 2);
        assert_eq!(snapshot.failures_by_reason(), BTreeMap::from([(Reason::HttpStatus, 2)]));
    }
}
