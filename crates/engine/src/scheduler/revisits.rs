//! Pages that are as an earlier run found them. The store has their links, so they wait until these are read. Then a crawl
//! thread packs them without the spider.

use std::time::Duration;

use chrono::Utc;
use dragline_core::budget::Stage;
use dragline_core::credit::Credit;
use dragline_core::earlier::Validators;
use dragline_core::store::KeptLinks;
use dragline_core::{PageRecord, Reason, StoredCookie};
use http::StatusCode;

use super::Scheduler;
use crate::downloader::{Answer, AnswerBody};
use crate::hosts::HostId;
use crate::job::{AsBefore, Job};
use crate::revisit::is_recorded;
use crate::window::Waiting;

/// For how many pages the store is asked at once. Their links are in memory together, before any of them is charged.
const ASKED_AT_ONCE: usize = 16;

/// A page that waits for its links.
pub(super) struct AwaitingLinks {
    pub(super) host: HostId,
    pub(super) waiting: Waiting,
    pub(super) credit: Credit,
    pub(super) reason: Reason,
    pub(super) record: PageRecord,
    pub(super) status: Option<u16>,
    pub(super) cookies: Vec<StoredCookie>,
}

impl Scheduler {
    /// Whether a request's page need not be fetched, because an earlier run saw it a short time ago.
    pub(super) fn is_fresh(&self, waiting: &Waiting) -> bool {
        let (Some(revisits), Some(earlier)) = (&self.parts.revisits, &waiting.earlier) else { return false };
        revisits.is_fresh(&waiting.queued.request, earlier, Utc::now())
    }

    /// The page is done without a fetch.
    pub(super) fn keep_fresh(&mut self, host: HostId, waiting: Waiting, credit: Credit) {
        self.budgets.reserve(&waiting.queued, &self.hosts.get(host).name);
        tracing::debug!(
            url = waiting.queued.request.url().as_str(),
            "seen a short time ago, so it is not fetched"
        );
        self.await_links(AwaitingLinks {
            host,
            waiting,
            credit,
            reason: Reason::Fresh,
            record: PageRecord::Fresh,
            status: None,
            cookies: Vec::new(),
        });
    }

    /// The validators to keep for a page whose answer shows that it is unchanged. `None` if the answer does not.
    pub(super) fn unchanged(&self, waiting: &Waiting, answer: &Answer) -> Option<Validators> {
        let (revisits, earlier) = (self.parts.revisits.as_ref()?, waiting.earlier.as_ref()?);
        let request = &waiting.queued.request;
        let newer = Validators::of(&answer.headers);
        // A spider may accept this status. But it has not asked this question.
        if answer.status == StatusCode::NOT_MODIFIED && revisits.asks_conditionally(request, earlier) {
            return Some(earlier.validators.updated_by(newer));
        }
        let is_same = matches!(&answer.body, AnswerBody::Whole(body) if !body.is_empty())
            && is_recorded(answer.status)
            && answer.body_hash == Some(earlier.body_hash)
            && revisits.is_of_this_parser(request, earlier);
        is_same.then_some(newer)
    }

    /// Puts a page among those that wait for their links.
    pub(super) fn await_links(&mut self, page: AwaitingLinks) {
        self.awaited_links.put(page);
    }

    /// Asks the store for the links of all pages that wait, unless an answer is still to come.
    pub(super) fn ask_for_links(&mut self) {
        if self.end.is_some() {
            return;
        }
        let asked = self.awaited_links.ask(ASKED_AT_ONCE);
        let pages: Vec<_> = asked.iter().map(|page| page.waiting.queued.fingerprint).collect();
        if pages.is_empty() {
            return;
        }
        if let Err(refused) = self.parts.sink.links(pages) {
            self.fail(&refused.to_string());
        }
    }

    /// The links of the pages that wait have come.
    pub(super) fn on_links(&mut self, mut kept: KeptLinks) {
        for page in self.awaited_links.answered() {
            let AwaitingLinks { host, mut waiting, credit, reason, record, status, cookies } = page;
            let Some(links) = kept.remove(&waiting.queued.fingerprint) else {
                // Somebody has removed the record meanwhile. So the page has to be fetched after all.
                waiting.earlier = None;
                drop(credit);
                self.put_back(host, waiting, Duration::ZERO, "nothing is kept of it any more");
                continue;
            };
            self.parts.stats.as_before(reason);
            let mut charge = self.budget.charge();
            charge.enter(Stage::Waiting);
            let Waiting { queued, attempts, .. } = waiting;
            let (credit, charge) = (Some(credit), Some(charge));
            let page = AsBefore { queued, reason, record, links, status, attempts, credit, charge, cookies };
            self.hand_on(Job::AsBefore(Box::new(page), self.scope.clone()));
        }
    }
}
