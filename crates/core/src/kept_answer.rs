//! The whole answers that earlier runs of a spider have kept, as they are read again.

use chrono::{DateTime, Utc};
use dragline_spider::fingerprint::Fingerprint;

use crate::kept_body::KeptBody;

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
