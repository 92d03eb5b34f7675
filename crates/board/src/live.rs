//! What a running crawl knows about itself, and the store doesn't.

use dragline_core::store::BoxFuture;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

/// Asks running crawls. A crawl in this process answers from memory; a supervisor asks its children over loopback.
pub trait Live: Send + Sync {
    /// What the crawl of this run says now. `None` if it is not within reach. The answer may take a second at most.
    fn of_run(&self, run_id: i64) -> BoxFuture<'_, Option<LiveRun>>;
}

/// A board of runs that other processes crawl.
#[derive(Clone, Copy, Debug, Default)]
pub struct NotLive;

impl Live for NotLive {
    fn of_run(&self, _run_id: i64) -> BoxFuture<'_, Option<LiveRun>> {
        Box::pin(std::future::ready(None))
    }
}

/// A running crawl.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LiveRun {
    /// The answer of `/status`.
    pub status: Json,
    /// The busiest hosts.
    pub hosts: Vec<LiveHost>,
    /// How many other hosts there are.
    pub other_hosts: u64,
    /// How old this is, in seconds. A crawl that stands still or hangs keeps its last known figures.
    #[serde(default)]
    pub age_seconds: f64,
}

/// A host that a crawl asks.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LiveHost {
    /// `host:port`.
    pub host: String,
    /// Fetches in flight.
    pub in_flight: u64,
    /// How many there may be at once.
    pub slots: u64,
    /// Requests that wait in memory.
    pub queued: u64,
    /// The shortest time between two requests, in seconds. 0 means no limit.
    pub pace_seconds: f64,
    /// How long the host rests, in seconds.
    pub rests_seconds: Option<f64>,
    /// Why it rests: `pace`, `asked`, `failing` or `robots`.
    pub rests_because: Option<String>,
}
