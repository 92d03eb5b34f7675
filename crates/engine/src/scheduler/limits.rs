//! The run's limits. `limit` is exact: a page is reserved at dispatch, and released when its receipt is anything but `done`.
//! So the pages that are done or reserved never exceed it, whatever is in flight.

use std::time::{Duration, Instant};

use dragline_core::stop::StopReason;

use crate::settings::LimitSettings;

/// How much of the limits is used.
#[derive(Debug)]
pub(super) struct Limits {
    pages: Option<u64>,
    done: u64,
    reserved: u64,
    pages_of_process: Option<u64>,
    done_here: u64,
    max_items: Option<u64>,
    items: u64,
    deadline: Option<Instant>,
}

impl Limits {
    /// The limits of a run in which `done` pages are done already.
    pub(super) fn new(settings: &LimitSettings, done: u64, now: Instant) -> Self {
        Self {
            pages: settings.pages,
            done,
            reserved: 0,
            pages_of_process: settings.pages_of_process,
            done_here: 0,
            max_items: settings.items,
            items: 0,
            deadline: settings.duration.and_then(|longest| now.checked_add(longest)),
        }
    }

    /// Whether one more page could be done without exceeding the limit.
    pub(super) fn have_room(&self) -> bool {
        self.pages.is_none_or(|limit| self.done + self.reserved < limit)
    }

    /// As many pages are done as were asked for.
    pub(super) fn are_reached(&self) -> bool {
        self.pages.is_some_and(|limit| self.done >= limit)
    }

    pub(super) fn reserve(&mut self) {
        self.reserved += 1;
    }

    /// A page that was reserved has not been done by this attempt.
    pub(super) fn release(&mut self) {
        self.reserved -= 1;
    }

    /// A page that was reserved is done.
    pub(super) fn page_done(&mut self) {
        self.release();
        self.done += 1;
        self.done_here += 1;
    }

    pub(super) fn items_stored(&mut self, items: u64) {
        self.items += items;
    }

    /// Why nothing more may be claimed, if that is so. Pages in hand still finish.
    pub(super) fn reason_to_stop(&self, now: Instant) -> Option<StopReason> {
        if self.max_items.is_some_and(|max| self.items >= max) {
            Some(StopReason::MaxItems)
        } else if self.deadline.is_some_and(|deadline| now >= deadline) {
            Some(StopReason::MaxDuration)
        } else if self.done_here > 0
            && self.pages_of_process.is_some_and(|most| self.done_here + self.reserved >= most)
        {
            // At least one page is done, so that a process that goes on makes progress, too.
            Some(StopReason::Recycled)
        } else {
            None
        }
    }

    /// So much time has passed while this process did not run. It is not part of `max_duration`.
    pub(super) fn slept(&mut self, time: Duration) {
        self.deadline = self.deadline.and_then(|deadline| deadline.checked_add(time));
    }

    /// When `max_duration` ends.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.deadline
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn done_and_reserved_never_exceed_the_limit() {
        let settings = LimitSettings { pages: Some(3), ..LimitSettings::default() };
        let mut limits = Limits::new(&settings, 1, Instant::now());
        limits.reserve();
        assert!(limits.have_room());
        limits.reserve();
        assert!(!limits.have_room() && !limits.are_reached());
        limits.release();
        assert!(limits.have_room());
        limits.reserve();
        limits.page_done();
        limits.page_done();
        assert!(!limits.have_room() && limits.are_reached());
        assert!(Limits::new(&settings, 5, Instant::now()).are_reached());
    }

    #[test]
    fn items_and_time_stop_the_claiming() {
        let settings = LimitSettings {
            items: Some(10),
            duration: Some(Duration::from_secs(60)),
            ..LimitSettings::default()
        };
        let start = Instant::now();
        let mut limits = Limits::new(&settings, 0, start);
        limits.items_stored(9);
        assert_eq!(limits.reason_to_stop(start), None);
        assert_eq!(limits.reason_to_stop(start + Duration::from_secs(60)), Some(StopReason::MaxDuration));
        limits.items_stored(4);
        assert_eq!(limits.reason_to_stop(start), Some(StopReason::MaxItems));
    }

    #[test]
    fn the_pages_of_a_process_are_those_since_its_start() {
        let settings = LimitSettings { pages_of_process: Some(2), ..LimitSettings::default() };
        let now = Instant::now();
        let mut limits = Limits::new(&settings, 40, now);
        limits.reserve();
        limits.reserve();
        assert_eq!(limits.reason_to_stop(now), None, "nothing is done");
        limits.release();
        limits.page_done();
        assert_eq!(limits.reason_to_stop(now), None);
        limits.reserve();
        assert_eq!(limits.reason_to_stop(now), Some(StopReason::Recycled));
    }
}
