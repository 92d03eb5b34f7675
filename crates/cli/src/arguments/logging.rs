//! The log of a process, and the progress of a crawl.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use dragline_runtime::logging::LogFormat;
use dragline_runtime::progress::ProgressForm;

use dragline_flags::{bytes, count, number, progress_interval};

/// How the log is written, in every command.
#[derive(Debug, Args)]
#[command(next_help_heading = "Log")]
pub(crate) struct Logging {
    /// Format of the log on stderr
    #[arg(long, global = true, env = "DRAGLINE_LOG_FORMAT", value_name = "FORMAT", value_parser = log_format(), default_value = "text", hide_short_help = true)]
    pub(crate) log_format: LogFormat,

    /// Log level: `off`, `error`, `warn`, `info`, `debug` or `trace` [default: info]
    ///
    /// `info,dragline_engine=debug` sets a level for one module. A plain level applies to Dragline and the
    /// spiders. Libraries log WARN and above, unless you name them.
    #[arg(long, global = true, env = "DRAGLINE_LOG", value_name = "FILTER")]
    pub(crate) log: Option<String>,

    /// How many INFO and WARN lines each place in the code may log in 10 s; 0 = no limit
    ///
    /// The rest are counted, and the log says how many there were.
    #[arg(long, global = true, env = "DRAGLINE_LOG_REPEATS", value_name = "N", value_parser = number::<u64>, default_value = "50", hide_short_help = true)]
    pub(crate) log_repeats: u64,

    /// Also write a log file for each crawl to this folder
    #[arg(long, global = true, env = "DRAGLINE_LOG_DIR", value_name = "DIR", hide_short_help = true)]
    pub(crate) log_dir: Option<PathBuf>,

    /// Size at which to start a new log file
    #[arg(long, global = true, env = "DRAGLINE_LOG_FILE_BYTES", value_name = "BYTES", value_parser = bytes, default_value = "50MiB", hide_short_help = true)]
    pub(crate) log_file_bytes: usize,

    /// How many log files of a spider to keep in the folder
    #[arg(long, global = true, env = "DRAGLINE_LOG_FILES", value_name = "N", value_parser = count, default_value = "20", hide_short_help = true)]
    pub(crate) log_files: usize,
}

/// How a crawl shows its progress.
#[derive(Clone, Copy, Debug, Args)]
#[command(next_help_heading = "Progress")]
pub(crate) struct Progress {
    /// How to show progress
    #[arg(
        long = "progress",
        id = "progress",
        env = "DRAGLINE_PROGRESS",
        value_name = "FORM",
        value_parser = progress_form(),
        default_value = "auto",
        hide_short_help = true
    )]
    pub(crate) form: ProgressForm,

    /// Time between two progress lines in the log, at least 1s
    #[arg(long = "progress-interval", id = "progress_interval", env = "DRAGLINE_PROGRESS_INTERVAL", value_name = "TIME", value_parser = progress_interval, default_value = "10s", hide_short_help = true)]
    pub(crate) every: Duration,
}

/// The values of `--log-format`.
fn log_format() -> impl TypedValueParser<Value = LogFormat> {
    one_of([
        ("text", "For people", LogFormat::Text), //
        ("json", "One JSON object per line", LogFormat::Json),
    ])
}

/// The values of `--progress`.
fn progress_form() -> impl TypedValueParser<Value = ProgressForm> {
    one_of([
        ("auto", "A display on a terminal, otherwise lines in the log", ProgressForm::Auto),
        ("hosts", "The same, with a line for each busy host", ProgressForm::Hosts),
        ("lines", "Lines in the log", ProgressForm::Lines),
        ("none", "No progress", ProgressForm::None),
    ])
}

/// A parser with a value for each word. The types belong to the runtime, which doesn't know about the command line.
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
