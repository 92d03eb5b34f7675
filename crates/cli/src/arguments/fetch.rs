//! `dragline fetch`.

use clap::Args;

use super::{Fetching, Links, Robots};

pub(super) const EXAMPLES: &str = "\
Examples:
  dragline fetch https://example.com/                           status, redirects, headers, times
  dragline fetch https://example.com/ --body | grep title       the body on stdout, the rest on stderr
  dragline fetch https://quotes.toscrape.com/ --spider quotes   the items and requests that it would emit
  dragline fetch https://api.example.com/ -H 'Accept: application/json' --data '{}' -o answer.json

One request, as a crawl would make it: the same headers, time-outs, limits and decoding, and robots.txt obeyed
(--robots false does not ask it). It is not tried again, and nothing is stored. Exit 0 on a page that a crawl would have
done (2xx, or what the spider accepts), 1 otherwise.";

/// `dragline fetch`.
#[derive(Debug, Args)]
pub(crate) struct Fetch {
    /// What to fetch
    pub(crate) url: String,

    /// Show what this spider would make of the page, after the item pipelines
    #[arg(long, value_name = "NAME")]
    pub(crate) spider: Option<String>,

    /// The tag that the page's request would carry
    #[arg(long, value_name = "TAG", default_value = "", hide_default_value = true)]
    pub(crate) tag: String,

    /// A value of its meta; repeatable. What is no JSON is text
    #[arg(long, value_name = "NAME=JSON")]
    pub(crate) meta: Vec<String>,

    /// One more header; repeatable
    #[arg(short = 'H', long = "header", value_name = "NAME: VALUE")]
    pub(crate) headers: Vec<String>,

    /// The method [default: GET, with --data POST]
    #[arg(long, value_name = "METHOD")]
    pub(crate) method: Option<String>,

    /// A body to send, as a form unless a header says otherwise
    #[arg(long, value_name = "TEXT")]
    pub(crate) data: Option<String>,

    /// Print the body to stdout, and everything else to stderr
    #[arg(long, conflicts_with_all = ["output", "json"])]
    pub(crate) body: bool,

    /// Write the body, decompressed, to FILE; - is stdout
    #[arg(short = 'o', long, value_name = "FILE")]
    pub(crate) output: Option<String>,

    /// Everything but the body as one JSON object
    #[arg(long)]
    pub(crate) json: bool,

    #[command(flatten)]
    pub(crate) fetching: Fetching,

    #[command(flatten)]
    pub(crate) robots: Robots,

    #[command(flatten)]
    pub(crate) links: Links,
}
