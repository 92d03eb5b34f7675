//! How long a cookie lives, according to its header (RFC 6265 §5.2.1, §5.2.2).

use cookie_store::RawCookie;
use time::Duration;

use super::date;

/// Corrects the lifetime that the `cookie` crate has read from `header`. Of several attributes that can be read, the last
/// counts; one that can't be read is ignored.
pub(super) fn correct(cookie: &mut RawCookie<'_>, header: &str) {
    let (mut expires, mut max_age) = (None, None);
    for attribute in header.split(';').skip(1) {
        let Some((name, value)) = attribute.split_once('=') else { continue };
        if name.trim().eq_ignore_ascii_case("expires") {
            expires = date::parse(value).or(expires);
        } else if name.trim().eq_ignore_ascii_case("max-age") {
            max_age = seconds(value.trim()).or(max_age);
        }
    }
    match expires {
        Some(moment) => cookie.set_expires(moment),
        None => cookie.unset_expires(),
    }
    cookie.set_max_age(max_age);
}

/// A negative age means that the cookie has expired.
fn seconds(text: &str) -> Option<Duration> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let age = if digits.len() < text.len() { 0 } else { digits.parse().unwrap_or(i64::MAX) };
    Some(Duration::seconds(age))
}
