//! The work that the download thread hands to a crawl thread.

use std::sync::Arc;
use std::time::Instant;

use dragline_core::budget::Charge;
use dragline_core::credit::Credit;
use dragline_core::kept_answer::KeptAnswer;
use dragline_core::kept_page::KeptPage;
use dragline_core::outcome::request_size;
use dragline_core::page_memory::expected_bytes;
use dragline_core::{Failure, Fetched, PageRecord, QueuedRequest, Reason, Request, StoredCookie};

use crate::downloader::DownloadLimits;
use crate::scope::Scope;

/// Enough for what a spider emits because of a failure. If it emits more, more is asked for.
const GIVEN_UP_BYTES: usize = 64 << 10;

/// A sitemap needs its body, because it is not made into a tree, and this for its first entries. If it has many or is packed,
/// more is asked for.
const SITEMAP_BYTES: usize = 1 << 20;

/// Work for a crawl thread. Each job has a credit, so a channel that holds as many jobs as there are credits is never full.
#[derive(Debug)]
pub enum Job {
    /// A page to parse, and the hosts that its links may lead to.
    Parse(Fetched, Scope),
    /// A request that was given up, and the hosts that new requests may lead to. The spider hears about it, and it ends as
    /// `failed`.
    GivenUp(GivenUp, Scope),
    /// A page that is as an earlier run found it, and the hosts that its links may lead to. The spider does not see it.
    AsBefore(Box<AsBefore>, Scope),
}

/// What waits for a crawl thread.
#[derive(Debug)]
#[allow(clippy::large_enum_variant)] // as many wait as there are credits, and a box would be an allocation for each page
pub enum WaitingWork {
    /// A job that can be done as it is.
    Ready(Job),
    /// A page of which the store keeps an answer, and the hosts that its links may lead to. The crawl thread unpacks it first.
    Packed(Box<KeptPageJob>, Scope),
}

/// Work for a crawl thread, and the moment since which it waits.
#[derive(Debug)]
pub struct WaitingJob {
    pub(crate) work: WaitingWork,
    pub(crate) since: Instant,
}

/// A request that was given up, with everything that travels with it.
#[derive(Debug)]
pub struct GivenUp {
    /// The failure, as the spider sees it.
    pub failure: Failure,
    /// The credit of the request, until a crawl thread takes the job.
    pub credit: Option<Credit>,
    /// The charge for the outcome's memory, until a crawl thread takes the job.
    pub charge: Option<Charge>,
    /// The last answer's changes to the cookie jars.
    pub cookies: Vec<StoredCookie>,
    /// The first bytes of the last answer, if the settings keep them.
    pub kept: Option<Box<KeptPage>>,
    /// The run that kept the last answer, if it was not fetched now.
    pub kept_by: Option<i64>,
}

/// A page that is as an earlier run found it, with everything that travels with it.
#[derive(Debug)]
pub struct AsBefore {
    /// Its request.
    pub queued: QueuedRequest,
    /// Why it is not parsed: `Unchanged` or `Fresh`.
    pub reason: Reason,
    /// What to keep of it.
    pub record: PageRecord,
    /// What it leads to.
    pub links: Vec<Request>,
    /// The HTTP status, if the server was asked.
    pub status: Option<u16>,
    /// How often it was requested.
    pub attempts: u32,
    /// The credit of the request, until a crawl thread takes the job.
    pub credit: Option<Credit>,
    /// The charge for the outcome's memory, until a crawl thread takes the job.
    pub charge: Option<Charge>,
    /// The answer's changes to the cookie jars.
    pub cookies: Vec<StoredCookie>,
}

/// A page of which the store keeps an answer, with everything that travels with it.
#[derive(Debug)]
pub struct KeptPageJob {
    /// Its request.
    pub queued: QueuedRequest,
    /// The answer, compressed.
    pub answer: KeptAnswer,
    /// The limits on the answer, which are those of this run.
    pub limits: Arc<DownloadLimits>,
    /// The credit of the request, until a crawl thread takes the job.
    pub credit: Option<Credit>,
    /// The charge for the answer as it is kept and for its body, until a crawl thread takes the job.
    pub charge: Option<Charge>,
}

impl WaitingWork {
    /// Its request.
    pub(crate) fn queued(&self) -> &QueuedRequest {
        match self {
            Self::Ready(Job::Parse(fetched, _)) => &fetched.response.queued,
            Self::Ready(Job::GivenUp(given_up, _)) => given_up.failure.queued(),
            Self::Ready(Job::AsBefore(page, _)) => &page.queued,
            Self::Packed(page, _) => &page.queued,
        }
    }
}

impl WaitingJob {
    /// Work that waits from now on.
    pub fn new(work: WaitingWork) -> Self {
        Self { work, since: Instant::now() }
    }
}

impl Job {
    /// How much memory it probably takes until it is an outcome.
    pub(crate) fn expected_bytes(&self) -> usize {
        match self {
            Self::Parse(fetched, _) if fetched.response.request().is_sitemap() => {
                fetched.response.body.len() + SITEMAP_BYTES
            }
            Self::Parse(fetched, _) => expected_bytes(&fetched.response.body),
            Self::GivenUp(..) => GIVEN_UP_BYTES,
            // Once as they were read, and once as requests of the outcome.
            Self::AsBefore(page, _) => 2 * page.links.iter().map(request_size).sum::<usize>(),
        }
    }

    /// Reserves this memory. `false` if that much is not free now.
    pub(crate) fn reserve(&mut self, bytes: usize) -> bool {
        let charge = match self {
            Self::Parse(fetched, _) => &mut fetched.charge,
            Self::GivenUp(given_up, _) => &mut given_up.charge,
            Self::AsBefore(page, _) => &mut page.charge,
        };
        charge.as_mut().is_none_or(|charge| charge.reserve(bytes))
    }
}
