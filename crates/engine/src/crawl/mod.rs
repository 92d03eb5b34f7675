//! The crawl threads: plain threads that run plain synchronous code. They parse, run the item pipelines and hand over page
//! outcomes. They block only on their two channels, and always together with abandon.

mod crew;
mod desk;
mod traced;
mod unpack;

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, select_biased};
use dragline_core::page_memory::PageMemory;
use dragline_core::page_traces::PageTraces;
use dragline_core::stop::Stop;
use dragline_core::worker::Worker;
use dragline_core::{Fetched, ItemPipeline, ItemType, OutcomeSink, PageOutcome, PageState};

pub use self::crew::{Crew, LeftBehind};
pub use self::desk::{Activity, Desks};
use self::traced::Traced;
pub(crate) use self::unpack::Unpacked;
use crate::job::{Job, WaitingJob, WaitingWork};
use crate::pack::{NotNow, Packer, RunLabel};
use crate::parts::EngineParts;

/// How often a thread checks whether there is memory to parse a page. A flush takes about as long.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// What the crawl threads need.
pub struct CrawlThreads {
    /// What they share with the download thread.
    pub parts: EngineParts,
    /// The run, for the item pipelines.
    pub run: RunLabel,
    /// The steps over items, in order.
    pub pipelines: Arc<[Box<dyn ItemPipeline>]>,
    /// The item types that the spider declared, whose tables were checked.
    pub items: Vec<ItemType>,
    /// Work from the download thread. Its disconnect ends the threads when they have done all waiting jobs.
    pub pages: Receiver<WaitingJob>,
    /// Its disconnect tells the threads to finish the page in hand and end. Pages that wait are dropped, and their requests are
    /// still queued.
    pub finish: Receiver<()>,
}

/// Starts the threads `crawl-0`, `crawl-1` … and their supervisor.
///
/// # Errors
/// If the system gives no more threads. Those that were started end with the channel.
pub fn spawn(threads: CrawlThreads) -> io::Result<Crew> {
    let CrawlThreads { parts, run, pipelines, items, pages, finish } = threads;
    let settings = Arc::clone(&parts.settings);
    Crew::start(Arc::new(Station {
        packer: Packer::new(&parts, run, pipelines, items),
        desks: Desks::new(settings.crawl_threads, settings.parse_timeout),
        parse_timeout: settings.parse_timeout,
        max_page_memory: settings.max_page_memory_bytes,
        pages,
        sink: parts.sink,
        traces: parts.traces,
        stop: parts.stop,
        finish,
    }))
}

/// What all crawl threads share.
struct Station {
    packer: Packer,
    desks: Desks,
    parse_timeout: Duration,
    max_page_memory: usize,
    pages: Receiver<WaitingJob>,
    sink: Arc<dyn OutcomeSink>,
    traces: Option<Arc<dyn PageTraces>>,
    stop: Stop,
    finish: Receiver<()>,
}

impl Station {
    fn submit(&self, outcome: PageOutcome) {
        if let Err(refused) = self.sink.submit(outcome) {
            // Nothing is lost: the request is still queued in the store.
            tracing::debug!(%refused, "an outcome was not taken");
        }
    }
}

/// What became of a job.
enum Worked {
    Done(Box<PageOutcome>),
    /// The page needs more memory than was reserved, and other pages hold it now. It is parsed once more when there is enough.
    TooEarly {
        again: Box<Job>,
        needed_bytes: usize,
    },
    /// It took too long, and the supervisor has taken the page away. Another thread sits at this desk by now.
    Overdue,
}

struct CrawlThread {
    index: usize,
    station: Arc<Station>,
}

impl CrawlThread {
    fn start(index: usize, station: &Arc<Station>) -> io::Result<Worker<()>> {
        let thread = Self { index, station: Arc::clone(station) };
        Worker::spawn(format!("crawl-{index}"), move || {
            let spider = thread.station.packer.spider.name();
            // The span has the level of the gravest event in it, so that no filter takes its fields from that event.
            let _span =
                tracing::error_span!("crawl", spider, thread = %format_args!("crawl-{index}")).entered();
            thread.run();
        })
    }

    fn run(&self) {
        let Station { stop, finish, pages, .. } = &*self.station;
        loop {
            // The order counts: a requested end comes before the pages that wait.
            let job = select_biased! {
                recv(stop.abandoned()) -> _ => return,
                recv(finish) -> _ => return,
                recv(pages) -> job => job,
            };
            let Ok(WaitingJob { work, since }) = job else { return };
            let job = match work {
                WaitingWork::Ready(job) => job,
                WaitingWork::Packed(page, scope) => match page.unpacked(&self.station.packer.args) {
                    Unpacked::Page(fetched) => Job::Parse(fetched, scope),
                    Unpacked::GivenUp(given_up) => Job::GivenUp(given_up, scope),
                    Unpacked::Unwanted(outcome) => {
                        self.station.packer.stats.unwanted_types.add(1);
                        self.station.submit(*outcome);
                        continue;
                    }
                },
            };
            if !self.finish_job(job, since) {
                return;
            }
        }
    }

    /// `false` if the thread must end.
    fn finish_job(&self, mut job: Job, since: Instant) -> bool {
        let station = &*self.station;
        let mut bytes = job.expected_bytes().min(station.max_page_memory);
        if !self.may_work(&mut job, bytes) {
            return false;
        }
        station.packer.stats.page_wait.note(since.elapsed());
        loop {
            match self.work(job, bytes) {
                Worked::Done(outcome) => {
                    station.submit(*outcome);
                    return true;
                }
                Worked::TooEarly { again, needed_bytes } => {
                    job = *again;
                    // At least twice as much each time, so this comes to an end.
                    bytes = needed_bytes.max(2 * bytes).min(station.max_page_memory);
                    if !self.may_work(&mut job, bytes) {
                        return false;
                    }
                }
                Worked::Overdue => return false,
            }
        }
    }

    /// Waits for memory, because a page's tree and items may be many times as large as the page. `false` if an end was
    /// requested first. Then the job is dropped, and its request is still queued.
    fn may_work(&self, job: &mut Job, bytes: usize) -> bool {
        let Station { stop, finish, .. } = &*self.station;
        while !job.reserve(bytes) {
            select_biased! {
                recv(stop.abandoned()) -> _ => return false,
                recv(finish) -> _ => return false,
                default(LOOK_EVERY) => {}
            }
        }
        true
    }

    /// Makes the job's outcome. `bytes` of memory are reserved for it.
    fn work(&self, mut job: Job, bytes: usize) -> Worked {
        let Station { desks, packer, max_page_memory, .. } = &*self.station;
        let index = self.index;
        let traced = Traced::begin(self.station.traces.as_ref(), &job);
        let ticket = desks.lay(index, &mut job);
        let at_desk = desks.clone();
        let memory =
            PageMemory::new(*max_page_memory, bytes, move |total| at_desk.reserve(index, ticket, total));
        let mut outcome = match job {
            Job::Parse(fetched, scope) => {
                let Fetched { response, arrival, .. } = fetched;
                let _span = tracing::error_span!("page", url = %response.queued.request.url()).entered();
                let begun = Instant::now();
                let outcome = packer.page(response, arrival, &scope, &memory);
                packer.stats.parse.note(begun.elapsed());
                match outcome {
                    Ok(outcome) => outcome,
                    Err(NotNow { needed_bytes, response }) => {
                        let Some(page) = desks.take(index, ticket) else { return Worked::Overdue };
                        tracing::debug!("the page needs more memory than was expected, and waits for it");
                        let again = Box::new(Job::Parse(page.waiting_again(*response, arrival), scope));
                        return Worked::TooEarly { again, needed_bytes };
                    }
                }
            }
            Job::GivenUp(given_up, scope) => {
                let failure = given_up.failure;
                let _span = tracing::error_span!("page", url = %failure.request().url()).entered();
                let outcome = packer.failure(&failure, &scope);
                // A sitemap that was only looked for is not a failed page.
                let kept = given_up.kept.filter(|_| outcome.state == PageState::Failed);
                PageOutcome { kept, ..outcome }
            }
            Job::AsBefore(page, scope) => {
                let _span = tracing::error_span!("page", url = %page.queued.request.url()).entered();
                packer.as_before(*page, &scope)
            }
        };
        let Some(page) = desks.take(index, ticket) else { return Worked::Overdue };
        page.travel_with(&mut outcome);
        if let Some(traced) = traced {
            traced.end(&outcome);
        }
        Worked::Done(Box::new(outcome))
    }
}
