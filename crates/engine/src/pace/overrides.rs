//! Settings for single hosts: `[host."example.com"]` in the settings file.

use std::fmt;

use url::Host;

/// Settings for the hosts that a pattern matches. `None` keeps the general setting.
#[derive(Clone, Debug, PartialEq)]
pub struct HostOverride {
    /// Which hosts.
    pub pattern: HostPattern,
    /// Requests per second; `Some(None)` means no limit.
    pub rate_per_second: Option<Option<f64>>,
    /// Requests in flight at once.
    pub concurrency: Option<usize>,
    /// How much chance varies the gaps, as a share of a gap.
    pub jitter: Option<f64>,
    /// Whether robots.txt is obeyed.
    pub robots: Option<bool>,
}

/// `example.com`, `example.com:8080`, or `*.example.com` for all its subdomains.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct HostPattern {
    // The order of the fields defines which of two patterns is more specific.
    has_port: bool,
    is_exact: bool,
    labels: usize,
    host: String,
    port: Option<u16>,
}

impl HostPattern {
    /// Parses a pattern.
    ///
    /// # Errors
    /// A description of the problem.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (is_exact, name) = match text.strip_prefix("*.") {
            Some(name) => (false, name),
            None => (true, text),
        };
        let (name, port) = match name.rsplit_once(':') {
            // The colon must not belong to an IPv6 address.
            Some((before, digits)) if !before.contains(':') || before.ends_with(']') => {
                let port = digits.parse().map_err(|_| format!("{digits:?} is not a port"))?;
                (before, Some(port))
            }
            _ => (name, None),
        };
        if name.contains('*') {
            return Err("a * is only allowed at the beginning, as in *.example.com".to_owned());
        }
        let host = Host::parse(name).map_err(|problem| format!("{name:?} is not a host ({problem})"))?;
        if !is_exact && !matches!(host, Host::Domain(_)) {
            return Err("an address has no subdomains".to_owned());
        }
        let host = host.to_string();
        let labels = host.split('.').count();
        Ok(Self { has_port: port.is_some(), is_exact, labels, host, port })
    }

    /// Whether the pattern matches a host of the frontier (`host:port`).
    pub fn matches(&self, host: &str) -> bool {
        let Some((name, port)) = host.rsplit_once(':') else { return false };
        let is_its_name = if self.is_exact {
            name == self.host
        } else {
            name.strip_suffix(self.host.as_str()).is_some_and(|below| below.ends_with('.'))
        };
        is_its_name && self.port.is_none_or(|own| port.parse() == Ok(own))
    }
}

impl fmt::Display for HostPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", if self.is_exact { "" } else { "*." }, self.host)?;
        self.port.map_or(Ok(()), |port| write!(f, ":{port}"))
    }
}

impl HostOverride {
    /// An override that changes nothing.
    pub fn new(pattern: HostPattern) -> Self {
        Self { pattern, rate_per_second: None, concurrency: None, jitter: None, robots: None }
    }

    /// The settings for a host of the frontier. If two patterns have the same setting, the more specific pattern counts.
    pub(crate) fn of(host: &str, all: &[Self]) -> Option<Self> {
        let mut matching: Vec<&Self> = all.iter().filter(|one| one.pattern.matches(host)).collect();
        matching.sort_by(|a, b| b.pattern.cmp(&a.pattern));
        let closest = (*matching.first()?).clone();
        Some(matching[1..].iter().fold(closest, |closer, further| Self {
            rate_per_second: closer.rate_per_second.or(further.rate_per_second),
            concurrency: closer.concurrency.or(further.concurrency),
            jitter: closer.jitter.or(further.jitter),
            robots: closer.robots.or(further.robots),
            pattern: closer.pattern,
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(text: &str) -> HostPattern {
        HostPattern::parse(text).unwrap_or_else(|problem| panic!("{text}: {problem}"))
    }

    #[test]
    fn a_pattern_means_a_host_a_port_of_it_or_all_below() {
        for (text, host, matches) in [
            ("example.com", "example.com:443", true),
            ("example.com", "example.com:8080", true),
            ("EXAMPLE.com", "example.com:80", true),
            ("example.com", "www.example.com:443", false),
            ("example.com:8080", "example.com:8080", true),
            ("example.com:8080", "example.com:80", false),
            ("*.example.com", "www.example.com:443", true),
            ("*.example.com", "a.b.example.com:443", true),
            ("*.example.com", "example.com:443", false),
            ("*.example.com", "badexample.com:443", false),
            ("*.example.com:81", "a.example.com:81", true),
            ("bücher.example", "xn--bcher-kva.example:443", true),
            ("127.0.0.1", "127.0.0.1:4000", true),
            ("[::1]", "[::1]:80", true),
            ("[::1]:80", "[::1]:80", true),
            ("[::1]:80", "[::1]:81", false),
        ] {
            assert_eq!(pattern(text).matches(host), matches, "{text} and {host}");
        }
        assert_eq!(pattern("*.Example.com:81").to_string(), "*.example.com:81");
        for wrong in ["", "*", "*.", "a b", "a.*.example", "https://a.example", "a.example:x", "*.127.0.0.1"]
        {
            assert!(HostPattern::parse(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn the_closer_pattern_counts_for_each_setting() {
        let with = |text: &str, change: fn(&mut HostOverride)| {
            let mut one = HostOverride::new(pattern(text));
            change(&mut one);
            one
        };
        let all = [
            with("shop.example.com:81", |it| it.jitter = Some(0.0)),
            with("*.example.com", |it| (it.rate_per_second, it.concurrency) = (Some(Some(1.0)), Some(1))),
            with("*.shop.example.com", |it| it.rate_per_second = Some(None)),
            with("shop.example.com", |it| it.rate_per_second = Some(Some(0.5))),
        ];
        let of = |host: &str| {
            HostOverride::of(host, &all).map(|it| (it.rate_per_second, it.concurrency, it.jitter))
        };
        assert_eq!(of("example.com:80"), None);
        assert_eq!(of("shop.example.com:80"), Some((Some(Some(0.5)), Some(1), None)));
        assert_eq!(of("shop.example.com:81"), Some((Some(Some(0.5)), Some(1), Some(0.0))));
        assert_eq!(of("x.shop.example.com:81"), Some((Some(None), Some(1), None)));
    }
}
