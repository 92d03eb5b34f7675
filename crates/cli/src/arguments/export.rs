//! `dragline export`.

use clap::Args;

/// `dragline export`.
#[derive(Debug, Args)]
pub(crate) struct Export {
    /// The run: its id, its name (the newest run of that name), or its spider's name
    pub(crate) run: String,

    /// Write to `FILE.jsonl`, `FILE.csv` or `-` (JSON lines on stdout)
    #[arg(short = 'o', long, value_name = "FILE", default_value = "-")]
    pub(crate) output: String,

    /// Export only this item type; needed for CSV if there are several [default: all]
    #[arg(long, value_name = "TYPE")]
    pub(crate) item: Option<String>,
}
