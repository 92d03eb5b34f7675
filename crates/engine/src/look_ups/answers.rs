//! The answers to look-ups that are in memory, so that many items with the same question ask only once.
//!
//! The memory may forget an answer at any time. Then the question is asked again, so an answer that is there saves a request and
//! changes no row.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use dragline_core::earlier::BodyHash;
use dragline_core::{Fingerprint, QueuedRequest, Response};
use http::HeaderMap;
use quick_cache::Weighter;
use quick_cache::sync::Cache;

/// All answers together have at most this many bytes.
const MAX_BYTES: u64 = 16 << 20;
/// About how many answers fit. It only sets the first size of the tables.
const USUAL_ANSWERS: usize = 4_096;
/// What an answer takes besides its body and its headers.
const OVERHEAD: u64 = 256;

/// An answer to a look-up.
#[derive(Debug)]
pub(crate) struct KnownAnswer {
    status: u16,
    headers: HeaderMap,
    body: Bytes,
    pub(crate) body_hash: Option<BodyHash>,
    pub(crate) fetched_at: DateTime<Utc>,
}

/// See the module. They are found by [`Fingerprint::of_question`].
pub(crate) struct KnownAnswers(Cache<Fingerprint, Arc<KnownAnswer>, Bytewise>);

#[derive(Clone)]
struct Bytewise;

impl Weighter<Fingerprint, Arc<KnownAnswer>> for Bytewise {
    fn weight(&self, _question: &Fingerprint, answer: &Arc<KnownAnswer>) -> u64 {
        answer.bytes()
    }
}

impl KnownAnswer {
    /// The answer that a request got.
    pub(crate) fn of(response: &Response, body_hash: Option<BodyHash>, fetched_at: DateTime<Utc>) -> Self {
        let Response { status, headers, body, .. } = response;
        Self { status: *status, headers: headers.clone(), body: body.clone(), body_hash, fetched_at }
    }

    /// The answer, as if this request had got it. It was not sent.
    pub(crate) fn response(&self, queued: QueuedRequest) -> Response {
        let mut response = Response::of_queued(queued, self.status, self.headers.clone(), self.body.clone());
        response.attempts = 0;
        response
    }

    fn bytes(&self) -> u64 {
        let headers: usize = self.headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
        (self.body.len() + headers) as u64 + OVERHEAD
    }
}

impl KnownAnswers {
    pub(super) fn new() -> Self {
        Self(Cache::with_weighter(USUAL_ANSWERS, MAX_BYTES, Bytewise))
    }

    pub(crate) fn get(&self, question: &Fingerprint) -> Option<Arc<KnownAnswer>> {
        self.0.get(question)
    }

    /// Whether the answer is there. It may be forgotten a moment later.
    pub(crate) fn has(&self, question: &Fingerprint) -> bool {
        self.0.peek(question).is_some()
    }

    pub(crate) fn keep(&self, question: Fingerprint, answer: KnownAnswer) {
        self.0.insert(question, Arc::new(answer));
    }
}

impl fmt::Debug for KnownAnswers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KnownAnswers({} with {} bytes)", self.0.len(), self.0.weight())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use dragline_core::Request;

    fn queued() -> QueuedRequest {
        QueuedRequest::start(Request::get("http://api.example/1").unwrap(), 0)
    }

    fn answer(bytes: usize) -> KnownAnswer {
        let headers = [(http::header::ETAG, "\"1\"".parse().unwrap())].into_iter().collect();
        let body = Bytes::from(vec![b'x'; bytes]);
        KnownAnswer::of(&Response::of_queued(queued(), 404, headers, body), Some([7; 32]), Utc::now())
    }

    fn question(number: u128) -> Fingerprint {
        Fingerprint::from_bytes(&number.to_be_bytes()).unwrap()
    }

    #[test]
    fn an_answer_is_given_to_others_as_it_came() {
        let known = KnownAnswers::new();
        assert!(!known.has(&question(1)) && known.get(&question(1)).is_none());
        known.keep(question(1), answer(3));
        assert!(known.has(&question(1)));
        let response = known.get(&question(1)).unwrap().response(queued());
        assert_eq!((response.status, &response.body[..], response.attempts), (404, &b"xxx"[..], 0));
        assert_eq!(response.header("etag"), Some("\"1\""));
    }

    #[test]
    fn memory_is_bounded_in_bytes() {
        let known = KnownAnswers::new();
        for number in 0..200 {
            known.keep(question(number), answer(1 << 20));
            assert!(known.0.weight() <= MAX_BYTES, "{}", known.0.weight());
        }
        let there = (0..200).filter(|number| known.has(&question(*number))).count();
        assert!((1..=16).contains(&there), "{there}");
        known.keep(question(1_000), answer(20 << 20));
        assert!(!known.has(&question(1_000)), "larger than all of the memory");
    }
}
