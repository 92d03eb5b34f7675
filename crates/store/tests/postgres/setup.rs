//! A database that cannot be used gives one clear line with a remedy, within seconds.

use std::time::{Duration, Instant};

use dragline_core::StoreError;
use dragline_core::store::StoreResult;
use dragline_store::open_admin;
use dragline_testkit::{database, database_encoded, patience};

use crate::support::{PAGE, QUOTE, run_of, settings, spec, store, with_quote};

async fn connect(url: &str) -> StoreError {
    let store = store(url);
    let begin = Instant::now();
    let result: StoreResult<()> = store.connect().await;
    store.close().await;
    assert!(begin.elapsed() < patience(Duration::from_secs(15)), "{:?}", begin.elapsed());
    result.unwrap_err()
}

pub(crate) fn told(error: &StoreError) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    assert!(!text.contains('\n') && !text.contains("Error {"), "{text}");
    format!("{text} | {}", error.hint().unwrap_or_default())
}

#[tokio::test]
async fn each_mistake_has_its_line() {
    let database = database();
    let (url, name) = (database.url(), database.name().to_owned());
    let (_, address) = url.split_once('@').unwrap();
    let (address, _) = address.split_once('/').unwrap();
    let wrong = |url: String| async move { told(&connect(&url).await) };

    let text = wrong(url.replace(&name, "nowhere")).await;
    assert!(text.ends_with("database \"nowhere\" does not exist | create it: createdb nowhere"), "{text}");
    let text = wrong(format!("postgres://nobody:hunter2@{address}/{name}")).await;
    assert!(text.contains("password authentication failed for user \"nobody\""), "{text}");
    assert!(text.contains("check user and password") && !text.contains("hunter2"), "{text}");
    let text = wrong("postgres://me:hunter2@127.0.0.1:9/d".to_owned()).await;
    assert!(text.starts_with("postgres://me@127.0.0.1:9/d is not available (connecting)"), "{text}");
    assert!(text.contains("Connection refused") && !text.contains("os error"), "{text}");
    let text = wrong("postgres://me@no-such-host.invalid/d".to_owned()).await;
    assert!(text.contains("is not available (connecting)"), "{text}");
}

#[tokio::test]
async fn a_server_that_never_answers_is_given_up() {
    let deaf = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let text = told(&connect(&format!("postgres://me@{}/d", deaf.local_addr().unwrap())).await);
    assert!(text.contains("no answer in time"), "{text}");
}

#[tokio::test]
async fn a_role_without_rights_is_told_what_to_grant() {
    let database = database();
    database.query("CREATE ROLE guest LOGIN PASSWORD 'guest'; REVOKE CREATE ON SCHEMA public FROM PUBLIC;");
    let (_, rest) = database.url().split_once('@').map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap();
    let text = told(&connect(&format!("postgres://guest:guest@{rest}")).await);
    assert!(text.contains("permission denied") && text.contains("GRANT USAGE, CREATE ON SCHEMA"), "{text}");
}

#[tokio::test]
async fn another_version_of_the_tables_is_refused() {
    let database = database();
    let one = store(&database.url());
    one.connect().await.unwrap();
    one.close().await;
    database.query("INSERT INTO crawl_schema (version) VALUES (99)");
    let text = told(&connect(&database.url()).await);
    assert!(text.contains("the tables are version 99") && text.contains("newer dragline"), "{text}");
    database.query("DELETE FROM crawl_schema WHERE version = 99; UPDATE crawl_schema SET version = 0");
    let text = told(&connect(&database.url()).await);
    assert!(text.contains("`dragline schema apply`"), "{text}");
}

#[tokio::test]
async fn tables_of_the_first_version_are_raised() {
    let database = database();
    let (first, run) = run_of(&database, 2).await;
    first.close().await;
    database.query(
        "UPDATE crawl_schema SET version = 1;
         ALTER TABLE crawl_runs DROP COLUMN last_start_at;
         ALTER TABLE crawl_runs RENAME COLUMN ended_at_start TO done_at_start;
         DROP INDEX crawl_dead_letters_by_page;
         DROP INDEX crawl_requests_not_done;
         DROP TABLE crawl_cookies;
         DROP TABLE crawl_hosts;
         DROP TABLE crawl_suspects;
         DROP TABLE crawl_servers;
         DROP TABLE crawl_schedules;
         DROP TABLE crawl_ticks;
         DROP TABLE crawl_workers, crawl_shards;
         CREATE INDEX crawl_dead_letters_by_run ON crawl_dead_letters (run_id);
         ALTER TABLE crawl_runs DROP COLUMN shards, DROP COLUMN shard_rule, DROP COLUMN figures,
             DROP COLUMN verdict, DROP COLUMN problems, DROP COLUMN incremental, DROP COLUMN kind, DROP COLUMN found,
             DROP COLUMN ended;
         DROP TABLE crawl_kept_pages, crawl_bodies, crawl_pages, crawl_page_visits, crawl_page_items, crawl_item_keys, crawl_item_shares, crawl_changes;
         ALTER TABLE crawl_requests
             DROP COLUMN shard, DROP COLUMN parent, DROP COLUMN options, DROP COLUMN reason,
             ADD PRIMARY KEY (run_id, fingerprint);
         CREATE INDEX crawl_requests_frontier ON crawl_requests (run_id, host);
         ALTER TABLE crawl_items
             DROP COLUMN key_digest, DROP COLUMN fingerprint, ADD UNIQUE (spider, item_type, item_key)",
    );
    let text = told(&connect(&database.url()).await);
    assert!(text.contains("`dragline schema apply`"), "{text}");
    let admin = open_admin(&database.url(), &settings()).unwrap();
    let raised = [2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17]
        .map(|version| format!("upgraded Dragline's tables to version {version}"));
    assert_eq!(admin.apply(&[]).await.unwrap(), raised);
    assert_eq!(admin.apply(&[]).await.unwrap(), Vec::<String>::new());
    admin.close().await;
    let (second, resumed) = run_of(&database, 2).await;
    assert_eq!(resumed.key.run_id, run.key.run_id);
    second.close().await;
}

#[tokio::test]
async fn only_the_owner_raises_tables() {
    let database = database();
    let (first, _) = run_of(&database, 2).await;
    first.close().await;
    let role = format!("deputy_{}", database.name());
    database.query(&format!(
        "UPDATE crawl_schema SET version = 5;
         CREATE ROLE {role} LOGIN PASSWORD 'its-own';
         GRANT ALL ON SCHEMA public TO {role}; GRANT ALL ON ALL TABLES IN SCHEMA public TO {role}"
    ));
    let url = database.url();
    let (_, address) = url.rsplit_once('@').unwrap();
    let admin = open_admin(&format!("postgres://{role}:its-own@{address}"), &settings()).unwrap();
    let text = told(&admin.apply(&[]).await.unwrap_err());
    assert!(text.contains("must be owner of") && text.contains("as the owner of the tables"), "{text}");
    assert!(!text.contains("GRANT USAGE"), "{text}");
    admin.close().await;
}

#[tokio::test]
async fn tables_that_a_crawl_uses_are_not_raised() {
    let database = database();
    let (crawling, _) = run_of(&database, 2).await;
    crawling.lock_run("run", Duration::ZERO).await.unwrap();
    database.query("UPDATE crawl_schema SET version = 5");
    let admin = open_admin(&database.url(), &settings()).unwrap();
    let text = told(&admin.apply(&[]).await.unwrap_err());
    assert!(text.contains("pid 4711 on test-host works on the run \"run\""), "{text}");
    assert!(text.contains("stop every crawl"), "{text}");
    assert_eq!(database.value("SELECT max(version) FROM crawl_schema"), "5");
    crawling.close().await;
    admin.close().await;
}

#[tokio::test]
async fn two_schemas_of_one_database_are_two_stores() {
    let database = database();
    database.query("CREATE SCHEMA one; CREATE SCHEMA other");
    let mut stores = Vec::new();
    for schema in ["one", "other"] {
        let store = store(&format!("{}?options=-csearch_path%3D{schema}", database.url()));
        store.connect().await.unwrap();
        store.prepare_items(&[QUOTE.clone(), PAGE.clone()]).await.unwrap();
        // The same name, and neither keeps the other out.
        store.lock_run("run", Duration::ZERO).await.unwrap();
        let run = store.open_run(&spec("run", 1)).await.unwrap();
        store.flush(&run.key, &[with_quote(0, schema, 1)]).await.unwrap();
        stores.push(store);
    }
    assert_eq!(database.query("SELECT text FROM one.quotes"), [["one"]]);
    assert_eq!(database.query("SELECT text FROM other.quotes"), [["other"]]);
    for store in stores {
        store.close().await;
    }
}

#[tokio::test]
async fn a_database_that_cannot_hold_every_character_is_refused_before_anything_is_written() {
    for encoding in ["LATIN1", "SQL_ASCII", "EUC_JP"] {
        let database = database_encoded(encoding);
        let text = told(&connect(&database.url()).await);
        assert!(
            text.contains(&format!("encoding is {encoding}")) && text.contains("--encoding=UTF8"),
            "{text}"
        );
        for refused in [
            open_admin(&database.url(), &settings())
                .unwrap()
                .check(std::slice::from_ref(&QUOTE))
                .await
                .unwrap_err(),
            open_admin(&database.url(), &settings())
                .unwrap()
                .apply(std::slice::from_ref(&QUOTE))
                .await
                .unwrap_err(),
        ] {
            assert!(told(&refused).contains(encoding), "{refused}");
        }
        assert_eq!(database.value("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"), "0");
    }
}
