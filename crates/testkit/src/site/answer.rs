//! What a site answers: proper pages, and every kind of bad server in one line.

use std::time::Duration;

/// An answer: status, headers, body, and how it is delivered.
#[derive(Clone, Debug)]
pub struct Answer {
    pub(super) status: u16,
    pub(super) headers: Vec<(String, String)>,
    pub(super) delay: Duration,
    pub(super) delivery: Delivery,
}

/// How the body goes out.
#[derive(Clone, Debug)]
pub(super) enum Delivery {
    /// At once, with its length.
    Whole(Vec<u8>),
    /// In chunks, with a pause after each.
    Dripping { chunk: Vec<u8>, every: Duration, times: Option<usize> },
    /// The length promises more than comes; then the connection closes.
    CutOff { body: Vec<u8>, promised: usize },
    /// The connection closes without an answer.
    Dropped,
}

impl Answer {
    /// 200 with HTML.
    pub fn html(body: impl Into<String>) -> Self {
        Self::new(200).header("Content-Type", "text/html; charset=utf-8").body(body.into())
    }

    /// 200 with plain text.
    pub fn text(body: impl Into<String>) -> Self {
        Self::new(200).header("Content-Type", "text/plain; charset=utf-8").body(body.into())
    }

    /// A redirect to a URL or a path.
    pub fn redirect(status: u16, location: &str) -> Self {
        Self::new(status).header("Location", location)
    }

    /// An empty answer with this status.
    pub fn new(status: u16) -> Self {
        Self { status, headers: Vec::new(), delay: Duration::ZERO, delivery: Delivery::Whole(Vec::new()) }
    }

    /// Closes the connection without an answer.
    pub fn dropped() -> Self {
        Self { delivery: Delivery::Dropped, ..Self::new(200) }
    }

    /// Promises `promised` bytes, sends `body` and closes the connection.
    pub fn cut_off(body: impl Into<Vec<u8>>, promised: usize) -> Self {
        let answer = Self::html("");
        Self { delivery: Delivery::CutOff { body: body.into(), promised }, ..answer }
    }

    /// A body in `times` chunks, with a pause after each.
    pub fn dripping(chunk: impl Into<Vec<u8>>, every: Duration, times: usize) -> Self {
        let answer = Self::html("");
        Self { delivery: Delivery::Dripping { chunk: chunk.into(), every, times: Some(times) }, ..answer }
    }

    /// A body that never ends, as fast as it is read.
    pub fn endless(chunk: impl Into<Vec<u8>>) -> Self {
        let answer = Self::html("");
        let delivery = Delivery::Dripping { chunk: chunk.into(), every: Duration::ZERO, times: None };
        Self { delivery, ..answer }
    }

    /// Another status.
    #[must_use]
    pub fn status(mut self, status: u16) -> Self {
        self.status = status;
        self
    }

    /// One more header; a name that is there already is replaced, but for `Set-Cookie`.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        if !name.eq_ignore_ascii_case("set-cookie") {
            self.headers.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
        }
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Another body.
    #[must_use]
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.delivery = Delivery::Whole(body.into());
        self
    }

    /// The same page with more at its end.
    pub(super) fn ending_with(mut self, text: &str) -> Self {
        if let (200, Delivery::Whole(body)) = (self.status, &mut self.delivery) {
            body.extend_from_slice(text.as_bytes());
        }
        self
    }

    /// A delay before the answer.
    #[must_use]
    pub fn delay(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }
}
