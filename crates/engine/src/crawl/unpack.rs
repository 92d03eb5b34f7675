//! A kept answer becomes what the downloader would have handed over.

use std::time::Duration;

use bytes::Bytes;
use dragline_core::fetched::Arrival;
use dragline_core::kept_answer::KeptAnswer;
use dragline_core::kept_body::KeptBodyError;
use dragline_core::{Args, Failure, Fetched, PageOutcome, Reason, Response};
use http::{HeaderMap, HeaderName, HeaderValue};

use crate::downloader::{Answer, AnswerBody, DownloadError};
use crate::job::{GivenUp, KeptPageJob};

/// What a kept answer became.
#[allow(clippy::large_enum_variant)] // it is taken apart at once
pub(crate) enum Unpacked {
    /// A page to parse.
    Page(Fetched),
    /// A request that is given up, because nobody takes this answer.
    GivenUp(GivenUp),
    /// The outcome of a page of an unwanted type.
    Unwanted(Box<PageOutcome>),
}

impl KeptPageJob {
    /// Decompresses the answer, and applies the limits of this run to it as to a fetched one.
    pub(crate) fn unpacked(self, args: &Args) -> Unpacked {
        let Self { queued, answer, limits, credit, charge } = self;
        let KeptAnswer { run_id, status, headers, body, .. } = answer;
        let limited =
            body.read(limits.max_body_bytes()).map_err(|error| unreadable(&error)).and_then(|bytes| {
                let whole = AnswerBody::Whole(Bytes::from(bytes));
                limits.apply(Answer { headers: header_map(headers), body: whole, ..Answer::new(status) })
            });
        let (reason, error) = match limited {
            Ok(Answer { headers, body: AnswerBody::Whole(whole), .. }) => {
                let mut response = Response::of_queued(queued, status, headers, whole);
                (response.attempts, response.elapsed) = (0, Duration::ZERO);
                let arrival =
                    Arrival { body_hash: Some(*body.hash()), kept_by: Some(run_id), ..Arrival::default() };
                let fetched = Fetched { response, credit, charge, cookies: Vec::new(), arrival };
                return Unpacked::Page(fetched);
            }
            Ok(Answer { body: AnswerBody::Unwanted(essence), .. }) => {
                let detail = format!("unwanted type {essence}");
                let outcome = PageOutcome::skipped(&queued, Reason::UnwantedType, &detail);
                let outcome = outcome.with_answer(Some(status), 0);
                return Unpacked::Unwanted(Box::new(PageOutcome {
                    credit,
                    charge,
                    read_from: Some(run_id),
                    ..outcome
                }));
            }
            Ok(Answer { body: AnswerBody::Unread, .. }) => (Reason::HttpStatus, format!("HTTP {status}")),
            Err(error) => (error.reason(), error.to_string()),
        };
        let failure = Failure::of_queued(queued, reason, error);
        let failure = failure.with_status(Some(status)).with_attempts(0).with_args(args.clone());
        let (cookies, kept_by) = (Vec::new(), Some(run_id));
        Unpacked::GivenUp(GivenUp { failure, credit, charge, cookies, kept: None, kept_by })
    }
}

fn unreadable(error: &KeptBodyError) -> DownloadError {
    let reason = match error {
        KeptBodyError::TooLarge { .. } => Reason::BodyTooLarge,
        KeptBodyError::Damaged { .. } => Reason::KeptPageDamaged,
    };
    DownloadError::new(reason, error.to_string())
}

/// The headers as they were kept. They were valid when they came, except where they were not text.
fn header_map(headers: Vec<(String, String)>) -> HeaderMap {
    let headers = headers.into_iter().filter_map(|(name, value)| {
        Some((HeaderName::try_from(name).ok()?, HeaderValue::try_from(value).ok()?))
    });
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        map.append(name, value);
    }
    map
}
