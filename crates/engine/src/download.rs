//! The download thread: scheduler and downloader on a tokio runtime of their own.

use std::time::Duration;

use dragline_core::worker::Worker;
use tokio::runtime::Builder;

pub use crate::crawl_end::CrawlEnd;
pub use crate::download_thread::DownloadThread;
use crate::downloader::check_database;
use crate::error::EngineError;
use crate::scheduler::Scheduler;

/// Threads for name resolution, which blocks (getaddrinfo), and for look-ups in SQLite.
const RESOLVER_THREADS: usize = 16;
/// How long the runtime may take to end. Only a name resolution that nobody waits for can still run then.
const RUNTIME_END: Duration = Duration::from_millis(100);

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
    let databases = thread.databases.clone();
    let scheduler = Scheduler::new(thread)?;
    Worker::spawn("download", move || {
        let _span = tracing::error_span!("download", spider, run_id).entered();
        for database in databases {
            runtime.spawn(check_database(database));
        }
        let end = runtime.block_on(scheduler.run());
        runtime.shutdown_timeout(RUNTIME_END);
        end
    })
    .map_err(no_thread)
}
