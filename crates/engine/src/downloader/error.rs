//! Why a download has no answer.

use dragline_core::Reason;

/// A download without an answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub struct DownloadError {
    pub(crate) reason: Reason,
    pub(crate) detail: String,
    pub(crate) is_retryable: bool,
    pub(crate) host_has_answered: bool,
}

impl DownloadError {
    /// An error that ends the request as `failed`. `detail` says what happened, in one line for people.
    pub fn new(reason: Reason, detail: impl Into<String>) -> Self {
        Self { reason, detail: detail.into(), is_retryable: false, host_has_answered: false }
    }

    /// The same download may succeed a little later, so the request is tried again.
    #[must_use]
    pub fn retryable(self) -> Self {
        Self { is_retryable: true, ..self }
    }

    /// The host did answer, and only the rest did not come. Such an error does not count against the host.
    #[must_use]
    pub fn after_an_answer(self) -> Self {
        Self { host_has_answered: true, ..self }
    }

    /// The reason with which the request fails.
    pub fn reason(&self) -> Reason {
        self.reason
    }
}
