//! Dead letters that are tried again.

use std::collections::BTreeSet;

use dragline_core::letters::LetterAsk;
use dragline_core::stop::{Stop, StopReason};
use dragline_core::{ItemOrigin, ItemPipeline, ItemRecord, Store, StoreError, Verdict};

use super::harness::{Bridge, NOTE, folder, quick, store, url_of};
use crate::letters::{Retry, RetryReport};

/// Gives the steps of a spider.
type StepsOf<'a> = dyn Fn(&str) -> &'a [Box<dyn ItemPipeline>] + Sync + 'a;

fn retry<'a>(store: &'a dyn Store, steps: &'a StepsOf<'a>, stop: &'a Stop) -> Retry<'a> {
    Retry {
        store,
        types: &|_| Some(vec![NOTE.clone()]),
        steps,
        accept_lost_nul: false,
        whole_pages: false,
        stop,
        epoch: None,
        max_pages: None,
        prepared: vec![NOTE.clone()],
    }
}

fn wait<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(work)
}

fn ask() -> LetterAsk {
    LetterAsk::default()
}

#[test]
fn they_are_tried_again_during_an_outage_until_a_stop() {
    let (_folder, url) = folder();
    let (store, stop) = (store(&url), Stop::new());
    store.set(|faults| faults.away = true);
    let reads_until_it_fails = || {
        let before = store.letter_reads();
        let answer = wait(retry(&*store, &|_| &[], &stop).run(ask(), &mut RetryReport::default()));
        assert!(matches!(answer, Err(StoreError::Unavailable { .. })), "{answer:?}");
        store.letter_reads() - before
    };
    assert_eq!(reads_until_it_fails(), 5);
    stop.request(StopReason::Signal("SIGTERM"));
    assert_eq!(reads_until_it_fails(), 1);
}

/// Drops every item, with its origin as the reason.
struct Witness;

impl ItemPipeline for Witness {
    fn name(&self) -> &str {
        "witness"
    }

    fn process(&self, _record: ItemRecord, origin: &ItemOrigin<'_>) -> Verdict {
        Verdict::drop(format!(
            "{} {:?} {} {} {:?}",
            origin.url(),
            origin.tag(),
            origin.depth(),
            origin.spider(),
            origin.run()
        ))
    }
}

#[test]
fn their_items_pass_the_steps_with_their_origin() {
    let (_folder, url) = folder();
    let bridge = Bridge::open(&url, quick(), 1);
    bridge.store.set(|faults| faults.refused = BTreeSet::from([url_of(0)]));
    bridge.submit(0..1);
    bridge.receipts(1);
    let steps: [Box<dyn ItemPipeline>; 1] = [Box::new(Witness)];
    let mut report = RetryReport::default();
    wait(retry(&*bridge.store, &|_| &steps, &Stop::new()).run(ask(), &mut report)).unwrap();
    let reasons: Vec<_> = report.told.iter().map(|letter| letter.error.as_str()).collect();
    assert_eq!(reasons, ["witness: http://a.example/0 \"start\" 0 spider Some(\"a run\")"]);
}
