//! Counts of done pages, by host and by URL pattern, for the limits on both. The store counts them when a run is opened, so
//! that a limit holds over all starts of a run.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};

/// How many patterns are counted at once, in about 8 MB. Beyond that, the rarest are forgotten. A limit may then let more
/// pages through, but never fewer.
const MAX_PATTERNS: usize = 262_144;
/// The length from which a run of hexadecimal digits is folded as a whole, if it contains a decimal digit.
const HEX_RUN: usize = 4;
/// The same for any letters and digits. No word is this long, but a session id is.
const ANY_RUN: usize = 16;
/// A query with more fields is folded as a whole. Such queries are combinations, such as the filters of a shop, or links that
/// add a field to the URL of their page.
const MAX_FIELDS: usize = 8;

/// The counts of done pages.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    hosts: HashMap<Box<str>, u64>,
    patterns: HashMap<UrlPattern, u64>,
}

/// What to count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TallyOf {
    /// Pages by host. This takes about 100 bytes for each host.
    pub hosts: bool,
    /// Pages by URL pattern.
    pub patterns: bool,
}

/// The pattern of URLs that differ only in their numbers, such as `/day/2026-11-26?n=7` and `/day/2031-01-01?n=12`. A run of
/// digits counts as one number, and so does an identifier of digits and letters, and a query with many fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct UrlPattern(u64);

impl TallyOf {
    /// Whether nothing is counted.
    pub fn is_nothing(self) -> bool {
        self == Self::default()
    }
}

impl Tally {
    /// Counts a done page. A start request has no pattern, because the user named it.
    pub fn add(&mut self, of: TallyOf, host: &str, url: &str, depth: u32) {
        if of.hosts {
            match self.hosts.get_mut(host) {
                Some(count) => *count += 1,
                None => drop(self.hosts.insert(host.into(), 1)),
            }
        }
        if of.patterns && depth > 0 {
            self.add_pattern(UrlPattern::of(url));
        }
    }

    /// The done pages of a host.
    pub fn of_host(&self, host: &str) -> u64 {
        self.hosts.get(host).copied().unwrap_or_default()
    }

    /// The done pages of a pattern, unless it was forgotten.
    pub fn of_pattern(&self, pattern: UrlPattern) -> u64 {
        self.patterns.get(&pattern).copied().unwrap_or_default()
    }

    fn add_pattern(&mut self, pattern: UrlPattern) {
        *self.patterns.entry(pattern).or_default() += 1;
        let mut rare = 1;
        while self.patterns.len() > MAX_PATTERNS {
            self.patterns.retain(|_, count| *count > rare);
            rare *= 2;
        }
    }
}

impl UrlPattern {
    /// The pattern of a URL, including its host.
    pub fn of(url: &str) -> Self {
        let mut hasher = DefaultHasher::new();
        let address = url.split('#').next().unwrap_or(url);
        each_part(address, |part| part.hash(&mut hasher));
        Self(hasher.finish())
    }
}

/// Passes on the parts of a URL, with `0` for each folded part.
fn each_part(url: &str, mut each: impl FnMut(&str)) {
    let (mut rest, has_many_fields) = match url.split_once('?') {
        Some((path, query)) if query.split('&').nth(MAX_FIELDS).is_some() => (path, true),
        _ => (url, false),
    };
    while let Some(first) = rest.chars().next() {
        let is_word = first.is_ascii_alphanumeric();
        let end = rest.find(|c: char| c.is_ascii_alphanumeric() != is_word).unwrap_or(rest.len());
        let (part, after) = rest.split_at(end);
        if !is_word {
            each(part);
        } else if is_identifier(part) {
            each("0");
        } else {
            each_run(part, &mut each);
        }
        rest = after;
    }
    if has_many_fields {
        each("?0");
    }
}

fn is_identifier(word: &str) -> bool {
    let has_digit = word.bytes().any(|byte| byte.is_ascii_digit());
    let is_hex = word.len() >= HEX_RUN && word.bytes().all(|byte| byte.is_ascii_hexdigit());
    has_digit && (is_hex || word.len() >= ANY_RUN)
}

/// The runs of digits and of letters of a word.
fn each_run(word: &str, each: &mut impl FnMut(&str)) {
    let mut rest = word;
    while let Some(first) = rest.chars().next() {
        let is_number = first.is_ascii_digit();
        let end = rest.find(|c: char| c.is_ascii_digit() != is_number).unwrap_or(rest.len());
        let (run, after) = rest.split_at(end);
        each(if is_number { "0" } else { run });
        rest = after;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folded(text: &str) -> String {
        let mut folded = String::new();
        each_part(text, |part| folded.push_str(part));
        folded
    }

    #[test]
    fn numbers_and_identifiers_are_folded() {
        for (url, expected) in [
            ("http://a.example/day/2026-11-26?n=7&m=", "http://a.example/day/0-0-0?n=0&m="),
            ("http://a.example:8080/p12x/", "http://a.example:0/p0x/"),
            ("/s/3f2504e0-4f89-41d3-9a0c-0305e82c3301", "/s/0-0-0-0-0"),
            ("/?sid=Zx81kQpLmN02bTyW", "/?sid=0"),
            ("/wiki/Added_face/cafe", "/wiki/Added_face/cafe"),
            ("/b2b/mp3", "/b0b/mp0"),
            ("/é7", "/é0"),
            ("/list?a=x&b=y&c=x&d=y&e=x&f=y&g=x&h=y", "/list?a=x&b=y&c=x&d=y&e=x&f=y&g=x&h=y"),
            ("/list?a=x&b=y&c=x&d=y&e=x&f=y&g=x&h=y&i=x", "/list?0"),
            ("", ""),
        ] {
            assert_eq!(folded(url), expected, "{url}");
        }
        let of = UrlPattern::of;
        assert_eq!(of("http://a.example/1#x9y"), of("http://a.example/22#z"));
        assert_ne!(of("http://a.example/1"), of("http://b.example/1"));
        assert_ne!(of("http://a.example/1"), of("http://a.example/1/2"));
    }

    #[test]
    fn pages_are_counted_by_host_and_pattern() {
        let mut tally = Tally::default();
        let all = TallyOf { hosts: true, patterns: true };
        tally.add(all, "a:80", "http://a/0", 0);
        for page in 1..4 {
            tally.add(all, "a:80", &format!("http://a/{page}"), 1);
        }
        tally.add(TallyOf { hosts: false, ..all }, "a:80", "http://a/4", 1);
        tally.add(TallyOf::default(), "a:80", "http://a/5", 1);
        assert_eq!((tally.of_host("a:80"), tally.of_host("b:80")), (4, 0));
        assert_eq!(tally.of_pattern(UrlPattern::of("http://a/9")), 4);
    }

    #[test]
    fn what_is_frequent_is_remembered_within_bounds() {
        let mut tally = Tally::default();
        let trap = UrlPattern::of("trap");
        for number in 0..2 * MAX_PATTERNS as u64 {
            tally.add_pattern(UrlPattern(number));
            if number % 100 == 0 {
                tally.add_pattern(trap);
            }
        }
        assert!(tally.patterns.len() <= MAX_PATTERNS);
        assert_eq!(tally.of_pattern(trap), (2 * MAX_PATTERNS as u64).div_ceil(100));
    }
}
