//! What the download thread hands to a crawl thread.

use std::time::Instant;

use dragline_core::budget::Charge;
use dragline_core::credit::Credit;
use dragline_core::{Failure, Fetched, StoredCookie};

use crate::scope::Scope;

/// Work for a crawl thread. Each job travels on a credit, so a channel that holds as many jobs as there are
/// credits is never full.
#[derive(Debug)]
pub enum Job {
    /// A page to parse, and the hosts that its links may lead to.
    Parse(Fetched, Scope),
    /// A request that was given up: the spider is told, and it ends as `failed`. With it, the hosts that its new requests
    /// may lead to.
    GivenUp(GivenUp, Scope),
}

/// A job, and since when it waits.
#[derive(Debug)]
pub struct WaitingJob {
    pub(crate) job: Job,
    pub(crate) since: Instant,
}

/// A request that was given up, with the credit it travels on.
#[derive(Debug)]
pub struct GivenUp {
    /// What the spider is told.
    pub failure: Failure,
    /// Returned when the outcome is taken; there until a crawl thread takes the job.
    pub credit: Option<Credit>,
    /// The memory that the outcome will hold; there until a crawl thread takes the job.
    pub charge: Option<Charge>,
    /// What the last answer changed in the jars.
    pub cookies: Vec<StoredCookie>,
}

impl WaitingJob {
    /// A job that waits from now on.
    pub fn new(job: Job) -> Self {
        Self { job, since: Instant::now() }
    }
}

impl Job {
    /// Whether there is memory for what may come of it.
    pub(crate) fn may_grow(&self) -> bool {
        match self {
            Self::Parse(fetched, _) => fetched.charge.as_ref().is_none_or(Charge::may_grow),
            Self::GivenUp(given_up, _) => given_up.charge.as_ref().is_none_or(Charge::may_grow),
        }
    }
}
