//! The log: lines on stderr for people or machines, and optionally also in a file of this process.
//!
//! ```text
//!  tracing ─► levels ─► repeats ─► events ─► outputs ═► queue ─► stderr, the progress panel below it
//!                                                   ═► queue ─► log file
//! ```
//!
//! A line goes through a bounded queue to a separate thread, and only this thread writes to the device. So a
//! device that is blocked, full or gone doesn't hold up or end a working thread. Lines that don't fit are
//! counted.
//!
//! This is our own and not `tracing-subscriber`'s formatter with `tracing-appender`, because those can't draw a panel below
//! the lines, limit repeats, or end a process whose stderr is blocked.

mod counts;
mod error;
mod events;
mod files;
mod levels;
mod line;
mod outputs;
mod queue;
mod repeats;
mod screen;

use std::fmt;
use std::io::{self, IsTerminal as _};
use std::panic::PanicHookInfo;
use std::sync::Arc;
use std::time::{Duration, Instant};

use dragline_core::counted::counted;
use dragline_core::worker::Worker;
use tracing::Level;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

pub use counts::LogCounts;
use counts::LostBy;
pub use error::LogError;
use events::Events;
pub use files::LogFileSettings;
use files::{LogFile, Tell};
use line::{About, Form, Line};
use outputs::{Outputs, Plain};
use queue::{DroppedLine, Queue};
use repeats::{Limit, Repeats};
use screen::Screen;
pub(crate) use screen::size;

use crate::shown::shown;

/// How long the end of the process waits for devices that accept nothing.
const LAST_LINES: Duration = Duration::from_secs(1);
/// How long the end of the progress display waits for a blocked terminal.
const LAST_PANEL: Duration = Duration::from_millis(500);
/// How long a forced end waits for a blocked stderr before and while it writes its last words.
const LAST_WORDS: Duration = Duration::from_millis(150);

/// The form of log lines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// The settings of the log.
#[derive(Clone, Debug)]
pub struct LogSettings {
    /// The form of lines.
    pub format: LogFormat,
    /// Levels per module.
    pub filter: Option<String>,
    /// Lines that each place in the code may log in 10 s. 0 means all of them.
    pub repeats: u64,
    /// Files in addition to stderr.
    pub files: Option<LogFileSettings>,
}

/// The error that ends the process: what failed, what to do about it, and the exit code.
#[derive(Clone, Copy, Debug)]
pub struct FatalError<'a> {
    /// What failed, and why.
    pub what: &'a str,
    /// What to do about it.
    pub hint: Option<&'a str>,
    /// How the process ends.
    pub exit_code: u8,
}

impl fmt::Display for FatalError<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "error: {}", shown(self.what))?;
        match self.hint {
            Some(hint) => write!(f, "\n  hint: {}", shown(hint).trim().replace('\n', "\n        ")),
            None => Ok(()),
        }
    }
}

/// Keeps the log until the end of the process. Dropping it writes waiting lines, for at most a second.
pub struct Log(LogHandle);

/// The log, for code that doesn't use `tracing`.
#[derive(Clone)]
pub struct LogHandle {
    outputs: Arc<Outputs>,
    repeats: Arc<Repeats>,
    counts: LogCounts,
}

impl Log {
    /// Starts to send the log to stderr, and to a file if the process crawls with a spider.
    ///
    /// # Errors
    /// When a filter is invalid, and when the log file or its thread cannot be created.
    pub fn start(settings: &LogSettings, spider: Option<&str>) -> Result<Self, LogError> {
        let levels = levels::parse(settings.filter.as_deref())?;
        let form = match settings.format {
            LogFormat::Text => Form::Text { colours: has_colours() },
            LogFormat::Json => Form::Json,
        };
        let about = Arc::new(About::default());
        if let Some(spider) = spider {
            let _ = about.spider.set(spider.to_owned());
        }
        let plain = Plain { about, stderr: form };
        let counts = LogCounts::default();
        let dropped = dropped_line(plain.clone(), form, "stderr was too slow");
        let stderr = Queue::start("log", Screen::stderr(), counts.clone(), LostBy::Stderr, dropped)
            .map_err(LogError::Thread)?;
        let file = match (&settings.files, spider) {
            (Some(files), Some(spider)) => Some(start_file(files, spider, &stderr, &plain, &counts)?),
            _ => None,
        };
        let outputs = Arc::new(Outputs { plain, stderr, file });
        let repeats = Arc::new(Repeats::new(settings.repeats, counts.clone(), Arc::clone(&outputs)));
        let lines = Events(Arc::clone(&outputs));
        let layers =
            tracing_subscriber::registry().with(lines).with(Limit(Arc::clone(&repeats))).with(levels);
        // The program may have set up its own log before. Then use that one.
        let _ = layers.try_init();
        std::panic::set_hook(Box::new(log_panic));
        Ok(Self(LogHandle { outputs, repeats, counts }))
    }

    /// For threads.
    pub fn handle(&self) -> LogHandle {
        self.0.clone()
    }
}

impl LogHandle {
    /// Adds this run to all further lines.
    pub fn about_run(&self, name: &str) {
        let _ = self.outputs.plain.about.run.set(name.to_owned());
    }

    /// The run now has its id.
    pub fn about_run_id(&self, run_id: i64) {
        let _ = self.outputs.plain.about.run_id.set(run_id);
    }

    /// The error that ends the process.
    pub fn failed(&self, failed: &FatalError<'_>) {
        self.counts.event(Level::ERROR);
        let text = failed.to_string();
        self.outputs.send_text(&failed_line(failed), &text, &text);
    }

    /// A separate text for people. `painted` is the same text with colours, for a terminal.
    pub fn text(&self, text: &str, painted: &str) {
        self.outputs.send_text(&Line::now("INFO", text), text, painted);
    }

    /// A line of another process, which is rendered already. It goes only to stderr.
    pub fn pass_on(&self, line: String) {
        self.outputs.stderr.line(line.into_bytes());
    }

    /// Tells people that something was killed. The process itself goes on.
    pub fn critical(&self, text: &str) {
        self.counts.event(Level::ERROR);
        let line = Line::now("CRITICAL", text.trim_start_matches("CRITICAL: "));
        self.outputs.send_text(&line, text, text);
    }

    /// The number of logged events.
    pub fn counts(&self) -> &LogCounts {
        &self.counts
    }

    /// Logs how many repeats were held back recently.
    pub fn tell_repeats(&self) {
        self.repeats.tell(false);
    }

    /// Whether stderr is a terminal that can show a panel below the log's lines. The log's format must be text
    /// for this.
    pub fn has_screen(&self) -> bool {
        matches!(self.outputs.plain.stderr, Form::Text { .. }) && is_capable_terminal()
    }

    /// Shows these rows below the log's lines.
    pub fn show_panel(&self, rows: Vec<String>) {
        self.outputs.stderr.panel(rows);
    }

    /// Removes the panel and waits a moment for that, so that the terminal is clean for further output.
    pub fn end_panel(&self) {
        self.outputs.stderr.settle(Instant::now() + LAST_PANEL);
    }

    /// The last words of a process that is forced to end. They go directly to stderr, because the log's own
    /// thread may be stuck. A blocked device holds up the end only for a moment.
    pub fn last_words(&self, text: &str) {
        self.outputs.settle(Instant::now() + LAST_WORDS);
        self.counts.event(Level::ERROR);
        let line = Line::now("CRITICAL", text.trim_start_matches("CRITICAL: "));
        let outputs = &self.outputs;
        if let Some((file, form)) = &outputs.file {
            file.line(outputs.plain.render_text(&line, text, *form));
        }
        let bytes = outputs.plain.render_text(&line, text, outputs.plain.stderr);
        let written =
            Worker::spawn("last-words", move || screen::write_fully(&mut io::stderr(), &bytes).is_ok());
        let deadline = Instant::now() + LAST_WORDS;
        if let Ok(written) = written {
            let _ = written.join_until(deadline);
        }
        if let Some((file, _)) = &outputs.file {
            file.settle(deadline);
        }
    }

    /// Removes the panel before a forced end without last words.
    pub fn settle(&self) {
        self.outputs.settle(Instant::now() + LAST_WORDS);
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        let LogHandle { outputs, repeats, counts } = &self.0;
        repeats.tell(true);
        let deadline = Instant::now() + LAST_LINES;
        outputs.settle(deadline);
        let dropped = [(counts.dropped(), "on stderr"), (counts.dropped_by_file(), "in the log file")];
        for (lines, place) in dropped.into_iter().filter(|(lines, _)| *lines > 0) {
            outputs.send(&Line::now(
                "WARN",
                format!("in total, {} missing {place}", counted(lines, "log line")),
            ));
        }
        outputs.settle(deadline);
    }
}

/// Reports an error before the log exists, such as an invalid setting. Uses the format from the command line or
/// the environment, if it can be found there.
pub fn failed_before_start(failed: &FatalError<'_>) {
    let plain = Plain { about: Arc::default(), stderr: early_form() };
    let bytes = plain.render_text(&failed_line(failed), &failed.to_string(), plain.stderr);
    let _ = screen::write_fully(&mut io::stderr(), &bytes);
}

/// A warning before there is a log.
pub fn warned_before_start(what: &str, hint: &str) {
    let plain = Plain { about: Arc::default(), stderr: early_form() };
    let mut line = Line::now("WARN", what);
    line.add("hint", hint.into());
    let bytes = plain.render_text(&line, &format!("warning: {what}\n  hint: {hint}"), plain.stderr);
    let _ = screen::write_fully(&mut io::stderr(), &bytes);
}

/// Whether a machine reads the log, for messages before the settings are read.
pub fn is_json_asked_for() -> bool {
    early_form() == Form::Json
}

fn early_form() -> Form {
    let words: Vec<_> = std::env::args_os().map(|word| word.to_string_lossy().into_owned()).collect();
    let by_flag = words.iter().any(|word| word == "--log-format=json")
        || words.windows(2).any(|pair| pair[0] == "--log-format" && pair[1] == "json");
    let by_variable = std::env::var("DRAGLINE_LOG_FORMAT").is_ok_and(|format| format == "json");
    if by_flag || by_variable { Form::Json } else { Form::Text { colours: false } }
}

fn failed_line(failed: &FatalError<'_>) -> Line {
    let mut line = Line::now("ERROR", failed.what);
    if let Some(hint) = failed.hint {
        line.add("hint", hint.trim().into());
    }
    line.add("exit", failed.exit_code.into());
    line
}

fn start_file(
    settings: &LogFileSettings,
    spider: &str,
    stderr: &Queue,
    plain: &Plain,
    counts: &LogCounts,
) -> Result<(Queue, Form), LogError> {
    let form = match plain.stderr {
        Form::Text { .. } => Form::Text { colours: false },
        Form::Json => Form::Json,
    };
    let told = Tell { stderr: stderr.clone(), plain: plain.clone(), form };
    let file = LogFile::create(settings.clone(), spider, told)?;
    let dropped = dropped_line(plain.clone(), form, "the log file was too slow");
    let queue = Queue::start("log-file", file, counts.clone(), LostBy::File, dropped);
    Ok((queue.map_err(LogError::Thread)?, form))
}

fn dropped_line(plain: Plain, form: Form, why: &'static str) -> DroppedLine {
    Box::new(move |lines| {
        let message = format!("{} dropped so far, because {why}", counted(lines, "log line"));
        plain.render(&Line::now("WARN", message), form)
    })
}

/// A terminal that supports cursor movement.
fn is_capable_terminal() -> bool {
    io::stderr().is_terminal()
        && std::env::var_os("TERM").is_some_and(|name| !name.is_empty() && name != "dumb")
}

/// <https://no-color.org>: any non-empty value means no colours.
fn has_colours() -> bool {
    is_capable_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// A panic is an ordinary log line. The code that catches it reports what it affects, which usually is one
/// page.
fn log_panic(panic: &PanicHookInfo<'_>) {
    let message = panic.payload_as_str().unwrap_or("no message");
    let place = panic.location().map(ToString::to_string).unwrap_or_default();
    let thread = std::thread::current();
    tracing::warn!(thread = thread.name(), place, "panicked: {message}");
}
