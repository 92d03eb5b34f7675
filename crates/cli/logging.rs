//! The log: lines on stderr, for people or for machines.

use std::io;

use tracing_subscriber::EnvFilter;

use crate::arguments::LogFormat;
use crate::exit::Failed;

/// Dragline's own modules at INFO; of libraries, only what went wrong.
const DEFAULT_FILTER: &str = "warn,dragline=info,dragline_core=info,dragline_engine=info,dragline_pipelines=info,dragline_store=info,spider=info";

/// Sends the log to stderr from now on.
pub(crate) fn start(format: LogFormat, filter: Option<&str>) -> Result<(), Failed> {
    let filter = match filter {
        None => EnvFilter::new(DEFAULT_FILTER),
        Some(filter) => EnvFilter::try_new(filter).map_err(|error| {
            Failed::usage(format!("{filter:?} is not a log filter: {error}"))
                .hint("examples: warn, debug, dragline_engine=debug,info")
        })?,
    };
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr);
    let started = match format {
        LogFormat::Text => {
            lines.with_ansi(io::IsTerminal::is_terminal(&io::stderr())).with_target(false).try_init()
        }
        LogFormat::Json => lines.json().flatten_event(true).with_current_span(true).try_init(),
    };
    // A binary of somebody's own may have set up its own log before: then that one is used.
    let _ = started;
    Ok(())
}
