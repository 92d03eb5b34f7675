//! The whole answers that earlier runs of a spider have kept, as they are read again.

use chrono::{DateTime, Utc};
use dragline_spider::fingerprint::Fingerprint;

use crate::kept_body::KeptBody;
use crate::prune::RequestPlace;

/// Which kept answers to read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptAsk {
    /// The spider whose runs have kept them.
    pub spider: String,
    /// The pages.
    pub pages: Vec<Fingerprint>,
    /// Only what this run and those before it have kept.
    pub up_to_run: Option<i64>,
    /// How many compressed bytes of bodies to read at most. The first page that has an answer is read all the same.
    pub max_bytes: usize,
}

/// The newest whole answers of some pages. A page without one is left out.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct KeptAnswers {
    /// The answers, in the order of the pages that were asked for.
    pub answers: Vec<KeptAnswer>,
    /// Pages whose answers were not read because there was not enough room. Ask for them again.
    pub left: Vec<Fingerprint>,
}

/// A whole answer that a run has kept.
#[derive(Clone, Debug, PartialEq)]
pub struct KeptAnswer {
    /// Its request.
    pub fingerprint: Fingerprint,
    /// The run that kept it.
    pub run_id: i64,
    /// The URL that gave it.
    pub url: String,
    /// Its HTTP status.
    pub status: u16,
    /// Its headers, without secrets.
    pub headers: Vec<(String, String)>,
    /// When it came.
    pub fetched_at: DateTime<Utc>,
    /// Its body.
    pub body: KeptBody,
}

/// Which kept pages of a run to list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptListAsk {
    /// The run.
    pub run_id: i64,
    /// The spider of the run.
    pub spider: String,
    /// Where to go on.
    pub after: KeptPlace,
    /// How many pages to look at, at most.
    pub limit: u32,
}

/// A place in the list of a run's kept pages. The answers that the run has kept itself come first. Then come the older ones that
/// stand for the pages that it found unchanged or fresh.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeptPlace {
    /// Behind this page of those that the run has kept.
    Own(Option<Fingerprint>),
    /// Behind this request of the run.
    Older(Option<RequestPlace>),
}

impl Default for KeptPlace {
    fn default() -> Self {
        Self::Own(None)
    }
}

/// A part of the list of a run's kept pages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptListed {
    /// The pages.
    pub pages: Vec<KeptEntry>,
    /// Where to go on. `None` at the end.
    pub next: Option<KeptPlace>,
}

/// A kept page, without its body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptEntry {
    /// Its request.
    pub fingerprint: Fingerprint,
    /// The run that kept it.
    pub run_id: i64,
    /// The URL that gave the answer.
    pub url: String,
    /// Its HTTP status.
    pub status: u16,
    /// When it came.
    pub fetched_at: DateTime<Utc>,
    /// Whether the whole body is kept, and not only its first bytes.
    pub is_whole: bool,
    /// The length of the body, if it is known.
    pub body_bytes: Option<u64>,
    /// How many bytes of it the store has: compressed ones of a whole body.
    pub stored_bytes: u64,
}
