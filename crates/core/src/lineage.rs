//! How a run came to a page: the requests from a start request to it.

use dragline_spider::fingerprint::Fingerprint;

use crate::outcome::PageState;

/// At most this many requests of one URL are traced. They differ in session, method or body.
pub const MAX_LINEAGES: usize = 20;

/// The requests from a start request to the one that was asked for. Each was found on the page of the one before it, or is
/// the target of its redirect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lineage {
    /// The requests in this order. There is at least one.
    pub requests: Vec<TracedRequest>,
}

/// A request of a run, and what became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TracedRequest {
    /// Its fingerprint.
    pub fingerprint: Fingerprint,
    /// The page that it was found on. A start request has none, and neither has a request that was stored before schema
    /// version 6.
    pub parent: Option<Fingerprint>,
    /// Its URL.
    pub url: String,
    /// Its tag.
    pub tag: String,
    /// Links followed from a start request.
    pub depth: u32,
    /// Its state; `None` while it is queued.
    pub state: Option<PageState>,
    /// The HTTP status, if there was an answer.
    pub status: Option<u16>,
    /// The code of the reason why it is not done.
    pub reason: Option<String>,
    /// The same for people, in detail.
    pub error: Option<String>,
}

impl Lineage {
    /// Whether it begins with a start request. Otherwise, nothing is known about what came before.
    pub fn is_whole(&self) -> bool {
        self.requests.first().is_some_and(|first| first.parent.is_none() && first.depth == 0)
    }

    /// The request that was asked for.
    pub fn last(&self) -> Option<&TracedRequest> {
        self.requests.last()
    }
}
