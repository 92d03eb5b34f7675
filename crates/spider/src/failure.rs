//! A request that was given up, as [`Spider::failed`](crate::Spider::failed) sees it.

use crate::args::Args;
use crate::queued_request::QueuedRequest;
use crate::reason::Reason;
use crate::request::Request;

/// A request that was given up.
///
/// In a test of a spider, you make one yourself:
///
/// ```
/// # extern crate dragline_spider as dragline;
/// use dragline::prelude::*;
/// use dragline::{Failure, Reason};
///
/// struct Shop;
///
/// impl Spider for Shop {
///     fn name(&self) -> &str { "shop" }
///     fn items(&self) -> Vec<ItemType> { vec![] }
///     fn start(&self, _args: &Args) -> Result<Vec<Request>> { Ok(vec![]) }
///     fn parse(&self, _page: &Page, _out: &mut Output) -> Result<()> { Ok(()) }
///     fn failed(&self, failure: &Failure, out: &mut Output) -> Result<()> {
///         if failure.status() == Some(503) {
///             out.request(Request::from_url(failure.request().url().join("/mirror")?)?);
///         }
///         Ok(())
///     }
/// }
///
/// let request = Request::get("https://shop.example/")?;
/// let failure = Failure::of(request, Reason::HttpStatus).with_status(503);
/// let mut out = Output::new();
/// Shop.failed(&failure, &mut out)?;
/// assert_eq!(out.requests()[0].url().path(), "/mirror");
/// # Ok::<(), Error>(())
/// ```
#[derive(Debug)]
pub struct Failure {
    queued: QueuedRequest,
    status: Option<u16>,
    attempts: u32,
    reason: Reason,
    error: String,
    args: Args,
}

impl Failure {
    /// A start request that was given up after one attempt, for this reason. The error is the text of the reason.
    pub fn of(request: Request, reason: Reason) -> Self {
        Self::of_queued(QueuedRequest::start(request, 0), reason, reason.to_string())
    }

    /// The failure of a request in the frontier.
    #[doc(hidden)]
    pub fn of_queued(queued: QueuedRequest, reason: Reason, error: String) -> Self {
        Self { queued, status: None, attempts: 1, reason, error, args: Args::default() }
    }

    /// Sets the last HTTP status.
    #[must_use]
    pub fn with_status(self, status: impl Into<Option<u16>>) -> Self {
        Self { status: status.into(), ..self }
    }

    /// Sets how often the request was sent.
    #[must_use]
    pub fn with_attempts(self, attempts: u32) -> Self {
        Self { attempts, ..self }
    }

    /// Sets what happened the last time.
    #[must_use]
    pub fn with_error(self, error: impl Into<String>) -> Self {
        Self { error: error.into(), ..self }
    }

    /// Sets the number of links from a start request.
    #[must_use]
    pub fn with_depth(mut self, depth: u32) -> Self {
        self.queued.depth = depth;
        self
    }

    /// Sets the arguments of the run.
    #[must_use]
    pub fn with_args(self, args: Args) -> Self {
        Self { args, ..self }
    }

    /// The request.
    pub fn request(&self) -> &Request {
        &self.queued.request
    }

    /// The number of links from a start request.
    pub fn depth(&self) -> u32 {
        self.queued.depth
    }

    /// The URLs that redirected to the request, first to last.
    pub fn redirects(&self) -> &[String] {
        &self.queued.redirects
    }

    /// The last HTTP status, if there was one.
    pub fn status(&self) -> Option<u16> {
        self.status
    }

    /// How often the request was sent.
    pub fn attempts(&self) -> u32 {
        self.attempts
    }

    /// Why it was given up.
    pub fn reason(&self) -> Reason {
        self.reason
    }

    /// What happened the last time, for people.
    pub fn error(&self) -> &str {
        &self.error
    }

    /// The arguments of the run.
    pub fn args(&self) -> &Args {
        &self.args
    }

    /// The request as the frontier keeps it.
    #[doc(hidden)]
    pub fn queued(&self) -> &QueuedRequest {
        &self.queued
    }
}
