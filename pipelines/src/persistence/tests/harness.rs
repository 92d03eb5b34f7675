//! A bridge over a store of the test's own, and the pages that go over it.

use std::sync::LazyLock;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, bounded};
use dragline_core::bridge::{OutcomeSink, Receipt, ReceiptSink, StoreEvent};
use dragline_core::pulse::{Beating, Pulse};
use dragline_core::serde_json::Value as Json;
use dragline_core::stop::Stop;
use dragline_core::store::{OpenedRun, ProcessInfo, RunSpec, RunState, RunSummary};
use dragline_core::{Column, ColumnType, ItemRecord, ItemType};
use dragline_core::{PageOutcome, PageState, QueuedRequest, Request, Store, Value};
use dragline_store::StoreSettings;
use tempfile::TempDir;

use super::super::{CloseReport, OpenError, PersistencePipeline, PersistenceSettings, RunEnd};
use super::faulty::FaultyStore;

/// No test waits longer for anything.
pub(super) const LIMIT: Duration = Duration::from_secs(20);
const EVENTS: usize = 100_000;
const NAME: &str = "a run";

pub(super) static NOTE: LazyLock<ItemType> = LazyLock::new(|| {
    ItemType::builder("note")
        .with_key(["text"])
        .with_columns([Column::new("text", ColumnType::Text)])
        .build()
        .unwrap()
});

/// An open bridge.
pub(super) struct Bridge {
    pub(super) pipeline: PersistencePipeline,
    pub(super) sink: Arc<dyn OutcomeSink>,
    pub(super) store: Arc<FaultyStore>,
    pub(super) stop: Stop,
    pub(super) events: Receiver<StoreEvent>,
    pub(super) run_id: i64,
    pub(super) beats: Arc<Beats>,
    url: String,
}

/// Settings under which only what a test does makes anything happen: nothing is full or old.
pub(super) fn slow() -> PersistenceSettings {
    PersistenceSettings {
        flush_rows: 1_000_000,
        flush_interval: LIMIT * 10,
        retry_base_delay: Duration::from_millis(5),
        retry_max_delay: Duration::from_millis(20),
        lone_failures_last: Duration::ZERO,
        ..PersistenceSettings::default()
    }
}

/// Settings under which every page is flushed as soon as it is taken.
pub(super) fn quick() -> PersistenceSettings {
    PersistenceSettings { flush_interval: Duration::ZERO, ..slow() }
}

/// A file for a store of the test's own.
pub(super) fn folder() -> (TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", folder.path().join("store.db").display());
    (folder, url)
}

pub(super) fn store(url: &str) -> Arc<FaultyStore> {
    Arc::new(FaultyStore::new(dragline_store::open(url, &StoreSettings::default()).unwrap()))
}

/// The start requests of the run: the pages that a test may hand over.
pub(super) fn spec(pages: usize) -> RunSpec {
    RunSpec {
        name: NAME.to_owned(),
        spider: "spider".to_owned(),
        kind: dragline_core::RunKind::Crawl,
        args: Json::Null,
        start: (0..pages).map(start).collect(),
        reparse: None,
        fresh: false,
        force: false,
        after_run: None,
        min_interval: None,
        tally: dragline_core::tally::TallyOf::default(),
        incremental: false,
        keeps_pages: false,
        process: ProcessInfo { pid: std::process::id(), hostname: "here".to_owned() },
    }
}

pub(super) fn start(number: usize) -> QueuedRequest {
    let request = Request::get(format!("http://a.example/{number}")).unwrap();
    QueuedRequest::start(request.with_tag("start"), number)
}

/// What page `number` gives: an item of its own, and a request that all pages find.
pub(super) fn page(number: usize) -> PageOutcome {
    let queued = start(number);
    let mut outcome = PageOutcome::done(&queued);
    outcome.items =
        vec![ItemRecord { item_type: NOTE.clone(), values: vec![Value::Text(number.to_string())] }];
    outcome.requests = vec![queued.child(Request::get("http://a.example/next").unwrap(), 0)];
    outcome
}

pub(super) fn url_of(number: usize) -> String {
    format!("http://a.example/{number}")
}

/// A pipeline that is not open yet, with what it needs to be opened.
pub(super) fn unopened(
    store: &Arc<FaultyStore>,
    settings: PersistenceSettings,
) -> (PersistencePipeline, Stop, Arc<Beats>) {
    let (stop, beats) = (Stop::new(), Arc::new(Beats::default()));
    let shared = Arc::clone(store) as Arc<dyn Store>;
    let pulse = Arc::clone(&beats) as Arc<dyn Pulse>;
    (PersistencePipeline::new(shared, settings, stop.clone(), pulse), stop, beats)
}

pub(super) fn open(
    pipeline: &PersistencePipeline,
    pages: usize,
) -> Result<(OpenedRun, Receiver<StoreEvent>), OpenError> {
    let (sender, events) = bounded(EVENTS);
    let opened = pipeline.open_spider(spec(pages), vec![NOTE.clone()], Box::new(Events(sender)))?;
    Ok((opened, events))
}

impl Bridge {
    /// An open bridge to the store at `url`.
    pub(super) fn open(url: &str, settings: PersistenceSettings, pages: usize) -> Self {
        let store = store(url);
        let (pipeline, stop, beats) = unopened(&store, settings);
        let (opened, events) = open(&pipeline, pages).unwrap();
        let sink = pipeline.sink();
        Self { pipeline, sink, store, stop, events, run_id: opened.key.run_id, beats, url: url.to_owned() }
    }

    pub(super) fn submit(&self, pages: std::ops::Range<usize>) {
        for number in pages {
            self.sink.submit(page(number)).unwrap();
        }
    }

    /// The next event.
    pub(super) fn event(&self) -> StoreEvent {
        self.events.recv_timeout(dragline_testkit::patience(LIMIT)).unwrap()
    }

    /// Receipts until `pages` pages are durable.
    pub(super) fn receipts(&self, pages: usize) -> Vec<Receipt> {
        let mut receipts = Vec::new();
        while receipts.iter().map(|receipt: &Receipt| receipt.pages.len()).sum::<usize>() < pages {
            match self.event() {
                StoreEvent::Receipt(receipt) => receipts.push(receipt),
                other => panic!("a receipt was expected, not {other:?}"),
            }
        }
        receipts
    }

    pub(super) fn close(&self, deadline: Duration) -> CloseReport {
        let end = RunEnd { state: RunState::Stopped, reason: "test".to_owned() };
        self.pipeline.close_spider(end, Instant::now() + deadline)
    }

    /// What is in the store, read by another session. Only after the close: `SQLite` has one process.
    pub(super) fn stored(&self) -> (RunSummary, RunState) {
        let store = dragline_store::open(&self.url, &StoreSettings::default()).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            store.connect().await.unwrap();
            let run = store.find_run(&self.run_id.to_string()).await.unwrap().unwrap();
            let summary = store.summary(self.run_id, std::slice::from_ref(&*NOTE)).await.unwrap();
            store.close().await;
            (summary, run.state)
        })
    }

    pub(super) fn pages_in(&self, state: PageState) -> u64 {
        self.stored().0.pages.of(state)
    }
}

struct Events(Sender<StoreEvent>);

impl ReceiptSink for Events {
    fn deliver(&self, event: StoreEvent) {
        self.0.try_send(event).unwrap();
    }
}

/// Counts heartbeats.
#[derive(Debug, Default)]
pub(super) struct Beats {
    count: AtomicUsize,
    panic: AtomicBool,
}

impl Beats {
    pub(super) fn count(&self) -> usize {
        self.count.load(Ordering::SeqCst)
    }

    /// Makes the thread's loop panic, from within.
    pub(super) fn panic_at_the_next(&self) {
        self.panic.store(true, Ordering::SeqCst);
    }
}

impl Pulse for Beats {
    fn beat(&self, part: Beating) {
        assert_eq!(part, Beating::Persistence);
        self.count.fetch_add(1, Ordering::SeqCst);
        assert!(!self.panic.swap(false, Ordering::SeqCst), "a loop that panics");
    }

    fn degraded(&self, _since: Option<Instant>) {}

    fn offline(&self, _since: Option<Instant>) {}
}
