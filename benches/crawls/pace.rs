//! Measures how close a crawl of many hosts comes to the allowed rate, and checks that it never exceeds it. The hosts
//! record when requests arrive.

use std::time::Duration;

use crate::figures::{machine, median};
use crate::hosts::Server;
use crate::measured;
use crate::slow_server::HOSTS;

/// The delay before every answer, as if the host were nearby.
const DELAY: Duration = Duration::from_millis(20);

/// Runs the benchmark and prints its table.
pub(crate) fn run(times: usize) {
    println!(
        "\n{HOSTS} hosts that answer in {} ms, each asked at the allowed rate; {}; medians of {times}",
        DELAY.as_millis(),
        machine()
    );
    println!(
        "\n| requests per second and host | jitter | of what is allowed | slowest host | shortest gap | most in a stretch of 10 gaps |"
    );
    println!("|---|---|---|---|---|---|");
    for (rate, jitter) in [(2.0, 0.5), (5.0, 0.5), (5.0, 0.0), (10.0, 0.5)] {
        let runs: Vec<Figures> = (0..times).map(|_| crawl(rate, jitter)).collect();
        let of = |figure: fn(&Figures) -> f64| median(runs.iter().map(figure));
        println!(
            "| {rate} | {jitter} | {:.1} % | {:.1} % | {:.2} | {:.1} % |",
            100.0 * of(|run| run.reached),
            100.0 * of(|run| run.slowest),
            of(|run| run.shortest),
            100.0 * of(|run| run.densest),
        );
    }
}

/// The results of one crawl. All values except the gap are shares of the allowed rate.
struct Figures {
    /// The mean over all hosts.
    reached: f64,
    slowest: f64,
    /// The shortest gap between two requests, in periods.
    shortest: f64,
    /// The highest rate that any host got over ten gaps in a row.
    densest: f64,
}

fn crawl(rate: f64, jitter: f64) -> Figures {
    let server = Server::start(DELAY);
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut crawl = server.crawl(&format!("sqlite:{}", folder.path().join("pace.db").display()));
    crawl.args(["--rate", &rate.to_string(), "--jitter", &jitter.to_string()]);
    crawl.args(["--concurrency", &(2 * HOSTS).to_string()]);
    measured::run(&mut crawl, "");
    let period = 1.0 / rate;
    let hosts: Vec<Vec<f64>> = server
        .end()
        .into_iter()
        // Ignore robots.txt and the first page. The other pages aren't known until the first one is stored.
        .map(|gaps| gaps.iter().skip(2).map(Duration::as_secs_f64).collect())
        .collect();
    assert_eq!(hosts.len(), HOSTS, "all hosts were asked");
    let share = |gaps: &[f64]| period * gaps.len() as f64 / gaps.iter().sum::<f64>();
    let reached: Vec<f64> = hosts.iter().map(|gaps| share(gaps)).collect();
    let all = || hosts.iter().flatten().copied();
    Figures {
        reached: reached.iter().sum::<f64>() / reached.len() as f64,
        slowest: reached.iter().copied().fold(f64::INFINITY, f64::min),
        shortest: all().fold(f64::INFINITY, f64::min) / period,
        densest: hosts.iter().flat_map(|gaps| gaps.windows(10)).map(share).fold(0.0, f64::max),
    }
}
