//! How figures, times and states are written.

use std::time::Duration;

use chrono::DateTime;
use maud::{Markup, html};
use url::Url;

use crate::read::{Change, RunSummary};

/// A number with separators: `12,345`.
pub(super) fn number(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A number with its unit: `1 page`, `2 pages`.
pub(super) fn counted(count: u64, unit: &str) -> String {
    format!("{} {unit}{}", number(count), if count == 1 { "" } else { "s" })
}

/// A rate: `12.3`, `0.05`.
pub(super) fn rate(per_second: f64) -> String {
    match per_second {
        rate if rate >= 100.0 => format!("{rate:.0}"),
        rate if rate >= 1.0 => format!("{rate:.1}"),
        rate if rate <= 0.0 => "0".to_owned(),
        rate => format!("{rate:.2}"),
    }
}

/// A duration: `3m 12s`.
pub(super) fn duration(seconds: f64) -> String {
    let duration = Duration::try_from_secs_f64(seconds.max(0.0)).unwrap_or_default();
    if duration < Duration::from_secs(10) {
        return format!("{:.1} s", duration.as_secs_f64());
    }
    if duration < Duration::from_secs(60) {
        return format!("{} s", duration.as_secs());
    }
    humantime::format_duration(Duration::from_secs(duration.as_secs())).to_string()
}

/// A share: `98.0 %`.
pub(super) fn percent(share: f64) -> String {
    dragline_core::item_figures::percent(share)
}

/// A moment, in UTC. The script adds the reader's time.
pub(super) fn moment(at: &str) -> Markup {
    let shown = DateTime::parse_from_rfc3339(at)
        .map_or_else(|_| at.to_owned(), |at| at.to_utc().format("%F %T UTC").to_string());
    html! { time datetime=(at) { (shown) } }
}

/// A URL that a site or a user gave. It is a link only if a browser goes to a web page with it.
pub(super) fn url(text: &str) -> Markup {
    let is_web = Url::parse(text).is_ok_and(|url| matches!(url.scheme(), "http" | "https"));
    html! {
        @if is_web {
            a class="url" href=(text) rel="noreferrer noopener" { (text) }
        } @else {
            span class="url" { (text) }
        }
    }
}

/// The state of a run, as a word and not only as a colour.
pub(super) fn state(run: &RunSummary) -> Markup {
    let has_problems = run.verdict.as_deref() == Some("problems");
    let class = match run.state.as_str() {
        "running" => "state running",
        "finished" if has_problems => "state bad",
        "finished" => "state good",
        "stopped" => "state waits",
        _ => "state bad",
    };
    let word = if has_problems { "finished with problems" } else { run.state.as_str() };
    html! { span class=(class) { (word) } }
}

/// A run as a link.
pub(super) fn run_link(run: &RunSummary) -> Markup {
    html! { a href={ "/runs/" (run.run_id) } { (run.name) " " span class="dim" { "#" (run.run_id) } } }
}

/// The address of a spider's page.
pub(super) fn spider_address(spider: &str) -> String {
    format!("/spiders/{}", encoded(spider))
}

/// The address of the rows of an item type.
pub(super) fn item_address(item: &str, spider: &str) -> String {
    format!("/items/{}?spider={}", encoded(item), encoded(spider))
}

/// A text as a part of an address.
pub(super) fn encoded(text: &str) -> String {
    // A space as `+` would not be one in a path.
    let form: String = url::form_urlencoded::byte_serialize(text.as_bytes()).collect();
    form.replace('+', "%20")
}

/// The difference from the last run, with signs.
pub(super) fn change(change: &Change) -> String {
    if (change.done, change.items) == (0, 0) {
        return "as many pages and items".to_owned();
    }
    let signed = |by: i64| format!("{}{}", if by < 0 { "-" } else { "+" }, number(by.unsigned_abs()));
    format!("{} done pages, {} items", signed(change.done), signed(change.items))
}

/// The day of a moment, in UTC.
pub(super) fn day(at: &str) -> String {
    DateTime::parse_from_rfc3339(at).map_or_else(|_| at.to_owned(), |at| at.to_utc().format("%F").to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_easy_to_read() {
        let numbers = [0, 7, 999, 1_000, 12_345, 1_234_567].map(number);
        assert_eq!(numbers, ["0", "7", "999", "1,000", "12,345", "1,234,567"]);
        assert_eq!(
            (counted(1, "page"), counted(2_000, "page")),
            ("1 page".to_owned(), "2,000 pages".to_owned())
        );
        assert_eq!([0.0, 0.051, 1.25, 1_234.5].map(rate), ["0", "0.05", "1.2", "1234"]);
        assert_eq!([-1.0, 3.21, 15.9, 192.9].map(duration), ["0.0 s", "3.2 s", "15 s", "3m 12s"]);
        assert_eq!(encoded("a b/c?d&e"), "a%20b%2Fc%3Fd%26e");
        let told = |done, items| change(&Change { done, items });
        assert_eq!(told(-1_200, 7), "-1,200 done pages, +7 items");
        assert_eq!(
            (told(0, 0), told(0, -1)),
            ("as many pages and items".into(), "+0 done pages, -1 items".into())
        );
        assert_eq!(day("2026-12-01T23:30:00-02:00"), "2026-12-02");
    }

    #[test]
    fn only_web_pages_are_links() {
        for link in ["https://a.example/?x=1&y=2", "http://a.example"] {
            assert!(url(link).into_string().starts_with("<a class=\"url\" href=\""), "{link}");
        }
        for other in
            ["javascript:alert(1)", "data:text/html,x", "//a.example", "a", "JAVASCRIPT:x", " javascript:x"]
        {
            assert!(url(other).into_string().starts_with("<span"), "{other}");
        }
        let hostile = url("https://a.example/\"><script>alert(1)</script>").into_string();
        assert!(!hostile.contains("<script"), "{hostile}");
    }
}
