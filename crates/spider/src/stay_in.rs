//! What a spider says of where its crawl stays.

/// Where a crawl stays, as its spider knows it: what [`Spider::stay_in`](crate::Spider::stay_in) gives.
///
/// ```
/// use dragline_spider::StayIn;
///
/// let stay = StayIn::default().with_domain("shop.example").with_allow(r"/(product|category)/").with_deny(r"[?&]sort=");
/// assert_eq!(stay.domains, ["shop.example"]);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StayIn {
    /// Domains, each with all that is below it. None: the hosts of the start requests.
    pub domains: Vec<String>,
    /// Regular expressions (of the crate `regex`), one of which a link's URL must match. None: all do.
    pub allow: Vec<String>,
    /// Regular expressions that no link's URL may match.
    pub deny: Vec<String>,
}

impl StayIn {
    /// One more domain.
    #[must_use]
    pub fn with_domain(mut self, domain: impl Into<String>) -> Self {
        self.domains.push(domain.into());
        self
    }

    /// One more pattern that is allowed.
    #[must_use]
    pub fn with_allow(mut self, pattern: impl Into<String>) -> Self {
        self.allow.push(pattern.into());
        self
    }

    /// One more pattern that is denied.
    #[must_use]
    pub fn with_deny(mut self, pattern: impl Into<String>) -> Self {
        self.deny.push(pattern.into());
        self
    }
}
