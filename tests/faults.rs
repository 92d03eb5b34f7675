//! What goes wrong outside: a database that goes away, tables that differ, servers that are not there.

use std::time::{Duration, Instant};

use dragline_testkit::{Answer, Finished, Site, database, patience, server, wait_until};

use crate::stored::{Stored, crawl_nasty, crawl_site, dragline, on_both_stores};

const SOON: Duration = Duration::from_secs(20);

on_both_stores!(
    a_page_that_never_ends_is_cut_off,
    a_bad_page_costs_itself_alone,
    a_row_that_is_refused_costs_its_page
);

#[test]
fn a_database_that_goes_away_pauses_the_crawl() {
    let mut server = server();
    let site = Site::generated(300, 4);
    // No further before the database is away, or the crawl may be over.
    site.hold_after(60);
    let crawl = dragline()
        .args(["crawl", "site", "--start-url", &site.url("/"), "--store", &server.url()])
        .args(["--rate", "0", "--host-concurrency", "8", "--flush-rows", "20"])
        .env("DRAGLINE_LOG", "info");
    let done = "select count(*) from crawl_requests where state = 'done'";
    let mut running = crawl.spawn();
    running.wait_until("the tables are there", SOON, |running| running.stderr().contains("new run"));
    running.wait_until("pages are done", SOON, |_| server.query(done)[0][0].parse::<usize>().unwrap() > 30);

    server.stop_immediate();
    site.release();
    running.wait_until("the outage is told", SOON, |running| running.stderr().contains("WARN"));
    // The crawl comes to a halt when its credits are used up.
    let mut hits = (site.total_hits(), Instant::now());
    wait_until("the crawl pauses", SOON, || {
        let now = site.total_hits();
        if now != hits.0 {
            hits = (now, Instant::now());
        }
        hits.1.elapsed() > Duration::from_secs(2)
    });
    assert!(running.is_running());
    assert!(site.total_hits() < 300, "it went on without its database");

    server.start();
    running.finish().assert_code(0).assert_stdout("done 300, failed 0");
    assert_eq!(server.query("select count(*), count(distinct item_key) from crawl_items"), [["300", "300"]]);
    let rows = server.query("select item_key, data->>'title' from crawl_items");
    let titles = rows.into_iter().map(|row| (row[0].clone(), row[1].clone())).collect();
    assert_eq!(site.truth(), &titles);
}

#[test]
fn an_outage_longer_than_allowed_ends_the_run() {
    let mut server = server();
    let site = Site::generated(300, 4);
    site.hold_after(60);
    let crawl = dragline()
        .args(["crawl", "site", "--start-url", &site.url("/"), "--store", &server.url()])
        .args(["--rate", "0", "--host-concurrency", "8", "--flush-rows", "20", "--max-outage", "2s"]);
    let mut running = crawl.spawn();
    running.wait_until("pages are fetched", SOON, |_| site.total_hits() > 30);
    server.stop_immediate();
    site.release();
    let ended = running.finish();
    ended.assert_code(1).assert_stderr("is not available");
    // The outage was logged, so the end needs no diagnosis.
    ended.assert("there is no diagnosis", !ended.stderr.contains("CRITICAL"));
    server.start();
    crawl.run().assert_code(0).assert_stderr("resuming");
    assert_eq!(server.query("select count(*) from crawl_items"), [["300"]]);
}

fn a_page_that_never_ends_is_cut_off(stored: &Stored) {
    let site = Site::builder()
        .page("/", Answer::html("<a href=/endless>e</a>"))
        .page("/endless", Answer::endless("x".repeat(4_096)))
        .start();
    crawl_site(&site.url("/"), stored).args(["--max-body", "1MiB", "--retries", "0"]).run().assert_code(0);
    let row = stored.query("select state, error from crawl_requests where url like '%endless'");
    assert_eq!(row[0][0], "failed");
    assert!(row[0][1].contains("larger than"), "{row:?}");
}

fn a_bad_page_costs_itself_alone(stored: &Stored) {
    let bad = ["panic", "error", "selector", "stranger"];
    let links: String = bad.iter().map(|name| format!("<a href=/{name}>{name}</a>")).collect();
    let mut site = Site::builder().page("/", Answer::html(format!("{links}<a href=/fine>fine</a>")));
    for name in bad.into_iter().chain(["fine"]) {
        site = site.page(&format!("/{name}"), Answer::html("a page"));
    }
    let site = site.start();
    crawl_nasty(&site.url("/"), stored).run().assert_code(65);
    assert_eq!((stored.pages("done"), stored.pages("failed")), (2, 4));
    for (name, error) in bad.into_iter().zip(["not to my taste", "no price", "selector", "stranger"]) {
        let row = stored.query(&format!("select error from crawl_requests where url like '%/{name}'"));
        assert!(row[0][0].contains(error), "{name}: {row:?}");
    }
    assert_eq!(stored.count("select count(*) from crawl_items"), 2, "a failed page leaves no items");
}

fn a_row_that_is_refused_costs_its_page(stored: &Stored) {
    let names = ["nan", "nul", "one", "two", "three"];
    let links: String = names.iter().map(|name| format!("<a href=/{name}>{name}</a>")).collect();
    let mut site = Site::builder().page("/", Answer::html(links));
    for name in names {
        site = site.page(&format!("/{name}"), Answer::html(format!("<a href=/{name}/child>child</a>")));
        site = site.page(&format!("/{name}/child"), Answer::html("a child"));
    }
    let site = site.start();
    crawl_nasty(&site.url("/"), stored).run().assert_code(65).assert_stdout("dead 2");
    assert_eq!(
        (stored.pages("done"), stored.pages("dead")),
        (9, 2),
        "the children of dead pages are crawled"
    );
    let letters = stored.query("select item_type, error from crawl_dead_letters order by letter_id");
    assert_eq!(letters.len(), 2, "the item that no store can hold: {letters:?}");
    assert_eq!(stored.count("select count(*) from crawl_items"), 11, "the other item of each page is stored");
    assert!(letters.iter().any(|row| row[1].contains("NUL")), "{letters:?}");
    assert!(letters.iter().any(|row| row[1].contains("not finite")), "{letters:?}");
    assert_eq!(stored.count("select count(*) from nasty_things"), 9);
}

#[test]
fn a_constraint_costs_the_pages_that_violate_it() {
    let stored = Stored::postgres();
    let Stored::Postgres(database) = &stored else { unreachable!() };
    let site = Site::builder().generated(120, 4).start();
    let crawl = crawl_site(&site.url("/"), &stored);
    crawl.clone().args(["--limit", "1"]).run().assert_code(0);
    database.query("alter table crawl_items add check (url not like '%7.html')");
    crawl.run().assert_code(65);
    let refused = site.truth().keys().filter(|url| url.ends_with("7.html")).count();
    assert!(refused > 5);
    assert_eq!(
        stored.count("select count(*) from crawl_requests where run_id = 2 and state = 'dead'"),
        refused
    );
    assert_eq!(stored.titles().len(), 120 - refused);
    assert_eq!(stored.query("select distinct sqlstate from crawl_dead_letters"), [["23514"]]);
}

#[test]
fn a_narrow_column_is_told_at_start_and_costs_what_does_not_fit() {
    let stored = Stored::postgres();
    let Stored::Postgres(database) = &stored else { unreachable!() };
    database.query(
        "create table nasty_things (url text primary key, text varchar(5), number numeric(4, 1), count bigint,
                                    run_id bigint, source_url text, scraped_at timestamptz)",
    );
    let site = Site::builder()
        .page("/", Answer::html("<a href=/short>s</a><a href=/much-longer>l</a>"))
        .page("/short", Answer::html("fits"))
        .page("/much-longer", Answer::html("does not"))
        .start();
    let crawl = crawl_nasty(&site.url("/"), &stored).run();
    crawl.assert_code(65).assert_stderr("character varying(5)").assert_stderr("numeric(4,1)");
    crawl.assert_stdout("done 2").assert_stdout("dead 1");
    assert_eq!(
        stored.query("select sqlstate from crawl_dead_letters where item_type = 'thing'"),
        [["22001"]]
    );
}

#[test]
fn rows_for_which_the_database_gives_up_hold_up_no_other() {
    let stored = Stored::postgres();
    let Stored::Postgres(database) = &stored else { unreachable!() };
    let site = Site::builder().generated(60, 4).start();
    let crawl = crawl_site(&site.url("/"), &stored);
    crawl.clone().args(["--limit", "1"]).run().assert_code(0);
    let stuck = site.truth().keys().next_back().unwrap();
    database.query(&format!(
        "create function give_up() returns trigger language plpgsql as $$ begin
             raise exception 'not now' using errcode = 'serialization_failure';
         end $$;
         create trigger give_up before insert on crawl_items for each row when (new.url = '{stuck}')
             execute function give_up()"
    ));
    let mut running = crawl.spawn();
    let done = "select count(*) from crawl_requests where run_id = 2 and state = 'done'";
    running.wait_until("all others are done", SOON, |_| stored.count(done) == 59);
    running
        .wait_until("it is named", SOON, |running| running.stderr().contains(&format!("with only {stuck}")));
    database.query("drop trigger give_up on crawl_items");
    running.finish().assert_code(0).assert_stdout("done 60").assert_stdout("dead 0");
}

/// Runs a crawl that must fail before its first request, within seconds.
fn fails_at_start(args: &[&str], store: &str) -> Finished {
    let site = Site::generated(3, 2);
    let asked = Instant::now();
    let url = site.url("/");
    let finished = dragline().args(["crawl", "site", "--start-url", &url, "--store", store]).args(args).run();
    assert_eq!(site.received().len(), 0, "nothing is fetched before the store is there");
    // One operation may take 5 s, and all of the start-up 20 s.
    assert!(asked.elapsed() < patience(Duration::from_secs(15)), "it took {:?} to say so", asked.elapsed());
    finished.assert_stderr("error:").assert_stderr("hint:");
    finished
}

#[test]
fn a_store_that_cannot_be_used_is_told_at_once() {
    let database = database();
    let url = database.url();
    let (before, after) = url.split_once('@').unwrap();
    let user = before.rsplit_once(':').unwrap().0;

    fails_at_start(&[], "postgres://me:hunter2@127.0.0.1:9/db")
        .assert_code(1)
        .assert_stderr("refused")
        .assert("no password is shown", true);
    let wrong = fails_at_start(&[], &format!("{user}:hunter2@{after}"));
    wrong
        .assert_code(1)
        .assert_stderr("password")
        .assert("it is not shown", !wrong.stderr.contains("hunter2"));
    let (address, _) = url.rsplit_once('/').unwrap();
    fails_at_start(&[], &format!("{address}/nowhere")).assert_code(1).assert_stderr("nowhere");
    fails_at_start(&[], "sqlite:/nowhere/at/all.db").assert_code(1).assert_stderr("/nowhere/at");
    for wrong in ["mysql://db/x", "nonsense", ""] {
        if !wrong.is_empty() {
            let finished = fails_at_start(&[], wrong);
            finished.assert("1 or 2", matches!(finished.code, Some(1 | 2)));
        }
    }
}

#[test]
fn a_typed_table_that_differs_is_told_before_the_first_request() {
    let stored = Stored::postgres();
    let Stored::Postgres(database) = &stored else { unreachable!() };
    database
        .query("create table demo_books (isbn text not null unique, title text not null, author integer)");
    let finished = dragline().args(["demo", "--store", &stored.url()]).run();
    finished
        .assert_code(1)
        .assert_stderr("demo_books")
        .assert_stderr("price")
        .assert_stderr("author")
        .assert_stderr("hint")
        .assert_stderr("ALTER TABLE");
}

#[test]
fn a_file_that_is_no_database_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("notes.txt");
    std::fs::write(&file, "these are notes, and no database at all; ".repeat(200)).unwrap();
    fails_at_start(&[], &format!("sqlite:{}", file.display())).assert_code(1).assert_stderr("notes.txt");
}
