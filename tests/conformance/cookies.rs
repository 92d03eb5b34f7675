//! Cookies: stored with the page that changed them, there when the run is resumed, gone when it has ended.

use dragline_core::outcome::PageState;
use dragline_core::store::{MAX_STORED_COOKIES, RunSpec, RunState};
use dragline_core::{PageOutcome, QueuedRequest, StoredCookie};
use dragline_store::{StoreSettings, open_runs};

use super::fixture::{Session, done, ended, request, run, spec};
use crate::stored::{Stored, on_both_stores};

on_both_stores!(
    a_resumed_run_has_its_cookies,
    the_later_state_of_a_cookie_wins_in_whatever_order_it_comes,
    an_outcome_that_is_not_applied_changes_no_cookie,
    a_run_that_has_ended_has_no_cookies,
    odd_cookies_are_stored_as_they_are,
    a_cookie_that_no_index_holds_costs_no_page,
    cookies_that_have_ended_do_not_crowd_out_those_that_live,
);

fn cookie(name: &str, version: i64, value: Option<&str>) -> StoredCookie {
    StoredCookie {
        session: "ann".to_owned(),
        domain: "a.example".to_owned(),
        path: "/".to_owned(),
        name: name.to_owned(),
        cookie: value.map(|value| format!("{{\"raw_cookie\":\"{name}={value}\"}}")),
        version,
    }
}

fn with(of: &QueuedRequest, state: PageState, cookies: &[StoredCookie]) -> PageOutcome {
    PageOutcome { cookies: cookies.to_vec(), ..ended(of, state) }
}

fn stored_cookies(stored: &Stored) -> Vec<Vec<String>> {
    stored.query("SELECT session, domain, path, name, cookie, version FROM crawl_cookies ORDER BY name")
}

fn a_resumed_run_has_its_cookies(stored: &Stored) {
    run(async {
        let pages = ["login", "lost", "other"].map(request);
        let session = Session::begin(stored, &pages).await;
        assert!(session.opened.cookies.is_empty());
        let (first, second) = (cookie("s", 1, Some("1")), cookie("t", 2, Some("2")));
        let batch = [
            with(&pages[0], PageState::Skipped, std::slice::from_ref(&first)),
            with(&pages[1], PageState::Failed, std::slice::from_ref(&second)),
        ];
        session.flush(&batch).await.unwrap();
        session.store.end_run(session.key(), RunState::Stopped, "signal").await.unwrap();
        session.store.close().await;
        let resumed = Session::begin(stored, &pages).await;
        assert!(resumed.opened.resumed.is_some());
        assert_eq!(resumed.opened.cookies, [second, first]);
        resumed.store.close().await;
    });
}

fn the_later_state_of_a_cookie_wins_in_whatever_order_it_comes(stored: &Stored) {
    run(async {
        let pages = ["a", "b", "c"].map(request);
        let session = Session::begin(stored, &pages).await;
        let in_one = [
            with(
                &pages[0],
                PageState::Done,
                &[cookie("s", 4, Some("4")), cookie("t", 5, None), cookie("t", 2, Some("2"))],
            ),
            with(&pages[1], PageState::Done, &[cookie("s", 3, Some("3"))]),
        ];
        session.flush(&in_one).await.unwrap();
        session
            .flush(&[with(&pages[2], PageState::Done, &[cookie("s", 1, None), cookie("t", 1, Some("1"))])])
            .await
            .unwrap();
        let row = |name: &str, cookie: &str, version: &str| {
            ["ann", "a.example", "/", name, cookie, version].map(str::to_owned).to_vec()
        };
        assert_eq!(
            stored_cookies(stored),
            [row("s", "{\"raw_cookie\":\"s=4\"}", "4"), row("t", "NULL", "5")]
        );
    });
}

fn an_outcome_that_is_not_applied_changes_no_cookie(stored: &Stored) {
    run(async {
        let page = request("page");
        let session = Session::begin(stored, std::slice::from_ref(&page)).await;
        session.flush(&[done(&page)]).await.unwrap();
        session.flush(&[with(&page, PageState::Done, &[cookie("s", 1, Some("1"))])]).await.unwrap();
        assert!(stored_cookies(stored).is_empty());
    });
}

fn a_run_that_has_ended_has_no_cookies(stored: &Stored) {
    run(async {
        let page = request("page");
        let outcome = || with(&page, PageState::Done, &[cookie("s", 1, Some("1"))]);
        let session = Session::begin(stored, std::slice::from_ref(&page)).await;
        session.flush(&[outcome()]).await.unwrap();
        let key = session.key().clone();
        session.store.end_run(&key, RunState::Stopped, "signal").await.unwrap();
        assert_eq!(stored_cookies(stored).len(), 1);
        session.store.end_run(&key, RunState::Finished, "finished").await.unwrap();
        assert!(stored_cookies(stored).is_empty());
        session.store.close().await;

        // Given up in favour of a new run, and given up from outside.
        let session = Session::begin(stored, std::slice::from_ref(&page)).await;
        session.flush(&[outcome()]).await.unwrap();
        session.store.close().await;
        let fresh = RunSpec { fresh: true, start: vec![page.clone()], ..spec() };
        let session = Session::open(stored, &fresh).await;
        assert!(stored_cookies(stored).is_empty());
        session.flush(&[outcome()]).await.unwrap();
        let run_id = session.key().run_id;
        session.store.close().await;
        assert_eq!(stored_cookies(stored).len(), 1);
        let runs = open_runs(&stored.url(), &StoreSettings::default()).unwrap();
        runs.connect().await.unwrap();
        assert!(runs.give_up_run(run_id, "superseded").await.unwrap());
        assert!(stored_cookies(stored).is_empty());
        runs.close().await;
    });
}

fn odd_cookies_are_stored_as_they_are(stored: &Stored) {
    run(async {
        let page = request("page");
        let session = Session::begin(stored, std::slice::from_ref(&page)).await;
        let odd = StoredCookie {
            session: "ä'\\\n".to_owned(),
            path: String::new(),
            cookie: Some("{\"raw_cookie\":\"s=\\u0001\\\\ä\\\"\"}".to_owned()),
            ..cookie("n\tm", 1, None)
        };
        session.flush(&[with(&page, PageState::Done, std::slice::from_ref(&odd))]).await.unwrap();
        session.store.close().await;
        let resumed = Session::begin(stored, &[]).await;
        assert_eq!(resumed.opened.cookies, [odd]);
        resumed.store.close().await;
    });
}

fn a_cookie_that_no_index_holds_costs_no_page(stored: &Stored) {
    run(async {
        let pages = ["a"].map(request);
        let session = Session::begin(stored, &pages).await;
        // Characters that no compression makes shorter.
        let long: String =
            (0..2_000_u32).filter_map(|n| char::from_u32(0x4e00 + n * 7_919 % 20_000)).collect();
        let cookies = [cookie(&long, 1, Some("1")), cookie("s", 2, Some("2"))];
        session.flush(&[with(&pages[0], PageState::Done, &cookies)]).await.unwrap();
        assert_eq!(stored_cookies(stored).len(), 1, "the other one is kept");
    });
}

/// A site that ends one cookie after the other must not log the crawl out of another site.
fn cookies_that_have_ended_do_not_crowd_out_those_that_live(stored: &Stored) {
    run(async {
        let pages = ["login", "other"].map(request);
        let session = Session::begin(stored, &pages).await;
        let login = cookie("login", 1, Some("1"));
        session.flush(&[with(&pages[0], PageState::Done, std::slice::from_ref(&login))]).await.unwrap();
        let many = i64::from(MAX_STORED_COOKIES) + 1;
        let ended: Vec<StoredCookie> =
            (0..many).map(|number| cookie(&format!("c{number}"), 2 + number, None)).collect();
        session.flush(&[with(&pages[1], PageState::Done, &ended)]).await.unwrap();
        session.store.close().await;
        let resumed = Session::begin(stored, &pages).await;
        assert_eq!(resumed.opened.cookies, [login]);
        assert_eq!(stored_cookies(stored).len(), 1, "those that have ended are forgotten");
        resumed.store.close().await;
    });
}
