//! The crawl threads: plain threads that run plain synchronous code. They parse, run the item pipelines and
//! hand over page outcomes, and block on nothing but their two channels, always together with abandon.

use std::io;
use std::sync::Arc;

use crossbeam_channel::{Receiver, select_biased};
use dragline_core::activity::ActivityBoard;
use dragline_core::stop::Stop;
use dragline_core::worker::Worker;
use dragline_core::{ItemPipeline, ItemType, OutcomeSink, PageOutcome, Spider};

use crate::job::Job;
use crate::pack::Packer;
use crate::settings::EngineSettings;
use crate::stats::CrawlStats;

/// What the crawl threads need.
pub struct CrawlThreads {
    /// How many threads, and which links are followed.
    pub settings: Arc<EngineSettings>,
    /// Who parses.
    pub spider: Arc<dyn Spider>,
    /// The steps over items, in order.
    pub pipelines: Arc<[Box<dyn ItemPipeline>]>,
    /// The item types that the spider declared, whose tables were checked.
    pub items: Vec<ItemType>,
    /// Work from the download thread. Its disconnect ends the threads when all that waits is done.
    pub pages: Receiver<Job>,
    /// Where outcomes go.
    pub sink: Arc<dyn OutcomeSink>,
    /// Abandon ends a thread between two pages.
    pub stop: Stop,
    /// Disconnected when the threads shall finish the page in hand and end. Pages that wait are dropped; their
    /// requests are still queued.
    pub finish: Receiver<()>,
    /// What each thread does, for the diagnosis of one that does not end.
    pub activity: ActivityBoard,
    /// Counters.
    pub stats: Arc<CrawlStats>,
}

/// Starts the threads `crawl-0`, `crawl-1` …
///
/// # Errors
/// When the system gives no more threads. Those that were started end with the channel.
pub fn spawn(threads: CrawlThreads) -> io::Result<Vec<Worker<()>>> {
    let packer = Arc::new(Packer {
        spider: Arc::clone(&threads.spider),
        pipelines: threads.pipelines,
        items: threads.items,
        max_depth: threads.settings.max_depth,
        max_url_bytes: threads.settings.max_url_bytes,
        stats: threads.stats,
    });
    (0..threads.settings.crawl_threads)
        .map(|index| {
            let thread = CrawlThread {
                index,
                packer: Arc::clone(&packer),
                pages: threads.pages.clone(),
                sink: Arc::clone(&threads.sink),
                stop: threads.stop.clone(),
                finish: threads.finish.clone(),
                activity: threads.activity.clone(),
            };
            let spider = threads.spider.name().to_owned();
            Worker::spawn(format!("crawl-{index}"), move || {
                let _span = tracing::info_span!("crawl", spider, thread = index).entered();
                thread.run();
            })
        })
        .collect()
}

struct CrawlThread {
    index: usize,
    packer: Arc<Packer>,
    pages: Receiver<Job>,
    sink: Arc<dyn OutcomeSink>,
    stop: Stop,
    finish: Receiver<()>,
    activity: ActivityBoard,
}

impl CrawlThread {
    fn run(&self) {
        loop {
            // In this order: an end that was asked for comes before the pages that wait.
            let job = select_biased! {
                recv(self.stop.abandoned()) -> _ => return,
                recv(self.finish) -> _ => return,
                recv(self.pages) -> job => job,
            };
            let Ok(job) = job else { return };
            let outcome = self.work(job);
            if let Err(refused) = self.sink.submit(outcome) {
                // Nothing is lost: the request is still queued in the store.
                tracing::debug!(%refused, "an outcome was not taken");
            }
        }
    }

    fn work(&self, job: Job) -> PageOutcome {
        let url = match &job {
            Job::Parse(response, _) => response.queued.request.url(),
            Job::GivenUp(given_up) => given_up.failure.queued.request.url(),
        };
        self.activity.set(self.index, Some(url.as_str()));
        let _span = tracing::info_span!("page", %url).entered();
        let outcome = match job {
            Job::Parse(response, scope) => self.packer.page(response, &scope),
            Job::GivenUp(given_up) => self.packer.given_up(given_up),
        };
        self.activity.set(self.index, None);
        outcome
    }
}
