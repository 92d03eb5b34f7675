//! When a site changes its template, the report and the notification of the same night name the empty column.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use dragline_testkit::{Answer, Dragline, Finished, ForwardProxy, SecureSite, Site, wait_until};
use serde_json::{Value as Json, json};

use crate::stored::{Stored, example, on_both_stores};

on_both_stores!(
    a_column_that_a_new_template_left_empty_is_told_by_name,
    a_rule_ends_a_run_with_an_error_after_everything_is_stored,
    the_figures_are_the_same_after_kills,
    an_item_type_that_loses_most_of_its_rows_is_told,
    a_night_that_writes_only_what_changed_is_measured_as_a_whole,
    two_runs_are_compared,
    a_notification_says_how_a_run_ended,
);

const SOON: Duration = Duration::from_secs(30);
const BOOKS: usize = 40;

/// Nights of a site: from the third on, its template is another one.
struct Nights {
    site: Site,
    night: Arc<AtomicUsize>,
}

impl Nights {
    fn start() -> Self {
        let night = Arc::new(AtomicUsize::new(1));
        let now = Arc::clone(&night);
        let site =
            Site::builder().handler(move |asked| page(&asked.path, now.load(Ordering::Relaxed))).start();
        Self { site, night }
    }

    fn is_now(&self, night: usize) {
        self.night.store(night, Ordering::Relaxed);
    }

    fn crawl(&self, stored: &Stored) -> Dragline {
        example("nasty_spiders")
            .args(["crawl", "shelf", "-a", &format!("door={}", self.site.url("/")), "--store", &stored.url()])
            .args(["--run", "shelf", "--rate", "0", "--host-concurrency", "8", "--retries", "0"])
    }
}

fn page(path: &str, night: usize) -> Option<Answer> {
    if path == "/" {
        let books = if night == 4 { BOOKS / 4 } else { BOOKS };
        return Some(Answer::html(
            (0..books).map(|n| format!("<a class=book href=/book/{n}>{n}</a>")).collect::<String>(),
        ));
    }
    let number: usize = path.strip_prefix("/book/")?.parse().ok()?;
    let author = if night == 3 { "writer" } else { "author" };
    // Every fourth book has no price, on every night.
    let price =
        if number.is_multiple_of(4) { String::new() } else { format!("<b class=price>{number}.5</b>") };
    Some(Answer::html(format!(
        "<h1>Book {number}</h1><span class={author}>Author {}</span>{price}<i class=tag>a</i><i class=tag>b</i>
         <p class=review>fine</p><em class=stars>{}</em>",
        number % 7,
        number % 5 + 1
    )))
}

fn runs(stored: &Stored, words: &[&str]) -> Finished {
    let done = example("nasty_spiders").arg("runs").args(words).args(["--store", &stored.url()]).run();
    done.assert_code(0);
    done
}

fn json_of(stored: &Stored, words: &[&str]) -> Json {
    serde_json::from_str(&runs(stored, &[words, &["--json"]].concat()).stdout).unwrap()
}

fn author_is_missing() -> &'static str {
    "the column author of book is filled in 0.0 % of 40 rows; the median of the last 2 good runs is 100.0 %"
}

fn a_column_that_a_new_template_left_empty_is_told_by_name(stored: &Stored) {
    let nights = Nights::start();
    for night in [1, 2] {
        nights.is_now(night);
        let done = nights.crawl(stored).run();
        done.assert_code(0);
        done.assert("no warning", !done.stdout.contains("warning") && !done.stderr.contains("WARN"));
    }
    nights.is_now(3);
    let metrics = tempfile::tempdir().unwrap();
    let textfile = metrics.path().join("last.prom");
    let third = nights.crawl(stored).args(["--metrics-textfile", textfile.to_str().unwrap()]).run();
    // A warning, not a problem.
    third
        .assert_code(0)
        .assert_stdout("verdict   good\n")
        .assert_stdout(&format!("warning   {}", author_is_missing()))
        .assert_stderr("WARN")
        .assert_stderr(author_is_missing());
    third.assert("only that column", third.stdout.matches("warning").count() == 1);

    let shown = runs(stored, &["show", "shelf"]);
    shown.assert_stdout(author_is_missing());
    let line = |name: &str| -> Vec<String> {
        let found = shown.stdout.lines().find(|line| line.starts_with("book ") && line.contains(name));
        let found = found.unwrap_or_else(|| panic!("{name}: {}", shown.stdout));
        found.split("  ").map(str::trim).filter(|cell| !cell.is_empty()).map(str::to_owned).collect()
    };
    assert_eq!(line("author")[2..6], ["0.0 %", "100.0 %", "-100.0", "0 (was 7)"]);
    assert_eq!(line("price")[2..8], ["75.0 %", "75.0 %", "0", "30", "1.5", "39.5"]);
    assert_eq!(line("title")[2..], ["100.0 %", "100.0 %", "0", "40", "-", "-", "6 to 7"]);
    assert_eq!(line("tags")[8..], ["2"]);

    let shown = json_of(stored, &["show", "shelf"]);
    let drop = &shown["figures"]["drops"][0];
    assert_eq!(
        (&drop["code"], &drop["item"], &drop["column"]),
        (&json!("filled_drop"), &json!("book"), &json!("author"))
    );
    assert_eq!(shown["columns"]["book"]["author"]["filled"], 0);
    assert_eq!(shown["columns_before"]["book"]["author"]["filled"], 40);
    assert_eq!(shown["columns"]["review"]["stars"]["greatest"], 5);
    // As a person reads it with SQL.
    let rows = stored
        .query("SELECT figures->'columns'->'book'->'author'->>'filled' FROM crawl_runs ORDER BY run_id");
    assert_eq!(rows, [["40"], ["40"], ["0"]]);

    let values = std::fs::read_to_string(&textfile).unwrap();
    let value = |name: &str, labels: &[&str]| {
        let line = values
            .lines()
            .find(|line| line.starts_with(name) && labels.iter().all(|label| line.contains(label)));
        line.and_then(|line| line.rsplit(' ').next().map(str::to_owned))
    };
    let author = ["item=\"book\"", "column=\"author\""];
    assert_eq!(value("dragline_column_filled_share{", &author).as_deref(), Some("0"), "{values}");
    assert_eq!(value("dragline_column_filled_drop{", &author).as_deref(), Some("1"), "{values}");
    assert_eq!(
        value("dragline_column_filled_drop{", &["column=\"title\""]).as_deref(),
        Some("0"),
        "{values}"
    );

    // Once it is usual, the warning goes. `runs show` still shows the share.
    for _ in 0..3 {
        nights.crawl(stored).run().assert_code(0);
    }
    let done = nights.crawl(stored).run();
    done.assert("it is usual now", !done.stdout.contains("warning"));
}

fn a_rule_ends_a_run_with_an_error_after_everything_is_stored(stored: &Stored) {
    let nights = Nights::start();
    let rules =
        ["--min-filled", "book.author=0.95", "--min-filled", "book.price=0.7", "--min-items", "80,book=40"];
    nights.crawl(stored).args(rules).run().assert_code(0).assert_stdout("verdict   good\n");
    nights.is_now(3);
    let third = nights.crawl(stored).args(rules).args(["-o", "rows.jsonl"]);
    let done = third.run();
    let broken = "the column author of book is filled in 0.0 % of 40 rows; at least 95.0 % should be";
    done.assert_code(1)
        .assert_stdout("finished: finished")
        .assert_stdout("verdict   problems\n")
        .assert_stdout(broken)
        .assert_stderr(&format!("the run is finished, but {broken}"));
    // Everything is stored and exported.
    assert_eq!(stored.count("SELECT count(*) FROM shelf_books WHERE run_id = 2"), BOOKS);
    let exported = std::fs::read_to_string(third.folder().join("rows.jsonl")).unwrap();
    assert_eq!(exported.lines().count(), 2 * BOOKS);
    let shown = json_of(stored, &["show", "shelf"]);
    assert_eq!((&shown["state"], &shown["verdict"]), (&json!("finished"), &json!("problems")));
    assert_eq!(shown["problems"][0]["code"], "too_few_filled");
    // Its figures are not usual, because the run was not good. So the drop stays news.
    for _ in 0..4 {
        let again = nights.crawl(stored).args(rules).run();
        again.assert_code(1).assert_stdout("in the last good run, it was 100.0 %");
    }
    nights.is_now(4);
    let few = nights.crawl(stored).args(rules).run();
    few.assert_code(1).assert_stdout("there are 10 rows of book; at least 40 should be there");

    for (flags, says, hint) in [
        (["--min-filled", "book.autor=1"], "no column \"autor\" in book", "book.author"),
        (["--min-filled", "boek.author=1"], "no item type \"boek\"", "book, review"),
        (["--min-items", "boek=1"], "no item type \"boek\"", "book, review"),
        (["--min-filled", "book.author"], "TYPE.COLUMN=SHARE", ""),
        (["--min-filled", "book.author=95"], "from 0 to 1", ""),
        (["--min-items", "book=many"], "TYPE=N", ""),
    ] {
        let before = stored.count("SELECT count(*) FROM crawl_runs");
        let refused = nights.crawl(stored).args(flags).run();
        refused.assert_code(2).assert_stderr(says).assert_stderr(hint);
        assert_eq!(stored.count("SELECT count(*) FROM crawl_runs"), before, "no run has begun");
    }
}

fn figures(stored: &Stored) -> Json {
    json_of(stored, &["show", "shelf"])["columns"].clone()
}

fn the_figures_are_the_same_after_kills(stored: &Stored) {
    let nights = Nights::start();
    nights.crawl(stored).run().assert_code(0);
    let undisturbed = figures(stored);
    assert_eq!(undisturbed["book"]["price"]["filled"], 30, "{undisturbed}");
    for pages in [5, 20, 10] {
        nights.site.hold_after(pages);
        let running = nights.crawl(stored).args(["--flush-interval", "20ms"]).spawn();
        wait_until("it waits for the site", SOON, || nights.site.waiting() > 0);
        wait_until("something is stored", SOON, || {
            stored.count("SELECT count(*) FROM crawl_requests WHERE run_id = 2 AND state = 'done'") > 0
        });
        running.kill9();
    }
    // A run that goes on shows its rows, too.
    let so_far = figures(stored);
    assert!(so_far["book"]["title"]["rows"].as_u64().unwrap() < BOOKS as u64, "{so_far}");
    nights.site.release();
    nights.crawl(stored).run().assert_code(0).assert_stderr("resum");
    assert_eq!(stored.count("SELECT max(run_id) FROM crawl_runs"), 2);
    assert_eq!(figures(stored), undisturbed);
}

fn an_item_type_that_loses_most_of_its_rows_is_told(stored: &Stored) {
    let nights = Nights::start();
    for _ in 0..2 {
        nights.crawl(stored).run().assert_code(0);
    }
    nights.is_now(4);
    let few = nights.crawl(stored).run();
    few.assert_code(0)
        .assert_stdout("warning   there are 10 rows of book; the median of the last 2 good runs is 40")
        .assert_stdout("warning   there are 10 rows of review; the median of the last 2 good runs is 40");
    // A limit that its user set is not a drop.
    nights.is_now(1);
    let cut = nights.crawl(stored).args(["--limit", "12"]).run();
    cut.assert("a limit is not a drop", !cut.stdout.contains("warning"));
    nights.is_now(4);
    let silent = nights.crawl(stored).args(["--warn-items-drop", "1"]).run();
    silent.assert("the threshold is set", !silent.stdout.contains("warning"));
}

fn a_night_that_writes_only_what_changed_is_measured_as_a_whole(stored: &Stored) {
    let nights = Nights::start();
    let crawl = || nights.crawl(stored).args(["--incremental"]);
    crawl().run().assert_code(0);
    let first = figures(stored)["book"].clone();
    let second = crawl().run();
    second.assert_code(0);
    second.assert("nothing has changed", !second.stdout.contains("warning"));
    assert_eq!(stored.count("SELECT count(*) FROM shelf_books WHERE run_id = 2"), 0, "no row was written");
    assert_eq!(figures(stored)["book"], first);
    nights.is_now(3);
    crawl().run().assert_code(0).assert_stdout(author_is_missing());
}

fn two_runs_are_compared(stored: &Stored) {
    let nights = Nights::start();
    nights.crawl(stored).run().assert_code(0);
    let alone = example("nasty_spiders").args(["runs", "compare", "shelf", "--store", &stored.url()]).run();
    alone.assert_code(1).assert_stderr("no run shelf finished before").assert_stderr("runs compare RUN RUN");
    nights.is_now(3);
    nights.crawl(stored).run().assert_code(0);
    nights.is_now(4);
    nights.crawl(stored).run().assert_code(0);
    let compared = runs(stored, &["compare", "shelf"]);
    let words = |begin: &str| -> Vec<String> {
        let line = compared.stdout.lines().find(|line| line.starts_with(begin));
        let line = line.unwrap_or_else(|| panic!("{begin}: {}", compared.stdout));
        line.split_whitespace().map(str::to_owned).collect()
    };
    assert_eq!(words("pages done")[2..], ["11", "41", "-30"]);
    assert_eq!(words("items book")[2..], ["10", "40", "-30"]);
    assert_eq!(words("dead letters")[2..], ["0", "0", "+0"]);
    compared.assert_stdout("RUN 3").assert_stdout("RUN 2").assert_stdout("took").assert_stdout("+100.0");

    let compared = json_of(stored, &["compare", "1", "2"]);
    assert_eq!((&compared["run"]["run_id"], &compared["compared_with"]["run_id"]), (&json!(1), &json!(2)));
    assert_eq!(compared["change"]["items"], json!({"book": 0, "review": 0}));
    assert_eq!(compared["change"]["filled_share"]["book"]["author"], json!(1.0));
    assert!(compared["change"]["seconds"].is_number(), "{compared}");
}

/// The bodies that came to this path.
fn messages(site: &Site, path: &str) -> Vec<Json> {
    let received = site.received().into_iter().filter(|asked| asked.path == path);
    received.map(|asked| serde_json::from_slice(&asked.body).unwrap()).collect()
}

fn a_notification_says_how_a_run_ended(stored: &Stored) {
    let nights = Nights::start();
    nights.crawl(stored).run().assert_code(0);
    nights.is_now(3);
    let hook = Site::builder()
        .answers("/plain/xk3Jq9ZpLm2Rw8Vt", [Answer::new(500), Answer::new(200)])
        .page("/slack", Answer::text("ok"))
        .page("/discord", Answer::new(204))
        .start();
    let plain = hook.url("/plain/xk3Jq9ZpLm2Rw8Vt");
    let third = nights.crawl(stored).args(["--notify", &plain, "--min-filled", "book.author=0.9"]).run();
    third.assert_code(1).assert_stderr("the notification was delivered");
    third.assert(
        "the address is a secret",
        !format!("{}{}", third.stdout, third.stderr).contains("xk3Jq9ZpLm2Rw8Vt"),
    );
    let told = messages(&hook, "/plain/xk3Jq9ZpLm2Rw8Vt");
    assert_eq!(told.len(), 2, "the first attempt failed");
    assert_eq!(told[0], told[1]);
    let told = &told[0];
    for (name, value) in [
        ("event", json!("run_ended")),
        ("run", json!("shelf")),
        ("spider", json!("shelf")),
        ("run_id", json!(2)),
        ("state", json!("finished")),
        ("verdict", json!("problems")),
        ("exit_code", json!(1)),
        ("items", json!({"book": 40, "review": 40})),
    ] {
        assert_eq!(told[name], value, "{told}");
    }
    assert_eq!(
        (&told["problems"][0]["code"], &told["pages"]["done"]),
        (&json!("too_few_filled"), &json!(41))
    );
    assert_eq!(told["drops"][0]["column"], "author");

    for (path, format, key) in [("/slack", "slack", "text"), ("/discord", "discord", "content")] {
        nights
            .crawl(stored)
            .args(["--notify", &hook.url(path), "--notify-format", format])
            .run()
            .assert_code(0);
        let told = messages(&hook, path);
        let [told] = &*told else { panic!("{told:?}") };
        let text = told[key].as_str().unwrap();
        assert!(text.starts_with("shelf (run "), "{text}");
        assert!(text.contains("finished, good, but the site may have changed, exit code 0"), "{text}");
        assert!(text.contains("• the column author of book is filled in 0.0 %"), "{text}");
    }
}

/// `SQLite` is enough from here on: the store has nothing to do with it.
#[test]
fn a_stop_is_told_as_well() {
    let (stored, nights) = (Stored::sqlite(), Nights::start());
    let hook = Site::builder().page("/hook", Answer::new(200)).start();
    nights.site.hold_after(10);
    let running = nights.crawl(&stored).args(["--notify", &hook.url("/hook")]).spawn();
    wait_until("it waits for the site", SOON, || nights.site.waiting() > 0);
    running.signal("TERM");
    let done = running.finish_within(SOON);
    done.assert_code(75);
    let told = messages(&hook, "/hook");
    assert_eq!((&told[0]["state"], &told[0]["exit_code"]), (&json!("stopped"), &json!(75)), "{told:?}");
    assert_eq!(told[0]["reason"], "signal SIGTERM");
    assert!(told[0]["text"].as_str().unwrap().contains("the same command resumes it"), "{told:?}");
}

#[test]
fn nobody_who_cannot_be_told_holds_up_the_end() {
    let (stored, nights) = (Stored::sqlite(), Nights::start());
    let hook = Site::builder().page("/404", Answer::new(404)).page("/hangs", Answer::new(200)).start();
    hook.hold_page("/hangs");
    let absent = Site::builder().start().url("/absent");
    let addresses = [hook.url("/hangs"), absent, hook.url("/404")].join("\n");
    let crawl = nights.crawl(&stored).env("DRAGLINE_NOTIFY", &addresses).args(["--notify-timeout", "1s"]);
    let began = Instant::now();
    let done = crawl.run();
    // None of this changes the exit code.
    done.assert_code(0).assert_stderr("the notification was not delivered");
    for says in ["does not answer", "connection refused", "HTTP 404"] {
        done.assert_stderr(says);
    }
    assert_eq!(done.stderr.matches("was not delivered").count(), 3, "{done}");
    assert!(began.elapsed() < SOON, "{:?}", began.elapsed());
    // With a stop, the time is also what is left of it.
    nights.site.hold_after(10);
    let running = nights.crawl(&stored).args(["--notify", &hook.url("/hangs"), "--notify-timeout", "1h"]);
    let running = running.args(["--shutdown-timeout", "4s"]).spawn();
    wait_until("it waits for the site", SOON, || nights.site.waiting() > 0);
    running.signal("TERM");
    let stopped = Instant::now();
    running.finish_within(SOON).assert_code(75).assert_stderr("does not answer");
    assert!(stopped.elapsed() < Duration::from_secs(5), "{:?}", stopped.elapsed());
}

#[test]
fn a_second_signal_cuts_the_notification_off() {
    let (stored, nights) = (Stored::sqlite(), Nights::start());
    let hook = Site::builder().page("/hook", Answer::new(200)).start();
    hook.hold();
    let crawl = nights.crawl(&stored).args(["--notify", &hook.url("/hook"), "--notify-timeout", "1h"]);
    let running = crawl.spawn();
    wait_until("the message is on its way", SOON, || hook.waiting() > 0);
    running.signal("TERM");
    // The run was finished before.
    running.finish_within(SOON).assert_code(0).assert_stderr("the notification was cut off");
}

#[test]
fn an_address_that_is_none_is_refused_before_the_crawl() {
    let nights = Nights::start();
    for wrong in ["hunter2", "ftp://hunter2.example/x", "https://"] {
        let stored = Stored::sqlite();
        let done = nights.crawl(&stored).args(["--notify", wrong]).run();
        done.assert_code(2).assert_stderr("--notify: it is not a URL").assert_stderr("DRAGLINE_NOTIFY");
        done.assert("it is not repeated", !done.stderr.contains("hunter2"));
        assert_eq!(nights.site.total_hits(), 0);
    }
}

#[test]
fn a_notification_goes_the_way_of_the_crawl() {
    let (nights, hook, proxy) = (Nights::start(), SecureSite::start(), ForwardProxy::start());
    let stored = Stored::sqlite();
    let notifying = || {
        let crawl = nights.crawl(&stored).args(["--notify", &hook.url("/hook")]);
        crawl.args(["--notify-timeout", "2s"]).env("no_proxy", "").env("NO_PROXY", "")
    };
    let doubtful = notifying().run();
    doubtful.assert_code(0).assert_stderr("was not delivered").assert_stderr("certificate");
    assert!(hook.received().is_empty());
    let trusting = || notifying().arg("--ca-file").arg(hook.authority());
    trusting().run().assert_code(0).assert_stderr("the notification was delivered");
    assert!(proxy.passages().is_empty());
    let through = format!("http://{}", proxy.host());
    trusting()
        .args(["--proxy", &through])
        .run()
        .assert_code(0)
        .assert_stderr("the notification was delivered");
    assert!(proxy.passages().contains(&format!("CONNECT {}", hook.host())), "{:?}", proxy.passages());
    assert_eq!(hook.received(), ["HTTP/1.1 /hook", "HTTP/1.1 /hook"]);
}

#[test]
fn the_settings_file_names_rules_and_addresses() {
    let (stored, nights) = (Stored::sqlite(), Nights::start());
    let hook = Site::builder().page("/xk3Jq9ZpLm2Rw8Vt", Answer::new(200)).start();
    nights.is_now(3);
    let crawl = nights.crawl(&stored);
    let settings = format!(
        "[spider.shelf]\nmin_filled = ['book.author=0.5', 'book.title=1']\nmin_items = ['book=40', '80']\n\
         notify = ['{}']\nnotify_format = 'slack'\n",
        hook.url("/xk3Jq9ZpLm2Rw8Vt")
    );
    std::fs::write(crawl.folder().join("dragline.toml"), &settings).unwrap();
    crawl.run().assert_code(1).assert_stderr("the column author of book");
    assert!(messages(&hook, "/xk3Jq9ZpLm2Rw8Vt")[0]["text"].is_string());
    let shown = example("nasty_spiders").args(["config", "show", "shelf"]);
    let shown = shown.env("DRAGLINE_NOTIFY", hook.url("/xk3Jq9ZpLm2Rw8Vt")).run();
    shown.assert("the address is a secret", !shown.stdout.contains("xk3Jq9ZpLm2Rw8Vt"));
}
