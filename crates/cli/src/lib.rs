//! The command line: its arguments and commands.
//!
//! `arguments` declares the arguments, `settings` turns them into validated settings, and `commands` has the
//! code of the commands. [`App`] joins them with the spiders and item pipelines of a program.
//! `dragline_runtime` runs the crawl.

mod aftermath;
mod app;
mod arguments;
mod attended;
mod check;
mod commands;
mod exit;
mod export;
mod failed;
mod life_line;
mod open_files;
mod paint;
mod probes;
mod program;
mod report;
mod settings;
mod warc;

pub use app::{App, app, check, run};
