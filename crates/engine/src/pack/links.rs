//! Selects the new requests of a page that are worth storing.

use std::collections::HashSet;

use dragline_core::canonical::{drop_userinfo, has_userinfo};
use dragline_core::value::json_has_nul;
use dragline_core::{Fingerprint, QueuedRequest, Reason, Request};
use url::Url;

use super::{Packer, ParseFault};
use crate::look_ups::LookUpEvent;
use crate::refusals::Refusals;
use crate::scope::{LinkRefusal, RequestOrigin, Scope};

impl Packer {
    /// The requests that the store is not known to have, each fingerprint once.
    pub(super) fn links(
        &self,
        parent: &QueuedRequest,
        mut requests: Vec<Request>,
        scope: &Scope,
        refusals: &mut impl Refusals,
    ) -> Result<Vec<QueuedRequest>, ParseFault> {
        // An unchanged page leads to the look-ups of its items, too.
        let look_ups: Vec<_> = requests.extract_if(.., |request| request.look_up().is_some()).collect();
        for ticket in look_ups.iter().filter_map(Request::look_up) {
            self.stats.look_up(&ticket.step, LookUpEvent::Asked);
        }
        let look_ups = self.look_up_requests(parent, look_ups, scope, refusals);
        if self.max_depth.is_some_and(|max| parent.depth >= max) {
            for request in &requests {
                refusals.link(LinkRefusal::TooDeep, request.url());
            }
            return Ok(look_ups);
        }
        let mut sieve = Sieve::new(self, parent);
        for (ordinal, request) in requests.into_iter().enumerate() {
            let found = if request.is_link() { RequestOrigin::Link } else { RequestOrigin::Request };
            if let Some((fingerprint, request)) =
                sieve.new_request(request, ordinal, refusals, |url, host| scope.refusal(url, host, found))?
            {
                sieve.keep(parent.child_named(fingerprint, request));
            }
        }
        Ok(sieve.into_kept().into_iter().chain(look_ups).collect())
    }
}

/// Lets only those requests of a page through that are worth storing.
pub(super) struct Sieve<'a> {
    packer: &'a Packer,
    parent: &'a QueuedRequest,
    seen: HashSet<Fingerprint>,
    kept: Vec<QueuedRequest>,
}

impl<'a> Sieve<'a> {
    pub(super) fn new(packer: &'a Packer, parent: &'a QueuedRequest) -> Self {
        // A link of the page to itself is nothing new.
        Self { packer, parent, seen: HashSet::from([parent.fingerprint]), kept: Vec::new() }
    }

    /// The request with its fingerprint, if it is new and nothing refuses it.
    pub(super) fn new_request(
        &mut self,
        request: Request,
        ordinal: usize,
        refusals: &mut impl Refusals,
        refusal: impl FnOnce(&Url, &str) -> Option<LinkRefusal>,
    ) -> Result<Option<(Fingerprint, Request)>, ParseFault> {
        if let Some(problem) = unstorable(&request) {
            let detail = format!("the request for {} {problem}", request.url());
            return Err((Reason::InvalidRequest, detail));
        }
        let request = without_extras(request);
        let fingerprint = self.parent.child_fingerprint(&self.packer.same_request, &request, ordinal);
        // This is so for most links of most pages. They belong to the run already, so no rule has to be asked.
        if self.packer.known.now().has(&fingerprint) {
            return Ok(None);
        }
        if let Some(reason) = refusal(request.url(), request.host()) {
            tracing::debug!(link = request.url().as_str(), reason = reason.as_str(), "not followed");
            refusals.link(reason, request.url());
            return Ok(None);
        }
        if !self.seen.insert(fingerprint) {
            refusals.repeated(request.url());
            return Ok(None);
        }
        if let Some(max) = self.packer.limits.links_per_page.filter(|max| self.kept.len() >= *max) {
            let detail = format!("the page leads to more than {max} new requests (--max-links-per-page)");
            return Err((Reason::TooManyLinks, detail));
        }
        Ok(Some((fingerprint, request)))
    }

    /// Keeps a request that was let through.
    pub(super) fn keep(&mut self, queued: QueuedRequest) {
        self.kept.push(queued);
    }

    /// The requests that were kept.
    pub(super) fn into_kept(self) -> Vec<QueuedRequest> {
        self.kept
    }
}

/// The request without fragment and password. A fragment never reaches the server, so links that differ only in it are one
/// request, and the URL that a spider stores must not depend on which of them came first. A password would be stored.
pub(super) fn without_extras(request: Request) -> Request {
    if request.url().fragment().is_none() && !has_userinfo(request.url()) {
        return request;
    }
    let mut url = request.url().clone();
    url.set_fragment(None);
    drop_userinfo(&mut url);
    request.with_url(url)
}

/// Why no store can hold a request, if that is so. Text in Postgres cannot contain NUL.
pub(super) fn unstorable(request: &Request) -> Option<&'static str> {
    if request.tag().contains('\0') {
        return Some("has a NUL character in its tag");
    }
    if request.session().is_some_and(|session| session.contains('\0')) {
        return Some("has a NUL character in the name of its session");
    }
    if request.downloader().is_some_and(|name| name.contains('\0')) {
        return Some("has a NUL character in the name of its downloader");
    }
    if request.headers().iter().any(|(name, value)| name.contains('\0') || value.contains('\0')) {
        return Some("has a NUL character in a header");
    }
    let in_meta = request.meta().iter().any(|(name, value)| name.contains('\0') || json_has_nul(value));
    in_meta.then_some("has a NUL character in its meta")
}
