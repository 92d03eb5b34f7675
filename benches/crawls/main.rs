//! Compares crawls with a floor, and prints tables. They show what following links, extracting data and storing it
//! durably cost on top of fetching and parsing. `docs/benchmarks.md` has the figures.
//!
//! ```console
//! $ cargo bench --bench crawls -- documentation   # real documentation, one item per page
//! $ cargo bench --bench crawls -- items           # 40,000 items of 2,000 pages
//! $ cargo bench --bench crawls -- slow-hosts      # 200 hosts that take 300 ms for an answer
//! $ benches/others/run.sh FOLDER                  # the documentation, compared with other crawlers
//! $ cargo bench --bench crawls -- pace            # 200 hosts, each at the allowed rate
//! $ cargo bench --bench crawls -- hostile         # peak memory on each kind of hostile page
//! ```
//!
//! `--pairs N` runs each crawl N times, in turns with the floor (default 5; slow-hosts 3, pace 1). nginx and Postgres must
//! be installed. The program starts both on free loopback ports, and they end with it.

// If something isn't installed, the benchmark ends with a message.
#![allow(clippy::expect_used, clippy::cast_precision_loss)]

mod documentation;
mod figures;
mod floor;
mod hostile;
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
use std::sync::Arc;
use std::time::Duration;

use dragline::prelude::Spider;

/// Requests in flight at one host, both for crawls and for the floor.
const CONCURRENCY: usize = 16;

/// The spiders that this program crawls with when a benchmark starts it as a child process.
fn spiders() -> Vec<Arc<dyn Spider>> {
    let mut spiders = dragline_spiders::all();
    spiders.extend([Arc::new(items::Shop) as Arc<dyn Spider>, Arc::new(hostile::Hoarder)]);
    spiders
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let pairs = |default| match words.as_slice() {
        [.., "--pairs", number] => number.parse().expect("--pairs takes a number"),
        _ => default,
    };
    match words.as_slice() {
        // This program also starts itself as child processes.
        ["floor", ..] => floor::run(CONCURRENCY),
        ["slow-server", millis] => {
            slow_server::run(Duration::from_millis(millis.parse().expect("milliseconds")));
        }
        ["crawl", ..] => return dragline::run(spiders()),
        ["documentation", ..] => documentation::run(pairs(5)),
        ["items", ..] => items::run(pairs(5)),
        ["others", folder, ..] => others::run(folder.as_ref(), pairs(3)),
        ["slow-hosts", ..] => slow_hosts::run(pairs(3)),
        ["hostile", words @ ..] => hostile::run(words),
        ["pace", ..] => pace::run(pairs(1)),
        _ => println!(
            "name one: cargo bench --bench crawls -- documentation | items | slow-hosts | pace | hostile"
        ),
    }
    ExitCode::SUCCESS
}
