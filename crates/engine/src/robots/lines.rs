//! Splits a robots.txt into records.
//!
//! A record is `name: value`. Like Google's parser, this one tolerates common mistakes: a missing colon between just two words,
//! a missing hyphen in `user-agent`, and five misspellings of `disallow`. Unlike there, the whole name must match, so
//! `Disallows:` is not a rule.

/// A record that this crawler understands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Record<'a> {
    /// The line number, counted from one.
    pub(super) line: u32,
    pub(super) kind: RecordKind,
    /// The value without surrounding white space. It may have any bytes.
    pub(super) value: &'a [u8],
}

/// The kind of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RecordKind {
    UserAgent,
    Allow,
    Disallow,
    CrawlDelay,
    Sitemap,
    /// Another record that may belong to a group.
    Other,
}

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// The records of a file, in order.
pub(super) fn records(text: &[u8]) -> impl Iterator<Item = Record<'_>> {
    let text = text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text);
    (1..).zip(lines(text)).filter_map(|(line, text)| {
        let (kind, value) = record(text)?;
        Some(Record { line, kind, value })
    })
}

/// The text up to its last line end. If a text is cut off, its last rule is incomplete and could mean something else.
pub(super) fn whole_lines(text: &[u8]) -> &[u8] {
    let end = text.iter().rposition(|byte| is_line_end(*byte)).unwrap_or(0);
    &text[..end]
}

/// A line ends with CR, LF or CRLF.
fn lines(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let text = rest?;
        let Some(end) = text.iter().position(|byte| is_line_end(*byte)) else {
            rest = None;
            return Some(text);
        };
        let width = if text[end..].starts_with(b"\r\n") { 2 } else { 1 };
        rest = Some(&text[end + width..]);
        Some(&text[..end])
    })
}

fn is_line_end(byte: u8) -> bool {
    matches!(byte, b'\r' | b'\n')
}

fn record(line: &[u8]) -> Option<(RecordKind, &[u8])> {
    let line = line.split(|byte| *byte == b'#').next().unwrap_or_default();
    let colon = line.iter().position(|byte| *byte == b':');
    let parts = colon.map(|at| (line[..at].trim_ascii(), line[at + 1..].trim_ascii()));
    let known = parts.and_then(|(name, value)| Some((kind_of(name)?, value)));
    known.or_else(|| two_words(line)).or_else(|| {
        let (name, value) = parts?;
        (!name.is_empty()).then_some((RecordKind::Other, value))
    })
}

/// `name value`, where the colon is missing.
fn two_words(line: &[u8]) -> Option<(RecordKind, &[u8])> {
    let mut words = line.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
    let (name, value) = (words.next()?, words.next()?);
    if words.next().is_some() {
        return None;
    }
    Some((kind_of(name)?, value))
}

fn kind_of(name: &[u8]) -> Option<RecordKind> {
    const NAMES: [(RecordKind, &[&str]); 5] = [
        (RecordKind::Disallow, &["disallow", "dissallow", "dissalow", "disalow", "diasllow", "disallaw"]),
        (RecordKind::Allow, &["allow"]),
        (RecordKind::UserAgent, &["user-agent", "useragent", "user agent"]),
        (RecordKind::Sitemap, &["sitemap", "site-map", "sitemaps"]),
        (RecordKind::CrawlDelay, &["crawl-delay", "crawldelay", "crawl delay"]),
    ];
    let is_name = |known: &&str| known.as_bytes().eq_ignore_ascii_case(name);
    NAMES.iter().find(|(_, names)| names.iter().any(is_name)).map(|(kind, _)| *kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &[u8]) -> Vec<(u32, RecordKind, &str)> {
        let shown = |record: Record<'_>| (record.line, record.kind);
        let values = records(text).map(|record| std::str::from_utf8(record.value).unwrap());
        records(text).map(shown).zip(values).map(|((line, kind), value)| (line, kind, value)).collect()
    }

    #[test]
    fn lines_are_counted_whatever_ends_them() {
        let expected = [
            (1, RecordKind::UserAgent, "foo"),
            (2, RecordKind::Allow, "/some/path"),
            (5, RecordKind::Disallow, "/"),
        ];
        for end in ["\n", "\r\n", "\r"] {
            let text = ["User-Agent: foo", "Allow: /some/path", "", "# no", "Disallow: /"].join(end);
            assert_eq!(read(text.as_bytes()), expected, "{end:?}");
            assert_eq!(read(format!("{text}{end}").as_bytes()), expected, "{end:?}");
        }
        assert_eq!(
            read(b"\xef\xbb\xbfAllow: /\n\r\nAllow:/x"),
            [(1, RecordKind::Allow, "/"), (3, RecordKind::Allow, "/x")]
        );
        assert_eq!(read(b""), []);
    }

    #[test]
    fn names_are_forgiven_what_people_do_to_them() {
        for (line, kind, value) in [
            ("  DISALLOW :\t/a b # c", RecordKind::Disallow, "/a b"),
            ("Disallow:", RecordKind::Disallow, ""),
            ("disallow /a", RecordKind::Disallow, "/a"),
            ("disallow /a:b", RecordKind::Disallow, "/a:b"),
            ("Dissalow: /", RecordKind::Disallow, "/"),
            ("User agent: a", RecordKind::UserAgent, "a"),
            ("useragent a", RecordKind::UserAgent, "a"),
            ("Sitemap https://a.example/s.xml", RecordKind::Sitemap, "https://a.example/s.xml"),
            ("Site-map: /s.xml", RecordKind::Sitemap, "/s.xml"),
            ("Crawl-Delay: 5", RecordKind::CrawlDelay, "5"),
            ("Noindex: /x", RecordKind::Other, "/x"),
            ("Disallows: /x", RecordKind::Other, "/x"),
        ] {
            assert_eq!(read(line.as_bytes()), [(1, kind, value)], "{line}");
        }
        for line in ["Harry Potter", "disallow /a b", "disallow", ": /x", "#", "<html>", "Allow#: /x"] {
            assert_eq!(read(line.as_bytes()), [], "{line}");
        }
    }

    #[test]
    fn half_a_line_is_none() {
        assert_eq!(whole_lines(b"Allow: /\nDisallow: /a"), b"Allow: /");
        assert_eq!(whole_lines(b"Disallow: /a"), b"");
    }
}
