//! A redirect ends its request and becomes a request of its own, so that pace, robots, limits and the
//! duplicate rule meet every hop (RFC 9110 §15.4).

use dragline_core::canonical::{canonical_url, drop_userinfo};
use dragline_core::frontier::host_of;
use dragline_core::{Fingerprint, QueuedRequest, Request};
use http::header::LOCATION;
use http::{HeaderMap, Method};
use url::{ParseError, Url};

/// Why a redirect leads nowhere.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum RedirectError {
    #[error("redirected to {0:?}, which is no URL ({1})")]
    NoUrl(String, ParseError),
    #[error("redirected to {0}; only http and https can be fetched")]
    Scheme(Url),
    #[error("too many redirects: {0} hops, the last to {1}")]
    TooMany(usize, Url),
}

/// Where an answer redirects to, as the server wrote it.
pub(crate) fn location(status: u16, headers: &HeaderMap) -> Option<String> {
    let is_redirect = matches!(status, 301 | 302 | 303 | 307 | 308);
    let location = headers.get(LOCATION).filter(|_| is_redirect)?;
    // Servers write raw UTF-8 here, although they should not.
    Some(String::from_utf8_lossy(location.as_bytes()).trim().to_owned())
}

/// The request that takes the place of `from`, which was answered with `status` and `location`.
pub(crate) fn follow(
    from: &QueuedRequest,
    status: u16,
    location: &str,
    max_redirects: usize,
) -> Result<QueuedRequest, RedirectError> {
    let target = resolve(from.request.url(), location)?;
    let mut redirects = from.redirects.clone();
    redirects.push(from.request.url().to_string());
    if redirects.len() > max_redirects {
        return Err(RedirectError::TooMany(redirects.len(), target));
    }
    let request = request_for(&from.request, status, target);
    let fingerprint = if is_refetch(from, &request) || is_unfiltered(from) {
        Fingerprint::below(&request, from.fingerprint, 0)
    } else {
        Fingerprint::of(&request)
    };
    Ok(QueuedRequest { fingerprint, host: host_of(request.url()), request, depth: from.depth, redirects })
}

fn resolve(base: &Url, location: &str) -> Result<Url, RedirectError> {
    let mut target =
        base.join(location).map_err(|problem| RedirectError::NoUrl(location.to_owned(), problem))?;
    drop_userinfo(&mut target);
    if !matches!(target.scheme(), "http" | "https") {
        return Err(RedirectError::Scheme(target));
    }
    // No fragment reaches the server (see `pack`).
    target.set_fragment(None);
    Ok(target)
}

/// 303 asks with GET from then on; 301 and 302 do so for POST, as every browser does; 307 and 308 repeat the
/// request as it was.
fn request_for(request: &Request, status: u16, target: Url) -> Request {
    let becomes_get = match status {
        303 => !matches!(*request.method(), Method::GET | Method::HEAD),
        301 | 302 => *request.method() == Method::POST,
        _ => false,
    };
    let same_origin = request.url().origin() == target.origin();
    let mut next = request.clone().with_url(target);
    if becomes_get {
        next = next.into_get();
    }
    if same_origin { next } else { next.without_credentials() }
}

/// Whether the target was asked for in this chain already: a cookie check sends back to where one came from,
/// and the duplicate filter must let that pass. Only the hop limit ends such a chain.
fn is_refetch(from: &QueuedRequest, request: &Request) -> bool {
    let target = canonical_url(request.url());
    chain_holds(from, &target) || canonical_url(from.request.url()) == target
}

/// Whether the spider said `dont_filter`. Read from the fingerprint, for this is what the store keeps; a
/// fingerprint that differs because of a cookie check does not count.
fn is_unfiltered(from: &QueuedRequest) -> bool {
    from.fingerprint != Fingerprint::of(&from.request)
        && !chain_holds(from, &canonical_url(from.request.url()))
}

fn chain_holds(from: &QueuedRequest, canonical: &str) -> bool {
    from.redirects.iter().any(|hop| Url::parse(hop).is_ok_and(|hop| canonical_url(&hop) == canonical))
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
        follow(from, status, location, 20).unwrap()
    }

    #[test]
    fn the_target_keeps_what_belongs_to_the_request() {
        let mut from =
            queued(Request::get("http://a.example/old#part").unwrap().tag("author").meta("n", 1).priority(5));
        from.depth = 3;
        let to = next(&from, 301, "/new?x=1");
        assert_eq!(to.request.url().as_str(), "http://a.example/new?x=1");
        assert_eq!((to.request.tag_str(), to.request.priority_value(), to.depth), ("author", 5, 3));
        assert_eq!(to.redirects, ["http://a.example/old#part"]);
        assert_eq!(to.fingerprint, Fingerprint::of(&to.request));
        let other = next(&from, 301, "http://user:secret@b.example:8080/#mine");
        assert_eq!(
            (other.host.as_str(), other.request.url().as_str()),
            ("b.example:8080", "http://b.example:8080/")
        );
    }

    #[test]
    fn methods_and_bodies_follow_the_status() {
        let post = queued(
            Request::post("http://a.example/form", "q=1").unwrap().header("Content-Type", "text/plain"),
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
    fn credentials_stay_with_their_origin() {
        let from = queued(
            Request::get("http://a.example/").unwrap().header("Authorization", "secret").header("X-A", "1"),
        );
        assert_eq!(next(&from, 302, "/there").request.headers().len(), 2);
        let elsewhere = next(&from, 302, "https://a.example/there");
        assert_eq!(elsewhere.request.headers(), [("X-A".to_owned(), "1".to_owned())]);
    }

    #[test]
    fn a_cookie_check_may_come_back_and_ends_at_the_hop_limit() {
        let page = get("http://a.example/page");
        let check = next(&page, 302, "/check");
        let again = next(&check, 302, "/page");
        assert_ne!(again.fingerprint, page.fingerprint);
        // The same once more, and a page that redirects to itself: always another fingerprint.
        let third = next(&next(&again, 302, "/check"), 302, "/page");
        assert_ne!(third.fingerprint, again.fingerprint);
        assert_ne!(next(&page, 302, "/page").fingerprint, page.fingerprint);
        // What comes behind the check is filtered as ever.
        assert_eq!(next(&again, 302, "/end").fingerprint, get("http://a.example/end").fingerprint);
        let mut at = page;
        for _ in 0..20 {
            at = next(&at, 302, "/page");
        }
        assert!(matches!(follow(&at, 302, "/page", 20), Err(RedirectError::TooMany(21, _))));
    }

    #[test]
    fn an_unfiltered_request_stays_unfiltered_also_when_read_back_from_the_store() {
        let parent = get("http://a.example/");
        let mut child = parent.child(Request::get("http://a.example/x").unwrap().dont_filter(), 4);
        let before = next(&child, 302, "/y").fingerprint;
        child.request = Request::get("http://a.example/x").unwrap();
        assert_eq!(next(&child, 302, "/y").fingerprint, before);
        assert_ne!(before, get("http://a.example/y").fingerprint);
    }

    #[test]
    fn dead_ends_say_so() {
        let from = get("http://a.example/");
        assert!(matches!(follow(&from, 302, "mailto:a@b.example", 20), Err(RedirectError::Scheme(_))));
        assert!(matches!(follow(&from, 302, "http://", 20), Err(RedirectError::NoUrl(..))));
        let headers = HeaderMap::from_iter([(LOCATION, "/x".parse().unwrap())]);
        assert_eq!(location(302, &headers).as_deref(), Some("/x"));
        assert_eq!((location(304, &headers), location(302, &HeaderMap::new())), (None, None));
    }
}
