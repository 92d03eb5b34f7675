//! One spelling for all URLs that name the same thing. Only fingerprints use it: a request is sent to the URL as found.
//!
//! WHATWG parsing has already lower-cased the scheme and the host, dropped a default port and resolved dot segments. In
//! addition, this code does the same as w3lib's `canonicalize_url`:
//!
//! - It removes the fragment.
//! - In the path it keeps an escape, in upper case, if its character is not allowed there or would mean something else (`/`,
//!   `?`, `#`). It decodes all other escapes.
//! - It reads the query as the fields of a form, with `;` meaning the same as `&`, sorts them by name and value, and writes
//!   them again. A space becomes `+`, and a name without a value gets an empty one.
//!
//! It differs from w3lib where w3lib would confuse different URLs. It always writes a percent sign as `%25`. w3lib leaves it
//! bare, so it turns `%2541` into `%41`, and that into `A` the next time. It keeps a semicolon in the path even if nothing
//! follows it, as browsers do. It drops empty fields, also between semicolons.

use std::borrow::Cow;

use percent_encoding::{AsciiSet, CONTROLS, NON_ALPHANUMERIC, percent_decode, percent_encode};
use url::{Position, Url};

/// The characters that are escaped in a path. All others are reserved or unreserved (RFC 3986 §2), or the bar, which servers
/// accept.
const PATH: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'%')
    .add(b'<')
    .add(b'>')
    .add(b'?')
    .add(b'\\')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'}');

/// The characters that are escaped in a query: all except the unreserved.
const QUERY: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The parameters that don't count.
#[derive(Clone, Copy)]
pub(crate) struct Ignored<'a> {
    /// A `*` at the end stands for the rest of the name.
    pub(crate) names: &'a [String],
    /// Whether they don't count in the path, either.
    pub(crate) in_path: bool,
}

impl Ignored<'_> {
    fn has(self, name: &[u8]) -> bool {
        self.names.iter().any(|pattern| match pattern.strip_suffix('*') {
            Some(beginning) => name.starts_with(beginning.as_bytes()),
            None => name == pattern.as_bytes(),
        })
    }

    /// The same for the name of a path's parameter, in upper or lower case.
    fn has_in_path(self, name: &[u8]) -> bool {
        self.names.iter().any(|pattern| match pattern.strip_suffix('*') {
            Some(beginning) => {
                name.get(..beginning.len()).is_some_and(|it| it.eq_ignore_ascii_case(beginning.as_bytes()))
            }
            None => name.eq_ignore_ascii_case(pattern.as_bytes()),
        })
    }

    /// The path without its ignored parameters. They follow the segment that they belong to: `/item;name=value/…`. `None` if
    /// it has none.
    fn path_without(self, path: &str) -> Option<String> {
        if !self.in_path || self.names.is_empty() || !path.contains(';') {
            return None;
        }
        let mut rest = String::with_capacity(path.len());
        for (at, segment) in path.split('/').enumerate() {
            if at > 0 {
                rest.push('/');
            }
            for (at, part) in segment.split(';').enumerate() {
                if at == 0 {
                    rest.push_str(part);
                } else if !self.has_in_path(&parameter(part).0) {
                    rest.push(';');
                    rest.push_str(part);
                }
            }
        }
        Some(rest)
    }
}

/// The canonical spelling of `url`.
pub fn canonical_url(url: &Url) -> String {
    canonical_without(url, Ignored { names: &[], in_path: false })
}

/// The canonical spelling of `url` without the ignored parameters.
pub(crate) fn canonical_without(url: &Url, ignored: Ignored<'_>) -> String {
    let mut canonical = String::with_capacity(url.as_str().len() + 8);
    canonical.push_str(&url[..Position::BeforePath]);
    let before_path = canonical.len();
    push_path(&mut canonical, url.path());
    // After the escapes are read, because an escaped semicolon means the same here.
    if let Some(path) = ignored.path_without(&canonical[before_path..]) {
        canonical.truncate(before_path);
        canonical.push_str(&path);
    }
    let Some(query) = url.query() else { return canonical };
    let fields = query.split(['&', ';']).filter(|field| !field.is_empty());
    let mut parameters: Vec<_> = fields.map(parameter).filter(|(name, _)| !ignored.has(name)).collect();
    parameters.sort_unstable();
    let mut before = '?';
    for (name, value) in parameters {
        canonical.push(before);
        push_query(&mut canonical, &name);
        canonical.push('=');
        push_query(&mut canonical, &value);
        before = '&';
    }
    canonical
}

/// `url` as it is spelled, without its fragment and the ignored parameters.
pub(crate) fn verbatim_without(url: &Url, ignored: Ignored<'_>) -> String {
    let query = url.query().unwrap_or_default();
    let is_kept = |field: &str| !ignored.has(&parameter(field).0);
    let path = ignored.path_without(url.path());
    if path.is_none() && query.split(['&', ';']).all(is_kept) {
        return url[..Position::AfterQuery].to_owned();
    }
    let mut rest = url[..Position::BeforePath].to_owned();
    rest.push_str(path.as_deref().unwrap_or(url.path()));
    if query.split(['&', ';']).all(is_kept) {
        rest.push_str(&url[Position::AfterPath..Position::AfterQuery]);
        return rest;
    }
    let mut before = "?";
    for piece in query.split_inclusive(['&', ';']) {
        let (field, after) = piece.split_at(piece.trim_end_matches(['&', ';']).len());
        if is_kept(field) {
            rest.push_str(before);
            rest.push_str(field);
            before = after;
        }
    }
    rest
}

/// Removes the user name and the password from a URL. They are not part of what the URL names, and a URL is stored, logged and
/// sent. Credentials belong in a header.
pub fn drop_userinfo(url: &mut Url) {
    // Only a URL without a host refuses this, and it has no credentials.
    let _ = url.set_username("");
    let _ = url.set_password(None);
}

/// Whether a URL contains a user name or a password.
pub fn has_userinfo(url: &Url) -> bool {
    !url.username().is_empty() || url.password().is_some()
}

fn push_path(canonical: &mut String, path: &str) {
    let mut rest = path;
    while let Some(at) = rest.find('%') {
        canonical.extend(percent_encode(&rest.as_bytes()[..at], PATH));
        let escape = &rest.as_bytes()[at..rest.len().min(at + 3)];
        let byte = percent_decode(escape).next().unwrap_or(b'%');
        if byte == b'/' {
            canonical.push_str("%2F");
        } else {
            canonical.extend(percent_encode(&[byte], PATH));
        }
        // A percent sign that does not begin an escape stands for itself, as an escaped one does.
        let is_escape = byte != b'%' || escape == b"%25";
        rest = &rest[at + if is_escape { 3 } else { 1 }..];
    }
    canonical.extend(percent_encode(rest.as_bytes(), PATH));
}

/// The name and the value of a field.
fn parameter(field: &str) -> (Cow<'_, [u8]>, Cow<'_, [u8]>) {
    let (name, value) = field.split_once('=').unwrap_or((field, ""));
    (decoded(name), decoded(value))
}

fn decoded(text: &str) -> Cow<'_, [u8]> {
    if !text.contains(['%', '+']) {
        return Cow::Borrowed(text.as_bytes());
    }
    let spaced: Vec<u8> = text.bytes().map(|byte| if byte == b'+' { b' ' } else { byte }).collect();
    Cow::Owned(percent_decode(&spaced).collect())
}

fn push_query(canonical: &mut String, bytes: &[u8]) {
    for (at, word) in bytes.split(|byte| *byte == b' ').enumerate() {
        if at > 0 {
            canonical.push('+');
        }
        canonical.extend(percent_encode(word, QUERY));
    }
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
            ("http://a.example/?q=%zz", "http://a.example/?q=%25zz"),
            ("http://a.example/?q=100%25&p=100%", "http://a.example/?p=100%25&q=100%25"),
            ("http://a.example/?1,2&(x)='*'", "http://a.example/?%28x%29=%27%2A%27&1%2C2="),
            ("http://a.example/?b=1;a=2&&;", "http://a.example/?a=2&b=1"),
            ("http://a.example/?a=1=2&=3", "http://a.example/?=3&a=1%3D2"),
            // Sorted by the decoded bytes, not by the escaped ones.
            ("http://a.example/?%C3%A9=1&z=2&~=3", "http://a.example/?z=2&~=3&%C3%A9=1"),
            ("http://a.example/?k=b%a3", "http://a.example/?k=b%A3"),
            ("http://a.example/a%23b%2cc%3f%3b%5B%7c|!", "http://a.example/a%23b,c%3F;[||!"),
            ("http://a.example/%5e^%5c%20 %22", "http://a.example/%5E%5E%5C%20%20%22"),
            ("http://a.example/100%/%2541/%25/%2", "http://a.example/100%25/%2541/%25/%252"),
            ("http://me:It@A.example:8080/x?", "http://me:It@a.example:8080/x"),
            ("http://bücher.example/?q=bücher", "http://xn--bcher-kva.example/?q=b%C3%BCcher"),
        ] {
            assert_eq!(canonical(found), expected, "{found}");
        }
    }

    proptest! {
        #[test]
        fn canonical_twice_is_canonical_once(
            tail in "(%[0-9a-fA-F]{0,2}|%2[5fF]|%3[fFbB]|[a-zA-Z0-9/?&;=+.~#éß\"'<>|^`{}\\[\\]\\\\ -]){0,40}",
        ) {
            if let Ok(url) = Url::parse(&format!("http://a.example/{tail}")) {
                let once = canonical_url(&url);
                prop_assert_eq!(canonical_url(&Url::parse(&once).unwrap()), once);
            }
        }

        /// Two paths get the same spelling only if they mean the same. An escaped slash or question mark differs from one that
        /// is not escaped.
        #[test]
        fn paths_meet_if_they_say_the_same(
            one in "(%2f|%2F|%3f|%25|%41|%|[A,;/]){0,5}",
            other in "(%2f|%2F|%3f|%25|%41|%|[A,;/]){0,5}",
        ) {
            let said = |path: &str| {
                let kept = path.replace("%2f", "\u{1}").replace("%2F", "\u{1}");
                percent_decode(kept.as_bytes()).collect::<Vec<u8>>()
            };
            let [one, other] = [one, other].map(|path| format!("http://a.example/x{path}"));
            prop_assert_eq!(canonical(&one) == canonical(&other), said(&one) == said(&other), "{} {}", one, other);
        }
    }
}
