//! `dragline healthcheck`.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use crate::settings::parse::duration;
use dragline_runtime::listen::ListenAddr;

pub(super) const EXAMPLES: &str = "\
Examples:
  dragline healthcheck                              as dragline.toml and the variables say
  dragline healthcheck --listen 127.0.0.1:8080
  dragline healthcheck --heartbeat-file /tmp/dragline.heartbeat

It asks the endpoint where an address is given. Without one, or where nobody listens there and a process that lives \
keeps the file, it reads the file. It says in one line what it found.

Exit codes: 0 alive · 1 stuck, hung or gone · 2 nobody said where the crawl is";

/// `dragline healthcheck`. What is not given is what the settings file says of a crawl.
#[derive(Debug, Args)]
pub(crate) struct Healthcheck {
    /// The address that `crawl --listen` was given; who answers there wins over the file
    #[arg(long, env = "DRAGLINE_LISTEN", value_name = "ADDR", value_parser = ListenAddr::parse)]
    pub(crate) listen: Option<ListenAddr>,

    /// The file that `crawl --heartbeat-file` writes
    #[arg(long, env = "DRAGLINE_HEARTBEAT_FILE", value_name = "FILE")]
    pub(crate) heartbeat_file: Option<PathBuf>,

    // Its name in the file is that of the crawl's flag.
    /// Age at which a heartbeat in the file counts as missing
    #[arg(long, id = "health_max_age", env = "DRAGLINE_HEALTH_MAX_AGE", value_name = "TIME", value_parser = duration, default_value = "60s")]
    pub(crate) max_age: Duration,
}
