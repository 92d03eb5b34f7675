//! The verdict on a finished run: a night that only looks good has problems, and a healthy night never has.

use dragline_testkit::{Answer, Dragline, Finished, Site};
use serde_json::{Value as Json, json};

use crate::stored::{Stored, crawl_nasty, crawl_site, dragline, example, on_both_stores};

on_both_stores!(
    a_broken_selector_is_told,
    a_good_night_is_good,
    a_few_dead_links_of_a_large_site_are_no_problem,
    a_single_start_page_that_is_down_is_told,
    dead_pages_are_told,
    a_run_that_stored_nothing_is_told,
    an_item_type_that_went_missing_is_told,
    an_interface_without_news_is_good,
    a_small_part_of_a_site_is_good,
    the_same_items_again_are_good,
    a_resumed_run_is_judged_as_a_whole,
    a_reopened_run_is_judged_again,
    the_share_is_set_by_its_user,
    the_list_shows_counts_and_changes,
);

/// The exit code of a run that is finished with problems.
const PROBLEMS: i32 = 65;

/// A list with this many details. A detail's text begins with its name in the element `name`.
fn shop(details: usize, name: &'static str) -> Site {
    let links: String = (0..details).map(|n| format!("<a class=detail href=/detail/{n}>{n}</a>")).collect();
    Site::builder()
        .page("/", Answer::html(links))
        .handler(move |asked| {
            let number = asked.path.strip_prefix("/detail/")?;
            Some(Answer::html(format!("<{name} class=name>bolt {number}</{name}><p class=review>fine</p>")))
        })
        .start()
}

fn crawl(site: &Site, stored: &Stored) -> Dragline {
    crawl_from(site, "/", stored)
}

fn crawl_from(site: &Site, path: &str, stored: &Stored) -> Dragline {
    example("nasty_spiders")
        .args(["crawl", "shop", "-a", &format!("door={}", site.url(path)), "--store", &stored.url()])
        .args(["--rate", "0", "--host-concurrency", "8", "--retries", "0"])
}

fn runs(stored: &Stored, words: &[&str]) -> Finished {
    let done = example("nasty_spiders").arg("runs").args(words).args(["--store", &stored.url()]).run();
    done.assert_code(0);
    done
}

/// The newest run.
fn newest(stored: &Stored) -> Json {
    let listed = runs(stored, &["list", "--json", "--limit", "1"]);
    let listed: Json = serde_json::from_str(&listed.stdout).unwrap();
    listed[0].clone()
}

#[track_caller]
fn has_problems(stored: &Stored, codes: &[&str]) {
    let run = newest(stored);
    assert_eq!(run["state"], "finished", "{run}");
    let found: Vec<&str> =
        run["problems"].as_array().unwrap().iter().map(|problem| problem["code"].as_str().unwrap()).collect();
    assert_eq!(found, codes, "{run}");
    assert_eq!(run["verdict"], if codes.is_empty() { "good" } else { "problems" });
    // The same as a person reads it with SQL.
    let row = stored.query("SELECT verdict FROM crawl_runs ORDER BY run_id DESC LIMIT 1");
    assert_eq!(row, [[run["verdict"].as_str().unwrap()]]);
}

fn a_broken_selector_is_told(stored: &Stored) {
    let site = shop(8, "h2");
    let night = crawl(&site, stored).run();
    night
        .assert_code(PROBLEMS)
        .assert_stdout("finished: finished")
        .assert_stdout("verdict   problems\n")
        .assert_stdout("8 of 9 pages failed or died (88.9 %; at most 10.0 % may)")
        .assert_stderr("finished with problems");
    has_problems(stored, &["failed_share", "failed_tag", "nothing_stored"]);
    assert!(!night.stdout.contains('\u{1b}'), "no colours in a pipe: {}", night.stdout);
    let shown = runs(stored, &["show", "shop"]);
    shown
        .assert_stdout("verdict   problems")
        .assert_stdout("8 of 8 pages with the tag \"detail\"")
        .assert_stdout(&format!("argument  -a door={}", site.url("/")))
        .assert_stdout(&site.url("/detail/7"));
}

fn a_good_night_is_good(stored: &Stored) {
    let site = shop(8, "h1");
    crawl(&site, stored).run().assert_code(0).assert_stdout("verdict   good\n");
    has_problems(stored, &[]);
    runs(stored, &["show", "shop"]).assert_stdout("verdict   good");
}

fn a_few_dead_links_of_a_large_site_are_no_problem(stored: &Stored) {
    let site = shop(100, "h1");
    for n in 0..6 {
        site.set(&format!("/detail/{n}"), Answer::new(404));
    }
    crawl(&site, stored).run().assert_code(0);
    has_problems(stored, &[]);
    for n in 0..20 {
        site.set(&format!("/detail/{n}"), Answer::new(404));
    }
    crawl(&site, stored).run().assert_code(PROBLEMS).assert_stdout("20 of 101 pages failed or died");
    has_problems(stored, &["failed_share"]);
}

fn a_single_start_page_that_is_down_is_told(stored: &Stored) {
    let site = Site::builder().page("/", Answer::new(503)).start();
    // Nothing at all was done. This is the error that it always was.
    crawl(&site, stored).run().assert_code(1).assert_stderr("no page was done");
    has_problems(stored, &["no_page_done"]);
}

fn dead_pages_are_told(stored: &Stored) {
    let links: String = (0..10).map(|n| format!("<a href=/{n}/fine>f</a>")).collect();
    // No store can hold an item of that page.
    let links = format!("{links}<a href=/x/nul>n</a>");
    let site = Site::builder().page("/", Answer::html(links)).handler(|_| Some(Answer::html("well"))).start();
    let night = crawl_nasty(&site.url("/"), stored).run();
    night.assert_code(PROBLEMS).assert_stdout("1 page is dead");
    has_problems(stored, &["dead_pages"]);
    let shown = runs(stored, &["show", "nasty"]);
    shown.assert_stdout("dead by reason").assert_stdout("dead pages").assert_stdout(&site.url("/x/nul"));
    let shown = runs(stored, &["show", "nasty", "--json"]);
    let shown: Json = serde_json::from_str(&shown.stdout).unwrap();
    assert_eq!(shown["dead_pages"][0]["url"], site.url("/x/nul"));
    assert_eq!(shown["dead_by_reason"]["kinds"], 1);
}

fn a_run_that_stored_nothing_is_told(stored: &Stored) {
    // The link's class has changed: the list is done, and nothing else is there.
    let site = Site::builder().page("/", Answer::html("<a class=item href=/detail/0>0</a>")).start();
    crawl(&site, stored)
        .run()
        .assert_code(PROBLEMS)
        .assert_stdout("no item was stored, though 1 page was done");
    has_problems(stored, &["nothing_stored"]);
    let excused = crawl(&site, stored).args(["--may-be-empty", "product,review"]).run();
    excused.assert_code(0);
    has_problems(stored, &[]);
    // robots.txt forbids everything from tonight on.
    let site =
        Site::builder().page("/robots.txt", Answer::new(200).body("User-agent: *\nDisallow: /")).start();
    crawl(&site, stored).run().assert_code(PROBLEMS).assert_stdout("every request was skipped");
    has_problems(stored, &["nothing_stored"]);
}

fn an_item_type_that_went_missing_is_told(stored: &Stored) {
    let site = shop(8, "h1");
    crawl(&site, stored).args(["--run", "nightly"]).run().assert_code(0);
    let plain = |n: usize| Answer::html(format!("<h1 class=name>bolt {n}</h1><p class=opinion>fine</p>"));
    (0..8).for_each(|n| site.set(&format!("/detail/{n}"), plain(n)));
    // The reviews are gone. Every detail still gives a product, so only a list page has contents without an item.
    for _ in 0..2 {
        let night = crawl(&site, stored).args(["--run", "nightly"]).run();
        night.assert_code(PROBLEMS).assert_stdout("no review was stored; run 1 had 8 of them");
        has_problems(stored, &["items_lost"]);
    }
    // With a name of its own for each night, the runs with the same arguments count.
    let night = crawl(&site, stored).args(["--run", "2026-11-30"]).run();
    night.assert_code(PROBLEMS);
    let excused = crawl(&site, stored).args(["--run", "nightly", "--may-be-empty", "review"]).run();
    excused.assert_code(0);
    has_problems(stored, &[]);
}

fn an_interface_without_news_is_good(stored: &Stored) {
    let answer = |items: Json| {
        Answer::new(200)
            .header("Content-Type", "application/json")
            .body(json!({ "items": items }).to_string())
    };
    let site = Site::builder().page("/api", answer(json!(["a", "b"]))).start();
    let crawl = crawl_from(&site, "/api", stored);
    crawl.run().assert_code(0);
    site.set("/api", answer(json!([])));
    crawl.run().assert_code(0);
    has_problems(stored, &[]);
    // The names have moved to another field of each entry.
    site.set("/api", answer(json!([{ "name": "c" }])));
    crawl.run().assert_code(PROBLEMS);
    has_problems(stored, &["items_lost", "nothing_stored"]);
}

fn a_small_part_of_a_site_is_good(stored: &Stored) {
    let site = shop(30, "h1");
    crawl(&site, stored).args(["--limit", "1"]).run().assert_code(0);
    has_problems(stored, &[]);
    crawl(&site, stored).run().assert_code(0);
    for flags in [["--limit", "1"], ["--max-depth", "1"], ["--max-items", "1"], ["--max-duration", "1ms"]] {
        crawl(&site, stored).args(flags).run().assert_code(0);
        has_problems(stored, &[]);
    }
}

fn the_same_items_again_are_good(stored: &Stored) {
    let site = shop(8, "h1");
    for _ in 0..3 {
        crawl(&site, stored).run().assert_code(0);
        has_problems(stored, &[]);
    }
    // Another run takes over all rows with a key while this one still goes on.
    let names = |run: &str| crawl(&site, stored).args(["--run", run]);
    names("one").run().assert_code(0);
    names("two").run().assert_code(0);
    has_problems(stored, &[]);
}

fn a_resumed_run_is_judged_as_a_whole(stored: &Stored) {
    let site = shop(8, "h2");
    site.hold_page("/detail/7");
    let held = crawl(&site, stored).spawn();
    let soon = std::time::Duration::from_secs(30);
    dragline_testkit::wait_until("the other details failed", soon, || stored.pages("failed") == 7);
    held.kill9();
    site.release();
    crawl(&site, stored).run().assert_code(PROBLEMS).assert_stdout("8 of 9 pages failed or died");
    let listed = newest(stored);
    assert_eq!(listed["problems"][0]["code"], "failed_share", "{listed}");
}

fn a_reopened_run_is_judged_again(stored: &Stored) {
    let site = shop(8, "h1");
    (0..8).for_each(|n| site.set(&format!("/detail/{n}"), Answer::new(404)));
    crawl(&site, stored).run().assert_code(PROBLEMS);
    runs(stored, &["retry", "shop", "--failed"]);
    let reopened = newest(stored);
    assert_eq!((&reopened["state"], &reopened["verdict"]), (&json!("stopped"), &Json::Null));
    let well = |n: usize| Answer::html(format!("<h1 class=name>bolt {n}</h1><p class=review>fine</p>"));
    (0..8).for_each(|n| site.set(&format!("/detail/{n}"), well(n)));
    crawl(&site, stored).run().assert_code(0).assert_stdout("verdict   good");
    has_problems(stored, &[]);
}

fn the_share_is_set_by_its_user(stored: &Stored) {
    let site = shop(20, "h1");
    site.set("/detail/0", Answer::new(404));
    crawl(&site, stored).run().assert_code(0);
    let strict = crawl(&site, stored).args(["--tolerated-failed-share", "0"]).run();
    strict.assert_code(PROBLEMS).assert_stdout("1 of 21 pages failed or died (4.8 %; at most 0.0 % may)");
    (1..12).for_each(|n| site.set(&format!("/detail/{n}"), Answer::new(404)));
    crawl(&site, stored).args(["--tolerated-failed-share", "0.6"]).run().assert_code(0);
    crawl(&site, stored).args(["--tolerated-failed-share", "2"]).run().assert_code(2);
}

fn the_list_shows_counts_and_changes(stored: &Stored) {
    let site = shop(8, "h1");
    crawl(&site, stored).run().assert_code(0);
    (0..6).for_each(|n| site.set(&format!("/detail/{n}"), Answer::new(404)));
    crawl(&site, stored).run().assert_code(PROBLEMS);
    let text = runs(stored, &["list"]).stdout;
    let lines: Vec<&str> = text.lines().collect();
    let words = |line: &str| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(
        words(lines[0]),
        ["ID", "RUN", "STATE", "VERDICT", "DONE", "FAILED", "DEAD", "QUEUED", "ITEMS", "TOOK"]
    );
    let bad = words(lines[1]);
    assert_eq!(bad[2..11], ["finished", "problems", "3", "-6", "6", "0", "0", "4", "-12"], "{text}");
    assert!(text.contains(&format!("-a door={}", site.url("/"))), "{text}");
    assert!(text.contains("6 of 9 pages failed or died"), "{text}");
    assert!(text.lines().all(|line| line.chars().count() <= 100), "{text}");
    let good = words(lines.iter().find(|line| line.contains("good")).unwrap());
    assert_eq!(good[2..9], ["finished", "good", "9", "0", "0", "0", "16"], "{text}");

    let run = newest(stored);
    assert_eq!(
        run["figures"]["pages"],
        json!({"done": 3, "failed": 6, "skipped": 0, "dead": 0, "queued": 0})
    );
    assert_eq!(run["figures"]["items"], json!({"product": 2, "review": 2}));
    assert_eq!(run["change"], json!({"done": -6, "items": -12}));
    runs(stored, &["show", "shop"]).assert_stdout("-6 pages done, -12 items");

    // An unfinished run is counted now.
    site.hold_page("/detail/7");
    let running = crawl(&site, stored).spawn();
    let soon = std::time::Duration::from_secs(30);
    let ended = "SELECT count(*) FROM crawl_requests WHERE run_id = 3 AND state <> 'queued'";
    dragline_testkit::wait_until("all but one are stored", soon, || stored.count(ended) == 8);
    let run = newest(stored);
    assert_eq!((&run["state"], &run["verdict"]), (&json!("running"), &Json::Null));
    assert_eq!(run["figures"]["pages"]["queued"], json!(1), "{run}");
    site.release();
    running.finish_within(soon).assert_code(PROBLEMS);
}

/// Each page that was fetched has a line, for someone who looks for a slow or a strange one.
#[test]
fn each_fetched_page_has_a_line_at_debug_level() {
    let stored = Stored::sqlite();
    let site = Site::builder().page("/", Answer::html("<title>well</title>")).start();
    let crawl = crawl_site(&site.url("/"), &stored).env("DRAGLINE_LOG", "info,dragline_engine=debug").run();
    let told = crawl.stderr.lines().find(|line| line.contains(" fetched ")).unwrap_or_default();
    let url = format!("url={}", site.url("/"));
    for part in ["DEBUG", "method=GET", &url, "status=200", "bytes=19", "elapsed_ms="] {
        crawl.assert(part, told.contains(part));
    }
}

/// The spider `site` has items as well.
#[test]
fn a_crawl_of_a_site_is_judged_too() {
    let stored = Stored::sqlite();
    let site = Site::builder().page("/", Answer::html("<title>well</title>")).start();
    crawl_site(&site.url("/"), &stored).run().assert_code(0).assert_stdout("verdict   good");
    let listed = dragline().args(["runs", "list", "--store", &stored.url()]).run();
    listed.assert_code(0).assert_stdout("good").assert_stdout(&site.url("/"));
}

#[test]
fn a_run_that_cannot_be_counted_has_no_verdict_and_says_so() {
    let (site, stored) = (shop(3, "h1"), Stored::postgres());
    crawl(&site, &stored).run().assert_code(0);
    // As soon as the next run is finished, the table that is counted is away.
    stored.execute(
        "CREATE FUNCTION hide() RETURNS trigger LANGUAGE plpgsql AS
         $$ BEGIN ALTER TABLE crawl_requests RENAME TO hidden; RETURN NULL; END $$;
         CREATE TRIGGER hide AFTER UPDATE ON crawl_runs FOR EACH ROW
         WHEN (NEW.state = 'finished' AND OLD.state = 'running') EXECUTE FUNCTION hide()",
    );
    let night = crawl(&site, &stored).run();
    night.assert_stdout("verdict   unknown, because the run could not be counted");
    night.assert_stdout("left      unknown, because the store could not be read\n");
    assert_eq!(stored.runs().len(), 2);
}
