//! How a crawl ended.

use std::fmt;

use dragline_core::StoreError;
use dragline_core::stop::StopReason;

/// How a crawl ended.
#[derive(Debug)]
pub enum CrawlEnd {
    /// The frontier is empty.
    Finished,
    /// The limit on pages is reached.
    LimitReached,
    /// The frontier is empty or the limit is reached, but too large a share of the pages failed. These are the figures.
    TooManyFailed(String),
    /// The crawl stopped before that, and the run can be resumed.
    Stopped(StopReason),
    /// The store is gone for good, or refuses this process.
    StoreFailed(StoreError),
}

impl fmt::Display for CrawlEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Finished => f.write_str("finished"),
            Self::LimitReached => f.write_str("limit"),
            Self::TooManyFailed(figures) => write!(f, "too many pages failed ({figures})"),
            Self::Stopped(reason) => write!(f, "stopped ({reason})"),
            Self::StoreFailed(error) => write!(f, "the store failed ({error})"),
        }
    }
}
