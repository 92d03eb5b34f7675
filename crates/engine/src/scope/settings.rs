//! The settings that decide which links are followed.

use clap::Args;
use dragline_core::tally::TallyOf;
use dragline_flags::{Limit, count, extension, limit, number, parameter, text};

use super::extensions::IGNORED_EXTENSIONS;
use crate::error::EngineError;
use crate::setting_check::at_least_one;

/// Which links enter the frontier.
#[derive(Args, Clone, Debug, PartialEq)]
#[command(next_help_heading = "Links")]
pub struct LinkSettings {
    /// Follow links at most N levels deep; 0 = no limit
    #[arg(long, env = "DRAGLINE_MAX_DEPTH", value_name = "N", value_parser = limit(number::<u32>), default_value = text::limit(Self::default().max_depth, text::number))]
    pub max_depth: Limit<u32>,

    /// Follow links to this domain [default: the hosts of the start URLs]
    ///
    /// Repeat the flag for several domains, or separate them by commas. `shop.example` includes everything
    /// below it, `shop.example:8080` is only that port, and `*` is every host. This replaces what the spider
    /// says. Start URLs are always fetched, but the targets of their redirects must be in the domain.
    #[arg(
        id = "allow_domain",
        long = "allow-domain",
        env = "DRAGLINE_ALLOW_DOMAIN",
        value_name = "DOMAIN",
        value_delimiter = ','
    )]
    pub allow_domains: Vec<String>,

    /// Follow only links that match this regular expression [default: all]
    ///
    /// Repeat the flag for several expressions. At least one of them must match, anywhere in the URL. In the
    /// variable, write one per line. In the file, use a list. This replaces what the spider says.
    #[arg(long, env = "DRAGLINE_ALLOW", value_name = "REGEX", value_delimiter = '\n')]
    pub allow: Vec<String>,

    /// Don't follow links that match this regular expression
    ///
    /// Repeat the flag for several expressions. An expression may match anywhere in the URL. In the variable,
    /// write one per line. In the file, use a list. This adds to what the spider says.
    #[arg(long, env = "DRAGLINE_DENY", value_name = "REGEX", value_delimiter = '\n')]
    pub deny: Vec<String>,

    /// Don't follow links to files with these extensions, separated by commas; `none` = follow all [default:
    /// those of images, audio, video, archives, programs, office documents, css and js]
    ///
    /// This doesn't apply to requests that a spider creates itself.
    #[arg(
        id = "ignore_extensions",
        long = "ignore-extensions",
        env = "DRAGLINE_IGNORE_EXTENSIONS",
        value_name = "LIST",
        value_delimiter = ',',
        value_parser = extension,
        hide_short_help = true
    )]
    pub ignored_extensions: Vec<String>,

    /// Don't follow links with a longer URL, in bytes
    #[arg(id = "max_url_length", long = "max-url-length", env = "DRAGLINE_MAX_URL_LENGTH", value_name = "BYTES", value_parser = count, default_value_t = Self::default().max_url_bytes, hide_short_help = true)]
    pub max_url_bytes: usize,

    /// How many times in a row the path of a URL may repeat the same segments (`/a/b/a/b`); 0 = no limit
    #[arg(long, env = "DRAGLINE_MAX_PATH_REPEATS", value_name = "N", value_parser = limit(number::<usize>), default_value = text::limit(Self::default().max_path_repeats, text::number), hide_short_help = true)]
    pub max_path_repeats: Limit<usize>,

    /// Skip the other requests of a host after exactly N of its pages are done; 0 = no limit
    ///
    /// If you resume a run, the pages that it has already done count too. Dragline stores why it skipped a
    /// request.
    #[arg(long, env = "DRAGLINE_MAX_PAGES_PER_HOST", value_name = "N", value_parser = limit(number::<u64>), default_value = text::limit(Self::default().max_pages_per_host, text::number), hide_short_help = true)]
    pub max_pages_per_host: Limit<u64>,

    /// Skip the other requests of a URL pattern after exactly N of its pages are done; 0 = no limit
    ///
    /// This keeps a crawl out of endless calendars. URLs have the same pattern if they differ only in their
    /// numbers, such as `/day/2026-11-26?n=7` and `/day/2031-01-01?n=12`. Start URLs don't count.
    #[arg(long, env = "DRAGLINE_MAX_PAGES_PER_PATTERN", value_name = "N", value_parser = limit(number::<u64>), default_value = text::limit(Self::default().max_pages_per_pattern, text::number), hide_short_help = true)]
    pub max_pages_per_pattern: Limit<u64>,

    /// Ignore these URL parameters when comparing requests, such as utm_*,gclid,jsessionid
    ///
    /// They don't count in the query (`?name=value`), nor in the path (`/item;name=value`). This adds to the
    /// parameters that the spider names.
    #[arg(id = "ignore_parameters", long = "ignore-parameters", env = "DRAGLINE_IGNORE_PARAMETERS", value_name = "NAME", value_delimiter = ',', value_parser = parameter, hide_short_help = true)]
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
