//! Where the pages of a run came from.

use serde_json::Value as Json;

use crate::outcome::PageOutcome;

/// Where the pages of a run came from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PageOrigins {
    /// Pages whose kept answer was read.
    pub read: u64,
    /// Pages that somebody was asked for.
    pub fetched: u64,
}

impl PageOrigins {
    /// The key in `crawl_runs.stats` for the pages of all starts of a run that were read.
    pub const READ: &str = "run_pages_read";
    /// The same for those that were fetched.
    pub const FETCHED: &str = "run_pages_fetched";

    /// What a run recorded in its figures.
    pub fn of_stats(stats: &Json) -> Self {
        let figure = |name| stats.get(name).and_then(Json::as_u64).unwrap_or_default();
        Self { read: figure(Self::READ), fetched: figure(Self::FETCHED) }
    }

    /// Adds the page of an outcome.
    pub fn add(&mut self, page: &PageOutcome) {
        if page.read_from.is_some() {
            self.read += 1;
        } else if page.attempts > 0 {
            self.fetched += 1;
        }
    }
}

impl std::ops::Add for PageOrigins {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self { read: self.read + other.read, fetched: self.fetched + other.fetched }
    }
}
