//! Answers, and the reasons why a question has no answer.

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderValue, StatusCode};
use serde::Serialize;
use serde_json::json;

/// Why a question has no answer, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refused {
    pub(crate) status: StatusCode,
    pub(crate) what: String,
    pub(crate) hint: Option<String>,
}

impl Refused {
    pub(crate) fn new(status: StatusCode, what: impl Into<String>) -> Self {
        Self { status, what: what.into(), hint: None }
    }

    pub(crate) fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }

    /// A wrong question.
    pub(crate) fn wrong(what: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, what)
    }

    /// A question about something that is not there.
    pub(crate) fn missing(what: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, what)
    }

    /// The form for programs.
    pub(crate) fn into_json(self) -> Response {
        let mut body = json!({ "error": self.what, "hint": self.hint });
        dragline_core::secrets::hide_in_json(&mut body);
        json_answer(self.status, &body)
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        self.into_json()
    }
}

/// An answer for programs.
pub(crate) fn json_answer(status: StatusCode, body: &impl Serialize) -> Response {
    match serde_json::to_vec(body) {
        Ok(body) => typed(status, "application/json", body),
        // Maps with text keys: this cannot happen.
        Err(error) => {
            typed(StatusCode::INTERNAL_SERVER_ERROR, "text/plain; charset=utf-8", error.to_string().into())
        }
    }
}

/// An answer of this type, which nobody keeps.
pub(crate) fn typed(status: StatusCode, kind: &'static str, body: Vec<u8>) -> Response {
    let mut answer = (status, Body::from(body)).into_response();
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    answer.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    answer
}
