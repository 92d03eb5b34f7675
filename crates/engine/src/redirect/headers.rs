//! Which of a request's own headers go along with a redirect.
//!
//! One rule: what is meant for one receiver stays with this receiver (RFC 9110 §15.4), and `Referer` follows the policy that
//! browsers use by default, `strict-origin-when-cross-origin` (W3C Referrer Policy, section 3.7).

use dragline_core::Request;
use http::header::{
    AUTHORIZATION, COOKIE, HOST, HeaderName, IF_MATCH, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_RANGE,
    IF_UNMODIFIED_SINCE, ORIGIN, PROXY_AUTHORIZATION, REFERER,
};
use url::Url;

/// Headers that mean something only at the origin that they were set for: credentials, the name of the origin, and what is
/// known about its pages.
const OF_ONE_ORIGIN: [HeaderName; 8] =
    [AUTHORIZATION, HOST, ORIGIN, IF_MATCH, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_RANGE, IF_UNMODIFIED_SINCE];

/// The request for a redirect's target, with the headers that the target may see. It comes from `from`.
pub(super) fn for_target(next: Request, from: &Url) -> Request {
    let target = next.url().clone();
    if from.origin() == target.origin() {
        return next;
    }
    let mut next = OF_ONE_ORIGIN.iter().fold(next, |next, header| next.without_header(header.as_str()));
    // As with cookies of a server, the port does not matter, and a cookie that was sent over TLS is never sent without it.
    let is_downgrade = from.scheme() == "https" && target.scheme() == "http";
    if is_downgrade || from.host_str() != target.host_str() {
        next = next.without_header(COOKIE.as_str());
    }
    // A request that names its proxy uses it for every hop.
    if next.proxy().is_none() {
        next = next.without_header(PROXY_AUTHORIZATION.as_str());
    }
    with_referer_for(next, &target)
}

/// Shortens the spider's `Referer` to what another origin may see of it.
fn with_referer_for(next: Request, target: &Url) -> Request {
    let of_referer = |(name, _): &&(String, String)| name.eq_ignore_ascii_case(REFERER.as_str());
    let set: Vec<(String, String)> = next.headers().iter().filter(of_referer).cloned().collect();
    let next = next.without_header(REFERER.as_str());
    let seen = set.into_iter().filter_map(|(name, value)| Some((name, referer_for(&value, target)?)));
    seen.fold(next, |next, (name, value)| next.with_header(&name, &value))
}

/// What `target` may see of this `Referer`: all of it on its own pages, and otherwise only the origin. Nothing if it would leave
/// TLS, or if it is no URL.
fn referer_for(value: &str, target: &Url) -> Option<String> {
    let referer = Url::parse(value.trim()).ok()?;
    if referer.origin() == target.origin() {
        return Some(value.to_owned());
    }
    let is_downgrade = referer.scheme() == "https" && target.scheme() != "https";
    let is_page = matches!(referer.scheme(), "http" | "https") && !is_downgrade;
    is_page.then(|| format!("{}/", referer.origin().ascii_serialization()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The headers that reach `to`, by the first letters of their names.
    fn kept(request: Request, to: &str) -> String {
        let from = request.url().clone();
        let target = from.join(to).unwrap();
        let next = for_target(request.with_url(target), &from);
        next.headers().iter().map(|(name, _)| name[..1].to_uppercase()).collect()
    }

    #[test]
    fn what_is_for_one_receiver_stays_with_it() {
        let with = |url: &str| {
            let request = Request::get(url).unwrap().with_header("X-A", "1");
            ["Authorization", "cookie", "Proxy-Authorization", "Origin", "HOST", "if-none-match"]
                .iter()
                .fold(request, |request, name| request.with_header(*name, "secret"))
        };
        let from = with("https://a.example/");
        for (to, expected) in [
            ("/there", "XACPOHI"),
            ("https://a.example:443/", "XACPOHI"),
            ("https://a.example:444/", "XC"),
            ("http://a.example/", "X"),
            ("https://www.a.example/", "X"),
            ("https://b.example/", "X"),
        ] {
            assert_eq!(kept(from.clone(), to), expected, "{to}");
        }
        assert_eq!(kept(with("http://a.example/"), "https://a.example/"), "XC");
        let proxied = with("http://a.example/").with_proxy("http://p.example:3128".parse().unwrap());
        assert_eq!(kept(proxied, "https://b.example/"), "XP");
    }

    #[test]
    fn a_referer_goes_along_as_far_as_browsers_send_it() {
        let page = "https://a.example/account?token=1";
        for (from, referer, to, expected) in [
            ("https://a.example/x", page, "/y", Some(page)),
            ("https://a.example/x", page, "https://b.example/y", Some("https://a.example/")),
            ("https://a.example/x", page, "https://a.example:444/y", Some("https://a.example/")),
            ("https://a.example/x", page, "https://www.a.example/y", Some("https://a.example/")),
            ("https://a.example/x", page, "http://a.example/y", None),
            ("https://a.example/x", page, "http://b.example/y", None),
            ("http://a.example/x", "http://a.example:80/z", "https://a.example/y", Some("http://a.example/")),
            (
                "http://a.example/x",
                "http://a.example:81/z",
                "http://b.example/",
                Some("http://a.example:81/"),
            ),
            ("http://a.example/x", "http://u:p@a.example/z", "http://b.example/", Some("http://a.example/")),
            // It is a page of the target, which may see all of it.
            (
                "https://a.example/x",
                "https://b.example/z?q",
                "https://b.example/y",
                Some("https://b.example/z?q"),
            ),
            ("https://a.example/x", "/z", "https://b.example/", None),
            ("https://a.example/x", "about:blank", "https://b.example/", None),
            ("https://a.example/x", "", "https://b.example/", None),
            ("https://a.example/x", "not a URL", "/y", Some("not a URL")),
        ] {
            let request = Request::get(from).unwrap().with_header("referer", referer);
            let from = request.url().clone();
            let target = from.join(to).unwrap();
            let next = for_target(request.with_url(target), &from);
            let sent = next.headers().first().map(|(_, value)| value.as_str());
            assert_eq!(sent, expected, "{referer} from {from} to {to}");
        }
    }
}
