//! What a trace of a page holds, for whoever watches crawls from outside. Without a watcher, nothing of this is made.

use std::time::Duration;

use chrono::{DateTime, Utc};

use crate::outcome::PageState;
use dragline_spider::Reason;

/// Names a trace: 16 random bytes.
pub type TraceId = [u8; 16];

/// Takes traces of pages. It never waits, and may drop what it is given.
pub trait PageTraces: Send + Sync {
    /// Begins the trace of a page. `None` if this page is not sampled.
    fn begin(&self) -> Option<TraceId>;

    /// Takes the trace of a page whose outcome goes to the store.
    fn end(&self, id: TraceId, trace: PageTrace);
}

/// What happened to a page, from its fetch until its outcome went to the store.
#[derive(Clone, Debug, PartialEq)]
pub struct PageTrace {
    /// Its URL, as it is stored.
    pub url: String,
    /// The HTTP method of its request.
    pub method: String,
    /// Its tag.
    pub tag: String,
    /// The HTTP status, if there was an answer.
    pub status: Option<u16>,
    /// How its request ends.
    pub state: PageState,
    /// Why, if it is not simply done.
    pub reason: Option<Reason>,
    /// How often it was requested.
    pub attempts: u32,
    /// The items of its outcome.
    pub items: usize,
    /// The new requests of its outcome.
    pub requests: usize,
    /// Its last fetch, if it was fetched now: when it began, and how long it took.
    pub fetch: Option<(DateTime<Utc>, Duration)>,
    /// The work of the crawl thread: the parse and the item pipelines.
    pub work: (DateTime<Utc>, Duration),
}
