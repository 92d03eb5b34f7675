//! `dragline export`.

use clap::Args;

/// `dragline export`.
#[derive(Debug, Args)]
pub(crate) struct Export {
    /// The run: its id, its name (the newest run of that name), or its spider's name
    pub(crate) run: String,

    /// Write to `FILE.jsonl`, `FILE.csv` or `-` (JSON lines on stdout)
    ///
    /// A CSV file holds one item type. If there are several, each gets a file of its own: `FILE.TYPE.csv`.
    #[arg(short = 'o', long, value_name = "FILE", default_value = "-")]
    pub(crate) output: String,

    /// Export only this item type [default: all]
    #[arg(long, value_name = "TYPE")]
    pub(crate) item: Option<String>,
}
