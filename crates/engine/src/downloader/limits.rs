//! The limits on an answer: how long it may take, how large it may be, and which answers are pages. Settings and spider are
//! read once, at the start, so no code of a spider runs while a page is downloaded.

use std::time::Duration;

use bytes::Bytes;
use dragline_core::{Accepts, AcceptsError, Reason, TypePattern, mime};

use super::{Answer, AnswerBody, DownloadError};
use crate::size_text::size_text;

/// The limits on an answer.
#[derive(Debug)]
pub struct DownloadLimits {
    timeout: Duration,
    max_body_bytes: usize,
    accepts: Accepts,
    types: Vec<TypePattern>,
}

impl DownloadLimits {
    /// These limits, and the answers that a spider accepts in addition.
    ///
    /// # Errors
    /// [`AcceptsError`] if a status or a type of the spider is invalid.
    pub fn new(
        timeout: Duration,
        max_body_bytes: usize,
        accept_types: &[TypePattern],
        accepts: Accepts,
    ) -> Result<Self, AcceptsError> {
        accepts.check()?;
        let mut types = accept_types.to_vec();
        types.extend(accepts.types()?);
        Ok(Self { timeout, max_body_bytes, accepts, types })
    }

    /// The longest time for a download.
    pub fn timeout(&self) -> Duration {
        self.timeout
    }

    /// The largest body, decoded.
    pub fn max_body_bytes(&self) -> usize {
        self.max_body_bytes
    }

    /// Whether an answer with this status is a page.
    pub fn accepts_status(&self, status: u16) -> bool {
        self.accepts.has_status(status)
    }

    /// Whether an answer of this type is a page. The type has no parameters and is in lower case.
    pub fn accepts_type(&self, essence: &str) -> bool {
        self.types.iter().any(|pattern| pattern.covers(essence))
    }

    /// The answer as far as these limits let it through.
    pub(crate) fn apply(&self, answer: Answer) -> Result<Answer, DownloadError> {
        let AnswerBody::Whole(body) = &answer.body else { return Ok(answer) };
        let kept = Some(body.clone());
        let body = if !self.accepts_status(answer.status) {
            AnswerBody::Unread
        } else if body.len() > self.max_body_bytes {
            let detail = format!("body larger than {}", size_text(self.max_body_bytes));
            return Err(DownloadError::new(Reason::BodyTooLarge, detail));
        } else if let Some(essence) = self.unwanted(&answer.headers, body) {
            AnswerBody::Unwanted(essence)
        } else {
            return Ok(answer);
        };
        Ok(Answer { body, kept, charge: None, ..answer })
    }

    /// The type for which a page is skipped. The type does not matter for an empty body.
    pub(crate) fn unwanted(&self, headers: &http::HeaderMap, body: &Bytes) -> Option<String> {
        if body.is_empty() {
            return None;
        }
        let essence = mime::declared(headers).unwrap_or_else(|| mime::sniffed(body).to_owned());
        (!self.accepts_type(&essence)).then_some(essence)
    }
}
