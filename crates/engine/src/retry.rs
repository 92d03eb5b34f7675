//! Decides which answers are retried, and after which wait.

use std::time::{Duration, SystemTime};

use clap::Args;
use dragline_core::back_off::BackOff;
use dragline_core::chrono::DateTime;
use dragline_flags::{duration, number, statuses, text};
use http::HeaderMap;
use http::header::RETRY_AFTER;

/// Attempts and the waits between them.
#[derive(Args, Clone, Debug, PartialEq)]
#[command(next_help_heading = "Retries")]
pub struct RetrySettings {
    /// How many times to retry a failed request
    #[arg(long, env = "DRAGLINE_RETRIES", value_name = "N", value_parser = number::<u32>, default_value_t = Self::default().retries, hide_short_help = true)]
    pub retries: u32,

    /// Statuses to retry, such as 503, 500-504 or 5xx; none = no status
    #[arg(id = "retry_statuses", long = "retry-statuses", env = "DRAGLINE_RETRY_STATUSES", value_name = "STATUS", value_delimiter = ',', value_parser = statuses, default_value = text::statuses(&Self::default().statuses), hide_short_help = true)]
    pub statuses: Vec<(u16, u16)>,

    /// Wait before the first retry; it doubles for each further one
    #[arg(id = "retry_base_delay", long = "retry-base-delay", env = "DRAGLINE_RETRY_BASE_DELAY", value_name = "TIME", value_parser = duration, default_value = text::duration(Self::default().base_delay), hide_short_help = true)]
    pub base_delay: Duration,

    /// Longest wait before a retry
    #[arg(id = "retry_max_delay", long = "retry-max-delay", env = "DRAGLINE_RETRY_MAX_DELAY", value_name = "TIME", value_parser = duration, default_value = text::duration(Self::default().max_delay), hide_short_help = true)]
    pub max_delay: Duration,

    /// Longest wait that a server can ask for with Retry-After
    #[arg(long, env = "DRAGLINE_MAX_RETRY_AFTER", value_name = "TIME", value_parser = duration, default_value = text::duration(Self::default().max_retry_after), hide_short_help = true)]
    pub max_retry_after: Duration,
}

impl Default for RetrySettings {
    fn default() -> Self {
        Self {
            retries: 3,
            // These say "not now", or the server has a problem. 501 and 505 are left out, because they mean "never".
            statuses: vec![(408, 408), (429, 429), (500, 500), (502, 504), (506, 599)],
            base_delay: Duration::from_secs(1),
            max_delay: Duration::from_secs(60),
            max_retry_after: Duration::from_secs(300),
        }
    }
}

impl RetrySettings {
    /// Whether an answer with this status is retried.
    pub(crate) fn has_status(&self, status: u16) -> bool {
        self.statuses.iter().any(|(first, last)| (*first..=*last).contains(&status))
    }
}

/// Whether a status says "not now" rather than "no": 408, 429 and 5xx, except 501 (Not Implemented) and 505 (HTTP Version Not
/// Supported).
pub(crate) fn is_retryable_status(status: u16) -> bool {
    matches!(status, 408 | 429 | 500..=599) && !matches!(status, 501 | 505)
}

/// How long to wait after `attempts` attempts. This is at least as long as the server asks for, up to the limit.
pub(crate) fn delay(settings: &RetrySettings, attempts: u32, retry_after: Option<Duration>) -> Duration {
    let back_off = BackOff::new(settings.base_delay, settings.max_delay);
    let asked = retry_after.unwrap_or_default().min(settings.max_retry_after);
    back_off.pause_after(attempts).max(asked)
}

/// How long an answer asks us to wait, up to the limit.
pub(crate) fn wait_asked(settings: &RetrySettings, headers: &HeaderMap) -> Option<Duration> {
    retry_after(headers).map(|asked| asked.min(settings.max_retry_after)).filter(|asked| !asked.is_zero())
}

/// `Retry-After` in either of its forms (RFC 9110 §10.2.3).
pub(crate) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    parse_retry_after(headers.get(RETRY_AFTER)?.to_str().ok()?, SystemTime::now())
}

/// A value of only digits is a number of seconds. Anything else is a date. A date in the past means no wait.
fn parse_retry_after(text: &str, now: SystemTime) -> Option<Duration> {
    let text = text.trim();
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Some(text.parse().map_or(LONGEST, Duration::from_secs).min(LONGEST));
    }
    let date = httpdate::parse_http_date(text).ok().or_else(|| mail_date(text))?;
    Some(date.duration_since(now).unwrap_or_default().min(LONGEST))
}

/// The largest wait. It is small enough to be added to any moment.
const LONGEST: Duration = Duration::from_secs(366 * 86_400);

/// Servers also write dates as in mail (RFC 5322 §3.3), with a day of one digit or another time zone.
fn mail_date(text: &str) -> Option<SystemTime> {
    let text = text.strip_suffix("UTC").map_or_else(|| text.to_owned(), |rest| format!("{rest}GMT"));
    DateTime::parse_from_rfc2822(&text).ok().map(SystemTime::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(value: &str) -> HeaderMap {
        HeaderMap::from_iter([(RETRY_AFTER, value.parse().unwrap())])
    }

    #[test]
    fn not_now_differs_from_no() {
        for (status, again) in [(408, true), (429, true), (500, true), (503, true), (599, true)] {
            assert_eq!(is_retryable_status(status), again, "{status}");
        }
        for status in [200, 301, 403, 404, 410, 501, 505] {
            assert!(!is_retryable_status(status), "{status}");
        }
    }

    #[test]
    fn waits_double_up_to_a_limit() {
        let settings = RetrySettings::default();
        for (attempts, seconds) in [(1, 1.0), (2, 2.0), (3, 4.0), (7, 60.0), (u32::MAX, 60.0)] {
            for _ in 0..20 {
                let delay = delay(&settings, attempts, None).as_secs_f64();
                assert!((0.5 * seconds..=seconds).contains(&delay), "{attempts}: {delay}");
            }
        }
    }

    #[test]
    fn a_server_may_ask_for_more_but_not_for_ever() {
        let settings = RetrySettings::default();
        assert_eq!(delay(&settings, 1, Some(Duration::from_secs(7))), Duration::from_secs(7));
        assert!(delay(&settings, 5, Some(Duration::from_secs(7))) >= Duration::from_secs(8));
        assert_eq!(delay(&settings, 1, Some(Duration::from_secs(86_400))), settings.max_retry_after);
    }

    #[test]
    fn retry_after_comes_in_two_forms() {
        assert_eq!(retry_after(&headers("120")), Some(Duration::from_secs(120)));
        assert_eq!(retry_after(&headers("Wed, 21 Oct 2015 07:28:00 GMT")), Some(Duration::ZERO));
        let soon = httpdate::fmt_http_date(SystemTime::now() + Duration::from_secs(100));
        let wait = retry_after(&headers(&soon)).unwrap();
        assert!((98..=100).contains(&wait.as_secs()), "{wait:?}");
        assert_eq!(retry_after(&headers("soon")), None);
    }

    #[test]
    fn an_invalid_value_asks_for_no_wait() {
        let now = httpdate::parse_http_date("Mon, 03 Jun 2019 11:00:00 GMT").unwrap();
        let seconds = |text: &str| parse_retry_after(text, now).map(|wait| wait.as_secs());
        for (text, expected) in [
            ("0", Some(0)),
            ("\t42 ", Some(42)),
            ("99999999999999999999999", Some(LONGEST.as_secs())),
            ("Mon, 03 Jun 2019 12:00:00 GMT", Some(3600)),
            ("Monday, 03-Jun-19 12:00:00 GMT", Some(3600)),
            ("Mon Jun  3 12:00:00 2019", Some(3600)),
            ("Mon, 3 Jun 2019 12:00:00 UTC", Some(3600)),
            ("Mon, 3 Jun 2019 14:00:00 +0200", Some(3600)),
            ("Mon, 03 Jun 2019 10:00:00 GMT", Some(0)),
            ("", None),
            ("+1", None),
            ("-1", None),
            ("1.5", None),
            ("0x10", None),
            ("1e3", None),
            ("10 seconds", None),
            ("2019-06-03T12:00:00Z", None),
            ("Tue, 03 Jun 2019 25:00:00 GMT", None),
        ] {
            assert_eq!(seconds(text), expected, "{text:?}");
        }
    }

    #[test]
    fn the_vectors_of_retry_after_are_understood() {
        for row in dragline_testkit::vectors::rows("retry_after.json") {
            let now = row["now"].as_str().map_or_else(SystemTime::now, |now| {
                SystemTime::from(DateTime::parse_from_rfc3339(now).unwrap())
            });
            let asked = row["value"].as_str().and_then(|value| parse_retry_after(value, now));
            // A moment in the past means no wait.
            let expected = row["expected_seconds"].as_f64().unwrap_or_default();
            assert!((asked.unwrap_or_default().as_secs_f64() - expected).abs() < 1.0, "{row}: {asked:?}");
            assert!(row["error"] != true || asked.is_none(), "{row}: {asked:?}");
        }
    }

    #[test]
    fn by_default_pages_are_asked_for_again_when_the_status_says_not_now() {
        let settings = RetrySettings::default();
        for status in 100..=999 {
            assert_eq!(settings.has_status(status), is_retryable_status(status), "{status}");
        }
    }
}
