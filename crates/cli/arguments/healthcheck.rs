//! `dragline healthcheck`.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use crate::settings::parse::duration;

/// `dragline healthcheck`.
#[derive(Debug, Args)]
pub(crate) struct Healthcheck {
    /// The file that `crawl --heartbeat-file` writes
    #[arg(long, env = "DRAGLINE_HEARTBEAT_FILE", value_name = "FILE")]
    pub(crate) heartbeat_file: PathBuf,

    /// Age at which a heartbeat counts as missing
    #[arg(long, env = "DRAGLINE_HEALTH_MAX_AGE", value_name = "TIME", value_parser = duration, default_value = "60s")]
    pub(crate) max_age: Duration,
}
