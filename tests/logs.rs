//! The log: for machines each line is an object, repeats are counted, files are a process's own, and nothing of it
//! holds up a crawl.

use std::fs;
use std::time::Duration;

use dragline_testkit::{Answer, Finished, Site};
use serde_json::Value;

use crate::stored::{Stored, crawl_nasty, crawl_site, dragline};

const SOON: Duration = Duration::from_secs(30);

/// Each line as an object that has what every line has.
fn objects(text: &str) -> Vec<Value> {
    assert!(text.is_empty() || text.ends_with('\n'), "a half line: {text:?}");
    let object = |line: &str| -> Value {
        let object: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line:?}"));
        for key in ["ts", "level", "target", "message", "pid", "spider", "run", "run_id"] {
            assert!(object.get(key).is_some(), "{key} is missing: {line}");
        }
        assert!(chrono::DateTime::parse_from_rfc3339(object["ts"].as_str().unwrap()).is_ok(), "{line}");
        object
    };
    text.lines().map(object).collect()
}

fn messages(finished: &Finished) -> String {
    objects(&finished.stderr).iter().map(|line| format!("{}\n", line["message"])).collect()
}

fn failing(pages: usize, what: &str) -> Site {
    let links: String = (0..pages).map(|number| format!("<a href=/{number}/{what}>x</a>")).collect();
    let mut site = Site::builder().page("/", Answer::html(links));
    for number in 0..pages {
        site = site.page(&format!("/{number}/{what}"), Answer::html("x"));
    }
    site.start()
}

#[test]
fn every_line_for_machines_is_an_object() {
    let site = failing(3, "panic");
    let stored = Stored::sqlite();
    let crawl = crawl_nasty(&site.url("/"), &stored).args(["--log-format", "json", "--run", "nightly"]);
    let finished = crawl.args(["--log", "debug,hyper=debug,hyper_util=debug,reqwest=debug", "-o", "-"]).run();
    finished.assert_code(65);
    let lines = objects(&finished.stderr);
    let panicked =
        lines.iter().find(|line| line["message"].as_str().unwrap().contains("panicked: this page"));
    let panicked = panicked.expect("a panic is a line");
    assert_eq!(
        (&panicked["level"], &panicked["spider"], &panicked["run"]),
        (&"WARN".into(), &"nasty".into(), &"nightly".into())
    );
    assert_eq!(panicked["run_id"], 1);
    assert!(panicked["url"].as_str().unwrap().ends_with("/panic"), "the span's fields are there: {panicked}");
    let report = |line: &&Value| line["message"].as_str().unwrap().contains("failed 3");
    assert!(lines.iter().any(|line| report(&line)), "the report is a line: {}", finished.stderr);
    assert!(
        lines.iter().any(|line| line["target"].as_str().unwrap().starts_with("hyper")),
        "{}",
        finished.stderr
    );
}

#[test]
fn a_forced_end_and_wrong_words_are_objects_too() {
    let site = Site::builder()
        .page("/", Answer::html("<a href=/hang>x</a>"))
        .page("/hang", Answer::html("x"))
        .start();
    let stored = Stored::sqlite();
    let crawl = crawl_nasty(&site.url("/"), &stored).args(["--log-format", "json"]);
    let mut running = crawl.env("SHUTDOWN_TIMEOUT_SECONDS", "4").spawn();
    running.wait_until("it hangs", SOON, |_| stored.pages("done") == 1);
    running.wait_until("it is shown", SOON, |running| {
        // Signal again, because the parse of the page may not have begun yet.
        running.signal("USR1");
        running.stderr().contains(&format!("parsing {}", site.url("/hang")))
    });
    assert!(running.stderr().contains("where everything stands"), "{}", running.stderr());
    running.signal("TERM");
    let finished = running.finish_within(Duration::from_secs(20));
    assert!(messages(&finished).contains("left behind"), "{}", finished.stderr);

    let json = ["--log-format", "json"];
    for (words, told) in [
        (&["list", "--bogus"][..], "--bogus"),
        (&["crawl", "nobody"], "nobody"),
        (&["crawl", "site", "--log", "inof"], "inof"),
        (&["crawl", "site", "--log", "dragline_engin=debug"], "dragline_engin"),
    ] {
        let finished = dragline().args(words).args(json).run();
        finished.assert_code(2);
        let lines = objects(&finished.stderr);
        assert!(lines[0]["message"].as_str().unwrap().contains(told), "{}", finished.stderr);
        assert_eq!((&lines[0]["level"], &lines[0]["exit"]), (&"ERROR".into(), &2.into()));
    }
}

#[test]
fn repeats_are_counted_and_their_number_is_said() {
    let site = failing(40, "error");
    let stored = Stored::sqlite();
    let crawl = crawl_nasty(&site.url("/"), &stored).args(["--log-repeats", "5", "--log-format", "json"]);
    let finished = crawl.run();
    finished.assert_code(65);
    let lines = objects(&finished.stderr);
    let failed = lines.iter().filter(|line| line["message"] == "the page failed").count();
    let more: u64 = lines.iter().filter_map(|line| line["more"].as_u64()).sum();
    // A slow machine may need more than one window for the forty.
    assert!(failed >= 5 && failed as u64 + more == 40, "{failed} and {more}: {}", finished.stderr);
    let said = lines.iter().find(|line| line["more"].is_u64()).expect("the number is said");
    assert!(said["message"].as_str().unwrap().contains("more like this in"), "{said}");
    assert!(said["message"].as_str().unwrap().ends_with("the page failed"), "{said}");
    assert!(said["target"].as_str().unwrap().starts_with("dragline_engine"), "{said}");
}

#[test]
fn each_process_has_a_log_file_of_its_own() {
    let site = Site::generated(10, 3);
    let folder = tempfile::tempdir().unwrap();
    let logs = folder.path().join("logs");
    let logs = logs.to_str().unwrap();
    for _ in 0..3 {
        let stored = Stored::sqlite();
        let crawl = crawl_site(&site.url("/"), &stored).args(["--log-dir", logs, "--log-files", "2"]);
        crawl.args(["--log-format", "json"]).run().assert_code(0);
    }
    let files: Vec<_> = fs::read_dir(logs).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(files.len(), 2, "the oldest has gone: {files:?}");
    for file in files {
        assert!(file.file_name().unwrap().to_str().unwrap().starts_with("site-20"), "{file:?}");
        let lines = objects(&fs::read_to_string(&file).unwrap());
        assert!(lines.iter().any(|line| line["message"] == "new run"), "{file:?}");
        assert!(lines.iter().all(|line| line["pid"] == lines[0]["pid"]), "{file:?}");
    }
    let stored = Stored::sqlite();
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    let crawl = crawl_site(&site.url("/"), &stored).args(["--log-dir", file.to_str().unwrap()]);
    crawl.run().assert_code(1).assert_stderr("cannot write a log file").assert_stderr("--log-dir");
}

#[test]
fn the_progress_is_a_line_with_numbers_on_a_pipe() {
    let site = Site::builder().generated(60, 3).delay(Duration::from_millis(700)).start();
    let stored = Stored::sqlite();
    let crawl = crawl_site(&site.url("/"), &stored).args(["--log-format", "json", "--progress", "hosts"]);
    let finished = crawl.args(["--progress-interval", "1s", "--limit", "50"]).run();
    finished.assert_code(0);
    let lines = objects(&finished.stderr);
    let line = lines.iter().rfind(|line| line["message"] == "crawling").expect("a line a second");
    for number in
        ["done", "failed", "skipped", "queued", "items", "pages_per_second", "bytes_per_second", "in_flight"]
    {
        assert!(line[number].is_number(), "{number}: {line}");
    }
    for number in ["window", "errors", "last_commit_s", "elapsed_s", "limit"] {
        assert!(line[number].is_number(), "{number}: {line}");
    }
    assert!(
        lines.iter().any(|line| line["message"] == "busy host" && line["host"] == site.host()),
        "{}",
        finished.stderr
    );
}
