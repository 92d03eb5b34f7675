//! Which links are followed.

use dragline_core::tally::TallyOf;

use super::extensions::IGNORED_EXTENSIONS;
use crate::error::EngineError;
use crate::setting_check::at_least_one;

/// What a link must be to enter the frontier.
#[derive(Clone, Debug, PartialEq)]
pub struct LinkSettings {
    /// Links deeper than this are not followed; start requests have depth 0.
    pub max_depth: Option<u32>,
    /// Links longer than this are not followed. 2,083 is the longest that browsers have agreed on.
    pub max_url_bytes: usize,
    /// Domains that links may lead to, each with all that is below it; none: those of the spider, else the hosts that the
    /// start requests are for and redirect to.
    pub allow_domains: Vec<String>,
    /// Regular expressions, one of which the URL of a link must match; none: those of the spider.
    pub allow: Vec<String>,
    /// Regular expressions that the URL of a link must not match, beside those of the spider.
    pub deny: Vec<String>,
    /// Ends of file names (without the dot) to which links are not followed.
    pub ignored_extensions: Vec<String>,
    /// How often in a row a path may repeat the same segments; `None` is no limit.
    pub max_path_repeats: Option<usize>,
    /// Pages in state `done` of one host, over all starts of a run; the requests beyond are skipped.
    pub max_pages_per_host: Option<u64>,
    /// The same of one URL pattern: of URLs that differ in their numbers alone. Start requests do not count.
    pub max_pages_per_pattern: Option<u64>,
    /// Parameters of a URL's query that make no other request of it, beside those that the spider names.
    pub ignored_parameters: Vec<String>,
}

impl Default for LinkSettings {
    fn default() -> Self {
        Self {
            max_depth: None,
            max_url_bytes: 2083,
            allow_domains: Vec::new(),
            allow: Vec::new(),
            deny: Vec::new(),
            ignored_extensions: IGNORED_EXTENSIONS.iter().map(|extension| (*extension).to_owned()).collect(),
            max_path_repeats: Some(2),
            max_pages_per_host: None,
            max_pages_per_pattern: Some(20_000),
            ignored_parameters: Vec::new(),
        }
    }
}

impl LinkSettings {
    /// What the store is to count of a run when it is opened, for the limits to hold over all its starts.
    pub fn tally(&self) -> TallyOf {
        TallyOf { hosts: self.max_pages_per_host.is_some(), patterns: self.max_pages_per_pattern.is_some() }
    }

    pub(crate) fn validate(&self) -> Result<(), EngineError> {
        at_least_one([("max_url_bytes", self.max_url_bytes)])
    }
}
