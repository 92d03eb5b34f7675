//! A pooler between the store and its database: refused with its reason, or as good as the database itself.

use std::time::Duration;

use dragline_core::StoreError;
use dragline_store::open_admin;
use dragline_testkit::{TestDatabase, database};

use crate::setup::told;
use crate::support::{PAGE, QUOTE, done, run_of, sessions, settings, spec, store, until, with_quote};

/// Lines of `pgbouncer.ini` that share sessions between transactions.
const SHARED: [&[&str]; 6] = [
    &["pool_mode = transaction"],
    &["pool_mode = transaction", "default_pool_size = 1"],
    &["pool_mode = transaction", "min_pool_size = 5", "server_round_robin = 1"],
    &["pool_mode = transaction", "server_reset_query_always = 1"],
    &["pool_mode = statement"],
    &["pool_mode = statement", "default_pool_size = 1"],
];

/// What sessions of the server still have, if they belong to a pooler.
fn left(database: &TestDatabase) -> Vec<Vec<String>> {
    database.query(
        "SELECT 'a lock' FROM pg_locks held JOIN pg_database d ON d.oid = held.database
         WHERE locktype = 'advisory' AND datname = current_database()
         UNION ALL SELECT relname FROM pg_class WHERE relpersistence = 't'
         UNION ALL SELECT tablename FROM pg_tables WHERE schemaname = 'public'",
    )
}

#[tokio::test]
async fn shared_sessions_are_refused_before_anything_is_written() {
    for lines in SHARED {
        let database = database();
        let pooler = database.pooler(lines);
        let url = pooler.url_of(database.name());
        let store = store(&url);
        let told = told(&store.connect().await.unwrap_err());
        store.close().await;
        assert!(
            told.contains("transaction pooling") && told.contains("pool_mode = session"),
            "{lines:?}: {told}"
        );
        for refused in [
            open_admin(&url, &settings()).unwrap().check(&[]).await.unwrap_err(),
            open_admin(&url, &settings()).unwrap().apply(&[]).await.unwrap_err(),
        ] {
            assert!(matches!(refused, StoreError::Setup { .. }), "{lines:?}: {refused}");
        }
        assert_eq!(left(&database), Vec::<Vec<String>>::new(), "{lines:?}");
        // The settings of our sessions are not in those of others either.
        assert_eq!(setting_of_others(&url).await, "0", "{lines:?}");
    }
}

/// The limit of a statement, as another program meets it behind the same pooler.
async fn setting_of_others(url: &str) -> String {
    let (client, connection) = tokio_postgres::connect(url, tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    let answer = client.simple_query("SHOW statement_timeout").await.unwrap();
    let setting = answer.iter().find_map(|message| match message {
        tokio_postgres::SimpleQueryMessage::Row(row) => row.get(0).map(str::to_owned),
        _ => None,
    });
    setting.unwrap()
}

#[tokio::test]
async fn sessions_of_our_own_work_as_without_a_pooler() {
    for lines in [
        &["pool_mode = session"] as &[&str],
        &["pool_mode = session", "default_pool_size = 5"],
        &["pool_mode = session", "server_reset_query ="],
        &["pool_mode = session", "server_round_robin = 1", "server_reset_query ="],
    ] {
        let database = database();
        let pooler = database.pooler(lines);
        // The second process gets the sessions of the first one.
        for name in ["one", "two"] {
            let store = store(&pooler.url_of(database.name()));
            store.connect().await.unwrap();
            store.prepare_items(&[QUOTE.clone(), PAGE.clone()]).await.unwrap();
            store.lock_run(name, Duration::from_millis(100)).await.unwrap();
            let opened = store.open_run(&spec(name, 3)).await.unwrap();
            let receipt = store
                .flush(&opened.key, &[with_quote(0, name, 1), with_quote(1, "b", 2), done(2)])
                .await
                .unwrap();
            assert_eq!((receipt.pages.len(), receipt.items), (3, 2), "{lines:?}");
            store.close().await;
        }
        assert_eq!(database.value("SELECT count(*) FROM quotes"), "3", "{lines:?}");
        until("no lock is left", || {
            database.query("SELECT FROM pg_locks WHERE locktype = 'advisory'").is_empty()
        })
        .await;
    }
}

#[tokio::test]
async fn a_pool_without_room_for_a_second_session_is_told() {
    let database = database();
    let pooler = database.pooler(&["pool_mode = session", "default_pool_size = 1"]);
    let store = store(&pooler.url_of(database.name()));
    let told = told(&store.connect().await.unwrap_err());
    assert!(told.contains("a second one was not") && told.contains("room for 5 sessions"), "{told}");
    store.close().await;
}

#[tokio::test]
async fn a_parameter_that_the_pooler_refuses_is_told() {
    let database = database();
    let pooler = database.pooler(&["pool_mode = session"]);
    let store = store(&format!("{}?options=-csearch_path%3Dpublic", pooler.url_of(database.name())));
    let told = told(&store.connect().await.unwrap_err());
    assert!(
        told.contains("unsupported startup parameter") && told.contains("ignore_startup_parameters"),
        "{told}"
    );
    store.close().await;
}

#[tokio::test]
async fn the_check_leaves_no_session_behind() {
    let database = database();
    let (store, _) = run_of(&database, 1).await;
    until("only the pool's sessions are left", || sessions(&database) <= 1).await;
    store.close().await;
    until("no session is left", || sessions(&database) == 0).await;
}
