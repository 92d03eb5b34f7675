//! `dragline.toml`.
//!
//! ```toml
//! store = "postgres://me@db/crawls"
//! log = "info"
//!
//! [crawl]
//! rate = 0.5
//! flush_interval = "2s"
//! ```

use std::fs;
use std::io;
use std::path::Path;

use serde::Deserialize;

use crate::arguments::{LogFormat, Tuning};
use crate::exit::Failed;

const DEFAULT_FILE: &str = "dragline.toml";

/// The file's content.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct File {
    pub(crate) store: Option<String>,
    pub(crate) log_format: Option<LogFormat>,
    pub(crate) log: Option<String>,
    pub(crate) crawl: Tuning,
}

impl File {
    /// Reads the named file, or the one here if there is one.
    pub(crate) fn read(named: Option<&Path>) -> Result<Self, Failed> {
        let path = named.unwrap_or(Path::new(DEFAULT_FILE));
        match fs::read_to_string(path) {
            Ok(text) => Self::parse(&text, path),
            Err(error) if named.is_none() && error.kind() == io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => {
                Err(Failed::usage(format!("the settings file {} cannot be read: {error}", path.display())))
            }
        }
    }

    fn parse(text: &str, path: &Path) -> Result<Self, Failed> {
        toml::from_str(text).map_err(|error| {
            // The place in words: an excerpt could show the store's password.
            let line = error.span().map_or(1, |span| 1 + text[..span.start].matches('\n').count());
            let message = error.message();
            Failed::usage(format!("the settings file {}, line {line}: {message}", path.display()))
            .hint("names are those of the flags with _ for -, in [crawl]; store, log and log_format stand at the top")
        })
    }
}

impl Tuning {
    /// These values, and where there are none, those of `below`.
    pub(crate) fn over(self, below: Self) -> Self {
        Self {
            concurrency: self.concurrency.or(below.concurrency),
            host_concurrency: self.host_concurrency.or(below.host_concurrency),
            rate: self.rate.or(below.rate),
            robots: self.robots.or(below.robots),
            user_agent: self.user_agent.or(below.user_agent),
            retries: self.retries.or(below.retries),
            connect_timeout: self.connect_timeout.or(below.connect_timeout),
            request_timeout: self.request_timeout.or(below.request_timeout),
            max_body: self.max_body.or(below.max_body),
            crawl_threads: self.crawl_threads.or(below.crawl_threads),
            parse_timeout: self.parse_timeout.or(below.parse_timeout),
            memory_budget: self.memory_budget.or(below.memory_budget),
            max_failed_share: self.max_failed_share.or(below.max_failed_share),
            replace_nul: self.replace_nul.or(below.replace_nul),
            flush_rows: self.flush_rows.or(below.flush_rows),
            flush_bytes: self.flush_bytes.or(below.flush_bytes),
            flush_interval: self.flush_interval.or(below.flush_interval),
            max_pending_flushes: self.max_pending_flushes.or(below.max_pending_flushes),
            max_outage: self.max_outage.or(below.max_outage),
            operation_timeout: self.operation_timeout.or(below.operation_timeout),
            startup_timeout: self.startup_timeout.or(below.startup_timeout),
            take_over_after: self.take_over_after.or(below.take_over_after),
            shutdown_timeout: self.shutdown_timeout.or(below.shutdown_timeout),
            listen: self.listen.or(below.listen),
            health_max_age: self.health_max_age.or(below.health_max_age),
            heartbeat_file: self.heartbeat_file.or(below.heartbeat_file),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn parse(text: &str) -> Result<File, Failed> {
        File::parse(text, Path::new("dragline.toml"))
    }

    #[test]
    fn values_carry_units_and_flags_win() {
        let file =
            parse("store = 'sqlite:x.db'\n[crawl]\nrate = 0.5\nflush_bytes = '1MiB'\nflush_interval = 2\n");
        let file = file.unwrap();
        assert_eq!(file.crawl.flush_interval, Some(Duration::from_secs(2)));
        assert_eq!(file.crawl.flush_bytes, Some(1 << 20));
        let flags = Tuning { rate: Some(9.0), ..Tuning::default() };
        let both = flags.over(file.crawl);
        assert_eq!((both.rate, both.flush_bytes), (Some(9.0), Some(1 << 20)));
    }

    #[test]
    fn an_unknown_name_is_told_with_its_place() {
        let failed = parse("[crawl]\nratte = 1\n").unwrap_err();
        assert!(failed.what.contains("ratte") && failed.what.contains("line 2"), "{failed}");
        for wrong in
            ["store = \"postgres://me:secret@db/x", "store = 's://me:secret@a'\nstore = 's://me:secret@b'\n"]
        {
            let failed = parse(wrong).unwrap_err();
            assert!(!failed.what.contains("secret"), "{failed}");
        }
        assert!(parse("[crawl]\nflush_interval = 'soon'\n").is_err());
    }
}
