//! What the downloader hands to a crawl thread: an answer, with everything that travels with it.

use chrono::{DateTime, Utc};
use dragline_spider::Response;

use crate::budget::Charge;
use crate::cookies::StoredCookie;
use crate::credit::Credit;
use crate::earlier::BodyHash;

/// A fetched answer on its way to a crawl thread.
#[derive(Debug)]
pub struct Fetched {
    /// The answer, as the spider will see it.
    pub response: Response,
    /// The credit that its request took. A stored page has none.
    pub credit: Option<Credit>,
    /// The memory that it holds. A stored page has none.
    pub charge: Option<Charge>,
    /// What it changes in the cookie jars, for the store.
    pub cookies: Vec<StoredCookie>,
    /// How it came.
    pub arrival: Arrival,
}

/// How an answer came.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Arrival {
    /// The hash of its body, if the crawl is incremental.
    pub body_hash: Option<BodyHash>,
    /// When it was complete. `None` for a stored page, which is not kept once more.
    pub fetched_at: Option<DateTime<Utc>>,
    /// The run that kept the answer, if it was not fetched now.
    pub kept_by: Option<i64>,
    /// Whether it is the answer to another request with the same question, which was in memory.
    pub from_memory: bool,
}

impl From<Response> for Fetched {
    /// An answer without a credit or a charge: a stored page, for tests and previews.
    fn from(response: Response) -> Self {
        Self { response, credit: None, charge: None, cookies: Vec::new(), arrival: Arrival::default() }
    }
}
