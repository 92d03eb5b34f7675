//! Refreshes: what a page says about where to go next, in its header `Refresh` or in `<meta http-equiv=refresh>`.
//!
//! This code reads it as a browser without scripting does (HTML standard, "shared declarative refresh steps"), with two
//! exceptions. It ignores a refresh in `noscript`, which is meant for readers that cannot run scripts, while a crawler
//! already has the page. It also ignores a refresh without a URL, which only shows the page again.

use std::time::Duration;

use url::Url;

use crate::page::Page;
use crate::request::MAX_LINK_BYTES;

/// Where a page sends its reader, and when.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Refresh {
    /// The delay in whole seconds, as in browsers.
    pub after: Duration,
    /// The target, with any scheme and with its fragment.
    pub url: Url,
}

/// Elements in which a refresh does not count.
const ELSEWHERE: [&str; 2] = ["noscript", "template"];

/// The refresh of a page: from its header, or otherwise the first one in its document.
pub(crate) fn of(page: &Page) -> Option<Refresh> {
    let resolved = |(after, url): (Duration, String)| Some(Refresh { after, url: page.absolute(&url).ok()? });
    let header = page.header_text("refresh").and_then(|text| parse(&text)).and_then(resolved);
    header.or_else(|| if page.is_html() { in_document(page).and_then(resolved) } else { None })
}

fn in_document(page: &Page) -> Option<(Duration, String)> {
    page.select("meta[http-equiv][content]").into_iter().find_map(|meta| {
        let names = meta.own_attr("http-equiv")?.trim().eq_ignore_ascii_case("refresh") && meta.is_html();
        let is_meant = names && !meta.lies_in(&ELSEWHERE);
        parse(meta.own_attr("content").filter(|_| is_meant)?)
    })
}

/// The delay and the URL of `5; url=/there`. `None` if the text is not a refresh or has no URL.
fn parse(text: &str) -> Option<(Duration, String)> {
    let text = text.trim_start_matches(is_space);
    let (digits, rest) = split_while(text, |c| c.is_ascii_digit());
    if digits.is_empty() && !rest.starts_with('.') {
        return None;
    }
    // A number with too many digits means longer than anybody waits.
    let seconds = if digits.is_empty() { 0 } else { digits.parse().unwrap_or(u64::MAX) };
    let rest = rest.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.');
    let after_number = rest.trim_start_matches(is_space);
    let rest = match after_number.strip_prefix([';', ',']) {
        Some(rest) => rest.trim_start_matches(is_space),
        // Without a separator, a space must follow.
        None if after_number.len() < rest.len() => after_number,
        None => return None,
    };
    let url = unquoted(without_name(rest));
    if url.is_empty() || url.len() > MAX_LINK_BYTES {
        None
    } else {
        Some((Duration::from_secs(seconds), url.to_owned()))
    }
}

/// The text without a complete `url =` in front.
fn without_name(text: &str) -> &str {
    let named = text.get(..3).filter(|name| name.eq_ignore_ascii_case("url"));
    let after = named.and_then(|_| text[3..].trim_start_matches(is_space).strip_prefix('='));
    after.map_or(text, |rest| rest.trim_start_matches(is_space))
}

/// The text up to the closing quote, if it begins with a quote.
fn unquoted(text: &str) -> &str {
    let opened = text.strip_prefix('"').map(|rest| (rest, '"'));
    match opened.or_else(|| text.strip_prefix('\'').map(|rest| (rest, '\''))) {
        Some((rest, quote)) => rest.split(quote).next().unwrap_or(rest),
        None => text,
    }
}

fn split_while(text: &str, is_in: impl Fn(char) -> bool) -> (&str, &str) {
    let end = text.find(|c| !is_in(c)).unwrap_or(text.len());
    text.split_at(end)
}

/// ASCII white space as HTML defines it.
fn is_space(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\x0c' | '\r' | ' ')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Request, Response, StoredPage};

    fn of_html(html: &str) -> Option<(u64, String)> {
        let page = StoredPage::new("http://a.example/dir/page?x=1", html.to_owned()).page().unwrap();
        page.refresh().map(|refresh| (refresh.after.as_secs(), refresh.url.into()))
    }

    fn of_content(content: &str) -> Option<(u64, String)> {
        of_html(&format!("<meta http-equiv=refresh content=\"{}\">", content.replace('"', "&quot;")))
    }

    #[allow(clippy::unnecessary_wraps)] // it is compared with what was found
    fn to(seconds: u64, url: &str) -> Option<(u64, String)> {
        Some((seconds, url.to_owned()))
    }

    #[test]
    fn a_refresh_is_read_as_browsers_read_it() {
        let there = |seconds| to(seconds, "http://a.example/there");
        for (content, expected) in [
            ("5;url=/there", there(5)),
            ("5; URL=/there", there(5)),
            (" 0 ; Url = '/there' tail", there(0)),
            ("0;url=\"/there\"", there(0)),
            ("0;url='/there", there(0)),
            ("0,/there", there(0)),
            ("0 /there", there(0)),
            ("0; /there", there(0)),
            ("3.9;url=/there", there(3)),
            (".5;url=/there", there(0)),
            ("007; url =\n/there", there(7)),
            ("99999999999999999999;url=/there", there(u64::MAX)),
            ("0; url=other?a=1;b=2#part", to(0, "http://a.example/dir/other?a=1;b=2#part")),
            ("0; uri=x", to(0, "http://a.example/dir/uri=x")),
            ("0; url", to(0, "http://a.example/dir/url")),
            ("0; ftp://b.example/", to(0, "ftp://b.example/")),
            ("5", None),
            ("5;", None),
            ("5; url=", None),
            ("5; url=''", None),
            ("5x;url=/there", None),
            ("-1;url=/there", None),
            ("+1;url=/there", None),
            ("url=/there", None),
            ("", None),
            ("0;url=http://[", None),
        ] {
            assert_eq!(of_content(content), expected, "{content:?}");
        }
    }

    #[test]
    fn only_what_is_meant_for_a_reader_counts() {
        let meta = "<meta http-equiv=' Refresh ' content='0;url=/x'>";
        let found = to(0, "http://a.example/x");
        for html in [
            meta.to_owned(),
            format!("<body><p>{meta}"),
            format!("<base href=//a.example/y/>{meta}"),
            format!("<meta http-equiv=refresh content=9>{meta}<meta http-equiv=refresh content='0;url=/y'>"),
            format!("<noscript><p></noscript>{meta}"),
        ] {
            assert_eq!(of_html(&html), found, "{html}");
        }
        for html in [
            format!("<noscript>{meta}</noscript>"),
            format!("<body><noScript><div>{meta}</div></noSCRIPT>"),
            format!("<script>document.write(\"{meta}\")</script>"),
            format!("<template>{meta}</template>"),
            format!("<textarea>{meta}</textarea>"),
            format!("<!-- {meta} -->"),
            "<meta name=refresh content='0;url=/x'>".to_owned(),
            "<p>nothing</p>".to_owned(),
        ] {
            assert_eq!(of_html(&html), None, "{html}");
        }
    }

    #[test]
    fn a_base_is_minded_and_a_header_comes_first() {
        let meta = "<base href='/base/'><meta http-equiv=refresh content='1;url=x'>";
        assert_eq!(of_html(meta), to(1, "http://a.example/base/x"));
        let with_header = |text: &str| {
            let mut response = Response::stored(Request::get("http://a.example/").unwrap(), meta);
            response.headers.insert("refresh", text.parse().unwrap());
            Page::new(response).refresh().unwrap().url.to_string()
        };
        assert_eq!(with_header("2; url=//b.example/y"), "http://b.example/y");
        assert_eq!(with_header("soon"), "http://a.example/base/x");
    }
}
