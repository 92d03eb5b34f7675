//! A schedule: the keys of a `[schedule.NAME]` table that are not settings of the crawl.

use std::fmt;
use std::time::Duration;

use clap::{Args, Command, FromArgMatches, ValueEnum};
use dragline_core::schedules::ScheduleNote;
use dragline_flags::{Limit, bytes_or_none, duration, limit, number, text};
use serde_json::json;

use crate::cron::{Times, time_zone};

/// The longest name, which is also the name of a run and of a folder.
const MAX_NAME: usize = 100;

/// The keys of a schedule's table, besides the settings of its crawl.
#[derive(Args, Clone, Debug, PartialEq, Eq)]
pub struct ScheduleSettings {
    /// The spider
    #[arg(long, value_name = "SPIDER")]
    pub spider: Option<String>,

    /// When it is due: minute, hour, day of the month, month, day of the week. Several in a list
    #[arg(long, value_name = "CRON")]
    pub cron: Vec<String>,

    /// The time zone of the cron expressions, such as `Europe/Berlin`
    #[arg(long = "time_zone", value_name = "ZONE", default_value = "UTC")]
    pub time_zone: String,

    /// Start up to this much later, at a random moment
    #[arg(long, value_name = "TIME", value_parser = duration, default_value = text::duration(Self::default().jitter))]
    pub jitter: Duration,

    /// What happens at a tick when an earlier one of the schedule has not ended
    #[arg(long = "if_running", value_name = "WHAT", value_enum, default_value_t = Self::default().if_running)]
    pub if_running: IfRunning,

    /// Which of the ticks run that were due while no server was there
    #[arg(long = "catch_up", value_name = "WHICH", value_enum, default_value_t = Self::default().catch_up)]
    pub catch_up: CatchUp,

    /// How often a tick is tried again after its process has failed
    #[arg(long, value_name = "N", value_parser = number::<u32>, default_value_t = Self::default().restarts)]
    pub restarts: u32,

    /// The time before the first new try. It doubles with each failure, up to an hour
    #[arg(long = "restart_delay", value_name = "TIME", value_parser = duration, default_value = text::duration(Self::default().restart_delay))]
    pub restart_delay: Duration,

    /// The time that one process of the crawl may take before it is ended; 0 = no limit
    #[arg(long = "max_runtime", value_name = "TIME", value_parser = limit(duration), default_value = "0")]
    pub max_runtime: Limit<Duration>,

    /// The memory that the crawl and the programs it starts may take together before it is ended; 0 = no limit
    #[arg(long = "max_memory", value_name = "BYTES", value_parser = limit(bytes_or_none), default_value = "0")]
    pub max_memory: Limit<usize>,

    /// How long a loop of the crawl may be silent before the crawl counts as hung and is ended; 0 = no limit
    #[arg(long = "max_silence", value_name = "TIME", value_parser = max_silence, default_value = text::limit(Self::default().max_silence, text::duration))]
    pub max_silence: Limit<Duration>,

    /// After about this number of pages, a new process goes on with the run; 0 = no limit
    #[arg(long = "max_pages", value_name = "N", value_parser = limit(number::<u64>), default_value = "0")]
    pub max_pages: Limit<u64>,

    /// If workers are scarce, ticks with a higher number start first
    #[arg(long, value_name = "N", value_parser = number::<i32>, default_value_t = Self::default().priority, allow_negative_numbers = true)]
    pub priority: i32,

    /// Whether the cron expressions count. Without them, only `dragline schedule run` starts it
    #[arg(long, value_name = "BOOL", action = clap::ArgAction::Set, default_value_t = Self::default().enabled)]
    pub enabled: bool,
}

impl Default for ScheduleSettings {
    fn default() -> Self {
        Self {
            spider: None,
            cron: Vec::new(),
            time_zone: "UTC".to_owned(),
            jitter: Duration::ZERO,
            if_running: IfRunning::Skip,
            catch_up: CatchUp::Last,
            restarts: 5,
            restart_delay: Duration::from_secs(30),
            max_runtime: None,
            max_memory: None,
            // Loops give a sign of life once a second, also while the store is away and while a page is slow.
            max_silence: Some(Duration::from_secs(300)),
            max_pages: None,
            priority: 0,
            enabled: true,
        }
    }
}

/// What happens at a tick when an earlier one of the schedule has not ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum IfRunning {
    /// The new tick is skipped.
    Skip,
    /// The new tick waits until the earlier one has ended.
    Queue,
    /// The earlier one is stopped and its run ended, and the new tick starts a new run.
    Replace,
}

/// Which of the ticks run that were due while no server was there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum CatchUp {
    /// None of them.
    None,
    /// The last one.
    Last,
    /// All of them, one after the other; a hundred at most.
    All,
}

/// A schedule.
#[derive(Clone, Debug)]
pub struct Schedule {
    /// Its name. It is the name of its runs, too.
    pub name: String,
    /// Its spider.
    pub spider: String,
    /// When it is due.
    pub times: Times,
    /// Its other keys.
    pub settings: ScheduleSettings,
}

/// What is wrong with a schedule: the key, if it is one, and the problem.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScheduleError {
    /// The key.
    pub key: &'static str,
    /// The problem.
    pub problem: String,
}

impl fmt::Display for ScheduleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`: {}", self.key, self.problem)
    }
}

/// A loop that is silent for a shorter time may only be slow: the machine is busy, or its clock was set.
const LEAST_SILENCE: Duration = Duration::from_secs(5);

fn max_silence(text: &str) -> Result<Limit<Duration>, String> {
    match limit(duration)(text)? {
        Some(time) if time < LEAST_SILENCE => Err("must be at least 5s, or 0 for no limit".to_owned()),
        time => Ok(time),
    }
}

impl ScheduleSettings {
    /// The parser of the keys. They are long flags here, so that a file has the checks of a command line.
    pub fn command() -> Command {
        Self::augment_args(Command::new("file").no_binary_name(true).disable_help_flag(true))
    }
}

impl Schedule {
    /// A schedule from keys that were already checked one by one, each as `--KEY=VALUE`.
    ///
    /// # Errors
    /// When a key is missing, or its value is wrong.
    pub fn new(name: &str, words: &[String]) -> Result<Self, ScheduleError> {
        let wrong = |key, problem: String| ScheduleError { key, problem };
        let matches = ScheduleSettings::command().try_get_matches_from(words);
        let settings = matches.and_then(|matches| ScheduleSettings::from_arg_matches(&matches));
        let settings = settings.map_err(|error| wrong("schedule", error.to_string()))?;
        let spider = settings.spider.clone();
        let spider = spider.ok_or_else(|| wrong("spider", "the schedule needs a spider".to_owned()))?;
        let zone = time_zone(&settings.time_zone).map_err(|problem| wrong("time_zone", problem))?;
        let times = Times::new(&settings.cron, zone).map_err(|problem| wrong("cron", problem))?;
        if settings.cron.is_empty() && settings.enabled {
            let problem = "the schedule needs a cron expression; with enabled = false, only `dragline schedule run` starts it";
            return Err(wrong("cron", problem.to_owned()));
        }
        Ok(Self { name: name.to_owned(), spider, times, settings })
    }

    /// What the store and its readers know about it. It holds no setting of the crawl, because that may be a secret.
    pub fn note(&self) -> ScheduleNote {
        let ScheduleSettings { jitter, if_running, catch_up, restarts, restart_delay, .. } = &self.settings;
        let word = |value: &dyn fmt::Debug| format!("{value:?}").to_lowercase();
        let definition = json!({
            "spider": self.spider,
            "cron": self.times.expressions().collect::<Vec<_>>(),
            "time_zone": self.times.zone().name(),
            "jitter_seconds": jitter.as_secs_f64(),
            "if_running": word(if_running),
            "catch_up": word(catch_up),
            "restarts": restarts,
            "restart_delay_seconds": restart_delay.as_secs_f64(),
            "max_runtime_seconds": self.settings.max_runtime.map(|limit| limit.as_secs_f64()),
            "max_memory_bytes": self.settings.max_memory,
            "max_silence_seconds": self.settings.max_silence.map(|limit| limit.as_secs_f64()),
            "max_pages": self.settings.max_pages,
            "priority": self.settings.priority,
            "enabled": self.settings.enabled,
        });
        ScheduleNote { name: self.name.clone(), definition }
    }
}

/// Checks the name of a schedule. It is also the name of a run and of a folder.
///
/// # Errors
/// What is wrong with it.
pub fn check_name(name: &str) -> Result<(), String> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    if name.is_empty() || name.starts_with('.') || name.len() > MAX_NAME || !name.chars().all(is_plain) {
        return Err(format!(
            "the schedule's name {name:?} must have letters, digits, `_`, `-` and `.` only, {MAX_NAME} at most, and no `.` at \
             the beginning"
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schedule(words: &[&str]) -> Result<Schedule, ScheduleError> {
        Schedule::new("nightly", &words.iter().map(|it| (*it).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn a_spider_and_a_cron_expression_are_enough() {
        let plain = schedule(&["--spider=books", "--cron=0 3 * * *"]).unwrap();
        let expected = ScheduleSettings {
            spider: Some("books".to_owned()),
            cron: vec!["0 3 * * *".to_owned()],
            ..ScheduleSettings::default()
        };
        assert_eq!(plain.settings, expected);
        assert_eq!(plain.note().definition["time_zone"], "UTC");
        assert!(schedule(&["--spider=books", "--enabled=false"]).is_ok());
    }

    #[test]
    fn what_is_wrong_is_told_with_its_key() {
        for (words, key) in [
            (&["--cron=0 3 * * *"][..], "spider"),
            (&["--spider=books"], "cron"),
            (&["--spider=books", "--cron=often"], "cron"),
            (&["--spider=books", "--cron=0 3 * * *", "--time_zone=Mars"], "time_zone"),
        ] {
            assert_eq!(schedule(words).unwrap_err().key, key, "{words:?}");
        }
        for name in ["", ".hidden", "a/b", "a b", "ü"] {
            assert!(check_name(name).is_err(), "{name}");
        }
        assert!(check_name("books-nightly_2.b").is_ok());
    }
}
