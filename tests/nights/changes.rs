//! The change feed has each change of a row once and in order, even if processes are killed.

use std::collections::BTreeMap;
use std::time::Duration;

use dragline_testkit::{Dragline, Running};
use serde_json::Value as Json;

use super::history::{Rows, change, ledger, stored_rows};
use super::{Changing, Tells};
use crate::stored::{Stored, dragline, example, example_path, on_both_stores};

on_both_stores!(
    plain_nights_tell_each_change_once,
    incremental_nights_tell_each_change_once,
    a_row_that_is_marked_is_gone_in_the_feed_until_it_is_seen_again,
    old_changes_are_pruned_and_the_last_of_them_stays,
    a_reparse_and_a_retry_of_letters_tell_what_they_change,
);

const SOON: Duration = Duration::from_secs(60);

/// Where each night is killed, one after the other, before it may end.
const KILLED_AT: [&str; 3] = ["flush: changes told", "flush: changes told:3", "flush: after COMMIT:2"];

/// A change as it is stored.
struct Told {
    position: i64,
    run_id: usize,
    path: String,
    kind: String,
    row: (String, usize),
    changed: String,
}

fn told(stored: &Stored) -> Vec<Told> {
    let rows = stored.query(
        "SELECT position, run_id, item_key, kind, data, coalesce(cast(changed_columns AS text), '')
         FROM crawl_changes WHERE item_type = 'entry' AND table_name = 'ledger' AND spider = 'ledger' ORDER BY position",
    );
    let change = |row: Vec<String>| {
        let data: Json = serde_json::from_str(&row[4]).unwrap();
        assert_eq!(data["path"], *row[2]);
        let links = usize::try_from(data["links"].as_u64().unwrap()).unwrap();
        Told {
            position: row[0].parse().unwrap(),
            run_id: row[1].parse().unwrap(),
            path: row[2].clone(),
            kind: row[3].clone(),
            row: (data["text"].as_str().unwrap().to_owned(), links),
            changed: row[5].replace(['{', '}', '[', ']', '"', ' '], ""),
        }
    };
    rows.into_iter().map(change).collect()
}

/// The rows of a reader that has followed the feed. Each change must fit the rows before it.
fn followed(told: &[Told]) -> Rows {
    let mut rows = Rows::new();
    for Told { path, kind, row, changed, .. } in told {
        match (kind.as_str(), rows.get(path)) {
            ("new", None) => {
                assert_eq!(changed, "", "{path}");
                rows.insert(path.clone(), row.clone());
            }
            ("changed", Some(before)) => {
                let differ = [("text", before.0 != row.0), ("links", before.1 != row.1)];
                let differ: Vec<&str> = differ.iter().filter(|(_, is)| *is).map(|(name, _)| *name).collect();
                assert!(!differ.is_empty(), "{path}: nothing has changed");
                assert_eq!(*changed, differ.join(","), "{path}");
                rows.insert(path.clone(), row.clone());
            }
            ("gone", Some(before)) => {
                assert_eq!(before, row, "{path}");
                rows.remove(path);
            }
            (kind, before) => panic!("the feed says {path} is {kind}, but it was {before:?}"),
        }
    }
    rows
}

fn plain_nights_tell_each_change_once(stored: &Stored) {
    nights_tell_each_change_once(stored, &[]);
}

fn incremental_nights_tell_each_change_once(stored: &Stored) {
    nights_tell_each_change_once(stored, &["--incremental"]);
}

fn nights_tell_each_change_once(stored: &Stored, flags: &[&str]) {
    let tells = [Tells::StrongTag, Tells::Date, Tells::Nothing];
    let changing = Changing::of(6, |page| tells[page % tells.len()]);
    let site = changing.start();
    let mut kills = 0;
    let mut last_position = 0;
    for night in 1..=5 {
        if night > 1 {
            change(&changing, night);
        }
        let crawl = || {
            let rule = ["--delete-gone", "after=1", "--max-gone-share", "0.5"];
            ledger(&site, stored).args(flags).args(rule)
        };
        // Killed before the first rows go, or after them.
        let at_the_end = if night % 2 == 0 { "gone: before COMMIT" } else { "gone: batch done" };
        for probe in KILLED_AT.into_iter().chain([at_the_end]) {
            if stored.runs().len() == night
                && stored.runs().last().is_some_and(|(state, _)| state == "finished")
            {
                break;
            }
            kills += usize::from(crawl().env("DRAGLINE_PROBE", probe).run().code.is_none());
        }
        if stored.runs().len() < night || stored.runs().last().is_some_and(|(state, _)| state != "finished") {
            crawl().run().assert_code(0);
        }
        let told = told(stored);
        assert_eq!(followed(&told), stored_rows(stored), "night {night}");
        assert!(told.iter().any(|change| change.run_id == night), "night {night} has changes");
        assert!(told.last().is_some_and(|last| last.position > last_position));
        last_position = told.last().map_or(0, |last| last.position);
    }
    assert!(kills >= 10, "{kills}");
    // A night in which nothing changes adds nothing to the feed.
    ledger(&site, stored).args(flags).run().assert_code(0);
    assert_eq!(told(stored).last().map(|last| last.position), Some(last_position));
    let kinds: BTreeMap<String, usize> = told(stored).iter().fold(BTreeMap::new(), |mut kinds, change| {
        *kinds.entry(change.kind.clone()).or_default() += 1;
        kinds
    });
    assert!(kinds["new"] > 60 && kinds["changed"] > 60 && kinds["gone"] > 2, "{kinds:?}");
}

fn a_row_that_is_marked_is_gone_in_the_feed_until_it_is_seen_again(stored: &Stored) {
    let changing = Changing::of(2, |_| Tells::StrongTag);
    let site = changing.start();
    let crawl = || ledger(&site, stored).args(["--incremental", "--mark-gone", "after=1"]).run();
    crawl().assert_code(0);
    let all = followed(&told(stored));
    changing.hide("/page/3");
    crawl().assert_code(0);
    assert!(!followed(&told(stored)).contains_key("/page/3"));
    changing.change("/list/0", |leaf| leaf.links.push("/page/3".to_owned()));
    crawl().assert_code(0);
    assert_eq!(followed(&told(stored)), all);
    assert_eq!(followed(&told(stored)), stored_rows(stored));
}

fn old_changes_are_pruned_and_the_last_of_them_stays(stored: &Stored) {
    let changing = Changing::of(2, |_| Tells::Nothing);
    let site = changing.start();
    ledger(&site, stored).run().assert_code(0);
    let prune = |words: &[&str]| {
        dragline()
            .args(["runs", "prune", "--changes-older-than"])
            .args(words)
            .args(["--store", &stored.url()])
            .run()
    };
    prune(&["30d"]).assert_code(0).assert_stdout("removed 0 rows of the change feed");
    assert_eq!(told(stored).len(), 23);
    let last = told(stored).last().map(|last| last.position);
    prune(&["0s", "--dry-run"]).assert_code(0).assert_stdout("this would remove 23 rows");
    prune(&["0s"]).assert_code(0).assert_stdout("removed 22 rows of the change feed");
    assert_eq!(told(stored).iter().map(|change| Some(change.position)).collect::<Vec<_>>(), [last]);
    changing.change("/page/3", |leaf| leaf.text = "news".into());
    ledger(&site, stored).run().assert_code(0);
    assert_eq!(told(stored).len(), 2);
    assert!(told(stored)[1].position > told(stored)[0].position, "no position is used again");
    prune(&["0s", "--run", "x"]).assert_code(2);
}

fn a_reparse_and_a_retry_of_letters_tell_what_they_change(stored: &Stored) {
    let changing = Changing::of(1, |_| Tells::Nothing);
    let site = changing.start();
    ledger(&site, stored).arg("--keep-pages").run().assert_code(0);
    // As if an older spider had found something else.
    stored.execute("UPDATE ledger SET text = 'wrong' WHERE path = '/page/3'");
    let program =
        |words: &[&str]| example("nasty_spiders").args(words).args(["--store", &stored.url()]).run();
    program(&["reparse", "1"]).assert_code(0);
    let last = told(stored).pop().unwrap();
    assert_eq!(
        (last.path.as_str(), last.kind.as_str(), last.changed.as_str()),
        ("/page/3", "changed", "text")
    );
    assert_eq!(told(stored).len(), 13, "nothing else has changed");
    let (refuse, accept) = match stored {
        Stored::Postgres(_) => (
            "ALTER TABLE ledger ADD CONSTRAINT no_news CHECK (text <> 'news')",
            "ALTER TABLE ledger DROP CONSTRAINT no_news",
        ),
        Stored::Sqlite(_) => (
            "CREATE TRIGGER no_news BEFORE UPDATE ON ledger WHEN new.text = 'news' BEGIN SELECT raise(ABORT, 'no news'); END",
            "DROP TRIGGER no_news",
        ),
    };
    stored.execute(refuse);
    changing.change("/page/5", |leaf| leaf.text = "news".into());
    ledger(&site, stored).run().assert_code(65);
    assert_eq!(told(stored).len(), 13);
    stored.execute(accept);
    program(&["dead-letters", "retry", "--all"]).assert_code(0);
    let last = told(stored).pop().unwrap();
    assert_eq!((last.path.as_str(), last.kind.as_str(), last.row.0.as_str()), ("/page/5", "changed", "news"));
    assert_eq!((told(stored).len(), stored_rows(stored)["/page/5"].0.as_str()), (14, "news"));
}

/// Postgres has NOTIFY, and the example follows it there.
#[test]
fn a_follower_that_is_killed_again_and_again_has_the_rows_of_the_table() {
    let stored = Stored::postgres();
    let changing = Changing::of(6, |_| Tells::Nothing);
    let site = changing.start();
    ledger(&site, &stored).args(["--limit", "5"]).run().assert_code(0);
    stored.execute("CREATE TABLE ledger_copy (path text PRIMARY KEY, text text, links integer)");
    let follow = || -> Running {
        Dragline::new(example_path("follow_changes"))
            .args([&stored.url(), "ledger", "ledger_copy", "path"])
            .spawn()
    };
    let position = || stored.count("SELECT coalesce(max(position), 0) FROM followers");
    let newest = || stored.count("SELECT max(position) FROM crawl_changes");
    let mut follower = follow();
    follower.wait_until("it has copied the table", SOON, |_| {
        stored.count("SELECT count(*) FROM pg_tables WHERE tablename = 'followers'") == 1
            && position() == newest()
    });
    let began = newest();
    for night in 1..=4 {
        if night > 1 {
            change(&changing, night);
        }
        for probe in ["flush: changes told", "flush: after COMMIT", "flush: changes told:2"] {
            let before = position();
            ledger(&site, &stored).env("DRAGLINE_PROBE", probe).run();
            // Somewhere in the middle of what the crawl has stored.
            follower.wait_until("it goes on", SOON, |_| position() > before || position() == newest());
            follower.kill9();
            follower = follow();
        }
        let rule = ["--delete-gone", "after=1", "--max-gone-share", "0.5"];
        ledger(&site, &stored).args(rule).run().assert_code(0);
        follower.kill9();
        follower = follow();
    }
    follower.wait_until("it has read everything", SOON, |_| position() == newest());
    let copy = stored.query("SELECT path, text, links FROM ledger_copy ORDER BY path");
    let table = stored.query("SELECT path, text, links FROM ledger ORDER BY path");
    assert_eq!(copy, table);
    let applied = stored.count("SELECT changes FROM followers");
    let told = stored.count(&format!("SELECT count(*) FROM crawl_changes WHERE position > {began}"));
    assert_eq!(applied, told, "each change is applied once");
    assert!(told > 100, "{told}");
    // The notification wakes it long before it would look by itself.
    changing.change("/page/3", |leaf| leaf.text = "told at once".into());
    ledger(&site, &stored).run().assert_code(0);
    follower.wait_until("it is woken", Duration::from_secs(5), |_| position() == newest());
    follower.kill9();
}
