//! Pages of which the store keeps an answer. They are read, and nobody is asked for them. So neither pace nor robots.txt matter. A
//! crawl thread unpacks the answer, and the spider sees it as if it had been fetched.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use dragline_core::budget::Stage;
use dragline_core::credit::Credit;
use dragline_core::kept_answer::{KeptAnswer, KeptAnswers};
use dragline_core::{PageOutcome, Reason};

use super::Scheduler;
use super::landing::RequestFailure;
use crate::hosts::HostId;
use crate::job::{KeptPageJob, WaitingWork};
use crate::window::Waiting;

/// For how many pages the store is asked at once. The persistence thread limits how many bytes an answer has.
const ASKED_AT_ONCE: usize = 64;

/// A page that waits for its kept answer.
#[derive(Debug)]
pub(super) struct AwaitingAnswer {
    host: HostId,
    waiting: Waiting,
    credit: Credit,
}

impl Scheduler {
    /// Whether the store has to be asked for a page, before anybody else is.
    pub(super) fn may_be_kept(&self, waiting: &Waiting) -> bool {
        self.parts.source.reads_kept_pages() && !waiting.is_not_kept
    }

    /// Puts a page among those that wait for their kept answers.
    pub(super) fn look_for_answer(&mut self, host: HostId, waiting: Waiting, credit: Credit) {
        self.budgets.reserve(&waiting.queued, &self.hosts.get(host).name);
        self.awaited_answers.put(AwaitingAnswer { host, waiting, credit });
    }

    /// Asks the store for the answers of pages that wait, unless it is still to answer.
    pub(super) fn ask_for_answers(&mut self) {
        if self.end.is_some() {
            return;
        }
        let asked = self.awaited_answers.ask(ASKED_AT_ONCE);
        let pages: Vec<_> = asked.iter().map(|page| page.waiting.queued.fingerprint).collect();
        if pages.is_empty() {
            return;
        }
        if let Err(refused) = self.parts.sink.kept(pages) {
            self.fail(&refused.to_string());
        }
    }

    /// The kept answers of the pages that wait have come.
    pub(super) fn on_answers(&mut self, kept: KeptAnswers) {
        let KeptAnswers { answers, left } = kept;
        let mut answers: BTreeMap<_, _> =
            answers.into_iter().map(|answer| (answer.fingerprint, answer)).collect();
        let left: BTreeSet<_> = left.into_iter().collect();
        let mut once_more = Vec::new();
        for page in self.awaited_answers.answered() {
            let fingerprint = page.waiting.queued.fingerprint;
            match answers.remove(&fingerprint) {
                Some(answer) => self.read(page, answer),
                None if left.contains(&fingerprint) => once_more.push(page),
                None => self.is_not_kept(page),
            }
        }
        self.awaited_answers.put_first(once_more);
    }

    /// Hands a kept answer to a crawl thread.
    fn read(&mut self, page: AwaitingAnswer, answer: KeptAnswer) {
        let AwaitingAnswer { host, waiting: Waiting { queued, .. }, credit } = page;
        let url = queued.request.url().as_str();
        tracing::debug!(url, status = answer.status, kept_by = answer.run_id, "read from a kept page");
        self.parts.stats.pages_read.add(1);
        self.hosts.update(host, |host| host.log_memory.page_came());
        let mut charge = self.budget.charge();
        charge.enter(Stage::Waiting);
        // The crawl thread unpacks it before it asks for more memory.
        let body = usize::try_from(answer.body.body_bytes()).unwrap_or(usize::MAX);
        charge.grow(
            answer.body.frame().len().saturating_add(body.min(self.parts.settings.fetch.max_body_bytes)),
        );
        let limits = Arc::clone(self.downloads.limits(&queued.request));
        let job = KeptPageJob { queued, answer, limits, credit: Some(credit), charge: Some(charge) };
        self.hand_over(WaitingWork::Packed(Box::new(job), self.scope.clone()));
    }

    /// Nothing is kept of a page.
    fn is_not_kept(&mut self, page: AwaitingAnswer) {
        let AwaitingAnswer { host, mut waiting, credit } = page;
        if self.parts.source.may_fetch() {
            drop(credit);
            waiting.is_not_kept = true;
            return self.return_to_window(host, waiting, Duration::ZERO);
        }
        if waiting.queued.request.look_up().is_some() {
            let ended = RequestFailure::of(Reason::NotKept, "no answer to this look-up is kept".to_owned());
            return self.give_up(waiting, ended, credit);
        }
        // Somebody has removed it since the run began.
        let outcome =
            PageOutcome::skipped(&waiting.queued, Reason::NotKept, "its answer is not kept any more");
        self.submit(outcome.with_answer(None, waiting.attempts).with_credit(credit));
    }
}
