//! Pages that wait for something that the store has of them. The store is asked for a few of them at once.

use std::collections::VecDeque;

/// Pages that wait. Each has a credit, so there are not many.
#[derive(Debug)]
pub(super) struct Awaited<P> {
    /// Those for which the store is not asked yet.
    next: VecDeque<P>,
    /// Those for which it is asked.
    asked: Vec<P>,
}

impl<P> Default for Awaited<P> {
    fn default() -> Self {
        Self { next: VecDeque::new(), asked: Vec::new() }
    }
}

impl<P> Awaited<P> {
    /// Puts a page behind the others.
    pub(super) fn put(&mut self, page: P) {
        self.next.push_back(page);
    }

    /// Puts pages before the others, in their order. The store is asked for them once more.
    pub(super) fn put_first(&mut self, pages: Vec<P>) {
        for page in pages.into_iter().rev() {
            self.next.push_front(page);
        }
    }

    /// The next pages to ask the store for, `most` at most. None while an answer is still to come.
    pub(super) fn ask(&mut self, most: usize) -> &[P] {
        if !self.asked.is_empty() {
            return &[];
        }
        self.asked.extend(self.next.drain(..self.next.len().min(most)));
        &self.asked
    }

    /// The pages for which the store was asked. It has answered.
    pub(super) fn answered(&mut self) -> Vec<P> {
        std::mem::take(&mut self.asked)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_answer_is_awaited_at_a_time_and_the_order_stays() {
        let mut awaited = Awaited::default();
        assert!(awaited.ask(2).is_empty());
        for page in 1..=5 {
            awaited.put(page);
        }
        assert_eq!(awaited.ask(3), [1, 2, 3]);
        assert!(awaited.ask(3).is_empty(), "an answer is still to come");
        let answered = awaited.answered();
        assert_eq!(answered, [1, 2, 3]);
        awaited.put_first(answered[1..].to_vec());
        assert_eq!(awaited.ask(3), [2, 3, 4]);
    }
}
