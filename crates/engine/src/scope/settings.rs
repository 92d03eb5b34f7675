//! The settings that decide which links are followed.

use dragline_core::tally::TallyOf;

use super::extensions::IGNORED_EXTENSIONS;
use crate::error::EngineError;
use crate::setting_check::at_least_one;

/// Which links enter the frontier.
#[derive(Clone, Debug, PartialEq)]
pub struct LinkSettings {
    /// Links deeper than this are not followed. Start requests have depth 0.
    pub max_depth: Option<u32>,
    /// Links longer than this are not followed. All browsers support at least 2,083 bytes.
    pub max_url_bytes: usize,
    /// Domains that links may lead to, with their subdomains. If the list is empty, the domains of the spider apply. If the
    /// spider has none either, only the hosts of the start requests and of their redirects are allowed.
    pub allow_domains: Vec<String>,
    /// Regular expressions. The URL of a link must match one of them. If the list is empty, those of the spider apply.
    pub allow: Vec<String>,
    /// Regular expressions that the URL of a link must not match, in addition to those of the spider.
    pub deny: Vec<String>,
    /// File extensions (without the dot). Links to such files are not followed.
    pub ignored_extensions: Vec<String>,
    /// How often in a row a path may repeat the same segments; `None` means no limit.
    pub max_path_repeats: Option<usize>,
    /// Largest number of pages of one host in state `done`, over all starts of a run. Further requests are skipped.
    pub max_pages_per_host: Option<u64>,
    /// The same limit for a URL pattern, which covers URLs that differ only in numbers. Start requests do not count.
    pub max_pages_per_pattern: Option<u64>,
    /// Query parameters that don't matter when URLs are compared, in addition to those of the spider.
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
    /// Which pages of a run the store counts when it opens the run, so that the limits apply over all its starts.
    pub fn tally(&self) -> TallyOf {
        TallyOf { hosts: self.max_pages_per_host.is_some(), patterns: self.max_pages_per_pattern.is_some() }
    }

    pub(crate) fn validate(&self) -> Result<(), EngineError> {
        at_least_one([("max_url_bytes", self.max_url_bytes)])
    }
}
