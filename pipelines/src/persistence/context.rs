//! Everything that the persistence thread and its tasks share.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use dragline_core::bridge::{ReceiptSink, StoreEvent};
use dragline_core::pulse::Pulse;
use dragline_core::stop::{Stop, StopReason};
use dragline_core::store::{Store, StoreError};
use tracing::error;

use super::outage::{Outage, chain};
use super::report::PersistenceProgress;
use super::settings::PersistenceSettings;

pub(super) struct PersistenceContext {
    pub(super) store: Arc<dyn Store>,
    pub(super) settings: PersistenceSettings,
    pub(super) stop: Stop,
    pub(super) pulse: Arc<dyn Pulse>,
    pub(super) receipts: Box<dyn ReceiptSink>,
    pub(super) progress: Arc<PersistenceProgress>,
    pub(super) writing: Outage,
    pub(super) reading: Outage,
    /// For pages that the store gives up even when they are flushed one at a time. Other pages are written meanwhile.
    pub(super) stuck: Outage,
    /// For the run's signs of life. Nothing else notices an outage while no flush and no read is under way.
    pub(super) beating: Outage,
    failed: AtomicBool,
}

impl PersistenceContext {
    pub(super) fn new(
        store: Arc<dyn Store>,
        settings: PersistenceSettings,
        stop: Stop,
        pulse: Arc<dyn Pulse>,
        receipts: Box<dyn ReceiptSink>,
        progress: Arc<PersistenceProgress>,
    ) -> Self {
        let writing = Outage::new("flushing", &settings);
        let reading = Outage::new("reading the frontier", &settings);
        let stuck = Outage::new("flushing a page", &settings);
        let beating = Outage::new("writing the run's sign of life", &settings);
        Self {
            store,
            settings,
            stop,
            pulse,
            receipts,
            progress,
            writing,
            reading,
            stuck,
            beating,
            failed: AtomicBool::new(false),
        }
    }

    /// The store can no longer be used, so the crawl must end: it never continues without its persistence thread. Only
    /// the first failure is reported.
    pub(super) fn fail(&self, error: StoreError) {
        if self.failed.swap(true, Ordering::AcqRel) {
            return;
        }
        let what = chain(&error);
        error!(error = what, hint = error.hint(), "nothing can be stored any more: the crawl stops");
        self.stop.request(StopReason::Failed(what));
        self.receipts.deliver(StoreEvent::Failed(error));
    }

    /// Reports that a part of the thread panicked.
    pub(super) fn fail_by_panic(&self, what: &str, message: String) {
        self.fail(StoreError::Broken {
            store: self.store.location(),
            what: what.to_owned(),
            source: message.into(),
        });
    }

    /// Notes that an operation of this `kind` failed and may work later. Returns when the outage began, or `None` if the
    /// run may not wait any longer.
    pub(super) fn waits(&self, kind: &Outage, error: &StoreError) -> Option<Instant> {
        let status = self.progress.status();
        let since = kind.lasts(error, status.batch_rows + status.pending_rows);
        self.tell_outage();
        since
    }

    /// Notes that an operation of this `kind` worked.
    pub(super) fn answered(&self, kind: &Outage) {
        kind.is_over();
        self.tell_outage();
    }

    fn tell_outage(&self) {
        let kinds = [&self.writing, &self.reading, &self.stuck, &self.beating];
        self.progress.outage(kinds.iter().filter_map(|kind| kind.since()).min());
    }

    /// Whether flushes or reads have already reported an outage.
    pub(super) fn is_told_of_an_outage(&self) -> bool {
        [&self.writing, &self.reading].iter().any(|kind| kind.since().is_some())
    }

    pub(super) fn has_failed(&self) -> bool {
        self.failed.load(Ordering::Acquire)
    }
}
