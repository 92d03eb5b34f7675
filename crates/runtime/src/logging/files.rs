//! `--log-dir`: a log file for this process.
//!
//! The name has spider, start, pid and part: `quotes-20261121T112000.123Z-4711-0001.log`. When a part is full,
//! the next one starts. Only the newest files of a spider in the folder are kept, including those of earlier
//! processes. A process locks the file that it writes (`flock`), so that no other process removes it.

use dragline_core::counted::counted;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use chrono::{SecondsFormat, Utc};

use super::error::LogError;
use super::line::{Form, Line};
use super::outputs::Plain;
use super::queue::{Queue, Sink};

/// The limits of log files.
#[derive(Clone, Debug)]
pub struct LogFileSettings {
    /// The folder.
    pub dir: PathBuf,
    /// Maximum bytes of one part.
    pub max_bytes: u64,
    /// How many files of this spider to keep in the folder.
    pub keep: usize,
}

/// The file that is being written.
pub(super) struct LogFile {
    settings: LogFileSettings,
    stem: String,
    spider: String,
    part: u32,
    file: File,
    written: u64,
    /// Whether the last write succeeded.
    takes: bool,
    lost: u64,
    told: Tell,
}

/// Reports problems with the file on stderr.
pub(super) struct Tell {
    pub(super) stderr: Queue,
    pub(super) plain: Plain,
    pub(super) form: Form,
}

impl LogFile {
    /// Opens the first part and writes its first line, so that a full or read-only folder is an error at once.
    pub(super) fn create(settings: LogFileSettings, spider: &str, told: Tell) -> Result<Self, LogError> {
        let spider = file_name(spider);
        let at = Utc::now().to_rfc3339_opts(SecondsFormat::Millis, true).replace(['-', ':'], "");
        let stem = format!("{spider}-{at}-{}", std::process::id());
        let dir = settings.dir.clone();
        let open = || -> io::Result<Self> {
            fs::create_dir_all(&dir)?;
            let (part, file) = open_part(&settings.dir, &stem, 1)?;
            let mut log = Self { settings, stem, spider, part, file, written: 0, takes: true, lost: 0, told };
            let begin =
                Line::now("INFO", format!("dragline {}: start of the log", env!("CARGO_PKG_VERSION")));
            log.append(&log.told.plain.render(&begin, log.told.form)).inspect_err(|_| {
                let _ = fs::remove_file(part_path(&dir, &log.stem, part));
            })?;
            log.prune();
            Ok(log)
        };
        open().map_err(|source| LogError::File { dir: dir.clone(), source })
    }

    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        let end = self.written;
        match self.file.write_all(bytes) {
            Ok(()) => {
                self.written += bytes.len() as u64;
                Ok(())
            }
            Err(error) => {
                // The disk was full in the middle of a line. Remove the partial line.
                let _ = self.file.set_len(end);
                Err(error)
            }
        }
    }

    fn next_part(&mut self) -> io::Result<()> {
        let (part, file) = open_part(&self.settings.dir, &self.stem, self.part + 1)?;
        (self.part, self.file, self.written) = (part, file, 0);
        self.prune();
        Ok(())
    }

    /// Removes the oldest files of this spider, except those that a process is writing.
    fn prune(&self) {
        let Ok(entries) = fs::read_dir(&self.settings.dir) else { return };
        let names = entries.flatten().filter_map(|entry| entry.file_name().into_string().ok());
        let mut ours: Vec<_> =
            names.filter_map(|name| Some((age_order(&name, &self.spider)?, name))).collect();
        ours.sort();
        let excess = ours.len().saturating_sub(self.settings.keep);
        for (_, name) in ours.into_iter().take(excess) {
            let path = self.settings.dir.join(name);
            let is_free = File::open(&path).is_ok_and(|file| file.try_lock().is_ok());
            if is_free {
                let _ = fs::remove_file(path);
            }
        }
    }

    fn tell(&self, level: &'static str, message: String) {
        let line = Line::now(level, message);
        self.told.stderr.line(self.told.plain.render(&line, self.told.plain.stderr));
    }
}

impl Sink for LogFile {
    fn write(&mut self, lines: &[Vec<u8>], _panel: Option<Vec<String>>) -> u64 {
        let bytes = lines.concat();
        if bytes.is_empty() {
            return 0;
        }
        let is_full = self.written > 0 && self.written + bytes.len() as u64 > self.settings.max_bytes;
        let written = if is_full { self.next_part() } else { Ok(()) };
        let mut written = written.and_then(|()| self.append(&bytes));
        if written.is_ok() && !self.takes {
            self.takes = true;
            let gap =
                format!("{} missing here: the log file could not be written", counted(self.lost, "line"));
            self.tell(
                "WARN",
                format!("the log file can be written again; {} missing in it", counted(self.lost, "line")),
            );
            self.lost = 0;
            let line = self.told.plain.render(&Line::now("WARN", gap), self.told.form);
            written = self.append(&line);
        }
        match written {
            Ok(()) => 0,
            Err(error) => {
                if self.takes {
                    self.takes = false;
                    self.tell(
                        "ERROR",
                        format!("cannot write to the log file, so the log is only on stderr: {error}"),
                    );
                }
                self.lost += lines.len() as u64;
                lines.len() as u64
            }
        }
    }
}

/// The first part from `number` on with an unused name, and its lock.
fn open_part(dir: &Path, stem: &str, number: u32) -> io::Result<(u32, File)> {
    for part in number..number.saturating_add(1_000) {
        let path = part_path(dir, stem, part);
        match OpenOptions::new().append(true).create_new(true).open(&path) {
            Ok(file) => {
                // On file systems without locks (some network file systems), other processes keep files that
                // they cannot lock.
                let _: Result<(), TryLockError> = file.try_lock();
                return Ok((part, file));
            }
            // Containers that share a folder may have the same pid and start.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    Err(io::ErrorKind::AlreadyExists.into())
}

fn part_path(dir: &Path, stem: &str, part: u32) -> PathBuf {
    dir.join(format!("{stem}-{part:04}.log"))
}

/// The spider's name as part of a file name.
fn file_name(spider: &str) -> String {
    let safe = |c: char| if c.is_alphanumeric() || matches!(c, '_' | '-' | '.') { c } else { '_' };
    spider.chars().map(safe).take(100).collect::<String>().trim_start_matches('.').to_owned()
}

/// Start, pid and part of one of this spider's files.
fn age_order(name: &str, spider: &str) -> Option<(String, u32, u32)> {
    let rest = name.strip_suffix(".log")?.strip_prefix(spider)?.strip_prefix('-')?;
    let mut words = rest.split('-');
    let (at, pid, part) = (words.next()?, words.next()?, words.next()?);
    let is_start = at.len() == "20261121T112000.123Z".len() && at.starts_with("20") && at.ends_with('Z');
    (is_start && words.next().is_none()).then_some((at.to_owned(), pid.parse().ok()?, part.parse().ok()?))
}

#[cfg(test)]
#[path = "files_tests.rs"]
mod tests;
