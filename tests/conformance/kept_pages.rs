//! Kept answers: stored with their pages, each body once, and read again by later runs of the spider.

use std::time::Duration;

use dragline_core::chrono::{DateTime, TimeDelta, Utc};
use dragline_core::earlier::{Validators, body_hash};
use dragline_core::kept_page::{KeptCounts, KeptPage, KeptPart};
use dragline_core::outcome::PageState;
use dragline_core::prune::PrunePart;
use dragline_core::runs::RunAdmin;
use dragline_core::store::{RunSpec, RunState};
use dragline_core::{
    Fingerprint, KeptAnswers, KeptAsk, KeptBody, PageOutcome, PageRecord, ParserVersion, QueuedRequest,
    RunKind, StoreError,
};
use dragline_store::{StoreSettings, open_runs};

use super::fixture::{
    RUN, Session, connected, done, done_with, ended, everything, execute, request, request_to, run, spec,
};
use super::item_types::quote;
use crate::stored::{Stored, on_both_stores};

on_both_stores!(
    an_answer_is_kept_with_its_page_whatever_becomes_of_it,
    a_body_is_stored_once,
    a_batch_that_is_not_applied_keeps_nothing,
    the_newest_whole_answer_is_read,
    an_unfinished_import_is_not_read,
    answers_are_read_as_long_as_there_is_room,
    a_changed_body_is_an_error_when_it_is_read,
    flushes_with_the_same_bodies_do_not_wait_in_a_circle,
    a_body_is_not_removed_while_a_flush_refers_to_it,
    an_unfinished_reparse_keeps_answers_from_being_removed,
    a_run_that_keeps_pages_does_not_use_the_record_of_one_that_is_not_kept,
    a_run_is_of_the_kind_that_it_began_with,
);

fn moment(seconds: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::seconds(seconds)
}

/// The outcome of a page whose whole answer is kept.
fn keeping(outcome: PageOutcome, body: &[u8]) -> PageOutcome {
    let kept = KeptPage {
        url: outcome.url.clone(),
        status: 200,
        headers: vec![
            ("content-type".to_owned(), "text/html".to_owned()),
            ("x".to_owned(), "ä\0".to_owned()),
        ],
        fetched_at: moment(7),
        body: KeptPart::Whole(KeptBody::pack(body, body_hash(body)).unwrap()),
    };
    PageOutcome { kept: Some(Box::new(kept)), ..outcome }
}

/// The outcome of a failed page of which only the beginning is kept.
fn beginning(of: &QueuedRequest) -> PageOutcome {
    let outcome = keeping(ended(of, PageState::Failed), b"");
    let kept = outcome.kept.map(|kept| {
        Box::new(KeptPage {
            body: KeptPart::Beginning { bytes: b"begin".to_vec(), body_bytes: None },
            ..*kept
        })
    });
    PageOutcome { kept, ..outcome }
}

fn ask(pages: &[Fingerprint]) -> KeptAsk {
    KeptAsk { spider: "spider".to_owned(), pages: pages.to_vec(), up_to_run: None, max_bytes: 1 << 30 }
}

/// Runs and bodies of the answers.
fn read(found: &KeptAnswers) -> Vec<(i64, String)> {
    let text = |body: &KeptBody| String::from_utf8(body.read(1 << 20).unwrap()).unwrap();
    found.answers.iter().map(|answer| (answer.run_id, text(&answer.body))).collect()
}

async fn finish(session: Session) -> i64 {
    session.store.end_run(session.key(), RunState::Finished, "finished").await.unwrap();
    session.store.close().await;
    session.key().run_id
}

/// One run in which these outcomes are flushed. Returns its id.
async fn night(stored: &Stored, spec: &RunSpec, outcomes: &[PageOutcome]) -> i64 {
    let session = Session::open(stored, spec).await;
    session.flush(outcomes).await.unwrap();
    finish(session).await
}

fn starting(start: &[QueuedRequest]) -> RunSpec {
    RunSpec { start: start.to_vec(), ..spec() }
}

async fn answers(stored: &Stored, ask: &KeptAsk) -> KeptAnswers {
    let store = connected(stored).await;
    let found = store.kept_answers(ask).await.unwrap();
    store.close().await;
    found
}

fn an_answer_is_kept_with_its_page_whatever_becomes_of_it(stored: &Stored) {
    run(async {
        let pages = ["done", "failed", "skipped", "dead"].map(request);
        let states = [PageState::Done, PageState::Failed, PageState::Skipped, PageState::Dead];
        let session = Session::begin(stored, &pages).await;
        let outcome = |(page, state)| keeping(ended(page, state), page.request.url().as_str().as_bytes());
        let outcomes: Vec<PageOutcome> = pages.iter().zip(states).map(outcome).collect();
        let receipt = session.flush(&outcomes).await.unwrap();
        assert_eq!((receipt.kept.pages, receipt.kept.bodies), (4, 4));
        let again = session.flush(&outcomes).await.unwrap();
        assert_eq!(again.kept, KeptCounts::default(), "a batch whose answer was lost");
        let run_id = finish(session).await;

        let found = answers(stored, &ask(&pages.clone().map(|page| page.fingerprint))).await;
        let urls = pages.clone().map(|page| (run_id, page.request.url().to_string()));
        assert_eq!(read(&found), urls);
        let answer = &found.answers[0];
        assert_eq!((answer.fingerprint, &*answer.url), (pages[0].fingerprint, "http://a.example/done"));
        assert_eq!((answer.status, answer.fetched_at), (200, moment(7)));
        assert_eq!(answer.headers[1], ("x".to_owned(), "ä\0".to_owned()));

        // A person sees the same.
        let runs = open_runs(&stored.url(), &StoreSettings::default()).unwrap();
        runs.reach().await.unwrap();
        let kept = runs.kept_pages(run_id, "http://a.example/dead").await.unwrap();
        assert_eq!((kept.len(), kept[0].request.clone()), (1, pages[3].clone()));
        assert_eq!(Some(&kept[0].page), outcomes[3].kept.as_deref());
        let figures = runs.inspect_run(run_id, &[]).await.unwrap();
        let bytes: Vec<_> = figures.ended_badly.iter().map(|page| page.kept_bytes).collect();
        assert_eq!(
            bytes,
            [Some("http://a.example/failed".len() as u64), Some("http://a.example/dead".len() as u64)]
        );
    });
}

fn a_body_is_stored_once(stored: &Stored) {
    run(async {
        let pages = ["1", "2", "3"].map(request);
        let bodies = [&b"the same"[..], b"another", b"the same"];
        let outcomes =
            || pages.iter().zip(bodies).map(|(page, body)| keeping(done(page), body)).collect::<Vec<_>>();
        let first = night(stored, &starting(&pages), &outcomes()).await;
        assert_eq!(stored.count("SELECT count(*) FROM crawl_bodies"), 2);
        // The next night.
        let session = Session::begin(stored, &pages).await;
        let receipt = session.flush(&outcomes()).await.unwrap();
        assert_eq!(receipt.kept, KeptCounts { pages: 3, bodies: 0, bytes: 0 });
        let second = finish(session).await;
        assert_eq!(stored.count("SELECT count(*) FROM crawl_bodies"), 2);
        let asked = ask(&pages.clone().map(|page| page.fingerprint));
        let texts = ["the same", "another", "the same"];
        assert_eq!(read(&answers(stored, &asked).await), texts.map(|text| (second, text.to_owned())));
        let before = KeptAsk { up_to_run: Some(first), ..asked };
        assert_eq!(read(&answers(stored, &before).await), texts.map(|text| (first, text.to_owned())));
    });
}

fn a_batch_that_is_not_applied_keeps_nothing(stored: &Stored) {
    run(async {
        let pages = ["good", "bad"].map(request);
        let session = Session::begin(stored, &pages).await;
        execute(stored, "CREATE UNIQUE INDEX one_quote_each ON quotes (author)");
        let twins = vec![quote("y", "twin"), quote("z", "twin")];
        let refused = session
            .flush(&[keeping(done(&pages[0]), b"good"), keeping(done_with(&pages[1], twins), b"bad")])
            .await;
        assert!(matches!(refused, Err(StoreError::Refused { sqlstate: Some(_), .. })), "{refused:?}");
        for table in ["crawl_bodies", "crawl_kept_pages"] {
            assert_eq!(stored.count(&format!("SELECT count(*) FROM {table}")), 0, "{table}");
        }
        session.store.close().await;
    });
}

fn the_newest_whole_answer_is_read(stored: &Stored) {
    run(async {
        let page = request("page");
        let nights = |outcome: PageOutcome| [outcome];
        let start = starting(std::slice::from_ref(&page));
        let first = night(stored, &start, &nights(keeping(done(&page), b"one"))).await;
        let second = night(stored, &start, &nights(keeping(done(&page), b"two"))).await;
        // These runs keep no whole answer of the page.
        let third = night(stored, &start, &nights(beginning(&page))).await;
        night(stored, &start, &nights(done(&page))).await;
        let other = RunSpec { name: "other".into(), spider: "other".into(), ..start };
        let others = night(stored, &other, &nights(keeping(done(&page), b"of another spider"))).await;

        let asked = ask(&[request("unknown").fingerprint, page.fingerprint]);
        let at = |run_id: i64| KeptAsk { up_to_run: Some(run_id), ..asked.clone() };
        assert_eq!(read(&answers(stored, &asked).await), [(second, "two".to_owned())]);
        assert_eq!(read(&answers(stored, &at(third)).await), [(second, "two".to_owned())]);
        assert_eq!(read(&answers(stored, &at(first)).await), [(first, "one".to_owned())]);
        assert_eq!(answers(stored, &at(first - 1)).await, KeptAnswers::default());
        assert_eq!(answers(stored, &ask(&[])).await, KeptAnswers::default());
        let of_other = KeptAsk { spider: "other".into(), ..asked };
        assert_eq!(read(&answers(stored, &of_other).await), [(others, "of another spider".to_owned())]);
    });
}

fn an_unfinished_import_is_not_read(stored: &Stored) {
    run(async {
        let page = request("page");
        let import = RunSpec { kind: RunKind::Import, ..starting(std::slice::from_ref(&page)) };
        let session = Session::open(stored, &import).await;
        session.flush(&[keeping(done(&page), b"imported")]).await.unwrap();
        let asked = ask(&[page.fingerprint]);
        assert_eq!(answers(stored, &asked).await, KeptAnswers::default());
        let run_id = finish(session).await;
        assert_eq!(read(&answers(stored, &asked).await), [(run_id, "imported".to_owned())]);
    });
}

fn answers_are_read_as_long_as_there_is_room(stored: &Stored) {
    run(async {
        let pages = ["1", "2", "3"].map(request);
        let noise = |seed: u32| -> Vec<u8> {
            (0..250).flat_map(|n: u32| (n ^ seed).wrapping_mul(2_654_435_761).to_le_bytes()).collect()
        };
        let outcomes: Vec<PageOutcome> =
            pages.iter().zip(1..).map(|(page, seed)| keeping(done(page), &noise(seed * 77_777))).collect();
        night(stored, &starting(&pages), &outcomes).await;
        let fingerprints = pages.map(|page| page.fingerprint);
        for (max_bytes, read) in [(0, 1), (1_500, 1), (2_500, 2), (10_000, 3)] {
            let found = answers(stored, &KeptAsk { max_bytes, ..ask(&fingerprints) }).await;
            let answered: Vec<Fingerprint> = found.answers.iter().map(|answer| answer.fingerprint).collect();
            assert_eq!(answered, fingerprints[..read], "{max_bytes}");
            assert_eq!(found.left, fingerprints[read..], "{max_bytes}");
        }
    });
}

fn a_changed_body_is_an_error_when_it_is_read(stored: &Stored) {
    run(async {
        let page = request("page");
        let body = b"<p>one</p>".repeat(100);
        night(stored, &starting(std::slice::from_ref(&page)), &[keeping(done(&page), &body)]).await;
        let cut = if matches!(stored, Stored::Postgres(_)) {
            "substring(body FROM 1 FOR 20)"
        } else {
            "substr(body, 1, 20)"
        };
        execute(stored, &format!("UPDATE crawl_bodies SET body = {cut}"));
        let found = answers(stored, &ask(&[page.fingerprint])).await;
        let error = found.answers[0].body.read(1 << 20).unwrap_err().to_string();
        assert!(error.contains("damaged"), "{error}");
        let error = found.answers[0].body.read(10).unwrap_err().to_string();
        assert!(error.contains("1000 bytes") && error.contains("limit is 10"), "{error}");
    });
}

/// Crawls of several spiders find the same bodies, in batches that have them in different orders.
fn flushes_with_the_same_bodies_do_not_wait_in_a_circle(stored: &Stored) {
    const CRAWLS: usize = 3;
    const BATCHES: usize = 12;
    const PAGES: usize = 20;
    run(async {
        let crawl = async |number: usize| {
            let pages: Vec<QueuedRequest> = (0..BATCHES * PAGES)
                .map(|page| request_to(&format!("http://crawl{number}.example/{page}")))
                .collect();
            let spec = RunSpec { name: format!("{RUN}{number}"), ..starting(&pages) };
            let session = Session::open(stored, &spec).await;
            let mut bodies = 0;
            for (batch, pages) in pages.chunks(PAGES).enumerate() {
                let body = |page: usize| {
                    let at = if number.is_multiple_of(2) { page } else { PAGES - page };
                    format!("body {batch} {at}")
                };
                let outcomes: Vec<PageOutcome> =
                    (0..).zip(pages).map(|(at, page)| keeping(done(page), body(at).as_bytes())).collect();
                let receipt = session.flush(&outcomes).await.unwrap();
                assert_eq!(receipt.kept.pages, PAGES as u64);
                bodies += receipt.kept.bodies;
            }
            finish(session).await;
            bodies
        };
        let crawls = [crawl(0), crawl(1), crawl(2)];
        let [a, b, c] = crawls;
        let (a, b, c) = tokio::join!(a, b, c);
        let bodies = stored.count("SELECT count(*) FROM crawl_bodies");
        assert_eq!(a + b + c, bodies as u64, "each was stored by one of them");
        assert_eq!(bodies, BATCHES * (PAGES + 1));
        assert_eq!(stored.count("SELECT count(*) FROM crawl_kept_pages"), CRAWLS * BATCHES * PAGES);
    });
}

/// Removes all kept answers of a run that has ended. Returns how many.
async fn prune(runs: &dyn RunAdmin, run_id: i64) -> u64 {
    let (mut next, mut rows) = (Some(PrunePart::KeptPages { after: None }), 0);
    assert!(runs.begin_prune(run_id, false, None).await.unwrap());
    while let Some(part) = next {
        let batch = runs.prune_batch(run_id, &part, 3).await.unwrap();
        rows += batch.rows;
        next = batch.next;
    }
    rows
}

async fn administration(stored: &Stored) -> Box<dyn RunAdmin> {
    connected(stored).await.close().await;
    let runs = open_runs(&stored.url(), &StoreSettings::default()).unwrap();
    runs.reach().await.unwrap();
    runs
}

/// An old run loses its answers at the moment when a crawl finds the same bodies again.
fn a_body_is_not_removed_while_a_flush_refers_to_it(stored: &Stored) {
    const PAGES: usize = 30;
    let rounds = if matches!(stored, Stored::Postgres(_)) { 25 } else { 3 };
    run(async {
        let runs = administration(stored).await;
        for round in 0..rounds {
            let pages: Vec<QueuedRequest> = (0..PAGES).map(|page| request(&page.to_string())).collect();
            let outcomes = || -> Vec<PageOutcome> {
                let body = |page: usize| format!("body {page} of round {round}");
                (0..).zip(&pages).map(|(at, page)| keeping(done(page), body(at).as_bytes())).collect()
            };
            let old = night(stored, &starting(&pages), &outcomes()).await;
            let session = Session::begin(stored, &pages).await;
            let flushes = async {
                for batch in outcomes().chunks(3) {
                    assert_eq!(session.flush(batch).await.unwrap().kept.pages, 3);
                }
            };
            let ((), removed) = tokio::join!(flushes, prune(&*runs, old));
            assert_eq!(removed, PAGES as u64);
            let new = finish(session).await;
            let found =
                answers(stored, &ask(&pages.iter().map(|page| page.fingerprint).collect::<Vec<_>>())).await;
            assert!(read(&found).iter().all(|(run_id, _)| *run_id == new));
            assert_eq!(found.answers.len(), PAGES);
            assert_eq!(prune(&*runs, new).await, PAGES as u64);
            assert_eq!(runs.prune_bodies(None, 1000).await.unwrap().next, None);
            assert_eq!(stored.count("SELECT count(*) FROM crawl_bodies"), 0);
            assert_eq!(runs.kept_bytes().await.unwrap(), 0);
        }
    });
}

fn an_unfinished_reparse_keeps_answers_from_being_removed(stored: &Stored) {
    run(async {
        let page = request("page");
        let start = starting(std::slice::from_ref(&page));
        let old = night(stored, &start, &[keeping(done(&page), b"one")]).await;
        let reparse = RunSpec { kind: RunKind::Reparse, name: "reparse".into(), ..spec() };
        let session = Session::open(stored, &reparse).await;
        let runs = administration(stored).await;
        let counts = runs.count_prunable(old, false).await.unwrap();
        assert_eq!((counts.kept_pages, counts.kept_bytes, counts.kept_staying), (0, 0, 1));
        assert_eq!(prune(&*runs, old).await, 0);
        finish(session).await;
        let counts = runs.count_prunable(old, false).await.unwrap();
        assert_eq!((counts.kept_pages, counts.kept_staying), (1, 0));
        assert_eq!(counts.kept_bytes, runs.kept_bytes().await.unwrap());
        assert_eq!(prune(&*runs, old).await, 1);
    });
}

/// Otherwise an incremental spider that begins to keep pages would never get those that don't change.
fn a_run_that_keeps_pages_does_not_use_the_record_of_one_that_is_not_kept(stored: &Stored) {
    run(async {
        let page = request("page");
        let parsed = |outcome: PageOutcome| {
            let record = PageRecord::Parsed {
                tag: String::new(),
                validators: Validators { etag: Some("1".to_owned()), last_modified: None },
                body_hash: body_hash(b"one"),
                parser: ParserVersion::from_bytes(&[7; 16]).unwrap(),
                links: Vec::new(),
            };
            PageOutcome { record: Some(Box::new(record)), ..outcome }
        };
        let without = RunSpec { incremental: true, ..starting(std::slice::from_ref(&page)) };
        let with = RunSpec { keeps_pages: true, ..without.clone() };
        night(stored, &without, &[parsed(done(&page))]).await;
        let known = async |spec: &RunSpec, outcome: PageOutcome| {
            let session = Session::open(stored, spec).await;
            let known = session.refill(&everything()).await.earlier.contains_key(&page.fingerprint);
            session.flush(&[outcome]).await.unwrap();
            finish(session).await;
            known
        };
        assert!(known(&without, parsed(done(&page))).await);
        assert!(!known(&with, parsed(keeping(done(&page), b"one"))).await, "nothing of it is kept");
        assert!(known(&with, parsed(keeping(done(&page), b"one"))).await);
    });
}

fn a_run_is_of_the_kind_that_it_began_with(stored: &Stored) {
    run(async {
        for kind in RunKind::ALL {
            let name = format!("a {kind}");
            let session = Session::open(
                stored,
                &RunSpec { kind, name: name.clone(), start: vec![request("1")], ..spec() },
            )
            .await;
            let found = session.store.find_run(&name).await.unwrap().unwrap();
            assert_eq!(found.kind, kind);
            session.store.close().await;
            // Only a start of the same kind resumes it.
            for start in RunKind::ALL {
                let store = connected(stored).await;
                store.lock_run(&name, Duration::from_secs(5)).await.unwrap();
                let opened = store.open_run(&RunSpec { kind: start, name: name.clone(), ..spec() }).await;
                let told = opened.map_err(|error| error.to_string()).map(|run| run.resumed.is_some());
                let refused = format!(
                    "the unfinished run \"{name}\" (id {}) is of the kind {kind}, not {start}",
                    found.run_id
                );
                assert!(if start == kind { told == Ok(true) } else { told.unwrap_err().contains(&refused) });
                assert_eq!(store.find_run(&name).await.unwrap().unwrap().kind, kind);
                store.close().await;
            }
        }
    });
}
