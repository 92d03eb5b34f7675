//! Retries of failed requests.

use std::time::Duration;

use clap::Args;

use crate::parse::{duration, number, statuses};

/// The settings of retries.
#[derive(Debug, Args)]
#[command(next_help_heading = "Retries")]
pub(crate) struct Retrying {
    /// How many times to retry a failed request
    #[arg(long, env = "DRAGLINE_RETRIES", value_name = "N", value_parser = number::<u32>, default_value = "3", hide_short_help = true)]
    pub(crate) retries: u32,

    /// Statuses to retry, such as 503, 500-504 or 5xx; none = no status
    #[arg(long, env = "DRAGLINE_RETRY_STATUSES", value_name = "STATUS", value_delimiter = ',', value_parser = statuses, default_value = "408,429,500,502-504,506-599", hide_short_help = true)]
    pub(crate) retry_statuses: Vec<(u16, u16)>,

    /// Wait before the first retry; it doubles for each further one
    #[arg(long, env = "DRAGLINE_RETRY_BASE_DELAY", value_name = "TIME", value_parser = duration, default_value = "1s", hide_short_help = true)]
    pub(crate) retry_base_delay: Duration,

    /// Longest wait before a retry
    #[arg(long, env = "DRAGLINE_RETRY_MAX_DELAY", value_name = "TIME", value_parser = duration, default_value = "60s", hide_short_help = true)]
    pub(crate) retry_max_delay: Duration,

    /// Longest wait that a server can ask for with Retry-After
    #[arg(long, env = "DRAGLINE_MAX_RETRY_AFTER", value_name = "TIME", value_parser = duration, default_value = "300s", hide_short_help = true)]
    pub(crate) max_retry_after: Duration,
}
