//! `dragline export`.

use clap::Args;

/// `dragline export`.
#[derive(Debug, Args)]
pub(crate) struct Export {
    /// The run: its id, its name for the newest of that name, or its spider's name
    pub(crate) run: String,

    /// `FILE.jsonl`, `FILE.csv` or `-` (JSON lines on stdout)
    #[arg(short = 'o', long, value_name = "FILE", default_value = "-")]
    pub(crate) output: String,

    /// Only this item type; CSV takes one [default: all]
    #[arg(long, value_name = "TYPE")]
    pub(crate) item: Option<String>,
}
