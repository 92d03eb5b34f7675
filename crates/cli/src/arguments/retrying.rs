//! What is tried again.

use std::time::Duration;

use clap::Args;

use crate::settings::parse::{duration, number, statuses};

/// Attempts beyond the first.
#[derive(Debug, Args)]
#[command(next_help_heading = "Retries")]
pub(crate) struct Retrying {
    /// Further attempts after a failed one
    #[arg(long, env = "DRAGLINE_RETRIES", value_name = "N", value_parser = number::<u32>, default_value = "3")]
    pub(crate) retries: u32,

    /// Statuses that are tried again: 503, 500-504, 5xx; none for none
    #[arg(long, env = "DRAGLINE_RETRY_STATUSES", value_name = "STATUS", value_delimiter = ',', value_parser = statuses, default_value = "408,429,500,502-504,506-599")]
    pub(crate) retry_statuses: Vec<(u16, u16)>,

    /// Wait before the first further attempt; before each other one twice as long
    #[arg(long, env = "DRAGLINE_RETRY_BASE_DELAY", value_name = "TIME", value_parser = duration, default_value = "1s")]
    pub(crate) retry_base_delay: Duration,

    /// Longest wait that this comes to
    #[arg(long, env = "DRAGLINE_RETRY_MAX_DELAY", value_name = "TIME", value_parser = duration, default_value = "60s")]
    pub(crate) retry_max_delay: Duration,

    /// Longest wait that a server can ask for with Retry-After
    #[arg(long, env = "DRAGLINE_MAX_RETRY_AFTER", value_name = "TIME", value_parser = duration, default_value = "300s")]
    pub(crate) max_retry_after: Duration,
}
