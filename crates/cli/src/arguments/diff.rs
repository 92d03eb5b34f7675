//! `dragline diff`.

use clap::{Args, ValueEnum};

pub(super) const EXAMPLES: &str = "\
Examples:
  dragline diff books                          what the newest run changed, compared with the one before it
  dragline diff 9 12 --item book               from the end of run 9 to the end of run 12
  dragline diff books --format csv > diff.csv

New and changed rows are known for item types with a history: #[item(history)]. Rows are gone if the run before saw them \
and this one did not. A run that was stopped or limited, or of which pages failed, never reports rows as gone: the \
output says why.";

/// `dragline diff`.
#[derive(Debug, Args)]
pub(crate) struct Diff {
    /// The run: its id, its name (the newest run of that name), or its spider's name
    ///
    /// It is compared with the last complete run of the same name before it. With two runs, this is the earlier one.
    pub(crate) run: String,

    /// The later run, of the same name
    #[arg(value_name = "RUN")]
    pub(crate) later: Option<String>,

    /// Compare only rows of this item type [default: all]
    #[arg(long, value_name = "TYPE")]
    pub(crate) item: Option<String>,

    /// How to print the rows
    #[arg(long, value_enum, default_value_t = DiffFormat::Text)]
    pub(crate) format: DiffFormat,
}

/// The format of a comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum DiffFormat {
    /// One line for each row, for people. Long values are shortened
    Text,
    /// One JSON object for each row
    Jsonl,
    /// One line for each column that differs
    Csv,
}
