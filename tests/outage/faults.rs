//! Each fault of the link to the database, while a crawl runs.

use std::time::Duration;

use dragline_testkit::{Finished, Link, Running, Strike, wait_until};

use super::scene::{SOON, Scene, is_small, sockets, warnings};

/// Limits short enough for a test, as a user may give them.
const SHORT_LIMITS: &str = "?connect_timeout=1&options=-cstatement_timeout%3D1s";

/// Waits from the fault until the crawl has halted and logged the outage.
fn waits(scene: &Scene, running: &mut Running) {
    running
        .wait_until("the outage is told", SOON, |running| warnings(&running.stderr(), "flushing fails") > 0);
    scene.halts();
    scene.is_degraded(running);
    is_small(running);
    assert!(running.is_running());
}

/// Waits from the repair until the end.
fn goes_on(scene: &Scene, running: Running) -> Finished {
    let finished = running.finish();
    finished.assert_code(0).assert_stderr("the store answers again");
    scene.is_exact();
    finished
}

/// Does something a number of times, with a number of polls (10 ms each) between one time and the next.
fn again_and_again(times: usize, looks: usize, mut what: impl FnMut()) {
    let mut looked = 0;
    wait_until("all times are over", Duration::from_secs(60), || {
        looked += 1;
        if looked % looks == 0 {
            what();
        }
        looked >= times * looks
    });
}

#[test]
fn refused_connections_are_waited_for_calmly() {
    let scene = Scene::new(400);
    let mut running = scene.in_mid_crawl(&scene.crawl());
    scene.proxy.go_away();
    scene.site.release();
    waits(&scene, &mut running);
    // Once when it begins, and again after half a minute, however often it was tried meanwhile.
    let told_again = "flushing still fails; the crawl waits";
    let a_minute = Duration::from_secs(60);
    running.wait_until("it is told again", a_minute, |running| warnings(&running.stderr(), told_again) == 1);
    let stderr = running.stderr();
    let line = stderr.lines().find(|line| line.contains(told_again)).unwrap();
    assert!(line.contains("outage_s=") && line.contains("rows_waiting="), "{line}");
    assert!(scene.proxy.accepted() > 10, "it was tried {} times", scene.proxy.accepted());
    assert_eq!(warnings(&stderr, "flushing fails; nothing is lost"), 1, "{stderr}");
    assert!(warnings(&stderr, "") < 8, "{stderr}");
    assert_eq!(scene.idle_in_transaction(), Vec::<Vec<String>>::new());
    scene.proxy.set(Link::Pass);
    goes_on(&scene, running);
}

/// As for a machine that was suspended: nobody could ask the store meanwhile.
#[test]
fn time_in_which_the_process_was_stopped_does_not_count_as_an_outage() {
    let scene = Scene::new(200);
    let mut running = scene.in_mid_crawl(&scene.crawl().args(["--max-outage", "9s"]));
    scene.proxy.go_away();
    scene.site.release();
    running
        .wait_until("the outage is told", SOON, |running| warnings(&running.stderr(), "flushing fails") > 0);
    running.signal("STOP");
    // Nothing else shows that time has passed.
    #[allow(clippy::disallowed_methods)]
    std::thread::sleep(Duration::from_secs(10));
    let tried = scene.proxy.accepted();
    running.signal("CONT");
    running.wait_until("it tries again", SOON, |_| scene.proxy.accepted() > tried);
    scene.proxy.set(Link::Pass);
    goes_on(&scene, running).assert_stderr("did not run for a while");
}

#[test]
fn a_black_hole_is_noticed_and_waited_for() {
    let scene = Scene::new(400);
    let mut running = scene.in_mid_crawl(&scene.crawl_with(SHORT_LIMITS));
    scene.proxy.set(Link::Blackhole);
    scene.site.release();
    waits(&scene, &mut running);
    running
        .wait_until("silence is the reason", SOON, |running| running.stderr().contains("no answer in time"));
    // The server ends what the program cannot end, and the program keeps no dead connections.
    wait_until("no transaction is left", SOON, || scene.idle_in_transaction().is_empty());
    assert!(sockets(&running) < 30, "connections pile up: {}", sockets(&running));
    scene.proxy.set(Link::Pass);
    goes_on(&scene, running);
}

#[test]
fn cut_connections_cost_a_moment() {
    let scene = Scene::new(400);
    let mut running = scene.in_mid_crawl(&scene.crawl());
    scene.proxy.reset();
    scene.site.release();
    running.wait_until("it goes on", SOON, |_| scene.done() > 60);
    // Once more, among flushes.
    scene.proxy.reset();
    running.finish().assert_code(0);
    scene.is_exact();
}

#[test]
fn late_answers_make_it_slow_and_nothing_else() {
    let scene = Scene::new(150);
    let running = scene.in_mid_crawl(&scene.crawl());
    scene.proxy.set(Link::Delay(Duration::from_millis(60)));
    scene.site.release();
    let finished = running.finish();
    finished.assert_code(0).assert("nothing failed", warnings(&finished.stderr, "") == 0);
    scene.is_exact();
}

#[test]
fn a_copy_cut_in_the_middle_is_done_again() {
    let scene = Scene::new(300);
    let running = scene.in_mid_crawl(&scene.crawl());
    scene.proxy.strike(Strike::MidCopy { after_bytes: 700 }, 6);
    scene.site.release();
    running.finish().assert_code(0);
    assert_eq!(scene.proxy.struck(), 6);
    scene.is_exact();
}

#[test]
fn a_commit_that_was_never_answered_counts_once() {
    let scene = Scene::new(300);
    let running = scene.in_mid_crawl(&scene.crawl());
    scene.proxy.strike(Strike::CommitAnswer, 6);
    scene.site.release();
    running.finish().assert_code(0);
    assert_eq!(scene.proxy.struck(), 6);
    scene.is_exact();
}

#[test]
fn a_start_whose_commits_were_never_answered_is_one_start() {
    let scene = Scene::new(20);
    scene.proxy.strike(Strike::CommitAnswer, 2);
    scene.crawl().run().assert_code(0);
    assert_eq!(scene.proxy.struck(), 2);
    scene.is_exact();
}

#[test]
fn two_hundred_short_outages_are_ridden_out() {
    let scene = Scene::new(1_200);
    let running = scene.in_mid_crawl(&scene.crawl());
    // All but one page, so that the crawl is not over before the outages are.
    scene.site.hold_page("/page/1199.html");
    again_and_again(200, 5, || scene.proxy.reset());
    scene.site.release();
    let finished = running.finish();
    finished.assert_code(0).assert("it is calm about it", warnings(&finished.stderr, "") < 40);
    scene.is_exact();
}

#[test]
fn sessions_that_an_administrator_ends_are_made_again() {
    let scene = Scene::new(2_000);
    let running = scene.in_mid_crawl(&scene.crawl());
    scene.site.hold_page("/page/1999.html");
    let end = "select count(pg_terminate_backend(pid)) from pg_stat_activity
               where application_name = 'dragline' and datname = current_database()";
    let mut ended = 0;
    again_and_again(50, 10, || ended += scene.database.value(end).parse::<usize>().unwrap());
    assert!(ended > 20, "{ended} sessions");
    scene.site.release();
    running.finish().assert_code(0);
    scene.is_exact();
}
