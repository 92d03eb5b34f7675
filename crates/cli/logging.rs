//! The log: lines on stderr, for people or for machines.

use std::io;
use std::panic::PanicHookInfo;

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
    std::panic::set_hook(Box::new(log_panic));
    // A binary of somebody's own may have set up its own log before: then that one is used.
    let _ = started;
    Ok(())
}

/// A panic is a line of the log like any other. What it costs is told by whoever catches it: mostly one page.
fn log_panic(panic: &PanicHookInfo<'_>) {
    let message = panic.payload_as_str().unwrap_or("no message");
    let place = panic.location().map(ToString::to_string).unwrap_or_default();
    let thread = std::thread::current();
    tracing::warn!(thread = thread.name(), place, "panicked: {message}");
}
