//! A whole engine around a tiny frontier: download thread, crawl threads, a spider that follows links.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::{Sender, bounded};
use dragline_core::hold::Hold;
use dragline_core::pulse::NoPulse;
use dragline_core::run_kind::RunKind;
use dragline_core::shard::ShardRule;
use dragline_core::stop::Stop;
use dragline_core::store::{Earlier, OpenedRun, RunKey};
use dragline_core::worker::Worker;
use dragline_core::{
    Accepts, Args, ColumnType, Item, ItemRecord, ItemType, Output, Page, PageState, QueuedRequest, Request,
    Spider, Value, bail,
};

use super::frontier::{Frontier, Sink};
use crate::crawl::Crew;
use crate::{
    CrawlEnd, CrawlStats, CrawlThreads, DownloadThread, Downloaders, EngineParts, EngineSettings, PageSource,
    RunLabel, StatsSnapshot, crawl, download, receipt_channel,
};

/// Longest time for a test's crawl.
const PATIENCE: Duration = Duration::from_secs(30);

/// Settings for a crawl of a test site that is as fast as possible.
pub(crate) fn fast() -> EngineSettings {
    EngineSettings::default().but(|it| {
        it.concurrency = 16;
        it.pace.host_concurrency = 8;
        it.pace.rate_per_second = None;
        it.crawl_threads = 2;
        it.retry.base_delay = Duration::from_millis(20);
    })
}

/// The item of a page.
pub(crate) struct SeenPage {
    url: String,
    title: String,
}

impl Item for SeenPage {
    fn item_type() -> ItemType {
        let seen = ItemType::builder("seen").with_key(["url"]);
        seen.with_column("url", ColumnType::Text).with_column("title", ColumnType::Text).build().unwrap()
    }

    fn into_record(self) -> ItemRecord {
        ItemRecord {
            item_type: Self::item_type(),
            values: vec![Value::Text(self.url), Value::Text(self.title)],
        }
    }
}

/// Follows every link and emits one item per page. It misbehaves if the text of the page asks for it.
pub(crate) struct Follow;

impl Spider for Follow {
    fn name(&self) -> &str {
        "follow"
    }

    fn items(&self) -> Vec<ItemType> {
        vec![SeenPage::item_type()]
    }

    fn start(&self, _args: &Args) -> dragline_core::Result<Vec<Request>> {
        Ok(Vec::new())
    }

    fn parse(&self, page: &Page, out: &mut Output) -> dragline_core::Result<()> {
        let text = page.body_text();
        if text.contains("please fail") {
            bail!("the page asked for it");
        }
        assert!(!text.contains("please panic"), "the page asked for it");
        let title = page.text("title").unwrap_or_default();
        out.item(SeenPage { url: page.url().to_string(), title });
        out.follow_all(page, "a[href]");
        Ok(())
    }

    fn accepts(&self) -> Accepts {
        Accepts::new().with_status(418).with_status(307)
    }
}

/// A crawl that runs.
pub(crate) struct Crawl {
    pub(crate) frontier: Frontier,
    pub(crate) stats: Arc<CrawlStats>,
    pub(crate) stop: Stop,
    pub(crate) sink: Option<Arc<Sink>>,
    pub(crate) begun: Instant,
    download: Worker<CrawlEnd>,
    threads: Crew,
    store: Worker<()>,
    finish: Option<Sender<()>>,
}

/// A crawl that has ended.
pub(crate) struct EndedCrawl {
    pub(crate) end: CrawlEnd,
    pub(crate) frontier: Frontier,
    pub(crate) stats: StatsSnapshot,
    pub(crate) elapsed: Duration,
}

/// A frontier with these start URLs.
pub(crate) fn start(urls: &[String]) -> Frontier {
    let requests = urls.iter().map(|url| Request::get(url).unwrap());
    Frontier::with(requests.enumerate().map(|(ordinal, request)| QueuedRequest::start(request, ordinal)))
}

/// Crawls from these start URLs to the end.
pub(crate) fn crawl_all(settings: EngineSettings, urls: &[String]) -> EndedCrawl {
    Crawl::begin(settings, start(urls)).end()
}

impl Crawl {
    pub(crate) fn begin(settings: EngineSettings, frontier: Frontier) -> Self {
        Self::begin_with(Arc::new(Follow), settings, frontier)
    }

    pub(crate) fn begin_with(spider: Arc<dyn Spider>, settings: EngineSettings, frontier: Frontier) -> Self {
        Self::begin_downloading(Downloaders::new(), spider, settings, frontier)
    }

    pub(crate) fn begin_downloading(
        downloaders: Downloaders,
        spider: Arc<dyn Spider>,
        settings: EngineSettings,
        frontier: Frontier,
    ) -> Self {
        Self::begin_from(PageSource::Sites, downloaders, spider, settings, frontier)
    }

    pub(crate) fn begin_from(
        source: PageSource,
        downloaders: Downloaders,
        spider: Arc<dyn Spider>,
        settings: EngineSettings,
        frontier: Frontier,
    ) -> Self {
        let (receipts, receiver) = receipt_channel();
        // This is long, so a test that ends quickly shows that the scheduler asked for its flushes.
        let (sink, store) = frontier.open(receipts, settings.concurrency, Duration::from_secs(2));
        let (sink, stop) = (Arc::new(sink), Stop::new());
        let items = spider.items();
        let stats = Arc::new(CrawlStats::new(&items));
        let settings = Arc::new(settings);
        let (pages, queue) = bounded(settings.concurrency);
        let (finish, finished) = bounded(0);
        let run = OpenedRun {
            key: RunKey {
                run_id: 1,
                epoch: 1,
                spider: "follow".into(),
                worker: None,
                shards: ShardRule::NEW,
                incremental: false,
                keeps_pages: false,
                kind: RunKind::Crawl,
                reparse: None,
            },
            resumed: None,
            start_hosts: frontier.start_hosts(),
            done: frontier.count(Some(PageState::Done)) as u64,
            cookies: Vec::new(),
            earlier: Earlier::default(),
            tally: frontier.tally(settings.links.tally()),
            hosts: frontier.notes(),
            has_kept_pages: false,
            reparse: None,
            careful: None,
        };
        let begun = Instant::now();
        let parts = EngineParts {
            same_request: spider.same_request(),
            settings,
            args: Args::default(),
            spider,
            sink: Arc::clone(&sink) as _,
            stop: stop.clone(),
            stats: Arc::clone(&stats),
            source,
            revisits: None,
            known: Arc::default(),
            traces: None,
            look_ups: Arc::default(),
        };
        let threads = crawl::spawn(CrawlThreads {
            parts: parts.clone(),
            run: RunLabel { run_id: 1, name: "test".to_owned() },
            pipelines: Arc::new([]),
            items,
            pages: queue,
            finish: finished,
        })
        .unwrap();
        let download = download::spawn(DownloadThread {
            parts,
            run: &run,
            downloaders,
            databases: Vec::new(),
            receipts: receiver,
            pages,
            pulse: Arc::new(NoPulse),
            hold: Hold::default(),
        })
        .unwrap();
        Self {
            frontier,
            stats,
            stop,
            sink: Some(sink),
            begun,
            download,
            threads,
            store,
            finish: Some(finish),
        }
    }

    /// Waits for its end, in the order of a real one.
    pub(crate) fn end(mut self) -> EndedCrawl {
        let deadline = self.begun + PATIENCE;
        let end = self.download.join_until(deadline).unwrap();
        let elapsed = self.begun.elapsed();
        self.finish = None;
        assert!(self.threads.join_until(deadline).unwrap().is_empty());
        self.sink = None;
        self.store.join_until(deadline).unwrap();
        EndedCrawl { end, frontier: self.frontier, stats: self.stats.snapshot(), elapsed }
    }
}

impl EndedCrawl {
    pub(crate) fn done(&self) -> usize {
        self.frontier.count(Some(PageState::Done))
    }

    /// State, attempts and error of the only row whose URL ends so.
    pub(crate) fn fate(&self, path: &str) -> (Option<PageState>, u32, String) {
        let rows = self.frontier.rows();
        let mut found = rows.iter().filter(|row| row.queued.request.url().as_str().ends_with(path));
        let row = found.next().unwrap_or_else(|| panic!("no request for {path}"));
        assert!(found.next().is_none(), "several requests for {path}");
        (row.state, row.attempts, row.error.clone().unwrap_or_default())
    }
}
