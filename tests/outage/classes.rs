//! What the database itself says, and what is done about it: waited for, or told at once.

use dragline_testkit::wait_until;

use super::scene::{SOON, Scene, warnings};

/// What is tried again, by code: connection loss, read-only, serialization failure, deadlock, disk full, out of
/// memory, too many connections, lock not available, statement cancelled, shutdowns, start-up, I/O error.
const LATER: [&str; 14] = [
    "08006", "08P01", "25006", "40001", "40P01", "53100", "53200", "53300", "55P03", "57014", "57P01",
    "57P02", "57P03", "58030",
];

#[test]
fn what_may_work_later_is_tried_again() {
    let scene = Scene::new(150).with_tables();
    // A sequence counts on, also when its transaction is rolled back.
    let codes = LATER.map(|code| format!("'{code}'")).join(",");
    scene.database.query(&format!(
        "create sequence tries;
         create function fail() returns trigger language plpgsql as $$
         declare code text := (array[{codes}])[nextval('tries')];
         begin
             if code is not null then raise exception 'made to fail' using errcode = code; end if;
             return null;
         end $$;
         create trigger fail before insert on nasty_things for each statement execute function fail();"
    ));
    scene.crawl().run().assert_code(0);
    let tries: usize = scene.database.value("select last_value from tries").parse().unwrap();
    assert!(tries > LATER.len());
    scene.is_exact();
}

#[test]
fn a_server_that_became_read_only_is_waited_for() {
    let scene = Scene::new(400);
    let mut running = scene.in_mid_crawl(&scene.crawl());
    let name = scene.database.name();
    // As after a failover: new sessions cannot write, and the old ones are gone.
    scene.database.query(&format!("alter database {name} set default_transaction_read_only = on"));
    scene.proxy.reset();
    scene.site.release();
    running.wait_until("it is told", SOON, |running| warnings(&running.stderr(), "25006") > 0);
    scene.halts();
    scene.database.query(&format!("begin read write; alter database {name} reset all; commit"));
    running.finish().assert_code(0).assert_stderr("the store answers again");
    scene.is_exact();
}

#[test]
fn a_table_that_somebody_locks_is_waited_for() {
    let scene = Scene::new(300);
    let mut running = scene.in_mid_crawl(&scene.crawl_with("?options=-clock_timeout%3D300"));
    scene.database.query("create table told ()");
    // Until the crawl has met it; the loop bounds a test that fails.
    let hold = "do $$ begin
             lock table nasty_things;
             for look in 1..6000 loop
                 exit when exists (select from told);
                 perform pg_sleep(0.01);
             end loop;
         end $$";
    let held = "select count(*) from pg_locks where mode = 'AccessExclusiveLock' and granted
                and relation = 'nasty_things'::regclass";
    std::thread::scope(|scope| {
        scope.spawn(|| scene.database.query(hold));
        wait_until("the table is locked", SOON, || scene.database.value(held) == "1");
        scene.site.release();
        running.wait_until("it is told", SOON, |running| warnings(&running.stderr(), "55P03") > 0);
        scene.database.query("insert into told default values");
    });
    running.finish().assert_code(0);
    scene.is_exact();
}

#[test]
fn a_statement_that_takes_too_long_is_tried_again() {
    let scene = Scene::new(150).with_tables();
    scene.database.query(
        "create sequence tries;
         create function dawdle() returns trigger language plpgsql as $$
         begin
             if nextval('tries') <= 2 then perform pg_sleep(60); end if;
             return null;
         end $$;
         create trigger dawdle before insert on nasty_things for each statement execute function dawdle();",
    );
    scene.crawl_with("?options=-cstatement_timeout%3D1s").run().assert_code(0).assert_stderr("57014");
    scene.is_exact();
}

/// A role without any right but to log in; it is gone with its server.
fn role(scene: &Scene) -> (String, String) {
    let role = format!("crawler_{}", scene.database.name());
    scene.database.query(&format!("create role {role} login password 'its-own'"));
    let url = scene.database.url();
    let (_, address) = url.rsplit_once('@').unwrap();
    (role.clone(), format!("postgres://{role}:its-own@{address}"))
}

#[test]
fn too_many_connections_are_waited_for() {
    let scene = Scene::new(400);
    let (role, url) = role(&scene);
    scene.database.query(&format!("grant all on schema public to {role}"));
    let mut running = scene.in_mid_crawl(&scene.crawl_into(&url));
    scene.database.query(&format!(
        "alter role {role} connection limit 0;
         select pg_terminate_backend(pid) from pg_stat_activity where usename = '{role}'"
    ));
    scene.site.release();
    running.wait_until("it is told", SOON, |running| warnings(&running.stderr(), "53300") > 0);
    scene.halts();
    scene.database.query(&format!("alter role {role} connection limit -1"));
    running.finish().assert_code(0);
    scene.is_exact();
}

#[test]
fn a_missing_privilege_is_told_at_once_with_its_remedy() {
    let scene = Scene::new(10);
    let (role, url) = role(&scene);
    let patient = ["--operation-timeout", "60s", "--startup-timeout", "60s"];
    let told = scene.crawl_into(&url).args(patient).run();
    told.assert_code(1).assert_stderr("permission denied").assert_stderr("GRANT").assert_stderr(&role);
    told.assert("at once", told.elapsed < SOON);
    assert_eq!(scene.site.total_hits(), 0);
    wait_until("no session is left", SOON, || {
        scene.database.value("select count(*) from pg_stat_activity where application_name = 'dragline' and datname = current_database()") == "0"
    });
}

#[test]
fn a_privilege_that_only_the_end_of_a_crawl_needs_is_told_at_once_and_the_remedy_is_enough() {
    let scene = Scene::new(10);
    let (role, url) = role(&scene);
    scene.crawl_into(&scene.database.url()).run().assert_code(0);
    let asked = scene.site.total_hits();
    scene.database.query(&format!(
        "grant usage, create on schema public to {role};
         grant select, insert, update on all tables in schema public to {role}"
    ));
    let told = scene.crawl_into(&url).run();
    told.assert_code(1).assert_stderr("permission denied for crawl_dead_letters, crawl_cookies");
    assert_eq!(scene.site.total_hits(), asked);
    let remedy = told.stderr.split_once("as its owner: ").unwrap().1.lines().next().unwrap();
    scene.database.query(remedy);
    scene.crawl_into(&url).run().assert_code(0);
    assert_eq!(scene.database.value("select count(*) from crawl_runs where state = 'finished'"), "2");
}
