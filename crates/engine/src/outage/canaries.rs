//! The hosts that answered last. If several others fail, one of these can tell whether the network works.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use dragline_core::Request;

use super::link::has_name;

/// How many hosts are remembered. They would have to fail all at once.
const MOST: usize = 5;
/// Hosts are noted at most this often, because thousands may answer in a second.
const NOTE_EVERY: Duration = Duration::from_millis(100);

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Canaries {
    /// The one that answered last comes first.
    known: VecDeque<(Arc<str>, Request)>,
    noted_at: Option<Instant>,
    /// The position of the host that is asked next.
    next: usize,
}

impl Canaries {
    /// A host has answered such a request.
    pub(super) fn note(&mut self, host: &Arc<str>, request: &Request, now: Instant) {
        let is_first = self.known.front().is_some_and(|(known, _)| known == host);
        let is_full = self.known.len() >= MOST;
        let is_soon = self.noted_at.is_some_and(|at| now.saturating_duration_since(at) < NOTE_EVERY);
        if is_first || (is_full && is_soon) {
            return;
        }
        let Ok(like) = Request::get(request.url().as_str()) else { return };
        let like = match request.proxy() {
            Some(proxy) => like.with_proxy(proxy.clone()),
            None => like,
        };
        self.noted_at = Some(now);
        self.known.retain(|(known, _)| known != host);
        self.known.push_front((Arc::clone(host), like));
        self.known.truncate(MOST);
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &Arc<str>> {
        self.known.iter().map(|(host, _)| host)
    }

    /// Whether there is one, with a name if it must have one.
    pub(super) fn have_one(&self, must_be_named: bool) -> bool {
        self.known.iter().any(|(_, request)| !must_be_named || has_name(request))
    }

    /// One that was not asked. One that has not failed comes first.
    pub(super) fn other_than(
        &self,
        asked: &[Arc<str>],
        failing: &BTreeSet<Arc<str>>,
        must_be_named: bool,
    ) -> Option<(Arc<str>, Request)> {
        let is_fit = |request: &Request| !must_be_named || has_name(request);
        let unasked = || self.known.iter().filter(|(host, request)| !asked.contains(host) && is_fit(request));
        unasked().find(|(host, _)| !failing.contains(host)).or_else(|| unasked().next()).cloned()
    }

    /// All of them in turn, or all that have a name.
    pub(super) fn take_turn(&mut self, must_be_named: bool) -> Option<(Arc<str>, Request)> {
        let fit: Vec<_> =
            self.known.iter().filter(|(_, request)| !must_be_named || has_name(request)).collect();
        self.next = self.next.wrapping_add(1);
        let at = self.next.checked_rem(fit.len())?;
        fit.get(at).map(|canary| (*canary).clone())
    }
}
