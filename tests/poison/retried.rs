//! `dragline dead-letters`: after the table or the spider is mended, each letter is applied, once.

use std::time::Duration;

use dragline_testkit::wait_until;

use crate::stored::{Stored, on_both_stores};

use super::{crawl_at_once, letters, nasty_letters, site_of, state, things};

const SOON: Duration = Duration::from_secs(20);

on_both_stores!(
    letters_are_listed_shown_and_exported,
    a_mended_table_takes_what_it_refused,
    what_does_not_fit_the_item_type_stays,
    a_row_of_a_later_run_is_kept,
    letters_are_applied_once_whoever_retries_and_whatever_is_killed,
    a_retry_beside_a_crawl_of_the_same_run_is_safe,
);

/// Refuses every thing whose text begins with `bad`.
pub(super) fn refuse_bad_ones(stored: &Stored) {
    stored.execute(&format!(
        "{}{}",
        things(stored, ""),
        match stored {
            Stored::Postgres(_) => {
                "CREATE FUNCTION spoil() RETURNS trigger LANGUAGE plpgsql AS
             $$ BEGIN IF NEW.text LIKE 'bad%' THEN RAISE EXCEPTION 'not that one'; END IF; RETURN NEW; END $$;
             CREATE TRIGGER spoil BEFORE INSERT ON nasty_things FOR EACH ROW EXECUTE FUNCTION spoil();"
            }
            Stored::Sqlite(_) => {
                "CREATE TRIGGER spoil BEFORE INSERT ON nasty_things WHEN NEW.text LIKE 'bad%'
             BEGIN SELECT RAISE(ABORT, 'not that one'); END;"
            }
        }
    ));
}

pub(super) fn mend(stored: &Stored) {
    stored.execute(match stored {
        Stored::Postgres(_) => "DROP TRIGGER spoil ON nasty_things",
        Stored::Sqlite(_) => "DROP TRIGGER spoil",
    });
}

fn code(stored: &Stored) -> &'static str {
    if matches!(stored, Stored::Postgres(_)) { "P0001" } else { "1811" }
}

fn letters_are_listed_shown_and_exported(stored: &Stored) {
    letters(stored, &["list"]).assert_code(0).assert_stdout("no dead letters");
    refuse_bad_ones(stored);
    let site = site_of(&["bad", "fine"], &[]);
    crawl_at_once(&site, stored).args(["--run", "mine"]).run().assert_code(65);
    let list = letters(stored, &["list"]);
    list.assert_code(0).assert_stdout("mine (1)").assert_stdout("not that one").assert_stdout(code(stored));
    assert_eq!(list.stdout.lines().count(), 3, "{list}");
    letters(stored, &["list", "--limit", "1"]).assert_stdout("… and more");
    letters(stored, &["list", "--run", "other"]).assert_code(1).assert_stderr("has no run");
    let shown = letters(stored, &["show", "2"]);
    shown.assert_code(0).assert_stdout("\"text\": \"bad\"").assert_stdout(&site.url("/bad"));
    letters(stored, &["show", "99"]).assert_code(1).assert_stderr("there is no dead letter 99");

    let exported = letters(stored, &["export", "-", "--run", "mine"]);
    exported.assert_code(0);
    let lines: Vec<serde_json::Value> =
        exported.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((lines.len(), &lines[1]["payload"]["text"]), (2, &serde_json::json!("bad")));
    assert_eq!(lines[1]["sqlstate"], code(stored));
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("letters.csv");
    letters(stored, &["export", file.to_str().unwrap()]).assert_code(0);
    let csv = std::fs::read_to_string(file).unwrap();
    assert!(csv.starts_with("letter_id,run_id,run,") && csv.lines().count() == 3, "{csv}");
}

fn a_mended_table_takes_what_it_refused(stored: &Stored) {
    refuse_bad_ones(stored);
    let site = site_of(&["bad", "bad2", "fine"], &["bad"]);
    crawl_at_once(&site, stored).run().assert_code(65).assert_stdout("dead 2");

    let refused = letters(stored, &["retry", "--all"]);
    refused.assert_code(1).assert_stdout("applied 2 dead letters; 0 more pages").assert_stdout("refused 2");
    refused.assert_stdout("not that one").assert_stdout(code(stored));
    assert_eq!(stored.pages("dead"), 2, "a page with a letter left stays dead");
    mend(stored);
    letters(stored, &["retry", "2", "77"]).assert_code(1).assert_stdout("there is no dead letter 77");
    assert_eq!(stored.pages("dead"), 1);
    letters(stored, &["retry", "--all"])
        .assert_code(0)
        .assert_stdout("applied 1 dead letter; 1 more page is done");
    letters(stored, &["retry", "--all"]).assert_code(0).assert_stdout("applied 0");

    assert_eq!((stored.pages("dead"), stored.pages("done")), (0, 5));
    assert_eq!(stored.count("select count(*) from crawl_dead_letters"), 0);
    assert_eq!(stored.count("select count(*) from crawl_items"), 5);
    let row = "select text, number, count, run_id, source_url from nasty_things where text = 'bad'";
    assert_eq!(stored.query(row), [["bad", "1.5", "3", "1", &site.url("/bad")]]);
    let errors = "select count(*) from crawl_requests where error is not null";
    assert_eq!(stored.count(errors), 0);
}

fn what_does_not_fit_the_item_type_stays(stored: &Stored) {
    refuse_bad_ones(stored);
    let site = site_of(&["bad", "bad2"], &[]);
    crawl_at_once(&site, stored).run().assert_code(65).assert_stdout("dead 2");
    mend(stored);
    stored.execute(
        "UPDATE crawl_dead_letters SET payload = '{\"url\": \"u\", \"text\": \"t\", \"number\": null, \"count\": \"many\"}'
         WHERE letter_id = 2;
         UPDATE crawl_dead_letters SET item_type = 'thong' WHERE letter_id = 4;",
    );
    let retried = letters(stored, &["retry", "--all"]);
    retried
        .assert_code(1)
        .assert_stdout("applied 2 dead letters; 0 more pages")
        .assert_stdout("its thing.count is not a bigint")
        .assert_stdout("has no item type \"thong\"");
    // Another program, which does not have the spider.
    let other =
        crate::stored::dragline().args(["dead-letters", "retry", "--all", "--store", &stored.url()]).run();
    other.assert_code(1).assert_stdout("this program has no spider \"nasty\"");
    assert_eq!(stored.count("select count(*) from crawl_dead_letters"), 2);
}

fn a_row_of_a_later_run_is_kept(stored: &Stored) {
    refuse_bad_ones(stored);
    let site = site_of(&["bad"], &[]);
    crawl_at_once(&site, stored).run().assert_code(65).assert_stdout("dead 1");
    mend(stored);
    crawl_at_once(&site, stored).run().assert_code(0).assert_stdout("dead 0");
    stored.execute("UPDATE nasty_things SET text = 'newer' WHERE text = 'bad'");
    letters(stored, &["retry", "--all"]).assert_code(0).assert_stdout("1 more page is done");
    let row = format!("select text, run_id from nasty_things where url = '{}'", site.url("/bad"));
    assert_eq!(stored.query(&row), [["newer", "2"]]);
    assert_eq!(stored.count("select count(*) from crawl_dead_letters"), 0);
}

fn letters_are_applied_once_whoever_retries_and_whatever_is_killed(stored: &Stored) {
    refuse_bad_ones(stored);
    let names: Vec<String> = (0..60).map(|number| format!("bad{number}")).collect();
    let leaves: Vec<&str> = names.iter().map(String::as_str).collect();
    let site = site_of(&leaves, &[]);
    crawl_at_once(&site, stored).run().assert_code(65).assert_stdout("dead 60");
    mend(stored);
    let retry = nasty_letters(stored, &["retry", "--all"]);
    for applied in [5, 15] {
        let mut running = retry.spawn();
        wait_until("some letters are applied", SOON, || {
            stored.count("select count(*) from nasty_things") > applied || !running.is_running()
        });
        running.kill9();
    }
    // Two at once, for what is left.
    let both = [retry.spawn(), retry.spawn()];
    for running in both {
        running.finish().assert_code(0);
    }
    assert_eq!((stored.pages("dead"), stored.pages("done")), (0, 61));
    assert_eq!(stored.count("select count(*) from nasty_things"), 61);
    let notes = stored.query("select count(*), count(distinct url) from crawl_items");
    assert_eq!(notes, [["61", "61"]], "a note has no key: one applied twice would be two");
}

fn a_retry_beside_a_crawl_of_the_same_run_is_safe(stored: &Stored) {
    refuse_bad_ones(stored);
    let site = site_of(&["bad", "fine", "slow"], &["bad"]);
    site.hold_page("/slow");
    let crawl = crawl_at_once(&site, stored).args(["--flush-interval", "50ms"]);
    let mut running = crawl.spawn();
    running.wait_until("a page is dead", SOON, |_| stored.pages("dead") == 1);
    mend(stored);
    letters(stored, &["retry", "--all"]).assert_code(0).assert_stdout("1 more page is done");
    assert!(running.is_running(), "the crawl is not over yet");
    site.release();
    running.finish().assert_code(0).assert_stdout("done 5, failed 0, skipped 0, dead 0, queued 0");
    assert_eq!(state(stored, "/bad"), "done");
    assert_eq!(stored.count("select count(*) from nasty_things"), 5);
}
