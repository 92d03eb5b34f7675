//! `dragline pages`.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use dragline_engine::FetchSettings;
use dragline_flags::{bytes, text};
use regex::Regex;

pub(super) const EXAMPLES: &str = "\
Examples:
  dragline pages list quotes
  dragline pages show quotes https://quotes.toscrape.com/page/3/ > page3.html
  dragline pages export quotes -o quotes.warc.gz
  dragline pages import quotes.warc.gz --spider quotes

`dragline crawl --keep-pages` keeps pages, and `dragline runs prune` removes them.";

/// `dragline pages …`.
#[derive(Debug, Subcommand)]
pub(crate) enum PageAction {
    /// List the kept pages of a run
    #[command(after_help = LIST_EXAMPLES)]
    List(ListPages),

    /// Print the body of a kept page, byte by byte
    #[command(after_help = SHOW_EXAMPLES)]
    Show(ShowPage),

    /// Write the kept pages of a run to a WARC file
    #[command(after_help = EXPORT_EXAMPLES)]
    Export(ExportPages),

    /// Make the answers in a WARC file the kept pages of a new run
    #[command(after_help = IMPORT_EXAMPLES)]
    Import(ImportPages),
}

const LIST_EXAMPLES: &str = "\
Examples:
  dragline pages list quotes --url '/page/[0-9]+/'
  dragline pages list 12 --json | jq -r .url

A page that the run found unchanged is listed with the answer that an earlier run has kept. STORED is what the body \
takes in the database, where equal bodies are stored once.";

const SHOW_EXAMPLES: &str = "\
Examples:
  dragline pages show quotes https://quotes.toscrape.com/page/3/ > page3.html
  dragline pages show 12 https://quotes.toscrape.com/page/3/ --headers";

const EXPORT_EXAMPLES: &str = "\
Examples:
  dragline pages export quotes -o quotes.warc.gz
  dragline pages export 12 -o - --url '/page/' | zcat | less

The file has one record of the type response for each page that was kept whole. Headers with secrets are left out, \
and bodies are without the compression of the transfer. Two exports of the same pages are equal.";

const IMPORT_EXAMPLES: &str = "\
Examples:
  dragline pages import quotes.warc.gz --spider quotes
  dragline pages import archive.warc --spider site --run archive --tag page

The run is of the kind import. Records of the types response and resource become pages; redirects, and answers that the \
spider would not get, are left out and counted. If the import is cut off, the same command goes on, and nothing reads \
the pages of an unfinished import.";

/// `dragline pages list`.
#[derive(Debug, Args)]
pub(crate) struct ListPages {
    /// The run: its id, its name (the newest run of that name), or its spider's name
    pub(crate) run: String,

    /// Only pages whose URL matches this regular expression; repeat it for several
    #[arg(long, value_name = "REGEX", value_parser = Regex::new)]
    pub(crate) url: Vec<Regex>,

    /// Print one JSON object per line
    #[arg(long)]
    pub(crate) json: bool,
}

/// `dragline pages show`.
#[derive(Debug, Args)]
pub(crate) struct ShowPage {
    /// The run: its id, its name (the newest run of that name), or its spider's name
    pub(crate) run: String,

    /// The URL of the page
    pub(crate) url: String,

    /// Print URL, status and headers instead of the body
    #[arg(long)]
    pub(crate) headers: bool,
}

/// `dragline pages export`.
#[derive(Debug, Args)]
pub(crate) struct ExportPages {
    /// The run: its id, its name (the newest run of that name), or its spider's name
    pub(crate) run: String,

    /// Target: `FILE.warc.gz`, `FILE.warc`, or `-` for stdout, compressed like FILE.warc.gz
    #[arg(long, short, value_name = "FILE")]
    pub(crate) output: PathBuf,

    /// Only pages whose URL matches this regular expression; repeat it for several
    #[arg(long, value_name = "REGEX", value_parser = Regex::new)]
    pub(crate) url: Vec<Regex>,
}

/// `dragline pages import`.
#[derive(Debug, Args)]
pub(crate) struct ImportPages {
    /// The file: WARC 1.1 or older, plain or compressed with gzip
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,

    /// The spider that the pages are for
    #[arg(long, value_name = "NAME")]
    pub(crate) spider: String,

    /// The name of the run [default: `import-of-` and the name of the file]
    #[arg(long, value_name = "NAME")]
    pub(crate) run: Option<String>,

    /// The tag of all pages, which decides how the spider parses them
    #[arg(long, value_name = "TAG", default_value = "", hide_default_value = true)]
    pub(crate) tag: String,

    /// Leave out answers whose body is longer, unpacked
    #[arg(id = "import_max_body", long = "max-body", value_name = "BYTES", value_parser = bytes, default_value = text::bytes(FetchSettings::default().max_body_bytes))]
    pub(crate) max_body: usize,
}
