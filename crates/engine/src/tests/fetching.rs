//! Bad servers, bad pages and bad spiders. Each costs one page.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use dragline_core::{Args, Failure, ItemType, Output, Page, PageState, QueuedRequest, Request, Spider};
use dragline_testkit::bad_server::{NOBODY, nobody};
use dragline_testkit::{Answer, Site};

use super::frontier::Frontier;
use super::harness::{Crawl, EndedCrawl, Follow, crawl_all, fast};
use crate::{CrawlEnd, EngineSettings};

/// Crawls pages that are all linked from `/`.
fn crawl(settings: EngineSettings, pages: &[(&str, Vec<Answer>)]) -> (EndedCrawl, Site) {
    let links: String = pages.iter().map(|(path, _)| format!("<a href='{path}'>x</a>")).collect();
    let mut site = Site::builder().page("/", Answer::html(links));
    for (path, answers) in pages {
        site = site.answers(path, answers.clone());
    }
    let site = site.start();
    let ended = crawl_all(settings, &[site.url("/")]);
    assert!(matches!(ended.end, CrawlEnd::Finished), "{}", ended.end);
    (ended, site)
}

#[test]
fn what_passes_is_tried_again_and_what_does_not_is_given_up() {
    let well = || Answer::html("<title>well</title>");
    let (ended, site) = crawl(
        fast(),
        &[
            ("/shaky", vec![Answer::new(503), Answer::dropped(), Answer::cut_off("half", 100), well()]),
            ("/busy", vec![Answer::new(429).header("Retry-After", "0"), Answer::new(408), well()]),
            ("/down", vec![Answer::new(500)]),
            ("/gone", vec![Answer::new(404)]),
            ("/never", vec![Answer::new(501)]),
            ("/teapot", vec![Answer::html("<title>tea</title>").status(418)]),
            ("/empty", vec![Answer::new(204)]),
        ],
    );
    assert_eq!(ended.fate("/shaky"), (Some(PageState::Done), 4, String::new()));
    assert_eq!(ended.fate("/busy"), (Some(PageState::Done), 3, String::new()));
    assert_eq!(ended.fate("/down"), (Some(PageState::Failed), 4, "HTTP 500".to_owned()));
    assert_eq!(ended.fate("/gone"), (Some(PageState::Failed), 1, "HTTP 404".to_owned()));
    assert_eq!(ended.fate("/never"), (Some(PageState::Failed), 1, "HTTP 501".to_owned()));
    assert_eq!(ended.fate("/teapot"), (Some(PageState::Done), 1, String::new()));
    assert_eq!(ended.fate("/empty"), (Some(PageState::Done), 1, String::new()));
    assert_eq!(site.hits("/down"), 4);
    assert_eq!(ended.stats.retries, 3 + 2 + 3);
}

/// Remembers each failure, and then asks for another page or panics.
#[derive(Default)]
struct FailureListener(Mutex<Vec<String>>);

impl Spider for FailureListener {
    fn name(&self) -> &str {
        "told"
    }

    fn items(&self) -> Vec<ItemType> {
        Follow.items()
    }

    fn start(&self, _args: &Args) -> dragline_core::Result<Vec<Request>> {
        Ok(Vec::new())
    }

    fn parse(&self, page: &Page, out: &mut Output) -> dragline_core::Result<()> {
        Follow.parse(page, out)
    }

    fn failed(&self, failure: &Failure, out: &mut Output) -> dragline_core::Result<()> {
        let thread = std::thread::current();
        let thread = thread.name().unwrap_or_default().trim_end_matches(char::is_numeric);
        let (status, attempts, error) = (failure.status(), failure.attempts(), failure.error());
        let path = failure.request().url().path();
        self.0.lock().unwrap().push(format!("{thread}: {path} {status:?} {attempts} {error}"));
        if path == "/down" {
            out.request(Request::from_url(failure.request().url().join("/mirror")?)?);
            return Ok(());
        }
        panic!("also here");
    }
}

#[test]
fn a_request_says_how_often_it_is_tried_and_the_spider_hears_of_those_that_are_given_up() {
    let site = Site::builder()
        .page("/down", Answer::new(503))
        .page("/once", Answer::new(503))
        .page("/twice", Answer::dropped())
        .page("/refuses", Answer::new(403))
        .page("/well", Answer::html("well"))
        .page("/mirror", Answer::html("mirror"))
        .start();
    let get = |path| Request::get(site.url(path)).unwrap();
    let requests = [
        get("/down"),
        get("/once").without_retries(),
        get("/twice").with_max_retries(1),
        get("/refuses"),
        get("/well"),
    ];
    let start = requests.into_iter().enumerate();
    let frontier = Frontier::with(start.map(|(at, request)| QueuedRequest::start(request, at)));
    let settings = fast().but(|it| {
        it.retry.retries = 2;
        it.retry.statuses = vec![(403, 403), (500, 599)];
    });
    let spider = Arc::new(FailureListener::default());
    let ended = Crawl::begin_with(Arc::clone(&spider) as _, settings, frontier).end();
    assert_eq!(ended.fate("/down"), (Some(PageState::Failed), 3, "HTTP 503".to_owned()));
    assert_eq!(ended.fate("/once"), (Some(PageState::Failed), 1, "HTTP 503".to_owned()));
    assert_eq!((ended.fate("/twice").0, ended.fate("/twice").1), (Some(PageState::Failed), 2));
    assert_eq!(ended.fate("/refuses"), (Some(PageState::Failed), 3, "HTTP 403".to_owned()));
    assert_eq!(ended.fate("/well").0, Some(PageState::Done));
    assert_eq!(ended.fate("/mirror").0, Some(PageState::Done), "the spider asked for it instead");
    assert_eq!(site.hits("/down") + site.hits("/once") + site.hits("/twice") + site.hits("/refuses"), 9);
    let mut told = spider.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
    told.sort_unstable();
    assert_eq!(told.len(), 4, "{told:?}");
    assert_eq!(told[0], "crawl-: /down Some(503) 3 HTTP 503");
    assert_eq!(told[1], "crawl-: /once Some(503) 1 HTTP 503");
    assert_eq!(told[2], "crawl-: /refuses Some(403) 3 HTTP 403");
    assert!(told[3].starts_with("crawl-: /twice None 2 "), "{told:?}");
}

#[test]
fn a_retry_after_is_waited_for() {
    let busy = Answer::new(503).header("Retry-After", "1");
    let (ended, _site) = crawl(fast(), &[("/busy", vec![busy, Answer::html("now")])]);
    assert_eq!(ended.fate("/busy").0, Some(PageState::Done));
    assert!(ended.elapsed >= Duration::from_secs(1), "{:?}", ended.elapsed);
}

#[test]
fn slow_and_endless_bodies_end_at_their_limits() {
    let settings = fast().but(|it| {
        it.fetch.read_timeout = Duration::from_millis(1500);
        it.fetch.request_timeout = Duration::from_millis(3500);
        it.fetch.max_body_bytes = 10_000;
        it.retry.retries = 0;
    });
    let pause = Duration::from_secs(20);
    let (ended, _site) = crawl(
        settings,
        &[
            ("/silent", vec![Answer::html("late").delay(pause)]),
            ("/stalled", vec![Answer::dripping("x", pause, 2)]),
            ("/dripping", vec![Answer::dripping("x", Duration::from_millis(50), 1000)]),
            ("/endless", vec![Answer::endless(vec![b'x'; 1000])]),
            ("/fits", vec![Answer::html("x".repeat(10_000))]),
        ],
    );
    let error = |path| ended.fate(path).2;
    assert_eq!(error("/stalled"), "timed out after 1.5 s while reading the body");
    assert_eq!(error("/dripping"), "timed out after 3.5 s while fetching the page");
    assert_eq!(error("/endless"), "body larger than 9 KiB");
    assert_eq!(ended.fate("/fits").0, Some(PageState::Done));
    assert!(error("/silent").starts_with("timed out after"), "{}", error("/silent"));
}

#[test]
fn what_a_spider_does_wrong_costs_one_page() {
    let (ended, _site) = crawl(
        fast(),
        &[
            ("/fails", vec![Answer::html("please fail")]),
            ("/panics", vec![Answer::html("please panic")]),
            ("/well", vec![Answer::html("well")]),
        ],
    );
    assert_eq!(ended.fate("/fails"), (Some(PageState::Failed), 1, "parse: the page asked for it".to_owned()));
    assert_eq!(
        ended.fate("/panics"),
        (Some(PageState::Failed), 1, "parse: panicked: the page asked for it".to_owned())
    );
    assert_eq!(ended.fate("/well").0, Some(PageState::Done));
}

#[test]
fn a_server_that_is_not_there_is_named_in_plain_words() {
    let settings = fast().but(|it| it.retry.retries = 1);
    let ended = crawl_all(settings.clone(), &[nobody("/")]);
    assert!(matches!(ended.end, CrawlEnd::Finished));
    assert_eq!(
        ended.fate("/"),
        (Some(PageState::Failed), 0, "robots.txt unreachable: connection refused".to_owned())
    );
    let settings = settings.but(|it| it.robots.obey = false);
    let ended = crawl_all(settings, &[nobody("/"), "http://nobody.invalid/".to_owned()]);
    assert_eq!(
        ended.fate(&format!("{NOBODY}/")),
        (Some(PageState::Failed), 2, "connection refused".to_owned())
    );
    let (_, _, error) = ended.fate("nobody.invalid/");
    assert!(error.starts_with("dns error: "), "{error}");
}

#[test]
fn a_compressed_body_is_read_and_its_limit_is_that_of_the_memory_it_takes() {
    // `<title>squeezed</title>` by each coding, and 10,000 times `x` in 45 bytes.
    let gzip = "1f8b08000000000002ffb329c92cc949b52b2e2c4d4dad4a4db1d187f0016e68805317000000";
    let bomb = "1f8b08000000000002ffedc1010d000000c2a0da8f6f0e37a0000000000000000000e0df00a3a4550d10270000";
    let zstd = "28b52ffd0458b900003c7469746c653e73717565657a65643c2f7469746c653e8c230b46";
    let brotli = "6001103c7469746c653e73717565657a65643c2f7469746c653e03";
    let raw = &gzip[20..gzip.len() - 16];
    let bytes = |hex: &str| -> Vec<u8> {
        (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
    };
    let answer = |coding, body: Vec<u8>| vec![Answer::html("").header("Content-Encoding", coding).body(body)];
    let settings = fast().but(|it| {
        it.fetch.max_body_bytes = 9 << 10;
        it.retry.retries = 1;
    });
    let (ended, _site) = crawl(
        settings,
        &[
            ("/gzip", answer("gzip", bytes(gzip))),
            ("/deflate", answer("deflate", bytes(raw))),
            ("/br", answer("br", bytes(brotli))),
            ("/zstd", answer("zstd", bytes(zstd))),
            ("/plain", answer("gzip", b"<title>squeezed</title>".to_vec())),
            ("/once", answer("gzip, gzip", bytes(gzip))),
            ("/bomb", answer("gzip", bytes(bomb))),
            ("/half", answer("gzip", bytes(&gzip[..40]))),
            ("/broken", answer("gzip", b"\x1f\x8bno gzip at all".to_vec())),
        ],
    );
    let items = ended.frontier.items();
    for path in ["/gzip", "/deflate", "/br", "/zstd", "/plain", "/once"] {
        assert_eq!(ended.fate(path), (Some(PageState::Done), 1, String::new()), "{path}");
        let told = items.iter().any(|item| item.contains(&format!("{path}\"")) && item.contains("squeezed"));
        assert!(told, "{path}: {items:?}");
    }
    assert_eq!(ended.fate("/bomb"), (Some(PageState::Failed), 1, "body larger than 9 KiB".to_owned()));
    let (state, attempts, error) = ended.fate("/half");
    assert_eq!(
        (state, attempts),
        (Some(PageState::Failed), 1),
        "its length is right, so it would come like this again"
    );
    assert!(error.starts_with("the body cannot be decoded as gzip: it is cut off"), "{error}");
    let (state, attempts, error) = ended.fate("/broken");
    assert_eq!((state, attempts), (Some(PageState::Failed), 1), "{error}");
    assert!(error.starts_with("the body cannot be decoded as gzip: "), "{error}");
}

#[test]
fn the_body_of_an_error_page_decides_nothing() {
    let slow = Answer::dripping("x", Duration::from_millis(100), 1000).status(404);
    let settings = fast().but(|it| it.fetch.request_timeout = Duration::from_secs(2));
    let (ended, site) = crawl(settings, &[("/slow", vec![slow])]);
    assert_eq!(ended.fate("/slow"), (Some(PageState::Failed), 1, "HTTP 404".to_owned()));
    assert_eq!(site.hits("/slow"), 1);
}

#[test]
fn headers_and_bodies_are_sent() {
    let site = Site::builder()
        .handler(|asked| {
            let body = String::from_utf8_lossy(&asked.body).into_owned();
            let told = ["user-agent", "accept-language", "x-asked", "accept-encoding"]
                .map(|name| asked.header(name).unwrap_or("-").to_owned());
            (asked.path == "/form")
                .then(|| Answer::html(format!("<title>{} {} {}</title>", asked.method, told.join("|"), body)))
        })
        .start();
    let request = Request::post(site.url("/form"), "q=1")
        .unwrap()
        .with_header("X-Asked", "yes")
        .with_header("Accept-Language", "de");
    let frontier = Frontier::with([QueuedRequest::start(request, 0)]);
    let ended = Crawl::begin(fast(), frontier).end();
    let items = ended.frontier.items();
    assert_eq!(items.len(), 1, "{:?}", ended.fate("/form"));
    assert!(items[0].contains("POST dragline/"), "{}", items[0]);
    assert!(items[0].contains("|de|yes|"), "{}", items[0]);
    for encoding in ["gzip", "br", "zstd", "deflate"] {
        assert!(items[0].contains(encoding), "{}", items[0]);
    }
    assert!(items[0].contains("q=1"), "{}", items[0]);

    // A part of a compressed body could not be decoded.
    let part = Request::get(site.url("/form")).unwrap().with_header("Range", "bytes=0-99");
    let ended = Crawl::begin(fast(), Frontier::with([QueuedRequest::start(part, 0)])).end();
    assert!(ended.frontier.items()[0].contains("|identity"), "{:?}", ended.frontier.items());
}
