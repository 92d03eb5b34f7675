//! Look-ups in a database: a track gets its label from a catalogue that is not the store, whatever goes wrong on the way. The program
//! is `examples/look_up_sql.rs`.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::Duration;

use dragline_testkit::{Answer, ChaosProxy, Dragline, Link, OwnServer, Site, TestDatabase, wait_until};
use tempfile::TempDir;

use crate::stored::{Stored, example, on_both_stores};

on_both_stores!(
    tracks_get_their_label,
    a_thousand_tracks_of_fifty_albums_ask_fifty_times,
    killed_and_resumed_the_rows_are_those_of_an_undisturbed_crawl,
    a_catalogue_that_is_away_for_a_while_loses_nothing,
    a_catalogue_that_is_down_loses_no_track,
    later_nights_and_reparses_keep_what_was_looked_up,
);

/// The tables of the catalogue, with fifty albums of ten labels.
const CATALOGUE: &str = "
    CREATE TABLE labels (label_id integer PRIMARY KEY, name text NOT NULL, founded integer);
    CREATE TABLE albums (album text PRIMARY KEY, label_id integer NOT NULL REFERENCES labels);
    INSERT INTO labels WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 9)
        SELECT i, 'label ' || i, 1970 + i FROM n;
    INSERT INTO albums WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 49)
        SELECT 'album-' || i, i % 10 FROM n;";

fn catalogue() -> TestDatabase {
    let database = dragline_testkit::database();
    database.query(CATALOGUE);
    database
}

/// The same in an `SQLite` file.
fn catalogue_file() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("catalogue.db");
    rusqlite::Connection::open(&file).unwrap().execute_batch(CATALOGUE).unwrap();
    (folder, file)
}

/// A page with tracks: title and album.
fn list(tracks: &[(String, String)]) -> Answer {
    let mut html = String::new();
    for (title, album) in tracks {
        let _ = write!(html, "<li class=track data-album='{album}'>{title}</li>");
    }
    Answer::html(html)
}

fn few(tracks: &[(&str, &str)]) -> Site {
    let tracks: Vec<_> =
        tracks.iter().map(|(title, album)| ((*title).to_owned(), (*album).to_owned())).collect();
    Site::builder().page("/", list(&tracks)).start()
}

/// A site of `pages` pages. Each page has `tracks` tracks, and all tracks come from fifty albums.
fn many(pages: usize, tracks: usize) -> Site {
    let links: String = (0..pages).map(|number| format!("<a href='/{number}'>x</a>")).collect();
    let mut site = Site::builder().page("/", Answer::html(links));
    for page in 0..pages {
        let tracks: Vec<_> = (0..tracks)
            .map(|track| (format!("track {page}-{track}"), format!("album-{}", (page + track) % 50)))
            .collect();
        site = site.page(&format!("/{page}"), list(&tracks));
    }
    site.start()
}

fn crawl(site: &Site, catalogue: &str, stored: &Stored) -> Dragline {
    example("look_up_sql")
        .env("LABELS_URL", catalogue)
        .args(["crawl", "charts", "--start-url", &site.url("/"), "--store", &stored.url()])
        .args(["--rate", "0", "--host-concurrency", "8", "--retry-base-delay", "20ms"])
        .args(["--host-pause", "200ms"])
}

/// Title, label and year of every track.
fn rows(stored: &Stored) -> Vec<String> {
    let rows = stored.query(
        "select title, coalesce(label, '-'), coalesce(cast(label_founded as text), '-') from tracks order by title",
    );
    rows.into_iter().map(|row| row.join(" ")).collect()
}

/// State, reason and error of each look-up.
fn look_ups(stored: &Stored) -> Vec<Vec<String>> {
    stored.query(
        "select state, coalesce(reason, '-'), coalesce(error, '-') from crawl_requests where tag = 'enrich:labels' order by 1, 2, 3",
    )
}

fn tracks_get_their_label(stored: &Stored) {
    let (catalogue, (_folder, file)) = (catalogue(), catalogue_file());
    let site = few(&[
        ("one", "album-7"),
        ("two", "album-17"),
        ("three", ""),
        ("four", "unknown"),
        ("five", "o'album"),
    ]);
    for url in [catalogue.url(), format!("sqlite:{}", file.display())] {
        let finished = crawl(&site, &url, stored).args(["--fresh", "--log", "debug"]).run();
        finished.assert_code(0).assert_stdout("verdict   good");
        finished.assert_stdout("labels: asked 4, answered 2, from memory 0, missing 2, failed 0");
        assert_eq!(
            rows(stored),
            ["five - -", "four - -", "one label 7 1977", "three - -", "two label 7 1977"]
        );
        // What a question keeps: the name of the statement and the parameters.
        let kept =
            stored.query("select distinct url, host, method from crawl_requests where tag = 'enrich:labels'");
        assert_eq!(kept, [["sql://catalogue/label_of_album", "catalogue:sql", "GET"]]);
        assert_eq!(stored.pages("done"), 5, "a look-up counts as a page");
        stored.execute("delete from tracks");
        stored.execute("delete from crawl_requests");
    }
    assert_eq!(site.hits("/robots.txt"), 2, "nobody asks a database for its robots.txt");
}

fn a_thousand_tracks_of_fifty_albums_ask_fifty_times(stored: &Stored) {
    let catalogue = catalogue();
    let scans = || -> u64 {
        let scans =
            "select seq_scan + coalesce(idx_scan, 0) from pg_stat_user_tables where relname = 'albums'";
        catalogue.value(scans).parse().unwrap()
    };
    let (site, before) = (many(10, 100), scans());
    let finished = crawl(&site, &catalogue.url(), stored).run();
    finished
        .assert_code(0)
        .assert_stdout("labels: asked 1000, answered 1000, from memory 950, missing 0, failed 0");
    assert_eq!(
        stored.count("select count(*) from tracks where label like 'label _' and label_founded > 1969"),
        1000
    );
    // The sessions have ended, and a session reports what it has read when it ends.
    wait_until("the table was read fifty times", Duration::from_secs(20), || scans() - before == 50);
}

fn killed_and_resumed_the_rows_are_those_of_an_undisturbed_crawl(stored: &Stored) {
    let undisturbed =
        if matches!(stored, Stored::Postgres(_)) { Stored::postgres() } else { Stored::sqlite() };
    let (site, catalogue) = (many(15, 10), catalogue());
    crawl(&site, &catalogue.url(), &undisturbed).run().assert_code(0);
    assert_eq!(rows(&undisturbed).len(), 150);
    assert!(rows(&undisturbed).iter().all(|row| row.contains("label ")), "{:?}", rows(&undisturbed));

    let (proxy, url) = ChaosProxy::before(&catalogue.url());
    let crawl = crawl(&site, &url, stored).args(["--flush-rows", "5", "--flush-interval", "20ms"]);
    for kill in 1..=4 {
        // Slow enough that each kill comes in the middle.
        proxy.set(Link::Delay(Duration::from_millis(10)));
        let wanted = stored.pages("done") + 20;
        let mut running = crawl.spawn();
        running.wait_until("more is done", Duration::from_secs(60), |_| stored.pages("done") >= wanted);
        running.kill9();
        assert!(stored.pages("queued") > 0, "kill {kill} came before the end");
        // A track without a label always has a look-up that is left.
        let lost = match stored {
            Stored::Postgres(_) => "r.meta->'#item'->'fields'->>'title'",
            Stored::Sqlite(_) => "json_extract(r.meta, '$.#item.fields.title')",
        };
        let lost = format!(
            "select count(*) from tracks t where t.label is null and not exists (
             select 1 from crawl_requests r where r.tag = 'enrich:labels' and r.state = 'queued' and {lost} = t.title)"
        );
        assert_eq!(stored.count(&lost), 0, "after kill {kill}");
    }
    proxy.set(Link::Pass);
    crawl.run().assert_code(0).assert_stderr("was killed or crashed");
    assert_eq!(rows(stored), rows(&undisturbed));
}

fn a_catalogue_that_is_away_for_a_while_loses_nothing(stored: &Stored) {
    let mut server = dragline_testkit::server();
    server.query(CATALOGUE);
    let site = many(20, 10);
    let crawl = crawl(&site, &server.url(), stored).args(["--retries", "30"]);
    site.hold_after(8);
    let mut running = crawl.spawn();
    running.wait_until("some tracks have a label", Duration::from_secs(60), |_| {
        stored.count("select count(*) from crawl_requests where tag = 'enrich:labels' and state = 'done'")
            >= 5
    });
    server.stop_immediate();
    site.release();
    running.wait_until("all tracks are stored", Duration::from_secs(60), |_| {
        stored.count("select count(*) from tracks") == 200
    });
    assert!(stored.pages("queued") > 0, "look-ups wait for their database");
    server.start();
    running.finish().assert_code(0).assert_stdout("asked 200, answered 200").assert_stdout("failed 0");
    assert_eq!(stored.count("select count(*) from tracks where label is null"), 0);
}

fn a_catalogue_that_is_down_loses_no_track(stored: &Stored) {
    let server: OwnServer = dragline_testkit::server();
    let url = server.url();
    drop(server);
    let site = few(&[("one", "album-1"), ("two", "album-2"), ("three", "album-3"), ("four", "")]);
    let finished = crawl(&site, &url, stored).args(["--retries", "1", "--max-host-pause", "1s"]).run();
    // All tracks are there, and the run says that something is wrong.
    finished.assert_code(65).assert_stdout("enrich:labels");
    finished.assert_stderr("look-ups in this database will fail; the items are stored without them");
    finished.assert_stdout("labels: asked 3, answered 0, from memory 0, missing 0, failed 3");
    assert_eq!(rows(stored), ["four - -", "one - -", "three - -", "two - -"]);
    assert_eq!((stored.pages("done"), stored.pages("queued")), (1, 0));
}

fn later_nights_and_reparses_keep_what_was_looked_up(stored: &Stored) {
    let (site, catalogue) = (few(&[("one", "album-1"), ("two", "unknown")]), catalogue());
    let crawl = crawl(&site, &catalogue.url(), stored).args(["--incremental", "--keep-pages"]);
    let filled = ["one label 1 1971", "two - -"];
    for night in 0..2 {
        crawl.run().assert_code(0);
        assert_eq!(rows(stored), filled, "night {night}");
    }
    // The page changes, and within the hour nobody is asked about the same tracks.
    catalogue.query("UPDATE labels SET name = 'another'");
    site.append("<p>today</p>");
    crawl.clone().args(["--refresh-after", "tag:enrich:labels=1h"]).run().assert_code(0);
    assert_eq!(rows(stored), filled);
    crawl.run().assert_code(0);
    assert_eq!(rows(stored), ["one another 1971", "two - -"]);
    // A reparse asks nobody, and needs no database.
    stored.execute("update tracks set label = null, label_founded = null");
    catalogue.query("DROP TABLE albums");
    let reparse = example("look_up_sql").env("LABELS_URL", catalogue.url());
    reparse.args(["reparse", "charts", "--store", &stored.url()]).run().assert_code(0);
    assert_eq!(rows(stored), ["one another 1971", "two - -"]);
}

/// Changes the catalogue, crawls one track, and returns its row and the errors of its look-up.
fn told(change: &str, options: &[&str]) -> (String, Vec<String>) {
    let (catalogue, stored) = (catalogue(), Stored::sqlite());
    catalogue.query(change);
    let site = few(&[("one", "album-1")]);
    let finished = crawl(&site, &catalogue.url(), &stored).args(options).run();
    finished.assert_code(0);
    (rows(&stored).join(";"), look_ups(&stored).remove(0))
}

#[test]
fn a_question_that_the_database_refuses_is_asked_once_and_says_what_to_do() {
    for (change, expected, hint) in [
        (
            "DROP TABLE albums",
            "relation \"albums\" does not exist (42P01)",
            "compare the statement with the tables",
        ),
        (
            "ALTER TABLE labels RENAME COLUMN founded TO since",
            "column \"founded\" does not exist (42703)",
            "compare",
        ),
        (
            "ALTER TABLE albums ALTER COLUMN album TYPE integer USING substring(album FROM 7)::integer",
            "invalid input syntax for type integer",
            "cannot work with this parameter",
        ),
    ] {
        let (row, look_up) = told(change, &["--retries", "5"]);
        assert_eq!(row, "one - -", "{change}");
        assert_eq!(look_up[..2], ["failed", "look_up_refused"], "{look_up:?}");
        assert!(look_up[2].starts_with("catalogue/label_of_album: "), "{look_up:?}");
        assert!(look_up[2].contains(expected) && look_up[2].contains(hint), "{look_up:?}");
    }
}

#[test]
fn a_user_that_may_not_read_gets_the_statement_that_mends_it() {
    let (catalogue, stored) = (catalogue(), Stored::sqlite());
    let user = format!("reader_{}", catalogue.name());
    catalogue.query(&format!("CREATE ROLE {user} LOGIN PASSWORD 'hunter2-secret'"));
    let url = catalogue.url();
    let (_, place) = url.rsplit_once('@').unwrap();
    let site = few(&[("one", "album-1")]);
    let crawl = crawl(&site, &format!("postgres://{user}:hunter2-secret@{place}"), &stored);
    let crawl = crawl.args(["--log", "debug"]);
    let finished = crawl.run();
    finished.assert_code(0).assert_stderr("permission denied for table albums");
    let look_up = look_ups(&stored).remove(0);
    assert!(look_up[2].contains("GRANT SELECT"), "{look_up:?}");
    catalogue.query(&format!("GRANT SELECT ON albums, labels TO {user}"));
    // The items are there, so their look-ups can be tried once more.
    let retry = ["runs", "retry", "charts", "--reason", "look_up_refused", "--store", &stored.url()];
    example("look_up_sql").args(retry).run().assert_code(0);
    let again = crawl.run();
    again.assert_code(0);
    assert_eq!(rows(&stored), ["one label 1 1971"]);
    for ended in [&finished, &again] {
        assert!(!ended.stderr.contains("hunter2"), "{}", ended.stderr);
    }
    let Stored::Sqlite(folder) = &stored else { unreachable!() };
    for file in std::fs::read_dir(folder.path()).unwrap() {
        let bytes = std::fs::read(file.unwrap().path()).unwrap();
        let text = String::from_utf8_lossy(&bytes);
        assert!(
            !text.contains("hunter2") && !text.contains("SELECT name, founded"),
            "neither password nor SQL is stored"
        );
    }
    drop(stored);
    catalogue.query(&format!("DROP OWNED BY {user}; DROP ROLE {user}"));
}

#[test]
fn an_answer_that_does_not_fit_keeps_the_track() {
    let wide = "INSERT INTO labels SELECT i, 'x', 1 FROM generate_series(100, 120) i; ALTER TABLE albums DROP CONSTRAINT albums_pkey;
        INSERT INTO albums SELECT 'album-1', i FROM generate_series(100, 120) i";
    for (change, expected) in [
        (
            wide,
            "the answer has more than 10 rows: narrow the statement, or allow more with SqlDatabase::with_max_rows",
        ),
        ("ALTER TABLE labels ALTER COLUMN founded TYPE text USING 'about 1971'", "founded"),
        ("ALTER TABLE labels ALTER COLUMN name DROP NOT NULL; UPDATE labels SET name = NULL", "name"),
        ("UPDATE labels SET name = repeat('x', 2000000)", "the answer has more than 1048576 bytes"),
    ] {
        let (row, look_up) = told(change, &["--retries", "5"]);
        assert_eq!(row, "one - -", "{change}");
        assert_eq!(look_up[..2], ["failed", "look_up_unusable"], "{look_up:?}");
        assert!(look_up[2].contains(expected), "{look_up:?}");
    }
}

#[test]
fn a_lock_in_the_catalogue_is_waited_for() {
    let (catalogue, stored) = (catalogue(), Stored::sqlite());
    let site = few(&[("one", "album-1")]);
    let url = format!("{}?options=-cstatement_timeout%3D300ms", catalogue.url());
    let locked = "ALTER TABLE albums RENAME TO really; CREATE VIEW albums AS SELECT * FROM really WHERE 1 = (
        SELECT count(*) FROM pg_sleep(CASE WHEN EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND database =
        (SELECT oid FROM pg_database WHERE datname = current_database())) THEN 5 ELSE 0 END))";
    catalogue.query(locked);
    // While somebody holds the lock, each question takes too long.
    let url_of_holder = catalogue.url();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (client, connection) =
        runtime.block_on(tokio_postgres::connect(&url_of_holder, tokio_postgres::NoTls)).unwrap();
    let holder = runtime.spawn(connection);
    runtime.block_on(client.batch_execute("SELECT pg_advisory_lock(1)")).unwrap();
    let finished = crawl(&site, &url, &stored).args(["--retries", "1"]).run();
    finished.assert_code(0);
    let look_up = look_ups(&stored).remove(0);
    assert_eq!(look_up[..2], ["failed", "timeout"], "{look_up:?}");
    assert!(look_up[2].contains("allow more with SqlDatabase::with_timeout"), "{look_up:?}");
    assert_eq!(rows(&stored), ["one - -"]);
    let crawl = crawl(&site, &url, &stored).args(["--fresh", "--retries", "50"]);
    let running = crawl.spawn();
    let asked = "select count(*) from pg_stat_activity where application_name = 'dragline look-ups' and query like '%row_to_json%'";
    wait_until("the question is asked", Duration::from_secs(30), || catalogue.value(asked) != "0");
    runtime.block_on(client.batch_execute("SELECT pg_advisory_unlock(1)")).unwrap();
    running.finish().assert_code(0);
    assert_eq!(rows(&stored), ["one label 1 1971"]);
    drop(client);
    holder.abort();
}

#[test]
fn a_statement_cannot_change_the_database() {
    let (catalogue, stored) = (catalogue(), Stored::sqlite());
    let site = few(&[("one", "album-1")]);
    // A view of the catalogue whose function writes.
    catalogue.query(
        "ALTER TABLE albums RENAME TO really; CREATE TABLE asked (album text);
         CREATE FUNCTION note() RETURNS boolean LANGUAGE sql VOLATILE AS $$ INSERT INTO asked VALUES ('x') RETURNING true $$;
         CREATE VIEW albums AS SELECT * FROM really WHERE note()",
    );
    crawl(&site, &catalogue.url(), &stored).run().assert_code(0);
    let look_up = look_ups(&stored).remove(0);
    assert!(look_up[2].contains("read-only transaction") && look_up[2].contains("only reads"), "{look_up:?}");
    assert_eq!(catalogue.value("SELECT count(*) FROM asked"), "0");
}

#[test]
fn a_crawl_without_the_url_of_its_catalogue_does_not_start() {
    let (site, stored) = (few(&[("one", "album-1")]), Stored::sqlite());
    for (url, expected, hint) in [
        ("", "the environment variable LABELS_URL is not set", "set LABELS_URL to its URL"),
        ("mysql://u:hunter2@h/d", "no store is called \"mysql\"", "use postgres://"),
        ("postgres:u:hunter2@h", "its URL has no // after postgres:", "write postgres://"),
    ] {
        let finished = crawl(&site, url, &stored).run();
        finished.assert_code(2).assert_stderr("the database catalogue of look-ups: ");
        finished.assert_stderr(expected).assert_stderr(hint);
        assert!(!finished.stderr.contains("hunter2"), "{}", finished.stderr);
    }
    assert_eq!(site.total_hits(), 0);
}

#[test]
fn an_sqlite_catalogue_is_read_and_its_troubles_are_told() {
    let site = few(&[("one", "album-1")]);
    for (change, expected) in [
        ("DROP TABLE albums", "no such table: albums"),
        ("UPDATE labels SET name = x'00ff'", "the column name has a blob"),
    ] {
        let ((_folder, file), stored) = (catalogue_file(), Stored::sqlite());
        rusqlite::Connection::open(&file).unwrap().execute_batch(change).unwrap();
        let finished = crawl(&site, &format!("sqlite:{}", file.display()), &stored).run();
        finished.assert_code(0);
        let look_up = look_ups(&stored).remove(0);
        assert_eq!(look_up[..2], ["failed", "look_up_refused"], "{look_up:?}");
        assert!(look_up[2].contains(expected), "{look_up:?}");
        assert_eq!(rows(&stored), ["one - -"]);
    }
    let (folder, stored) = (tempfile::tempdir().unwrap(), Stored::sqlite());
    let missing = format!("sqlite:{}", folder.path().join("missing.db").display());
    let finished = crawl(&site, &missing, &stored).args(["--retries", "0"]).run();
    finished.assert_code(0).assert_stderr("is the path right?");
    assert!(!folder.path().join("missing.db").exists(), "a look-up creates no database");
}

#[test]
fn a_preview_shows_the_question_and_asks_nobody() {
    let site = few(&[("one", "album-1")]);
    let fetched =
        example("look_up_sql").args(["fetch", &site.url("/"), "--spider", "charts", "--json"]).run();
    fetched.assert_code(0);
    let shown: serde_json::Value = serde_json::from_str(&fetched.stdout).unwrap();
    assert_eq!(shown["emitted"]["requests"][0]["url"], "sql://catalogue/label_of_album");
}

#[test]
fn a_database_has_the_pace_of_its_table_in_the_settings_file() {
    let (catalogue, stored) = (catalogue(), Stored::sqlite());
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("dragline.toml"), "[host.catalogue]\nrate = 10\n").unwrap();
    let tracks: Vec<_> =
        (0..20).map(|number| (format!("track {number}"), format!("album-{number}"))).collect();
    let site = Site::builder().page("/", list(&tracks)).start();
    let begun = std::time::Instant::now();
    crawl(&site, &catalogue.url(), &stored).cwd(folder.path()).run().assert_code(0);
    assert!(begun.elapsed() >= Duration::from_millis(1_500), "20 questions took {:?}", begun.elapsed());
}

#[test]
fn a_pooler_that_shares_sessions_is_refused() {
    let (catalogue, stored) = (catalogue(), Stored::sqlite());
    let pooler = catalogue.pooler(&["pool_mode = transaction"]);
    let site = few(&[("one", "album-1")]);
    crawl(&site, &pooler.url_of(catalogue.name()), &stored).run().assert_code(0);
    let look_up = look_ups(&stored).remove(0);
    assert_eq!(look_up[..2], ["failed", "look_up_refused"], "{look_up:?}");
    assert!(
        look_up[2].contains("transaction pooling") && look_up[2].contains("pool_mode = session"),
        "{look_up:?}"
    );
    assert_eq!(rows(&stored), ["one - -"]);
}
