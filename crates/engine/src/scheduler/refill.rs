//! Takes what comes back from the store, and asks it for more.

use dragline_core::counted::counted;
use std::collections::HashSet;
use std::sync::Arc;
use std::time::Instant;

use dragline_core::store::{Refill, RefillScope};
use dragline_core::{EarlierPage, PageState, QueuedRequest, Receipt, Refilled, StoreEvent};

use super::Scheduler;
use crate::crawl_end::CrawlEnd;
use crate::hosts::HostId;
use crate::window::Admission;

/// Hosts that one ask names at most.
const HOSTS_PER_ASK: usize = 200;
/// A scan for further hosts is worth its cost when this part of the window is free (one tenth).
const ROOM_FOR_SCAN: usize = 10;

impl Scheduler {
    pub(super) fn on_event(&mut self, event: StoreEvent) {
        match event {
            StoreEvent::Receipt(receipt) => self.on_receipt(receipt),
            StoreEvent::Refilled(refilled) => self.on_refilled(refilled),
            StoreEvent::Links(links) => self.on_links(links),
            StoreEvent::Kept(kept) => self.on_answers(kept),
            StoreEvent::Marked => self.on_marked(),
            StoreEvent::Failed(error) => self.end = Some(CrawlEnd::StoreFailed(error)),
        }
    }

    /// Asks for more of the frontier if there is room for it: first for requests of hosts that run low, then for hosts that
    /// are not known yet. With nothing in hand, it asks the store a last time whether there is anything.
    pub(super) fn ask_for_more(&mut self) {
        if self.backlog.open().is_some() || self.end.is_some() {
            return;
        }
        let room = self.window.room();
        let hungry = if room > 0 { self.window.hungry(&mut self.hosts, HOSTS_PER_ASK) } else { Vec::new() };
        let share = self.window.share();
        let ask = if hungry.is_empty() {
            let nothing_in_hand = self.in_hand.is_empty();
            if !nothing_in_hand && room <= self.parts.settings.window.requests / ROOM_FOR_SCAN {
                return;
            }
            let Some(scope) = self.backlog.ask_next(nothing_in_hand, self.in_hand.now()) else { return };
            Refill {
                scope,
                per_host: self.window.scan_share(),
                max_requests: room,
                in_hand: self.in_hand.all(),
            }
        } else {
            let names: Vec<Arc<str>> =
                hungry.iter().map(|id| Arc::clone(&self.hosts.get(*id).name)).collect();
            let hosts: HashSet<HostId> = hungry.iter().copied().collect();
            for id in hungry {
                self.window.set_more_in_store(id, false);
            }
            // They hold at most half of their share, so the other half fits.
            let per_host = share.div_ceil(2);
            let scope = self.backlog.ask_hosts(&names, self.in_hand.now());
            Refill { scope, per_host, max_requests: room, in_hand: self.in_hand.of(&hosts) }
        };
        tracing::debug!(scope = ?ScopeSize(&ask.scope), room, per_host = ask.per_host, "asks for more of the frontier");
        if let Err(refused) = self.parts.sink.refill(ask) {
            self.fail(&refused.to_string());
        }
    }

    fn on_receipt(&mut self, mut receipt: Receipt) {
        let now = Instant::now();
        for (fingerprint, state) in &receipt.pages {
            // An earlier receipt has counted a page that is not out.
            let Some(host) = self.in_hand.end(fingerprint) else { continue };
            self.window.settle(host);
            self.careful.goes_back(fingerprint);
            self.budgets.end(fingerprint, *state == PageState::Done);
            if *state == PageState::Done {
                self.limits.page_done();
            } else {
                self.limits.release();
            }
            self.failed_share.page(*state);
        }
        self.failed_share.faults(&receipt);
        self.parts.stats.failed(&receipt.faults);
        self.limits.items_stored(receipt.items);
        self.parts.known.are_stored(receipt.stored_requests);
        if !self.parts.source.may_fetch() {
            // The store has them, and this run does not follow them. The answers to look-ups may be kept.
            let found = receipt.new_requests.len();
            receipt.new_requests.retain(|queued| queued.request.look_up().is_some());
            self.parts.stats.links_not_followed.add((found - receipt.new_requests.len()) as u64);
        }
        for queued in receipt.new_requests {
            // A refill may have brought it already, and it may even have ended.
            if !self.in_hand.has_ended(&queued.fingerprint) {
                let earlier = receipt.earlier.remove(&queued.fingerprint);
                self.admit(queued, earlier, now);
            }
        }
        self.forget();
    }

    fn on_refilled(&mut self, refilled: Refilled) {
        let now = Instant::now();
        let Refilled { requests, mut earlier, more_of, next_host } = refilled;
        let brought_something = !requests.is_empty() || !more_of.is_empty();
        let Some(ask) = self.backlog.answered(brought_something, next_host) else { return };
        tracing::debug!(requests = requests.len(), "more of the frontier has come");
        self.parts.known.are_stored(requests.iter().map(|queued| queued.fingerprint));
        for queued in requests {
            // The answer may be older than the receipt of a page that came and went meanwhile.
            if !self.in_hand.has_ended_since(&queued.fingerprint, ask.asked_at) {
                let earlier = earlier.remove(&queued.fingerprint);
                self.admit(queued, earlier, now);
            }
        }
        for name in &more_of {
            match self.host_named(name, now) {
                Some(id) => self.window.set_more_in_store(id, true),
                None => self.backlog.missed_a_host(),
            }
        }
        self.forget();
    }

    fn admit(&mut self, queued: QueuedRequest, earlier: Option<Box<EarlierPage>>, now: Instant) {
        let fingerprint = queued.fingerprint;
        if queued.is_start() && self.scope.add(&queued.host) {
            tracing::info!(
                host = queued.host,
                "a start request leads to this host, so it belongs to the run"
            );
        }
        if self.in_hand.holds(&fingerprint) {
            return;
        }
        let Some(host) = self.host_named(&queued.host, now) else { return self.backlog.missed_a_host() };
        if self.window.admit(host, queued, earlier) == Admission::Taken {
            self.in_hand.enter(fingerprint, host);
        }
        self.let_go();
    }

    /// The host of this name, which is registered if it is new; `None` when there are too many hosts.
    pub(super) fn host_named(&mut self, name: &str, now: Instant) -> Option<HostId> {
        self.hosts.named(name, now, |id| self.window.needs(id))
    }

    /// Requests that the window gave away are no longer in hand.
    pub(super) fn let_go(&mut self) {
        for fingerprint in self.window.given_away() {
            self.in_hand.leave(&fingerprint);
        }
    }

    fn forget(&mut self) {
        let moment = self.backlog.open().map_or_else(|| self.in_hand.now(), |ask| ask.asked_at);
        self.in_hand.forget_before(moment);
    }
}

/// A scope for the log, with the number of hosts instead of their names.
struct ScopeSize<'a>(&'a RefillScope);

impl std::fmt::Debug for ScopeSize<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            RefillScope::Hosts(hosts) => f.write_str(&counted(hosts.len(), "host")),
            RefillScope::After(None) => f.write_str("all hosts"),
            RefillScope::After(Some(host)) => write!(f, "hosts after {host}"),
            RefillScope::Shards { shards, after: None } => {
                write!(f, "hosts of {}", counted(shards.len(), "shard"))
            }
            RefillScope::Shards { shards, after: Some(host) } => {
                write!(f, "hosts of {} after {host}", counted(shards.len(), "shard"))
            }
        }
    }
}
