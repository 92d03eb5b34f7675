//! How long an outage may last.

use std::time::Duration;

use clap::Args;
use dragline_flags::{Limit, duration, limit, text};

/// How often a lasting outage is logged again.
const LOG_INTERVAL: Duration = Duration::from_secs(30);

/// How long a crawl waits for its own network or proxy.
#[derive(Args, Clone, Debug, PartialEq)]
#[command(next_help_heading = "Fetching")]
pub struct OutageSettings {
    /// Stop with exit 75 if no host can be reached for longer than this; 0 = wait forever
    ///
    /// If the network, the name servers or the proxy fail, requests don't fail with them. The crawl pauses and
    /// tries again until an answer comes.
    #[arg(long, env = "DRAGLINE_MAX_NETWORK_OUTAGE", value_name = "TIME", value_parser = limit(duration), default_value = text::limit(Self::default().max_network_outage, text::duration), hide_short_help = true)]
    pub max_network_outage: Limit<Duration>,

    /// How often a lasting outage is logged again.
    #[arg(skip = LOG_INTERVAL)]
    pub log_interval: Duration,
}

impl Default for OutageSettings {
    fn default() -> Self {
        // As long as a failing host is paused.
        Self { max_network_outage: Some(Duration::from_secs(30 * 60)), log_interval: LOG_INTERVAL }
    }
}
