//! `dragline fetch`.

use clap::Args;

use dragline_engine::{ClientSettings, FetchSettings, LinkSettings, RedirectSettings, RobotsSettings};

pub(super) const EXAMPLES: &str = "\
Examples:
  dragline fetch https://example.com/                           status, redirects, headers, times
  dragline fetch https://example.com/ --body | grep title       the body
  dragline fetch https://example.com/ --select 'a::attr(href)'  what a CSS selector finds
  dragline fetch https://quotes.toscrape.com/ --spider quotes   the items and requests
  dragline fetch https://api.example.com/ -H 'Accept: application/json' --data '{}' -o answer.json
  dragline fetch --kept quotes --spider quotes https://quotes.toscrape.com/page/3/

It makes one request as a crawl would, with the same headers, timeouts, limits and decoding. It obeys \
robots.txt, unless you add --robots false. It doesn't retry and stores nothing. The exit code is 0 if the page \
would be done in a crawl (2xx, or a status that the spider accepts), and 1 otherwise.";

/// `dragline fetch`.
#[derive(Debug, Args)]
pub(crate) struct Fetch {
    /// The URL to fetch
    pub(crate) url: String,

    /// Show what this spider would make of the page, after the item pipelines
    ///
    /// If the request fails, you see what the spider's `failed` function would make of it.
    #[arg(long, value_name = "NAME")]
    pub(crate) spider: Option<String>,

    /// Pass an argument to the spider; repeatable
    #[arg(short = 'a', long = "arg", value_name = "NAME=VALUE", requires = "spider")]
    pub(crate) args: Vec<String>,

    /// Take the page from what `crawl --keep-failed` kept of it in this run, and send no request
    ///
    /// The run is its id, its name, or its spider's name. The page has the tag and meta of its request in that run. Without
    /// `-a`, the spider gets the arguments of that run.
    #[arg(long, value_name = "RUN", conflicts_with_all = ["tag", "meta", "headers", "method", "data"])]
    pub(crate) kept: Option<String>,

    /// The tag of the page's request
    #[arg(long, value_name = "TAG", default_value = "", hide_default_value = true)]
    pub(crate) tag: String,

    /// A value in the request's meta; repeatable
    ///
    /// A value that isn't valid JSON is a text.
    #[arg(long, value_name = "NAME=JSON")]
    pub(crate) meta: Vec<String>,

    /// Add this header; repeatable
    #[arg(short = 'H', long = "header", value_name = "NAME: VALUE")]
    pub(crate) headers: Vec<String>,

    /// The method [default: GET, or POST with --data]
    #[arg(long, value_name = "METHOD")]
    pub(crate) method: Option<String>,

    /// Send this body, as a form unless a header says otherwise
    #[arg(long, value_name = "TEXT")]
    pub(crate) data: Option<String>,

    /// Print the body to stdout, and everything else to stderr
    #[arg(long, conflicts_with_all = ["output", "json"])]
    pub(crate) body: bool,

    /// Print what this CSS selector finds, one text a line, and everything else to stderr; repeatable
    ///
    /// It finds the same as in a spider: `h1` the whole text of each element, `h1::text` the texts directly in it,
    /// `a::attr(href)` an attribute.
    #[arg(long, value_name = "CSS", conflicts_with = "body")]
    pub(crate) select: Vec<String>,

    /// Write the decompressed body to FILE; - is stdout
    #[arg(short = 'o', long, value_name = "FILE")]
    pub(crate) output: Option<String>,

    /// Print everything except the body as one JSON object
    #[arg(long)]
    pub(crate) json: bool,

    #[command(flatten)]
    pub(crate) fetching: FetchSettings,

    #[command(flatten)]
    pub(crate) client: ClientSettings,

    #[command(flatten)]
    pub(crate) robots: RobotsSettings,

    #[command(flatten)]
    pub(crate) redirects: RedirectSettings,

    #[command(flatten)]
    pub(crate) links: LinkSettings,
}
