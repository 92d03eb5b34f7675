//! The log: lines on stderr, for people or for machines.
//!
//! A line goes through a bounded queue to a thread of its own, which alone touches stderr: one that is
//! blocked, full or gone holds up no working thread and ends none. Lines that found no place are counted.

use std::io::{self, Write as _};
use std::panic::PanicHookInfo;

use tracing_appender::non_blocking::{NonBlocking, NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::EnvFilter;

use crate::arguments::LogFormat;
use crate::exit::Failed;

/// Dragline's own modules at INFO; of libraries, only what went wrong.
const DEFAULT_FILTER: &str = "warn,dragline=info,dragline_core=info,dragline_engine=info,dragline_pipelines=info,dragline_store=info,spider=info";
/// Lines that may wait for stderr.
const QUEUED_LINES: usize = 4_096;

/// Keeps the log's thread. Dropping it writes what waits, for a second at most.
pub(crate) struct Log {
    writer: NonBlocking,
    _thread: WorkerGuard,
}

impl Log {
    /// Sends the log to stderr from now on.
    pub(crate) fn start(format: LogFormat, filter: Option<&str>) -> Result<Self, Failed> {
        let filter = match filter {
            None => EnvFilter::new(DEFAULT_FILTER),
            Some(filter) => EnvFilter::try_new(filter).map_err(|error| {
                Failed::usage(format!("{filter:?} is not a log filter: {error}"))
                    .hint("examples: warn, debug, dragline_engine=debug,info")
            })?,
        };
        let (writer, thread) = NonBlockingBuilder::default()
            .lossy(true)
            .buffered_lines_limit(QUEUED_LINES)
            .thread_name("log")
            .finish(io::stderr());
        let lines = tracing_subscriber::fmt()
            .with_env_filter(filter)
            .log_internal_errors(false)
            .with_writer(writer.clone());
        let started = match format {
            LogFormat::Text => {
                lines.with_ansi(io::IsTerminal::is_terminal(&io::stderr())).with_target(false).try_init()
            }
            LogFormat::Json => lines.json().flatten_event(true).with_current_span(true).try_init(),
        };
        // A binary of somebody's own may have set up its own log before: then that one is used.
        let _ = started;
        std::panic::set_hook(Box::new(log_panic));
        Ok(Self { writer, _thread: thread })
    }

    /// Writes text behind the log's lines, without waiting for stderr.
    pub(crate) fn write(&mut self, text: &str) {
        let _ = self.writer.write_all(text.as_bytes());
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        let dropped = self.writer.error_counter().dropped_lines();
        if dropped > 0 {
            self.write(&format!("{dropped} log lines were dropped, for stderr did not take them in time\n"));
        }
    }
}

/// A panic is a line of the log like any other. What it costs is told by whoever catches it: mostly one page.
fn log_panic(panic: &PanicHookInfo<'_>) {
    let message = panic.payload_as_str().unwrap_or("no message");
    let place = panic.location().map(ToString::to_string).unwrap_or_default();
    let thread = std::thread::current();
    tracing::warn!(thread = thread.name(), place, "panicked: {message}");
}
