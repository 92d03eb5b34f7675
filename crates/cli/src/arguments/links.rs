//! Which links a crawl follows, and where it may go at all.

use std::time::Duration;

use clap::{ArgAction, Args};

use crate::parse::{count, duration, extension, hops, number, parameter};

/// The rules for links that enter the frontier, and for requests.
#[derive(Debug, Args)]
#[command(next_help_heading = "Links")]
pub(crate) struct Links {
    /// Follow links at most N levels deep; 0 = no limit
    #[arg(long, env = "DRAGLINE_MAX_DEPTH", value_name = "N", value_parser = number::<u32>, default_value = "0")]
    pub(crate) max_depth: u32,

    /// Follow links to this domain [default: the hosts of the start URLs]
    ///
    /// Repeat the flag for several domains, or separate them by commas. `shop.example` includes everything
    /// below it, `shop.example:8080` is only that port, and `*` is every host. This replaces what the spider
    /// says. Start URLs are always fetched, but the targets of their redirects must be in the domain.
    #[arg(
        long = "allow-domain",
        env = "DRAGLINE_ALLOW_DOMAIN",
        value_name = "DOMAIN",
        value_delimiter = ','
    )]
    pub(crate) allow_domain: Vec<String>,

    /// Follow only links that match this regular expression [default: all]
    ///
    /// Repeat the flag for several expressions. At least one of them must match, anywhere in the URL. In the
    /// variable, write one per line. In the file, use a list. This replaces what the spider says.
    #[arg(long, env = "DRAGLINE_ALLOW", value_name = "REGEX", value_delimiter = '\n')]
    pub(crate) allow: Vec<String>,

    /// Don't follow links that match this regular expression
    ///
    /// Repeat the flag for several expressions. An expression may match anywhere in the URL. In the variable,
    /// write one per line. In the file, use a list. This adds to what the spider says.
    #[arg(long, env = "DRAGLINE_DENY", value_name = "REGEX", value_delimiter = '\n')]
    pub(crate) deny: Vec<String>,

    /// Don't follow links to files with these extensions, separated by commas; `none` = follow all [default:
    /// those of images, audio, video, archives, programs, office documents, css and js]
    ///
    /// This doesn't apply to requests that a spider creates itself.
    #[arg(
        long = "ignore-extensions",
        env = "DRAGLINE_IGNORE_EXTENSIONS",
        value_name = "LIST",
        value_delimiter = ',',
        value_parser = extension,
        hide_short_help = true
    )]
    pub(crate) ignore_extensions: Vec<String>,

    /// Don't follow links with a longer URL, in bytes
    #[arg(long, env = "DRAGLINE_MAX_URL_LENGTH", value_name = "BYTES", value_parser = count, default_value = "2083", hide_short_help = true)]
    pub(crate) max_url_length: usize,

    /// How many times in a row the path of a URL may repeat the same segments (`/a/b/a/b`); 0 = no limit
    #[arg(long, env = "DRAGLINE_MAX_PATH_REPEATS", value_name = "N", value_parser = number::<usize>, default_value = "2", hide_short_help = true)]
    pub(crate) max_path_repeats: usize,

    /// Skip the other requests of a host after exactly N of its pages are done; 0 = no limit
    ///
    /// If you resume a run, the pages that it has already done count too. Dragline stores why it skipped a
    /// request.
    #[arg(long, env = "DRAGLINE_MAX_PAGES_PER_HOST", value_name = "N", value_parser = number::<u64>, default_value = "0", hide_short_help = true)]
    pub(crate) max_pages_per_host: u64,

    /// Skip the other requests of a URL pattern after exactly N of its pages are done; 0 = no limit
    ///
    /// This keeps a crawl out of endless calendars. URLs have the same pattern if they differ only in their
    /// numbers, such as `/day/2026-11-26?n=7` and `/day/2031-01-01?n=12`. Start URLs don't count.
    #[arg(long, env = "DRAGLINE_MAX_PAGES_PER_PATTERN", value_name = "N", value_parser = number::<u64>, default_value = "20000", hide_short_help = true)]
    pub(crate) max_pages_per_pattern: u64,

    /// How many redirects to follow in a row
    #[arg(long, env = "DRAGLINE_MAX_REDIRECTS", value_name = "N", value_parser = hops, default_value = "20", hide_short_help = true)]
    pub(crate) max_redirects: usize,

    /// Handle a page with `<meta http-equiv=refresh>` as a redirect, without parsing it
    #[arg(long, env = "DRAGLINE_META_REFRESH", value_name = "BOOL", action = ArgAction::Set, default_value = "true", hide_short_help = true)]
    pub(crate) meta_refresh: bool,

    /// Longest delay of a refresh that counts as a redirect; pages with a longer one are parsed
    #[arg(long, env = "DRAGLINE_MAX_REFRESH_DELAY", value_name = "TIME", value_parser = duration, default_value = "100s", hide_short_help = true)]
    pub(crate) max_refresh_delay: Duration,

    /// Connect only to the public internet, and never to loopback, link-local, private or metadata addresses
    ///
    /// The address of each connection is checked, whether it comes from a link, a redirect, robots.txt or a
    /// name server. If a proxy resolves names, only URLs that contain an address can be checked.
    #[arg(
        long,
        env = "DRAGLINE_DENY_PRIVATE_NETWORKS",
        value_name = "BOOL",
        action = ArgAction::Set,
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "true",
        default_value = "false",
        hide_short_help = true
    )]
    pub(crate) deny_private_networks: bool,

    /// Ignore these URL parameters when comparing requests, such as utm_*,gclid
    ///
    /// This adds to the parameters that the spider names.
    #[arg(long, env = "DRAGLINE_IGNORE_PARAMETERS", value_name = "NAME", value_delimiter = ',', value_parser = parameter, hide_short_help = true)]
    pub(crate) ignore_parameters: Vec<String>,
}
