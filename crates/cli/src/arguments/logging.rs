//! How a process logs, and how a crawl shows its progress.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use dragline_runtime::logging::LogFormat;
use dragline_runtime::progress::ProgressForm;

use crate::settings::parse::{bytes, count, number, progress_interval};

/// How the log is written, in every command.
#[derive(Debug, Args)]
#[command(next_help_heading = "Log")]
pub(crate) struct Logging {
    /// Form of the log on stderr
    #[arg(long, global = true, env = "DRAGLINE_LOG_FORMAT", value_name = "FORMAT", value_parser = log_format(), default_value = "text")]
    pub(crate) log_format: LogFormat,

    /// What is logged: `off`, `error` … `debug`, `trace`, or per module: `info,dragline_engine=debug` [default: info]
    ///
    /// A level alone is that of Dragline and of the spiders; libraries speak from WARN on, unless they are named.
    #[arg(long, global = true, env = "DRAGLINE_LOG", value_name = "FILTER")]
    pub(crate) log: Option<String>,

    /// Lines of one place in the code that go through in 10 s, at INFO and WARN; the others are counted, and their
    /// number is said; 0 = all of them
    #[arg(long, global = true, env = "DRAGLINE_LOG_REPEATS", value_name = "N", value_parser = number::<u64>, default_value = "50")]
    pub(crate) log_repeats: u64,

    /// Folder for a log file of each crawl, beside stderr
    #[arg(long, global = true, env = "DRAGLINE_LOG_DIR", value_name = "DIR")]
    pub(crate) log_dir: Option<PathBuf>,

    /// Size at which a log file is followed by the next
    #[arg(long, global = true, env = "DRAGLINE_LOG_FILE_BYTES", value_name = "BYTES", value_parser = bytes, default_value = "50MiB")]
    pub(crate) log_file_bytes: usize,

    /// Log files of a spider that are kept in the folder
    #[arg(long, global = true, env = "DRAGLINE_LOG_FILES", value_name = "N", value_parser = count, default_value = "20")]
    pub(crate) log_files: usize,
}

/// How a crawl shows its progress.
#[derive(Clone, Copy, Debug, Args)]
#[command(next_help_heading = "Progress")]
pub(crate) struct Progress {
    /// How progress is shown
    #[arg(
        long = "progress",
        id = "progress",
        env = "DRAGLINE_PROGRESS",
        value_name = "FORM",
        value_parser = progress_form(),
        default_value = "auto"
    )]
    pub(crate) form: ProgressForm,

    /// Time between two lines that tell the progress in the log, at least 1s
    #[arg(long = "progress-interval", id = "progress_interval", env = "DRAGLINE_PROGRESS_INTERVAL", value_name = "TIME", value_parser = progress_interval, default_value = "10s")]
    pub(crate) every: Duration,
}

/// The words for the forms of log lines.
fn log_format() -> impl TypedValueParser<Value = LogFormat> {
    one_of([
        ("text", "For people", LogFormat::Text), //
        ("json", "One JSON object a line", LogFormat::Json),
    ])
}

/// The words for the forms of progress.
fn progress_form() -> impl TypedValueParser<Value = ProgressForm> {
    one_of([
        ("auto", "A display on a terminal, lines in the log elsewhere", ProgressForm::Auto),
        ("hosts", "The same, and one line for each busy host", ProgressForm::Hosts),
        ("lines", "Lines in the log", ProgressForm::Lines),
        ("none", "None", ProgressForm::None),
    ])
}

/// A value for each word. The types belong to the runtime, which knows no command line.
fn one_of<T, const N: usize>(words: [(&'static str, &'static str, T); N]) -> impl TypedValueParser<Value = T>
where
    T: Copy + Send + Sync + 'static,
{
    PossibleValuesParser::new(words.map(|(word, help, _)| PossibleValue::new(word).help(help))).try_map(
        move |given| {
            let known = words.iter().find(|(word, ..)| *word == given);
            known.map(|(.., value)| *value).ok_or_else(|| format!("{given:?} is not one of the values"))
        },
    )
}
