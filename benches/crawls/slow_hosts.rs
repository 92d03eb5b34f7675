//! Crawls many slow hosts at once, to check that no host waits for another.

use crate::figures::{machine, median};
use crate::hosts::Server;
use crate::measured::{self, Measured};
use crate::slow_server::{DELAY, HOSTS, PAGES_PER_HOST};

/// Runs the benchmark and prints its table.
pub(crate) fn run(times: usize) {
    let server = Server::start(DELAY);
    println!(
        "\n{HOSTS} hosts that answer in {} ms, {PAGES_PER_HOST} pages each, two crawl threads; {}; medians of {times}",
        DELAY.as_millis(),
        machine()
    );
    println!("\n| requests at a time per host | seconds | ideal | ratio | peak MB |\n|---|---|---|---|---|");
    for at_a_time in [1, 8] {
        let runs: Vec<Measured> = (0..times).map(|_| crawl(&server, at_a_time)).collect();
        let seconds = median(runs.iter().map(|run| run.wall.as_secs_f64()));
        let peak = runs.iter().map(|run| run.peak_bytes).max().unwrap_or_default();
        // The first page of a host leads to all others.
        let rounds = 1 + (PAGES_PER_HOST - 1).div_ceil(at_a_time);
        let ideal = DELAY.as_secs_f64() * rounds as f64;
        println!(
            "| {at_a_time} | {seconds:.2} | {ideal:.1} | {:.2} | {:.0} |",
            seconds / ideal,
            peak as f64 / 1e6
        );
    }
    server.end();
}

fn crawl(server: &Server, at_a_time: usize) -> Measured {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut crawl = server.crawl(&format!("sqlite:{}", folder.path().join("slow.db").display()));
    crawl.args(["--rate", "0", "--host-concurrency", &at_a_time.to_string()]);
    crawl.args(["--concurrency", &(HOSTS * at_a_time).to_string()]);
    let run = measured::run(&mut crawl, "");
    let done = format!("done {}", HOSTS * PAGES_PER_HOST);
    assert!(run.printed.contains(&done), "all pages are done, not:\n{}", run.printed);
    run
}
