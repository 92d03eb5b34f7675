//! The limits of a server.

use std::time::Duration;

use clap::Args;
use dragline_flags::{count, duration, text};

/// The limits of a server.
#[derive(Args, Clone, Debug, PartialEq, Eq)]
pub struct ServeSettings {
    /// How many crawls run at once [default: one per CPU]
    ///
    /// Ticks that are due wait for a free one. Without this setting, the variable `WEB_CONCURRENCY` counts, which many platforms
    /// set.
    #[arg(long, env = "DRAGLINE_WORKERS", value_name = "N", value_parser = count)]
    pub workers: Option<usize>,

    /// Longest time from a stop signal to the exit
    ///
    /// Each crawl stops within the --shutdown-timeout of `dragline crawl`. One that is still there near the end of this time is killed, the newest
    /// first.
    #[arg(long, env = "DRAGLINE_SERVE_SHUTDOWN_TIMEOUT", value_name = "TIME", value_parser = stop_time, default_value = text::duration(Self::default().shutdown_timeout))]
    pub shutdown_timeout: Duration,

    /// How long a server may be silent before others take its ticks over
    #[arg(long, env = "DRAGLINE_LEASE", value_name = "TIME", value_parser = lease, default_value = text::duration(Self::default().lease))]
    pub lease: Duration,
}

impl Default for ServeSettings {
    fn default() -> Self {
        // The bound fits into the 30 s that Kubernetes gives a container.
        Self { workers: None, shutdown_timeout: Duration::from_secs(25), lease: Duration::from_secs(15) }
    }
}

impl ServeSettings {
    /// How many crawls run at once.
    ///
    /// # Errors
    /// When `WEB_CONCURRENCY` is not a number.
    pub fn workers(&self) -> Result<usize, String> {
        if let Some(workers) = self.workers {
            return Ok(workers);
        }
        match std::env::var("WEB_CONCURRENCY") {
            Ok(text) if !text.is_empty() => {
                count(&text).map_err(|problem| format!("the variable WEB_CONCURRENCY is {text:?}: {problem}"))
            }
            _ => Ok(std::thread::available_parallelism().map_or(1, usize::from)),
        }
    }
}

/// A crawl takes 4 s at least, and the server needs some time after it.
fn stop_time(text: &str) -> Result<Duration, String> {
    let time = duration(text)?;
    if time < Duration::from_secs(6) {
        return Err("must be at least 6s".to_owned());
    }
    Ok(time)
}

/// A server gives a sign of life five times in this time.
fn lease(text: &str) -> Result<Duration, String> {
    let lease = duration(text)?;
    if lease < Duration::from_secs(2) {
        return Err("must be at least 2s".to_owned());
    }
    Ok(lease)
}
