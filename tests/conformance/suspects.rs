//! Which page may have ended a process: marks, suspects and deaths, as a store keeps them.

use dragline_core::store::RunState;
use dragline_core::suspects::{MarkedPage, PageMarks};
use dragline_core::{PageState, QueuedRequest, StoreError};

use super::fixture::{Session, done, ended, request, run};
use crate::stored::{Stored, on_both_stores};

on_both_stores!(
    a_clean_end_leads_to_no_careful_start,
    of_several_marked_pages_none_has_a_death,
    the_only_marked_page_has_a_death_for_each_end,
    what_was_put_down_or_has_ended_is_no_suspect,
    after_the_last_marks_nobody_has_a_death,
    a_superseded_process_marks_nothing,
    a_run_that_has_ended_has_no_suspects,
);

fn taken_up(pages: &[&QueuedRequest]) -> PageMarks {
    PageMarks { taken_up: pages.iter().map(|page| MarkedPage::from(*page)).collect(), ..PageMarks::default() }
}

fn put_down(pages: &[&QueuedRequest]) -> PageMarks {
    PageMarks { put_down: pages.iter().map(|page| page.fingerprint).collect(), ..PageMarks::default() }
}

async fn mark(session: &Session, marks: PageMarks) {
    session.store.mark_pages(session.key(), &marks).await.unwrap();
}

/// Ends like a process that is killed, and starts the next one. Gives its suspects: paths and deaths.
async fn killed(session: Session, stored: &Stored) -> (Session, Vec<(String, u32)>) {
    session.store.close().await;
    let next = Session::begin(stored, &[]).await;
    let careful = next.opened.careful.as_ref().expect("the last process did not record how it ended");
    assert!(careful.was_killed);
    let suspect =
        |it: &dragline_core::suspects::Suspect| (it.queued.request.url().path().to_owned(), it.deaths);
    let suspects = careful.suspects.iter().map(suspect).collect();
    (next, suspects)
}

fn a_clean_end_leads_to_no_careful_start(stored: &Stored) {
    run(async {
        let session = Session::begin(stored, &[request("a")]).await;
        assert!(session.opened.careful.is_none(), "a new run");
        session.store.end_run(session.key(), RunState::Stopped, "signal").await.unwrap();
        session.store.close().await;
        let session = Session::begin(stored, &[]).await;
        assert!(session.opened.careful.is_none());
        let (session, suspects) = killed(session, stored).await;
        assert_eq!(suspects, [], "nothing was marked");
        mark(&session, taken_up(&[&request("a")])).await;
        session.store.end_run(session.key(), RunState::Stopped, "signal").await.unwrap();
        session.store.close().await;
        let session = Session::begin(stored, &[]).await;
        assert!(session.opened.careful.is_none(), "a page in hand at a clean end has ended nothing");
        session.store.close().await;
    });
}

fn of_several_marked_pages_none_has_a_death(stored: &Stored) {
    run(async {
        let (a, b, c) = (request("a"), request("b"), request("c"));
        let session = Session::begin(stored, &[a.clone(), b.clone(), c]).await;
        mark(&session, taken_up(&[&a])).await;
        mark(&session, taken_up(&[&b, &a])).await;
        let (session, mut suspects) = killed(session, stored).await;
        suspects.sort();
        assert_eq!(suspects, [("/a".to_owned(), 0), ("/b".to_owned(), 0)]);
        session.store.close().await;
    });
}

fn the_only_marked_page_has_a_death_for_each_end(stored: &Stored) {
    run(async {
        let (a, b) = (request("a"), request("b"));
        let mut session = Session::begin(stored, &[a.clone(), b.clone()]).await;
        mark(&session, taken_up(&[&a, &b])).await;
        for deaths in 1..=3 {
            (session, _) = killed(session, stored).await;
            mark(&session, taken_up(&[&b])).await;
            let suspects;
            (session, suspects) = killed(session, stored).await;
            assert_eq!(suspects, [("/b".to_owned(), deaths), ("/a".to_owned(), 0)]);
        }
        // Deaths outlive a stop, and a suspect without one does not.
        session.store.end_run(session.key(), RunState::Stopped, "signal").await.unwrap();
        session.store.close().await;
        let session = Session::begin(stored, &[]).await;
        let careful = session.opened.careful.as_ref().unwrap();
        assert!(!careful.was_killed && careful.suspects.len() == 1 && careful.suspects[0].is_given_up());
        assert_eq!(careful.suspects[0].queued, b);
        session.store.close().await;
    });
}

fn what_was_put_down_or_has_ended_is_no_suspect(stored: &Stored) {
    run(async {
        let pages = ["a", "b", "c", "d"].map(request);
        let session = Session::begin(stored, &pages).await;
        let [a, b, c, d] = &pages;
        mark(&session, taken_up(&[a, b, c, d])).await;
        mark(&session, put_down(&[b])).await;
        session.flush(&[done(a), ended(c, PageState::Failed)]).await.unwrap();
        let (session, suspects) = killed(session, stored).await;
        assert_eq!(suspects, [("/d".to_owned(), 1)], "it was the only one left");
        mark(&session, taken_up(&[d])).await;
        mark(&session, put_down(&[d])).await;
        let (session, suspects) = killed(session, stored).await;
        assert_eq!(suspects, [("/d".to_owned(), 1)], "it was put back before the end, and its death is kept");
        mark(&session, taken_up(&[d])).await;
        session.flush(&[done(d)]).await.unwrap();
        let (session, suspects) = killed(session, stored).await;
        assert_eq!(suspects, []);
        session.store.close().await;
        assert_eq!(stored.count("SELECT count(*) FROM crawl_suspects"), 0);
    });
}

fn after_the_last_marks_nobody_has_a_death(stored: &Stored) {
    run(async {
        let a = request("a");
        let session = Session::begin(stored, std::slice::from_ref(&a)).await;
        mark(&session, taken_up(&[&a])).await;
        mark(&session, PageMarks { is_last: true, ..PageMarks::default() }).await;
        let (session, suspects) = killed(session, stored).await;
        assert_eq!(suspects, []);
        session.store.close().await;
    });
}

fn a_superseded_process_marks_nothing(stored: &Stored) {
    run(async {
        let a = request("a");
        let session = Session::begin(stored, std::slice::from_ref(&a)).await;
        let mut old = session.key().clone();
        old.epoch -= 1;
        let refused = session.store.mark_pages(&old, &taken_up(&[&a])).await;
        assert!(matches!(refused, Err(StoreError::Superseded { .. })), "{refused:?}");
        assert_eq!(stored.count("SELECT count(*) FROM crawl_suspects"), 0);
        session.store.close().await;
    });
}

fn a_run_that_has_ended_has_no_suspects(stored: &Stored) {
    run(async {
        let a = request("a");
        let session = Session::begin(stored, std::slice::from_ref(&a)).await;
        mark(&session, taken_up(&[&a])).await;
        session.store.end_run(session.key(), RunState::Finished, "limit").await.unwrap();
        session.store.close().await;
        assert_eq!(stored.count("SELECT count(*) FROM crawl_suspects"), 0);
    });
}
