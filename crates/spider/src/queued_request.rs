//! A request as the frontier keeps it.

use std::cmp::Ordering;

use url::Url;

use crate::fingerprint::Fingerprint;
use crate::options::SitemapRole;
use crate::request::Request;
use crate::request::sql::SQL;
use crate::same_request::SameRequest;

/// A request with everything that the scheduler and the store need to know of it.
#[derive(Clone, Debug, PartialEq)]
pub struct QueuedRequest {
    /// Its identity within the run.
    pub fingerprint: Fingerprint,
    /// What to fetch.
    pub request: Request,
    /// `host:port`, the unit of politeness.
    pub host: String,
    /// The number of links from a start request, or from a page that a sitemap lists. A redirect does not change it.
    pub depth: u32,
    /// The URLs that redirected here, first to last. Their number is the hop count.
    pub redirects: Vec<String>,
}

impl QueuedRequest {
    /// A start request under the default rule for the same request. `ordinal` is its place among the start requests.
    pub fn start(request: Request, ordinal: usize) -> Self {
        Self::start_by(&SameRequest::default(), request, ordinal)
    }

    /// A start request. `ordinal` is its place among the start requests.
    pub fn start_by(rule: &SameRequest, request: Request, ordinal: usize) -> Self {
        // A start request has no parent, so its own digest takes that place.
        let own = Fingerprint::by(rule, &request);
        let fingerprint =
            if request.is_unfiltered() { Fingerprint::below(&request, own, ordinal) } else { own };
        Self { fingerprint, host: request.host().to_owned(), request, depth: 0, redirects: Vec::new() }
    }

    /// Whether the user or the spider named it, so that its host belongs to the run. The target of its redirect takes its place.
    pub fn is_start(&self) -> bool {
        self.depth == 0 && self.request.options().sitemap.is_none_or(SitemapRole::is_as_a_start)
    }

    /// A request that the sitemap of `self` names, which has this fingerprint. The depth of a page that a sitemap lists is that
    /// of a start request.
    #[must_use]
    pub fn listed_named(&self, fingerprint: Fingerprint, request: Request) -> Self {
        Self { depth: self.depth, ..self.child_named(fingerprint, request) }
    }

    /// A request found on the page of `self`, under the default rule for the same request. `ordinal` is its place on that page.
    #[must_use]
    pub fn child(&self, request: Request, ordinal: usize) -> Self {
        self.child_named(self.child_fingerprint(&SameRequest::default(), &request, ordinal), request)
    }

    /// A request found on the page of `self`, which has this fingerprint.
    #[must_use]
    pub fn child_named(&self, fingerprint: Fingerprint, request: Request) -> Self {
        Self {
            fingerprint,
            host: request.host().to_owned(),
            request,
            depth: self.depth + 1,
            redirects: Vec::new(),
        }
    }

    /// The fingerprint of a request found on the page of `self`. `ordinal` is its place on that page.
    pub fn child_fingerprint(&self, rule: &SameRequest, request: &Request, ordinal: usize) -> Fingerprint {
        if request.is_unfiltered() {
            Fingerprint::below(request, self.fingerprint, ordinal)
        } else {
            Fingerprint::by(rule, request)
        }
    }

    /// The fetch order within one host: by priority, then breadth first, then by fingerprint. So a frontier that is read back
    /// from the store has the same order as in memory.
    pub fn fetch_order(&self, other: &Self) -> Ordering {
        let key =
            |queued: &Self| (std::cmp::Reverse(queued.request.priority()), queued.depth, queued.fingerprint);
        key(self).cmp(&key(other))
    }
}

/// Stands where the port of a host would, if it is a database. No URL of a site has such a port.
const DATABASE: &str = ":sql";

/// Whether a host of the frontier is a database that look-ups ask.
pub fn is_database(host: &str) -> bool {
    host.ends_with(DATABASE)
}

/// `host:port` of a URL, with the scheme's default port filled in. A database has no port: `labels:sql`.
pub fn host_of(url: &Url) -> String {
    if url.scheme() == SQL {
        return format!("{}{DATABASE}", url.host_str().unwrap_or_default());
    }
    format!("{}:{}", url.host_str().unwrap_or_default(), url.port_or_known_default().unwrap_or_default())
}
