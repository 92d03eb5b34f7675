//! Somebody deletes rows that a running crawl needs. The crawl cannot go on, logs what is missing, and stops at once.

use dragline_testkit::Finished;

use super::scene::{SOON, Scene};

/// How a crawl ends under whose feet `sql` is done.
fn after(sql: &str) -> Finished {
    let scene = Scene::new(600);
    let running = scene.in_mid_crawl(&scene.crawl());
    scene.database.query(sql);
    scene.site.release();
    running.finish_within(SOON)
}

#[test]
fn a_run_whose_row_was_deleted_is_not_said_to_be_another_s() {
    let ended = after("delete from crawl_runs");
    ended.assert_code(1).assert_stderr("the row of run 1 is no longer in the store");
    ended.assert_stderr("--fresh").assert("nobody else has it", !ended.stderr.contains("another process"));
}

#[test]
fn a_run_whose_requests_were_deleted_does_not_wait_for_them() {
    let ended = after("truncate crawl_requests");
    ended
        .assert_code(1)
        .assert_stderr("of run 1 is no longer in the store")
        .assert_stderr("the request for http");
}

#[test]
fn a_role_that_may_not_log_in_any_more_is_told_and_nothing_is_said_to_work() {
    let scene = Scene::new(600);
    let role = format!("barred_{}", scene.database.name());
    scene
        .database
        .query(&format!("create role {role} login password 'its-own'; grant all on schema public to {role}"));
    let url = scene.database.url();
    let (_, address) = url.rsplit_once('@').unwrap();
    let running = scene.in_mid_crawl(&scene.crawl_into(&format!("postgres://{role}:its-own@{address}")));
    // Committed before the sessions end: together, a session that is made at once would find the role as it was.
    scene.database.query(&format!("alter role {role} nologin"));
    scene
        .database
        .query(&format!("select pg_terminate_backend(pid) from pg_stat_activity where usename = '{role}'"));
    scene.site.release();
    let ended = running.finish_within(SOON);
    ended.assert_code(1).assert_stderr("not permitted to log in");
    ended.assert("nothing works again", !ended.stderr.contains("the store answers again"));
}
