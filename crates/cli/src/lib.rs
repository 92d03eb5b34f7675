//! The command line: its words, and the commands that they name.
//!
//! `arguments` declares the words, `settings` turns them into validated settings, and `commands` does what was asked.
//! [`App`] joins them with somebody's spiders and item pipelines. How a crawl runs is not here: that is `dragline_runtime`.

mod aftermath;
mod app;
mod arguments;
mod blocking;
mod check;
mod commands;
mod export;
mod probes;
mod report;
mod settings;

pub use app::{App, app, check, run};
