//! The ledger of requests in hand. A request in hand is in the window, or it is out until its receipt comes: in flight, with a
//! crawl thread, or on its way to the store.
//!
//! The ledger keeps a request from being fetched twice. Refills leave out what is in hand. An answer that is older than a
//! receipt may still bring such a request, and then the ledger recognises it.

use std::collections::{HashMap, HashSet, VecDeque};

use dragline_core::Fingerprint;

use crate::hosts::HostId;

/// See the module.
#[derive(Debug)]
pub(super) struct InHand {
    held: HashMap<Fingerprint, HeldRequest>,
    out: usize,
    /// The requests that ended last, with their numbers.
    ended: HashMap<Fingerprint, u64>,
    ended_in_order: VecDeque<Fingerprint>,
    endings: u64,
    remember: usize,
}

/// A request in hand.
#[derive(Clone, Copy, Debug)]
struct HeldRequest {
    host: HostId,
    is_out: bool,
}

/// A moment in the order of endings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Ending(u64);

impl InHand {
    /// A ledger that remembers the last `remember` endings, and all since the oldest moment that
    /// [`InHand::forget_before`] was given.
    pub(super) fn new(remember: usize) -> Self {
        Self {
            held: HashMap::new(),
            out: 0,
            ended: HashMap::new(),
            ended_in_order: VecDeque::new(),
            endings: 0,
            remember,
        }
    }

    pub(super) fn holds(&self, fingerprint: &Fingerprint) -> bool {
        self.held.contains_key(fingerprint)
    }

    /// A request got its place in the window.
    pub(super) fn enter(&mut self, fingerprint: Fingerprint, host: HostId) {
        self.held.insert(fingerprint, HeldRequest { host, is_out: false });
    }

    /// A request is no longer in hand, because only the store has it now.
    pub(super) fn leave(&mut self, fingerprint: &Fingerprint) {
        if self.held.remove(fingerprint).is_some_and(|hand| hand.is_out) {
            self.out -= 1;
        }
    }

    /// A request is out, or (to be tried again) back in the window.
    pub(super) fn set_out(&mut self, fingerprint: &Fingerprint, is_out: bool) {
        let Some(hand) = self.held.get_mut(fingerprint) else { return };
        if hand.is_out != is_out {
            hand.is_out = is_out;
            if is_out { self.out += 1 } else { self.out -= 1 }
        }
    }

    /// A request that was out has its receipt. Gives its host, or `None` if it was not out.
    pub(super) fn end(&mut self, fingerprint: &Fingerprint) -> Option<HostId> {
        let host = self.held.get(fingerprint).filter(|hand| hand.is_out)?.host;
        self.leave(fingerprint);
        self.endings += 1;
        self.ended.insert(*fingerprint, self.endings);
        self.ended_in_order.push_back(*fingerprint);
        Some(host)
    }

    /// How many requests are out.
    pub(super) fn out(&self) -> usize {
        self.out
    }

    pub(super) fn is_empty(&self) -> bool {
        self.held.is_empty()
    }

    /// Everything in hand, for a refill to leave out.
    pub(super) fn all(&self) -> Vec<Fingerprint> {
        self.held.keys().copied().collect()
    }

    /// The requests of these hosts that are in hand.
    pub(super) fn of(&self, hosts: &HashSet<HostId>) -> Vec<Fingerprint> {
        let theirs = self.held.iter().filter(|(_, hand)| hosts.contains(&hand.host));
        theirs.map(|(fingerprint, _)| *fingerprint).collect()
    }

    /// How many requests have had their receipts.
    pub(super) fn ended(&self) -> u64 {
        self.endings
    }

    /// The present moment.
    pub(super) fn now(&self) -> Ending {
        Ending(self.endings)
    }

    /// Whether a request is known to have ended.
    pub(super) fn has_ended(&self, fingerprint: &Fingerprint) -> bool {
        self.ended.contains_key(fingerprint)
    }

    /// Whether a request has ended since a moment.
    pub(super) fn has_ended_since(&self, fingerprint: &Fingerprint, moment: Ending) -> bool {
        self.ended.get(fingerprint).is_some_and(|ending| *ending > moment.0)
    }

    /// Forgets the oldest endings, down to the number to remember. Those since `moment` are kept.
    pub(super) fn forget_before(&mut self, moment: Ending) {
        while self.ended_in_order.len() > self.remember
            && let Some(oldest) = self.ended_in_order.front().copied()
            && !self.has_ended_since(&oldest, moment)
        {
            self.ended_in_order.pop_front();
            self.ended.remove(&oldest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use dragline_core::{QueuedRequest, Request};

    fn request(number: u32) -> QueuedRequest {
        QueuedRequest::start(Request::get(format!("http://a.example/{number}")).unwrap(), 0)
    }

    /// A ledger, and the host of its requests.
    fn ledger(remember: usize) -> (InHand, HostId) {
        (InHand::new(remember), HostId::at(0).unwrap())
    }

    #[test]
    fn only_a_request_that_is_out_ends_and_only_once() {
        let (mut in_hand, host) = ledger(10);
        let page = request(1).fingerprint;
        assert_eq!(in_hand.end(&page), None);
        in_hand.enter(page, host);
        assert_eq!((in_hand.end(&page), in_hand.out()), (None, 0));
        in_hand.set_out(&page, true);
        assert_eq!(in_hand.out(), 1);
        assert_eq!((in_hand.end(&page), in_hand.end(&page)), (Some(host), None));
        assert!(in_hand.is_empty() && in_hand.out() == 0 && in_hand.has_ended(&page));
    }

    #[test]
    fn endings_are_remembered_as_long_as_an_answer_may_be_older() {
        let (mut in_hand, host) = ledger(3);
        let mut asked_at = in_hand.now();
        for number in 0..20 {
            if number == 10 {
                asked_at = in_hand.now();
            }
            let page = request(number).fingerprint;
            in_hand.enter(page, host);
            in_hand.set_out(&page, true);
            in_hand.end(&page);
            in_hand.forget_before(asked_at);
        }
        for number in 0..20 {
            let page = request(number).fingerprint;
            assert_eq!(in_hand.has_ended_since(&page, asked_at), number >= 10, "{number}");
        }
        in_hand.forget_before(in_hand.now());
        let remembered = (0..20).filter(|number| in_hand.has_ended(&request(*number).fingerprint)).count();
        assert_eq!(remembered, 3);
    }
}
