//! The pace of a crawl, as sites and the database see it. The wait for a host outlives the process.

use std::fs;
use std::time::Duration;

use dragline_testkit::{Answer, Site};

use crate::stored::{Stored, crawl_site, dragline, on_both_stores};

const SOON: Duration = Duration::from_secs(20);

on_both_stores!(a_killed_process_s_successor_waits_as_the_host_asked, a_host_that_stays_away_is_down);

fn a_killed_process_s_successor_waits_as_the_host_asked(stored: &Stored) {
    let busy = Answer::new(429).header("Retry-After", "3");
    let site = Site::builder().answers("/", [busy, Answer::html("<title>now</title>")]).start();
    let crawl = crawl_site(&site.url("/"), stored);
    let mut running = crawl.spawn();
    running.wait_until("the wait is stored", SOON, |_| {
        stored.count("select count(*) from crawl_hosts where paused_until is not null") == 1
    });
    running.kill9();
    assert_eq!(site.total_hits(), 1);
    let host = stored.query("select host, reason from crawl_hosts");
    assert_eq!(host, [[site.host(), "HTTP 429".to_owned()]]);

    crawl.run().assert_code(0).assert_stdout("done 1, failed 0");
    let pages: Vec<_> = site.received().into_iter().filter(|asked| asked.path == "/").collect();
    let waited = pages[1].at - pages[0].at;
    // Moments are stored in milliseconds, and by the database's clock.
    assert!(waited >= Duration::from_millis(2_990), "asked again after {waited:?}");
    assert!(stored.query("select host from crawl_hosts").is_empty(), "the run has ended");
}

fn a_host_that_stays_away_is_down(stored: &Stored) {
    let links: String = (0..40).map(|page| format!("<a href=/{page}>x</a>")).collect();
    let site = Site::builder().page("/", Answer::html(links)).handler(|_| Some(Answer::new(502))).start();
    let crawl = crawl_site(&site.url("/"), stored).args(["--robots", "false", "--retries", "0"]).args([
        "--host-failures",
        "3",
        "--host-failing-for",
        "0",
        "--host-pause",
        "100ms",
        "--max-host-pause",
        "300ms",
    ]);
    let finished = crawl.run();
    finished.assert_code(65).assert_stdout("done 1, failed 40").assert_stderr("they stay queued");
    let down = stored.count("select count(*) from crawl_requests where error = 'host-down: HTTP 502'");
    assert!(down >= 20, "{down}");
    // Those in flight as it was paused, and the probes.
    assert!(site.total_hits() <= 1 + 16 + 8, "{} requests", site.total_hits());
}

#[test]
fn a_host_s_own_settings_come_from_the_file_and_are_shown() {
    let show = dragline().args(["config", "show"]);
    let file = "[host.'example.com']\nrate = 0.5\n\n[host.'*.example.com']\nconcurrency = 1\n";
    fs::write(show.folder().join("dragline.toml"), file).unwrap();
    let text = show.run().assert_code(0).stdout.clone();
    let row = |name: &str| text.lines().find(|row| row.starts_with(name)).unwrap_or_else(|| panic!("{text}"));
    let rate = row("host.\"example.com\".rate");
    assert!(rate.contains("0.5") && rate.ends_with("dragline.toml:2"), "{rate}");
    assert!(row("host.\"*.example.com\".concurrency").ends_with("dragline.toml:5"));
    fs::write(show.folder().join("dragline.toml"), "[host.'example.com']\nrates = 1\n").unwrap();
    show.run()
        .assert_code(2)
        .assert_stderr("line 2: unknown name `rates`")
        .assert_stderr("did you mean `rate`?");
}

#[test]
fn a_crawl_obeys_a_host_s_own_rate() {
    let site = Site::generated(4, 2);
    let stored = Stored::sqlite();
    let crawl = crawl_site(&site.url("/"), &stored);
    let file = format!("[host.'{}']\nrate = 5\njitter = 0\nrobots = false\n", site.host());
    fs::write(crawl.folder().join("dragline.toml"), file).unwrap();
    let begun = std::time::Instant::now();
    crawl.run().assert_code(0).assert_stdout("done 4");
    for (slot, asked) in (0_u32..).zip(site.received()) {
        assert!(asked.at - begun >= Duration::from_millis(200) * slot, "request {slot}");
    }
    assert_eq!(site.hits("/robots.txt"), 0);
}
