//! Settings: defaults < `dragline.toml` < environment < flags, combined once and validated.
//!
//! The command line's parser reads flags and environment; [`file`] reads the file; what is in neither is a
//! default of the part that it belongs to.

pub(crate) mod file;
pub(crate) mod parse;

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use dragline_core::canonical::has_userinfo;
use dragline_core::{Args, Spider};
use dragline_engine::EngineSettings;
use dragline_pipelines::ItemPipelineSettings;
use dragline_pipelines::persistence::PersistenceSettings;
use dragline_store::StoreSettings;
use url::Url;

use crate::arguments::{Crawl, Global, LogFormat, Tuning};
use crate::exit::Failed;
use crate::export::Target;
use crate::run_name::default_run_name;
use crate::stopping::StopTimes;
use file::File;

/// The embedded default, so that the first command works on a machine with nothing installed.
const DEFAULT_STORE: &str = "sqlite:dragline.db";
/// Outcomes that the scheduler itself may add to those that hold a credit.
const INBOX_SPARE: usize = 64;

/// Settings of every command.
#[derive(Debug)]
pub(crate) struct Common {
    pub(crate) store: StoreUrl,
    pub(crate) log_format: LogFormat,
    pub(crate) log: Option<String>,
    pub(crate) tuning: Tuning,
}

/// A store's URL. It may hold a password: `Debug` does not show it.
#[derive(Clone)]
pub(crate) struct StoreUrl(pub(crate) String);

impl std::fmt::Debug for StoreUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("StoreUrl(…)")
    }
}

/// Settings of one crawl.
#[derive(Debug)]
pub(crate) struct CrawlSettings {
    pub(crate) args: Args,
    pub(crate) run_name: String,
    pub(crate) fresh: bool,
    pub(crate) force_run: bool,
    pub(crate) output: Option<Target>,
    pub(crate) heartbeat_file: Option<PathBuf>,
    pub(crate) shutdown_timeout: Duration,
    pub(crate) stop_times: StopTimes,
    pub(crate) engine: EngineSettings,
    pub(crate) item_pipelines: ItemPipelineSettings,
    pub(crate) persistence: PersistenceSettings,
    pub(crate) store: StoreUrl,
    pub(crate) store_settings: StoreSettings,
}

impl Common {
    /// Reads the file and combines what every command needs.
    pub(crate) fn read(global: Global) -> Result<Self, Failed> {
        let file = File::read(global.config.as_deref())?;
        // An empty variable, as compose files like to leave, is no setting.
        let database_url = std::env::var("DATABASE_URL").ok().filter(|url| !url.is_empty());
        let store = global.store.filter(|url| !url.is_empty()).or(database_url).or(file.store);
        Ok(Self {
            store: StoreUrl(store.unwrap_or_else(|| DEFAULT_STORE.to_owned())),
            log_format: global.log_format.or(file.log_format).unwrap_or_default(),
            log: global.log.or(file.log),
            tuning: file.crawl,
        })
    }

    /// The store's own settings.
    pub(crate) fn store_settings(&self) -> StoreSettings {
        store_settings(&self.tuning)
    }
}

impl CrawlSettings {
    /// Combines flags, environment, file and defaults for a crawl with `spider`.
    pub(crate) fn combine(crawl: Crawl, common: &Common, spider: &dyn Spider) -> Result<Self, Failed> {
        let mut given = Arguments::split(&crawl.args)?;
        for url in &crawl.start_urls {
            given.start_urls.push(start_url(url)?);
        }
        let limit = crawl.limit.or(given.limit);
        let args = Args::new(given.start_urls, given.values);
        let tuning = crawl.tuning.over(common.tuning.clone());
        let shutdown_timeout = shutdown_timeout(tuning.shutdown_timeout)?;
        let stop_times = StopTimes::of(shutdown_timeout);
        let engine = EngineSettings {
            limit: above_zero(limit),
            max_items: above_zero(crawl.max_items),
            max_depth: above_zero(crawl.max_depth),
            max_duration: crawl.max_duration.filter(|time| !time.is_zero()),
            stop_grace: stop_times.fetch_grace,
            ..engine(&tuning)?
        };
        // Before the store is opened: a run that cannot begin leaves no trace there.
        engine.validate().map_err(|error| match error.hint() {
            Some(hint) => Failed::usage(&error).hint(hint),
            None => Failed::usage(&error),
        })?;
        Ok(Self {
            run_name: match crawl.run.filter(|name| !name.is_empty()) {
                Some(name) => name,
                None => default_run_name(spider.name(), &args),
            },
            args,
            fresh: crawl.fresh,
            force_run: crawl.force_run || given.force_run,
            output: crawl.output.as_deref().map(Target::parse).transpose()?,
            heartbeat_file: tuning.heartbeat_file.clone(),
            shutdown_timeout,
            stop_times,
            item_pipelines: ItemPipelineSettings { replace_nul: tuning.replace_nul.unwrap_or_default() },
            persistence: persistence(&tuning, engine.concurrency)?,
            engine,
            store: common.store.clone(),
            store_settings: StoreSettings {
                take_over_after: take_over_after(tuning.take_over_after)?,
                ..store_settings(&tuning)
            },
        })
    }
}

fn engine(tuning: &Tuning) -> Result<EngineSettings, Failed> {
    let defaults = EngineSettings::default();
    Ok(EngineSettings {
        concurrency: at_least_one("concurrency", tuning.concurrency, defaults.concurrency)?,
        host_concurrency: at_least_one(
            "host-concurrency",
            tuning.host_concurrency,
            defaults.host_concurrency,
        )?,
        rate_per_second: match tuning.rate {
            Some(rate) => Some(rate).filter(|rate| *rate > 0.0),
            None => defaults.rate_per_second,
        },
        crawl_threads: at_least_one("crawl-threads", tuning.crawl_threads, defaults.crawl_threads)?,
        obey_robots: tuning.robots.unwrap_or(defaults.obey_robots),
        user_agent: tuning.user_agent.clone().unwrap_or(defaults.user_agent),
        parse_timeout: tuning.parse_timeout.unwrap_or(defaults.parse_timeout),
        retries: tuning.retries.unwrap_or(defaults.retries),
        connect_timeout: tuning.connect_timeout.unwrap_or(defaults.connect_timeout),
        max_failed_share: tuning.max_failed_share,
        request_timeout: tuning.request_timeout.unwrap_or(defaults.request_timeout),
        max_body_bytes: at_least_one("max-body", tuning.max_body, defaults.max_body_bytes)?,
        memory_budget_bytes: at_least_one(
            "memory-budget",
            tuning.memory_budget,
            defaults.memory_budget_bytes,
        )?,
        ..defaults
    })
}

fn persistence(tuning: &Tuning, concurrency: usize) -> Result<PersistenceSettings, Failed> {
    let defaults = PersistenceSettings::default();
    Ok(PersistenceSettings {
        flush_rows: at_least_one("flush-rows", tuning.flush_rows, defaults.flush_rows)?,
        flush_bytes: at_least_one("flush-bytes", tuning.flush_bytes, defaults.flush_bytes)?,
        flush_interval: tuning.flush_interval.unwrap_or(defaults.flush_interval),
        max_pending_flushes: at_least_one(
            "max-pending-flushes",
            tuning.max_pending_flushes,
            defaults.max_pending_flushes,
        )?,
        max_outage: tuning.max_outage.filter(|time| !time.is_zero()),
        operation_timeout: tuning.operation_timeout.unwrap_or(defaults.operation_timeout),
        startup_timeout: tuning.startup_timeout.unwrap_or(defaults.startup_timeout),
        inbox_capacity: concurrency + INBOX_SPARE,
        ..defaults
    })
}

/// The pool must hold a session for each pending flush, one for a refill and one for a heartbeat.
fn store_settings(tuning: &Tuning) -> StoreSettings {
    let defaults = StoreSettings::default();
    StoreSettings {
        connections: tuning
            .max_pending_flushes
            .map_or(defaults.connections, |flushes| flushes.saturating_add(2)),
        connect_timeout: tuning.operation_timeout.unwrap_or(defaults.connect_timeout),
        ..defaults
    }
}

/// The time of a stop: it must hold the reserve of the last two steps, and should fit a container's 10 s.
fn shutdown_timeout(given: Option<Duration>) -> Result<Duration, Failed> {
    let timeout = given.unwrap_or(Duration::from_secs(8));
    if timeout < Duration::from_secs(4) {
        return Err(Failed::usage(format!(
            "a shutdown timeout of {} s is too short: 2.5 s of it are reserved for cancelling and closing",
            timeout.as_secs_f64()
        ))
        .hint("give at least 4 (SHUTDOWN_TIMEOUT_SECONDS or --shutdown-timeout)"));
    }
    if timeout > Duration::from_secs(10) {
        tracing::warn!(
            seconds = timeout.as_secs_f64(),
            "the shutdown timeout is longer than the 10 s that most orchestrators grant before they kill"
        );
    }
    Ok(timeout)
}

/// A process beats every 5 s: what is silent for less than twice that need not hang.
fn take_over_after(given: Option<Duration>) -> Result<Option<Duration>, Failed> {
    match given {
        None => Ok(StoreSettings::default().take_over_after),
        Some(Duration::ZERO) => Ok(None),
        Some(time) if time < Duration::from_secs(10) => Err(Failed::usage(format!(
            "{} s is too short to take a run over: its process writes a heartbeat every 5 s",
            time.as_secs_f64()
        ))
        .hint("give at least 10s, or 0 for never (--take-over-after)")),
        Some(time) => Ok(Some(time)),
    }
}

fn at_least_one(name: &str, given: Option<usize>, default: usize) -> Result<usize, Failed> {
    match given.map(NonZeroUsize::new) {
        None => Ok(default),
        Some(Some(number)) => Ok(number.get()),
        Some(None) => Err(Failed::usage(format!("--{name} must be at least 1"))),
    }
}

fn above_zero<N: Default + PartialEq>(limit: Option<N>) -> Option<N> {
    limit.filter(|number| *number != N::default())
}

/// What `-a NAME=VALUE` gave: arguments of the spider, and three that mean the same as flags.
#[derive(Debug, Default)]
struct Arguments {
    start_urls: Vec<Url>,
    limit: Option<u64>,
    force_run: bool,
    values: BTreeMap<String, String>,
}

impl Arguments {
    fn split(given: &[String]) -> Result<Self, Failed> {
        let mut split = Self::default();
        for argument in given {
            let Some((name, value)) = argument.split_once('=').filter(|(name, _)| !name.is_empty()) else {
                return Err(Failed::usage(format!("-a {argument:?} is not NAME=VALUE"))
                    .hint("example: -a category=travel"));
            };
            match name {
                "start_urls" | "start_url" => {
                    for url in value.split(',').map(str::trim).filter(|url| !url.is_empty()) {
                        split.start_urls.push(start_url(url)?);
                    }
                }
                "limit" => {
                    let limit = value.parse();
                    split.limit = Some(limit.map_err(|_| {
                        Failed::usage(format!("-a limit={value}: not a number of pages"))
                            .hint("example: -a limit=20")
                    })?);
                }
                "force_run" => {
                    split.force_run = match value.to_ascii_lowercase().as_str() {
                        "true" | "1" | "yes" => true,
                        "false" | "0" | "no" => false,
                        _ => return Err(Failed::usage(format!("-a force_run={value}: say true or false"))),
                    };
                }
                _ => {
                    split.values.insert(name.to_owned(), value.to_owned());
                }
            }
        }
        Ok(split)
    }
}

/// URLs are stored and logged, so none may hold a password; one that does is not shown either.
fn start_url(text: &str) -> Result<Url, Failed> {
    // Also where it cannot be parsed, or `user:password@host` is taken for a scheme.
    let shown = text.rsplit_once('@').map_or_else(|| text.to_owned(), |(_, rest)| format!("…@{rest}"));
    let with_scheme = "give it with its scheme: https://example.com/";
    let url = Url::parse(text.trim()).map_err(|error| {
        Failed::usage(format!("the start URL {shown:?} is not an absolute URL ({error})")).hint(with_scheme)
    })?;
    if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
        return Err(
            Failed::usage(format!("the start URL {shown:?} is neither http nor https")).hint(with_scheme)
        );
    }
    if has_userinfo(&url) {
        return Err(Failed::usage(format!(
            "the start URL for {} holds a user name or a password, which would be stored with every page",
            url.host_str().unwrap_or_default()
        ))
        .hint("leave them out, and let the spider send a header: Request::header(\"Authorization\", …)"));
    }
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(given: &[&str]) -> Result<Arguments, Failed> {
        Arguments::split(&given.iter().map(|argument| (*argument).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn three_arguments_mean_the_same_as_flags() {
        let split = split(&[
            "start_urls=http://a.example/,http://b.example/",
            "limit=7",
            "force_run=true",
            "tag=x=y",
        ])
        .unwrap();
        assert_eq!(split.start_urls.len(), 2);
        assert_eq!((split.limit, split.force_run), (Some(7), true));
        assert_eq!(split.values.get("tag").map(String::as_str), Some("x=y"));
    }

    #[test]
    fn wrong_arguments_are_usage_errors() {
        for wrong in [
            "noequals",
            "=x",
            "limit=many",
            "force_run=perhaps",
            "start_urls=nonsense",
            "start_urls=ftp://a/",
        ] {
            let failed = split(&[wrong]).unwrap_err();
            assert_eq!(failed.exit, crate::exit::Exit::Usage, "{wrong}");
        }
    }

    #[test]
    fn a_start_url_holds_no_password_and_none_is_shown() {
        assert!(start_url(" https://a.example/@me ").is_ok());
        for secret in [
            "https://user:hunter2@a.example/",
            "https://hunter2@a.example/",
            "user:hunter2@a.example",
            "https://user:hunter2@a.example:99999/",
            "ftp://user:hunter2@a.example/",
        ] {
            let failed = start_url(secret).unwrap_err();
            assert_eq!(failed.exit, crate::exit::Exit::Usage, "{secret}");
            assert!(failed.what.contains("a.example"), "{}", failed.what);
            assert!(!format!("{failed:?}").contains("hunter2"), "{failed:?}");
        }
    }

    #[test]
    fn a_take_over_needs_two_missed_heartbeats() {
        assert!(take_over_after(Some(Duration::from_secs(9))).is_err());
        assert_eq!(take_over_after(Some(Duration::ZERO)).unwrap(), None);
        assert_eq!(take_over_after(None).unwrap(), Some(Duration::from_secs(60)));
    }

    #[test]
    fn a_stop_needs_four_seconds() {
        assert!(shutdown_timeout(Some(Duration::from_secs(3))).is_err());
        assert_eq!(shutdown_timeout(None).unwrap(), Duration::from_secs(8));
    }
}
