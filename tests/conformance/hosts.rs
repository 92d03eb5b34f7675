//! What hosts were told to wait: kept with the run by the store's clock, there when it is resumed, gone when it has ended.

use std::time::{Duration, Instant};

use dragline_core::store::{RunSpec, RunState};
use dragline_core::{HostNote, PageState, StoreError};
use dragline_store::{StoreSettings, open_runs};

use super::fixture::{Session, ended, execute, request, run, spec};
use crate::stored::{Stored, on_both_stores};

on_both_stores!(
    a_resumed_run_waits_as_long_as_it_was_told,
    time_in_which_no_process_runs_is_no_pause,
    the_last_note_of_a_host_counts_and_an_empty_one_forgets_it,
    a_superseded_process_notes_nothing,
    a_run_that_has_ended_has_no_notes,
    requests_put_back_find_their_hosts_asked_again,
    odd_hosts_are_noted_as_they_are,
);

const MINUTE: Duration = Duration::from_secs(60);

/// A host that asked for a wait.
fn asked(host: &str, wait: Duration) -> HostNote {
    HostNote::kept(host.to_owned(), Some(wait), None, None, Some("HTTP 429".to_owned()))
}

/// A host that keeps failing, with how long it will have been paused when its wait ends.
fn failing(host: &str, wait: Duration, paused_for: Duration) -> HostNote {
    HostNote::kept(host.to_owned(), Some(wait), Some(paused_for), None, Some("timed out".to_owned()))
}

fn slowed(host: &str, period: Duration) -> HostNote {
    HostNote::kept(host.to_owned(), None, None, Some(period), None)
}

fn stored_hosts(stored: &Stored) -> Vec<Vec<String>> {
    stored.query("SELECT host, paused_ms, slowed_to_ms, reason FROM crawl_hosts ORDER BY host")
}

fn a_resumed_run_waits_as_long_as_it_was_told(stored: &Stored) {
    run(async {
        let session = Session::begin(stored, &[request("a")]).await;
        assert!(session.opened.hosts.is_empty());
        let begun = Instant::now();
        let notes = [
            asked("asked.example:80", 2 * MINUTE),
            failing("failing.example:80", MINUTE, 5 * MINUTE),
            slowed("slowed.example:80", 3 * MINUTE),
            asked("over.example:80", Duration::ZERO),
        ];
        session.store.note_hosts(session.key(), &notes).await.unwrap();
        let written = begun.elapsed();
        session.store.end_run(session.key(), RunState::Stopped, "signal").await.unwrap();
        session.store.close().await;

        let resumed = Session::begin(stored, &[]).await;
        let (read, hosts) = (begun.elapsed(), &resumed.opened.hosts);
        resumed.store.close().await;
        let of = |name: &str| hosts.iter().find(|note| note.host == name);
        assert_eq!(hosts.len(), 3, "{hosts:?}");
        assert!(of("over.example:80").is_none());
        assert_eq!(of("slowed.example:80"), Some(&notes[2]));
        for (name, wait) in [("asked.example:80", 2 * MINUTE), ("failing.example:80", MINUTE)] {
            // It began between the first moment and the second; a millisecond is lost to rounding.
            let until = of(name).unwrap().waits_until.unwrap();
            let slack = Duration::from_millis(2);
            assert!(
                until + slack >= begun + wait && until <= begun + wait + written + read + slack,
                "{name}"
            );
        }
        let failing = of("failing.example:80").unwrap();
        let paused_for = failing.waits_until.unwrap() - failing.paused_since.unwrap();
        assert_eq!((paused_for.as_secs(), failing.reason.as_deref()), (300, Some("timed out")));
        assert_eq!(of("asked.example:80").unwrap().paused_since, None);
    });
}

fn time_in_which_no_process_runs_is_no_pause(stored: &Stored) {
    run(async {
        let session = Session::begin(stored, &[request("a")]).await;
        let note = failing("failing.example:80", MINUTE, 5 * MINUTE);
        session.store.note_hosts(session.key(), &[note]).await.unwrap();
        session.store.close().await;
        // As if the night had passed.
        execute(stored, "UPDATE crawl_hosts SET paused_until = '2020-01-01T00:00:00.000000Z'");
        let resumed = Session::begin(stored, &[]).await;
        let [note] = resumed.opened.hosts.as_slice() else { panic!("{:?}", resumed.opened.hosts) };
        assert_eq!((note.wait(), note.paused_for()), (Some(Duration::ZERO), Some(5 * MINUTE)));
        resumed.store.close().await;
    });
}

fn the_last_note_of_a_host_counts_and_an_empty_one_forgets_it(stored: &Stored) {
    run(async {
        let session = Session::begin(stored, &[request("a")]).await;
        let note = async |notes: Vec<HostNote>| {
            session.store.note_hosts(session.key(), &notes).await.unwrap();
        };
        note(vec![slowed("a:80", MINUTE), failing("b:80", MINUTE, MINUTE)]).await;
        note(vec![asked("a:80", MINUTE), slowed("b:80", MINUTE)]).await;
        let row = |words: [&str; 4]| words.map(str::to_owned).to_vec();
        assert_eq!(
            stored_hosts(stored),
            [row(["a:80", "NULL", "NULL", "HTTP 429"]), row(["b:80", "NULL", "60000", "NULL"])]
        );
        let nothing = HostNote::kept("a:80".to_owned(), None, None, None, None);
        note(vec![nothing]).await;
        assert_eq!(stored_hosts(stored), [row(["b:80", "NULL", "60000", "NULL"])]);
        note(Vec::new()).await;
        session.store.close().await;
    });
}

fn a_superseded_process_notes_nothing(stored: &Stored) {
    run(async {
        let session = Session::begin(stored, &[request("a")]).await;
        session.store.note_hosts(session.key(), &[slowed("a:80", MINUTE)]).await.unwrap();
        let mut old = session.key().clone();
        old.epoch -= 1;
        let nothing = HostNote::kept("a:80".to_owned(), None, None, None, None);
        let refused = session.store.note_hosts(&old, &[slowed("b:80", MINUTE), nothing]).await;
        assert!(matches!(refused, Err(StoreError::Superseded { .. })), "{refused:?}");
        let hosts: Vec<String> = stored_hosts(stored).into_iter().map(|row| row[0].clone()).collect();
        assert_eq!(hosts, ["a:80"]);
        session.store.close().await;
    });
}

fn a_run_that_has_ended_has_no_notes(stored: &Stored) {
    run(async {
        let page = request("page");
        let session = Session::begin(stored, std::slice::from_ref(&page)).await;
        let key = session.key().clone();
        session.store.note_hosts(&key, &[slowed("a:80", MINUTE)]).await.unwrap();
        session.store.end_run(&key, RunState::Stopped, "signal").await.unwrap();
        assert_eq!(stored_hosts(stored).len(), 1);
        session.store.end_run(&key, RunState::Finished, "finished").await.unwrap();
        assert!(stored_hosts(stored).is_empty());
        session.store.close().await;

        // Given up in favour of a new run, and given up from outside.
        let session = Session::begin(stored, std::slice::from_ref(&page)).await;
        session.store.note_hosts(session.key(), &[slowed("a:80", MINUTE)]).await.unwrap();
        session.store.close().await;
        let fresh = RunSpec { fresh: true, start: vec![page.clone()], ..spec() };
        let session = Session::open(stored, &fresh).await;
        assert!(session.opened.hosts.is_empty() && stored_hosts(stored).is_empty());
        session.store.note_hosts(session.key(), &[slowed("a:80", MINUTE)]).await.unwrap();
        let run_id = session.key().run_id;
        session.store.close().await;
        let runs = open_runs(&stored.url(), &StoreSettings::default()).unwrap();
        runs.connect().await.unwrap();
        assert!(runs.give_up_run(run_id, "superseded").await.unwrap());
        assert!(stored_hosts(stored).is_empty());
        runs.close().await;
    });
}

fn requests_put_back_find_their_hosts_asked_again(stored: &Stored) {
    run(async {
        let (down, other) = (request("down"), request("other"));
        let session = Session::begin(stored, &[down.clone(), other]).await;
        let notes = [failing("a.example:80", MINUTE, MINUTE), asked("b.example:80", MINUTE)];
        session.store.note_hosts(session.key(), &notes).await.unwrap();
        session.flush(&[ended(&down, PageState::Failed)]).await.unwrap();
        session.store.end_run(session.key(), RunState::Stopped, "signal").await.unwrap();
        let run_id = session.key().run_id;
        session.store.close().await;
        let runs = open_runs(&stored.url(), &StoreSettings::default()).unwrap();
        runs.connect().await.unwrap();
        let ask = dragline_core::runs::Requeue { run_id, ..Default::default() };
        assert_eq!(runs.requeue_failed(&ask).await.unwrap().requests, 1);
        runs.close().await;
        let hosts: Vec<String> = stored_hosts(stored).into_iter().map(|row| row[0].clone()).collect();
        assert_eq!(hosts, ["b.example:80"], "what a host asked for is still kept");
    });
}

fn odd_hosts_are_noted_as_they_are(stored: &Stored) {
    run(async {
        let session = Session::begin(stored, &[request("a")]).await;
        let mut notes: Vec<HostNote> =
            (0..3000).map(|n| slowed(&format!("h{n:04}.example:80"), MINUTE)).collect();
        notes.push(HostNote { reason: Some("ä'\\\n\"{}".to_owned()), ..slowed("[::1]:80", MINUTE) });
        session.store.note_hosts(session.key(), &notes).await.unwrap();
        session.store.close().await;
        let resumed = Session::begin(stored, &[]).await;
        let mut read = resumed.opened.hosts.clone();
        resumed.store.close().await;
        let by_host = |a: &HostNote, b: &HostNote| a.host.cmp(&b.host);
        read.sort_by(by_host);
        notes.sort_by(by_host);
        assert!(read == notes, "{} of {}", read.len(), notes.len());
    });
}
