//! Which answers are tried again, and after how long.

use std::time::{Duration, SystemTime};

use http::HeaderMap;
use http::header::RETRY_AFTER;

use crate::settings::RetrySettings;

/// Whether a status says "not now" rather than "no": 408, 429 and 5xx, but not what a server will never do
/// (501 Not Implemented, 505 HTTP Version Not Supported).
pub(crate) fn is_retryable_status(status: u16) -> bool {
    matches!(status, 408 | 429 | 500..=599) && !matches!(status, 501 | 505)
}

/// How long to wait before the next attempt, after `attempts` of them: twice as long each time, a quarter
/// more or less so that requests that failed together do not come back together, and not shorter than the
/// server asks for.
pub(crate) fn delay(settings: &RetrySettings, attempts: u32, retry_after: Option<Duration>) -> Duration {
    let doublings = attempts.saturating_sub(1).min(16);
    let backoff = settings.base_delay.saturating_mul(1 << doublings).min(settings.max_delay);
    let asked = retry_after.unwrap_or_default().min(settings.max_retry_after);
    backoff.mul_f64(rand::random_range(0.75..=1.25)).max(asked)
}

/// `Retry-After` in either of its forms (RFC 9110 §10.2.3).
pub(crate) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    match text.parse() {
        Ok(seconds) => Some(Duration::from_secs(seconds)),
        Err(_) => {
            let date = httpdate::parse_http_date(text).ok()?;
            Some(date.duration_since(SystemTime::now()).unwrap_or_default())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(value: &str) -> HeaderMap {
        HeaderMap::from_iter([(RETRY_AFTER, value.parse().unwrap())])
    }

    #[test]
    fn not_now_is_told_from_no() {
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
                assert!((0.75 * seconds..=1.25 * seconds).contains(&delay), "{attempts}: {delay}");
            }
        }
    }

    #[test]
    fn a_server_may_ask_for_more_but_not_for_ever() {
        let settings = RetrySettings::default();
        assert_eq!(delay(&settings, 1, Some(Duration::from_secs(7))), Duration::from_secs(7));
        assert!(delay(&settings, 5, Some(Duration::from_secs(7))) > Duration::from_secs(10));
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
}
