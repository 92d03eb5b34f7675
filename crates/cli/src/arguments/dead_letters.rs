//! `dragline dead-letters`.

use clap::builder::BoolishValueParser;
use clap::{Args, Subcommand};

use dragline_flags::number;

pub(super) const EXAMPLES: &str = "\
Examples:
  dragline dead-letters list --run quotes
  dragline dead-letters show 17
  dragline dead-letters retry 17 18        after you have fixed the table or the spider
  dragline dead-letters retry --all --run quotes
  dragline dead-letters export letters.jsonl";

/// `dragline dead-letters …`.
#[derive(Debug, Subcommand)]
pub(crate) enum LetterAction {
    /// List dead letters, oldest first
    #[command(after_help = "Example:\n  dragline dead-letters list --run quotes --limit 20")]
    List(ListLetters),

    /// Show a dead letter with its payload
    #[command(after_help = "Example:\n  dragline dead-letters show 17")]
    Show {
        /// The id of the dead letter
        #[arg(value_name = "ID")]
        letter_id: i64,
    },

    /// Store the items of dead letters and remove the letters; exit 1 if any is refused again
    #[command(after_help = RETRY_EXAMPLES)]
    Retry(RetryLetters),

    /// Write dead letters to `FILE.jsonl`, `FILE.csv` or `-` (JSON lines on stdout)
    #[command(after_help = "Example:\n  dragline dead-letters export letters.jsonl --run quotes")]
    Export {
        /// `FILE.jsonl`, `FILE.csv` or `-` (JSON lines on stdout)
        file: String,

        /// Only letters of this run: its id, its name (the newest run of that name), or its spider's name
        #[arg(long, value_name = "RUN")]
        run: Option<String>,
    },
}

const RETRY_EXAMPLES: &str = "\
Examples:
  dragline dead-letters retry 17 18
  dragline dead-letters retry --all --run quotes

The transaction that stores an item also removes its letter. When a dead page has no letters left, it is done.";

/// `dragline dead-letters list`.
#[derive(Debug, Args)]
pub(crate) struct ListLetters {
    /// Only letters of this run: its id, its name (the newest run of that name), or its spider's name
    #[arg(long, value_name = "RUN")]
    pub(crate) run: Option<String>,

    /// Show at most N; 0 = all
    #[arg(long, value_name = "N", value_parser = number::<usize>, default_value_t = 100)]
    pub(crate) limit: usize,
}

/// `dragline dead-letters retry`.
#[derive(Debug, Args)]
pub(crate) struct RetryLetters {
    /// The ids of the letters; `dragline dead-letters list` shows them
    #[arg(value_name = "ID", required_unless_present = "all", conflicts_with = "all")]
    pub(crate) letter_ids: Vec<i64>,

    /// Retry all letters, or all letters of the run
    #[arg(long)]
    pub(crate) all: bool,

    /// Only letters of this run: its id, its name (the newest run of that name), or its spider's name
    #[arg(long, value_name = "RUN")]
    pub(crate) run: Option<String>,

    /// Also retry letters in which U+FFFD has replaced a NUL character
    #[arg(long, env = "DRAGLINE_REPLACE_NUL", value_parser = BoolishValueParser::new())]
    pub(crate) replace_nul: bool,
}
