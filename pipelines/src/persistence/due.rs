//! When a new run is due.

use std::time::Duration;

use clap::Args;
use dragline_flags::{Limit, duration, limit, text};

/// When a new run is due.
#[derive(Args, Clone, Debug, Default, PartialEq, Eq)]
#[command(next_help_heading = "Run")]
pub struct DueSettings {
    /// Do nothing if the last finished run of this name is younger than this; 0 = always crawl
    ///
    /// The exit code is 0. An unfinished run is always resumed. A run that ended with exit 1 doesn't count.
    /// Use --force-run to start a run anyway.
    #[arg(long, env = "DRAGLINE_MIN_INTERVAL", value_name = "TIME", value_parser = limit(duration), default_value = text::limit(Self::default().min_interval, text::duration), hide_short_help = true)]
    pub min_interval: Limit<Duration>,
}
