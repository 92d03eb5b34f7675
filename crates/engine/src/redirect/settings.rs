//! The settings for redirects.

use std::time::Duration;

use clap::{ArgAction, Args};
use dragline_flags::{duration, hops, text};

/// The limits on a chain of redirects.
#[derive(Args, Clone, Copy, Debug, PartialEq)]
#[command(next_help_heading = "Links")]
pub struct RedirectSettings {
    /// How many redirects to follow in a row
    #[arg(id = "max_redirects", long = "max-redirects", env = "DRAGLINE_MAX_REDIRECTS", value_name = "N", value_parser = hops, default_value_t = Self::default().max_hops, hide_short_help = true)]
    pub max_hops: usize,

    /// Handle a page with `<meta http-equiv=refresh>` as a redirect, without parsing it
    #[arg(long, env = "DRAGLINE_META_REFRESH", value_name = "BOOL", action = ArgAction::Set, default_value_t = Self::default().meta_refresh, hide_short_help = true)]
    pub meta_refresh: bool,

    /// Longest delay of a refresh that counts as a redirect; pages with a longer one are parsed
    #[arg(long, env = "DRAGLINE_MAX_REFRESH_DELAY", value_name = "TIME", value_parser = duration, default_value = text::duration(Self::default().max_refresh_delay), hide_short_help = true)]
    pub max_refresh_delay: Duration,
}

impl Default for RedirectSettings {
    fn default() -> Self {
        Self { max_hops: 20, meta_refresh: true, max_refresh_delay: Duration::from_secs(100) }
    }
}
