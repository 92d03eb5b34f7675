//! One spelling for URLs that name the same thing, for fingerprints alone: what is sent is the URL as found.
//!
//! WHATWG parsing has already lower-cased scheme and host, dropped a default port and resolved dot segments.
//! On top of it, as w3lib's `canonicalize_url` does: the fragment goes, the query's parameters are sorted by
//! name and value with blank values kept, and percent-encoding is brought to one form (RFC 3986 §6.2.2).

use std::fmt::Write as _;

use percent_encoding::percent_decode_str;
use url::Url;

/// The canonical spelling of `url`.
pub fn canonical_url(url: &Url) -> String {
    let mut canonical = url.clone();
    canonical.set_fragment(None);
    let path = normalize_escapes(url.path());
    canonical.set_path(&path);
    match url.query() {
        None | Some("") => canonical.set_query(None),
        Some(query) => {
            let mut parameters: Vec<(String, String)> = query
                .split('&')
                .filter(|part| !part.is_empty())
                .map(|part| {
                    let (name, value) = part.split_once('=').unwrap_or((part, ""));
                    (normalize_parameter(name), normalize_parameter(value))
                })
                .collect();
            parameters.sort();
            let sorted: Vec<String> =
                parameters.into_iter().map(|(name, value)| format!("{name}={value}")).collect();
            canonical
                .set_query(Some(&sorted.join("&")).filter(|query| !query.is_empty()).map(String::as_str));
        }
    }
    canonical.into()
}

/// Takes user name and password out of a URL. They are no part of what it names, and a URL is stored, logged
/// and sent on; credentials belong into a header.
pub fn drop_userinfo(url: &mut Url) {
    // Only a URL without a host refuses, and it has none to drop.
    let _ = url.set_username("");
    let _ = url.set_password(None);
}

/// Whether a URL holds a user name or a password.
pub fn has_userinfo(url: &Url) -> bool {
    !url.username().is_empty() || url.password().is_some()
}

/// A space may be written `+` or `%20` in a query; both become `+`.
fn normalize_parameter(part: &str) -> String {
    normalize_escapes(&part.replace("%20", "+"))
}

/// Unreserved characters lose their escapes; all others keep them, for there an escape carries meaning, in
/// upper case.
fn normalize_escapes(text: &str) -> String {
    let mut normalized = String::with_capacity(text.len());
    let bytes = text.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        let escape = text.get(at..at + 3).filter(|part| is_escape(part));
        match escape.and_then(|part| percent_decode_str(part).next()) {
            Some(byte) => {
                if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
                    normalized.push(char::from(byte));
                } else {
                    // Writing to a String cannot fail.
                    let _ = write!(normalized, "%{byte:02X}");
                }
                at += 3;
            }
            None => {
                // The `url` crate yields ASCII, so a byte is a character.
                normalized.push(char::from(bytes[at]));
                at += 1;
            }
        }
    }
    normalized
}

fn is_escape(part: &str) -> bool {
    let bytes = part.as_bytes();
    bytes.len() == 3 && bytes[0] == b'%' && bytes[1].is_ascii_hexdigit() && bytes[2].is_ascii_hexdigit()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn canonical(url: &str) -> String {
        canonical_url(&Url::parse(url).unwrap())
    }

    #[test]
    fn spellings_of_one_url_meet() {
        for (found, expected) in [
            ("HTTP://Example.COM:80/a/../b", "http://example.com/b"),
            ("http://a.example/?b=2&a=1", "http://a.example/?a=1&b=2"),
            ("http://a.example/?a=2&a=1", "http://a.example/?a=1&a=2"),
            ("http://a.example/?a=&b", "http://a.example/?a=&b="),
            ("http://a.example/#part", "http://a.example/"),
            ("http://a.example/?", "http://a.example/"),
            ("http://a.example/?&", "http://a.example/"),
            ("http://a.example/%7euser/%c3%a9", "http://a.example/~user/%C3%A9"),
            ("http://a.example/a%2fb", "http://a.example/a%2Fb"),
            ("http://a.example/?q=a%20b", "http://a.example/?q=a+b"),
            ("http://a.example/?q=a%26b", "http://a.example/?q=a%26b"),
            ("http://a.example/?q=%zz", "http://a.example/?q=%zz"),
        ] {
            assert_eq!(canonical(found), expected, "{found}");
        }
    }

    proptest! {
        #[test]
        fn canonical_twice_is_canonical_once(tail in "[a-zA-Z0-9%/?&=+.~#éß -]{0,40}") {
            if let Ok(url) = Url::parse(&format!("http://a.example/{tail}")) {
                let once = canonical_url(&url);
                prop_assert_eq!(canonical_url(&Url::parse(&once).unwrap()), once);
            }
        }
    }
}
