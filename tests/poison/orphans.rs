//! Items whose parent comes later are tried once more before the run ends.

use std::time::Duration;

use dragline_testkit::{Answer, Site};

use crate::stored::{Stored, crawl_nasty, on_both_stores};

use super::{letters, state, things};

const SOON: Duration = Duration::from_secs(20);

on_both_stores!(
    a_parent_that_comes_later_revives_its_children,
    a_kill_before_the_second_try_loses_nothing,
    a_limit_is_exact_also_with_children_revived,
    generations_that_one_retry_does_not_reach_are_reported,
    a_row_that_needs_a_later_row_of_its_own_table_is_revived,
);

/// A thing called `child-x` needs a parent `x`, and a thing called `parent-x` makes it.
fn families(stored: &Stored) {
    relatives(stored, "child-%", "substr(text, 7)", "parent-%", "substr(NEW.text, 8)");
}

/// Things whose text is like `child` need the parent `needed`; things whose text is like `parent` make the parent `made`.
fn relatives(stored: &Stored, child: &str, needed: &str, parent: &str, made: &str) {
    let needed = format!("CASE WHEN text LIKE '{child}' THEN {needed} END");
    let clauses = format!(", parent text GENERATED ALWAYS AS ({needed}) STORED REFERENCES parents");
    let trigger = match stored {
        Stored::Postgres(_) => format!(
            "CREATE FUNCTION bear() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                 IF NEW.text LIKE '{parent}' THEN
                     INSERT INTO parents VALUES ({made}) ON CONFLICT DO NOTHING;
                 END IF;
                 RETURN NEW;
             END $$;
             CREATE TRIGGER bear AFTER INSERT ON nasty_things FOR EACH ROW EXECUTE FUNCTION bear();"
        ),
        Stored::Sqlite(_) => format!(
            "CREATE TRIGGER bear AFTER INSERT ON nasty_things WHEN NEW.text LIKE '{parent}'
             BEGIN INSERT OR IGNORE INTO parents VALUES ({made}); END;"
        ),
    };
    let parents = "CREATE TABLE parents (name text PRIMARY KEY);";
    stored.execute(&format!("{parents}{}{trigger}", things(stored, &clauses)));
}

/// Children are found first; their pages lead to the parents.
fn site() -> Site {
    Site::builder()
        .page("/", Answer::html("<a href=/child-a>a</a><a href=/2/child-a>a</a><a href=/child-orphan>o</a>"))
        .page("/child-a", Answer::html("<a href=/parent-a>p</a>"))
        .page("/2/child-a", Answer::html("<a href=/parent-a>p</a>"))
        .page("/child-orphan", Answer::html("none"))
        .page("/parent-a", Answer::html("<a href=/last>l</a>"))
        .page("/last", Answer::html("the last"))
        .start()
}

fn a_parent_that_comes_later_revives_its_children(stored: &Stored) {
    families(stored);
    let site = site();
    let folder = tempfile::tempdir().unwrap();
    let left = folder.path().join("nasty.prom");
    // No child comes in its parent's own batch.
    site.hold_page("/parent-a");
    let mut running = crawl_nasty(&site.url("/"), stored).arg("--metrics-textfile").arg(&left).spawn();
    running.wait_until("all children are dead", SOON, |_| stored.pages("dead") == 3);
    site.release();
    let finished = running.finish();
    finished.assert_code(65).assert_stdout("done 5, failed 0, skipped 0, dead 1, queued 0");
    finished.assert_stderr("were tried once more");
    // Counters never fall, so a page that was dead and is done counts as both. The remaining dead letters have a metric of
    // their own.
    let metrics = std::fs::read_to_string(&left).unwrap();
    for (name, value) in [
        ("dragline_pages_total{outcome=\"done\",", 5),
        ("dragline_pages_total{outcome=\"dead\",", 3),
        ("dragline_dead_letters_total{", 6),
        ("dragline_dead_letters_kept{", 2),
    ] {
        let told = metrics.lines().find(|line| line.starts_with(name)).unwrap();
        assert!(told.ends_with(&format!(" {value}")), "{told}");
    }
    for page in ["/child-a", "/2/child-a"] {
        let row = stored
            .query(&format!("select state, error from crawl_requests where url = '{}'", site.url(page)));
        assert_eq!(row, [["done", "NULL"]], "{page}");
    }
    assert_eq!(state(stored, "/child-orphan"), "dead");
    assert_eq!(stored.count("select count(*) from nasty_things"), 5);
    assert_eq!(stored.count("select count(*) from crawl_items"), 5, "a page comes whole or not at all");
    let left = stored.query("select item_type, url from crawl_dead_letters order by item_type");
    let orphan = site.url("/child-orphan");
    assert_eq!(left, [["note", orphan.as_str()], ["thing", orphan.as_str()]]);
    assert_eq!(stored.runs(), [("finished".to_owned(), "finished".to_owned())]);

    // Its parent comes by other means.
    letters(stored, &["retry", "--all"]).assert_code(1).assert_stdout("applied 1").assert_stdout("refused 1");
    stored.execute("insert into parents values ('orphan')");
    letters(stored, &["retry", "--all"]).assert_code(0).assert_stdout("1 more page is done");
    assert_eq!((stored.pages("dead"), stored.pages("done")), (0, 6));
}

fn a_kill_before_the_second_try_loses_nothing(stored: &Stored) {
    families(stored);
    let site = site();
    let crawl = crawl_nasty(&site.url("/"), stored).args(["--concurrency", "1"]);
    // The last page is asked for and never answered: everything else is stored.
    site.set("/last", Answer::html("slow").delay(Duration::from_secs(60)));
    let mut running = crawl.spawn();
    running.wait_until("the parent is done", SOON, |_| {
        stored.count("select count(*) from nasty_things where text = 'parent-a'") == 1
    });
    running.kill9();
    // The other child of this parent may have come in the parent's own batch.
    assert!(stored.pages("dead") >= 2);
    site.set("/last", Answer::html("the last"));
    crawl.run().assert_code(65).assert_stdout("done 5, failed 0, skipped 0, dead 1, queued 0");
    assert_eq!(stored.count("select count(*) from nasty_things"), 5);
    assert_eq!(stored.count("select count(*) from crawl_items"), 5);
}

#[test]
fn a_stop_during_the_second_try_leaves_it_to_the_resume() {
    let stored = &Stored::postgres();
    families(stored);
    // Only one child: a second one could come after its parent, and linger in a flush.
    let site = Site::builder()
        .page("/", Answer::html("<a href=/child-a>a</a>"))
        .page("/child-a", Answer::html("<a href=/parent-a>p</a>"))
        .page("/parent-a", Answer::html("none"))
        .start();
    let crawl = crawl_nasty(&site.url("/"), stored);
    // A child whose parent is there takes its time.
    stored.execute(
        "CREATE FUNCTION linger() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
             IF NEW.text = 'child-a' AND EXISTS (SELECT FROM parents) THEN PERFORM pg_sleep(60); END IF;
             RETURN NEW;
         END $$;
         CREATE TRIGGER linger BEFORE INSERT ON nasty_things FOR EACH ROW EXECUTE FUNCTION linger();",
    );
    let lingers = "select count(*) from pg_stat_activity
                   where wait_event = 'PgSleep' and datname = current_database()";
    let mut running = crawl.spawn();
    running.wait_until("the second try is under way", SOON, |_| {
        stored.pages("queued") == 0 && stored.count(lingers) > 0
    });
    running.signal("TERM");
    running.finish_within(SOON).assert_code(75);
    assert_eq!(stored.runs()[0].0, "stopped");
    assert_eq!(stored.pages("dead"), 1, "nothing is half done");
    stored.execute("DROP TRIGGER linger ON nasty_things");
    crawl.run().assert_code(0).assert_stdout("done 3, failed 0, skipped 0, dead 0, queued 0");
    assert_eq!(stored.runs(), [("finished".to_owned(), "finished".to_owned())]);
}

fn a_limit_is_exact_also_with_children_revived(stored: &Stored) {
    families(stored);
    let site = site();
    let crawl = crawl_nasty(&site.url("/"), stored).args(["--concurrency", "1", "--limit", "4"]);
    crawl.run().assert_code(65);
    // Without the two children three pages are done: there is room for one of them.
    assert_eq!((stored.pages("done"), stored.pages("dead")), (4, 2));
}

/// The youngest of twelve generations is found first, and each round of a retry brings in one generation.
fn generations_that_one_retry_does_not_reach_are_reported(stored: &Stored) {
    // The thing `heir-02-01` needs the parent `02` and makes the parent `01`.
    relatives(stored, "heir-%", "substr(text, 6, 2)", "heir-%", "substr(NEW.text, 9, 2)");
    let heir = |number: u8| format!("/heir-{:02}-{number:02}", number + 1);
    let link = |number: u8| Answer::html(format!("<a href={}>next</a>", heir(number)));
    let mut site = Site::builder().page("/", link(1)).page(&heir(12), Answer::html("the oldest"));
    for number in 1..12 {
        site = site.page(&heir(number), link(number + 1));
    }
    let site = site.start();
    crawl_nasty(&site.url("/"), stored).run().assert_code(65).assert_stdout("dead 12");

    stored.execute("insert into parents values ('13')");
    let retry = letters(stored, &["retry", "--all"]);
    // All twelve notes, and one thing in each of ten rounds.
    retry.assert_code(1).assert_stdout("applied 22 dead letters").assert_stdout("refused 2, which stay");
    retry.assert_stdout(&heir(1)).assert_stdout(&heir(2));
    assert_eq!(stored.count("select count(*) from crawl_dead_letters"), 2);
    letters(stored, &["retry", "--all"])
        .assert_code(0)
        .assert_stdout("applied 2 dead letters; 2 more pages are done");
    assert_eq!((stored.pages("dead"), stored.pages("done")), (0, 13));
}

fn a_row_that_needs_a_later_row_of_its_own_table_is_revived(stored: &Stored) {
    let needed = "CASE WHEN text LIKE 'child-%' THEN replace(url, 'child-', 'parent-') END";
    let column = format!(", parent text GENERATED ALWAYS AS ({needed}) STORED REFERENCES nasty_things (url)");
    stored.execute(&things(stored, &column));
    let site = Site::builder()
        .page("/", Answer::html("<a href=/child-a>a</a><a href=/child-b>b</a><a href=/parent-b>b</a>"))
        // This child leads to its parent. The parent of the other child has a link of its own on the start page.
        .page("/child-a", Answer::html("<a href=/parent-a>p</a>"))
        .page("/child-b", Answer::html("none"))
        .page("/parent-a", Answer::html("none"))
        .page("/parent-b", Answer::html("none"))
        .start();
    let finished = crawl_nasty(&site.url("/"), stored).run();
    finished.assert_code(0).assert_stdout("done 5, failed 0, skipped 0, dead 0, queued 0");
    finished.assert_stderr("were tried once more");
    assert_eq!(stored.count("select count(*) from nasty_things where parent is not null"), 2);
}
