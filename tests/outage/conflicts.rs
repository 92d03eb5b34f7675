//! Other sessions write the rows that the crawl writes. Real deadlocks are tried again. Serialization failures do not
//! happen, because the crawl's sessions are read committed whatever the database's default is.

use dragline_testkit::{Dragline, OwnServer, Site, server};

use super::scene::SOON;
use crate::stored::example;

/// The number of deadlocks that the crawl must have lost.
const DEADLOCKS: usize = 3;

/// A server on which one run has stored all rows, so that the next run writes each of them once more.
struct Contested {
    server: OwnServer,
    site: Site,
}

impl Contested {
    fn new(setting: &str) -> Self {
        let contested = Self { server: server(), site: Site::generated(300, 4) };
        contested.crawl().run().assert_code(0);
        // The crawl's rows are locked for a while, one after the other.
        contested.server.query(&format!(
            "create function dawdle() returns trigger language plpgsql as $$
             begin
                 if current_setting('application_name') = 'dragline' then perform pg_sleep(0.01); end if;
                 return new;
             end $$;
             create trigger dawdle before insert on nasty_things for each row execute function dawdle();
             alter database postgres set {setting}"
        ));
        contested
    }

    fn crawl(&self) -> Dragline {
        example("nasty_spiders")
            .args(["crawl", "nasty", "--start-url", &self.site.url("/"), "--store", &self.server.url()])
            .args([
                "--rate",
                "0",
                "--host-concurrency",
                "8",
                "--flush-rows",
                "40",
                "--flush-interval",
                "100ms",
            ])
    }

    /// How often the server has told somebody so.
    fn failures(&self, words: &str) -> usize {
        self.server.log().matches(words).count()
    }

    fn is_exact(&self) {
        let rows = |sql: &str| self.server.query(sql);
        assert_eq!(
            rows("select state, count(*) from crawl_requests where run_id = 2 group by 1"),
            [["done", "300"]]
        );
        assert_eq!(rows("select count(*), count(distinct run_id) from nasty_things"), [["300", "1"]]);
        let notes = "select count(*), count(distinct url) from crawl_items where run_id = 2";
        assert_eq!(rows(notes), [["300", "300"]]);
        assert_eq!(rows("select * from crawl_dead_letters"), Vec::<Vec<String>>::new());
    }
}

#[test]
fn a_deadlock_with_another_session_is_tried_again() {
    let contested = Contested::new("deadlock_timeout = '200ms'");
    let mut running = contested.crawl().spawn();
    // When the crawl is among its rows, in the opposite order. It finds out first, and is the one who gives way.
    let sql = "set deadlock_timeout = '60s';
         do $$ declare thing record; begin
             for look in 1..500 loop
                 perform pg_stat_clear_snapshot();
                 exit when exists (select from pg_stat_activity
                                   where application_name = 'dragline' and wait_event = 'PgSleep');
                 perform pg_sleep(0.005);
             end loop;
             for thing in select url from nasty_things order by url desc loop
                 update nasty_things set count = count where url = thing.url;
             end loop;
         end $$";
    running.wait_until("the crawl loses", 3 * SOON, |_| {
        // A few flushes each time, so that the crawl is not over before it has lost as often.
        contested.site.hold_after(40);
        contested.server.query(sql);
        contested.failures("deadlock detected") >= DEADLOCKS
    });
    contested.site.release();
    running.finish().assert_code(0).assert_stderr("40P01");
    contested.is_exact();
}

#[test]
fn a_database_that_is_serializable_by_default_makes_no_conflicts() {
    let contested = Contested::new("default_transaction_isolation = 'serializable'");
    let mut running = contested.crawl().spawn();
    // Changes what the crawl has not locked yet: to a session that had its snapshot of it before, that would be a
    // failure. Waits for nothing, so it never fails itself.
    let others = "set transaction isolation level read committed;
         update nasty_things set count = count
         where url in (select url from nasty_things for update skip locked)";
    let mut written = 0;
    running.wait_until("most pages are done beside other writers", 3 * SOON, |_| {
        // So few each time that others write as often as is asked for.
        contested.site.hold_after(40);
        contested.server.query(others);
        written += 1;
        let done = "select count(*) >= 250 from crawl_requests where run_id = 2 and state = 'done'";
        contested.server.query(done) == [["t"]]
    });
    contested.site.release();
    running.finish().assert_code(0);
    assert!(written >= 5, "others wrote {written} times");
    assert_eq!(contested.failures("could not serialize access"), 0);
    contested.is_exact();
}
