//! Limits on the pages of one host, and of one URL pattern. They are as exact as the limit on all pages. A page is reserved
//! when it is fetched, and it counts once its receipt says that it is done. The store has counted the pages that were done
//! before this start.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use dragline_core::tally::{Tally, TallyOf, UrlPattern};
use dragline_core::{Fingerprint, QueuedRequest};

use crate::scope::LinkRefusal;
use crate::settings::LinkSettings;

/// See the module.
#[derive(Debug)]
pub(super) struct Budgets {
    per_host: Option<u64>,
    per_pattern: Option<u64>,
    of: TallyOf,
    done: Tally,
    /// Pages that are out, by request, host and pattern.
    out: HashMap<Fingerprint, Reserved>,
    out_of_host: HashMap<Arc<str>, u64>,
    out_of_pattern: HashMap<UrlPattern, u64>,
    /// The limits that were mentioned in the log.
    logged: HashSet<LinkRefusal>,
}

#[derive(Debug)]
struct Reserved {
    host: Arc<str>,
    url: Box<str>,
    depth: u32,
}

/// Whether there is room for one more page.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum BudgetRoom {
    /// There is room.
    Now,
    /// There may be room, if a page that is out does not end as done.
    NotNow,
    /// There is not, and there never will be.
    Never(LinkRefusal),
}

impl Budgets {
    pub(super) fn new(settings: &LinkSettings, done: Tally) -> Self {
        Self {
            per_host: settings.max_pages_per_host,
            per_pattern: settings.max_pages_per_pattern,
            of: settings.tally(),
            done,
            out: HashMap::new(),
            out_of_host: HashMap::new(),
            out_of_pattern: HashMap::new(),
            logged: HashSet::new(),
        }
    }

    /// Whether this reason comes up for the first time.
    pub(super) fn is_news(&mut self, reason: LinkRefusal) -> bool {
        self.logged.insert(reason)
    }

    /// Whether a page may be fetched.
    pub(super) fn room_for(&self, queued: &QueuedRequest) -> BudgetRoom {
        if let Some(max) = self.per_host {
            let done = self.done.of_host(&queued.host);
            let out = self.out_of_host.get(queued.host.as_str()).copied().unwrap_or_default();
            if done + out >= max {
                return if done >= max {
                    BudgetRoom::Never(LinkRefusal::HostFull)
                } else {
                    BudgetRoom::NotNow
                };
            }
        }
        if let Some(max) = self.per_pattern.filter(|_| queued.depth > 0) {
            let pattern = UrlPattern::of(queued.request.url().as_str());
            let done = self.done.of_pattern(pattern);
            let out = self.out_of_pattern.get(&pattern).copied().unwrap_or_default();
            if done + out >= max {
                return if done >= max {
                    BudgetRoom::Never(LinkRefusal::PatternFull)
                } else {
                    BudgetRoom::NotNow
                };
            }
        }
        BudgetRoom::Now
    }

    /// A page is fetched.
    pub(super) fn reserve(&mut self, queued: &QueuedRequest, host: &Arc<str>) {
        if self.of.is_nothing() {
            return;
        }
        let url: Box<str> = queued.request.url().as_str().into();
        *self.out_of_host.entry(Arc::clone(host)).or_default() += 1;
        *self.out_of_pattern.entry(UrlPattern::of(&url)).or_default() += 1;
        let reserved = Reserved { host: Arc::clone(host), url, depth: queued.depth };
        self.out.insert(queued.fingerprint, reserved);
    }

    /// A page is no longer out: it has ended, or this attempt has.
    pub(super) fn end(&mut self, fingerprint: &Fingerprint, is_done: bool) {
        let Some(Reserved { host, url, depth }) = self.out.remove(fingerprint) else { return };
        if let Some(out) = self.out_of_host.get_mut(&host) {
            *out -= 1;
            if *out == 0 {
                self.out_of_host.remove(&host);
            }
        }
        let pattern = UrlPattern::of(&url);
        if let Some(out) = self.out_of_pattern.get_mut(&pattern) {
            *out -= 1;
            if *out == 0 {
                self.out_of_pattern.remove(&pattern);
            }
        }
        if is_done {
            self.done.add(self.of, &host, &url, depth);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use dragline_core::Request;

    fn page(path: &str) -> QueuedRequest {
        let start = QueuedRequest::start(Request::get("http://a.example/").unwrap(), 0);
        start.child(Request::get(format!("http://a.example{path}")).unwrap(), 0)
    }

    fn fetch(budgets: &mut Budgets, path: &str) {
        assert_eq!(budgets.room_for(&page(path)), BudgetRoom::Now, "{path}");
        budgets.reserve(&page(path), &"a.example:80".into());
    }

    fn end(budgets: &mut Budgets, path: &str, is_done: bool) {
        budgets.end(&page(path).fingerprint, is_done);
    }

    #[test]
    fn done_and_out_never_exceed_a_hosts_limit() {
        let settings = LinkSettings { max_pages_per_host: Some(3), ..LinkSettings::default() };
        let mut before = Tally::default();
        before.add(settings.tally(), "a.example:80", "http://a.example/", 0);
        let mut budgets = Budgets::new(&settings, before);
        fetch(&mut budgets, "/1");
        fetch(&mut budgets, "/2");
        assert_eq!(budgets.room_for(&page("/3")), BudgetRoom::NotNow);
        end(&mut budgets, "/1", false);
        fetch(&mut budgets, "/3");
        end(&mut budgets, "/2", true);
        end(&mut budgets, "/2", true);
        assert_eq!(budgets.room_for(&page("/4")), BudgetRoom::NotNow);
        end(&mut budgets, "/3", true);
        assert_eq!(budgets.room_for(&page("/4")), BudgetRoom::Never(LinkRefusal::HostFull));
        let other = QueuedRequest::start(Request::get("http://b.example/").unwrap(), 0);
        assert_eq!(budgets.room_for(&other), BudgetRoom::Now);
        assert!(
            budgets.out.is_empty() && budgets.out_of_host.is_empty() && budgets.out_of_pattern.is_empty()
        );
    }

    #[test]
    fn a_pattern_has_its_limit_and_start_requests_have_none() {
        let settings = LinkSettings { max_pages_per_pattern: Some(2), ..LinkSettings::default() };
        let mut budgets = Budgets::new(&settings, Tally::default());
        for path in ["/day/1", "/day/2"] {
            fetch(&mut budgets, path);
            end(&mut budgets, path, true);
        }
        assert_eq!(budgets.room_for(&page("/day/3")), BudgetRoom::Never(LinkRefusal::PatternFull));
        assert_eq!(budgets.room_for(&page("/shop/3")), BudgetRoom::Now);
        let named = QueuedRequest::start(Request::get("http://a.example/day/4").unwrap(), 0);
        assert_eq!(budgets.room_for(&named), BudgetRoom::Now);
    }
}
