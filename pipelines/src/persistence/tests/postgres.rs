//! The close against a real server that holds a flush up.

use std::process::Command;
use std::time::{Duration, Instant};

use dragline_core::PageState;
use dragline_core::store::RunState;
use dragline_testkit::{OwnServer, patience, wait_until};

use super::harness::{Bridge, LIMIT, quick};

const SESSIONS: &str = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() \
                        AND pid <> pg_backend_pid() AND backend_type = 'client backend'";

#[test]
fn pages_land_in_postgres_and_no_session_is_left() {
    let database = dragline_testkit::database();
    let bridge = Bridge::open(&database.url(), quick(), 200);
    bridge.submit(0..200);
    bridge.receipts(200);
    let report = bridge.close(Duration::from_secs(8));
    assert!(report.end_written && report.error.is_none(), "{report:?}");
    wait_until("all sessions have ended", LIMIT, || database.value(SESSIONS) == "0");
    assert_eq!(bridge.pages_in(PageState::Done), 200);
}

#[test]
fn a_flush_that_waits_for_a_lock_is_cancelled_at_the_server() {
    let database = dragline_testkit::database();
    let bridge = Bridge::open(&database.url(), quick(), 3);
    std::thread::scope(|scope| {
        let holder = scope.spawn(|| {
            database.query(
                "BEGIN; LOCK TABLE crawl_requests IN ACCESS EXCLUSIVE MODE; SELECT pg_sleep(60); COMMIT",
            )
        });
        wait_until("the table is locked", LIMIT, || {
            database.value(
                "SELECT count(*) FROM pg_locks WHERE mode = 'AccessExclusiveLock' AND granted \
                            AND relation = 'crawl_requests'::regclass",
            ) == "1"
        });
        bridge.submit(0..3);
        wait_until("a flush waits for it", LIMIT, || {
            database.value("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'") != "0"
        });
        let begun = Instant::now();
        let report = bridge.close(Duration::from_secs(4));
        assert!(begun.elapsed() < patience(Duration::from_secs(4)), "{:?}", begun.elapsed());
        assert!(report.tasks_cancelled >= 1 && report.tasks_not_gathered == 0, "{report:?}");
        assert_eq!(report.pages_unknown + report.pages_left_unflushed, 3);
        assert!(report.end_written, "{report:?}");
        assert_eq!(
            database.value("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"),
            "0"
        );
        database.query(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE '%pg_sleep%' \
                        AND pid <> pg_backend_pid()",
        );
        assert!(holder.join().is_err(), "its session was ended");
    });
    let (summary, state) = bridge.stored();
    assert_eq!((summary.pages.queued, state), (3, RunState::Stopped));
}

#[test]
fn a_server_that_does_not_answer_at_all_does_not_hold_up_the_end() {
    let server = dragline_testkit::server();
    let bridge = Bridge::open(&server.url(), quick(), 2);
    bridge.submit(0..1);
    bridge.receipts(1);
    let frozen = Frozen::freeze(&server);
    bridge.submit(1..2);
    wait_until("a flush hangs", LIMIT, || bridge.store.under_way() == 1);
    let begun = Instant::now();
    let report = bridge.close(Duration::from_secs(4));
    assert!(begun.elapsed() < patience(Duration::from_secs(4)), "{:?} {report:?}", begun.elapsed());
    assert_eq!((report.tasks_cancelled, report.tasks_not_gathered, report.pages_unknown), (1, 0, 1));
    assert!(!report.end_written);
    drop(frozen);
    let (summary, state) = bridge.stored();
    assert_eq!(summary.pages.of(PageState::Done) + summary.pages.queued, 3, "{summary:?}");
    assert_eq!(state, RunState::Running, "as after a kill");
}

#[test]
fn a_server_that_goes_away_and_comes_back_gets_everything() {
    let mut server = dragline_testkit::server();
    let bridge = Bridge::open(&server.url(), quick(), 300);
    bridge.submit(0..100);
    // Without waiting: some flushes are under way when it goes.
    server.stop_immediate();
    let tried = bridge.store.flushes();
    std::thread::scope(|scope| {
        scope.spawn(|| bridge.submit(100..300));
        wait_until("it is tried again", LIMIT, || bridge.store.flushes() > tried + 5);
        server.start();
        bridge.receipts(300);
    });
    let report = bridge.close(Duration::from_secs(8));
    assert!(report.end_written && report.error.is_none(), "{report:?}");
    let (summary, state) = bridge.stored();
    assert_eq!((summary.pages.of(PageState::Done), state), (300, RunState::Stopped));
    assert_eq!(summary.items, [("note".to_owned(), 300)]);
}

/// All processes of a server, stopped until this is dropped.
struct Frozen(Vec<String>);

impl Frozen {
    fn freeze(server: &OwnServer) -> Self {
        let mut pids: Vec<String> = server
            .query("SELECT pid FROM pg_stat_activity WHERE pid <> pg_backend_pid()")
            .into_iter()
            .flatten()
            .collect();
        let postmaster = server.query("SELECT split_part(pg_read_file('postmaster.pid'), chr(10), 1)");
        pids.push(postmaster[0][0].clone());
        signal("-STOP", &pids);
        Self(pids)
    }
}

impl Drop for Frozen {
    fn drop(&mut self) {
        signal("-CONT", &self.0);
    }
}

fn signal(name: &str, pids: &[String]) {
    assert!(Command::new("kill").arg(name).args(pids).status().unwrap().success());
}
