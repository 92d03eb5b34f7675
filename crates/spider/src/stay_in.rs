//! Where a crawl stays, as its spider defines it.

/// Where a crawl stays: the result of [`Spider::stay_in`](crate::Spider::stay_in).
///
/// ```
/// use dragline_spider::StayIn;
///
/// let stay = StayIn::default().with_domain("shop.example").with_allow(r"/(product|category)/").with_deny(r"[?&]sort=");
/// assert_eq!(stay.domains, ["shop.example"]);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct StayIn {
    /// Domains, each with its subdomains. If this is empty, the crawl stays on the hosts of the start requests.
    pub domains: Vec<String>,
    /// Regular expressions (of the crate `regex`). A link's URL must match one of them. If this is empty, every URL is allowed.
    pub allow: Vec<String>,
    /// Regular expressions that no link's URL may match.
    pub deny: Vec<String>,
}

impl StayIn {
    /// Adds a domain.
    #[must_use]
    pub fn with_domain(mut self, domain: impl Into<String>) -> Self {
        self.domains.push(domain.into());
        self
    }

    /// Adds an allowed pattern.
    #[must_use]
    pub fn with_allow(mut self, pattern: impl Into<String>) -> Self {
        self.allow.push(pattern.into());
        self
    }

    /// Adds a denied pattern.
    #[must_use]
    pub fn with_deny(mut self, pattern: impl Into<String>) -> Self {
        self.deny.push(pattern.into());
        self
    }
}
