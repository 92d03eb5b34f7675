//! A process that hangs past its lock: when it comes back it writes nothing more, and says why.

use std::time::{Duration, Instant};

use dragline_testkit::torture::{Ground, Kind, Place, Rows, site};
use dragline_testkit::{Dragline, Running, Site, wait_until};

use super::crawl_zoo;

const SOON: Duration = Duration::from_secs(20);

#[test]
fn a_process_that_lost_its_lock_writes_nothing_more() {
    let hung = Hung::new(Kind::Postgres, false);
    hung.lose_the_lock();
    hung.command.run().assert_code(0).assert_stderr("was killed or crashed");
    hung.comes_back_to_nothing();
}

#[test]
fn a_process_that_wakes_up_beside_its_successor_makes_way() {
    let hung = Hung::new(Kind::Postgres, false);
    hung.lose_the_lock();
    // Nothing comes from the site: the first process hears of it by its heartbeat.
    hung.site.hold();
    let mut second = hung.command.spawn();
    second.wait_until("the second process has the run", SOON, |second| second.stderr().contains("resuming"));
    hung.first.signal("CONT");
    let first = hung.first.finish_within(SOON);
    first.assert_code(1).assert_stderr("taken over by another process").assert_stderr("nothing is lost");
    first.assert_stdout("has lost the run");
    hung.site.release();
    second.finish().assert_code(0);

    let undisturbed = hung.ground.place("undisturbed");
    crawl_zoo()
        .args(["--start-url", &hung.site.url("/gate"), "--store", &hung.ground.url(&undisturbed)])
        .run()
        .assert_code(0);
    let wanted = Rows::read(&hung.ground, &undisturbed);
    assert_eq!(Rows::read(&hung.ground, &hung.place), wanted);
}

#[test]
fn a_hung_process_is_taken_over() {
    let hung = Hung::new(Kind::Postgres, true);
    let too_soon = hung.command.run();
    too_soon.assert_code(1).assert_stderr("held by another process");
    let second = hung.command.clone().args(["--take-over-after", "10s"]);
    wait_until("the last heartbeat is old", SOON, || {
        hung.query("select 1 from crawl_runs where heartbeat_at < now() - interval '10s'") == [["1"]]
    });
    second.run().assert_code(0).assert_stderr("no sign of life").assert_stderr("was killed or crashed");
    hung.comes_back_to_nothing();
}

#[test]
fn a_stopped_process_keeps_its_lock_on_sqlite() {
    let hung = Hung::new(Kind::Sqlite, false);
    let second = hung.command.run();
    second.assert_code(1).assert_stderr("held by another process");
    second.assert_stderr(&format!("pid {}", hung.first.pid()));
    hung.first.signal("CONT");
    hung.first.finish().assert_code(0);
    let standing = hung.ground.standing(&hung.place);
    assert_eq!((standing.runs, standing.finished, standing.queued), (1, 1, 0));
}

/// A crawl that was stopped in its middle, by SIGSTOP.
struct Hung {
    ground: Ground,
    place: Place,
    command: Dragline,
    first: Running,
    site: Site,
}

impl Hung {
    fn new(kind: Kind, at_rest: bool) -> Self {
        let (site, ground) = (site(300), Ground::new(kind));
        let place = ground.place("hung");
        let command = crawl_zoo().args(["--start-url", &site.url("/gate"), "--store", &ground.url(&place)]);
        // One page is held back, or a fast machine is at the crawl's end before it is stopped.
        site.hold_page("/moved/0");
        let first = command.spawn();
        wait_until("pages are done", SOON, || ground.standing(&place).done > 20);
        if at_rest {
            // A session that is stopped in mid-transaction holds its rows until the server ends it, after 30 s.
            site.hold();
            let at_work = "select 1 from pg_stat_activity where datname = current_database()
                           and pid <> pg_backend_pid() and state <> 'idle'";
            let mut done = (0, Instant::now());
            wait_until("the crawl rests", SOON, || {
                let now = ground.standing(&place).done;
                if now != done.0 {
                    done = (now, Instant::now());
                }
                done.1.elapsed() > Duration::from_millis(500) && ground.query(&place, at_work).is_empty()
            });
        }
        first.signal("STOP");
        site.release();
        assert!(ground.standing(&place).queued > 0, "it was stopped in its middle");
        Self { ground, place, command, first, site }
    }

    fn query(&self, sql: &str) -> Vec<Vec<String>> {
        self.ground.query(&self.place, sql)
    }

    /// As the server does with the sessions of a machine that went away: the lock is free.
    fn lose_the_lock(&self) {
        let terminated = self.query(
            "select pg_terminate_backend(pid) from pg_stat_activity
             where datname = current_database() and pid <> pg_backend_pid()",
        );
        assert!(!terminated.is_empty());
    }

    /// The run was finished by another process: the first one changes nothing, and ends with an error.
    fn comes_back_to_nothing(self) {
        let runs = "select * from crawl_runs";
        let (rows, run) = (Rows::read(&self.ground, &self.place), self.query(runs));
        self.first.signal("CONT");
        let first = self.first.finish_within(SOON);
        first.assert_code(1).assert_stderr("taken over by another process").assert_stderr("nothing is lost");
        first.assert_stdout("has lost the run");
        assert_eq!(self.ground.query(&self.place, runs), run, "not even a sign of life");
        assert_eq!(Rows::read(&self.ground, &self.place), rows);
    }
}
