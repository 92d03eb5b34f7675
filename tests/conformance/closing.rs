//! A closed store leaves nothing behind, and a store that cannot be used fails at once.

use std::time::Duration;

use dragline_core::StoreError;
use dragline_store::{StoreSettings, open};
use dragline_testkit::wait_until;

use super::fixture::{Session, connected, done_with, execute, request, run, sqlite_file};
use super::item_types::one_of_each;
use crate::stored::{Stored, on_both_stores};

on_both_stores!(
    a_closed_store_leaves_nothing_behind,
    closing_is_safe_twice_and_unopened,
    a_newer_schema_is_refused,
    every_location_is_without_secrets,
);

fn a_closed_store_leaves_nothing_behind(stored: &Stored) {
    run(async {
        let page = request("page");
        let session = Session::begin(stored, std::slice::from_ref(&page)).await;
        session.flush(&[done_with(&page, one_of_each("x"))]).await.unwrap();
        session.store.close().await;
        match stored {
            Stored::Postgres(database) => {
                let sessions = format!(
                    "SELECT count(*) FROM pg_stat_activity WHERE datname = '{}' AND pid <> pg_backend_pid()",
                    database.name()
                );
                // The server takes a moment to note that a client has said goodbye.
                wait_until("all sessions have ended", Duration::from_secs(5), || {
                    stored.count(&sessions) == 0
                });
            }
            Stored::Sqlite(folder) => {
                let left: Vec<_> =
                    folder.path().read_dir().unwrap().map(|file| file.unwrap().path()).collect();
                assert_eq!(left, [sqlite_file(stored)]);
            }
        }
        let error = session.flush(&[]).await.unwrap_err();
        assert!(!error.to_string().is_empty());
    });
}

fn closing_is_safe_twice_and_unopened(stored: &Stored) {
    run(async {
        let store = open(&stored.url(), &StoreSettings::default()).unwrap();
        store.close().await;
        let store = connected(stored).await;
        store.close().await;
        store.close().await;
        assert_eq!(store.cancel_flushes().await, 0);
    });
}

fn a_newer_schema_is_refused(stored: &Stored) {
    run(async {
        connected(stored).await.close().await;
        execute(stored, "INSERT INTO crawl_schema (version) VALUES (1000000)");
        let store = open(&stored.url(), &StoreSettings::default()).unwrap();
        let error = store.connect().await.unwrap_err();
        assert!(matches!(error, StoreError::Setup { .. } | StoreError::Schema { .. }), "{error:?}");
        assert!(error.to_string().contains("1000000") && error.hint().is_some(), "{error}");
        store.close().await;
    });
}

fn every_location_is_without_secrets(stored: &Stored) {
    let location = open(&stored.url(), &StoreSettings::default()).unwrap().location();
    assert!(!location.contains("well-kept"), "{location}");
    let name = match stored {
        Stored::Postgres(database) => database.name().to_owned(),
        Stored::Sqlite(_) => sqlite_file(stored).display().to_string(),
    };
    assert!(location.contains(&name), "{location}");
}
