//! Look-ups that need the same answer: one of them is sent, and the others wait for it. If the answer is in memory, nobody is asked,
//! so neither pace nor robots.txt matter.

use std::time::Duration;

use dragline_core::budget::Stage;
use dragline_core::credit::Credit;
use dragline_core::fetched::Arrival;
use dragline_core::{Fetched, Fingerprint};

use super::Scheduler;
use crate::hosts::HostId;
use crate::job::Job;
use crate::window::Waiting;

impl Scheduler {
    /// What the best request of a host asks, if it is a look-up.
    pub(super) fn question_of_best(&self, host: HostId) -> Option<Fingerprint> {
        self.question_of(self.window.best(host)?)
    }

    /// What a look-up asks.
    pub(super) fn question_of(&self, waiting: &Waiting) -> Option<Fingerprint> {
        let request = &waiting.queued.request;
        request.look_up()?;
        Some(Fingerprint::of_question(&self.parts.same_request, request))
    }

    /// Whether the answer to this question is in memory.
    pub(super) fn knows_answer(&self, question: &Fingerprint) -> bool {
        self.parts.look_ups.answers().is_some_and(|answers| answers.has(question))
    }

    /// Gives a look-up the answer that is in memory.
    pub(super) fn answer_from_memory(
        &mut self,
        question: &Fingerprint,
        host: HostId,
        waiting: Waiting,
        credit: Credit,
    ) {
        let Some(answer) = self.parts.look_ups.answers().and_then(|answers| answers.get(question)) else {
            // It was forgotten just now.
            drop(credit);
            return self.return_to_window(host, waiting, Duration::ZERO);
        };
        self.budgets.reserve(&waiting.queued, &self.hosts.get(host).name);
        let attempts = waiting.attempts;
        let mut response = answer.response(waiting.queued);
        response.attempts = attempts;
        let mut charge = self.budget.charge();
        charge.enter(Stage::Waiting);
        charge.grow(response.body.len());
        // A reparse finds the answer under the fingerprint of each look-up.
        let fetched_at = Some(answer.fetched_at).filter(|_| self.parts.settings.keep.pages);
        let arrival =
            Arrival { body_hash: answer.body_hash, fetched_at, from_memory: true, ..Arrival::default() };
        let (credit, charge, cookies) = (Some(credit), Some(charge), Vec::new());
        let fetched = Fetched { response, credit, charge, cookies, arrival };
        self.hand_on(Job::Parse(fetched, self.scope.clone()));
    }

    /// A look-up is sent. Others with the same question wait for it.
    pub(super) fn begin_question(&mut self, waiting: &Waiting) {
        self.asked.extend(self.question_of(waiting));
    }

    /// A look-up that was sent has ended, however it did.
    pub(super) fn end_question(&mut self, waiting: &Waiting) {
        if let Some(question) = self.question_of(waiting)
            && self.asked.remove(&question)
        {
            self.window.unpark(&question);
        }
    }
}
