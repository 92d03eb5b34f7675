//! `dragline reparse --dry-run`: parses kept pages, compares what they give with the rows that are stored, and stores nothing.
//!
//! Pages are read in parts of a fixed size. The threads parse the pages of one part, and then the rows of its items are looked up. So
//! the memory that this takes does not depend on the number of pages.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, bounded};
use dragline_core::kept_answer::KeptAnswer;
use dragline_core::reparse::{PlanAsk, ReparseCounts, ReparseOf, StoredRow};
use dragline_core::runs::RunAdmin;
use dragline_core::worker::Worker;
use dragline_core::{
    Fingerprint, ItemPipeline, ItemRecord, ItemType, KeptAsk, PageOutcome, PageState, QueuedRequest, Spider,
    StoreError,
};
use dragline_engine::{Previewer, Scope};
use dragline_pipelines::item_pipelines;
use dragline_runtime::blocking::Blocking;
use dragline_runtime::settings::CrawlSettings;

use super::changes::Changes;
use crate::arguments::DryRunFormat;
use crate::attended::no_thread;
use crate::exit::Exit;
use crate::failed::Failed;
use crate::program::Program;
use crate::settings::{CommandSettings, Common};

/// How many requests are looked at together.
const PART: u32 = 256;
/// How many compressed bytes of answers are read together.
const ANSWER_BYTES: usize = 8 << 20;
/// How long one look at the store may take.
const READ_LIMIT: Duration = Duration::from_secs(120);
/// How long a thread may take to end when there is no more work.
const END_LIMIT: Duration = Duration::from_secs(10);

/// A page on its way to a thread.
struct KeptPage {
    request: QueuedRequest,
    was: PageState,
    answer: KeptAnswer,
}

/// A page that was parsed.
pub(super) struct ParsedPage {
    pub(super) url: String,
    /// Its state in the run.
    pub(super) was: PageState,
    /// The run that has fetched it.
    pub(super) run_id: i64,
    pub(super) outcome: PageOutcome,
}

/// Shows what the reparse that these settings ask for would change.
pub(super) fn run(
    spider: &Arc<dyn Spider>,
    settings: &CommandSettings,
    format: DryRunFormat,
    common: &Common,
    program: &Program,
) -> Result<Exit, Failed> {
    let settings = &settings.crawl;
    dragline_runtime::check_arguments(&**spider, &settings.args)?;
    let of = settings.reparse.as_ref().map_or(ReparseOf::Spider, |reparse| reparse.reparse.of);
    let store =
        StoreReader { admin: common.open_runs(&common.store_settings()?)?, blocking: Blocking::new()? };
    store.wait("connect", store.admin.reach())?;
    let threads = Threads::start(spider, settings, program)?;
    let mut changes = Changes::new(format);
    let mut left_out = ReparseCounts::default();
    let sources = match of {
        ReparseOf::Run(run_id) => vec![run_id],
        ReparseOf::Spider => {
            store.wait("looking for kept pages", store.admin.reparse_sources(spider.name()))?
        }
    };
    let limit = settings.engine.limits.pages.unwrap_or(u64::MAX);
    'sources: for run_id in sources {
        let name = spider.name().to_owned();
        let mut ask = PlanAsk { run_id, spider: name, of, after: None, limit: PART };
        loop {
            let part = store.wait("planning a reparse", store.admin.plan_reparse(&ask))?;
            left_out.not_kept += part.left_out.not_kept;
            left_out.fetched_later += part.left_out.fetched_later;
            let room = usize::try_from(limit - left_out.pages.min(limit)).unwrap_or(usize::MAX);
            let pages: Vec<_> = part.pages.into_iter().take(room).collect();
            left_out.pages += pages.len() as u64;
            let up_to_run = matches!(of, ReparseOf::Run(_)).then_some(run_id);
            compare(&store, &threads, spider, up_to_run, pages, &mut changes)?;
            if left_out.pages >= limit {
                break 'sources;
            }
            ask.after = part.next;
            if ask.after.is_none() {
                break;
            }
        }
    }
    threads.end();
    let _ = store.wait("closing", async {
        store.admin.close().await;
        Ok(())
    });
    if left_out.pages == 0 {
        return Err(dragline_store::nothing_to_parse(of, spider.name(), &left_out).into());
    }
    changes.finish(&left_out, of)?;
    Ok(Exit::Finished)
}

/// Parses pages, and compares their items with the rows that are stored.
fn compare(
    store: &StoreReader,
    threads: &Threads,
    spider: &Arc<dyn Spider>,
    up_to_run: Option<i64>,
    pages: Vec<(QueuedRequest, PageState)>,
    changes: &mut Changes,
) -> Result<(), Failed> {
    let mut pages: BTreeMap<_, _> =
        pages.into_iter().map(|(request, was)| (request.fingerprint, (request, was))).collect();
    while !pages.is_empty() {
        let ask = KeptAsk {
            spider: spider.name().to_owned(),
            pages: pages.keys().copied().collect(),
            up_to_run,
            max_bytes: ANSWER_BYTES,
        };
        let found = store.wait("reading kept pages", store.admin.kept_answers(&ask))?;
        // Pages that somebody removed meanwhile are left out.
        let mut read = Vec::new();
        for answer in found.answers {
            let page = pages.remove(&answer.fingerprint);
            read.extend(page.map(|(request, was)| KeptPage { request, was, answer }));
        }
        pages.retain(|page, _| found.left.contains(page));
        let parsed = threads.parse(read)?;
        for item in spider.items() {
            look_up(store, spider.name(), &item, &parsed, changes)?;
        }
        parsed.iter().try_for_each(|page| changes.page(page))?;
    }
    Ok(())
}

/// Compares the items of one type with the rows under their keys.
fn look_up(
    store: &StoreReader,
    spider: &str,
    item: &ItemType,
    pages: &[ParsedPage],
    changes: &mut Changes,
) -> Result<(), Failed> {
    let stored = pages.iter().filter(|page| matches!(page.outcome.state, PageState::Done | PageState::Dead));
    let items = stored.flat_map(|page| page.outcome.items.iter().map(move |record| (page, record)));
    let (pages, records): (Vec<&ParsedPage>, Vec<(Fingerprint, ItemRecord)>) = items
        .filter(|(_, record)| record.item_type == *item)
        .map(|(page, record)| (page, (page.outcome.fingerprint, record.clone())))
        .unzip();
    if !item.is_keyed() {
        changes.without_key(item, records.len() as u64);
        return Ok(());
    }
    if records.is_empty() {
        changes.is_there(item);
        return Ok(());
    }
    let rows: Vec<Option<StoredRow>> =
        store.wait("looking up rows", store.admin.rows_of_items(spider, item, &records))?;
    for ((page, (_, record)), row) in pages.into_iter().zip(&records).zip(rows) {
        changes.row(item, page.run_id, record, row)?;
    }
    Ok(())
}

/// The store, and how to wait for it.
struct StoreReader {
    admin: Box<dyn RunAdmin>,
    blocking: Blocking,
}

impl StoreReader {
    fn wait<T>(&self, what: &str, work: impl Future<Output = Result<T, StoreError>>) -> Result<T, Failed> {
        Ok(self.blocking.wait(&*self.admin, what, READ_LIMIT, work)?)
    }
}

/// The threads that parse.
struct Threads {
    pages: Sender<KeptPage>,
    parsed: Receiver<ParsedPage>,
    workers: Vec<Worker<()>>,
}

impl Threads {
    fn start(spider: &Arc<dyn Spider>, settings: &CrawlSettings, program: &Program) -> Result<Self, Failed> {
        let at_once = PART as usize;
        let ((pages, page_queue), (done, parsed)) = (bounded(at_once), bounded(at_once));
        let steps = item_pipelines(&settings.item_pipelines, &program.pipelines, &spider.items())
            .map_err(|error| Failed::usage(error.to_string()))?;
        let pipelines: Arc<[Box<dyn ItemPipeline>]> = steps.into();
        let scope = Scope::new(&settings.engine.links, &**spider, [])
            .map_err(|error| Failed::error(error.to_string()))?;
        let parser =
            Arc::new(Parser { spider: Arc::clone(spider), settings: settings.clone(), pipelines, scope });
        let workers = (0..settings.engine.crawl_threads.max(1)).map(|index| {
            let (parser, page_queue, done) = (Arc::clone(&parser), page_queue.clone(), done.clone());
            Worker::spawn(format!("crawl-{index}"), move || {
                for page in page_queue {
                    // Nobody waits for it any more.
                    if done.send(parser.parse(page)).is_err() {
                        return;
                    }
                }
            })
        });
        let workers = workers.collect::<Result<Vec<_>, _>>().map_err(|error| no_thread(&error))?;
        Ok(Self { pages, parsed, workers })
    }

    /// Parses these pages, of which there are no more than fit into the channels.
    fn parse(&self, pages: Vec<KeptPage>) -> Result<Vec<ParsedPage>, Failed> {
        let count = pages.len();
        let ended = || Failed::error("a thread that parses has ended");
        for page in pages {
            self.pages.send(page).map_err(|_| ended())?;
        }
        (0..count).map(|_| self.parsed.recv().map_err(|_| ended())).collect()
    }

    fn end(self) {
        let Self { pages, parsed, workers } = self;
        drop((pages, parsed));
        let deadline = std::time::Instant::now() + END_LIMIT;
        for worker in workers {
            let _ = worker.join_until(deadline);
        }
    }
}

/// What a thread needs to parse.
struct Parser {
    spider: Arc<dyn Spider>,
    settings: CrawlSettings,
    pipelines: Arc<[Box<dyn ItemPipeline>]>,
    scope: Scope,
}

impl Parser {
    fn parse(&self, page: KeptPage) -> ParsedPage {
        let KeptPage { request, was, answer } = page;
        let (url, run_id) = (request.request.url().to_string(), answer.run_id);
        let previewer = Previewer {
            settings: &self.settings.engine,
            spider: Arc::clone(&self.spider),
            args: self.settings.args.clone(),
            pipelines: Arc::clone(&self.pipelines),
            scope: &self.scope,
        };
        let key = dragline_core::PageKey::from(&request);
        let outcome = match previewer.kept(request, answer) {
            Ok(preview) => preview.outcome,
            Err(error) => PageOutcome::failed(key, dragline_core::Reason::ParseError, &error.to_string()),
        };
        ParsedPage { url, was, run_id, outcome }
    }
}
