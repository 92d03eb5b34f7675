//! Dragline: a scraping pipeline that never lets go of a row.
//!
//! This crate is the facade. Spiders are written against [`prelude`]; a binary of one's own is
//! [`run`]`(spiders![…])` and has every command, flag and guarantee of the `dragline` binary.
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

pub use dragline_cli::{App, app, check, run};
pub use dragline_core::*;

/// The Rust in the documents is compiled and run.
#[cfg(doctest)]
mod documents {
    #[doc = include_str!("../../../docs/writing-a-spider.md")]
    struct WritingASpider;
    #[doc = include_str!("../../../docs/writing-a-pipeline.md")]
    struct WritingAPipeline;
}
