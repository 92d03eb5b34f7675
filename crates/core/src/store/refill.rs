//! Parts of the frontier that the scheduler asks for.

use dragline_spider::fingerprint::Fingerprint;
use dragline_spider::queued_request::QueuedRequest;

use crate::earlier::EarlierPages;

/// Asks for a part of the frontier.
#[derive(Clone, Debug)]
pub struct Refill {
    /// The hosts.
    pub scope: RefillScope,
    /// How many requests to read for each host at most, in fetch order.
    pub per_host: usize,
    /// About how many requests to read in all at most. The answer says which hosts have more.
    pub max_requests: usize,
    /// Requests that the engine already holds. They are left out.
    pub in_hand: Vec<Fingerprint>,
}

/// The hosts of a refill.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RefillScope {
    /// These hosts.
    Hosts(Vec<String>),
    /// All hosts after this one in the store's order. `None` begins with the first.
    After(Option<String>),
    /// The hosts of these shards, which are in ascending order, after this host in the store's order. `None` begins with the first.
    Shards {
        /// The shards. The run may have others, and they cost nothing.
        shards: Vec<i16>,
        /// The last host that was read.
        after: Option<String>,
    },
}

/// A part of the frontier, in fetch order per host.
#[derive(Debug, Default)]
pub struct Refilled {
    /// Queued requests that are not in hand.
    pub requests: Vec<QueuedRequest>,
    /// What earlier runs know about them. Only an incremental run has some.
    pub earlier: EarlierPages,
    /// Hosts with more queued requests than the answer has.
    pub more_of: Vec<String>,
    /// Where to continue with the next hosts. `None` at the end.
    pub next_host: Option<String>,
}
