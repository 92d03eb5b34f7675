//! What an incremental crawl does with what earlier runs know about a page: it does not fetch the page while it is fresh, asks the
//! server for it only if it has changed, and recognises a body that is as it was. In these cases the page is not parsed.

mod rule;
mod settings;

use std::borrow::Cow;

use chrono::{DateTime, Days, NaiveTime, Utc};
use dragline_core::earlier::{BodyHash, Validators};
use dragline_core::{EarlierPage, PageRecord, ParserVersion, Request};
use http::Method;

pub use self::rule::RefreshRule;
pub use self::settings::RevisitSettings;
use crate::downloader::HTTP;

/// The rules of an incremental crawl.
#[derive(Clone, Debug)]
pub struct Revisits {
    parser: ParserVersion,
    rules: Vec<RefreshRule>,
    conditional_requests: bool,
}

impl Revisits {
    /// The rules of a crawl whose pages are parsed by `parser`. `None` if it is not incremental.
    pub fn new(settings: &RevisitSettings, parser: impl FnOnce() -> ParserVersion) -> Option<Self> {
        settings.keeps_records().then(|| Self {
            parser: parser(),
            rules: settings.refresh_after.clone(),
            conditional_requests: settings.conditional_requests,
        })
    }

    /// The rules of a run that parses kept pages once more. It makes records of them, and uses none.
    pub fn of_kept_pages(parser: ParserVersion) -> Self {
        Self { parser, rules: Vec::new(), conditional_requests: false }
    }

    /// Whether what earlier runs kept of a page is what a parse would give now, if the page is unchanged.
    pub(crate) fn is_of_this_parser(&self, request: &Request, earlier: &EarlierPage) -> bool {
        self.parser.of_page(request) == earlier.parser
    }

    /// Whether a page need not be fetched, because it was seen a short time ago.
    pub(crate) fn is_fresh(&self, request: &Request, earlier: &EarlierPage, now: DateTime<Utc>) -> bool {
        is_read(request)
            && rule::is_fresh(&self.rules, request, earlier, now)
            && self.is_of_this_parser(request, earlier)
            && !has_changed_since(request, earlier)
    }

    /// The request as it is sent: with what the server said about the page at the last visit.
    pub(crate) fn conditional<'a>(
        &self,
        request: &'a Request,
        earlier: Option<&EarlierPage>,
    ) -> Cow<'a, Request> {
        match earlier {
            Some(earlier) if self.asks_conditionally(request, earlier) => {
                let Validators { etag, last_modified } = &earlier.validators;
                let headers = [("If-None-Match", etag), ("If-Modified-Since", last_modified)];
                let given = headers.into_iter().filter_map(|(name, value)| Some((name, value.as_deref()?)));
                Cow::Owned(
                    given.fold(request.clone(), |request, (name, value)| request.with_header(name, value)),
                )
            }
            _ => Cow::Borrowed(request),
        }
    }

    /// Whether an answer 304 says that the page is as the earlier run found it.
    pub(crate) fn asks_conditionally(&self, request: &Request, earlier: &EarlierPage) -> bool {
        let has_own = || request.headers().iter().any(|(name, _)| is_conditional(name));
        self.conditional_requests
            && !earlier.validators.is_empty()
            && is_read(request)
            && request.downloader().is_none_or(|name| name == HTTP)
            && !has_own()
            && self.is_of_this_parser(request, earlier)
    }

    /// What to keep of a page that was parsed.
    pub(crate) fn record(
        &self,
        request: &Request,
        headers: &http::HeaderMap,
        body_hash: BodyHash,
        links: Vec<Request>,
    ) -> PageRecord {
        PageRecord::Parsed {
            tag: request.tag().to_owned(),
            validators: Validators::of(headers),
            body_hash,
            parser: self.parser.of_page(request),
            links,
        }
    }
}

/// Whether a sitemap says that the page has changed since it was seen. A date without a time is the whole day.
fn has_changed_since(request: &Request, earlier: &EarlierPage) -> bool {
    request.options().lastmod.is_some_and(|lastmod| {
        let is_a_day = lastmod.time() == NaiveTime::MIN;
        let latest =
            if is_a_day { lastmod.checked_add_days(Days::new(1)).unwrap_or(lastmod) } else { lastmod };
        latest > earlier.checked_at
    })
}

/// Whether a request only asks for a page. Any other request may be sent for what it does, such as a login.
fn is_read(request: &Request) -> bool {
    matches!(*request.method(), Method::GET | Method::HEAD)
}

/// Whether records are kept of answers with this status. A spider may accept others, and makes something else of them.
pub(crate) fn is_recorded(status: u16) -> bool {
    (200..300).contains(&status)
}

/// With such a header of the spider, the server may send only a part of the page, or nothing.
fn is_conditional(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    name.starts_with("if-") || name == "range"
}

#[cfg(test)]
mod tests {
    use super::*;

    fn earlier(parser: ParserVersion, etag: Option<&str>) -> EarlierPage {
        EarlierPage {
            validators: Validators { etag: etag.map(str::to_owned), last_modified: None },
            body_hash: [0; 32],
            parser,
            first_at: DateTime::UNIX_EPOCH,
            checked_at: DateTime::UNIX_EPOCH,
            changes: 0,
        }
    }

    fn headers(request: &Request) -> Vec<&str> {
        request.headers().iter().map(|(name, _)| name.as_str()).collect()
    }

    #[test]
    fn a_page_is_not_fresh_if_a_sitemap_says_that_it_has_changed() {
        let parser = ParserVersion::from_bytes(&[1; 16]).unwrap();
        let refresh_after = vec![RefreshRule::parse("30d").unwrap()];
        let settings = RevisitSettings { incremental: true, refresh_after, ..RevisitSettings::default() };
        let revisits = Revisits::new(&settings, || parser).unwrap();
        let request = Request::get("http://a.example/").unwrap();
        let at = |text: &str| text.parse::<DateTime<Utc>>().unwrap();
        let earlier =
            EarlierPage { checked_at: at("2026-03-09T10:00:00Z"), ..earlier(parser.of_page(&request), None) };
        let is_fresh = |lastmod: Option<&str>| {
            let mut options = request.options().clone();
            options.lastmod = lastmod.map(at);
            revisits.is_fresh(&request.clone().with_options(options), &earlier, at("2026-03-12T00:00:00Z"))
        };
        assert!(
            is_fresh(None)
                && is_fresh(Some("2026-03-09T09:59:59Z"))
                && is_fresh(Some("2026-03-08T00:00:00Z"))
        );
        assert!(!is_fresh(Some("2026-03-09T10:00:01Z")) && !is_fresh(Some("2026-03-10T00:00:00Z")));
        assert!(!is_fresh(Some("2026-03-09T00:00:00Z")), "some time on that day");
    }

    #[test]
    fn a_request_is_conditional_only_if_an_unchanged_page_need_not_be_parsed() {
        let parser = ParserVersion::from_bytes(&[1; 16]).unwrap();
        let settings = RevisitSettings { incremental: true, ..RevisitSettings::default() };
        let revisits = Revisits::new(&settings, || parser).unwrap();
        let request = Request::get("http://a.example/").unwrap();
        let of_this = earlier(parser.of_page(&request), Some("\"1\""));
        let sent = |request: &Request, earlier: &EarlierPage| {
            headers(&revisits.conditional(request, Some(earlier))).join(" ")
        };
        assert_eq!(sent(&request, &of_this), "If-None-Match");
        assert_eq!(headers(&revisits.conditional(&request, None)), Vec::<&str>::new());
        assert_eq!(sent(&request, &earlier(parser.of_page(&request), None)), "", "no validator");
        assert_eq!(sent(&request.clone().with_tag("other"), &of_this), "", "parsed in another way");
        assert_eq!(sent(&request.clone().with_method(Method::POST), &of_this), "");
        assert_eq!(sent(&request.clone().with_header("If-Match", "x"), &of_this), "If-Match");
        assert_eq!(sent(&request.clone().with_header("Range", "bytes=0-9"), &of_this), "Range");
        let never = RevisitSettings { conditional_requests: false, ..settings };
        let never = Revisits::new(&never, || parser).unwrap();
        assert_eq!(headers(&never.conditional(&request, Some(&of_this))), Vec::<&str>::new());
        assert!(Revisits::new(&RevisitSettings::default(), || parser).is_none());
    }
}
