//! `--min-interval`: a new run only begins when the last finished one is old enough.

use std::time::Duration;

use dragline_testkit::{Answer, Dragline, Finished, Site};
use serde_json::Value as Json;

use crate::stored::{Stored, crawl_site, dragline, on_both_stores};

const SOON: Duration = Duration::from_secs(20);

on_both_stores!(
    a_young_run_is_not_repeated,
    a_forced_run_begins_at_once,
    an_unfinished_run_is_always_resumed,
    a_run_that_counts_as_failed_may_be_tried_again,
    a_clock_that_was_set_back_holds_up_nothing,
    a_run_that_another_process_has_finished_is_not_repeated,
);

fn site() -> Site {
    Site::builder().page("/", Answer::html("<title>news</title>")).start()
}

fn nightly(site: &Site, stored: &Stored) -> Dragline {
    crawl_site(&site.url("/"), stored).args(["--min-interval", "20h", "--robots", "false"])
}

/// Moves the end of all finished runs, in hours from now.
fn finish_all(stored: &Stored, hours: i32) {
    let moment = match stored {
        Stored::Postgres(_) => format!("now() + interval '{hours} hours'"),
        Stored::Sqlite(_) => format!("strftime('%Y-%m-%dT%H:%M:%f000Z', 'now', '{hours:+} hours')"),
    };
    stored.execute(&format!("update crawl_runs set finished_at = {moment} where state = 'finished'"));
}

#[track_caller]
fn did_nothing(done: &Finished) {
    done.assert_code(0).assert_stdout("no run is due").assert_stdout("--force-run");
}

/// `dragline serve` gives `--after-run` to all processes of a tick.
fn a_run_that_another_process_has_finished_is_not_repeated(stored: &Stored) {
    let site = site();
    let crawl = crawl_site(&site.url("/"), stored).args(["--robots", "false", "--run", "nightly"]);
    let of_tick = |after_run: &str| crawl.clone().args(["--after-run", after_run]);
    site.hold();
    let mut first = of_tick("0").spawn();
    first.wait_until("it crawls", SOON, |_| site.waiting() > 0);
    // It waits for the lock of the run, or comes when everything is over.
    let second = of_tick("0").spawn();
    site.release();
    first.finish().assert_code(0).assert_stdout("finished");
    let finished_before = "another process has finished the run; nothing was fetched";
    second.finish().assert_code(0).assert_stdout(finished_before);
    of_tick("0").arg("--fresh").run().assert_code(0).assert_stdout(finished_before);
    assert_eq!((site.hits("/"), stored.runs().len()), (1, 1));
    // The next tick has a run of its own.
    of_tick("1").run().assert_code(0).assert_stdout("finished");
    of_tick("1").run().assert_code(0).assert_stdout(finished_before);
    let piped = of_tick("1").args(["-o", "-"]).run();
    piped.assert_code(0).assert_stderr("another process has finished the run");
    assert_eq!(piped.stdout, "", "rows only");
    assert_eq!((site.hits("/"), stored.runs().len()), (2, 2));
}

fn a_young_run_is_not_repeated(stored: &Stored) {
    let (site, folder) = (site(), tempfile::tempdir().unwrap());
    let (metrics, rows) = (folder.path().join("last.prom"), folder.path().join("rows.jsonl"));
    let crawl = nightly(&site, stored).arg("--metrics-textfile").arg(&metrics);
    crawl.run().assert_code(0).assert_stdout("finished");
    finish_all(stored, -19);
    let of_the_run = std::fs::read_to_string(&metrics).unwrap();

    let second = crawl.run();
    did_nothing(&second);
    let told = |text: &str| second.stdout.contains(text);
    assert!(told("(id 1) finished at 20") && told("the next one is due at 20"), "{}", second.stdout);
    assert_eq!((site.hits("/"), stored.runs().len()), (1, 1));
    assert_eq!(std::fs::read_to_string(&metrics).unwrap(), of_the_run, "the values of the last run stay");
    let exported = crawl.clone().arg("-o").arg(&rows).run();
    did_nothing(&exported);
    assert!(exported.stdout.contains("nothing was exported") && !rows.exists(), "{}", exported.stdout);
    let piped = crawl.clone().args(["-o", "-", "--log-format", "json"]).run();
    piped.assert_code(0);
    assert_eq!(piped.stdout, "", "rows only");
    let line = piped.stderr.lines().find(|line| line.contains("no run is due")).unwrap();
    let line: Json = serde_json::from_str(line).unwrap();
    let text = line.to_string();
    assert!(["due_at", "finished_at", "--force-run"].iter().all(|field| text.contains(field)), "{text}");

    finish_all(stored, -21);
    crawl.run().assert_code(0);
    assert_eq!((site.hits("/"), stored.runs().len()), (2, 2));
    // Another name has runs of its own.
    crawl.clone().args(["--run", "another"]).run().assert_code(0);
    assert_eq!((site.hits("/"), stored.runs().len()), (3, 3));
    crawl.clone().args(["--min-interval", "soon"]).run().assert_code(2).assert_stderr("--min-interval");
}

fn a_forced_run_begins_at_once(stored: &Stored) {
    let site = site();
    let crawl = nightly(&site, stored);
    crawl.run().assert_code(0);
    crawl.clone().arg("--force-run").run().assert_code(0);
    // The spider declares no such argument.
    crawl.clone().args(["-a", "force_run=true"]).run().assert_code(0);
    crawl.clone().env("DRAGLINE_FORCE_RUN", "true").run().assert_code(0);
    did_nothing(&crawl.clone().args(["-a", "force_run=false"]).run());
    assert_eq!((site.hits("/"), stored.runs().len()), (4, 4));
    let rows = stored.query("select distinct name, args from crawl_runs");
    assert!(rows.len() == 1 && !rows[0][1].contains("force"), "one name, and the same arguments: {rows:?}");

    // The interval can also come from the settings file, and the demo starts in spite of it.
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("dragline.toml");
    std::fs::write(&file, "[crawl]\nmin_interval = \"1h\"\n").unwrap();
    let of_file = crawl_site(&site.url("/"), stored).args(["--robots", "false", "--config"]).arg(&file);
    did_nothing(&of_file.run());
    of_file.clone().args(["--min-interval", "0"]).run().assert_code(0);
    for _ in 0..2 {
        let demo = dragline().args(["demo", "--store", &stored.url(), "--config"]).arg(&file);
        demo.run().assert_code(0).assert_stdout("finished");
    }
}

fn an_unfinished_run_is_always_resumed(stored: &Stored) {
    let site = site();
    let crawl = nightly(&site, stored);
    crawl.run().assert_code(0);
    site.hold();
    let mut forced = crawl.clone().arg("--force-run").spawn();
    forced.wait_until("the request is out", SOON, |_| site.waiting() > 0);
    forced.kill9();
    // A new run would not be due, so the unfinished one is not ended for it.
    did_nothing(&crawl.clone().arg("--fresh").run());
    let states = || stored.query("select state from crawl_runs order by run_id").concat();
    assert_eq!(states(), ["finished", "running"]);
    site.release();
    crawl.run().assert_code(0).assert_stderr("was killed or crashed");
    assert_eq!(states(), ["finished", "finished"]);
    did_nothing(&crawl.run());
}

fn a_run_that_counts_as_failed_may_be_tried_again(stored: &Stored) {
    let site = Site::builder().page("/", Answer::new(503)).start();
    let crawl = nightly(&site, stored).args(["--retries", "0"]);
    crawl.run().assert_code(1).assert_stderr("no page was done");
    site.set("/", Answer::html("<title>well</title>"));
    crawl.run().assert_code(0).assert_stdout("finished");
    assert_eq!(stored.titles().len(), 1);
    did_nothing(&crawl.run());
    // The same for a run that breaks a rule: exit 1 must not become 0 when an orchestrator tries again.
    let strict = crawl.clone().args(["--run", "strict", "--min-items", "2"]);
    strict.run().assert_code(1).assert_stderr("at least 2 should be there");
    strict.run().assert_code(1).assert_stderr("at least 2 should be there");
    assert_eq!(stored.runs().len(), 4);
}

fn a_clock_that_was_set_back_holds_up_nothing(stored: &Stored) {
    let site = site();
    let crawl = nightly(&site, stored);
    crawl.run().assert_code(0);
    finish_all(stored, 9_000);
    crawl.run().assert_code(0).assert_stderr("set the clock back");
    assert_eq!((site.hits("/"), stored.runs().len()), (2, 2));
}
