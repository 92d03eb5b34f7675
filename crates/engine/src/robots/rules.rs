//! The rules of a robots.txt for one crawler, longest first (RFC 9309 §2.2).

use std::fmt;
use std::time::Duration;

use url::{Position, Url};

use super::RobotsSettings;
use super::lines::{Record, RecordKind, records};
use super::pattern::{RobotsPath, RobotsPattern};
use super::product_token::{About, about};

/// How much of a rule's text is kept for display.
const SHOWN_BYTES: usize = 200;

/// The part of a robots.txt that is about this crawler.
#[derive(Debug, Default)]
pub(crate) struct RobotsFile {
    /// The first matching rule counts.
    longest_first: Vec<RobotsLine>,
    crawl_delay: Option<Duration>,
    sitemaps: Vec<String>,
}

/// One rule of a robots.txt.
#[derive(Debug)]
pub(crate) struct RobotsLine {
    pattern: RobotsPattern,
    allows: bool,
    line: u32,
    /// The text in the file.
    written: Box<str>,
}

/// A line of a robots.txt that decided about a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DecidingLine {
    /// The line number, counted from one.
    pub line: u32,
    /// The rule on this line.
    pub rule: String,
}

impl fmt::Display for DecidingLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, {}", self.line, self.rule)
    }
}

impl RobotsFile {
    /// Reads the rules for `agent` from a robots.txt. Every text is valid, and lines that are not records are ignored.
    pub(crate) fn read(agent: &str, text: &[u8]) -> Self {
        let mut file = File::default();
        for record in records(text) {
            file.take(record, agent);
        }
        let File { ours, all, is_named, sitemaps, .. } = file;
        let Said { mut rules, crawl_delay } = if is_named { ours } else { all };
        // The sort is stable, so the first of several equal lines is reported.
        rules.sort_by_key(|rule| (std::cmp::Reverse(rule.pattern.octets()), !rule.allows));
        Self { longest_first: rules, crawl_delay, sitemaps }
    }

    /// The rule that decides about a URL. Without a rule, the URL is allowed.
    pub(crate) fn rule_for(&self, url: &Url) -> Option<&RobotsLine> {
        // RFC 9309 §2.2.2: robots.txt itself is always allowed.
        if self.longest_first.is_empty() || url.path() == "/robots.txt" {
            return None;
        }
        let target = RobotsPath::new(&url[Position::BeforePath..Position::AfterQuery]);
        self.longest_first.iter().find(|rule| rule.pattern.matches(&target))
    }

    /// The wait between requests that the file asks for.
    pub(crate) fn crawl_delay(&self) -> Option<Duration> {
        self.crawl_delay
    }

    /// The `Crawl-delay`, up to the longest one that is honoured.
    pub(crate) fn honoured_delay(&self, settings: &RobotsSettings) -> Option<Duration> {
        let delay = self.crawl_delay.filter(|delay| !delay.is_zero())?;
        Some(settings.max_crawl_delay.map_or(delay, |longest| delay.min(longest)))
    }

    /// The sitemaps in the file, as they are written there.
    pub(crate) fn sitemaps(&self) -> &[String] {
        &self.sitemaps
    }
}

impl RobotsLine {
    pub(crate) fn allows(&self) -> bool {
        self.allows
    }

    /// The line, for display.
    pub(crate) fn told(&self) -> DecidingLine {
        let name = if self.allows { "Allow" } else { "Disallow" };
        DecidingLine { line: self.line, rule: format!("{name}: {}", self.written) }
    }
}

/// A file that is being read.
#[derive(Default)]
struct File {
    ours: Said,
    all: Said,
    is_named: bool,
    sitemaps: Vec<String>,
    /// The agents that the following rules are for. Only a rule ends a list of agents, and other records have no effect.
    group: Group,
    /// The agents that a `Crawl-delay` is for. It is not part of the RFC, and most authors assume that it also ends the list.
    wider_group: Group,
}

/// The rules for one agent.
#[derive(Default)]
struct Said {
    rules: Vec<RobotsLine>,
    crawl_delay: Option<Duration>,
}

/// The agents of a group that is being read.
#[derive(Default)]
struct Group {
    has_us: bool,
    has_all: bool,
    is_complete: bool,
}

impl Group {
    fn add(&mut self, whom: About) {
        if self.is_complete {
            *self = Self::default();
        }
        self.has_us |= whom == About::Us;
        self.has_all |= whom == About::All;
    }
}

impl File {
    fn take(&mut self, record: Record<'_>, agent: &str) {
        match record.kind {
            RecordKind::UserAgent => {
                let whom = about(record.value, agent);
                self.is_named |= whom == About::Us;
                self.group.add(whom);
                self.wider_group.add(whom);
            }
            RecordKind::Allow | RecordKind::Disallow => {
                self.group.is_complete = true;
                self.wider_group.is_complete = true;
                if !record.value.is_empty() {
                    if self.group.has_us {
                        self.ours.rules.push(rule(record));
                    }
                    if self.group.has_all && !self.is_named {
                        self.all.rules.push(rule(record));
                    }
                }
            }
            RecordKind::CrawlDelay => {
                self.wider_group.is_complete = true;
                if let Some(delay) = seconds(record.value) {
                    if self.wider_group.has_us {
                        self.ours.crawl_delay = Some(delay);
                    }
                    if self.wider_group.has_all {
                        self.all.crawl_delay = Some(delay);
                    }
                }
            }
            RecordKind::Sitemap => {
                if !record.value.is_empty() {
                    self.sitemaps.push(String::from_utf8_lossy(record.value).into_owned());
                }
            }
            RecordKind::Other => self.wider_group.is_complete = true,
        }
    }
}

fn rule(record: Record<'_>) -> RobotsLine {
    let shown = &record.value[..record.value.len().min(SHOWN_BYTES)];
    RobotsLine {
        pattern: RobotsPattern::read(record.value),
        allows: record.kind == RecordKind::Allow,
        line: record.line,
        written: String::from_utf8_lossy(shown).into(),
    }
}

/// A number of seconds, which may be a fraction.
fn seconds(value: &[u8]) -> Option<Duration> {
    let seconds: f64 = std::str::from_utf8(value).ok()?.parse().ok()?;
    // A delay that does not fit in a Duration is as good as the maximum.
    if seconds.is_finite() && seconds >= 0.0 {
        Some(Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX))
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allows(text: &str, agent: &str, path: &str) -> bool {
        let url = Url::parse("http://a.example").unwrap().join(path).unwrap();
        RobotsFile::read(agent, text.as_bytes()).rule_for(&url).is_none_or(RobotsLine::allows)
    }

    /// The example of RFC 9309 §5.1.
    const EXAMPLE: &str = "User-Agent: *\nDisallow: *.gif$\nDisallow: /example/\nAllow: /publications/\n\n\
        User-Agent: foobot\nDisallow:/\nAllow:/example/page.html\nAllow:/example/allowed.gif\n\n\
        User-Agent: barbot\nUser-Agent: bazbot\nDisallow: /example/page.html\n\nUser-Agent: quxbot\n";

    #[test]
    fn groups_are_those_for_us_or_for_all() {
        for (agent, path, expected) in [
            ("otherbot", "/example/x", false),
            ("otherbot", "/a.gif", false),
            ("otherbot", "/a.gif?x", true),
            ("otherbot", "/publications/", true),
            ("foobot", "/", false),
            ("FooBot", "/example/page.html", true),
            ("foobot", "/example/allowed.gif", true),
            ("barbot", "/example/page.html", false),
            ("bazbot", "/example/page.html", false),
            ("barbot", "/a.gif", true),
            ("quxbot", "/example/page.html", true),
        ] {
            assert_eq!(allows(EXAMPLE, agent, path), expected, "{agent} {path}");
        }
        let before = "Disallow: /\nUser-agent: *\nDisallow: /x\n";
        assert!(allows(before, "foo", "/") && !allows(before, "foo", "/x"));
        let merged =
            "User-agent: foo\nDisallow: /a\n\nUser-agent: *\nDisallow: /c\n\nUser-agent: FOO\nDisallow: /b\n";
        assert!(!allows(merged, "foo", "/a") && !allows(merged, "foo", "/b") && allows(merged, "foo", "/c"));
        assert!(!allows(merged, "bar", "/c") && allows(merged, "bar", "/a"));
    }

    #[test]
    fn other_records_do_not_end_a_group_and_empty_lines_neither() {
        for between in
            ["Sitemap: http://a.example/s.xml", "Invalid-Unknown-Line: x", "Crawl-delay: 1", "", "# x"]
        {
            let text = format!("User-agent: foo\n{between}\nUser-agent: *\nDisallow: /\n");
            assert!(!allows(&text, "foo", "/x") && !allows(&text, "bar", "/x"), "{between}");
        }
    }

    #[test]
    fn the_longest_rule_decides_and_a_tie_allows() {
        for (rules, path, expected) in [
            ("Disallow: /x/page.html\nAllow: /x/", "/x/page.html", false),
            ("Allow: /x/page.html\nDisallow: /x/", "/x/page.html", true),
            ("Disallow: /x\nAllow: /x", "/x", true),
            ("Disallow:\nDisallow: /y\n", "/x", true),
            ("Allow: /page\nDisallow: /*.html", "/page.html", false),
            ("Allow: /x/page.\nDisallow: /*.html", "/x/page.html", true),
            ("Allow: /abc\nDisallow: /abc*", "/abcd", false),
            ("Allow: /$\nDisallow: /", "/", true),
            ("Allow: /$\nDisallow: /", "/page", false),
            ("Disallow: /%61%62%63\nAllow: /abcd", "/abcd", true),
            ("Disallow: /", "/robots.txt", true),
            ("Disallow: /?", "/", true),
            ("Disallow: /?", "/?", false),
            ("Disallow: /;", "/;params", false),
        ] {
            assert_eq!(
                allows(&format!("User-agent: *\n{rules}\n"), "foo", path),
                expected,
                "{rules} on {path}"
            );
        }
    }

    #[test]
    fn the_deciding_line_is_told() {
        let rules =
            RobotsFile::read("foo", b"\r\nUser-agent: *\r\nDisallow: /a # no\r\n\r\nAllow: /a/%62\r\n");
        let told = |url| rules.rule_for(&Url::parse(url).unwrap()).map(|rule| rule.told().to_string());
        assert_eq!(told("http://a.example/a/c").as_deref(), Some("line 3, Disallow: /a"));
        assert_eq!(told("http://a.example/a/b").as_deref(), Some("line 5, Allow: /a/%62"));
        assert_eq!(told("http://a.example/"), None);
    }

    #[test]
    fn delays_and_sitemaps_are_read() {
        let text = "Sitemap: http://a.example/1.xml\nUser-agent: *\nCrawl-delay: 10\nUser-agent: foo\nCrawl-delay: 0.5\n\
            Disallow: /x\nSITEMAP: /2.xml\nUser-agent: bar\nDisallow:\n";
        let read = |agent: &str| RobotsFile::read(agent, text.as_bytes());
        assert_eq!(read("other").crawl_delay(), Some(Duration::from_secs(10)));
        assert_eq!(read("foo").crawl_delay(), Some(Duration::from_millis(500)));
        assert_eq!(read("bar").crawl_delay(), None);
        let honoured = |max_crawl_delay| {
            read("other").honoured_delay(&RobotsSettings { max_crawl_delay, ..RobotsSettings::default() })
        };
        assert_eq!(honoured(None), Some(Duration::from_secs(10)));
        assert_eq!(honoured(Some(Duration::from_secs(2))), Some(Duration::from_secs(2)));
        assert_eq!(read("bar").sitemaps(), ["http://a.example/1.xml", "/2.xml"]);
        for (value, expected) in [
            ("0", Some(Duration::ZERO)),
            ("1e300", Some(Duration::MAX)),
            ("-3", None),
            ("soon", None),
            ("inf", None),
            ("nan", None),
            ("", None),
        ] {
            let text = format!("User-agent: *\nCrawl-delay: {value}\n");
            assert_eq!(RobotsFile::read("foo", text.as_bytes()).crawl_delay(), expected, "{value}");
        }
    }

    #[test]
    fn any_bytes_can_be_read() {
        assert!(allows("\u{0}\u{feff}<html>not found</html>", "foo", "/"));
        let rules =
            RobotsFile::read("foo", b"\xef\xbb\xbfuser-agent:\x00*\nuser-agent: *\ndisallow: /\xe9\xff%\n");
        assert!(rules.rule_for(&Url::parse("http://a.example/%E9%FF%25").unwrap()).is_some());
    }
}
