//! The close against a real server that holds a flush up.

use std::time::{Duration, Instant};

use dragline_core::PageState;
use dragline_core::store::RunState;
use dragline_testkit::wait_until;

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
        assert!(begun.elapsed() < Duration::from_secs(4), "{:?}", begun.elapsed());
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
