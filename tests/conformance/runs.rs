//! Run identity: which run a start resumes, and when a new one begins.

use dragline_core::outcome::PageState;
use dragline_core::store::{Earlier, RUN_ITEMS, RunSpec, RunState};
use dragline_core::tally::{TallyOf, UrlPattern};
use dragline_core::{QueuedRequest, Request, StoreError};

use super::fixture::{
    PATIENCE, RUN, Session, connected, discovers, done, ended, execute, request, run, spec,
};
use crate::stored::{Stored, on_both_stores};

on_both_stores!(
    a_new_run_begins_with_its_start_requests,
    a_killed_run_is_resumed,
    a_stopped_run_is_resumed_with_its_reason,
    a_finished_run_is_followed_by_a_new_one,
    fresh_supersedes_an_unfinished_run,
    three_fruitless_starts_end_a_run,
    an_ended_request_makes_a_start_fruitful,
    starts_without_a_chance_do_not_count,
    a_run_of_another_spider_is_not_resumed,
    a_run_is_found_by_id_and_by_name,
    a_heartbeat_is_kept,
    a_start_is_told_of_what_was_finished_before,
    what_is_done_is_counted_when_a_run_is_opened,
);

/// State and reason of all runs, oldest first.
fn runs(stored: &Stored) -> Vec<(String, String)> {
    stored.runs()
}

/// One start that is killed at once: the run's id.
async fn quickly_killed_start(stored: &Stored) -> i64 {
    let session = Session::begin(stored, &[request("page")]).await;
    session.store.close().await;
    session.key().run_id
}

/// One start that is killed when it has lived for long enough to count: the run's id.
async fn killed_start(stored: &Stored) -> i64 {
    let run_id = quickly_killed_start(stored).await;
    lived_long(stored);
    run_id
}

fn lived_long(stored: &Stored) {
    execute(stored, "UPDATE crawl_runs SET last_start_at = '2000-01-01T00:00:00.000000Z'");
}

fn a_new_run_begins_with_its_start_requests(stored: &Stored) {
    run(async {
        let twice = [request("1"), request("2"), request("1")];
        let session = Session::begin(stored, &twice).await;
        assert!(session.opened.resumed.is_none());
        assert_eq!((session.opened.done, session.key().epoch), (0, 1));
        assert_eq!(session.opened.start_hosts, ["a.example:80"]);
        assert_eq!(session.queued().await.len(), 2);
        let row = "SELECT name, spider, state, stop_reason, finished_at FROM crawl_runs";
        assert_eq!(stored.query(row), [[RUN, "spider", "running", "NULL", "NULL"]]);
    });
}

fn a_killed_run_is_resumed(stored: &Stored) {
    run(async {
        let pages = [request("1"), request("2"), request("3")];
        let first = Session::begin(stored, &pages).await;
        first.flush(&[done(&pages[0]), ended(&pages[1], PageState::Failed)]).await.unwrap();
        first.store.close().await;
        // Other start requests do not matter: the run has its frontier.
        let second = Session::begin(stored, &[request("other")]).await;
        assert_eq!(second.key().run_id, first.key().run_id);
        assert!(second.key().epoch > first.key().epoch);
        assert_eq!(second.opened.done, 1);
        let resumed = second.opened.resumed.clone().expect("a resumed run");
        assert_eq!((resumed.state, resumed.stop_reason), (RunState::Running, None));
        assert_eq!(resumed.last_process, Some(spec().process));
        assert!(resumed.heartbeat_at.is_some());
        assert_eq!((resumed.pages.queued, resumed.pages.of(PageState::Done)), (1, 1));
        assert_eq!(resumed.pages.of(PageState::Failed), 1);
        assert_eq!(second.queued().await, [pages[2].clone()]);
    });
}

fn a_stopped_run_is_resumed_with_its_reason(stored: &Stored) {
    run(async {
        let page = request("page");
        let first = Session::begin(stored, std::slice::from_ref(&page)).await;
        first.flush(&[done(&page)]).await.unwrap();
        first.store.end_run(first.key(), RunState::Stopped, "signal SIGTERM").await.unwrap();
        first.store.close().await;
        assert_eq!(runs(stored), [("stopped".into(), "signal SIGTERM".into())]);
        let second = Session::begin(stored, &[]).await;
        let resumed = second.opened.resumed.expect("a resumed run");
        assert_eq!(resumed.state, RunState::Stopped);
        assert_eq!(resumed.stop_reason.as_deref(), Some("signal SIGTERM"));
        assert_eq!(runs(stored)[0].0, "running");
    });
}

fn a_finished_run_is_followed_by_a_new_one(stored: &Stored) {
    run(async {
        let first = Session::begin(stored, &[request("page")]).await;
        first.store.end_run(first.key(), RunState::Finished, "limit").await.unwrap();
        first.store.close().await;
        let second = Session::begin(stored, &[request("page")]).await;
        assert!(second.opened.resumed.is_none());
        assert_ne!(second.key().run_id, first.key().run_id);
        assert_eq!(second.queued().await.len(), 1);
        assert_eq!(runs(stored)[0], ("finished".into(), "limit".into()));
        assert_eq!(stored.count("SELECT count(*) FROM crawl_runs WHERE finished_at IS NOT NULL"), 1);
    });
}

fn fresh_supersedes_an_unfinished_run(stored: &Stored) {
    run(async {
        let first = Session::begin(stored, &[request("page")]).await;
        first.store.close().await;
        let fresh = RunSpec { fresh: true, start: vec![request("new")], ..spec() };
        let second = Session::open(stored, &fresh).await;
        assert!(second.opened.resumed.is_none());
        assert_ne!(second.key().run_id, first.key().run_id);
        assert_eq!(second.queued().await, [request("new")]);
        assert_eq!(runs(stored)[0], ("failed".into(), "superseded".into()));
    });
}

fn three_fruitless_starts_end_a_run(stored: &Stored) {
    run(async {
        let first = killed_start(stored).await;
        assert_eq!(killed_start(stored).await, first);
        assert_eq!(killed_start(stored).await, first);
        // Told to, it goes on all the same.
        let forced = Session::open(stored, &RunSpec { force: true, ..spec() }).await;
        assert_eq!(forced.key().run_id, first);
        forced.store.close().await;
        lived_long(stored);
        assert_ne!(killed_start(stored).await, first);
        assert_eq!(runs(stored)[0], ("failed".into(), "no-progress".into()));
        assert_eq!(runs(stored)[1].0, "running");
    });
}

fn an_ended_request_makes_a_start_fruitful(stored: &Stored) {
    run(async {
        let ends = [PageState::Done, PageState::Failed, PageState::Skipped, PageState::Dead];
        let start: Vec<_> = (0..5).map(|page| request(&page.to_string())).collect();
        let first = Session::begin(stored, &start).await;
        first.store.close().await;
        let first = first.key().run_id;
        for (page, end) in start.iter().zip(ends) {
            for _ in 0..2 {
                assert_eq!(killed_start(stored).await, first);
            }
            let fruitful = Session::begin(stored, &[]).await;
            assert_eq!(fruitful.key().run_id, first, "{end:?}");
            fruitful.flush(&[ended(page, end)]).await.unwrap();
            fruitful.store.close().await;
            lived_long(stored);
        }
        // Three more, counted from there.
        for _ in 0..3 {
            assert_eq!(killed_start(stored).await, first);
        }
        assert_ne!(killed_start(stored).await, first);
    });
}

fn starts_without_a_chance_do_not_count(stored: &Stored) {
    run(async {
        let first = killed_start(stored).await;
        assert_eq!(killed_start(stored).await, first);
        for _ in 0..10 {
            assert_eq!(quickly_killed_start(stored).await, first);
        }
        assert_eq!(killed_start(stored).await, first, "nor do they make others forgotten");
        assert_ne!(killed_start(stored).await, first);
    });
}

fn a_run_of_another_spider_is_not_resumed(stored: &Stored) {
    run(async {
        killed_start(stored).await;
        let store = connected(stored).await;
        store.lock_run(RUN, PATIENCE).await.unwrap();
        let other = RunSpec { spider: "other".into(), ..spec() };
        let error = store.open_run(&other).await.unwrap_err();
        assert!(matches!(&error, StoreError::Setup { .. }), "{error:?}");
        assert!(error.to_string().contains("spider"), "{error}");
    });
}

fn a_run_is_found_by_id_and_by_name(stored: &Stored) {
    run(async {
        let first = Session::begin(stored, &[]).await;
        first.store.end_run(first.key(), RunState::Finished, "done").await.unwrap();
        first.store.close().await;
        let second = Session::begin(stored, &[]).await;
        let by_name = second.store.find_run(RUN).await.unwrap().expect("the newest of that name");
        assert_eq!((by_name.run_id, by_name.state), (second.key().run_id, RunState::Running));
        let id = first.key().run_id.to_string();
        let by_id = second.store.find_run(&id).await.unwrap().expect("the run of that id");
        assert_eq!((by_id.name.as_str(), by_id.spider.as_str()), (RUN, "spider"));
        assert_eq!(by_id.state, RunState::Finished);
        for unknown in ["nobody", "999999", ""] {
            assert!(second.store.find_run(unknown).await.unwrap().is_none(), "{unknown:?}");
        }
    });
}

fn a_heartbeat_is_kept(stored: &Stored) {
    run(async {
        let session = Session::begin(stored, &[]).await;
        session.store.heartbeat(session.key(), &serde_json::json!({"pages": 7})).await.unwrap();
        let row = &stored.query("SELECT stats, heartbeat_at IS NOT NULL FROM crawl_runs")[0];
        assert_eq!(row[0].replace(' ', ""), "{\"pages\":7}");
    });
}

fn a_start_is_told_of_what_was_finished_before(stored: &Stored) {
    run(async {
        let items = |earlier: &Earlier| earlier.finished.iter().map(|run| run.items).collect::<Vec<_>>();
        // Of one the figures are missing, as before there were any.
        for (written, state) in
            [(None, RunState::Finished), (Some(7), RunState::Finished), (Some(8), RunState::Failed)]
        {
            let session = Session::begin(stored, &[request("1")]).await;
            if let Some(items) = written {
                let stats = serde_json::json!({ RUN_ITEMS: items });
                session.store.heartbeat(session.key(), &stats).await.unwrap();
            }
            session.store.end_run(session.key(), state, "why").await.unwrap();
            session.store.close().await;
        }
        let third = Session::begin(stored, &[request("1")]).await;
        assert_eq!((third.opened.earlier.items, items(&third.opened.earlier)), (0, vec![Some(7), None]));
        let [newest, oldest] = third.opened.earlier.finished.as_slice() else { panic!("two") };
        assert!(newest.finished_at >= oldest.finished_at);
        third.store.heartbeat(third.key(), &serde_json::json!({ RUN_ITEMS: 3 })).await.unwrap();
        third.store.close().await;
        let resumed = Session::begin(stored, &[request("1")]).await;
        assert_eq!((resumed.opened.earlier.items, items(&resumed.opened.earlier)), (3, vec![Some(7), None]));
        resumed.store.close().await;
        // Somebody else has written a value that is not a figure. This must not keep the run from starting.
        execute(stored, "UPDATE crawl_runs SET stats = '{\"run_items\": \"many\"}'");
        let again = Session::begin(stored, &[request("1")]).await;
        assert_eq!((again.opened.earlier.items, items(&again.opened.earlier)), (0, vec![None, None]));
    });
}

fn what_is_done_is_counted_when_a_run_is_opened(stored: &Stored) {
    run(async {
        let start = request("start/1");
        let days: Vec<QueuedRequest> = (1..=3)
            .map(|day| start.child(Request::get(format!("http://a.example/day/{day}")).unwrap(), 0))
            .collect();
        let first = Session::begin(stored, std::slice::from_ref(&start)).await;
        first.flush(&[discovers(&start, &days)]).await.unwrap();
        first.flush(&[done(&days[0]), done(&days[1]), ended(&days[2], PageState::Failed)]).await.unwrap();
        first.store.close().await;
        let all = TallyOf { hosts: true, patterns: true };
        let day = UrlPattern::of("http://a.example/day/77");
        let counted = async |tally: TallyOf| {
            let session = Session::open(stored, &RunSpec { tally, ..spec() }).await;
            session.store.close().await;
            let counted = session.opened.tally;
            (counted.of_host("a.example:80"), counted.of_pattern(day))
        };
        assert_eq!(counted(all).await, (3, 2));
        assert_eq!(counted(TallyOf { hosts: true, ..TallyOf::default() }).await, (3, 0));
        assert_eq!(counted(TallyOf::default()).await, (0, 0));
    });
}
