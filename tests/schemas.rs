//! A table whose name has a schema: `#[item(table = "branch.books")]`.

use std::time::Duration;

use dragline_testkit::{Dragline, Finished, Site};
use serde_json::{Value as Json, json};

use crate::stored::{Stored, example, on_both_stores};

const SOON: Duration = Duration::from_secs(20);

on_both_stores!(
    its_rows_survive_a_kill_and_are_read_again,
    a_refused_row_is_stored_once_its_table_is_mended,
    the_commands_about_the_schema_know_it,
);

/// The table, as it is written in SQL. `SQLite` has no schemas, so there the dot is part of the name.
fn table(stored: &Stored) -> &'static str {
    if is_postgres(stored) { "\"branch\".\"books\"" } else { "\"branch.books\"" }
}

fn history(stored: &Stored) -> &'static str {
    if is_postgres(stored) { "\"branch\".\"books_history\"" } else { "\"branch.books_history\"" }
}

fn is_postgres(stored: &Stored) -> bool {
    matches!(stored, Stored::Postgres(_))
}

fn command(stored: &Stored, words: &[&str]) -> Dragline {
    example("nasty_spiders").args(words).args(["--store", &stored.url()])
}

fn crawl(site: &Site, stored: &Stored) -> Dragline {
    command(stored, &["crawl", "branches", "--start-url", &site.url("/"), "--rate", "0"]).args([
        "--host-concurrency",
        "8",
        "--run",
        "branches",
    ])
}

fn apply(stored: &Stored) -> Finished {
    let applied = command(stored, &["schema", "apply"]).run();
    applied.assert_code(0);
    applied
}

fn its_rows_survive_a_kill_and_are_read_again(stored: &Stored) {
    let site = Site::generated(60, 3);
    let crawl = crawl(&site, stored).args(["--flush-rows", "10", "--flush-interval", "50ms"]);
    if is_postgres(stored) {
        // A crawl makes tables, but no schema. The error has the statements.
        let refused = crawl.run();
        refused.assert_code(1).assert_stderr("table branch.books is missing, and so is its schema branch");
        let statement = "CREATE SCHEMA IF NOT EXISTS \"branch\";";
        refused.assert_stderr(statement).assert_stderr("CREATE TABLE \"branch\".\"books\" (");
        assert_eq!(stored.runs().len(), 0, "no run began");
        stored.execute(statement);
    }
    site.hold_after(30);
    let mut running = crawl.spawn();
    running.wait_until("pages are done", SOON, |_| stored.pages("done") >= 20);
    running.kill9();
    assert!(stored.pages("queued") > 0, "the kill came before the end");
    site.release();
    let folder = tempfile::tempdir().unwrap();
    let (rows, metrics) = (folder.path().join("rows.jsonl"), folder.path().join("last.prom"));
    let finished = crawl.clone().arg("-o").arg(&rows).arg("--metrics-textfile").arg(&metrics).run();
    finished.assert_code(0).assert_stderr("was killed or crashed");

    let urls = stored.query(&format!("select url, title from {} order by url", table(stored)));
    let truth: Vec<Vec<String>> =
        site.truth().iter().map(|(url, title)| vec![url.clone(), title.clone()]).collect();
    assert_eq!(urls, truth);
    let loans = stored.query("select url from branch_books order by url").concat();
    assert_eq!(loans, urls.iter().map(|row| row[0].clone()).collect::<Vec<_>>(), "the other table");
    let exported = std::fs::read_to_string(&rows).unwrap();
    assert_eq!(exported.lines().count(), 2 * truth.len());
    let metrics = std::fs::read_to_string(&metrics).unwrap();
    for table in ["branch.books", "branch_books"] {
        assert!(metrics.contains(&format!("table=\"{table}\"")), "{table}: {metrics}");
    }
    let shown = command(stored, &["runs", "show", "branches", "--json"]).run();
    let shown: Json = serde_json::from_str(&shown.assert_code(0).stdout).unwrap();
    assert_eq!(shown["items"], json!({"book": truth.len(), "loan": truth.len()}));
    let path = command(stored, &["runs", "show", "branches", "--path", &truth[7][0]]).run();
    path.assert_code(0).assert_stdout(&format!("\"title\":{:?}", truth[7][1]));
    // The next run finds one row as it was not.
    stored.execute(&format!("UPDATE {} SET title = 'before' WHERE url = '{}'", table(stored), truth[3][0]));
    let again = crawl.run();
    again.assert_code(0);
    let versions = format!("select url, title, run_id, replaced_by_run from {}", history(stored));
    assert_eq!(stored.query(&versions), [[&*truth[3][0], "before", "1", "2"]]);
    let rows_of = |run_id: usize| {
        stored.count(&format!("select count(*) from {} where run_id = {run_id}", table(stored)))
    };
    assert_eq!(rows_of(2), truth.len());
    // Rows that an incremental run finds as they were stay those of the run that wrote them, and count all the same.
    for run_id in [3, 4] {
        crawl.clone().arg("--incremental").run().assert_code(0);
        let shown = command(stored, &["runs", "show", &run_id.to_string(), "--json"]).run();
        let shown: Json = serde_json::from_str(&shown.assert_code(0).stdout).unwrap();
        assert_eq!(shown["items"]["book"], json!(truth.len()), "run {run_id}: {shown}");
    }
    assert_eq!(rows_of(4), 0);
}

fn a_refused_row_is_stored_once_its_table_is_mended(stored: &Stored) {
    apply(stored);
    let spoil = match stored {
        Stored::Postgres(_) => {
            "ALTER TABLE branch.books ADD CONSTRAINT no_start CHECK (url NOT LIKE '%/')".to_owned()
        }
        Stored::Sqlite(_) => {
            "CREATE TRIGGER no_start BEFORE INSERT ON \"branch.books\" WHEN NEW.url LIKE '%/'
             BEGIN SELECT RAISE(ABORT, 'no_start'); END"
                .to_owned()
        }
    };
    stored.execute(&spoil);
    let site = Site::generated(6, 2);
    crawl(&site, stored).run().assert_code(65).assert_stdout("dead 1");
    let count = || stored.count(&format!("select count(*) from {}", table(stored)));
    assert_eq!(count(), site.truth().len() - 1);
    command(stored, &["dead-letters", "list"]).run().assert_stdout("no_start").assert_stdout("book");
    stored.execute(match stored {
        Stored::Postgres(_) => "ALTER TABLE branch.books DROP CONSTRAINT no_start",
        Stored::Sqlite(_) => "DROP TRIGGER no_start",
    });
    let retried = command(stored, &["dead-letters", "retry", "--all"]).run();
    retried.assert_code(0).assert_stdout("1 more page is done");
    assert_eq!(count(), site.truth().len());
}

fn the_commands_about_the_schema_know_it(stored: &Stored) {
    let check = || command(stored, &["schema", "check"]).run();
    let applied = apply(stored);
    applied.assert_stdout("created the table branch.books").assert_stdout("created the table branch_books");
    applied.assert_stdout("created the table branch.books_history");
    assert_eq!(applied.stdout.contains("created the schema branch"), is_postgres(stored), "{applied}");
    check().assert_code(0);
    assert!(!apply(stored).stdout.contains("branch"), "everything is there");

    stored.execute(&format!("ALTER TABLE {} DROP COLUMN title", table(stored)));
    stored.execute(&format!("ALTER TABLE {} DROP COLUMN title", history(stored)));
    let differs = check();
    differs.assert_stderr(&format!("ALTER TABLE {} ADD COLUMN \"title\"", history(stored)));
    differs.assert_code(1).assert_stderr("branch.books");
    differs.assert_stderr(&format!("ALTER TABLE {} ADD COLUMN \"title\"", table(stored)));

    let printed = command(stored, &["schema", "print"]).run();
    printed.assert_code(0).assert_stdout(&format!("CREATE TABLE {} (", table(stored)));
    let schema = "CREATE SCHEMA IF NOT EXISTS \"branch\";";
    assert_eq!(printed.stdout.matches(schema).count(), usize::from(is_postgres(stored)), "{printed}");
    // It makes the same in an empty database.
    let other = if is_postgres(stored) { Stored::postgres() } else { Stored::sqlite() };
    other.execute(&printed.stdout);
    // At most, the entry of the version is missing.
    assert!(!apply(&other).stdout.contains("branch"), "everything is there");
    command(&other, &["schema", "check"]).run().assert_code(0);
    command(&other, &["list", "branches"]).run().assert_code(0).assert_stdout("branch.books");
}
