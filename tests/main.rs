//! All tests of the whole program, in one binary; its modules are named by what they promise.

// clippy.toml allows these in test functions; here every function serves one.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod access;
mod arguments;
mod backup;
mod books;
mod check;
mod cli;
mod conformance;
mod connecting;
mod container;
mod crawl;
mod due;
mod embedding;
mod faults;
mod fetch;
mod health;
mod keeper;
mod kept;
mod logs;
mod memory;
mod metrics;
mod network;
mod nights;
mod outage;
mod pace;
mod pages;
mod poison;
mod prune;
mod resume;
mod runs;
mod same_request;
mod schemas;
mod secrets;
mod sitemaps;
mod stop;
mod stored;
mod terminal;
mod tidy;
mod torture;
mod tutorial;
mod upgrade;
mod verdict;
mod watch;
mod words;
