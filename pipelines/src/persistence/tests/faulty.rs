//! A real store that misbehaves on demand: away, hanging, refusing a page, losing an answer.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use dragline_core::due::RunsOfName;
use dragline_core::item_figures::ItemFigures;
use dragline_core::item_type::ItemType;
use dragline_core::letters::{LetterAsk, LetterReceipt, LetterRetry, StoredLetter};
use dragline_core::run_verdict::{EndFigures, RunVerdict};
use dragline_core::serde_json::Value as Json;
use dragline_core::store::{
    BoxFuture, FlushReceipt, ItemRow, KeptLinks, OpenedRun, PoolStatus, Refill, RunInfo, RunKey, RunSpec,
    RunState, RunSummary, StoreResult,
};
use dragline_core::suspects::PageMarks;
use dragline_core::{
    Fingerprint, HostNote, KeptAnswers, KeptAsk, PageOutcome, QueuedRequest, Refilled, Store, StoreError,
};
use tokio::sync::watch;

/// How the store misbehaves from now on: switches that have nothing to do with each other.
#[allow(clippy::struct_excessive_bools)]
#[derive(Clone, Debug, Default)]
pub(super) struct Faults {
    /// Calls of anything but `close` fail as if the store were away.
    pub(super) away: bool,
    /// The number of flushes that commit and then fail, as if the answer to COMMIT were lost.
    pub(super) lost_answers: usize,
    /// Flushes with items of these pages are refused.
    pub(super) refused: BTreeSet<String>,
    /// Flushes of these pages are given up, as by a deadlock.
    pub(super) given_up: BTreeSet<String>,
    /// Flushes with items of these pages are given up.
    pub(super) unmanageable: BTreeSet<String>,
    /// Flushes of more pages are given up, as by a time limit.
    pub(super) most_at_once: Option<usize>,
    /// Flushes wait until this is over, and do not hear a cancel at the server.
    pub(super) flush_hangs: bool,
    /// Whether a cancel at the server ends a hanging flush.
    pub(super) hears_cancel: bool,
    /// Flushes panic.
    pub(super) flush_panics: bool,
    /// Refills panic.
    pub(super) refill_panics: bool,
    /// Another process has taken the run.
    pub(super) superseded: bool,
    /// `connect` hangs.
    pub(super) connect_hangs: bool,
    /// Heartbeats hang.
    pub(super) heartbeat_hangs: bool,
    /// `end_run` hangs.
    pub(super) end_hangs: bool,
}

pub(super) struct FaultyStore {
    inner: Arc<dyn Store>,
    faults: watch::Sender<Faults>,
    cancels: watch::Sender<usize>,
    flushes: AtomicUsize,
    under_way: AtomicUsize,
    heartbeats: AtomicUsize,
    letter_reads: AtomicUsize,
    noted: Mutex<Vec<HostNote>>,
    most_pages: Mutex<usize>,
}

impl FaultyStore {
    pub(super) fn new(inner: Arc<dyn Store>) -> Self {
        Self {
            inner,
            faults: watch::Sender::new(Faults::default()),
            cancels: watch::Sender::new(0),
            flushes: AtomicUsize::new(0),
            under_way: AtomicUsize::new(0),
            heartbeats: AtomicUsize::new(0),
            letter_reads: AtomicUsize::new(0),
            noted: Mutex::default(),
            most_pages: Mutex::new(0),
        }
    }

    pub(super) fn set(&self, change: impl FnOnce(&mut Faults)) {
        self.faults.send_modify(change);
    }

    /// Flushes tried so far.
    pub(super) fn flushes(&self) -> usize {
        self.flushes.load(Ordering::SeqCst)
    }

    /// Flushes that have begun and not ended.
    pub(super) fn under_way(&self) -> usize {
        self.under_way.load(Ordering::SeqCst)
    }

    /// Heartbeats begun so far.
    pub(super) fn heartbeats(&self) -> usize {
        self.heartbeats.load(Ordering::SeqCst)
    }

    /// Reads of dead letters tried so far.
    pub(super) fn letter_reads(&self) -> usize {
        self.letter_reads.load(Ordering::SeqCst)
    }

    /// What was written of hosts so far.
    pub(super) fn noted(&self) -> Vec<HostNote> {
        self.noted.lock().unwrap().clone()
    }

    /// Cancels that were asked for.
    pub(super) fn cancels(&self) -> usize {
        *self.cancels.borrow()
    }

    /// Pages of the largest flush.
    pub(super) fn most_pages(&self) -> usize {
        *self.most()
    }

    fn most(&self) -> MutexGuard<'_, usize> {
        self.most_pages.lock().unwrap()
    }

    fn faults(&self) -> Faults {
        self.faults.borrow().clone()
    }

    fn reach(&self, what: &str) -> StoreResult<()> {
        if self.faults().away {
            return Err(StoreError::Unavailable {
                store: self.location(),
                what: what.to_owned(),
                sqlstate: None,
                source: "connection refused".into(),
            });
        }
        Ok(())
    }

    async fn over(&self, is_over: impl FnMut(&Faults) -> bool) {
        self.faults.subscribe().wait_for(is_over).await.unwrap();
    }

    async fn hang_or_cancel(&self) -> StoreResult<()> {
        let mut cancels = self.cancels.subscribe();
        let begun_after = *cancels.borrow();
        tokio::select! {
            () = self.over(|faults| !faults.flush_hangs) => Ok(()),
            _ = cancels.wait_for(|cancels| *cancels > begun_after && self.faults().hears_cancel) => {
                Err(StoreError::Cancelled)
            }
        }
    }

    async fn flush(&self, run: &RunKey, outcomes: &[PageOutcome]) -> StoreResult<FlushReceipt> {
        self.flushes.fetch_add(1, Ordering::SeqCst);
        self.under_way.fetch_add(1, Ordering::SeqCst);
        let _under_way = OnDrop(|| {
            self.under_way.fetch_sub(1, Ordering::SeqCst);
        });
        {
            let mut most = self.most();
            *most = outcomes.len().max(*most);
        }
        self.reach("flush")?;
        let faults = self.faults();
        assert!(!faults.flush_panics, "a flush that panics");
        if faults.superseded {
            return Err(StoreError::Superseded { run_id: run.run_id, epoch: run.epoch });
        }
        if faults.flush_hangs {
            self.hang_or_cancel().await?;
        }
        if outcomes.iter().any(|page| !page.items.is_empty() && faults.refused.contains(&page.url)) {
            return Err(StoreError::Refused {
                message: "not this one".into(),
                sqlstate: Some("22000".into()),
            });
        }
        let is_unmanageable =
            |page: &PageOutcome| !page.items.is_empty() && faults.unmanageable.contains(&page.url);
        if outcomes.iter().any(|page| faults.given_up.contains(&page.url) || is_unmanageable(page))
            || faults.most_at_once.is_some_and(|most| outcomes.len() > most)
        {
            return Err(StoreError::GaveUp {
                store: self.location(),
                what: "a flush".into(),
                sqlstate: Some("40001".into()),
                source: "could not serialize access".into(),
            });
        }
        let receipt = self.inner.flush(run, outcomes).await?;
        if faults.lost_answers > 0 {
            self.set(|faults| faults.lost_answers -= 1);
            return Err(StoreError::Unavailable {
                store: self.location(),
                what: "commit".into(),
                sqlstate: None,
                source: "connection reset".into(),
            });
        }
        Ok(receipt)
    }
}

struct OnDrop<F: FnMut()>(F);

impl<F: FnMut()> Drop for OnDrop<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}

impl Store for FaultyStore {
    fn location(&self) -> String {
        self.inner.location()
    }

    fn max_concurrent_flushes(&self) -> usize {
        self.inner.max_concurrent_flushes()
    }

    fn connect(&self) -> BoxFuture<'_, StoreResult<()>> {
        Box::pin(async {
            self.reach("connect")?;
            self.over(|faults| !faults.connect_hangs).await;
            self.inner.connect().await
        })
    }

    fn prepare_items<'a>(&'a self, items: &'a [ItemType]) -> BoxFuture<'a, StoreResult<()>> {
        self.inner.prepare_items(items)
    }

    fn lock_run<'a>(&'a self, name: &'a str, patience: Duration) -> BoxFuture<'a, StoreResult<()>> {
        self.inner.lock_run(name, patience)
    }

    fn runs_of_name<'a>(&'a self, name: &'a str) -> BoxFuture<'a, StoreResult<RunsOfName>> {
        self.inner.runs_of_name(name)
    }

    fn open_run<'a>(&'a self, spec: &'a RunSpec) -> BoxFuture<'a, StoreResult<OpenedRun>> {
        self.inner.open_run(spec)
    }

    fn add_requests<'a>(
        &'a self,
        run: &'a RunKey,
        requests: &'a [QueuedRequest],
    ) -> BoxFuture<'a, StoreResult<()>> {
        self.inner.add_requests(run, requests)
    }

    fn flush<'a>(
        &'a self,
        run: &'a RunKey,
        outcomes: &'a [PageOutcome],
    ) -> BoxFuture<'a, StoreResult<FlushReceipt>> {
        Box::pin(self.flush(run, outcomes))
    }

    fn try_tables<'a>(
        &'a self,
        run: &'a RunKey,
        outcomes: &'a [PageOutcome],
    ) -> BoxFuture<'a, StoreResult<()>> {
        Box::pin(async move {
            self.reach("trying the tables")?;
            self.inner.try_tables(run, outcomes).await
        })
    }

    fn cancel_flushes(&self) -> BoxFuture<'_, usize> {
        self.cancels.send_modify(|cancels| *cancels += 1);
        self.inner.cancel_flushes()
    }

    fn refill<'a>(&'a self, run: &'a RunKey, ask: &'a Refill) -> BoxFuture<'a, StoreResult<Refilled>> {
        Box::pin(async move {
            self.reach("refill")?;
            assert!(!self.faults().refill_panics, "a refill that panics");
            self.inner.refill(run, ask).await
        })
    }

    fn links<'a>(
        &'a self,
        run: &'a RunKey,
        pages: &'a [Fingerprint],
    ) -> BoxFuture<'a, StoreResult<KeptLinks>> {
        self.inner.links(run, pages)
    }

    fn kept_answers<'a>(&'a self, ask: &'a KeptAsk) -> BoxFuture<'a, StoreResult<KeptAnswers>> {
        self.inner.kept_answers(ask)
    }

    fn mark_pages<'a>(&'a self, run: &'a RunKey, marks: &'a PageMarks) -> BoxFuture<'a, StoreResult<()>> {
        self.inner.mark_pages(run, marks)
    }

    fn heartbeat<'a>(&'a self, run: &'a RunKey, stats: &'a Json) -> BoxFuture<'a, StoreResult<()>> {
        Box::pin(async move {
            self.heartbeats.fetch_add(1, Ordering::SeqCst);
            self.reach("heartbeat")?;
            self.over(|faults| !faults.heartbeat_hangs).await;
            self.inner.heartbeat(run, stats).await
        })
    }

    fn note_hosts<'a>(&'a self, run: &'a RunKey, notes: &'a [HostNote]) -> BoxFuture<'a, StoreResult<()>> {
        Box::pin(async move {
            self.reach("noting hosts")?;
            self.inner.note_hosts(run, notes).await?;
            self.noted.lock().unwrap().extend_from_slice(notes);
            Ok(())
        })
    }

    fn end_run<'a>(
        &'a self,
        run: &'a RunKey,
        state: RunState,
        reason: &'a str,
    ) -> BoxFuture<'a, StoreResult<()>> {
        Box::pin(async move {
            self.reach("end_run")?;
            self.over(|faults| !faults.end_hangs).await;
            self.inner.end_run(run, state, reason).await
        })
    }

    fn judge_run<'a>(
        &'a self,
        run: &'a RunKey,
        figures: &'a EndFigures,
        verdict: Option<&'a RunVerdict>,
    ) -> BoxFuture<'a, StoreResult<()>> {
        self.inner.judge_run(run, figures, verdict)
    }

    fn summary<'a>(&'a self, run_id: i64, items: &'a [ItemType]) -> BoxFuture<'a, StoreResult<RunSummary>> {
        self.inner.summary(run_id, items)
    }

    fn item_figures<'a>(
        &'a self,
        run_id: i64,
        items: &'a [ItemType],
        limit: Duration,
    ) -> BoxFuture<'a, StoreResult<ItemFigures>> {
        self.inner.item_figures(run_id, items, limit)
    }

    fn find_run<'a>(&'a self, run: &'a str) -> BoxFuture<'a, StoreResult<Option<RunInfo>>> {
        self.inner.find_run(run)
    }

    fn read_items<'a>(
        &'a self,
        run_id: i64,
        spider: &'a str,
        item: &'a ItemType,
        each: &'a mut (dyn FnMut(ItemRow) -> std::io::Result<()> + Send),
    ) -> BoxFuture<'a, StoreResult<()>> {
        self.inner.read_items(run_id, spider, item, each)
    }

    fn read_letters<'a>(&'a self, ask: &'a LetterAsk) -> BoxFuture<'a, StoreResult<Vec<StoredLetter>>> {
        Box::pin(async move {
            self.letter_reads.fetch_add(1, Ordering::SeqCst);
            self.reach("read_letters")?;
            self.inner.read_letters(ask).await
        })
    }

    fn retry_letters<'a>(&'a self, retry: &'a LetterRetry) -> BoxFuture<'a, StoreResult<LetterReceipt>> {
        Box::pin(async move {
            self.reach("retry_letters")?;
            self.inner.retry_letters(retry).await
        })
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        self.inner.close()
    }

    fn pool(&self) -> PoolStatus {
        self.inner.pool()
    }
}
