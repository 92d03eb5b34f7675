//! The last lines of a run's log, if the folder of log files is known (`--log-dir`).
//!
//! A file's name has the spider, the start of its process, the pid and the part: `quotes-20261121T112000.123Z-4711-0001.log`. The crawls of
//! `dragline serve` write theirs in a folder with the name of their schedule, which is the name of the run, too.

use std::fs::{self, File};
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::{Component, Path, PathBuf};

use chrono::{DateTime, NaiveDateTime, TimeDelta, Utc};
use dragline_core::runs::RunRecord;
use serde::{Deserialize, Serialize};

use super::{Answer, Reader, shown};
use crate::answer::Refused;
use crate::limits::{MAX_LINE_BYTES, MAX_LOG_BYTES, MAX_LOG_FILES, MAX_LOG_LINES};

/// A process writes its first log line before its run is open, and clocks of two machines differ.
const TOLERANCE: TimeDelta = TimeDelta::seconds(2);

/// The last lines of a log.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogTail {
    /// The name of the file. `null` without a file.
    pub file: Option<String>,
    /// Why there are no lines, for people.
    pub missing_because: Option<String>,
    /// The lines, oldest first.
    pub lines: Vec<String>,
}

impl LogTail {
    fn missing(because: impl Into<String>) -> Self {
        Self { missing_because: Some(because.into()), ..Self::default() }
    }
}

impl Reader {
    /// The last lines of the log of a run's last process, without secrets.
    pub(crate) async fn log(&self, run_id: i64, lines: usize) -> Answer<LogTail> {
        let run = self.run(run_id).await?;
        let Some(dir) = self.log_dir.clone() else {
            return Ok(LogTail::missing("the folder of log files is not known; start with --log-dir DIR"));
        };
        let read = tokio::task::spawn_blocking(move || tail(&dir, &run, lines.min(MAX_LOG_LINES)));
        match read.await {
            Ok(Ok(tail)) => shown(&tail),
            Ok(Err(error)) => Ok(LogTail::missing(format!("the log cannot be read: {error}"))),
            Err(_) => Err(Refused::new(http::StatusCode::INTERNAL_SERVER_ERROR, "reading the log failed")),
        }
    }
}

/// The parts of the log of a run's last process, the first one first. `dir` is the folder of all log files, or that of the run's schedule.
///
/// # Errors
/// When the folder cannot be read.
pub fn log_files(dir: &Path, run: &RunRecord) -> std::io::Result<Vec<PathBuf>> {
    let Some(process) = &run.process else { return Ok(Vec::new()) };
    let latest = run.last_start_at + TOLERANCE;
    let of_schedule = is_folder_name(&run.name).then(|| dir.join(&run.name)).filter(|dir| dir.is_dir());
    let mut found = Vec::new();
    for dir in [Some(dir.to_owned()), of_schedule].into_iter().flatten() {
        let names = fs::read_dir(&dir)?.take(MAX_LOG_FILES).flatten();
        let names = names.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_file()));
        found.extend(names.filter_map(|entry| {
            let name = entry.file_name().into_string().ok()?;
            let (at, pid, part) = parts(&name, &run.spider)?;
            (pid == process.pid && at <= latest).then(|| (at, part, dir.join(&name)))
        }));
    }
    // Another process may have had the same pid before.
    let last = found.iter().map(|(at, ..)| *at).max();
    found.retain(|(at, ..)| Some(*at) == last);
    found.sort();
    Ok(found.into_iter().map(|(_, _, path)| path).collect())
}

fn tail(dir: &Path, run: &RunRecord, lines: usize) -> std::io::Result<LogTail> {
    if run.process.is_none() {
        return Ok(LogTail::missing("the process is not known"));
    }
    let Some(path) = log_files(dir, run)?.pop() else {
        return Ok(LogTail::missing("the folder has no log file of the run's last process"));
    };
    let name = path.file_name().and_then(|name| name.to_str()).map(str::to_owned);
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    let from = length.saturating_sub(MAX_LOG_BYTES);
    file.seek(SeekFrom::Start(from))?;
    let mut bytes = Vec::new();
    file.take(MAX_LOG_BYTES).read_to_end(&mut bytes)?;
    let text = String::from_utf8_lossy(&bytes);
    // The first line may have lost its beginning.
    let whole: &str = if from > 0 { text.split_once('\n').map_or("", |(_, rest)| rest) } else { &text };
    let all: Vec<&str> = whole.lines().collect();
    let last = all[all.len().saturating_sub(lines)..].iter();
    Ok(LogTail { file: name, missing_because: None, lines: last.map(|line| cut(line)).collect() })
}

/// Whether a run's name leads to a folder in this one, and nowhere else. People may give a run any name.
fn is_folder_name(name: &str) -> bool {
    let mut parts = Path::new(name).components();
    matches!((parts.next(), parts.next()), (Some(Component::Normal(part)), None) if part == name)
}

/// Start, pid and part of a log file of this spider.
fn parts(name: &str, spider: &str) -> Option<(DateTime<Utc>, u32, u32)> {
    let safe = |c: char| if c.is_alphanumeric() || matches!(c, '_' | '-' | '.') { c } else { '_' };
    let spider: String = spider.chars().map(safe).take(100).collect();
    let rest = name.strip_suffix(".log")?.strip_prefix(spider.trim_start_matches('.'))?.strip_prefix('-')?;
    let mut words = rest.split('-');
    let (at, pid, part) = (words.next()?, words.next()?, words.next()?);
    let at = NaiveDateTime::parse_from_str(at, "%Y%m%dT%H%M%S%.3fZ").ok()?;
    words.next().is_none().then_some((at.and_utc(), pid.parse().ok()?, part.parse().ok()?))
}

fn cut(line: &str) -> String {
    if line.len() <= MAX_LINE_BYTES {
        return line.to_owned();
    }
    format!("{}…", &line[..line.floor_char_boundary(MAX_LINE_BYTES)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_run_does_not_lead_out_of_the_folder() {
        assert!(is_folder_name("nightly") && is_folder_name("a \"b\" \\ c"));
        for other in ["", ".", "..", "../x", "/etc", "a/b", "a/", "./a"] {
            assert!(!is_folder_name(other), "{other}");
        }
    }

    #[test]
    fn the_name_of_a_log_file_is_taken_apart() {
        let (at, pid, part) = parts("quotes-20261121T112000.123Z-4711-0002.log", "quotes").unwrap();
        assert_eq!((at.to_rfc3339().as_str(), pid, part), ("2026-11-21T11:20:00.123+00:00", 4711, 2));
        assert!(parts("my_spider-20261121T112000.123Z-1-0001.log", "my/spider").is_some());
        for other in
            ["quotes-x-1-0001.log", "quotes2-20261121T112000.123Z-1-0001.log", "quotes.log", "../x.log"]
        {
            assert!(parts(other, "quotes").is_none(), "{other}");
        }
    }
}
