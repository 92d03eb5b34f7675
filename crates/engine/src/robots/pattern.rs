//! The patterns of `Allow` and `Disallow`, with `*` and the final `$`.
//!
//! A pattern has a beginning and another piece after each `*`. It is enough to find the leftmost place of each piece, so a path
//! is read only once, whatever the pattern.

use memchr::memmem;

use super::octets::{Text, spelled};

/// The pattern of one rule.
#[derive(Debug)]
pub(super) struct RobotsPattern {
    /// The normalized pattern, without the final `$`, and with each run of `*` as one.
    text: Box<str>,
    octets: usize,
    ends_with_dollar: bool,
    has_query: bool,
}

/// The path and query of a URL, which are compared with patterns.
#[derive(Debug)]
pub(super) struct RobotsPath {
    path: String,
    /// The form for patterns that have a query, if it differs.
    for_queries: Option<String>,
    has_dollar: bool,
}

impl RobotsPattern {
    pub(super) fn read(written: &[u8]) -> Self {
        let (written, ends_with_dollar) =
            written.strip_suffix(b"$").map_or((written, false), |written| (written, true));
        let mut text = spelled(written, Text::Pattern);
        let octets = text.len() + usize::from(ends_with_dollar);
        let mut before = '\0';
        text.retain(|now| std::mem::replace(&mut before, now) != '*' || now != '*');
        Self { octets, has_query: text.contains('?'), text: text.into_boxed_str(), ends_with_dollar }
    }

    /// RFC 9309 §2.2.2: if several patterns match, the one with the most octets counts.
    pub(super) fn octets(&self) -> usize {
        self.octets
    }

    pub(super) fn matches(&self, target: &RobotsPath) -> bool {
        let path = target.for_queries.as_ref().filter(|_| self.has_query).unwrap_or(&target.path);
        let mut pieces = self.text.split('*');
        let Some(mut rest) = path.strip_prefix(pieces.next().unwrap_or_default()) else { return false };
        let last = pieces.next_back();
        for piece in pieces {
            let Some(behind) = after(rest, piece) else { return false };
            rest = behind;
        }
        match last {
            None if self.ends_with_dollar => rest.is_empty() || rest.starts_with(DOLLAR),
            None => true,
            Some(last) if self.ends_with_dollar => {
                rest.ends_with(last) || target.has_dollar && after(rest, &[last, DOLLAR].concat()).is_some()
            }
            Some(last) => after(rest, last).is_some(),
        }
    }
}

impl RobotsPath {
    /// Takes the path and query of a URL as they are sent.
    pub(super) fn new(path: &str) -> Self {
        let for_queries = path.contains('?').then(|| spelled(path.as_bytes(), Text::PathForQueries));
        let path = spelled(path.as_bytes(), Text::Path);
        Self {
            for_queries: for_queries.filter(|other| *other != path),
            has_dollar: path.contains(DOLLAR),
            path,
        }
    }
}

/// A normalized dollar sign. The final `$` of a rule means the end of the path. If the path has a dollar sign there, it also
/// means a dollar sign. Scrapy's parser and others agree, and some sites rely on it.
const DOLLAR: &str = "%24";

/// The text after the first `piece`.
fn after<'a>(text: &'a str, piece: &str) -> Option<&'a str> {
    let at = memmem::find(text.as_bytes(), piece.as_bytes())?;
    Some(&text[at + piece.len()..])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, path: &str) -> bool {
        RobotsPattern::read(pattern.as_bytes()).matches(&RobotsPath::new(path))
    }

    #[test]
    fn a_pattern_matches_from_the_beginning() {
        for (pattern, yes, no) in [
            ("/fish", "/fish /fish.html /fishheads/y /fish?id=x", "/Fish.asp /catfish /?id=fish /fis"),
            ("/fish/", "/fish/ /fish/?id=x", "/fish /fish.html"),
            ("/fish*", "/fish /fishheads", "/Fish /catfish"),
            ("/*.php", "/a.php /a/b.php?x /x?f=a.php/", "/ /a.PHP /index?php"),
            ("/*.php$", "/a.php /a/b.php /a.php$ /x.php/y.php", "/a.php?x /a.php5 /php/"),
            ("/fish*.php", "/fish.php /fishheads/catfish.php?p", "/Fish.PHP /fish.htm"),
            ("*m", "/m /foo/bar.htm", "/foo"),
            ("****/cats*****", "/cats /a/cats/b", "/acats"),
            ("/a$", "/a /a$", "/a/ /ab /"),
            ("/x$/abc", "/x$/abc /x%24/abcd", "/x/abc"),
            ("*", "/ /x", ""),
            ("/*", "/ /x", ""),
            ("/ab*ba$", "/abba /abxba /ababa", "/aba /abbab"),
            ("fish", "", "/fish /"),
            ("//folder", "//folder/x", "/folder/x"),
        ] {
            for path in yes.split_whitespace() {
                assert!(matches(pattern, path), "{pattern} on {path}");
            }
            for path in no.split_whitespace() {
                assert!(!matches(pattern, path), "{pattern} on {path}");
            }
        }
    }

    #[test]
    fn encoded_or_not_is_the_same_but_where_it_is_special() {
        for (pattern, path, expected) in [
            ("/a%3cd.html", "/a<d.html", true),
            ("/a<*", "/a%3Cd.html", true),
            ("/%7ejoe/", "/~joe/index.html", true),
            ("/foo/bar/%62%61%7A", "/foo/bar/baz", true),
            ("/foo/bar/\u{30c4}", "/foo/bar/%E3%83%84", true),
            ("/a%2fb", "/a/b", false),
            ("/a/b", "/a%2fb", false),
            ("/foo/bar?baz=https://foo.bar", "/foo/bar?baz=https%3A%2F%2Ffoo.bar", true),
            ("/foo/bar?baz=https%3A%2F%2Ffoo.bar", "/foo/bar?baz=https://foo.bar", true),
            ("/*%2F", "/x?u=http%3A%2F%2Fa", true),
            ("/*/print", "/x?u=/print", true),
            ("/file-with-a-%2A.html", "/file-with-a-*.html", true),
            ("/file-with-a-%2A.html", "/file-with-a-x.html", false),
            ("/foo-%24", "/foo-$", true),
        ] {
            assert_eq!(matches(pattern, path), expected, "{pattern} on {path}");
        }
    }
}
