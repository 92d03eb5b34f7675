//! `dragline healthcheck`.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use dragline_flags::duration;
use dragline_runtime::listen::ListenAddr;

pub(super) const EXAMPLES: &str = "\
Examples:
  dragline healthcheck                              with the settings of dragline.toml and the variables
  dragline healthcheck --listen 127.0.0.1:8080
  dragline healthcheck --heartbeat-file /tmp/dragline.heartbeat

If it knows an address, it asks the endpoint. It reads the file if it knows no address, or if nothing listens there and a \
living process writes the file. It prints one line.

Exit codes: 0 alive · 1 stuck, hung or gone · 2 no address and no file known";

/// `dragline healthcheck`. Settings that are not given come from `[crawl]` in the settings file.
#[derive(Debug, Args)]
pub(crate) struct Healthcheck {
    /// The address given to `crawl --listen`; its answer takes precedence over the file
    #[arg(long, env = "DRAGLINE_LISTEN", value_name = "ADDR", value_parser = ListenAddr::parse)]
    pub(crate) listen: Option<ListenAddr>,

    /// The file given to `crawl --heartbeat-file`
    #[arg(long, env = "DRAGLINE_HEARTBEAT_FILE", value_name = "FILE")]
    pub(crate) heartbeat_file: Option<PathBuf>,

    // Its name in the file is that of the crawl's flag.
    /// Age at which a heartbeat in the file counts as missing
    #[arg(long, id = "health_max_age", env = "DRAGLINE_HEALTH_MAX_AGE", value_name = "TIME", value_parser = duration, default_value = "60s")]
    pub(crate) max_age: Duration,
}
