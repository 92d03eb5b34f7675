//! A second downloader: each request chooses its own, and everything around it stays the same.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use dragline_core::{PageState, QueuedRequest, Reason, Request};
use dragline_testkit::{Answer as SiteAnswer, Site};
use http::{HeaderName, HeaderValue};
use tempfile::TempDir;

use super::frontier::{Frontier, Row};
use super::harness::{Crawl, EndedCrawl, Follow, fast};
use crate::{
    Answer, CrawlEnd, DownloadError, DownloadLimits, Downloader, Downloaders, Downloading, EngineSettings,
};

/// A page as a site serves it, or as it lies in a folder.
#[derive(Clone)]
struct FolderPage {
    path: &'static str,
    status: u16,
    headers: &'static [(&'static str, &'static str)],
    body: String,
}

fn stored(path: &'static str, status: u16, headers: &'static [(&'static str, &'static str)]) -> FolderPage {
    FolderPage { path, status, headers, body: format!("<title>{path}</title>") }
}

fn pages() -> Vec<FolderPage> {
    const HTML: &[(&str, &str)] = &[("Content-Type", "text/html")];
    vec![
        stored("/well", 200, HTML),
        stored("/gone", 410, HTML),
        stored("/busy", 503, HTML),
        stored("/private", 200, HTML),
        stored("/picture", 200, &[("Content-Type", "image/png")]),
        stored("/moved", 301, &[("Location", "/target")]),
        stored("/away", 302, &[("Location", "ftp://a.example/")]),
        stored("/target", 200, HTML),
        FolderPage { body: "x".repeat(20_000), ..stored("/large", 200, HTML) },
        FolderPage { body: "please fail".to_owned(), ..stored("/fails", 200, HTML) },
    ]
}

/// A site with these pages.
fn site() -> Site {
    let site = Site::builder().robots("User-agent: *\nDisallow: /private\n");
    let site = pages().into_iter().fold(site, |site, page| {
        let answer = SiteAnswer::new(page.status).body(page.body.into_bytes());
        let answer = page.headers.iter().fold(answer, |answer, (name, value)| answer.header(name, value));
        site.page(page.path, answer)
    });
    site.start()
}

/// Answers from a folder of stored files: a status and headers, an empty line, the body.
struct Folder {
    at: PathBuf,
    seen: Arc<FolderLog>,
}

#[derive(Default)]
struct FolderLog {
    downloads: AtomicUsize,
    at_once: AtomicUsize,
    most_at_once: AtomicUsize,
}

impl Folder {
    /// A folder with these pages.
    fn new() -> (Self, TempDir, Arc<FolderLog>) {
        let folder = tempfile::tempdir().unwrap();
        for page in pages() {
            let headers = page.headers.iter().map(|(name, value)| format!("{name}: {value}\n"));
            let text = format!("{}\n{}\n{}", page.status, headers.collect::<String>(), page.body);
            fs::write(folder.path().join(page.path.trim_start_matches('/')), text).unwrap();
        }
        let seen = Arc::new(FolderLog::default());
        (Self { at: folder.path().to_owned(), seen: Arc::clone(&seen) }, folder, seen)
    }

    async fn read(&self, request: &Request) -> Result<Answer, DownloadError> {
        let file = self.at.join(request.url().path().trim_start_matches('/'));
        // The download thread must not block.
        let read = tokio::task::spawn_blocking(|| fs::read_to_string(file)).await.unwrap();
        let Ok(text) = read else { return Ok(Answer::new(404)) };
        let broken = || DownloadError::new(Reason::InvalidAnswer, "the file is not a stored page");
        let (head, body) = text.split_once("\n\n").ok_or_else(broken)?;
        let (status, headers) = head.split_once('\n').unwrap_or((head, ""));
        let mut answer = Answer::new(status.parse().map_err(|_| broken())?).with_body(body.to_owned());
        for (name, value) in headers.lines().filter_map(|line| line.split_once(": ")) {
            let name = HeaderName::try_from(name).map_err(|_| broken())?;
            answer = answer.with_header(name, HeaderValue::try_from(value).map_err(|_| broken())?);
        }
        Ok(answer)
    }
}

impl Downloader for Folder {
    fn download<'a>(&'a self, request: &'a Request, _limits: &'a DownloadLimits) -> Downloading<'a> {
        Box::pin(async move {
            let FolderLog { downloads, at_once, most_at_once } = &*self.seen;
            downloads.fetch_add(1, Ordering::Relaxed);
            most_at_once.fetch_max(at_once.fetch_add(1, Ordering::Relaxed) + 1, Ordering::Relaxed);
            let answer = self.read(request).await;
            at_once.fetch_sub(1, Ordering::Relaxed);
            answer
        })
    }
}

/// Misbehaves as the path says.
struct Odd;

impl Downloader for Odd {
    fn download<'a>(&'a self, request: &'a Request, limits: &'a DownloadLimits) -> Downloading<'a> {
        Box::pin(async move {
            match request.url().path() {
                "/panics" => panic!("no such luck"),
                "/hangs" => std::future::pending().await,
                "/breaks" => Err(DownloadError::new(Reason::Connection, "it broke").retryable()),
                "/too-large" => Ok(Answer::new(200).with_body(vec![b'x'; limits.max_body_bytes() + 1])),
                _ => Ok(Answer::new(200).with_body("<title>odd</title>")),
            }
        })
    }
}

fn crawl(downloaders: Downloaders, settings: EngineSettings, requests: Vec<Request>) -> EndedCrawl {
    let start = requests.into_iter().enumerate();
    let frontier = Frontier::with(start.map(|(at, request)| QueuedRequest::start(request, at)));
    Crawl::begin_downloading(downloaders, Arc::new(Follow), settings, frontier).end()
}

fn get(site: &Site, path: &str) -> Request {
    Request::get(site.url(path)).unwrap()
}

#[test]
fn each_request_chooses_its_downloader() {
    let (site, (folder, _kept, log)) = (site(), Folder::new());
    let downloaders = Downloaders::new().with("folder", folder);
    let requests = vec![
        get(&site, "/target"),
        get(&site, "/well").with_downloader("folder"),
        get(&site, "/fails").with_downloader("http"),
        get(&site, "/moved").with_downloader("folder"),
    ];
    let ended = crawl(downloaders, fast(), requests);
    assert!(matches!(ended.end, CrawlEnd::Finished), "{}", ended.end);
    assert_eq!((site.hits("/target"), site.hits("/fails")), (1, 1));
    assert_eq!((site.hits("/well"), site.hits("/moved")), (0, 0));
    assert_eq!(ended.fate("/well").0, Some(PageState::Done));
    assert_eq!(log.downloads.load(Ordering::Relaxed), 2, "the target of /moved is known already");
    assert_eq!(site.hits("/robots.txt"), 1, "robots.txt always comes from the host");
}

#[test]
fn robots_limits_retries_and_outcomes_are_the_same() {
    let settings = fast().but(|it| {
        it.fetch.max_body_bytes = 10_000;
        it.retry.retries = 2;
    });
    let fates = |downloader: &str| {
        let (site, (folder, _kept, _)) = (site(), Folder::new());
        let paths = pages().into_iter().map(|page| page.path).chain(["/missing"]);
        let requests = paths.filter(|path| *path != "/target");
        let requests = requests.map(|path| get(&site, path).with_downloader(downloader)).collect();
        let ended = crawl(Downloaders::new().with("folder", folder), settings.clone(), requests);
        assert!(matches!(ended.end, CrawlEnd::Finished), "{}", ended.end);
        assert_eq!(site.total_hits() > 0, downloader == "http");
        let fate = |row: Row| {
            let path = row.queued.request.url().path().to_owned();
            let error = row.error.map(|error| error.replace(&site.url(""), ""));
            (path, row.state, row.status, row.attempts, row.reason, error)
        };
        ended.frontier.rows().into_iter().map(fate).collect::<Vec<_>>()
    };
    let (by_http, from_folder) = (fates("http"), fates("folder"));
    assert_eq!(from_folder, by_http);
    let reasons = by_http.iter().filter_map(|fate| fate.4);
    for reason in [
        Reason::HttpStatus,
        Reason::RobotsDenied,
        Reason::UnwantedType,
        Reason::Redirected,
        Reason::InvalidRedirect,
        Reason::BodyTooLarge,
        Reason::ParseError,
    ] {
        assert!(reasons.clone().any(|other| other == reason), "{reason}");
    }
    let busy = by_http.iter().find(|fate| fate.0 == "/busy").unwrap();
    assert_eq!((busy.3, busy.5.as_deref()), (3, Some("HTTP 503")));
}

#[test]
fn pace_and_the_limit_on_pages_are_the_same() {
    let (site, (folder, _kept, log)) = (site(), Folder::new());
    let settings = fast().but(|it| {
        it.pace.rate_per_second = Some(20.0);
        it.pace.jitter = 0.0;
        it.pace.host_concurrency = 1;
        it.limits.pages = Some(5);
    });
    let requests = (0..10).map(|number| get(&site, &format!("/well?{number}")).with_downloader("folder"));
    let begun = Instant::now();
    let ended = crawl(Downloaders::new().with("folder", folder), settings, requests.collect());
    assert!(matches!(ended.end, CrawlEnd::LimitReached), "{}", ended.end);
    assert_eq!((ended.done(), log.downloads.load(Ordering::Relaxed)), (5, 5));
    assert_eq!(log.most_at_once.load(Ordering::Relaxed), 1);
    // robots.txt and five pages, one each 50 ms.
    assert!(begun.elapsed() >= Duration::from_millis(245), "{:?}", begun.elapsed());
}

#[test]
fn whatever_a_downloader_does_costs_its_own_request() {
    let settings = fast().but(|it| {
        it.robots.obey = false;
        it.retry.retries = 1;
        it.fetch.request_timeout = Duration::from_millis(300);
        it.fetch.max_body_bytes = 1000;
    });
    let paths = ["/panics", "/hangs", "/breaks", "/too-large", "/well"];
    let requests = paths.map(|path| Request::get(format!("http://a.example{path}")).unwrap());
    let mut requests = requests.map(|request| request.with_downloader("odd")).to_vec();
    requests.push(Request::get("http://a.example/unknown").unwrap().with_downloader("browser"));
    let ended = crawl(Downloaders::new().with("odd", Odd), settings, requests);
    assert!(matches!(ended.end, CrawlEnd::Finished), "{}", ended.end);
    let rows = ended.frontier.rows();
    let row = |path: &str| rows.iter().find(|row| row.queued.request.url().path() == path).unwrap();
    for (path, reason, attempts) in [
        ("/panics", Reason::DownloaderPanic, 1),
        ("/hangs", Reason::Timeout, 2),
        ("/breaks", Reason::Connection, 2),
        ("/too-large", Reason::BodyTooLarge, 1),
        ("/unknown", Reason::UnknownDownloader, 0),
    ] {
        assert_eq!((row(path).reason, row(path).attempts), (Some(reason), attempts), "{path}");
    }
    assert_eq!(
        row("/unknown").error.as_deref(),
        Some("\"browser\" is not a downloader of this program, which has: http, odd")
    );
    assert_eq!(row("/well").state, Some(PageState::Done));
}

#[test]
fn no_downloader_may_take_the_name_of_the_built_in_one() {
    let error = std::panic::catch_unwind(|| crawl(Downloaders::new().with("http", Odd), fast(), Vec::new()));
    let told = error.err().unwrap();
    let told = told.downcast_ref::<String>().unwrap();
    assert!(told.contains("is the name of the built-in downloader"), "{told}");
}
