//! Which links are followed, and where a crawl may go at all.

use std::time::Duration;

use clap::{ArgAction, Args};

use crate::settings::parse::{count, duration, extension, hops, number, parameter};

/// What a link must be to enter the frontier, and a request to be made.
#[derive(Debug, Args)]
#[command(next_help_heading = "Links")]
pub(crate) struct Links {
    /// Follow links at most so far from a start URL; 0 = no limit
    #[arg(long, env = "DRAGLINE_MAX_DEPTH", value_name = "N", value_parser = number::<u32>, default_value = "0")]
    pub(crate) max_depth: u32,

    /// Follow links into this domain and what is below it; repeatable, or separated by commas [default: the hosts of the start URLs]
    ///
    /// `shop.example`, `shop.example:8080` for one port, `*` for every host. In place of what the spider says; start URLs are
    /// asked for whatever is said here, and what they redirect to is not.
    #[arg(
        long = "allow-domain",
        env = "DRAGLINE_ALLOW_DOMAIN",
        value_name = "DOMAIN",
        value_delimiter = ','
    )]
    pub(crate) allow_domain: Vec<String>,

    /// Follow links whose URL matches this regular expression; repeatable [default: all]
    ///
    /// One of them must match, anywhere in the URL. One per line in the variable, a list in the file. In place of what the
    /// spider says.
    #[arg(long, env = "DRAGLINE_ALLOW", value_name = "REGEX", value_delimiter = '\n')]
    pub(crate) allow: Vec<String>,

    /// Do not follow links whose URL matches this regular expression; repeatable
    ///
    /// One per line in the variable, a list in the file. Beside what the spider says.
    #[arg(long, env = "DRAGLINE_DENY", value_name = "REGEX", value_delimiter = '\n')]
    pub(crate) deny: Vec<String>,

    /// Ends of file names to which links are not followed, separated by commas; `none` for none [default: those of images, sound, films, archives, programs, office documents, css and js]
    ///
    /// Requests that a spider makes itself are not links.
    #[arg(
        long = "ignore-extensions",
        env = "DRAGLINE_IGNORE_EXTENSIONS",
        value_name = "LIST",
        value_delimiter = ',',
        value_parser = extension
    )]
    pub(crate) ignore_extensions: Vec<String>,

    /// Longest URL of a link, in bytes
    #[arg(long, env = "DRAGLINE_MAX_URL_LENGTH", value_name = "BYTES", value_parser = count, default_value = "2083")]
    pub(crate) max_url_length: usize,

    /// How often in a row a URL's path may repeat the same segments (`/a/b/a/b`); 0 = no limit
    #[arg(long, env = "DRAGLINE_MAX_PATH_REPEATS", value_name = "N", value_parser = number::<usize>, default_value = "2")]
    pub(crate) max_path_repeats: usize,

    /// Exactly N pages of each host are done, resumes included; 0 = no limit
    ///
    /// The requests beyond are skipped, with the reason.
    #[arg(long, env = "DRAGLINE_MAX_PAGES_PER_HOST", value_name = "N", value_parser = number::<u64>, default_value = "0")]
    pub(crate) max_pages_per_host: u64,

    /// The same for URLs that differ in their numbers alone, such as those of a calendar without end; 0 = no limit
    ///
    /// `/day/2026-11-26?n=7` and `/day/2031-01-01?n=12` are such. Start URLs do not count.
    #[arg(long, env = "DRAGLINE_MAX_PAGES_PER_PATTERN", value_name = "N", value_parser = number::<u64>, default_value = "20000")]
    pub(crate) max_pages_per_pattern: u64,

    /// Redirects that are followed one after the other
    #[arg(long, env = "DRAGLINE_MAX_REDIRECTS", value_name = "N", value_parser = hops, default_value = "20")]
    pub(crate) max_redirects: usize,

    /// Whether a page that sends its reader on (`<meta http-equiv=refresh>`) is followed as a redirect, and not parsed
    #[arg(long, env = "DRAGLINE_META_REFRESH", value_name = "BOOL", action = ArgAction::Set, default_value = "true")]
    pub(crate) meta_refresh: bool,

    /// A page that sends its reader on later than that is parsed
    #[arg(long, env = "DRAGLINE_MAX_REFRESH_DELAY", value_name = "TIME", value_parser = duration, default_value = "100s")]
    pub(crate) max_refresh_delay: Duration,

    /// Reach nothing that is not on the public Internet: no loopback, link-local, private or metadata address
    ///
    /// Held against the address of each connection, whatever a link, a redirect, robots.txt or a name server says. Through a
    /// proxy that resolves names itself, it sees only URLs that name an address.
    #[arg(
        long,
        env = "DRAGLINE_DENY_PRIVATE_NETWORKS",
        value_name = "BOOL",
        action = ArgAction::Set,
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "true",
        default_value = "false"
    )]
    pub(crate) deny_private_networks: bool,

    /// Parameters that make no other request of a URL, beside those that the spider names: utm_*,gclid
    #[arg(long, env = "DRAGLINE_IGNORE_PARAMETERS", value_name = "NAME", value_delimiter = ',', value_parser = parameter)]
    pub(crate) ignore_parameters: Vec<String>,
}
