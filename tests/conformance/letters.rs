//! Dead letters: read as asked for, and applied once, in the transaction that removes them.

use dragline_core::letters::{LetterAsk, LetterRetry, StoredLetter};
use dragline_core::store::RunSpec;
use dragline_core::{ItemRecord, ItemType, PageState, QueuedRequest, Reason, StoreError};

use super::fixture::{Session, connected, done_with, execute, request, run, spec, states};
use super::item_types::{all_types, one_of_each, quote, visit};
use crate::stored::{Stored, on_both_stores};

on_both_stores!(
    letters_become_the_items_that_they_were,
    a_page_is_done_with_its_last_letter,
    a_letter_is_applied_once,
    the_last_two_letters_of_a_page_may_go_at_once,
    a_refused_retry_leaves_everything_as_it_was,
    a_superseded_process_retries_nothing,
    an_ask_is_answered_and_no_more,
    a_letter_names_the_tag_and_the_depth_of_its_page,
);

/// A run whose pages are dead, with these items.
async fn dead(stored: &Stored, pages: &[(&QueuedRequest, Vec<ItemRecord>)]) -> Session {
    let start: Vec<QueuedRequest> = pages.iter().map(|(page, _)| (*page).clone()).collect();
    let session = Session::begin(stored, &start).await;
    let outcomes = pages.iter().map(|(page, items)| {
        let mut outcome = done_with(page, items.clone());
        outcome.kill(Reason::StoreRefused, "refused", Some("23514"));
        outcome
    });
    session.flush(&outcomes.collect::<Vec<_>>()).await.unwrap();
    session
}

async fn letters(session: &Session) -> Vec<StoredLetter> {
    session.store.read_letters(&all()).await.unwrap()
}

pub(super) fn all() -> LetterAsk {
    LetterAsk { limit: 100, ..LetterAsk::default() }
}

/// A retry of these letters, all of one page.
pub(super) fn retry(letters: &[StoredLetter]) -> LetterRetry {
    retry_as(letters, &all_types())
}

/// The same, of these item types.
pub(super) fn retry_as(letters: &[StoredLetter], types: &[ItemType]) -> LetterRetry {
    LetterRetry {
        run_id: letters[0].run_id,
        epoch: None,
        spider: letters[0].spider.as_str().into(),
        fingerprint: letters[0].fingerprint,
        url: letters[0].url.clone(),
        letters: letters.iter().map(|letter| (letter.letter_id, letter.record(types).unwrap())).collect(),
    }
}

fn letters_become_the_items_that_they_were(stored: &Stored) {
    run(async {
        let page = request("page");
        let session = dead(stored, &[(&page, one_of_each("x"))]).await;
        let letters = letters(&session).await;
        let receipt = session.store.retry_letters(&retry(&letters)).await.unwrap();
        assert_eq!((receipt.applied.len(), receipt.page_done), (4, true));
        let (run_id, url) = (session.key().run_id.to_string(), page.request.url().to_string());
        let quotes = stored.query("SELECT text, author, run_id, source_url FROM quotes");
        assert_eq!(quotes, [["x", "a", &run_id, &url]]);
        assert_eq!(stored.query("SELECT line, source_url FROM visits"), [["1", &url]]);
        let shared = "SELECT spider, item_type, item_key, run_id, url FROM crawl_items ORDER BY item_type";
        let note = ["spider", "note", "x", &run_id, &url];
        assert_eq!(stored.query(shared), [note, ["spider", "remark", "NULL", &run_id, &url]]);
        assert_eq!(stored.query("SELECT state, error FROM crawl_requests"), [["done", "NULL"]]);
        assert_eq!(stored.count("SELECT count(*) FROM crawl_dead_letters"), 0);
    });
}

fn a_page_is_done_with_its_last_letter(stored: &Stored) {
    run(async {
        let (page, other) = (request("page"), request("other"));
        let session = dead(stored, &[(&page, vec![visit(1), visit(2)]), (&other, vec![visit(3)])]).await;
        let letters = letters(&session).await;
        let of_page: Vec<_> = letters.into_iter().filter(|it| it.fingerprint == page.fingerprint).collect();
        assert!(!session.store.retry_letters(&retry(&of_page[..1])).await.unwrap().page_done);
        assert_eq!(states(stored)["page"], "dead");
        assert!(session.store.retry_letters(&retry(&of_page[1..])).await.unwrap().page_done);
        assert_eq!((&*states(stored)["page"], &*states(stored)["other"]), ("done", "dead"));
        assert_eq!(stored.query("SELECT line FROM visits ORDER BY line"), [["1"], ["2"]]);
    });
}

fn a_letter_is_applied_once(stored: &Stored) {
    run(async {
        let session = dead(stored, &[(&request("page"), vec![visit(1)])]).await;
        let retry = retry(&letters(&session).await);
        let other = connected(stored).await;
        other.prepare_items(&all_types()).await.unwrap();
        let (one, two) = tokio::join!(session.store.retry_letters(&retry), other.retry_letters(&retry));
        let (one, two) = (one.unwrap(), two.unwrap());
        assert_eq!(one.applied.len() + two.applied.len(), 1, "{one:?} {two:?}");
        assert!(one.page_done != two.page_done, "{one:?} {two:?}");
        assert!(session.store.retry_letters(&retry).await.unwrap().applied.is_empty());
        assert_eq!(stored.count("SELECT count(*) FROM visits"), 1);
    });
}

fn the_last_two_letters_of_a_page_may_go_at_once(stored: &Stored) {
    run(async {
        for round in 0..5 {
            let (page, name) = (request(&round.to_string()), format!("run {round}"));
            let session = Session::open(stored, &RunSpec { name, start: vec![page.clone()], ..spec() }).await;
            let mut outcome = done_with(&page, vec![visit(1), visit(2)]);
            outcome.kill(Reason::StoreRefused, "refused", None);
            session.flush(&[outcome]).await.unwrap();
            let letters = letters(&session).await;
            let (one, two) = (retry(&letters[..1]), retry(&letters[1..]));
            let other = connected(stored).await;
            other.prepare_items(&all_types()).await.unwrap();
            let (one, two) = tokio::join!(session.store.retry_letters(&one), other.retry_letters(&two));
            assert!(one.unwrap().page_done != two.unwrap().page_done, "one of them sees that none is left");
            assert_eq!(states(stored)[&round.to_string()], "done");
        }
    });
}

fn a_refused_retry_leaves_everything_as_it_was(stored: &Stored) {
    run(async {
        let items = vec![quote("x", "twin"), quote("y", "twin"), visit(1)];
        let session = dead(stored, &[(&request("page"), items)]).await;
        execute(stored, "CREATE UNIQUE INDEX one_quote_each ON quotes (author)");
        let letters = letters(&session).await;
        let error = session.store.retry_letters(&retry(&letters)).await.unwrap_err();
        assert!(matches!(&error, StoreError::Refused { sqlstate: Some(_), .. }), "{error:?}");
        assert_eq!(states(stored)["page"], "dead");
        assert_eq!(stored.count("SELECT count(*) FROM crawl_dead_letters"), 3);
        assert_eq!(stored.count("SELECT count(*) FROM quotes"), 0);
        assert_eq!(stored.count("SELECT count(*) FROM visits"), 0);
        // The store goes on as if nothing had been.
        let visits: Vec<_> = letters.into_iter().filter(|it| it.letter.item_type == "visit").collect();
        assert_eq!(session.store.retry_letters(&retry(&visits)).await.unwrap().applied.len(), 1);
    });
}

fn a_superseded_process_retries_nothing(stored: &Stored) {
    run(async {
        let session = dead(stored, &[(&request("page"), vec![visit(1)])]).await;
        let letters = letters(&session).await;
        let mine = LetterRetry { epoch: Some(session.key().epoch), ..retry(&letters) };
        connected(stored).await.open_run(&spec()).await.unwrap();
        let error = session.store.retry_letters(&mine).await.unwrap_err();
        assert!(matches!(error, StoreError::Superseded { .. }), "{error:?}");
        assert_eq!(states(stored)["page"], "dead");
        assert_eq!(stored.count("SELECT count(*) FROM visits"), 0);
    });
}

fn an_ask_is_answered_and_no_more(stored: &Stored) {
    run(async {
        let (page, other) = (request("page"), request("other"));
        let session = dead(stored, &[(&page, one_of_each("x")), (&other, vec![visit(7)])]).await;
        let found = letters(&session).await;
        assert_eq!(found.len(), 5);
        assert!(found.is_sorted_by_key(|letter| letter.letter_id));
        let one = found.iter().find(|letter| letter.fingerprint == other.fingerprint).unwrap();
        assert_eq!((one.run_name.as_str(), one.spider.as_str()), ("run", "spider"));
        assert_eq!(one.url, other.request.url().as_str());
        assert_eq!((one.letter.error.as_str(), one.letter.sqlstate.as_deref()), ("refused", Some("23514")));
        assert_eq!(one.record(&all_types()), Ok(visit(7)));
        for (ask, count) in [
            (LetterAsk { run_id: Some(session.key().run_id), ..all() }, 5),
            (LetterAsk { run_id: Some(session.key().run_id + 1), ..all() }, 0),
            (LetterAsk { letter_ids: Some(vec![one.letter_id, 4_711]), ..all() }, 1),
            (LetterAsk { letter_ids: Some(Vec::new()), ..all() }, 0),
            (LetterAsk { fingerprint: Some(page.fingerprint), ..all() }, 4),
            (LetterAsk { sqlstates: Some(vec!["23503".into(), "23514".into()]), ..all() }, 5),
            (LetterAsk { sqlstates: Some(vec!["23503".into()]), ..all() }, 0),
            (LetterAsk { after: found[2].letter_id, ..all() }, 2),
            (LetterAsk { limit: 3, ..all() }, 3),
        ] {
            assert_eq!(session.store.read_letters(&ask).await.unwrap().len(), count, "{ask:?}");
        }
        assert_eq!(PageState::parse(&states(stored)["page"]), Some(PageState::Dead));
    });
}

fn a_letter_names_the_tag_and_the_depth_of_its_page(stored: &Stored) {
    run(async {
        let mut list = request("list");
        list.request = list.request.with_tag("list");
        list.depth = 2;
        let session =
            dead(stored, &[(&list, vec![visit(1), visit(2)]), (&request("page"), vec![visit(3)])]).await;
        let found = || async {
            let mut found: Vec<_> = letters(&session)
                .await
                .into_iter()
                .map(|letter| (letter.url, letter.tag, letter.depth))
                .collect();
            found.sort();
            found
        };
        let (list, page) = ("http://a.example/list".to_owned(), "http://a.example/page".to_owned());
        let of_list = (list.clone(), "list".to_owned(), 2);
        assert_eq!(found().await, [of_list.clone(), of_list, (page.clone(), String::new(), 0)]);
        // Somebody deletes the requests, and the letters can still be read.
        execute(stored, "DELETE FROM crawl_requests");
        let unknown = |url: &String| (url.clone(), String::new(), 0);
        assert_eq!(found().await, [unknown(&list), unknown(&list), unknown(&page)]);
    });
}
