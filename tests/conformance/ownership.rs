//! One writer per run: the lock keeps a second process out, the epoch fences a superseded one off.

use std::pin::pin;
use std::time::{Duration, Instant, SystemTime};

use dragline_core::StoreError;
use dragline_core::store::{RunSpec, RunState};
use dragline_testkit::{patience, wait_until};
use tokio::time::timeout;

use super::fixture::{PATIENCE, RUN, Session, connected, done_with, prepared, request, run, spec, states};
use super::item_types::{all_types, one_of_each};
use crate::stored::{Stored, on_both_stores};

on_both_stores!(
    a_second_process_is_refused_and_told_who_holds_the_run,
    a_lock_is_waited_for,
    a_run_that_ends_while_another_process_starts_is_not_repeated,
    runs_of_other_names_are_free,
    a_superseded_epoch_can_write_nothing,
    a_run_given_up_can_be_written_no_more,
);

fn a_second_process_is_refused_and_told_who_holds_the_run(stored: &Stored) {
    run(async {
        let first = Session::begin(stored, &[request("page")]).await;
        first.store.heartbeat(first.key(), &serde_json::json!({})).await.unwrap();
        let second = connected(stored).await;
        let begun = Instant::now();
        let error = second.lock_run(RUN, PATIENCE).await.unwrap_err();
        assert!(
            begun.elapsed() >= PATIENCE && begun.elapsed() < PATIENCE + patience(Duration::from_secs(20))
        );
        let StoreError::Locked { name, holder } = &error else { panic!("{error:?}") };
        assert_eq!(name, RUN);
        for part in ["4711", "here", "heartbeat"] {
            assert!(holder.contains(part), "no {part:?} in {holder:?}");
        }
        assert!(error.hint().is_some());
        // The first is not disturbed, and when it ends the second may.
        first.flush(&[done_with(&request("page"), one_of_each("x"))]).await.unwrap();
        first.store.close().await;
        second.lock_run(RUN, PATIENCE).await.unwrap();
    });
}

fn a_lock_is_waited_for(stored: &Stored) {
    run(async {
        let first = Session::begin(stored, &[]).await;
        let second = connected(stored).await;
        let mut taking = pin!(second.lock_run(RUN, Duration::from_secs(30)));
        let taken = timeout(Duration::from_millis(200), &mut taking).await;
        assert!(taken.is_err(), "it is taken though another holds it: {taken:?}");
        first.store.close().await;
        taking.await.unwrap();
    });
}

fn a_run_that_ends_while_another_process_starts_is_not_repeated(stored: &Stored) {
    run(async {
        let first = Session::begin(stored, &[]).await;
        let second = connected(stored).await;
        // SQLite's clock counts milliseconds.
        let later = SystemTime::now() + Duration::from_millis(2);
        wait_until("the clock goes on", Duration::from_secs(10), || SystemTime::now() >= later);
        first.store.end_run(first.key(), RunState::Finished, "finished").await.unwrap();
        first.store.close().await;
        let error = second.lock_run(RUN, PATIENCE).await.unwrap_err();
        let StoreError::Locked { holder, .. } = &error else { panic!("{error:?}") };
        assert!(holder.contains("4711") && holder.contains("just ended"), "{holder:?}");
        // A later start begins a new run, and so does one with another name.
        connected(stored).await.lock_run(RUN, PATIENCE).await.unwrap();
        second.lock_run("other", PATIENCE).await.unwrap();
    });
}

fn runs_of_other_names_are_free(stored: &Stored) {
    run(async {
        let first = Session::begin(stored, &[request("page")]).await;
        let other = RunSpec { name: "other".into(), start: vec![request("page")], ..spec() };
        let second = Session::open(stored, &other).await;
        for session in [&first, &second] {
            let receipt = session.flush(&[done_with(&request("page"), one_of_each("x"))]).await.unwrap();
            assert_eq!(receipt.pages.len(), 1);
        }
        // Keyed items belong to the spider and not to the run; the last run that saw one is noted.
        let run_id = second.key().run_id.to_string();
        assert_eq!(stored.query("SELECT run_id FROM quotes"), [[run_id]]);
        assert_eq!(stored.count("SELECT count(*) FROM visits"), 2);
    });
}

fn a_superseded_epoch_can_write_nothing(stored: &Stored) {
    run(async {
        let page = request("page");
        let old = Session::begin(stored, std::slice::from_ref(&page)).await;
        // As after a lost lock: somebody else has opened the run, and the old process does not know.
        let store = prepared(stored, &all_types()).await;
        let new = store.open_run(&spec()).await.unwrap();
        assert_eq!(new.key.run_id, old.key().run_id);
        let superseded = |error: StoreError| matches!(error, StoreError::Superseded { .. });
        assert!(superseded(old.flush(&[done_with(&page, one_of_each("x"))]).await.unwrap_err()));
        assert!(superseded(old.flush(&[]).await.unwrap_err()));
        assert!(superseded(
            old.store.heartbeat(old.key(), &serde_json::json!({"old": 1})).await.unwrap_err()
        ));
        let ended = old.store.end_run(old.key(), RunState::Finished, "done").await;
        assert!(superseded(ended.unwrap_err()));
        assert_eq!(states(stored)["page"], "queued");
        assert_eq!(stored.count("SELECT count(*) FROM quotes"), 0);
        assert_eq!(stored.runs(), [("running".to_owned(), "NULL".to_owned())]);
        store.flush(&new.key, &[done_with(&page, one_of_each("x"))]).await.unwrap();
        assert_eq!(states(stored)["page"], "done");
        store.close().await;
    });
}

fn a_run_given_up_can_be_written_no_more(stored: &Stored) {
    run(async {
        let page = request("page");
        let old = Session::begin(stored, std::slice::from_ref(&page)).await;
        let store = connected(stored).await;
        store.open_run(&RunSpec { fresh: true, ..spec() }).await.unwrap();
        let error = old.flush(&[done_with(&page, one_of_each("x"))]).await.unwrap_err();
        assert!(matches!(error, StoreError::Superseded { .. }), "{error:?}");
        let ended = old.store.end_run(old.key(), RunState::Finished, "done").await;
        assert!(matches!(ended, Err(StoreError::Superseded { .. })));
        assert_eq!(stored.runs()[0], ("failed".to_owned(), "superseded".to_owned()));
        store.close().await;
    });
}
