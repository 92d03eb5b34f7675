//! A database that an older version left in the middle of a crawl is upgraded, and the new program finishes the crawl.
//!
//! `upgrade/version5.*.sql` and `version6.*.sql` are dumps of what the program at that version had stored when it was killed:
//! pages that were done, failed, skipped and dead, and queued requests with every option. The spider is in
//! `upgrade/attic.rs`.

use std::net::TcpListener;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use dragline_testkit::{Answer, Dragline, Site, wait_until};

use crate::stored::{Stored, example, on_both_stores};

on_both_stores!(
    a_crawl_of_version_5_goes_on,
    a_crawl_of_version_6_goes_on,
    kept_pages_of_version_8_stay,
    a_newer_version_is_refused,
    a_page_shows_its_lineage,
);

/// The requests in the dumps name this address. No other test uses it.
const ADDRESS: &str = "127.55.0.6:8806";

/// The site, for one test at a time. Another test run on this machine may have the address for a while.
fn site() -> (MutexGuard<'static, ()>, Site) {
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let turn = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let is_free = || TcpListener::bind(ADDRESS).is_ok();
    wait_until("no other test run uses the address", Duration::from_secs(120), is_free);
    let origin = format!("http://{ADDRESS}");
    let site = Site::builder().bind(ADDRESS).handler(move |asked| {
        let proxied = asked.path.strip_prefix(&origin);
        let path = proxied.unwrap_or(&asked.path);
        let header = |name| asked.header(name).unwrap_or("none");
        let (cookie, own) = (header("cookie"), header("x-own"));
        let way = if proxied.is_some() { "proxied" } else { "direct" };
        let method = &asked.method;
        let text = format!("<title>{path}</title><p>{method}</p><p>{cookie}</p><p>{way}</p><p>{own}</p>");
        Some(match path {
            "/" => Answer::html(text).header("Set-Cookie", "door=open; Path=/"),
            "/moved" => Answer::redirect(301, "/new/1"),
            "/gone" => Answer::html(text).status(404),
            "/failing" => Answer::html(text).status(500),
            _ => Answer::html(text),
        })
    });
    (turn, site.start())
}

fn url(path: &str) -> String {
    format!("http://{ADDRESS}{path}")
}

fn attic(stored: &Stored) -> Dragline {
    example("nasty_spiders").args(["--store", &stored.url()])
}

fn crawl(stored: &Stored) -> Dragline {
    attic(stored).args(["crawl", "attic", "-a", &format!("door={}", url("/")), "--rate", "0"])
}

fn with_version_5(stored: &Stored) {
    stored.execute(match stored {
        Stored::Postgres(_) => include_str!("upgrade/version5.postgres.sql"),
        Stored::Sqlite(_) => include_str!("upgrade/version5.sqlite.sql"),
    });
}

fn with_version_6(stored: &Stored) {
    stored.execute(match stored {
        Stored::Postgres(_) => include_str!("upgrade/version6.postgres.sql"),
        Stored::Sqlite(_) => include_str!("upgrade/version6.sqlite.sql"),
    });
}

fn another(stored: &Stored) -> Stored {
    match stored {
        Stored::Postgres(_) => Stored::postgres(),
        Stored::Sqlite(_) => Stored::sqlite(),
    }
}

/// The rows that an upgraded crawl and an undisturbed one must agree on.
fn rows(stored: &Stored) -> Vec<Vec<Vec<String>>> {
    let text = if matches!(stored, Stored::Postgres(_)) { "::text" } else { "" };
    [
        "SELECT url, tag, method, state, status, headers{text}, meta{text}, redirects{text}, dont_filter
         FROM crawl_requests WHERE state <> 'failed' OR status IS NOT NULL ORDER BY url, tag",
        "SELECT item_type, item_key, url, data{text}, content_hash FROM crawl_items ORDER BY 1, 2, 3, 4",
        "SELECT path, weight, source_url FROM attic_crates ORDER BY 1",
        "SELECT path, source_url FROM attic_labels ORDER BY 1",
        "SELECT url, item_type, payload{text}, error FROM crawl_dead_letters ORDER BY 1",
    ]
    .map(|sql| stored.query(&sql.replace("{text}", text)))
    .into_iter()
    .collect()
}

/// Upgrades the database and finishes its crawl. Returns a database with an undisturbed crawl of the same site, whose rows
/// are the same.
fn upgraded_and_finished(stored: &Stored) -> Stored {
    let queued = stored.pages("queued");
    assert!(queued > 10 && stored.pages("done") > 3, "half of a crawl");
    crawl(stored).run().assert_code(1).assert_stderr("schema apply");
    assert_eq!(stored.pages("queued"), queued, "and nothing was changed");

    attic(stored).args(["schema", "apply"]).run().assert_code(0).assert_stdout("upgraded Dragline's tables");
    attic(stored).args(["schema", "apply"]).run().assert_code(0);
    attic(stored).args(["schema", "check"]).run().assert_code(0);

    // Some of its pages are dead.
    crawl(stored).run().assert_code(65).assert_stderr("resuming");
    assert_eq!(stored.runs(), [("finished".to_owned(), "finished".to_owned())]);
    let fresh = another(stored);
    crawl(&fresh).run().assert_code(65);
    assert_eq!(
        strip_old_options(rows(stored)),
        strip_old_options(rows(&fresh)),
        "the rows of an undisturbed crawl"
    );
    fresh
}

fn a_crawl_of_version_5_goes_on(stored: &Stored) {
    let _site = site();
    with_version_5(stored);
    let fresh = upgraded_and_finished(stored);

    // The old run keeps the rule that all its requests are in one shard; what is new names where it comes from.
    assert_eq!(stored.query("SELECT DISTINCT shard FROM crawl_requests"), [["0"]]);
    assert_eq!(stored.query("SELECT shards, shard_rule FROM crawl_runs"), [["1", "one"]]);
    assert_eq!(fresh.query("SELECT shards, shard_rule FROM crawl_runs"), [["1024", "sha256-host"]]);
    let new_desks = "SELECT count(*) FROM crawl_requests WHERE url LIKE '%/desk/9' AND parent IS NOT NULL";
    assert_eq!(stored.count(new_desks), 1);
    let named = "SELECT count(*) FROM attic_crates WHERE source_fingerprint IS NOT NULL";
    assert!(stored.count(named) > 10, "{}", stored.count(named));
}

fn a_crawl_of_version_6_goes_on(stored: &Stored) {
    let _site = site();
    with_version_6(stored);
    upgraded_and_finished(stored);
}

/// What the program at version 8 had in the tables that later versions change.
fn kept_pages_of_version_8_stay(stored: &Stored) {
    let _site = site();
    crawl(stored).arg("--keep-failed").run().assert_code(65);
    let kept = "SELECT url, status, headers, body, body_bytes FROM crawl_kept_pages ORDER BY url";
    let before = stored.query(kept);
    assert_eq!(before.len(), 2, "{before:?}");
    stored.execute(
        "DROP INDEX crawl_kept_pages_by_page; DROP INDEX crawl_kept_pages_by_body; DROP INDEX crawl_items_without_key;",
    );
    match stored {
        Stored::Postgres(_) => stored.execute(
            "DROP TABLE crawl_workers, crawl_shards; ALTER TABLE crawl_runs DROP COLUMN found, DROP COLUMN ended;
             ALTER TABLE crawl_kept_pages DROP COLUMN body_hash, DROP COLUMN fetched_at, DROP COLUMN shard,
                 ALTER COLUMN body SET NOT NULL;",
        ),
        Stored::Sqlite(_) => stored.execute(
            "CREATE TABLE old (
                 run_id INTEGER NOT NULL REFERENCES crawl_runs (run_id) ON DELETE CASCADE, fingerprint BLOB NOT NULL,
                 url TEXT NOT NULL, status INTEGER NOT NULL, headers TEXT NOT NULL CHECK (json_valid(headers)),
                 body BLOB NOT NULL, body_bytes INTEGER, kept_at TEXT NOT NULL, PRIMARY KEY (run_id, fingerprint)
             ) STRICT;
             INSERT INTO old SELECT run_id, fingerprint, url, status, headers, body, body_bytes, kept_at
                 FROM crawl_kept_pages;
             DROP TABLE crawl_kept_pages; ALTER TABLE old RENAME TO crawl_kept_pages;",
        ),
    }
    stored.execute(
        "ALTER TABLE crawl_item_keys DROP COLUMN made_by; ALTER TABLE crawl_item_keys DROP COLUMN made_at;
         ALTER TABLE crawl_item_keys DROP COLUMN left_by;
         DROP TABLE crawl_bodies; DROP TABLE crawl_changes; DROP TABLE crawl_suspects; DROP TABLE crawl_item_shares;
         DROP TABLE crawl_servers; DROP TABLE crawl_schedules; DROP TABLE crawl_ticks; ALTER TABLE crawl_runs DROP COLUMN kind;
         DELETE FROM crawl_schema; INSERT INTO crawl_schema (version) VALUES (8);",
    );
    attic(stored).args(["schema", "apply"]).run().assert_code(0).assert_stdout("upgraded Dragline's tables");
    attic(stored).args(["schema", "check"]).run().assert_code(0);
    assert_eq!(stored.query(kept), before);
    assert_eq!(stored.query("SELECT DISTINCT kind FROM crawl_runs"), [["crawl"]]);
    let shown = attic(stored).args(["runs", "show", "attic", "--kept", &url("/gone")]).run();
    shown.assert_code(0).assert_stdout("<title>/gone</title>");
    crawl(stored).args(["--fresh", "--keep-pages"]).run().assert_code(65).assert_stdout("kept ");
    assert!(stored.count("SELECT count(*) FROM crawl_bodies") > 10);
}

fn a_page_shows_its_lineage(stored: &Stored) {
    let _site = site();
    crawl(stored).run().assert_code(65);
    let show = |path: &str| attic(stored).args(["runs", "show", "attic", "--path", &url(path)]).run();
    let shown = show("/desk/3");
    shown.assert_code(0);
    let paths = ["/", "/room/3", "/desk/3"].map(url);
    let lines: Vec<Vec<&str>> =
        shown.stdout.lines().skip(1).take(3).map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(
        lines,
        [
            ["0", "done", "door", &paths[0]],
            ["1", "done", "room", &paths[1]],
            ["2", "done", "desk", &paths[2]],
        ]
    );
    shown.assert_stdout("exhibit\n").assert_stdout(r#"{"number":2,"path":"/desk/3"}"#);
    shown.assert("only its own rows", !shown.stdout.contains("\"/room/3\""));
    show("/new/1").assert_code(0).assert_stdout("/moved").assert_stdout("skipped");
    show("/gone").assert_code(0).assert_stdout("http_status: HTTP 404").assert_stdout("no item rows");
    show("/nowhere").assert_code(1).assert_stderr("does not know the URL");
    attic(stored)
        .args(["runs", "show", "attic", "--path", "nonsense"])
        .run()
        .assert_code(1)
        .assert_stderr("is not a URL");
    let json = attic(stored).args(["runs", "show", "attic", "--json", "--path", &url("/room/1")]).run();
    let json: serde_json::Value = serde_json::from_str(&json.stdout).unwrap();
    // The spider asks for this page twice.
    let tags: Vec<&str> =
        json.as_array().unwrap().iter().map(|it| it["path"][1]["tag"].as_str().unwrap()).collect();
    assert_eq!(std::collections::BTreeSet::from_iter(tags), ["again", "room"].into());
    assert_eq!(json[0]["items"]["footnote"].as_array().unwrap().len(), 2);
}

/// Version 5 had the options among the headers. The rows that it wrote keep them there.
fn strip_old_options(mut rows: Vec<Vec<Vec<String>>>) -> Vec<Vec<Vec<String>>> {
    for row in &mut rows[0] {
        let headers: Vec<(String, String)> = serde_json::from_str(&row[5]).unwrap();
        row[5] =
            format!("{:?}", headers.iter().filter(|(name, _)| !name.starts_with(':')).collect::<Vec<_>>());
    }
    rows
}

fn a_newer_version_is_refused(stored: &Stored) {
    with_version_5(stored);
    stored.execute("INSERT INTO crawl_schema (version) VALUES (99)");
    for command in ["apply", "check"] {
        attic(stored).args(["schema", command]).run().assert_code(1).assert_stderr("newer dragline");
    }
    crawl(stored).run().assert_code(1).assert_stderr("newer dragline");
}
