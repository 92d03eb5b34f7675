//! Requests that wait for the answer to another request, because both ask the same.

use std::collections::HashMap;

use dragline_core::Fingerprint;

use super::queue::Waiting;
use crate::hosts::HostId;

/// Requests by what they ask. They have their places in the window.
#[derive(Debug, Default)]
pub(super) struct Parked {
    by_question: HashMap<Fingerprint, Vec<(HostId, Waiting)>>,
    len: usize,
}

impl Parked {
    pub(super) fn add(&mut self, question: Fingerprint, host: HostId, waiting: Waiting) {
        self.by_question.entry(question).or_default().push((host, waiting));
        self.len += 1;
    }

    pub(super) fn take(&mut self, question: &Fingerprint) -> Vec<(HostId, Waiting)> {
        let parked = self.by_question.remove(question).unwrap_or_default();
        self.len -= parked.len();
        parked
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }
}
