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
//! Inside, the crate is the command line: `arguments` holds its words, `settings` turns them into one
//! validated struct, and `run` makes every thread and channel of a crawl, in order.

// The derive macro names this crate; the demo's spider lives in it.
#[allow(unused_extern_crates)]
extern crate self as dragline;

pub use dragline_core::*;

mod aftermath;
mod app;
mod arguments;
mod blocking;
mod check;
mod commands;
mod critical;
mod diagnosis;
mod exit;
mod export;
mod first_process;
mod health;
mod listen;
mod logging;
mod memory;
mod metrics;
mod probes;
mod progress;
mod report;
mod resume_line;
mod run;
mod run_name;
mod settings;
mod signals;
mod start;
mod stopping;
mod verdict;
mod watchdog;

pub use app::{App, app, check, run};

/// The Rust in the documents is compiled and run.
#[cfg(doctest)]
mod documents {
    #[doc = include_str!("../../docs/writing-a-spider.md")]
    struct WritingASpider;
    #[doc = include_str!("../../docs/writing-a-pipeline.md")]
    struct WritingAPipeline;
}
