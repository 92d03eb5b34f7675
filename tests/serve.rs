//! `dragline serve`: each tick of a schedule is executed once or skipped with a reason, whatever ends.

use std::collections::BTreeMap;
use std::fs;
use std::time::Duration;

use chrono::{DateTime, Utc};
use dragline_testkit::{Answer, Dragline, Running, Site, ask_with, wait_until};

use crate::health::address;
use crate::stored::{Stored, dragline, on_both_stores};

mod children;
mod day;
mod first_process;
mod limits;
mod logs;
mod page;
mod store_away;

/// A machine that also builds is slow.
const SOON: Duration = Duration::from_secs(60);

on_both_stores!(
    a_due_schedule_is_crawled_once,
    two_servers_execute_each_tick_once,
    a_killed_server_is_replaced_and_its_run_goes_on,
    a_tick_has_one_run_whoever_finishes_it,
    a_stop_ends_all_crawls_and_the_next_server_goes_on,
    a_wrong_setting_is_not_tried_again,
    a_crash_is_tried_again_and_given_up,
    a_process_that_takes_too_long_is_stopped,
    people_run_pause_and_cancel,
    the_page_of_all_runs_is_at_its_address,
);

/// A clock that begins at a moment now, and runs so much faster.
fn clock(start: &str, speed: u32) -> String {
    format!("{start}/{}/{speed}", Utc::now().to_rfc3339_opts(chrono::SecondsFormat::Millis, true))
}

/// A server in a folder with this settings file.
fn server(stored: &Stored, program: Dragline, clock: &str, file: &str) -> Dragline {
    server_at(&stored.url(), stored, program, clock, file)
}

/// The same for a store that it reaches in another way.
fn server_at(url: &str, stored: &Stored, program: Dragline, clock: &str, file: &str) -> Dragline {
    let server = program.args(["serve", "--store", url, "--workers", "4", "--lease", "2s"]);
    fs::write(server.folder().join("dragline.toml"), file).unwrap();
    // A schedule that is seen for the first time has no earlier ticks, and the start of a process takes its time.
    dragline().args(["schema", "apply", "--store", &stored.url()]).run().assert_code(0);
    let start = clock.split('/').next().unwrap().replace('Z', ".000000Z");
    for name in file.lines().filter_map(|line| line.strip_prefix("[schedule.")?.strip_suffix(']')) {
        stored.execute(&format!(
            "insert into crawl_schedules (name, definition, first_seen_at, known_until)
             values ('{name}', '{{}}', '{start}', '{start}') on conflict (name) do nothing"
        ));
    }
    server.env("DRAGLINE_TEST_CLOCK", clock).limit(SOON)
}

fn schedule(name: &str, site: &Site, cron: &str, more: &str) -> String {
    format!(
        "[schedule.{name}]\nspider = 'site'\ncron = '{cron}'\nstart_urls = ['{}']\nrate = 0\nrobots = false\n{more}\n",
        site.url("/")
    )
}

/// State and count of all ticks.
fn ticks(stored: &Stored) -> BTreeMap<String, usize> {
    let rows = stored.query("select state, count(*) from crawl_ticks group by state");
    rows.into_iter().map(|row| (row[0].clone(), row[1].parse().unwrap())).collect()
}

fn of_state(stored: &Stored, state: &str) -> usize {
    ticks(stored).get(state).copied().unwrap_or_default()
}

/// Everything about the ticks, for a failure.
fn told(stored: &Stored) -> String {
    let rows = stored.query(
        "select schedule, due_at, kind, state, attempts, failures, exit_code, reason from crawl_ticks order by due_at",
    );
    rows.into_iter().map(|row| row.join(" ") + "\n").collect()
}

fn until(running: &mut Running, stored: &Stored, state: &str, count: usize) {
    running.wait_until(&format!("{count} ticks are {state}"), SOON, |_| of_state(stored, state) >= count);
}

/// Stops a server. It leaves no server that counts as alive, and no process.
fn stop(running: Running, stored: &Stored) {
    running.signal("TERM");
    let ended = running.finish();
    ended.assert_code(0).assert_stderr("This is normal during deploys");
    assert_eq!(stored.count("select count(*) from crawl_servers where ended_at is null"), 0);
    assert_eq!(of_state(stored, "running"), 0, "{}", told(stored));
}

fn a_due_schedule_is_crawled_once(stored: &Stored) {
    let site = Site::generated(12, 3);
    let file = schedule("nightly", &site, "0 3 * * *", "time_zone = 'Europe/Berlin'");
    let server = server(stored, dragline(), &clock("2026-03-29T00:59:58Z", 1), &file);
    let mut running = server.spawn();
    until(&mut running, stored, "done", 1);
    stop(running, stored);
    // 03:00 in Berlin is the first moment after the gap.
    let due = stored.query("select due_at, run_name, attempts, exit_code from crawl_ticks");
    assert_eq!(due.len(), 1, "{}", told(stored));
    let at: DateTime<Utc> = due[0][0].replace(' ', "T").replace("+00", "Z").parse().unwrap();
    assert_eq!(at, "2026-03-29T01:00:00Z".parse::<DateTime<Utc>>().unwrap());
    assert_eq!(due[0][1..], ["nightly", "1", "0"]);
    assert_eq!(stored.titles(), *site.truth());
    assert_eq!(stored.runs().len(), 1);
}

fn two_servers_execute_each_tick_once(stored: &Stored) {
    let site = Site::builder().page("/", Answer::html("<title>news</title>")).start();
    let file = schedule("often", &site, "* * * * *", "")
        + &schedule("half", &site, "*/30 * * * *", "if_running = 'queue'");
    let clock = clock("2026-03-01T00:00:00Z", 30);
    let first = server(stored, dragline(), &clock, &file);
    let second = server(stored, dragline(), &clock, &file);
    let (mut one, two) = (first.spawn(), second.spawn());
    one.wait_until("12 ticks have ended", SOON, |_| {
        of_state(stored, "done") + of_state(stored, "skipped") >= 12
    });
    stop_both(one, two, stored);
    let moments = stored.query("select due_at from crawl_ticks where schedule = 'often' order by due_at");
    let moments: Vec<String> = moments.into_iter().map(|row| row[0][14..16].to_owned()).collect();
    let first: usize = moments[0].parse().unwrap();
    let expected: Vec<String> =
        (first..first + moments.len()).map(|minute| format!("{:02}", minute % 60)).collect();
    assert_eq!(moments, expected, "no tick is missing: {}", told(stored));
    let done = of_state(stored, "done");
    let finished = stored.count("select count(*) from crawl_runs where state = 'finished'");
    assert_eq!((finished, site.hits("/")), (done, done), "{}", told(stored));
    let unexplained =
        "select count(*) from crawl_ticks where state in ('skipped', 'failed') and reason is null";
    assert_eq!(stored.count(unexplained), 0);
}

fn stop_both(one: Running, two: Running, stored: &Stored) {
    one.signal("TERM");
    two.signal("TERM");
    one.finish().assert_code(0);
    two.finish().assert_code(0);
    assert_eq!(of_state(stored, "running"), 0, "{}", told(stored));
}

fn a_killed_server_is_replaced_and_its_run_goes_on(stored: &Stored) {
    let site = Site::builder().generated(40, 3).delay(Duration::from_millis(20)).start();
    site.hold_after(10);
    let file = schedule("nightly", &site, "0 3 * * *", "host_concurrency = 2\nrestart_delay = '1s'");
    let server = server(stored, dragline(), &clock("2026-03-01T02:59:58Z", 1), &file);
    let mut first = server.spawn();
    first.wait_until("some pages are stored", SOON, |_| stored.pages("done") > 3 && site.waiting() > 0);
    let child = stored.query("select pid from crawl_ticks where state = 'running'")[0][0].clone();
    first.kill9();
    wait_until("the crawl does not outlive its server", SOON, || !is_alive(&child));
    site.release();
    let mut second = server.spawn();
    until(&mut second, stored, "done", 1);
    stop(second, stored);
    assert_eq!(stored.titles(), *site.truth());
    assert_eq!(stored.runs().len(), 1, "the run goes on");
    assert_eq!(stored.count("select attempts from crawl_ticks"), 2, "{}", told(stored));
}

fn a_tick_has_one_run_whoever_finishes_it(stored: &Stored) {
    let site = Site::generated(20, 3);
    site.hold_after(8);
    let file = schedule("nightly", &site, "0 3 * * *", "host_concurrency = 2\nrestart_delay = '4s'");
    let server = server(stored, dragline(), &clock("2026-03-01T02:59:58Z", 1), &file);
    let mut running = server.spawn();
    running.wait_until("some pages are stored", SOON, |_| stored.pages("done") > 3 && site.waiting() > 0);
    let child = stored.query("select pid from crawl_ticks where state = 'running'")[0][0].clone();
    // Its run is not noted, as if the crawl had died right after it opened the run.
    let crashed = std::process::Command::new("kill").args(["-KILL", &child]).status().unwrap();
    assert!(crashed.success());
    until(&mut running, stored, "waiting", 1);
    stored.execute("update crawl_ticks set run_id = null, version = version + 1");
    site.release();
    let file = server.folder().join("dragline.toml");
    let by_hand = dragline().args(["--config"]).arg(&file).args(["crawl", "site", "--schedule", "nightly"]);
    by_hand.args(["--store", &stored.url()]).run().assert_code(0).assert_stderr("resuming");
    until(&mut running, stored, "done", 1);
    stop(running, stored);
    let tick = &stored.query("select attempts, run_id, reason from crawl_ticks")[0];
    assert_eq!(tick[..], ["1", "1", "another process has finished its run"], "{}", told(stored));
    assert_eq!((stored.runs().len(), site.hits("/")), (1, 1));
    assert_eq!(stored.titles(), *site.truth());
}

/// A zombie has ended.
fn is_alive(pid: &str) -> bool {
    let status = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    status.rsplit(')').next().is_some_and(|rest| !rest.is_empty() && !rest.trim_start().starts_with('Z'))
}

fn a_stop_ends_all_crawls_and_the_next_server_goes_on(stored: &Stored) {
    let site = Site::builder().generated(30, 3).start();
    site.hold_after(5);
    let more = "host_concurrency = 2";
    let file = schedule("one", &site, "0 3 * * *", more) + &schedule("two", &site, "0 3 * * *", more);
    let server = server(stored, dragline(), &clock("2026-03-01T02:59:58Z", 1), &file);
    let mut first = server.spawn();
    first.wait_until("both crawl", SOON, |_| of_state(stored, "running") == 2 && site.waiting() > 0);
    // One of them stands still, and hears the stop all the same.
    let pid = stored.query("select pid from crawl_ticks where schedule = 'one'")[0][0].clone();
    let kill = |signal: &str| std::process::Command::new("kill").args([signal, &pid]).status().unwrap();
    assert!(kill("-STOP").success());
    stop(first, stored);
    assert_eq!(of_state(stored, "waiting"), 2, "{}", told(stored));
    assert!(!is_alive(&pid));
    site.release();
    let mut second = server.spawn();
    until(&mut second, stored, "done", 2);
    // A wrong file is refused, and the old one stays in force.
    fs::write(server.folder().join("dragline.toml"), "[schedule.one]\nspidr = 'site'\n").unwrap();
    second.signal("HUP");
    second.wait_until("the file is refused", SOON, |it| it.stderr().contains("did you mean `spider`?"));
    fs::write(server.folder().join("dragline.toml"), schedule("three", &site, "0 3 * * *", "")).unwrap();
    second.signal("HUP");
    let noted = "select count(*) from crawl_schedules where name = 'three'";
    // Nobody starts the ticks of schedules that are gone.
    let left = "insert into crawl_ticks (schedule, due_at, kind, state, next_try_at, run_name)
        values ('one', '2026-03-02T03:00:00.000000Z', 'manual', 'waiting', '2026-03-02T03:00:00.000000Z', 'one')";
    stored.execute(left);
    second.wait_until("the new file is read", SOON, |_| stored.count(noted) == 1);
    let skipped =
        "select count(*) from crawl_ticks where reason = 'the schedule is no longer in the settings file'";
    second.wait_until("the tick is skipped", SOON, |_| stored.count(skipped) == 1);
    stop(second, stored);
    assert_eq!(stored.runs(), vec![("finished".to_owned(), "finished".to_owned()); 2]);
}

fn a_wrong_setting_is_not_tried_again(stored: &Stored) {
    let site = Site::generated(1, 1);
    let file = schedule("wrong", &site, "0 3 * * *", "args = { nonsense = '1' }");
    let mut running = server(stored, dragline(), &clock("2026-03-01T02:59:58Z", 1), &file).spawn();
    until(&mut running, stored, "failed", 1);
    stop(running, stored);
    let tick = &stored.query("select attempts, exit_code, reason from crawl_ticks")[0];
    assert_eq!(tick[..2], ["1", "2"]);
    assert!(tick[2].starts_with("not tried again: ") && tick[2].contains("nonsense"), "{tick:?}");
}

fn a_crash_is_tried_again_and_given_up(stored: &Stored) {
    let site = Site::generated(4, 2);
    let file = schedule("crash", &site, "0 3 * * *", "restarts = 1\nrestart_delay = '1s'");
    let server = server(stored, dragline(), &clock("2026-03-01T02:59:58Z", 1), &file);
    // Every process of this server is killed before its first flush is committed.
    let mut running = server.env("DRAGLINE_PROBE", "flush: after states").spawn();
    until(&mut running, stored, "failed", 1);
    stop(running, stored);
    let tick = &stored.query("select attempts, failures, exit_code, reason from crawl_ticks")[0];
    assert_eq!(tick[..3], ["2", "2", "137"], "{tick:?}");
    assert!(tick[3].contains("given up because 2 processes failed"), "{tick:?}");
}

fn a_process_that_takes_too_long_is_stopped(stored: &Stored) {
    let site = Site::generated(30, 3);
    site.hold_after(5);
    let file = schedule("slow", &site, "0 3 * * *", "max_runtime = '2s'");
    let mut running = server(stored, dragline(), &clock("2026-03-01T02:59:58Z", 1), &file).spawn();
    until(&mut running, stored, "failed", 1);
    stop(running, stored);
    let reason = &stored.query("select reason from crawl_ticks")[0][0];
    assert!(reason.contains("max_runtime (2s)"), "{reason}");
    assert_eq!(stored.runs()[0].0, "stopped", "the next tick goes on with it");
}

fn people_run_pause_and_cancel(stored: &Stored) {
    let site = Site::generated(30, 3);
    site.hold_after(5);
    let file = schedule("nightly", &site, "0 3 1 1 *", "") + &schedule("often", &site, "* * * * *", "");
    let server = server(stored, dragline(), &clock("2026-03-01T00:00:30Z", 30), &file);
    let asked = |words: &[&str]| {
        let command = dragline().cwd(server.folder()).args(words).args(["--store", &stored.url()]);
        let done = command.env("DRAGLINE_TEST_CLOCK", clock("2026-03-01T00:00:00Z", 1)).run();
        done.assert_code(0);
        done.stdout
    };
    assert!(asked(&["schedule", "pause", "often"]).starts_with("paused often"));
    assert!(asked(&["schedule", "pause", "often"]).contains("paused already"));
    assert!(asked(&["schedule", "list"]).contains("paused by"));
    assert!(asked(&["schedule", "run", "nightly"]).contains("no server is running"));
    let mut running = server.clone().args(["--listen", "127.0.0.1:0"]).spawn();
    running.wait_until("it crawls", SOON, |_| of_state(stored, "running") == 1 && site.waiting() > 0);
    let paused = "select count(*) from crawl_ticks where schedule = 'often' and state = 'skipped'";
    running.wait_until("ticks are skipped", SOON, |_| stored.count(paused) > 0);
    assert!(asked(&["runs", "cancel", "nightly"]).contains("its server stops it"));
    until(&mut running, stored, "failed", 1);
    let reason = &stored.query("select reason from crawl_ticks where schedule = 'nightly'")[0][0];
    assert!(reason.starts_with("cancelled by"), "{reason}");
    let again = dragline().args(["runs", "cancel", "nightly", "--store", &stored.url()]).run();
    again.assert_code(1).assert_stderr("no server executes the run");
    site.release();
    assert!(asked(&["schedule", "resume", "often"]).contains("goes on"));
    until(&mut running, stored, "done", 1);
    stop(running, stored);
}

fn the_page_of_all_runs_is_at_its_address(stored: &Stored) {
    let site = Site::generated(12, 3);
    let file = schedule("nightly", &site, "0 3 * * *", "");
    let server = server(stored, dragline(), &clock("2026-03-01T02:59:58Z", 1), &file);
    let mut running = server.args(["--listen", "127.0.0.1:0", "--log-dir", "logs"]).spawn();
    until(&mut running, stored, "done", 1);
    let address = address(&running.stderr()).unwrap();
    let asked = |path: &str| {
        let words = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
        let asked = ask_with(&address, &words).unwrap();
        assert_eq!(asked.status, 200, "{path}: {asked:?}");
        asked.body
    };
    for part in ["nightly", "/runs/1", "finished"] {
        assert!(asked("/").contains(part), "{part}");
    }
    // The log file of the crawl is in the folder of its schedule.
    let log = asked("/api/v1/runs/1/log");
    assert!(log.contains("new run"), "{log}");
    let metrics = asked("/metrics");
    let done = "dragline_serve_ticks_total{spider=\"site\",run=\"nightly\",state=\"done\"} 1\n";
    assert!(metrics.contains(done), "{metrics}");
    for name in crate::metrics::documents::of_a_server() {
        assert!(metrics.contains(&format!("# HELP {name} ")), "{name}: {metrics}");
    }
    stop(running, stored);
}

#[test]
fn a_server_without_schedules_is_a_usage_error() {
    let stored = Stored::sqlite();
    let none = dragline().args(["serve", "--store", &stored.url()]).run();
    none.assert_code(2).assert_stderr("[schedule.nightly]");
}
