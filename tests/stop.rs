//! A stop is bounded, explains itself, and loses nothing.

mod early;
mod forced;
mod ignored;

use std::io::Read;
use std::net::TcpListener;
use std::time::{Duration, Instant};

use dragline_testkit::{Answer, Running, Site, patience, wait_until};

use crate::stored::{Stored, crawl_nasty, crawl_site, dragline, on_both_stores};

use self::early::a_crawl_that_has_just_begun_stops_cleanly;

const SOON: Duration = Duration::from_secs(20);

on_both_stores!(
    a_crawl_that_has_just_begun_stops_cleanly,
    sigterm_stops_in_time_and_the_same_command_finishes,
    a_stop_with_every_fetch_stalled_is_bounded,
    a_second_signal_forces_the_end,
    a_parse_that_never_returns_is_named_and_left_behind,
    a_parse_beyond_its_time_fails_its_page_and_is_replaced,
    parses_that_hang_again_and_again_stop_the_run,
);

#[cfg(debug_assertions)]
mod hung {
    use super::forced::{a_stop_beyond_its_time_is_diagnosed_and_ended, a_third_signal_ends_it_on_the_spot};
    crate::stored::on_both_stores!(
        a_third_signal_ends_it_on_the_spot,
        a_stop_beyond_its_time_is_diagnosed_and_ended,
    );
}

/// Stops a crawl that waits at the gate of its site, which opens once the signal is heard: not before, or the crawl may
/// be over; and then the fetches under way end.
pub(crate) fn stop_at_the_gate(running: &mut Running, signal: &str, site: &Site) {
    running.signal(signal);
    running.wait_until("it is heard", SOON, |it| it.stderr().contains(&format!("SIG{signal}")));
    site.release();
}

fn sigterm_stops_in_time_and_the_same_command_finishes(stored: &Stored) {
    let site = Site::generated(400, 4);
    let crawl = crawl_site(&site.url("/"), stored).args(["--flush-rows", "20"]);
    for signal in ["TERM", "INT"] {
        let before = stored.pages("done");
        site.hold_after(100);
        let mut running = crawl.spawn();
        running.wait_until("pages are done", SOON, |_| stored.pages("done") > before + 30);
        let asked = Instant::now();
        stop_at_the_gate(&mut running, signal, &site);
        let stopped = running.finish_within(Duration::from_secs(10));
        stopped.assert_code(75).assert_stderr("normal during").assert_stdout("the same command resumes");
        assert!(asked.elapsed() < patience(Duration::from_secs(9)), "took {:?}", asked.elapsed());
        assert_eq!(stored.runs(), [("stopped".to_owned(), format!("signal SIG{signal}"))]);
    }
    let finished = crawl.run();
    finished.assert_code(0).assert_stderr("resuming").assert_stderr("signal SIGINT");
    assert_eq!(&stored.titles(), site.truth());
    assert_eq!(stored.pages("done"), 400);
}

fn a_stop_with_every_fetch_stalled_is_bounded(stored: &Stored) {
    let site = Site::generated(60, 20);
    site.hold_after(20);
    let mut crawl = crawl_site(&site.url("/"), stored).env("SHUTDOWN_TIMEOUT_SECONDS", "4").spawn();
    crawl.wait_until("a page is done", SOON, |_| stored.pages("done") > 0);
    wait_until("fetches wait", SOON, || site.waiting() > 0);
    crawl.signal("TERM");
    // Beyond its 4 s the code would be 70.
    crawl.finish_within(SOON).assert_code(75);
    site.release();
    let finished = crawl_site(&site.url("/"), stored).run();
    finished.assert_code(0);
    assert_eq!(&stored.titles(), site.truth());
}

fn a_second_signal_forces_the_end(stored: &Stored) {
    let site = Site::builder()
        .page("/", Answer::html("<a href=/slow>slow</a>"))
        .page("/slow", Answer::html("late").delay(Duration::from_secs(30)))
        .start();
    let mut crawl = crawl_site(&site.url("/"), stored).env("SHUTDOWN_TIMEOUT_SECONDS", "120").spawn();
    crawl.wait_until("the slow page is asked for", SOON, |_| site.hits("/slow") == 1);
    crawl.signal("TERM");
    crawl.wait_until("the first signal is heard", SOON, |running| running.stderr().contains("SIGTERM"));
    crawl.signal("INT");
    // A stop would wait for the slow page.
    crawl.finish_within(SOON).assert_code(70);
}

fn a_parse_that_never_returns_is_named_and_left_behind(stored: &Stored) {
    let site = Site::builder()
        .page("/", Answer::html("<a href=/hang>h</a><a href=/fine>f</a>"))
        .page("/hang", Answer::html("h"))
        .page("/fine", Answer::html("f"))
        .start();
    let nasty = crawl_nasty(&site.url("/"), stored).args(["--crawl-threads", "2"]);
    let mut running = nasty.spawn();
    running.wait_until("the other pages are done", SOON, |_| stored.pages("done") == 2);
    let stuck = format!("parsing {}", site.url("/hang"));
    running.wait_until("it is shown", SOON, |it| {
        // Signal again, because its parse may not have begun yet.
        it.signal("USR1");
        it.stderr().contains(&stuck)
    });
    assert!(running.stderr().contains("where everything stands"), "{}", running.stderr());
    running.signal("TERM");
    let stopped = running.finish_within(SOON);
    stopped.assert_code(75).assert_stdout("stuck").assert_stdout(&stuck);
    assert_eq!((stored.pages("done"), stored.pages("queued")), (2, 1));
}

/// A site whose start page links to `hanging` pages that hang and to ten that do not.
fn hanging_site(hanging: usize) -> Site {
    let hang = (0..hanging).map(|number| format!("/{number}/hang"));
    let fine = (0..10).map(|number| format!("/{number}/fine"));
    let paths: Vec<String> = hang.chain(fine).collect();
    let links: String = paths.iter().map(|path| format!("<a href={path}>{path}</a>")).collect();
    let site = Site::builder().page("/", Answer::html(links));
    paths.iter().fold(site, |site, path| site.page(path, Answer::html("a page"))).start()
}

fn a_parse_beyond_its_time_fails_its_page_and_is_replaced(stored: &Stored) {
    let site = hanging_site(2);
    let nasty =
        crawl_nasty(&site.url("/"), stored).args(["--crawl-threads", "2", "--parse-timeout", "2500ms"]);
    let finished = nasty.run();
    finished.assert_code(0).assert_stdout("done 11, failed 2").assert_stderr("left behind");
    let errors = stored.query("select error from crawl_requests where state = 'failed'");
    assert!(errors.iter().all(|row| row[0].contains("did not come back within 2.5 s")), "{errors:?}");
}

fn parses_that_hang_again_and_again_stop_the_run(stored: &Stored) {
    let site = hanging_site(8);
    let nasty =
        crawl_nasty(&site.url("/"), stored).args(["--crawl-threads", "2", "--parse-timeout", "300ms"]);
    let stopped = nasty.run();
    stopped.assert_code(75).assert_stdout("does not come back, again and again");
    assert!(stored.pages("queued") > 0, "what was not reached is still queued");
}

#[test]
fn a_stop_during_start_up_cancels_it() {
    // A server that takes the connection and never says a word.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("postgres://me:secret@{}/db", silent.local_addr().unwrap());
    let crawl = dragline().args(["crawl", "site", "--start-url", "http://127.0.0.1:9/", "--store", &url]);
    let mut crawl = crawl.args(["--operation-timeout", "60s", "--startup-timeout", "60s"]).spawn();
    let (mut connection, _) = silent.accept().unwrap();
    assert!(connection.read(&mut [0; 8]).unwrap() > 0, "the start-up has begun");
    assert!(crawl.is_running());
    crawl.signal("TERM");
    let stopped = crawl.finish_within(SOON);
    stopped.assert_code(75).assert("no password is shown", !stopped.stderr.contains("secret"));
}

#[test]
fn a_stop_leaves_no_session_behind() {
    let stored = Stored::postgres();
    let site = Site::generated(300, 4);
    site.hold_after(100);
    let mut crawl = crawl_site(&site.url("/"), &stored).spawn();
    crawl.wait_until("pages are done", SOON, |_| stored.pages("done") > 10);
    stop_at_the_gate(&mut crawl, "TERM", &site);
    crawl.finish_within(Duration::from_secs(10)).assert_code(75);
    let sessions = "select count(*) from pg_stat_activity where application_name like 'dragline%' and datname = current_database()";
    // Sooner than the server gives up one that was left to it.
    wait_until("all sessions are gone", Duration::from_secs(10), || stored.count(sessions) == 0);
}

/// The flush of a large page has many steps: its requests are sorted, sent and inserted. Whatever the signal meets, the stop is a
/// normal one, and the page is stored with everything or not at all.
#[test]
fn a_stop_in_the_flush_of_a_page_with_very_many_links_is_a_normal_one() {
    const LINKS: usize = 60_000;
    let links: String = (0..LINKS).map(|number| format!("<a href=/{number}></a>")).collect();
    let site = Site::builder().page("/", Answer::html(links)).start();
    let stored = Stored::postgres();
    let crawl = crawl_site(&site.url("/"), &stored).args(["--limit", "1"]);
    // Each run is met in another statement. The first one is met in whichever comes first.
    for (step, statement) in ["", "COPY", "INSERT"].into_iter().enumerate() {
        let mut running = crawl.clone().args(["--run", &format!("run-{step}")]).spawn();
        let flushing = format!(
            "select count(*) from pg_stat_activity where datname = current_database() and state <> 'idle'
             and application_name like 'dragline%' and xact_start is not null and query ilike '{statement}%'"
        );
        wait_until("the page is flushed", Duration::from_secs(120), || {
            !running.is_running() || site.hits("/") > step && stored.count(&flushing) > 0
        });
        if running.is_running() {
            running.signal("TERM");
        }
        let ended = running.finish_within(SOON);
        ended.assert("it is a stop, or the end", matches!(ended.code, Some(0 | 75)));
        let rows = stored.count(&format!(
            "select count(*) from crawl_requests join crawl_runs using (run_id) where name = 'run-{step}'"
        ));
        assert!([1, LINKS + 1].contains(&rows), "half a page: {rows}");
    }
}
