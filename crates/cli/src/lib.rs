//! The command line: its words, and the commands that they name.
//!
//! `arguments` declares the words, `settings` turns them into validated settings, and `commands` does what was asked.
//! [`App`] joins them with somebody's spiders and item pipelines. How a crawl runs is not here: that is `dragline_runtime`.

mod aftermath;
mod app;
mod arguments;
mod attended;
mod check;
mod commands;
mod exit;
mod export;
mod failed;
mod probes;
mod report;
mod settings;

pub use app::{App, app, check, run};
