//! Runs between two crawls: listed, looked at, opened again, given up.

use dragline_core::runs::{Requeue, RunAdmin, RunAsk, RunFigures, RunRecord};
use dragline_core::store::{RunSpec, RunState};
use dragline_core::{PageOutcome, QueuedRequest, Reason, StoreError};
use dragline_store::{StoreSettings, open_runs};

use super::fixture::{
    PATIENCE, RUN, Session, connected, done_with, execute, request, request_to, run, spec, states,
};
use super::item_types::{QUOTE, all_types, one_of_each};
use crate::stored::{Stored, on_both_stores};

on_both_stores!(
    reaching_a_store_makes_nothing,
    runs_are_listed_as_asked,
    a_run_tells_how_it_stands_and_who_holds_it,
    figures_are_those_of_the_rows,
    failed_requests_come_back_as_if_never_asked_for,
    a_requeue_takes_what_was_asked_for_alone,
    where_nothing_is_found_nothing_is_changed,
    an_unfinished_run_stays_as_it_was_left,
    a_run_with_a_successor_is_not_opened_again,
    a_run_opened_again_is_judged_anew,
    many_requests_come_back_in_one_piece,
    a_run_is_given_up_once,
);

fn opened(stored: &Stored) -> Box<dyn RunAdmin> {
    open_runs(&stored.url(), &StoreSettings::default()).unwrap()
}

async fn admin(stored: &Stored) -> Box<dyn RunAdmin> {
    let admin = opened(stored);
    admin.reach().await.unwrap();
    admin
}

fn all() -> RunAsk {
    RunAsk { limit: 100, ..RunAsk::default() }
}

async fn list(stored: &Stored, ask: &RunAsk) -> Vec<RunRecord> {
    let admin = admin(stored).await;
    let listed = admin.list_runs(ask).await.unwrap();
    admin.close().await;
    listed
}

async fn figures(stored: &Stored, run_id: i64) -> RunFigures {
    let admin = admin(stored).await;
    let figures = admin.inspect_run(run_id, &all_types()).await.unwrap();
    admin.close().await;
    figures
}

fn failed(of: &QueuedRequest, status: Option<u16>, error: &str) -> PageOutcome {
    let reason = if status.is_some() { Reason::HttpStatus } else { Reason::Connect };
    PageOutcome::failed(of, reason, error).with_answer(status, 4)
}

/// A run in which these have failed, ended as told. Gives its id.
async fn ended_run(stored: &Stored, failures: &[PageOutcome], more: &[QueuedRequest], end: RunState) -> i64 {
    let start: Vec<QueuedRequest> =
        failures.iter().map(|page| request_to(&page.url)).chain(more.iter().cloned()).collect();
    let session = Session::begin(stored, &start).await;
    for page in failures {
        let again =
            PageOutcome { error: page.error.clone(), ..failed(&request_to(&page.url), page.status, "") };
        session.flush(&[again]).await.unwrap();
    }
    session.store.end_run(session.key(), end, "limit").await.unwrap();
    session.store.close().await;
    session.key().run_id
}

/// Asks under the run's lock, as a person's command does.
pub(super) async fn requeue(
    stored: &Stored,
    ask: &Requeue,
) -> Result<dragline_core::runs::Requeued, StoreError> {
    let admin = admin(stored).await;
    admin.lock_run(RUN, PATIENCE).await?;
    let done = admin.requeue_failed(ask).await;
    admin.close().await;
    done
}

fn reaching_a_store_makes_nothing(stored: &Stored) {
    run(async {
        let empty = opened(stored);
        let error = empty.reach().await.unwrap_err();
        assert!(matches!(error, StoreError::Setup { .. } | StoreError::Schema { .. }), "{error:?}");
        assert!(error.hint().is_some_and(|hint| hint.contains("schema apply")), "{error:?}");
        empty.close().await;
        if let Stored::Sqlite(folder) = stored {
            assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
        }
        connected(stored).await.close().await;
        opened(stored).reach().await.unwrap();
    });
}

fn runs_are_listed_as_asked(stored: &Stored) {
    run(async {
        for (name, spider, end) in [
            ("a", "one", Some(RunState::Finished)),
            ("b", "two", Some(RunState::Stopped)),
            ("a", "one", None),
            ("c", "two", Some(RunState::Failed)),
        ] {
            let of = RunSpec { name: name.into(), spider: spider.into(), ..spec() };
            let session = Session::open(stored, &of).await;
            if let Some(end) = end {
                session.store.end_run(session.key(), end, "why").await.unwrap();
            }
            session.store.close().await;
        }
        for (ask, names) in [
            (all(), vec!["c", "a", "b", "a"]),
            (RunAsk { limit: 2, ..all() }, vec!["c", "a"]),
            (RunAsk { limit: 0, ..all() }, vec![]),
            (RunAsk { spider: Some("two".into()), ..all() }, vec!["c", "b"]),
            (RunAsk { state: Some(RunState::Finished), ..all() }, vec!["a"]),
            (RunAsk { name: Some("a".into()), ..all() }, vec!["a", "a"]),
            (RunAsk { name: Some("nobody".into()), ..all() }, vec![]),
        ] {
            let listed = list(stored, &ask).await;
            assert!(listed.is_sorted_by_key(|record| std::cmp::Reverse(record.run_id)));
            let found: Vec<&str> = listed.iter().map(|record| record.name.as_str()).collect();
            assert_eq!(found, names, "{ask:?}");
            for record in listed {
                let by_id = RunAsk { run_id: Some(record.run_id), ..all() };
                assert_eq!(list(stored, &by_id).await[0].run_id, record.run_id);
            }
        }
    });
}

fn a_run_tells_how_it_stands_and_who_holds_it(stored: &Stored) {
    run(async {
        let session = Session::begin(stored, &[request("1")]).await;
        session.store.heartbeat(session.key(), &serde_json::json!({"items": 7})).await.unwrap();
        let record = list(stored, &all()).await.remove(0);
        assert_eq!((record.name.as_str(), record.spider.as_str(), record.epoch), (RUN, "spider", 1));
        assert_eq!((record.state, record.stop_reason.as_deref()), (RunState::Running, None));
        assert_eq!(record.args, serde_json::json!({"start_urls": []}));
        assert_eq!(record.stats, serde_json::json!({"items": 7}));
        assert_eq!(record.process.as_ref().map(|process| process.pid), Some(4711));
        assert!(record.is_held, "its process is at work");
        assert_eq!(record.finished_at, None);
        assert!(record.started_at <= record.last_start_at && record.last_start_at <= record.heartbeat_at);
        assert!(record.heartbeat_at <= record.read_at, "{record:?}");

        session.store.close().await;
        let killed = list(stored, &all()).await.remove(0);
        assert_eq!((killed.state, killed.is_held), (RunState::Running, false), "its process is gone");
        let again = Session::begin(stored, &[]).await;
        again.store.end_run(again.key(), RunState::Finished, "limit").await.unwrap();
        let ended = list(stored, &all()).await.remove(0);
        assert_eq!((ended.state, ended.epoch, ended.is_held), (RunState::Finished, 2, false));
        assert_eq!(ended.stop_reason.as_deref(), Some("limit"));
        assert!(ended.finished_at.is_some_and(|at| at >= ended.last_start_at));
    });
}

fn figures_are_those_of_the_rows(stored: &Stored) {
    run(async {
        let hosts = ["http://b.example/1", "http://b.example/2", "http://c.example:81/1"].map(request_to);
        let pages: Vec<QueuedRequest> = (0..9).map(|page| request(&page.to_string())).collect();
        let start: Vec<QueuedRequest> = pages.iter().chain(&hosts).cloned().collect();
        let session = Session::begin(stored, &start).await;
        let mut dead = done_with(&pages[1], one_of_each("dead"));
        dead.kill(Reason::StoreRefused, "refused", None);
        let skipped = |page: &QueuedRequest, reason, error: &str| PageOutcome::skipped(page, reason, error);
        let outcomes = [
            done_with(&pages[0], one_of_each("x")),
            dead,
            failed(&pages[2], Some(503), "HTTP 503"),
            failed(&pages[3], Some(503), "HTTP 503"),
            failed(&pages[4], Some(200), &"é".repeat(500)),
            failed(&pages[5], None, "connection refused"),
            skipped(&pages[6], Reason::RobotsDenied, "robots: line 2, Disallow: /x"),
            skipped(&pages[7], Reason::Redirected, "redirected to http://a.example/x"),
            skipped(&pages[8], Reason::Redirected, "redirected to http://a.example/y"),
        ];
        session.flush(&outcomes).await.unwrap();
        // Another run's rows are not counted.
        let other = RunSpec { name: "other".into(), start: vec![request("0")], ..spec() };
        Session::open(stored, &other).await.store.close().await;

        let run_id = session.key().run_id;
        let figures = figures(stored, run_id).await;
        assert_eq!(figures.pages, session.store.summary(run_id, &[]).await.unwrap().pages);
        assert_eq!(figures.pages.queued, 3);
        let items: Vec<(&str, Option<u64>)> =
            figures.items.iter().map(|(name, rows)| (name.as_str(), *rows)).collect();
        assert_eq!(items, [("quote", Some(1)), ("visit", Some(1)), ("note", Some(1)), ("remark", Some(1))]);
        assert_eq!(figures.dead_letters, 4);
        let told = |tallies: &dragline_core::runs::LargestGroups| -> Vec<(String, u64, String)> {
            assert_eq!(tallies.kinds, tallies.largest.len() as u64);
            let largest = tallies.largest.iter();
            largest
                .map(|tally| {
                    let path = tally.example.as_deref().unwrap_or("-").replace("http://a.example/", "");
                    (tally.key.clone().unwrap_or_else(|| "-".to_owned()), tally.count, path)
                })
                .collect()
        };
        let row = |key: &str, count, example: &str| (key.to_owned(), count, example.to_owned());
        let by_status = told(&figures.failed_by_status);
        assert_eq!(by_status[0], row("503", 2, "2"));
        assert!(by_status.contains(&row("200", 1, "4")) && by_status.contains(&row("-", 1, "5")));
        assert_eq!(told(&figures.failed_by_reason), [row("http_status", 3, "2"), row("connect", 1, "5")]);
        assert_eq!(
            told(&figures.skipped_by_reason),
            [row("redirected", 2, "7"), row("robots_denied", 1, "6")]
        );
        let hosts = told(&figures.queued_by_host);
        assert_eq!(hosts, [row("b.example:80", 2, "-"), row("c.example:81", 1, "-")]);

        // As in a run that began under an older schema.
        execute(stored, "UPDATE crawl_requests SET reason = NULL");
        let older = self::figures(stored, run_id).await;
        assert_eq!(told(&older.skipped_by_reason)[0], row("redirected", 2, "7"));
        let by_error = told(&older.failed_by_reason);
        assert_eq!(by_error[0], row("HTTP 503", 2, "2"));
        assert!(by_error.contains(&row(&"é".repeat(200), 1, "4")), "{by_error:?}");

        execute(stored, "DROP TABLE visits");
        let without = self::figures(stored, run_id).await.items;
        assert!(without.contains(&("visit".to_owned(), None)), "{without:?}");
        let admin = admin(stored).await;
        let undeclared = admin.inspect_run(run_id, std::slice::from_ref(&*QUOTE)).await.unwrap().items;
        let names: Vec<&str> = undeclared.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["quote", "note", "remark"], "types in crawl_items are found by themselves");
        assert_eq!(admin.inspect_run(4_711, &[]).await.unwrap(), RunFigures::default());
    });
}

fn failed_requests_come_back_as_if_never_asked_for(stored: &Stored) {
    run(async {
        let (bad, queued) = (request("bad"), request("queued"));
        let page = request("done");
        let session = Session::begin(stored, &[bad.clone(), queued.clone(), page.clone()]).await;
        let outcomes = [failed(&bad, Some(500), "HTTP 500"), done_with(&page, one_of_each("x"))];
        session.flush(&outcomes).await.unwrap();
        session.store.end_run(session.key(), RunState::Finished, "limit").await.unwrap();
        let run_id = session.key().run_id;
        let ask = Requeue { run_id, ..Requeue::default() };
        let held = requeue(stored, &ask).await.unwrap_err();
        assert!(matches!(held, StoreError::Locked { .. }), "{held:?}");

        // A process whose lock was lost goes on, and must be able to do no harm.
        let superseded = connected(stored).await;
        session.store.close().await;
        let done = requeue(stored, &ask).await.unwrap();
        assert_eq!((done.requests, done.was, done.others_queued), (1, RunState::Finished, true));
        let row = "SELECT state, attempts, status, reason, error, done_at FROM crawl_requests WHERE url LIKE '%bad'";
        assert_eq!(stored.query(row), [["queued", "0", "NULL", "NULL", "NULL", "NULL"]]);
        let row = "SELECT state, stop_reason, finished_at, epoch FROM crawl_runs";
        assert_eq!(stored.query(row), [["stopped", "reopened (was finished: limit)", "NULL", "2"]]);
        let late = superseded.flush(session.key(), &outcomes[..1]).await.unwrap_err();
        assert!(matches!(late, StoreError::Superseded { .. }), "{late:?}");

        let resumed = Session::begin(stored, &[]).await;
        assert_eq!((resumed.key().run_id, resumed.opened.done), (run_id, 1));
        let mut frontier: Vec<String> =
            resumed.queued().await.iter().map(|queued| queued.request.url().path().to_owned()).collect();
        frontier.sort();
        assert_eq!(frontier, ["/bad", "/queued"]);
        resumed.flush(&[done_with(&bad, one_of_each("y"))]).await.unwrap();
        assert_eq!(states(stored)["bad"], "done");
    });
}

fn a_requeue_takes_what_was_asked_for_alone(stored: &Stored) {
    run(async {
        let failures = [
            ("http://a.example/1", Some(503), "HTTP 503"),
            ("http://a.example/2", Some(500), "HTTP 500"),
            ("http://a.example/3", None, "Connection refused"),
            ("http://a.example:81/4", Some(404), "HTTP 404"),
            ("http://a.example.org/5", Some(200), "parse: É 100 % 'no' price"),
        ];
        let failures = failures.map(|(url, status, error)| failed(&request_to(url), status, error));
        let run_id = ended_run(stored, &failures, &[], RunState::Finished).await;
        let none = Requeue { run_id, ..Requeue::default() };
        for (ask, paths) in [
            (Requeue { statuses: vec![(500, 599)], ..none.clone() }, "12"),
            (Requeue { statuses: vec![(503, 503), (400, 499)], ..none.clone() }, "14"),
            (Requeue { statuses: vec![(0, 0)], ..none.clone() }, "3"),
            (Requeue { reason: Some(Reason::Connect), ..none.clone() }, "3"),
            (Requeue { reason: Some(Reason::Timeout), ..none.clone() }, ""),
            (Requeue { error: Some("connection REFUSED".into()), ..none.clone() }, "3"),
            (Requeue { error: Some("É 100 % 'NO'".into()), ..none.clone() }, "5"),
            (Requeue { error: Some("1__".into()), ..none.clone() }, ""),
            (Requeue { host: Some("a.example".into()), ..none.clone() }, "1234"),
            (Requeue { host: Some("a.example:80".into()), ..none.clone() }, "123"),
            (Requeue { host: Some("example".into()), ..none.clone() }, ""),
            (Requeue { statuses: vec![(500, 599)], error: Some("503".into()), ..none.clone() }, "1"),
            (none, "12345"),
        ] {
            let done = requeue(stored, &ask).await.unwrap();
            let back = stored.query("SELECT url FROM crawl_requests WHERE state = 'queued' ORDER BY url");
            let mut back: Vec<char> = back.iter().filter_map(|row| row[0].chars().last()).collect();
            back.sort_unstable();
            assert_eq!(back.iter().collect::<String>(), paths, "{ask:?}");
            assert_eq!(done.requests, paths.len() as u64, "{ask:?}");
            let again = failures.iter().map(|page| {
                format!(
                    "UPDATE crawl_requests SET state = 'failed', reason = '{}', status = {}, error = '{}'
                     WHERE url = '{}'",
                    page.reason.unwrap().code(),
                    page.status.map_or("NULL".to_owned(), |status| status.to_string()),
                    page.error.as_deref().unwrap().replace('\'', "''"),
                    page.url
                )
            });
            execute(stored, &again.collect::<Vec<_>>().join(";"));
        }
    });
}

fn where_nothing_is_found_nothing_is_changed(stored: &Stored) {
    run(async {
        let failures = [failed(&request("bad"), Some(500), "HTTP 500")];
        let run_id = ended_run(stored, &failures, &[request("left")], RunState::Finished).await;
        let row = "SELECT state, stop_reason, finished_at, epoch, ended_at_start FROM crawl_runs";
        let before = stored.query(row);
        let done =
            requeue(stored, &Requeue { run_id, statuses: vec![(404, 404)], ..Requeue::default() }).await;
        assert_eq!(done.unwrap().requests, 0);
        assert_eq!(stored.query(row), before);
        let timeouts = Requeue { run_id, reason: Some(Reason::Timeout), ..Requeue::default() };
        assert!(!requeue(stored, &timeouts).await.unwrap().is_reason_missing);
        execute(stored, "UPDATE crawl_requests SET reason = NULL");
        let done = requeue(stored, &timeouts).await.unwrap();
        assert_eq!((done.requests, done.is_reason_missing), (0, true));
        let error = requeue(stored, &Requeue { run_id: 4_711, ..Requeue::default() }).await.unwrap_err();
        assert!(error.to_string().contains("4711") && error.hint().is_some(), "{error:?}");
    });
}

fn an_unfinished_run_stays_as_it_was_left(stored: &Stored) {
    run(async {
        let failures = [failed(&request("bad"), Some(500), "HTTP 500")];
        let run_id = ended_run(stored, &failures, &[], RunState::Stopped).await;
        let done = requeue(stored, &Requeue { run_id, ..Requeue::default() }).await.unwrap();
        assert_eq!((done.requests, done.was, done.new_reason()), (1, RunState::Stopped, None));
        let row = "SELECT state, stop_reason, epoch FROM crawl_runs";
        assert_eq!(stored.query(row), [["stopped", "limit", "2"]]);
    });
}

fn a_run_with_a_successor_is_not_opened_again(stored: &Stored) {
    run(async {
        let failures = [failed(&request("bad"), Some(500), "HTTP 500")];
        let first = ended_run(stored, &failures, &[], RunState::Finished).await;
        let second = ended_run(stored, &failures, &[], RunState::Finished).await;
        let error = requeue(stored, &Requeue { run_id: first, ..Requeue::default() }).await.unwrap_err();
        assert!(matches!(error, StoreError::Setup { .. }), "{error:?}");
        assert!(error.to_string().contains(&second.to_string()), "{error}");
        assert_eq!(stored.count("SELECT count(*) FROM crawl_requests WHERE state = 'queued'"), 0);
        // A run of another name does not count.
        let other = RunSpec { name: "other".into(), ..spec() };
        Session::open(stored, &other).await.store.close().await;
        let done = requeue(stored, &Requeue { run_id: second, ..Requeue::default() }).await.unwrap();
        assert_eq!(done.requests, 1);
    });
}

fn a_run_opened_again_is_judged_anew(stored: &Stored) {
    run(async {
        let page = request("done");
        let session = Session::begin(stored, &[page.clone(), request("bad")]).await;
        session.flush(&[done_with(&page, vec![])]).await.unwrap();
        session.flush(&[failed(&request("bad"), None, "down")]).await.unwrap();
        session.store.end_run(session.key(), RunState::Failed, "no-progress").await.unwrap();
        session.store.close().await;
        let run_id = session.key().run_id;
        // As many starts without fruit as end a run, all but one of them before.
        execute(stored, "UPDATE crawl_runs SET fruitless_starts = 2, ended_at_start = 2");
        assert_eq!(requeue(stored, &Requeue { run_id, ..Requeue::default() }).await.unwrap().requests, 1);
        execute(stored, "UPDATE crawl_runs SET last_start_at = '2000-01-01T00:00:00.000000Z'");
        assert_eq!(Session::begin(stored, &[]).await.key().run_id, run_id);
    });
}

fn many_requests_come_back_in_one_piece(stored: &Stored) {
    run(async {
        let run_id = ended_run(stored, &[], &[], RunState::Finished).await;
        let (fingerprint, series) = match stored {
            Stored::Postgres(_) => ("decode(md5(n::text), 'hex')", "generate_series(1, 45000) AS n"),
            Stored::Sqlite(_) => (
                "CAST(printf('%016d', n) AS BLOB)",
                "(WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < 45000) SELECT n FROM s)",
            ),
        };
        execute(
            stored,
            &format!(
                "INSERT INTO crawl_requests (run_id, shard, fingerprint, url, method, headers, tag, meta, priority, depth,
                     host, redirects, dont_filter, state, attempts, error)
                 SELECT {run_id}, 0, {fingerprint}, 'http://a.example/', 'GET', '[]', '', '{{}}', 0, 0,
                     'a.example:80', '[]', {no}, 'failed', 4, 'HTTP 500' FROM {series}",
                no = if matches!(stored, Stored::Postgres(_)) { "false" } else { "0" }
            ),
        );
        let done = requeue(stored, &Requeue { run_id, ..Requeue::default() }).await.unwrap();
        assert_eq!(done.requests, 45_000);
        assert_eq!(figures(stored, run_id).await.pages.queued, 45_000);
    });
}

fn a_run_is_given_up_once(stored: &Stored) {
    run(async {
        let run_id = ended_run(stored, &[], &[request("left")], RunState::Stopped).await;
        let admin = admin(stored).await;
        admin.lock_run(RUN, PATIENCE).await.unwrap();
        assert!(admin.give_up_run(run_id, "ended by hand").await.unwrap());
        assert!(!admin.give_up_run(run_id, "again").await.unwrap());
        assert!(!admin.give_up_run(4_711, "again").await.unwrap());
        admin.close().await;
        let row = "SELECT state, stop_reason, finished_at IS NOT NULL, epoch FROM crawl_runs";
        let row = &stored.query(row)[0];
        assert_eq!((row[0].as_str(), row[1].as_str(), row[3].as_str()), ("failed", "ended by hand", "2"));
        assert_ne!(Session::begin(stored, &[]).await.key().run_id, run_id);
    });
}
