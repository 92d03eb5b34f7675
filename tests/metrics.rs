//! The metrics have Prometheus' format and are correct. Documents, alerts and dashboards name only metrics that exist.

// Counts are small, and told exactly.
#![allow(clippy::cast_precision_loss, clippy::float_cmp)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use dragline_testkit::{Answer, Dragline, Running, Site, ask, wait_until};
use tempfile::TempDir;

use crate::health::address;
use crate::stop::stop_at_the_gate;
use crate::stored::{Stored, crawl_nasty, crawl_site, dragline, example, on_both_stores};
use crate::tidy::source::repository;

pub(crate) mod documents;
mod last_values;
mod rules;

const SOON: Duration = Duration::from_secs(30);

on_both_stores!(figures_are_those_of_the_crawl, what_runs_leave_is_told_to_the_next);

/// What a scrape or a textfile says.
struct Told {
    text: String,
    /// Name and labels → value; `spider` and `run` are left out.
    samples: BTreeMap<String, f64>,
}

impl Told {
    fn read(text: String) -> Self {
        let mut samples = BTreeMap::new();
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let (name, value) = line.rsplit_once(' ').unwrap();
            let (name, labels) = name.split_once('{').unwrap_or_else(|| panic!("no labels: {line}"));
            let labels: Vec<&str> = labels.trim_end_matches('}').split("\",").collect();
            let is_own = |label: &&&str| !label.starts_with("spider=") && !label.starts_with("run=");
            let own: Vec<String> = labels
                .iter()
                .filter(is_own)
                .map(|label| label.trim_end_matches('"').replace('"', ""))
                .collect();
            assert_eq!(own.len() + 2, labels.len(), "spider and run are on each: {line}");
            let twice = samples.insert(format!("{name}{{{}}}", own.join(",")), value.parse().unwrap());
            assert!(twice.is_none(), "told twice: {line}");
        }
        Self { text, samples }
    }

    fn scrape(running: &mut Running) -> Self {
        running.wait_until("it listens", SOON, |it| address(&it.stderr()).is_some());
        let asked = ask(address(&running.stderr()).unwrap(), "/metrics").unwrap();
        assert!(
            asked.headers.to_lowercase().contains("content-type: text/plain; version=0.0.4"),
            "{asked:?}"
        );
        Self::read(asked.body)
    }

    fn file(path: &Path) -> Self {
        Self::read(fs::read_to_string(path).unwrap())
    }

    /// The value under a name such as `a_total{kind=b}`.
    #[track_caller]
    fn value(&self, sample: &str) -> f64 {
        let sample = if sample.contains('{') { sample.to_owned() } else { format!("{sample}{{}}") };
        *self.samples.get(&sample).unwrap_or_else(|| panic!("no {sample} in\n{}", self.text))
    }

    #[track_caller]
    fn is(&self, values: &[(&str, f64)]) {
        let told: Vec<_> = values.iter().map(|(name, _)| (*name, self.value(name))).collect();
        assert_eq!(told, values, "{}", self.text);
    }

    /// The metrics' names, with their kinds.
    fn families(&self) -> BTreeMap<&str, &str> {
        self.text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' ')).collect()
    }
}

/// A folder for the file that a crawl leaves.
struct Textfile(TempDir);

impl Textfile {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self) -> PathBuf {
        self.0.path().join("crawl.prom")
    }

    fn of(&self, crawl: Dragline) -> Dragline {
        crawl.arg("--metrics-textfile").arg(self.path())
    }

    fn told(&self) -> Told {
        let files: Vec<_> = fs::read_dir(self.0.path()).unwrap().map(|file| file.unwrap().path()).collect();
        assert_eq!(files, [self.path()], "no unfinished file is left");
        Told::file(&self.path())
    }
}

fn figures_are_those_of_the_crawl(stored: &Stored) {
    let site = Site::builder()
        .robots("User-agent: *\nDisallow: /private")
        .page("/", Answer::html("<title>Start</title><a href=/a>a</a><a href=/gone>g</a><a href=/away>w</a><a href=/private>p</a><a href=http://elsewhere.example/>e</a><a href=mailto:a@b.example>m</a>"))
        .page("/a", Answer::html("<title>A</title>"))
        .page("/away", Answer::redirect(302, "/a"))
        .answers("/flaky", [Answer::new(503), Answer::html("<title>Flaky</title>")])
        .page("/last", Answer::html("<title>Last</title><a href=/flaky>f</a>"))
        .start();
    let textfile = Textfile::new();
    let crawl =
        crawl_site(&site.url("/"), stored).args(["--start-url", &site.url("/last"), "--retries", "1"]);
    let finished = textfile.of(crawl).run();
    finished.assert_code(0).assert_stdout("done 4, failed 1, skipped 2");
    let told = textfile.told();
    told.is(&[
        ("dragline_pages_total{outcome=done}", 4.0),
        ("dragline_pages_total{outcome=failed}", 1.0),
        ("dragline_pages_total{outcome=skipped}", 2.0),
        ("dragline_pages_total{outcome=dead}", 0.0),
        ("dragline_requests_total{status=2xx}", 4.0),
        ("dragline_requests_total{status=3xx}", 1.0),
        ("dragline_requests_total{status=4xx}", 1.0),
        ("dragline_requests_total{status=5xx}", 1.0),
        ("dragline_requests_total{status=none}", 0.0),
        ("dragline_fetch_seconds_count", 7.0),
        // The missing page takes this path too, because the spider hears of it.
        ("dragline_page_wait_seconds_count", 5.0),
        ("dragline_parse_seconds_count", 4.0),
        ("dragline_retries_total", 1.0),
        ("dragline_redirects_total", 1.0),
        ("dragline_given_up_total", 1.0),
        ("dragline_robots_denied_total", 1.0),
        ("dragline_failed_pages_total{reason=http_status}", 1.0),
        ("dragline_failed_pages_total{reason=timeout}", 0.0),
        ("dragline_links_refused_total{reason=off-site}", 1.0),
        ("dragline_links_refused_total{reason=scheme}", 1.0),
        ("dragline_items_total{type=page,verdict=kept}", 4.0),
        ("dragline_rows_total{table=crawl_items}", 4.0),
        ("dragline_new_requests_total", 5.0),
        ("dragline_rows_total{table=crawl_requests}", 12.0),
        ("dragline_rows_total{table=crawl_dead_letters}", 0.0),
        ("dragline_dead_letters_total", 0.0),
        ("dragline_flushes_total{result=failed}", 0.0),
        ("dragline_queued_requests", 0.0),
        ("dragline_waiting_rows{in=batch}", 0.0),
        ("dragline_waiting_rows{in=flush}", 0.0),
        ("dragline_requests_in_flight", 0.0),
        ("dragline_run_items", 4.0),
        ("pipeline_pending_tasks", 0.0),
        ("pipeline_tasks_cancelled_total", 0.0),
        ("pipeline_shutdown_seconds_count", 1.0),
        ("log_events_total{level=error}", 0.0),
        ("dragline_run_state{state=finished}", 1.0),
        ("dragline_run_state{state=running}", 0.0),
        ("dragline_exit_code", 0.0),
        ("dragline_unclean_start", 0.0),
    ]);
    let flushes = told.value("dragline_flushes_total{result=durable}");
    assert!(flushes >= 1.0 && told.value("dragline_flush_seconds_count") == flushes, "{}", told.text);
    assert!(told.value("dragline_commit_seconds_count") >= flushes);
    for busy in ["dragline_fetched_bytes_total", "dragline_fetch_seconds_sum", "dragline_commit_seconds_sum"]
    {
        assert!(told.value(busy) > 0.0, "{busy}");
    }
    let commit = told.value("dragline_last_commit_timestamp_seconds");
    assert!(commit > told.value("dragline_start_time_seconds"), "{}", told.text);
    assert!(!told.samples.contains_key("dragline_health_state{state=running}"), "{}", told.text);
}

fn what_runs_leave_is_told_to_the_next(stored: &Stored) {
    let site = Site::generated(300, 4);
    let textfile = Textfile::new();
    let crawl =
        textfile.of(crawl_site(&site.url("/"), stored).args(["--run", "nightly", "--flush-rows", "20"]));

    // To be stopped and killed in mid-crawl, also by a slow test on a fast machine.
    site.hold_after(60);
    let mut running = crawl.spawn();
    running.wait_until("pages are done", SOON, |_| stored.pages("done") > 30);
    stop_at_the_gate(&mut running, "TERM", &site);
    running.finish_within(SOON).assert_code(75);
    let stopped = textfile.told();
    stopped.is(&[
        ("dragline_exit_code", 75.0),
        ("dragline_run_state{state=stopped}", 1.0),
        ("pipeline_shutdown_seconds_count", 1.0),
        ("dragline_shutdown_timeout_seconds", 8.0),
        ("dragline_queued_requests", stored.pages("queued") as f64),
        ("dragline_run_items", stored.pages("done") as f64),
    ]);
    assert!(
        !stopped.samples.contains_key("dragline_last_finished_timestamp_seconds{}"),
        "no run is finished"
    );

    let before = stored.pages("done");
    site.hold_after(60);
    let mut running = crawl.spawn();
    running.wait_until("it has gone on", SOON, |_| stored.pages("done") > before + 30);
    running.kill9();
    site.release();
    textfile.told().is(&[("dragline_exit_code", 75.0), ("dragline_run_epoch", 1.0)]);

    crawl.run().assert_code(0);
    let finished = textfile.told();
    finished.is(&[("dragline_unclean_start", 1.0), ("dragline_run_epoch", 3.0), ("dragline_run_id", 1.0)]);
    let items = finished.value("dragline_run_items");
    // Only the rows that the killed start stored after its last heartbeat may be missing.
    assert!(items > before as f64 && items <= 300.0, "{items}");
    assert_eq!(finished.value("dragline_last_finished_items"), items);
    let finished_at = finished.value("dragline_last_finished_timestamp_seconds");

    // The site has changed: its start page is all that is left.
    site.set("/", Answer::html("<title>New</title>"));
    crawl.run().assert_code(0);
    let changed = textfile.told();
    changed.is(&[
        ("dragline_run_id", 2.0),
        ("dragline_unclean_start", 0.0),
        ("dragline_last_finished_items", 1.0),
        ("dragline_previous_finished_items", items),
    ]);
    assert!(changed.value("dragline_last_finished_timestamp_seconds") > finished_at);
}
