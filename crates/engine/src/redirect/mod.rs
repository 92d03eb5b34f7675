//! A redirect ends its request, and its target becomes a new request. So pace, robots, limits and the duplicate filter apply to
//! every hop (RFC 9110 §15.4).

mod headers;
mod location;
mod refresh;
mod settings;
#[cfg(test)]
mod vectors;

use dragline_core::canonical::drop_userinfo;
use dragline_core::counted::counted;
use dragline_core::queued_request::host_of;
use dragline_core::{Fingerprint, QueuedRequest, Reason, Request, SameRequest};
use http::Method;
use url::{ParseError, Url};

pub(crate) use self::location::location;
pub(crate) use self::refresh::refresh_target;
pub use self::settings::RedirectSettings;

/// Why a redirect can't be followed.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum RedirectError {
    #[error("redirected to {0:?}, which is not a URL ({1})")]
    NoUrl(String, ParseError),
    #[error("redirected to {0}; only http and https can be fetched")]
    Scheme(Url),
    #[error("too many redirects: {hops}, the last to {1}", hops = counted(*.0, "hop"))]
    TooMany(usize, Url),
}

impl RedirectError {
    pub(crate) fn reason(&self) -> Reason {
        match self {
            Self::NoUrl(..) | Self::Scheme(_) => Reason::InvalidRedirect,
            Self::TooMany(..) => Reason::TooManyRedirects,
        }
    }
}

/// The request that replaces `from`, which was answered with `status` and `location`.
pub(crate) fn follow(
    from: &QueuedRequest,
    status: u16,
    location: &str,
    max_redirects: usize,
    rule: &SameRequest,
) -> Result<QueuedRequest, RedirectError> {
    let target = resolve(from.request.url(), location)?;
    after(from, status, target, max_redirects, rule)
}

/// The request for `target` that replaces `from`.
fn after(
    from: &QueuedRequest,
    status: u16,
    mut target: Url,
    max_redirects: usize,
    rule: &SameRequest,
) -> Result<QueuedRequest, RedirectError> {
    if target.fragment().is_none() {
        // RFC 9110 §10.2.2. The fragment is never sent, but it names a part of the page.
        target.set_fragment(from.request.url().fragment());
    }
    let mut redirects = from.redirects.clone();
    redirects.push(from.request.url().to_string());
    if redirects.len() > max_redirects {
        return Err(RedirectError::TooMany(redirects.len(), target));
    }
    let request = request_for(&from.request, status, target);
    let fingerprint = if is_refetch(rule, from, &request) || is_unfiltered(rule, from) {
        Fingerprint::below(&request, from.fingerprint, 0)
    } else {
        Fingerprint::by(rule, &request)
    };
    Ok(QueuedRequest { fingerprint, host: host_of(request.url()), request, depth: from.depth, redirects })
}

fn resolve(base: &Url, location: &str) -> Result<Url, RedirectError> {
    let mut target = dragline_core::resolve::resolve(base, location, None)
        .map_err(|problem| RedirectError::NoUrl(location.to_owned(), problem))?;
    drop_userinfo(&mut target);
    if !matches!(target.scheme(), "http" | "https") {
        return Err(RedirectError::Scheme(target));
    }
    Ok(target)
}

/// After 303, the new request is a GET. After 301 and 302, a POST becomes a GET, as in every browser. 307 and 308 repeat the
/// request unchanged.
fn request_for(request: &Request, status: u16, target: Url) -> Request {
    let becomes_get = match status {
        303 => !matches!(*request.method(), Method::GET | Method::HEAD),
        301 | 302 => *request.method() == Method::POST,
        _ => false,
    };
    let mut next = request.clone().with_url(target);
    if becomes_get {
        next = next.into_get();
    }
    headers::for_target(next, request.url())
}

/// Whether this chain has already requested the target. A cookie check redirects back to the first page, and the duplicate
/// filter must allow this. Only the limit on hops ends such a chain.
fn is_refetch(rule: &SameRequest, from: &QueuedRequest, request: &Request) -> bool {
    let target = rule.spelling(request.url());
    chain_holds(rule, from, &target) || rule.spelling(from.request.url()) == target
}

/// Whether the spider asked for `dont_filter`. The fingerprint shows it, because that is what the store keeps. A fingerprint
/// that differs because of a cookie check does not count.
fn is_unfiltered(rule: &SameRequest, from: &QueuedRequest) -> bool {
    from.fingerprint != Fingerprint::by(rule, &from.request)
        && !chain_holds(rule, from, &rule.spelling(from.request.url()))
}

fn chain_holds(rule: &SameRequest, from: &QueuedRequest, spelling: &str) -> bool {
    from.redirects.iter().any(|hop| Url::parse(hop).is_ok_and(|hop| rule.spelling(&hop) == spelling))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn queued(request: Request) -> QueuedRequest {
        QueuedRequest::start(request, 0)
    }

    fn get(url: &str) -> QueuedRequest {
        queued(Request::get(url).unwrap())
    }

    fn next(from: &QueuedRequest, status: u16, location: &str) -> QueuedRequest {
        follow(from, status, location, 20, &SameRequest::canonical()).unwrap()
    }

    #[test]
    fn the_target_keeps_what_belongs_to_the_request() {
        let mut from = queued(
            Request::get("http://a.example/old#part")
                .unwrap()
                .with_tag("author")
                .with_meta("n", 1)
                .with_priority(5),
        );
        from.depth = 3;
        let to = next(&from, 301, "/new?x=1");
        assert_eq!(to.request.url().as_str(), "http://a.example/new?x=1#part");
        assert_eq!((to.request.tag(), to.request.priority(), to.depth), ("author", 5, 3));
        assert_eq!(to.redirects, ["http://a.example/old#part"]);
        assert_eq!(to.fingerprint, Fingerprint::of(&to.request));
        let other = next(&from, 301, "http://user:secret@b.example:8080/#mine");
        assert_eq!(
            (other.host.as_str(), other.request.url().as_str()),
            ("b.example:8080", "http://b.example:8080/#mine")
        );
    }

    #[test]
    fn methods_and_bodies_follow_the_status() {
        let post = queued(
            Request::post("http://a.example/form", "q=1").unwrap().with_header("Content-Type", "text/plain"),
        );
        for (status, method) in [
            (301, Method::GET),
            (302, Method::GET),
            (303, Method::GET),
            (307, Method::POST),
            (308, Method::POST),
        ] {
            let to = next(&post, status, "/there");
            assert_eq!(*to.request.method(), method, "{status}");
            assert_eq!(to.request.body().is_some(), method == Method::POST, "{status}");
            assert_eq!(to.request.headers().is_empty(), method == Method::GET, "{status}");
        }
        let head = queued(Request::get("http://a.example/").unwrap().with_method(Method::HEAD));
        assert_eq!(*next(&head, 303, "/there").request.method(), Method::HEAD);
    }

    #[test]
    fn a_target_is_resolved_as_browsers_do() {
        let from = get("http://a.example/x/y?q#part");
        for (location, expected) in [
            ("z", "http://a.example/x/z#part"),
            ("//b.example/z", "http://b.example/z#part"),
            ("\\\\b.example\\z", "http://b.example/z#part"),
            ("/a b?c d#e f", "http://a.example/a%20b?c%20d#e%20f"),
            ("/ação", "http://a.example/a%C3%A7%C3%A3o#part"),
            ("?n=1", "http://a.example/x/y?n=1#part"),
            ("#other", "http://a.example/x/y?q#other"),
            ("http:z", "http://a.example/x/z#part"),
            ("HTTPS:/\\b.example/../z", "https://b.example/z#part"),
        ] {
            assert_eq!(next(&from, 302, location).request.url().as_str(), expected, "{location}");
        }
    }

    #[test]
    fn a_cookie_check_may_come_back_and_ends_at_the_hop_limit() {
        let page = get("http://a.example/page");
        let check = next(&page, 302, "/check");
        let again = next(&check, 302, "/page");
        assert_ne!(again.fingerprint, page.fingerprint);
        // Another check, and a page that redirects to itself, always get another fingerprint.
        let third = next(&next(&again, 302, "/check"), 302, "/page");
        assert_ne!(third.fingerprint, again.fingerprint);
        assert_ne!(next(&page, 302, "/page").fingerprint, page.fingerprint);
        // The target after the check is filtered as usual.
        assert_eq!(next(&again, 302, "/end").fingerprint, get("http://a.example/end").fingerprint);
        let mut at = page;
        for _ in 0..20 {
            at = next(&at, 302, "/page");
        }
        assert!(matches!(
            follow(&at, 302, "/page", 20, &SameRequest::canonical()),
            Err(RedirectError::TooMany(21, _))
        ));
    }

    #[test]
    fn an_unfiltered_request_stays_unfiltered_also_when_read_back_from_the_store() {
        let parent = get("http://a.example/");
        let mut child = parent.child(Request::get("http://a.example/x").unwrap().without_filter(), 4);
        let before = next(&child, 302, "/y").fingerprint;
        child.request = Request::get("http://a.example/x").unwrap();
        assert_eq!(next(&child, 302, "/y").fingerprint, before);
        assert_ne!(before, get("http://a.example/y").fingerprint);
    }

    #[test]
    fn the_rule_of_the_run_says_what_a_target_is() {
        let rule = SameRequest::verbatim().with_ignored(["sid"]);
        let from = QueuedRequest::start_by(&rule, Request::get("http://a.example/?b=1&a=2").unwrap(), 0);
        let to = follow(&from, 302, "/?a=2&b=1&sid=3", 20, &rule).unwrap();
        // With another order of parameters, it is another page, which is filtered as usual.
        assert_eq!(
            to.fingerprint,
            Fingerprint::by(&rule, &Request::get("http://a.example/?a=2&b=1").unwrap())
        );
        // With a session id, it is the same page, so this is a check that redirects back.
        let check = follow(&from, 302, "/?b=1&a=2&sid=3", 20, &rule).unwrap();
        assert_ne!(check.fingerprint, from.fingerprint);
    }

    #[test]
    fn dead_ends_say_so() {
        let dead_end = |from: &QueuedRequest, location: &str| {
            follow(from, 302, location, 20, &SameRequest::canonical()).unwrap_err()
        };
        let from = get("http://a.example/");
        assert!(matches!(dead_end(&from, "mailto:a@b.example"), RedirectError::Scheme(_)));
        assert!(matches!(dead_end(&from, "http://"), RedirectError::NoUrl(..)));
    }
}
