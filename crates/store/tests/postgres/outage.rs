//! The server goes away and comes back.

use std::time::Duration;

use dragline_core::StoreError;
use dragline_core::store::{RunKey, RunState};
use dragline_testkit::{database, server};

use crate::support::{PAGE, QUOTE, run_of, spec, store, with_quote};

#[tokio::test]
async fn after_an_outage_the_flush_goes_through_and_the_lock_is_held_again() {
    let mut server = server();
    let one = store(&server.url());
    one.connect().await.unwrap();
    one.prepare_items(&[QUOTE.clone(), PAGE.clone()]).await.unwrap();
    one.lock_run("run", Duration::from_secs(1)).await.unwrap();
    let run = one.open_run(&spec("run", 3)).await.unwrap();
    one.flush(&run.key, &[with_quote(0, "a", 1)]).await.unwrap();
    server.stop_immediate();
    for _ in 0..3 {
        let error = one.flush(&run.key, &[with_quote(1, "b", 1)]).await.unwrap_err();
        assert!(error.is_retryable(), "{error:?}");
    }
    assert!(one.heartbeat(&run.key, &serde_json::json!({})).await.unwrap_err().is_retryable());
    server.start();
    one.flush(&run.key, &[with_quote(1, "b", 1)]).await.unwrap();
    let other = store(&server.url());
    let error = other.lock_run("run", Duration::from_millis(200)).await.unwrap_err();
    let StoreError::Locked { holder, .. } = &error else { panic!("{error:?}") };
    assert!(holder.starts_with("pid 4711 on test-host, last heartbeat"), "{holder}");
    one.end_run(&run.key, RunState::Stopped, "signal SIGTERM").await.unwrap();
    one.close().await;
    other.lock_run("run", Duration::from_secs(2)).await.unwrap();
    other.close().await;
}

#[tokio::test]
async fn a_lost_lock_that_another_process_took_ends_this_one() {
    let database = database();
    let (one, run) = run_of(&database, 2).await;
    one.lock_run("run", Duration::from_secs(1)).await.unwrap();
    // The lock's session is the only one that has such a lock.
    let lose = "SELECT pg_terminate_backend(pid) FROM pg_locks
                WHERE locktype = 'advisory' AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";
    database.query(lose);
    let other = store(&database.url());
    other.prepare_items(&[QUOTE.clone(), PAGE.clone()]).await.unwrap();
    other.lock_run("run", Duration::from_secs(2)).await.unwrap();
    // It has the lock but has not started the run yet: this is as if the server had not noticed our end.
    let error = one.flush(&run.key, &[with_quote(0, "a", 1)]).await.unwrap_err();
    assert!(error.is_retryable(), "{error:?}");
    let theirs = other.open_run(&spec("run", 2)).await.unwrap();
    assert_eq!(theirs.key.epoch, run.key.epoch + 1);
    let error = one.flush(&run.key, &[with_quote(0, "a", 1)]).await.unwrap_err();
    assert!(matches!(error, StoreError::Superseded { .. }), "{error:?}");
    for result in [
        one.heartbeat(&run.key, &serde_json::json!({})).await,
        one.end_run(&run.key, RunState::Finished, "done").await,
    ] {
        assert!(matches!(result, Err(StoreError::Superseded { .. })));
    }
    other.flush(&RunKey { ..theirs.key }, &[with_quote(0, "a", 1)]).await.unwrap();
    one.close().await;
    other.close().await;
}
