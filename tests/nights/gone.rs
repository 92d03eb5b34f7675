//! With `--delete-gone`, the table has the rows of the pages that the site has had lately, and no failure removes a row.

use std::collections::BTreeMap;

use dragline_testkit::{Dragline, Finished};

use super::history::{change, ledger, stored_rows};
use super::{Changing, Tells, night, rows};
use crate::stored::{Stored, example, on_both_stores};

on_both_stores!(
    plain_nights_keep_the_rows_of_the_last_nights,
    incremental_nights_keep_the_rows_of_the_last_nights,
    a_row_that_is_seen_again_comes_back_as_new,
    a_page_that_comes_back_unchanged_brings_its_row_back,
    rows_in_the_shared_table_go_as_well,
    runs_that_cannot_tell_do_not_count,
    a_broken_site_does_not_delete_the_catalogue,
    rows_of_other_names_and_spiders_stay,
    a_row_that_another_one_refers_to_stays_and_is_told,
    a_rule_that_can_not_apply_is_refused,
    a_row_that_is_gone_is_marked_until_it_is_seen_again,
    a_mark_goes_although_the_page_has_not_changed,
    rows_are_marked_first_and_removed_later,
    a_table_without_the_mark_is_told_with_its_remedy,
);

/// Rows may go if this many nights did not see them.
const AFTER: usize = 2;

fn gone(stored: &Stored, after: &str) -> Dragline {
    example("nasty_spiders").args(["runs", "gone", "ledger", "--after", after, "--store", &stored.url()])
}

fn deleting(crawl: Dragline) -> Dragline {
    crawl.args(["--delete-gone", "after=1", "--max-gone-share", "1"])
}

fn run_state(stored: &Stored) -> String {
    stored.query("SELECT state FROM crawl_runs ORDER BY run_id DESC LIMIT 1").concat().concat()
}

fn plain_nights_keep_the_rows_of_the_last_nights(stored: &Stored) {
    nights_keep_the_last(stored, &[]);
}

fn incremental_nights_keep_the_rows_of_the_last_nights(stored: &Stored) {
    nights_keep_the_last(stored, &["--incremental"]);
}

fn nights_keep_the_last(stored: &Stored, flags: &[&str]) {
    let tells = [Tells::StrongTag, Tells::Date, Tells::Nothing];
    let changing = Changing::of(6, |page| tells[page % tells.len()]);
    let site = changing.start();
    let rule = ["--delete-gone", "after=2", "--max-gone-share", "0.3"];
    // When each page was there for the last time, and what it said then.
    let mut seen: BTreeMap<String, (usize, (String, usize))> = BTreeMap::new();
    // Pages of which a last version is due: path, and the night that removed the row.
    let mut last_versions: Vec<(String, usize)> = Vec::new();
    let mut nights_with_some_left = 0;
    for night in 1..=5 {
        if night > 1 {
            change(&changing, night);
            // Some pages are not there for two nights, and then they are, as they were.
            for (path, away) in [("/page/21", 2..=3), ("/page/31", 3..=3), ("/page/41", 3..=4)] {
                if night == *away.start() {
                    changing.hide(path);
                } else if night == away.end() + 1 {
                    changing.change("/list/5", |leaf| leaf.links.push(path.to_owned()));
                }
            }
        }
        // Killed in a flush, and before the first rows go or after them.
        let at_the_end = if night % 2 == 0 { "gone: before COMMIT" } else { "gone: batch done" };
        for probe in ["flush: after states:3", at_the_end] {
            if run_state(stored) == "finished" && stored.count("SELECT count(*) FROM crawl_runs") == night {
                break;
            }
            ledger(&site, stored).args(flags).args(rule).env("DRAGLINE_PROBE", probe).run();
        }
        if run_state(stored) != "finished" || stored.count("SELECT count(*) FROM crawl_runs") < night {
            ledger(&site, stored).args(flags).args(rule).run().assert_code(0);
        }
        for (path, now) in changing.truth() {
            seen.insert(path, (night, now));
        }
        let is_gone = |last: usize| last + AFTER <= night;
        let left: BTreeMap<String, (String, usize)> = seen
            .iter()
            .filter(|(_, (last, _))| !is_gone(*last))
            .map(|(path, (_, row))| (path.clone(), row.clone()))
            .collect();
        // A run that was killed while it removed rows leaves some of them to the next one.
        let rows = stored_rows(stored);
        let late: Vec<&String> = rows.keys().filter(|path| !left.contains_key(*path)).collect();
        nights_with_some_left += usize::from(!late.is_empty());
        let all_late = late.iter().all(|path| is_gone(seen[*path].0));
        assert!(
            all_late && left.iter().all(|(path, row)| rows.get(path) == Some(row)),
            "night {night}: {late:?}"
        );
        seen.retain(|path, (last, _)| {
            let removed = is_gone(*last) && !rows.contains_key(path);
            if removed {
                last_versions.push((path.clone(), night));
            }
            !removed
        });
    }
    assert!(last_versions.len() >= 5 && nights_with_some_left > 0, "{last_versions:?}");
    // One more night, which nobody kills, leaves exactly the pages that are there, and those of the night before.
    ledger(&site, stored)
        .args(flags)
        .args(["--delete-gone", "after=1", "--max-gone-share", "0.5"])
        .run()
        .assert_code(0);
    assert_eq!(stored_rows(stored), changing.truth());
    let versions = stored.query(
        "SELECT path, replaced_by_run FROM ledger_history WHERE changed IS NULL AND replaced_by_run < 6",
    );
    let mut versions: Vec<(String, usize)> =
        versions.into_iter().map(|row| (row[0].clone(), row[1].parse().unwrap())).collect();
    versions.sort();
    last_versions.sort();
    assert_eq!(versions, last_versions, "each removed row has one last version");
}

fn a_row_that_is_seen_again_comes_back_as_new(stored: &Stored) {
    let changing = Changing::of(2, |_| Tells::StrongTag);
    let site = changing.start();
    let crawl = || deleting(ledger(&site, stored).arg("--incremental"));
    crawl().run().assert_code(0);
    changing.hide("/page/3");
    let told = crawl().run();
    told.assert_code(0).assert_stdout("gone      entry 1 removed").assert_stderr("removed the rows");
    assert!(!stored_rows(stored).contains_key("/page/3"));
    // The page itself has not changed, and an incremental run reads it all the same.
    changing.change("/list/0", |leaf| leaf.links.push("/page/3".to_owned()));
    crawl().run().assert_code(0);
    assert_eq!(stored_rows(stored), changing.truth());
    let diff = example("nasty_spiders").args(["diff", "ledger", "--store", &stored.url()]).run();
    diff.assert_code(0).assert_stdout("new      entry path=\"/page/3\"");
    let version = stored
        .query("SELECT path, run_id, replaced_by_run, changed FROM ledger_history WHERE path = '/page/3'");
    assert_eq!(version, [["/page/3", "1", "2", "NULL"]]);
    let ends = "SELECT count(*) FROM ledger_history WHERE path = '/page/3' AND valid_from < valid_to";
    assert_eq!(stored.count(ends), 1);
}

fn a_page_that_comes_back_unchanged_brings_its_row_back(stored: &Stored) {
    let changing = Changing::of(2, |_| Tells::StrongTag);
    let site = changing.start();
    let crawl = || deleting(night(&site, stored));
    let paths = || -> Vec<String> { rows(stored).iter().map(|row| row[0].clone()).collect() };
    crawl().run().assert_code(0);
    let all = paths();
    let away = changing.0.lock().unwrap().pages.remove("/page/7").unwrap();
    crawl().run().assert_code(0).assert_stdout("gone      page 1 removed");
    assert_eq!(paths().len(), all.len() - 1);
    // The link was there all the time.
    changing.0.lock().unwrap().pages.insert("/page/7".to_owned(), away);
    crawl().run().assert_code(0);
    assert_eq!(paths(), all);
}

fn rows_in_the_shared_table_go_as_well(stored: &Stored) {
    let changing = Changing::of(2, |_| Tells::Nothing);
    let site = changing.start();
    let crawl = |rule: &str| {
        crate::stored::crawl_site(&site.url("/"), stored)
            .args(["--delete-gone", rule, "--tolerated-failed-share", "1"])
            .run()
    };
    crawl("after=3").assert_code(0).assert_stderr("there is only 1 complete run of this name");
    changing.hide("/page/3");
    changing.remove("/page/5");
    for _ in 0..2 {
        crawl("after=3").assert_code(0);
        assert_eq!(rows(stored).len(), 23);
    }
    crawl("after=3").assert_code(0).assert_stdout("gone      page 2 removed");
    assert_eq!(rows(stored).len(), 21);
    let run = crawl("after=3");
    run.assert_code(0).assert("nothing more is gone", !run.stdout.contains("gone  "));
}

fn runs_that_cannot_tell_do_not_count(stored: &Stored) {
    let changing = Changing::of(3, |_| Tells::Nothing);
    let site = changing.start();
    let crawl = |flags: &[&str]| ledger(&site, stored).args(["--delete-gone", "after=2"]).args(flags).run();
    let is_there = || stored_rows(stored).contains_key("/page/3");
    crawl(&[]).assert_code(0);
    changing.hide("/page/3");
    // The first run that did not see it.
    crawl(&[]).assert_code(0).assert("one run is not enough", is_there());
    crawl(&["--limit", "12"]).assert_stderr("no row counts as gone: run 3 was cut off (limit)");
    crawl(&["--max-depth", "1"]).assert_stderr("no row counts as gone: run 4 was limited (max_depth 1)");
    changing.break_page("/page/7");
    crawl(&["--retries", "0"]).assert_stderr("1 page of run 5 failed");
    changing.mend_pages();
    crawl(&["--max-duration", "1ms"]).assert("nothing went", is_there());
    let told = gone(stored, "2").run();
    told.assert_code(0).assert_stdout("no row counts as gone: run 6 was cut off");
    assert!(is_there());
    crawl(&["--min-items", "100"]).assert_code(1);
    gone(stored, "2").run().assert_code(0).assert_stdout("no row counts as gone: run 7 has problems");
    assert!(is_there());
    // A run of another name does not count either.
    ledger(&site, stored).args(["--run", "other", "--delete-gone", "after=2"]).run().assert_code(0);
    // The second complete run of this name. But the other one has seen all other rows since.
    let told = crawl(&[]);
    told.assert_code(0).assert_stdout("gone      entry 1 removed");
    assert_eq!(stored_rows(stored), changing.truth());
}

fn a_broken_site_does_not_delete_the_catalogue(stored: &Stored) {
    let changing = Changing::of(4, |_| Tells::Nothing);
    let site = changing.start();
    let crawl = |flags: &[&str]| ledger(&site, stored).args(["--delete-gone", "after=1"]).args(flags).run();
    crawl(&[]).assert_code(0);
    let all = stored_rows(stored);
    for page in 0..10 {
        changing.hide(&format!("/page/{page}"));
    }
    for _ in 0..2 {
        let told = crawl(&[]);
        told.assert_code(65)
            .assert_stdout("10 of 45 rows of entry were not seen in the run")
            .assert_stdout("none was removed or marked")
            .assert_stdout("crawl once with --max-gone-share 0.23");
        assert_eq!(stored_rows(stored).len(), all.len());
    }
    let problems = "SELECT count(*) FROM crawl_runs WHERE verdict = 'problems'";
    assert_eq!(stored.count(problems), 2);
    let told = gone(stored, "1").args(["--keys", "4"]).run();
    told.assert_code(0)
        .assert_stdout("gone     entry path=\"/page/")
        .assert_stdout("… and 6 more")
        .assert_stdout("entry: 10 of 45 rows are gone (22.2 %)");
    assert_eq!(stored_rows(stored).len(), all.len(), "a look removes nothing");
    crawl(&["--max-gone-share", "0.23"]).assert_code(0).assert_stdout("gone      entry 10 removed");
    assert_eq!(stored_rows(stored), changing.truth());
}

fn rows_of_other_names_and_spiders_stay(stored: &Stored) {
    let changing = Changing::of(2, |_| Tells::Nothing);
    let site = changing.start();
    ledger(&site, stored).args(["--run", "other"]).run().assert_code(0);
    changing.hide("/page/3");
    for _ in 0..3 {
        deleting(ledger(&site, stored)).run().assert_code(0);
    }
    assert!(stored_rows(stored).contains_key("/page/3"), "only the other name has ever seen it");
    // A row that somebody else has put there.
    stored.execute(
        "INSERT INTO ledger (path, text, links, run_id, source_url, scraped_at)
         VALUES ('/mine', 'mine', 0, 0, '', '2026-01-01T00:00:00.000000Z')",
    );
    deleting(ledger(&site, stored)).run().assert_code(0);
    assert!(stored_rows(stored).contains_key("/mine"));
    deleting(ledger(&site, stored)).args(["--run", "other"]).run().assert_code(0);
    assert!(!stored_rows(stored).contains_key("/page/3"), "the name that saw it may remove it");
}

fn a_row_that_another_one_refers_to_stays_and_is_told(stored: &Stored) {
    let changing = Changing::of(2, |_| Tells::Nothing);
    let site = changing.start();
    deleting(ledger(&site, stored)).run().assert_code(0);
    stored.execute(
        "CREATE TABLE orders (path text CONSTRAINT order_of_a_page REFERENCES ledger (path));
         INSERT INTO orders VALUES ('/page/3')",
    );
    changing.hide("/page/3");
    changing.hide("/page/4");
    changing.hide("/page/5");
    let told: Finished = deleting(ledger(&site, stored)).run();
    told.assert_code(0).assert_stdout("gone      entry 2 removed");
    let named = if matches!(stored, Stored::Postgres(_)) {
        "order_of_a_page"
    } else {
        "rows of orders refer to ledger"
    };
    told.assert_stderr(named).assert_stderr("because others refer to them");
    let rows = stored_rows(stored);
    assert!(rows.contains_key("/page/3") && rows.len() == changing.truth().len() + 1, "{rows:?}");
    let versions = "SELECT count(*) FROM ledger_history WHERE changed IS NULL";
    assert_eq!(stored.count(versions), 2, "nothing is left of a removal that was refused");
    stored.execute("DELETE FROM orders");
    deleting(ledger(&site, stored)).run().assert_code(0).assert_stdout("gone      entry 1 removed");
    assert_eq!(stored_rows(stored), changing.truth());
}

fn a_rule_that_can_not_apply_is_refused(stored: &Stored) {
    let changing = Changing::of(1, |_| Tells::Nothing);
    let site = changing.start();
    for (rule, told) in [("3", "write after=N"), ("after=0", "from 1 to 100"), ("after=x", "write after=N")] {
        let wrong = ledger(&site, stored).args(["--delete-gone", rule]).run();
        wrong.assert_code(2).assert_stderr(told);
    }
    assert_eq!(changing.sent(), (0, 0));
}

/// The paths with a mark.
fn marked(stored: &Stored) -> Vec<String> {
    let rows = stored.query("SELECT path FROM ledger WHERE gone_at IS NOT NULL ORDER BY path");
    rows.into_iter().map(|row| row[0].clone()).collect()
}

fn a_row_that_is_gone_is_marked_until_it_is_seen_again(stored: &Stored) {
    is_marked_until_it_is_seen_again(stored, &[]);
}

fn a_mark_goes_although_the_page_has_not_changed(stored: &Stored) {
    is_marked_until_it_is_seen_again(stored, &["--incremental"]);
}

fn is_marked_until_it_is_seen_again(stored: &Stored, flags: &[&str]) {
    let changing = Changing::of(3, |_| Tells::StrongTag);
    let site = changing.start();
    let crawl = || ledger(&site, stored).args(flags).args(["--mark-gone", "after=1"]);
    crawl().run().assert_code(0);
    let all = stored_rows(stored);
    changing.hide("/page/3");
    let away = changing.0.lock().unwrap().pages.remove("/page/5").unwrap();
    // The process is killed before the marks are there, and the next run sets them.
    crawl().env("DRAGLINE_PROBE", "gone: before COMMIT").run();
    assert_eq!(marked(stored), Vec::<String>::new());
    crawl().run().assert_code(0).assert_stdout("gone      entry 2 marked").assert_stderr("marked the rows");
    assert_eq!(marked(stored), ["/page/3", "/page/5"]);
    let since = "SELECT gone_at FROM ledger WHERE gone_at IS NOT NULL ORDER BY path";
    let marks = stored.query(since);
    let again = crawl().run();
    again.assert_code(0).assert("a row is marked once", !again.stdout.contains("gone  "));
    assert_eq!(stored.query(since), marks);
    // A list has changed since the first night, so the rows of lists have versions. Marks have none.
    let versions = "SELECT count(*) FROM ledger_history WHERE path LIKE '/page/%'";
    assert_eq!(stored.count(versions), 0);
    changing.0.lock().unwrap().pages.insert("/page/5".to_owned(), away);
    changing.change("/list/0", |leaf| leaf.links.insert(3, "/page/3".to_owned()));
    crawl().run().assert_code(0);
    assert_eq!(marked(stored), Vec::<String>::new());
    assert_eq!(stored_rows(stored), all);
    assert_eq!(stored.count(versions), 0);
    // Too many.
    for page in 0..10 {
        changing.hide(&format!("/page/{page}"));
    }
    crawl().run().assert_code(65).assert_stdout("none was removed or marked");
    assert_eq!(marked(stored), Vec::<String>::new());
}

fn rows_are_marked_first_and_removed_later(stored: &Stored) {
    let changing = Changing::of(3, |_| Tells::Nothing);
    let site = changing.start();
    let crawl = || {
        let rules = ["--mark-gone", "after=1", "--delete-gone", "after=2"];
        ledger(&site, stored).args(rules).run()
    };
    crawl().assert_code(0);
    changing.hide("/page/3");
    crawl().assert_code(0).assert_stdout("gone      entry 1 marked");
    assert_eq!(marked(stored), ["/page/3"]);
    crawl().assert_code(0).assert_stdout("gone      entry 1 removed");
    assert_eq!(stored_rows(stored), changing.truth());
}

fn a_table_without_the_mark_is_told_with_its_remedy(stored: &Stored) {
    let changing = Changing::of(1, |_| Tells::Nothing);
    let site = changing.start();
    ledger(&site, stored).run().assert_code(0);
    stored.execute("ALTER TABLE ledger DROP COLUMN gone_at");
    let told = ledger(&site, stored).run();
    told.assert_code(1).assert_stderr("gone_at").assert_stderr("ADD COLUMN \"gone_at\"");
    let kind = if matches!(stored, Stored::Postgres(_)) { "timestamptz" } else { "TEXT" };
    stored.execute(&format!("ALTER TABLE ledger ADD COLUMN gone_at {kind}"));
    ledger(&site, stored).run().assert_code(0);
    let site_has_none =
        crate::stored::crawl_site(&site.url("/"), stored).args(["--mark-gone", "after=1"]).run();
    site_has_none.assert_code(2).assert_stderr("no item type of the spider has a column for the mark");
}
