//! Pages with a refresh, which sends the reader to another page. It is followed like a redirect, and the page is not parsed.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::LazyLock;

use dragline_core::canonical::canonical_url;
use dragline_core::{Page, QueuedRequest, SameRequest};
use http::Method;
use regex::bytes::Regex;
use url::Url;

use super::RedirectSettings;
use super::{RedirectError, after};

/// How often in a row a page is fetched again because it refreshes itself. It may mean "please wait". After this many times, it
/// is a page that reloads itself to show news.
const MAX_RELOADS: usize = 3;

/// Every such page contains this. To search for it costs a hundredth of parsing the page, and most pages don't have it.
#[allow(clippy::unwrap_used)] // a constant, which the tests use
static MENTIONED: LazyLock<Regex> = LazyLock::new(|| Regex::new("(?i-u)refresh").unwrap());

/// The request that replaces a page; `None` if the page should be parsed.
pub(crate) fn refresh_target(
    page: &Page,
    settings: &RedirectSettings,
    rule: &SameRequest,
) -> Option<Result<QueuedRequest, RedirectError>> {
    let queued = &page.response().queued;
    let max_delay = Some(settings.max_refresh_delay)
        .filter(|_| settings.meta_refresh && *queued.request.method() != Method::HEAD)?;
    if page.header("refresh").is_none() && !MENTIONED.is_match(page.body()) {
        return None;
    }
    // If the page can't be parsed, the spider gets the error.
    let refresh = catch_unwind(AssertUnwindSafe(|| page.refresh())).ok().flatten()?;
    let is_followed = refresh.after <= max_delay
        && matches!(refresh.url.scheme(), "http" | "https")
        && !(is_same(&refresh.url, page.url().as_str()) && reloads(queued) >= MAX_RELOADS);
    is_followed.then(|| after(queued, 303, refresh.url, settings.max_hops, rule))
}

/// How often in a row the page has been fetched.
fn reloads(queued: &QueuedRequest) -> usize {
    let own = queued.request.url();
    queued.redirects.iter().rev().take_while(|hop| is_same(own, hop)).count()
}

fn is_same(url: &Url, other: &str) -> bool {
    Url::parse(other).is_ok_and(|other| canonical_url(&other) == canonical_url(url))
}

#[cfg(test)]
mod tests {
    use super::*;
    use dragline_core::{Request, Response};

    fn target(page: &Page) -> Option<Result<QueuedRequest, RedirectError>> {
        refresh_target(page, &RedirectSettings::default(), &SameRequest::canonical())
    }

    fn page(queued: QueuedRequest, content: &str) -> Page {
        let html = format!("<META HTTP-EQUIV=REFRESH CONTENT='{content}'>");
        let mut response = Response::stored(queued.request.clone(), html);
        response.queued = queued;
        Page::new(response)
    }

    fn queued(request: Request) -> QueuedRequest {
        QueuedRequest::start(request, 0)
    }

    fn get() -> QueuedRequest {
        queued(Request::get("http://a.example/page#top").unwrap())
    }

    #[test]
    fn a_refresh_is_followed_within_its_limit() {
        for (content, expected) in [
            ("0;url=/x", Some("http://a.example/x#top")),
            ("100;url=/x#y", Some("http://a.example/x#y")),
            ("101;url=/x", None),
            ("5", None),
            ("0;url=mailto:a@b.example", None),
        ] {
            let target = target(&page(get(), content)).map(Result::unwrap);
            assert_eq!(target.as_ref().map(|to| to.request.url().as_str()), expected, "{content}");
            assert!(target.is_none_or(|to| to.redirects == ["http://a.example/page#top"]));
        }
        let none = RedirectSettings { meta_refresh: false, ..RedirectSettings::default() };
        assert!(refresh_target(&page(get(), "0;url=/x"), &none, &SameRequest::canonical()).is_none());
    }

    #[test]
    fn it_asks_with_get() {
        let post = Request::post("http://a.example/", "q").unwrap().with_header("Content-Type", "text/plain");
        let to = target(&page(queued(post), "0;url=/x")).unwrap().unwrap();
        assert_eq!((to.request.method(), to.request.body()), (&Method::GET, None));
        assert!(to.request.headers().is_empty());
        let head = queued(Request::get("http://a.example/").unwrap().with_method(Method::HEAD));
        assert!(target(&page(head, "0;url=/x")).is_none());
    }

    #[test]
    fn a_page_that_shows_itself_again_is_a_page_after_a_few_times() {
        let mut at = get();
        for _ in 0..MAX_RELOADS {
            at = target(&page(at, "5;url=page")).unwrap().unwrap();
        }
        assert!(target(&page(at.clone(), "5;url=page")).is_none());
        assert!(target(&page(at, "5;url=elsewhere")).is_some());
    }

    #[test]
    fn a_chain_of_them_ends() {
        let mut at = get();
        for hop in 0..20 {
            at = target(&page(at, &format!("0;url=/{hop}"))).unwrap().unwrap();
        }
        assert!(matches!(target(&page(at, "0;url=/more")), Some(Err(RedirectError::TooMany(21, _)))));
    }
}
