//! Dragline: a scraping pipeline that never lets go of a row.
//!
//! You write a spider against [`prelude`]. [`run`]`(spiders![…])` is the whole `main` of your own binary, with every command,
//! flag and guarantee of the `dragline` binary. [`Crawl`] runs a spider inside any other program.
//!
//! ```no_run
//! use dragline::prelude::*;
//!
//! #[derive(Item)]
//! #[item(key = "url")]
//! struct Heading { url: String, text: String }
//!
//! struct Headings;
//!
//! impl Spider for Headings {
//!     fn name(&self) -> &str { "headings" }
//!     fn items(&self) -> Vec<ItemType> { vec![Heading::item_type()] }
//!     fn start(&self, _args: &Args) -> Result<Vec<Request>> {
//!         Ok(vec![Request::get("https://example.com/")?])
//!     }
//!     fn parse(&self, page: &Page, out: &mut Output) -> Result<()> {
//!         out.item(Heading { url: page.url().to_string(), text: page.text("h1")? });
//!         out.follow_all(page, "a");
//!         Ok(())
//!     }
//! }
//!
//! fn main() -> std::process::ExitCode {
//!     dragline::run(spiders![Headings])
//! }
//! ```
//!
//! Item pipelines of your own go in between:
//!
//! ```no_run
//! use dragline::prelude::*;
//! use dragline::{ItemOrigin, ItemPipeline, ItemRecord, Verdict};
//! # struct Books;
//! # impl Spider for Books {
//! #     fn name(&self) -> &str { "books" }
//! #     fn items(&self) -> Vec<ItemType> { vec![] }
//! #     fn start(&self, _args: &Args) -> Result<Vec<Request>> { Ok(vec![]) }
//! #     fn parse(&self, _page: &Page, _out: &mut Output) -> Result<()> { Ok(()) }
//! # }
//!
//! struct NoAdverts;
//!
//! impl ItemPipeline for NoAdverts {
//!     fn name(&self) -> &str { "no adverts" }
//!     fn process(&self, record: ItemRecord, origin: &ItemOrigin<'_>) -> Verdict {
//!         if origin.url().contains("/advert/") {
//!             return Verdict::drop("an advert");
//!         }
//!         Verdict::Keep(record)
//!     }
//! }
//!
//! fn main() -> std::process::ExitCode {
//!     dragline::app(spiders![Books]).pipeline(NoAdverts).run()
//! }
//! ```
//!
//! In another program, a crawl is a value:
//!
//! ```no_run
//! use dragline::{Crawl, PageState};
//! # use dragline::prelude::*;
//! # struct Books;
//! # impl Spider for Books {
//! #     fn name(&self) -> &str { "books" }
//! #     fn items(&self) -> Vec<ItemType> { vec![] }
//! #     fn start(&self, _args: &Args) -> Result<Vec<Request>> { Ok(vec![]) }
//! #     fn parse(&self, _page: &Page, _out: &mut Output) -> Result<()> { Ok(()) }
//! # }
//! # fn crawl() -> std::result::Result<(), dragline::CrawlError> {
//!
//! let report = Crawl::new(Books).store("sqlite:books.db").limit(100).run()?;
//! println!("{:?} pages, {:?}", report.pages(PageState::Done), report.items());
//! # Ok(())
//! # }
//! ```
//!
//! It installs no subscriber, panic hook or signal handler, and it never ends the process. `examples/embed.rs` shows one in an
//! async program.

// The public names are a contract, and `docs/public-api.txt` lists them. Add a name on purpose: nothing comes in by a glob.
// Types that may grow are `#[non_exhaustive]`. `PageState`, `RunState`, `ColumnType`, `Value` and `Verdict` are not: each store
// must handle every state, type and value, and whoever calls a pipeline must handle every verdict.

pub use dragline_cli::{App, app, check, run};
pub use dragline_core::PageState;
pub use dragline_core::due::NotDue;
pub use dragline_core::item_figures::{ColumnFigures, FigureDrop, ItemFigures};
pub use dragline_core::run_verdict::{Problem, ProblemKind, RunVerdict};
pub use dragline_core::store::RunState;
pub use dragline_engine::{
    Answer, AnswerBody, DownloadError, DownloadLimits, Downloader, Downloading, FailureCount, FailureKind,
    LinkRefusal, LookUpCounts,
};
pub use dragline_runtime::{Crawl, CrawlError, CrawlOutcome, CrawlReport, StopHandle, StopReport};
pub use dragline_spider::{
    Accepts, AcceptsError, Args, Argument, ArgumentError, ArgumentProblem, Arguments, AsPattern, AsSelector,
    Column, ColumnType, Enrich, Error, Extract, Failure, Field, Followed, Form, FromFormat, FromJson,
    FromRecord, FromText, FromValue, HasId, IdColumn, IdPart, Item, ItemOrigin, ItemPipeline, ItemRecord,
    ItemType, ItemTypeBuilder, ItemTypeError, Key, LookUp, Merge, Node, Output, Page, Parent, Presence,
    Proxy, Re, Reason, RecordError, Reference, Refresh, Regex, Request, RequestError, RequestOptions,
    Response, Result, Router, SameRequest, Sample, Selector, SelectorError, SitemapRole, Spider, SpiderArgs,
    SqlDatabase, StayIn, StoredPage, TypePattern, TypePatternError, TypedPipeline, UnknownTag, Value,
    Verdict, View,
};
pub use dragline_spider::{bail, css, item_pipeline, natural_key, prelude, sample, sitemap, spiders};

/// Reads the texts of pages: clean text, prices, dates, and names in a form for comparison. [`NormalizeText`] is an item
/// pipeline that does this for columns.
///
/// [`NormalizeText`]: normalize::NormalizeText
///
/// ```
/// use dragline::normalize::{DateOrder, clean, date, price};
///
/// assert_eq!(clean("  Fish &amp;\n chips "), "Fish & chips");
/// assert_eq!(price("from 1.599,00 € *")?.amount.to_string(), "1599.00");
/// assert_eq!(date("3 мая 2020 г.", DateOrder::DayFirst)?.to_string(), "2020-05-03");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub mod normalize {
    pub use dragline_normalize::{
        DateError, DateOrder, DateProblem, Exactness, LANGUAGES, NAME_KEY_V1, PIVOT, PartialDate, Price,
        PriceError, PriceProblem, blanks, clean, currency, currency_code, date, date_in, day_first, entities,
        lines, month_first, name_key_v1, nfc, price, price_amount, price_currency, price_with, year_first,
    };
    pub use dragline_pipelines::normalize_text::{NormalizeText, TextRule};
}

/// Rules that items have to follow: a step for [`App::pipeline`] and [`Crawl::pipeline`].
pub mod rules {
    pub use dragline_pipelines::rules::{Rule, Rules};
    pub use dragline_spider::{BrokenRule, Consequence, RuleCounts};
}

/// The crates whose types fields of items have.
pub use dragline_spider::{chrono, rust_decimal, serde_json, uuid};

/// What the macros name in the code that they write. It may change at any time: nobody else uses it.
#[doc(hidden)]
pub use dragline_spider::__private;

/// The Rust in the documents is compiled and run.
#[cfg(doctest)]
mod documents {
    #[doc = include_str!("../../../docs/fetching.md")]
    struct Fetching;
    #[doc = include_str!("../../../docs/merging.md")]
    struct Merging;
    #[doc = include_str!("../../../docs/relations.md")]
    struct Relations;
    #[doc = include_str!("../../../docs/writing-a-spider.md")]
    struct WritingASpider;
    #[doc = include_str!("../../../docs/writing-a-pipeline.md")]
    struct WritingAPipeline;
}
