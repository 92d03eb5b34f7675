//! The download thread: scheduler and downloader on a tokio runtime of their own.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::Sender;
use dragline_core::hold::Hold;
use dragline_core::pulse::Pulse;
use dragline_core::stop::{Stop, StopReason};
use dragline_core::store::OpenedRun;
use dragline_core::worker::Worker;
use dragline_core::{OutcomeSink, SameRequest, Spider, StoreError};
use tokio::runtime::Builder;

use crate::error::EngineError;
use crate::job::WaitingJob;
use crate::known::KnownRequests;
use crate::receipts::ReceiptReceiver;
use crate::scheduler::{Parts, Scheduler};
use crate::settings::EngineSettings;
use crate::stats::CrawlStats;

/// Name resolution blocks (getaddrinfo), each on a thread of its own; so many at once.
const RESOLVER_THREADS: usize = 16;
/// How long the runtime may take to end. What still runs then is a name resolution that nobody waits for.
const RUNTIME_END: Duration = Duration::from_millis(100);

/// What the download thread needs.
pub struct DownloadThread<'a> {
    /// How fast, how far, how long.
    pub settings: Arc<EngineSettings>,
    /// Asked which statuses it accepts.
    pub spider: Arc<dyn Spider>,
    /// The run as the store opened it.
    pub run: &'a OpenedRun,
    /// Where refills are asked for, and outcomes of requests go that need no crawl thread.
    pub sink: Arc<dyn OutcomeSink>,
    /// Where receipts and refills come from.
    pub receipts: ReceiptReceiver,
    /// Work for the crawl threads: a bounded channel that holds at least `settings.concurrency` jobs.
    pub pages: Sender<WaitingJob>,
    /// Ends the crawl early.
    pub stop: Stop,
    /// Receives the scheduler's heartbeat.
    pub pulse: Arc<dyn Pulse>,
    /// Pauses claiming.
    pub hold: Hold,
    /// Counters.
    pub stats: Arc<CrawlStats>,
    /// The rule for the same request that the run began with.
    pub same_request: SameRequest,
    /// What the store is known to have; shared with the crawl threads.
    pub known: Arc<KnownRequests>,
}

/// How a crawl ended.
#[derive(Debug)]
pub enum CrawlEnd {
    /// The frontier is empty.
    Finished,
    /// As many pages are done as were asked for.
    LimitReached,
    /// The frontier is empty or the limit reached, but a larger share of the pages failed than may: the figures.
    TooManyFailed(String),
    /// Before that; the run can be resumed.
    Stopped(StopReason),
    /// The store is gone for good, or refuses this process.
    StoreFailed(StoreError),
}

impl fmt::Display for CrawlEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Finished => f.write_str("finished"),
            Self::LimitReached => f.write_str("limit"),
            Self::TooManyFailed(figures) => write!(f, "too many pages failed ({figures})"),
            Self::Stopped(reason) => write!(f, "stopped ({reason})"),
            Self::StoreFailed(error) => write!(f, "the store failed ({error})"),
        }
    }
}

/// Starts the thread `download`. Its end drops the sender of pages, which ends the crawl threads.
///
/// # Errors
/// When a setting cannot be, the HTTP client cannot be built or the system gives no thread.
pub fn spawn(thread: DownloadThread<'_>) -> Result<Worker<CrawlEnd>, EngineError> {
    thread.settings.validate()?;
    if let Some(capacity) = thread.pages.capacity().filter(|held| *held < thread.settings.concurrency) {
        let problem = "the channel of pages holds fewer than `concurrency` jobs";
        return Err(EngineError::Setting { name: "pages", value: capacity.to_string(), problem });
    }
    let no_thread = |source| EngineError::Thread { thread: "download", source };
    let runtime = Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(RESOLVER_THREADS)
        .thread_name("resolver")
        .build()
        .map_err(no_thread)?;
    let (spider, run_id) = (thread.spider.name().to_owned(), thread.run.key.run_id);
    let scheduler = Scheduler::new(Parts {
        settings: thread.settings,
        spider: thread.spider,
        run: thread.run,
        sink: thread.sink,
        receipts: thread.receipts,
        pages: thread.pages,
        stop: thread.stop,
        pulse: thread.pulse,
        hold: thread.hold,
        stats: thread.stats,
        same_request: thread.same_request,
        known: thread.known,
    })?;
    Worker::spawn("download", move || {
        let _span = tracing::error_span!("download", spider, run_id).entered();
        let end = runtime.block_on(scheduler.run());
        runtime.shutdown_timeout(RUNTIME_END);
        end
    })
    .map_err(no_thread)
}
