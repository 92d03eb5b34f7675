//! Decides which requests of a page belong to the run. Each rule has its own file.
//!
//! These rules don't apply to start requests, because the user named them. The target of their redirect replaces them. It may be
//! on another host unless domains are set, and it doesn't have to match the patterns that links must match.

mod extensions;
mod hosts;
mod patterns;
mod repeats;
mod settings;
#[cfg(test)]
mod vectors;

use std::sync::Arc;

use dragline_core::{MAX_HOST_BYTES, QueuedRequest, Spider};
use url::Url;

use self::extensions::Extensions;
use self::hosts::ScopeHosts;
use self::patterns::Patterns;
pub use self::settings::LinkSettings;
use crate::error::EngineError;

/// Which requests belong to a run. Clones share it, and the scheduler owns the one that grows.
#[derive(Clone, Debug)]
pub struct Scope {
    hosts: ScopeHosts,
    rules: Arc<ScopeRules>,
}

#[derive(Debug)]
struct ScopeRules {
    patterns: Patterns,
    extensions: Extensions,
    max_url_bytes: usize,
    max_path_repeats: Option<usize>,
}

/// How a request was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RequestOrigin {
    /// As a link, for example by `Output::follow`.
    Link,
    /// As a request that the spider made itself.
    Request,
    /// As the target of a redirect.
    Redirect,
    /// As the target of a start request's redirect.
    StartRedirect,
    /// As a sitemap that the user, a robots.txt or an index on its own host names, or as the target of a sitemap's redirect.
    Sitemap,
    /// As a sitemap that an index on another host names.
    SitemapOfAnotherHost,
    /// As a look-up, or as the target of its redirect. A step of the program asks, and usually somebody else than the site.
    LookUp,
}

impl RequestOrigin {
    /// The target of a redirect of this request.
    pub(crate) fn redirect(from: &QueuedRequest) -> Self {
        if from.request.is_sitemap() {
            Self::Sitemap
        } else if from.request.look_up().is_some() {
            Self::LookUp
        } else if from.is_start() {
            Self::StartRedirect
        } else {
            Self::Redirect
        }
    }
}

/// Why a link was not followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum LinkRefusal {
    /// Its host is not one of the run's.
    OffSite,
    /// It is deeper than `max_depth`.
    TooDeep,
    /// It is longer than `max_url_bytes`, or its host is longer than the name of a host can be.
    TooLong,
    /// It is not an http(s) URL.
    Scheme,
    /// It matches none of the allowed patterns.
    NotAllowed,
    /// It matches a denied pattern.
    Denied,
    /// Its file extension is ignored.
    Extension,
    /// Its path repeats itself.
    Repeating,
    /// The limit on pages of its host is reached.
    HostFull,
    /// The limit on pages of its URL pattern is reached.
    PatternFull,
    /// Its page asks robots not to follow it.
    NoFollow,
}

impl LinkRefusal {
    /// All of them, in the order of reports.
    pub const ALL: [Self; 11] = [
        Self::OffSite,
        Self::TooDeep,
        Self::TooLong,
        Self::Scheme,
        Self::NotAllowed,
        Self::Denied,
        Self::Extension,
        Self::Repeating,
        Self::HostFull,
        Self::PatternFull,
        Self::NoFollow,
    ];

    /// Its name in logs and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::OffSite => "off-site",
            Self::TooDeep => "too-deep",
            Self::TooLong => "too-long",
            Self::Scheme => "scheme",
            Self::NotAllowed => "not-allowed",
            Self::Denied => "denied",
            Self::Extension => "extension",
            Self::Repeating => "repeating",
            Self::HostFull => "host-full",
            Self::PatternFull => "pattern-full",
            Self::NoFollow => "nofollow",
        }
    }

    /// Describes the target of a redirect, after "which".
    pub(crate) fn of_target(self) -> &'static str {
        match self {
            Self::OffSite => "is off site",
            Self::TooDeep => "is too deep",
            Self::TooLong => "is too long",
            Self::Scheme => "is neither http nor https",
            Self::NotAllowed => "matches no pattern that is allowed",
            Self::Denied => "matches a pattern that is denied",
            Self::Extension => "is a file not worth fetching",
            Self::Repeating => "repeats itself",
            Self::HostFull => "is on a host of which enough pages are done",
            Self::PatternFull => "is of a kind of which enough pages are done",
            Self::NoFollow => "is not to be followed",
        }
    }
}

impl Scope {
    /// The scope of a run from the settings, the spider and the hosts (each `host:port`) of the start requests.
    ///
    /// # Errors
    /// [`EngineError::Unusable`] for an invalid domain or pattern.
    pub fn new<'a>(
        settings: &LinkSettings,
        spider: &dyn Spider,
        start_hosts: impl IntoIterator<Item = &'a str>,
    ) -> Result<Self, EngineError> {
        let of_spider = spider.stay_in();
        let domains =
            if settings.allow_domains.is_empty() { &of_spider.domains } else { &settings.allow_domains };
        let allow = if settings.allow.is_empty() { &of_spider.allow } else { &settings.allow };
        let deny = of_spider.deny.iter().chain(&settings.deny);
        Ok(Self {
            hosts: ScopeHosts::new(domains, start_hosts)?,
            rules: Arc::new(ScopeRules {
                patterns: Patterns::new(allow, deny)?,
                extensions: Extensions::new(&settings.ignored_extensions),
                max_url_bytes: settings.max_url_bytes,
                max_path_repeats: settings.max_path_repeats,
            }),
        })
    }

    /// Checks the domains and patterns of the settings.
    pub(crate) fn check(settings: &LinkSettings) -> Result<(), EngineError> {
        ScopeHosts::new(&settings.allow_domains, [])?;
        Patterns::new(&settings.allow, &settings.deny).map(drop)
    }

    /// Why a URL does not belong to the run; `None` if it does. `host` is its `host:port`.
    pub(crate) fn refusal(&self, url: &Url, host: &str, found: RequestOrigin) -> Option<LinkRefusal> {
        let ScopeRules { patterns, extensions, max_url_bytes, max_path_repeats } = &*self.rules;
        let text = url.as_str();
        if text.len() > *max_url_bytes || url.host_str().is_some_and(|host| host.len() > MAX_HOST_BYTES) {
            return Some(LinkRefusal::TooLong);
        }
        let may_be_elsewhere = match found {
            RequestOrigin::StartRedirect => self.hosts.may_grow(),
            RequestOrigin::Sitemap | RequestOrigin::LookUp => true,
            _ => false,
        };
        if !(may_be_elsewhere || self.hosts.contain(url, host)) {
            return Some(LinkRefusal::OffSite);
        }
        if patterns.deny(text) {
            return Some(LinkRefusal::Denied);
        }
        // The patterns that links have to match say nothing about files that are not pages.
        let is_no_page = matches!(
            found,
            RequestOrigin::Sitemap | RequestOrigin::SitemapOfAnotherHost | RequestOrigin::LookUp
        );
        if is_no_page || found == RequestOrigin::StartRedirect {
            return None;
        }
        if !patterns.allow(text) {
            return Some(LinkRefusal::NotAllowed);
        }
        if found != RequestOrigin::Request && extensions.end(url.path()) {
            return Some(LinkRefusal::Extension);
        }
        let is_repeating = max_path_repeats.is_some_and(|most| repeats::repeats(url.path(), most));
        is_repeating.then_some(LinkRefusal::Repeating)
    }

    /// Adds a host (`host:port`) that a start request leads to. Returns whether it is new. Earlier clones do not see it.
    pub(crate) fn add(&mut self, host: &str) -> bool {
        self.hosts.add(host)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use dragline_core::queued_request::host_of;
    use dragline_core::{Args, ItemType, Output, Page, Request, StayIn};

    /// A spider that says where to stay.
    pub(crate) struct Stays(pub(crate) StayIn);

    impl Spider for Stays {
        fn name(&self) -> &str {
            "stays"
        }

        fn items(&self) -> Vec<ItemType> {
            Vec::new()
        }

        fn start(&self, _args: &Args) -> dragline_core::Result<Vec<Request>> {
            Ok(Vec::new())
        }

        fn parse(&self, _page: &Page, _out: &mut Output) -> dragline_core::Result<()> {
            Ok(())
        }

        fn stay_in(&self) -> StayIn {
            self.0.clone()
        }
    }

    /// The scope of these hosts, with the default rules.
    pub(crate) fn scope_of(hosts: &[&str]) -> Scope {
        Scope::new(&LinkSettings::default(), &Stays(StayIn::default()), hosts.iter().copied()).unwrap()
    }

    fn refusal(scope: &Scope, url: &str, found: RequestOrigin) -> Option<LinkRefusal> {
        let url = Url::parse(url).unwrap();
        scope.refusal(&url, &host_of(&url), found)
    }

    #[test]
    fn each_rule_has_its_reason() {
        let settings = LinkSettings {
            allow: vec!["/shop/".to_owned()],
            deny: vec!["sort=".to_owned()],
            max_url_bytes: 60,
            ..LinkSettings::default()
        };
        let scope = Scope::new(&settings, &Stays(StayIn::default()), ["a.example:80"]).unwrap();
        let long = format!("http://a.example/shop/{}", "x".repeat(60));
        for (url, expected) in [
            ("http://a.example/shop/1", None),
            ("https://a.example/shop/1", None),
            ("http://b.example/shop/1", Some(LinkRefusal::OffSite)),
            ("http://a.example/about", Some(LinkRefusal::NotAllowed)),
            ("http://a.example/shop/?sort=up", Some(LinkRefusal::Denied)),
            ("http://a.example/shop/1.zip", Some(LinkRefusal::Extension)),
            ("http://a.example/shop/a/b/a/b/a/b", Some(LinkRefusal::Repeating)),
            (&long, Some(LinkRefusal::TooLong)),
        ] {
            assert_eq!(refusal(&scope, url, RequestOrigin::Link), expected, "{url}");
            assert_eq!(refusal(&scope, url, RequestOrigin::Redirect), expected, "{url}");
        }
        assert_eq!(refusal(&scope, "http://a.example/shop/1.zip", RequestOrigin::Request), None);
        let settings = LinkSettings { max_url_bytes: 1_000_000, ..LinkSettings::default() };
        let anywhere = Scope::new(&settings, &Stays(StayIn::default()), []).unwrap();
        let host = |bytes: usize| format!("http://{}/", "x".repeat(bytes));
        for origin in [RequestOrigin::Link, RequestOrigin::Request, RequestOrigin::Sitemap] {
            let refused = refusal(&anywhere, &host(MAX_HOST_BYTES + 1), origin);
            assert_eq!(refused, Some(LinkRefusal::TooLong), "{origin:?}");
            assert_ne!(refusal(&anywhere, &host(MAX_HOST_BYTES), origin), Some(LinkRefusal::TooLong));
        }
        let start = |url: &str| refusal(&scope, url, RequestOrigin::StartRedirect);
        assert_eq!((start("http://b.example/1.zip"), start("http://a.example/about")), (None, None));
        assert_eq!(start("http://a.example/?sort=up"), Some(LinkRefusal::Denied));
    }

    #[test]
    fn a_sitemap_need_not_match_what_links_have_to_match() {
        let settings = LinkSettings {
            allow: vec!["/shop/".to_owned()],
            deny: vec!["draft".to_owned()],
            max_url_bytes: 60,
            ..LinkSettings::default()
        };
        let scope = Scope::new(&settings, &Stays(StayIn::default()), ["a.example:80"]).unwrap();
        let (own, other) = (RequestOrigin::Sitemap, RequestOrigin::SitemapOfAnotherHost);
        assert_eq!(refusal(&scope, "http://cdn.example/map.xml.gz", own), None);
        assert_eq!(refusal(&scope, "http://a.example/map.xml.gz", other), None);
        assert_eq!(refusal(&scope, "http://cdn.example/map.xml", other), Some(LinkRefusal::OffSite));
        assert_eq!(refusal(&scope, "http://a.example/draft.xml", own), Some(LinkRefusal::Denied));
        let long = format!("http://a.example/{}", "x".repeat(60));
        assert_eq!(refusal(&scope, &long, own), Some(LinkRefusal::TooLong));
    }

    #[test]
    fn only_what_the_user_named_may_be_redirected_to_a_new_host() {
        use dragline_core::SitemapRole;
        let with = |role: Option<SitemapRole>, depth| {
            let request = Request::get("http://a.example/").unwrap();
            let request = role.map_or(request.clone(), |role| request.with_sitemap_role(role));
            RequestOrigin::redirect(&QueuedRequest { depth, ..QueuedRequest::start(request, 0) })
        };
        assert_eq!(with(None, 0), RequestOrigin::StartRedirect);
        assert_eq!(with(None, 1), RequestOrigin::Redirect);
        assert_eq!(with(Some(SitemapRole::Page), 0), RequestOrigin::Redirect);
        assert_eq!(with(Some(SitemapRole::Named), 0), RequestOrigin::Sitemap);
        assert_eq!(with(Some(SitemapRole::Found(1)), 0), RequestOrigin::Sitemap);
    }

    #[test]
    fn who_runs_the_spider_has_the_last_word_and_denials_add_up() {
        let spider =
            Stays(StayIn::default().with_domain("a.example").with_allow("/items/").with_deny("print"));
        let scope = |settings: LinkSettings| Scope::new(&settings, &spider, []).unwrap();
        let own = scope(LinkSettings::default());
        assert_eq!(refusal(&own, "http://www.a.example/items/1", RequestOrigin::Link), None);
        assert_eq!(
            refusal(&own, "http://b.example/items/1", RequestOrigin::StartRedirect),
            Some(LinkRefusal::OffSite)
        );
        let set = scope(LinkSettings {
            allow_domains: vec!["b.example".to_owned()],
            allow: vec!["/lists/".to_owned()],
            deny: vec!["draft".to_owned()],
            ..LinkSettings::default()
        });
        assert_eq!(refusal(&set, "http://b.example/lists/1", RequestOrigin::Link), None);
        for url in ["http://b.example/lists/print", "http://b.example/lists/draft"] {
            assert_eq!(refusal(&set, url, RequestOrigin::Link), Some(LinkRefusal::Denied), "{url}");
        }
        assert_eq!(
            refusal(&set, "http://a.example/lists/1", RequestOrigin::Link),
            Some(LinkRefusal::OffSite)
        );
        assert_eq!(
            refusal(&set, "http://b.example/items/1", RequestOrigin::Link),
            Some(LinkRefusal::NotAllowed)
        );
    }

    #[test]
    fn invalid_domains_and_patterns_are_refused() {
        let problem_of = |settings: LinkSettings| {
            Scope::new(&settings, &Stays(StayIn::default()), []).unwrap_err().to_string()
        };
        let list = |text: &str| vec![text.to_owned()];
        for domain in ["https://a.example/", "a.example/path", "*.a.example", "a b", ""] {
            let problem = problem_of(LinkSettings { allow_domains: list(domain), ..LinkSettings::default() });
            assert!(problem.contains("is not a domain"), "{problem}");
        }
        let problem = problem_of(LinkSettings { deny: list("(open"), ..LinkSettings::default() });
        assert!(
            problem.contains("\"(open\" is not a regular expression") && problem.contains("unclosed group"),
            "{problem}"
        );
    }
}
