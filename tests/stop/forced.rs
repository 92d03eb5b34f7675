//! Stops that are cut short: by more signals, by the watchdog, by a flush that does not end. Nothing is lost.

use std::time::Duration;

use dragline_testkit::{Site, wait_until};

use super::SOON;
use crate::stored::{Stored, crawl_nasty, example};

#[cfg(debug_assertions)]
pub(super) use hanging::*;

/// The first pages come at once, and the others when it is released.
fn busy_site() -> Site {
    let site = Site::generated(300, 4);
    site.hold_after(100);
    site
}

#[test]
fn a_last_flush_that_hangs_is_cancelled_and_diagnosed() {
    let stored = Stored::postgres();
    example("nasty_spiders").args(["schema", "apply", "--store", &stored.url()]).run().assert_code(0);
    stored.execute(
        "create table slow (n int);
         create function dawdle() returns trigger language plpgsql as $$
         begin
             if exists (select from slow) then perform pg_sleep(60); end if;
             return null;
         end $$;
         create trigger dawdle before insert on nasty_things for each statement execute function dawdle();",
    );
    let site = busy_site();
    let crawl = crawl_nasty(&site.url("/"), &stored).args(["--flush-rows", "20"]);
    let mut running = crawl.clone().env("SHUTDOWN_TIMEOUT_SECONDS", "4").spawn();
    running.wait_until("pages are done", SOON, |_| stored.pages("done") > 10);
    stored.execute("insert into slow values (1)");
    site.release();
    let asleep =
        "select count(*) from pg_stat_activity where datname = current_database() and wait_event = 'PgSleep'";
    running.wait_until("a flush hangs", SOON, |_| stored.count(asleep) > 0);
    running.signal("TERM");
    let stopped = running.finish_within(SOON);
    stopped.assert_code(75).assert_stdout("flush task").assert_stderr("CRITICAL: the last flush");
    stopped.assert_stderr("1. the database or its disk hangs").assert_stderr("crawl-0");
    let counted = !stopped.stderr.contains("pipeline_tasks_cancelled_total 0");
    stopped.assert("what was cancelled is counted", counted);
    wait_until("the server has given it up, too", Duration::from_secs(10), || stored.count(asleep) == 0);
    stored.execute("truncate slow");
    crawl.run().assert_code(0).assert_stdout("done 300");
    assert_eq!(stored.query("select count(*), count(distinct url) from crawl_items"), [["300", "300"]]);
    assert_eq!(stored.count("select count(*) from nasty_things"), 300);
}

/// A thread of the program is made to hang by a probe, and those are only there with debug assertions.
#[cfg(debug_assertions)]
mod hanging {
    use std::process::{Command, Stdio};
    use std::time::Instant;

    use dragline_testkit::{Dragline, wait_for};

    use super::super::{hanging_site, stop_at_the_gate};
    use super::*;
    use crate::stored::{crawl_site, dragline};

    /// The persistence thread does not come back from the step before the last.
    fn hanging_in_its_stop(crawl: &Dragline) -> Dragline {
        crawl.clone().env("DRAGLINE_PROBE", "close: gathered").env("DRAGLINE_PROBE_DEED", "hang")
    }

    pub(crate) fn a_third_signal_ends_it_on_the_spot(stored: &Stored) {
        let site = busy_site();
        let crawl = crawl_site(&site.url("/"), stored).args(["--flush-rows", "20"]);
        let mut running = hanging_in_its_stop(&crawl).env("SHUTDOWN_TIMEOUT_SECONDS", "60").spawn();
        running.wait_until("pages are done", SOON, |_| stored.pages("done") > 30);
        stop_at_the_gate(&mut running, "TERM", &site);
        running.wait_until("the stop hangs", SOON, |running| running.stderr().contains("probe: hangs"));
        running.signal("INT");
        running.wait_until("the second is heard", SOON, |running| running.stderr().contains("forced to end"));
        assert!(running.is_running(), "the second signal waits for what hangs");
        running.signal("TERM");
        let ended = running.finish_within(SOON);
        ended.assert_code(70).assert("the report is missing", ended.stdout.is_empty());
        ended.assert("it was not the watchdog", !ended.stderr.contains("CRITICAL"));
        crawl.run().assert_code(0).assert_stderr("resuming");
        assert_eq!(&stored.titles(), site.truth());
    }

    pub(crate) fn a_stop_beyond_its_time_is_diagnosed_and_ended(stored: &Stored) {
        let site = hanging_site(1);
        let crawl = crawl_nasty(&site.url("/"), stored).args(["--crawl-threads", "2"]);
        let folder = tempfile::tempdir().unwrap();
        let left = folder.path().join("nasty.prom");
        let crawl = crawl.arg("--metrics-textfile").arg(&left);
        let mut running = hanging_in_its_stop(&crawl).env("SHUTDOWN_TIMEOUT_SECONDS", "4").spawn();
        running.wait_until("the other pages are done", SOON, |_| stored.pages("done") == 11);
        running.signal("TERM");
        let asked = Instant::now();
        let ended = running.finish_within(SOON);
        ended.assert_code(70).assert("not before its time", asked.elapsed() > Duration::from_secs(3));
        let parsing = format!("parsing {} for ", site.url("/0/hang"));
        // What exceeded which limit; where it stood; the causes in order; what to look at; what it costs.
        let told = [
            "CRITICAL: the stop took longer than its limit of 4 s (SHUTDOWN_TIMEOUT_SECONDS)",
            "step         persistence, for ",
            "persistence  last heartbeat ",
            &parsing,
            " s, spider nasty",
            "metric       pipeline_pending_tasks 0",
            "metric       pipeline_shutdown_step_seconds{step=\"crawl_threads\"} ",
            "1. the database or its disk hangs",
            "Look at the database's load",
            "2. a spider's parse does not return",
            "4. the machine is out of CPU or memory",
            "Nothing is lost",
        ];
        let metrics = std::fs::read_to_string(&left).unwrap();
        let has_code = |line: &str| line.starts_with("dragline_exit_code{") && line.ends_with(" 70");
        ended.assert("the metrics tell of it", metrics.lines().any(has_code));
        let mut rest = ended.stderr.as_str();
        for words in told {
            ended.assert(words, rest.contains(words));
            rest = rest.split_once(words).map_or("", |(_, after)| after);
        }
        let resumed = crawl.args(["--parse-timeout", "500ms"]).run();
        resumed.assert_code(0).assert_stderr("resuming").assert_stdout("done 11, failed 1");
        assert_eq!(stored.query("select count(*), count(distinct url) from crawl_items"), [["11", "11"]]);
    }

    #[test]
    fn the_watchdog_does_not_wait_for_a_blocked_log() {
        let stored = Stored::sqlite();
        let site = busy_site();
        let mut child = Command::new(dragline().program())
            .args(["crawl", "site", "--start-url", &site.url("/"), "--store", &stored.url(), "--rate", "0"])
            .args(["--host-concurrency", "16", "--flush-rows", "20", "--log", "trace"])
            .env("DRAGLINE_PROBE", "close: gathered")
            .env("DRAGLINE_PROBE_DEED", "hang")
            .env("SHUTDOWN_TIMEOUT_SECONDS", "4")
            .stdout(Stdio::null())
            // Nobody reads it, and trace lines fill a pipe's 64 KiB at once.
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        wait_until("pages are done", SOON, || stored.pages("done") > 30);
        let kill = Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap();
        assert!(kill.success());
        site.release();
        let status = wait_for("its end", SOON, || child.try_wait().unwrap());
        assert_eq!(status.code(), Some(70));
        crawl_site(&site.url("/"), &stored).run().assert_code(0).assert_stderr("resuming");
        assert_eq!(&stored.titles(), site.truth());
    }
}
