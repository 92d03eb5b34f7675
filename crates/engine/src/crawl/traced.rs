//! The trace of the page that a crawl thread works on, if somebody wants it.

use std::sync::Arc;
use std::time::Instant;

use chrono::{DateTime, Utc};
use dragline_core::page_traces::{PageTrace, PageTraces, TraceId};
use dragline_core::{Fetched, PageOutcome, Request};

use crate::job::Job;

/// A trace that has begun. If it is dropped, nobody hears of it.
pub(super) struct Traced {
    traces: Arc<dyn PageTraces>,
    id: TraceId,
    method: String,
    tag: String,
    fetched: Option<(DateTime<Utc>, std::time::Duration)>,
    began: (DateTime<Utc>, Instant),
}

impl Traced {
    /// Begins the trace of a job.
    pub(super) fn begin(traces: Option<&Arc<dyn PageTraces>>, job: &Job) -> Option<Self> {
        let traces = traces?;
        let id = traces.begin()?;
        let request = request_of(job);
        Some(Self {
            traces: Arc::clone(traces),
            id,
            method: request.method().as_str().to_owned(),
            tag: request.tag().to_owned(),
            fetched: fetch_of(job),
            began: (Utc::now(), Instant::now()),
        })
    }

    /// The outcome goes to the store.
    pub(super) fn end(self, outcome: &PageOutcome) {
        let Self { traces, id, method, tag, fetched, began: (began_at, began) } = self;
        let trace = PageTrace {
            url: outcome.url.clone(),
            method,
            tag,
            status: outcome.status,
            state: outcome.state,
            reason: outcome.reason,
            attempts: outcome.attempts,
            items: outcome.items.len(),
            requests: outcome.requests.len(),
            fetch: fetched,
            work: (began_at, began.elapsed()),
        };
        traces.end(id, trace);
    }
}

fn request_of(job: &Job) -> &Request {
    match job {
        Job::Parse(fetched, _) => &fetched.response.queued.request,
        Job::GivenUp(given_up, _) => given_up.failure.request(),
        Job::AsBefore(page, _) => &page.queued.request,
    }
}

/// When a page was fetched. A kept page, and an answer from memory, were fetched some time before.
fn fetch_of(job: &Job) -> Option<(DateTime<Utc>, std::time::Duration)> {
    let Job::Parse(Fetched { response, arrival, .. }, _) = job else { return None };
    let is_of_now = arrival.kept_by.is_none() && !arrival.from_memory && !response.elapsed.is_zero();
    let ended = arrival.fetched_at.filter(|_| is_of_now)?;
    let began = ended.checked_sub_signed(chrono::TimeDelta::from_std(response.elapsed).ok()?)?;
    Some((began, response.elapsed))
}
