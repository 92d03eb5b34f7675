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
    pub(crate) fault: Fault,
}

/// The party at fault if a download has no answer. See [`crate::outage`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The request itself, or its name: it was not sent.
    Request,
    /// The host: what came from it is of no use. So the way to it works.
    Host,
    /// Unknown: the answer has begun and did not go on.
    BrokenOff,
    /// The host, or the way to it: no answer came. Only other hosts can tell.
    HostOrWay,
    /// Probably the way: the name servers do not answer. Only hosts that have a name can tell.
    Names,
    /// Probably the way: no route, a proxy that refuses. If others get through, it is the host after all.
    Way,
    /// Our side for certain: no free descriptor, or the proxy of the run is away or wants a password.
    Ours,
    /// The proxy that the request names.
    NamedProxy,
    /// Nobody: the server says that it has not processed the request.
    Nobody,
}

impl DownloadError {
    /// An error that ends the request as `failed`. `detail` says what happened, in one line for people.
    pub fn new(reason: Reason, detail: impl Into<String>) -> Self {
        let detail = detail.into();
        Self { reason, detail, is_retryable: false, host_has_answered: false, fault: Fault::Request }
    }

    /// The same download may succeed a little later, so the request is tried again.
    #[must_use]
    pub fn retryable(self) -> Self {
        Self { is_retryable: true, fault: Fault::HostOrWay, ..self }
    }

    /// The host did answer, and only the rest did not come. Such an error does not count against the host.
    #[must_use]
    pub fn after_an_answer(self) -> Self {
        Self { host_has_answered: true, fault: Fault::BrokenOff, ..self }
    }

    /// Our own side failed: for example, the browser that downloads pages is away. This does not count against request and host.
    /// The crawl pauses, and it goes on when a download succeeds.
    #[must_use]
    pub fn on_our_side(self) -> Self {
        Self { is_retryable: true, fault: Fault::Ours, ..self }
    }

    /// The reason with which the request fails.
    pub fn reason(&self) -> Reason {
        self.reason
    }
}
