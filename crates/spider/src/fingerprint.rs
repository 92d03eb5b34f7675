//! The name of a request within its run: a 128-bit digest of the method, the parts of the URL that count, the body, and the
//! session if the request names one. A sitemap that the crawl reads itself is another request than the page of the same URL.

use std::fmt;

use sha2::{Digest, Sha256};

use crate::request::Request;
use crate::same_request::SameRequest;

/// Identifies a request within a run. It is the primary key of the frontier, and therefore the duplicate filter.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Fingerprint([u8; 16]);

impl Fingerprint {
    /// The fingerprint of a request for the duplicate filter, by the default rule.
    pub fn of(request: &Request) -> Self {
        Self::by(&SameRequest::default(), request)
    }

    /// The fingerprint of a request for the duplicate filter, by this rule.
    pub fn by(rule: &SameRequest, request: &Request) -> Self {
        let is_plain = request.body().is_none()
            && request.session().is_none()
            && request.look_up().is_none()
            && !request.is_sitemap();
        if request.method() == http::Method::GET && is_plain {
            return request.link().fingerprint(rule, || Self::digest(rule, request, None));
        }
        Self::digest(rule, request, None)
    }

    /// The fingerprint of a request that must not be filtered ([`Request::without_filter`], or a redirect back into its own
    /// chain). It covers the parent and the place on the parent's page. So a page that is parsed again after a kill gives the
    /// same fingerprint, and two pages never do. [`SameRequest`] does not apply to it.
    pub fn below(request: &Request, parent: Fingerprint, ordinal: usize) -> Self {
        Self::digest(&SameRequest::default(), request, Some((parent, ordinal)))
    }

    /// Names the question of a look-up. Look-ups with the same question need the same answer, so only one of them is sent. The
    /// headers count, because a step may choose them by the item.
    #[doc(hidden)] // for the engine
    pub fn of_question(rule: &SameRequest, request: &Request) -> Self {
        let mut parts = Parts::default();
        Self::what_is_asked(rule, request, &mut parts);
        parts.add(request.look_up().map_or("", |ticket| &ticket.step).as_bytes());
        for (name, value) in request.headers() {
            parts.add(name.as_bytes());
            parts.add(value.as_bytes());
        }
        parts.finish()
    }

    /// Rebuilds a fingerprint from its stored bytes. `None` unless there are 16.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    /// The 16 bytes, as stored.
    pub fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }

    fn digest(rule: &SameRequest, request: &Request, below: Option<(Fingerprint, usize)>) -> Self {
        let mut parts = Parts::default();
        Self::what_is_asked(rule, request, &mut parts);
        // A site may also link to its sitemap as to a page. Whichever request came first would else decide who reads it.
        if request.is_sitemap() {
            parts.add(b"sitemap");
        }
        if let Some(ticket) = request.look_up() {
            parts.add(b"look-up");
            parts.add(ticket.step.as_bytes());
            parts.add(ticket.of.as_bytes());
        }
        if let Some((parent, ordinal)) = below {
            parts.add(parent.as_bytes());
            parts.add(&(ordinal as u64).to_le_bytes());
        }
        parts.finish()
    }

    fn what_is_asked(rule: &SameRequest, request: &Request, parts: &mut Parts) {
        parts.add(request.method().as_str().as_bytes());
        parts.add(rule.spelling(request.url()).as_bytes());
        parts.add(request.body().unwrap_or_default());
        // Without a session, the digest covers only the three parts.
        if let Some(session) = request.session() {
            parts.add(session.as_bytes());
        }
    }
}

/// The input of a digest. The lengths separate the parts, so that different lists never give the same input.
#[derive(Default)]
struct Parts(Sha256);

impl Parts {
    fn add(&mut self, bytes: &[u8]) {
        self.0.update((bytes.len() as u64).to_le_bytes());
        self.0.update(bytes);
    }

    fn finish(self) -> Fingerprint {
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&self.0.finalize()[..16]);
        Fingerprint(bytes)
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fingerprint({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::SitemapRole;

    fn get(url: &str) -> Request {
        Request::get(url).unwrap()
    }

    #[test]
    fn equal_requests_agree_and_different_ones_do_not() {
        assert_eq!(
            Fingerprint::of(&get("http://a.example/?b=2&a=1#top")),
            Fingerprint::of(&get("http://a.example/?a=1&b=2"))
        );
        assert_ne!(Fingerprint::of(&get("http://a.example/x")), Fingerprint::of(&get("http://a.example/y")));
        let post = Request::post("http://a.example/x", "1").unwrap();
        assert_ne!(Fingerprint::of(&get("http://a.example/x")), Fingerprint::of(&post));
        let other = Request::post("http://a.example/x", "2").unwrap();
        assert_ne!(Fingerprint::of(&post), Fingerprint::of(&other));
        // A link stores the fingerprint of a plain GET of its URL.
        let known = get("http://a.example/x");
        assert_eq!(Fingerprint::of(&known), Fingerprint::of(&known.clone().with_header("X-A", "1")));
        assert_eq!(
            Fingerprint::of(&known.clone().with_method(http::Method::POST).with_body("1")),
            Fingerprint::of(&post)
        );
        assert_eq!(
            Fingerprint::of(&known.with_url(get("http://a.example/y").url().clone())),
            Fingerprint::of(&get("http://a.example/y"))
        );
        let (ann, ben) =
            (get("http://a.example/x").with_session("ann"), get("http://a.example/x").with_session("ben"));
        assert_ne!(Fingerprint::of(&ann), Fingerprint::of(&ben));
        assert_ne!(Fingerprint::of(&ann), Fingerprint::of(&get("http://a.example/x")));
    }

    #[test]
    fn each_rule_has_its_own_fingerprint_also_of_a_link_that_is_shared() {
        let link = get("http://a.example/?b=2&a=1&utm_source=x");
        let rules = [
            SameRequest::canonical(),
            SameRequest::verbatim(),
            SameRequest::canonical().with_ignored(["utm_*"]),
            SameRequest::verbatim().with_ignored(["utm_*"]),
        ];
        let fingerprints = || rules.iter().map(|rule| Fingerprint::by(rule, &link)).collect::<Vec<_>>();
        let distinct: std::collections::HashSet<_> = fingerprints().into_iter().collect();
        assert_eq!(distinct.len(), rules.len());
        assert_eq!(fingerprints(), fingerprints());
        assert_eq!(Fingerprint::by(&rules[2], &link), Fingerprint::of(&get("http://a.example/?a=1&b=2")));
        assert_eq!(
            Fingerprint::by(&rules[3], &link),
            Fingerprint::by(&rules[1], &get("http://a.example/?b=2&a=1"))
        );
    }

    #[test]
    fn a_sitemap_is_another_request_than_the_page_of_its_url() {
        let page = get("http://a.example/sitemap.xml");
        let with = |role| {
            let mut options = page.options().clone();
            options.sitemap = Some(role);
            Fingerprint::of(&page.clone().with_options(options))
        };
        assert_ne!(with(SitemapRole::Found(1)), Fingerprint::of(&page));
        assert_eq!(with(SitemapRole::Found(1)), with(SitemapRole::Named), "but it is read once");
        assert_eq!(with(SitemapRole::Page), Fingerprint::of(&page));
    }

    #[test]
    fn an_unfiltered_request_is_named_by_its_parent_and_place() {
        let (parent, child) = (Fingerprint::of(&get("http://a.example/")), get("http://a.example/x"));
        assert_eq!(Fingerprint::below(&child, parent, 1), Fingerprint::below(&child, parent, 1));
        assert_ne!(Fingerprint::below(&child, parent, 1), Fingerprint::below(&child, parent, 2));
        assert_ne!(Fingerprint::below(&child, parent, 1), Fingerprint::of(&child));
    }
}
