//! The endpoints of a server while its database is stopped, or stands still: they answer at once and say what is wrong.

use std::time::Instant;

use dragline_testkit::{Asked, OwnServer, ask, database_of_own_server, patience, wait_for};
use serde_json::Value as Json;

use super::*;

/// A probe that waits for longer takes the server for dead.
const LIMIT: Duration = Duration::from_secs(5);
/// A server whose store has been away for longer is not ready. The tests wait for a little more.
const NOT_READY_AFTER: Duration = Duration::from_secs(30);

fn asked(address: &str, path: &str) -> Asked {
    let since = Instant::now();
    let asked = ask(address, path).unwrap();
    assert!(since.elapsed() < patience(LIMIT), "{path}: {:?}", since.elapsed());
    asked
}

fn json(address: &str, path: &str) -> (u16, Json) {
    let asked = asked(address, path);
    (asked.status, serde_json::from_str(&asked.body).unwrap_or_else(|_| panic!("{path}: {asked:?}")))
}

fn is_away(address: &str, told: &str) {
    let why = wait_for("it says that its store is away", SOON, || {
        let (status, body) = json(address, "/health");
        assert_eq!(status, 200, "a new start of the server would not help: {body}");
        (body["status"] == "store away").then(|| body["why"].as_str().unwrap().to_owned())
    });
    assert!(why.contains("the store has not answered for ") && why.contains(told), "{why}");
    assert!(!why.contains("well-kept"), "no password: {why}");
    // However long it lasts, the server itself does not hang.
    wait_for("it is not ready", NOT_READY_AFTER * 2, || {
        let (status, body) = json(address, "/health");
        assert_eq!((status, &body["status"]), (200, &"store away".into()), "{body}");
        let (status, body) = json(address, "/ready");
        if status == 503 {
            assert!(body["why"].as_str().unwrap().contains(told), "{body}");
        }
        assert_eq!(json(address, "/status").1["running"].as_array().unwrap().len(), 1);
        let metrics = asked(address, "/metrics").body;
        let age =
            metrics.lines().find_map(|line| line.strip_prefix("dragline_serve_store_answer_age_seconds "));
        let age: f64 = age.unwrap().parse().unwrap();
        (status == 503).then(|| assert!(age > NOT_READY_AFTER.as_secs_f64(), "{age}"))
    });
}

/// `away` takes the database away, calls what looks at the endpoints, and brings it back.
fn the_endpoints_tell(told: &str, away: impl FnOnce(&mut OwnServer, &dyn Fn())) {
    let mut stored = Stored::Postgres(database_of_own_server());
    let site = Site::generated(20, 3);
    site.hold_after(5);
    let file = schedule("nightly", &site, "0 3 * * *", "");
    let server = server(&stored, dragline(), &clock("2026-03-01T02:59:58Z", 1), &file);
    let mut running = server.args(["--listen", "127.0.0.1:0"]).limit(SOON * 5).spawn();
    running.wait_until("it crawls", SOON, |_| of_state(&stored, "running") == 1 && site.waiting() > 0);
    let address = address(&running.stderr()).unwrap();
    assert_eq!(json(&address, "/health").1["status"], "serving");
    assert_eq!(asked(&address, "/ready").status, 200);
    let Stored::Postgres(database) = &mut stored else { unreachable!() };
    away(database.own_server(), &|| is_away(&address, told));
    wait_for("it serves again", SOON, || {
        (asked(&address, "/ready").status == 200 && json(&address, "/health").1["status"] == "serving")
            .then_some(())
    });
    site.release();
    until(&mut running, &stored, "done", 1);
    stop(running, &stored);
    assert_eq!(stored.titles(), *site.truth());
}

#[test]
fn the_endpoints_of_a_server_say_that_its_database_is_stopped() {
    the_endpoints_tell("refused", |database, is_away| {
        database.stop_immediate();
        is_away();
        database.start();
    });
}

#[test]
fn the_endpoints_of_a_server_say_that_its_database_stands_still() {
    the_endpoints_tell("in time", |database, is_away| {
        let _suspended = database.suspend();
        is_away();
    });
}
