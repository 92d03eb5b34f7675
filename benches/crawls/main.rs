//! Crawls beside a floor, in tables: what following, extracting and durable storage cost on top of fetching and
//! parsing. `docs/benchmarks.md` has the figures.
//!
//! ```console
//! $ cargo bench --bench crawls -- documentation   # real documentation, one item a page
//! $ cargo bench --bench crawls -- items           # 40,000 items of 2,000 pages
//! $ cargo bench --bench crawls -- slow-hosts      # 200 hosts that take 300 ms for an answer
//! $ benches/others/run.sh FOLDER                  # the documentation, beside other crawlers
//! $ cargo bench --bench crawls -- pace            # 200 hosts, each at the rate that is allowed
//! ```
//!
//! `--pairs N` runs each crawl N times, by turns with the floor (default 5; slow-hosts 3, pace 1). nginx and Postgres have
//! to be installed; both are started here, on free ports of loopback, and end with the program.

// What is missing on a machine ends a benchmark, with words about it.
#![allow(clippy::expect_used, clippy::cast_precision_loss)]

mod documentation;
mod figures;
mod floor;
mod hosts;
mod items;
mod measured;
mod others;
mod pace;
mod postgres_cpu;
mod slow_hosts;
mod slow_server;
mod web_server;

use std::process::ExitCode;
use std::time::Duration;

/// Requests in flight at one host, for crawls and floor alike.
const CONCURRENCY: usize = 16;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let pairs = |default| match words.as_slice() {
        [.., "--pairs", number] => number.parse().expect("--pairs takes a number"),
        _ => default,
    };
    match words.as_slice() {
        // This program is its own children, too.
        ["floor", ..] => floor::run(CONCURRENCY),
        ["slow-server", millis] => {
            slow_server::run(Duration::from_millis(millis.parse().expect("milliseconds")));
        }
        ["crawl", ..] => return dragline::run(items::spiders()),
        ["documentation", ..] => documentation::run(pairs(5)),
        ["items", ..] => items::run(pairs(5)),
        ["others", folder, ..] => others::run(folder.as_ref(), pairs(3)),
        ["slow-hosts", ..] => slow_hosts::run(pairs(3)),
        ["pace", ..] => pace::run(pairs(1)),
        _ => println!("name one: cargo bench --bench crawls -- documentation | items | slow-hosts | pace"),
    }
    ExitCode::SUCCESS
}
