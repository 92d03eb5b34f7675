//! Chooses what is kept of an answer, and compresses it. A crawl thread does this, so that the persistence thread only stores it.

use dragline_core::earlier::body_hash;
use dragline_core::fetched::Arrival;
use dragline_core::kept_page::{KeptPage, KeptPart};
use dragline_core::{KeptBody, PageOutcome, PageState, Reason, Response};

use super::Packer;

impl Packer {
    /// The outcome of an answer, with what the settings keep of that.
    pub(super) fn with_kept(
        &self,
        outcome: PageOutcome,
        response: &Response,
        arrival: Arrival,
    ) -> PageOutcome {
        // A page that was kept before is not kept once more.
        let Some(fetched_at) = arrival.fetched_at else { return outcome };
        let Response { queued, status, attempts, headers, body, .. } = response;
        let part = if self.keep.pages {
            let hash = arrival.body_hash.unwrap_or_else(|| body_hash(body));
            match KeptBody::pack(body, hash) {
                Ok(body) => KeptPart::Whole(body),
                Err(error) => {
                    let detail = format!("the page cannot be kept: {error}");
                    let failed = PageOutcome::failed(queued, Reason::PageTooLarge, &detail);
                    return failed.with_answer(Some(*status), *attempts);
                }
            }
        } else if let Some(max_bytes) = self.keep.failed_bytes.filter(|_| outcome.state == PageState::Failed)
        {
            KeptPart::beginning(headers, body, max_bytes, true)
        } else {
            return outcome;
        };
        let kept = KeptPage::of(queued.request.url().as_str(), *status, headers, fetched_at, part);
        PageOutcome { kept: Some(Box::new(kept)), ..outcome }
    }
}
