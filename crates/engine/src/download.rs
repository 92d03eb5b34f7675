//! The download thread: scheduler and downloader on a tokio runtime of their own.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::Sender;
use dragline_core::StoreError;
use dragline_core::hold::Hold;
use dragline_core::pulse::Pulse;
use dragline_core::stop::StopReason;
use dragline_core::store::OpenedRun;
use dragline_core::worker::Worker;
use tokio::runtime::Builder;

use crate::downloader::Downloaders;
use crate::error::EngineError;
use crate::job::WaitingJob;
use crate::parts::EngineParts;
use crate::receipts::ReceiptReceiver;
use crate::scheduler::Scheduler;

/// Threads for name resolution, which blocks (getaddrinfo).
const RESOLVER_THREADS: usize = 16;
/// How long the runtime may take to end. Only a name resolution that nobody waits for can still run then.
const RUNTIME_END: Duration = Duration::from_millis(100);

/// What the download thread needs.
pub struct DownloadThread<'a> {
    /// What it shares with the crawl threads.
    pub parts: EngineParts,
    /// The run as the store opened it.
    pub run: &'a OpenedRun,
    /// The downloaders that requests may choose, in addition to the built-in one.
    pub downloaders: Downloaders,
    /// Where receipts and refills come from.
    pub receipts: ReceiptReceiver,
    /// Work for the crawl threads: a bounded channel that holds at least `settings.concurrency` jobs.
    pub pages: Sender<WaitingJob>,
    /// Receives the scheduler's heartbeat.
    pub pulse: Arc<dyn Pulse>,
    /// Pauses claiming.
    pub hold: Hold,
}

/// How a crawl ended.
#[derive(Debug)]
pub enum CrawlEnd {
    /// The frontier is empty.
    Finished,
    /// The limit on pages is reached.
    LimitReached,
    /// The frontier is empty or the limit is reached, but too large a share of the pages failed. These are the figures.
    TooManyFailed(String),
    /// The crawl stopped before that, and the run can be resumed.
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
/// If a setting is invalid, the HTTP client cannot be built, or the system gives no thread.
pub fn spawn(thread: DownloadThread<'_>) -> Result<Worker<CrawlEnd>, EngineError> {
    let settings = &thread.parts.settings;
    settings.validate()?;
    if let Some(capacity) = thread.pages.capacity().filter(|held| *held < settings.concurrency) {
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
    let (spider, run_id) = (thread.parts.spider.name().to_owned(), thread.run.key.run_id);
    let scheduler = Scheduler::new(thread)?;
    Worker::spawn("download", move || {
        let _span = tracing::error_span!("download", spider, run_id).entered();
        let end = runtime.block_on(scheduler.run());
        runtime.shutdown_timeout(RUNTIME_END);
        end
    })
    .map_err(no_thread)
}
