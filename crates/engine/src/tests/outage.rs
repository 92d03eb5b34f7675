//! An outage of ours: the network, the proxy of the run or this machine fails. It costs no page.

use std::time::Duration;

use dragline_core::stop::StopReason;
use dragline_core::{PageState, QueuedRequest, Reason, Request};
use dragline_testkit::bad_server::nobody;
use dragline_testkit::forward_proxy::Manner;
use dragline_testkit::{Answer, ForwardProxy, Site, wait_until};

use super::frontier::Frontier;
use super::harness::{Crawl, EndedCrawl, crawl_all, fast, start};
use crate::{CrawlEnd, DownloadError, EngineSettings, ProxySetting};

const SOON: Duration = Duration::from_secs(20);
const HOSTS: usize = 40;

/// A page from the proxy itself, for all hosts.
fn page() -> Manner {
    answers("200 OK", "<title>page</title>")
}

fn answers(status: &str, body: &str) -> Manner {
    let length = body.len();
    Manner::Answers(format!(
        "HTTP/1.1 {status}\r\nContent-Type: text/html\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    ))
}

/// Nothing is tried again, so every failure that counts fails its page.
fn strict() -> EngineSettings {
    fast().but(|it| {
        it.retry.retries = 0;
        it.concurrency = 4;
        it.fetch.connect_timeout = Duration::from_secs(2);
    })
}

fn through(proxy: &str) -> EngineSettings {
    strict().but(|it| it.client.proxy = ProxySetting::parse(proxy).unwrap())
}

fn is_out(crawl: &Crawl) -> bool {
    crawl.stats.snapshot().network_outage.is_some()
}

fn assert_all_done(ended: &EndedCrawl, pages: usize) {
    assert!(matches!(ended.end, CrawlEnd::Finished), "{}", ended.end);
    assert_eq!(ended.done(), pages, "{:?}", ended.frontier.rows());
    assert!(ended.stats.network_outages >= 1 && ended.stats.network_outage.is_none());
}

#[test]
fn a_proxy_that_goes_away_and_returns_costs_no_page() {
    let proxy = ForwardProxy::start();
    proxy.set(page());
    let hosts: Vec<String> = (0..HOSTS).map(|host| format!("http://h{host}.example/")).collect();
    for (manner, obey_robots) in [(Manner::Gone, true), (Manner::Closes, false)] {
        let settings = through(&format!("http://{}", proxy.host())).but(|it| it.robots.obey = obey_robots);
        proxy.set_after(HOSTS / 2, manner);
        let crawl = Crawl::begin(settings, start(&hosts));
        wait_until("the outage", SOON, || is_out(&crawl));
        proxy.set(page());
        assert_all_done(&crawl.end(), HOSTS);
    }
}

#[test]
fn every_host_fails_at_once() {
    let serve =
        |address: &str| Site::builder().bind(address).page("/", Answer::html("<title>x</title>")).start();
    let site = serve("0.0.0.0:0");
    let port = site.host().rsplit(':').next().unwrap().to_owned();
    let address = format!("0.0.0.0:{port}");
    let hosts: Vec<String> = (1..=HOSTS).map(|host| format!("http://127.0.9.{host}:{port}/")).collect();
    // In mid-crawl.
    site.hold_after(HOSTS / 2);
    let crawl = Crawl::begin(strict(), start(&hosts));
    wait_until("some pages", SOON, || site.waiting() >= 3);
    drop(site);
    wait_until("the outage", SOON, || is_out(&crawl));
    let site = serve(&address);
    assert_all_done(&crawl.end(), HOSTS);
    // From the beginning.
    drop(site);
    let crawl = Crawl::begin(strict().but(|it| it.robots.obey = false), start(&hosts));
    wait_until("the outage", SOON, || is_out(&crawl));
    let _site = serve(&address);
    assert_all_done(&crawl.end(), HOSTS);
}

#[test]
fn a_proxy_that_refuses_pauses_the_crawl_and_at_last_stops_it() {
    let proxy = ForwardProxy::start();
    let http = format!("http://{}", proxy.host());
    let socks = format!("socks5h://{}", proxy.host());
    let nobody = nobody("");
    for (manner, proxy_url, url, told) in [
        (answers("407 Proxy Authentication Required", ""), &http, "http://a.example/", "407"),
        (answers("407 Proxy Authentication Required", ""), &http, "https://a.example/", "407"),
        (answers("403 Forbidden", ""), &http, "https://a.example/", "tunnel"),
        (answers("502 Bad Gateway", ""), &http, "https://a.example/", "tunnel"),
        (answers("503 Service Unavailable", ""), &http, "https://a.example/", "tunnel"),
        (Manner::Closes, &http, "http://a.example/", "connection"),
        (Manner::RefusesSocks(2), &socks, "http://a.example/", "not allowed"),
        (page(), &nobody, "http://a.example/", "connection refused"),
        (page(), &nobody, "https://a.example/", "proxy"),
    ] {
        proxy.set(manner.clone());
        for obey_robots in [false, true] {
            let settings = through(proxy_url).but(|it| {
                it.outage.max_network_outage = Some(Duration::from_millis(100));
                it.robots.obey = obey_robots;
            });
            let ended = crawl_all(settings, &[url.to_owned()]);
            let (state, _, error) = ended.fate("/");
            assert_eq!((state, error.as_str()), (None, ""), "{manner:?} {url}");
            let CrawlEnd::Stopped(StopReason::NetworkOutage(reason)) = &ended.end else {
                panic!("{manner:?} {url}: {}", ended.end)
            };
            assert!(reason.contains(told), "{manner:?} {url}: {reason}");
        }
    }
}

#[test]
fn hosts_that_fail_alone_are_judged_as_always() {
    let well = Site::builder().page("/well", Answer::html("<title>well</title>")).start();
    // They stay behind when all others are done.
    let dead: Vec<String> = (1..=6).map(|host| format!("http://127.0.8.{host}:9/dead{host}")).collect();
    let settings = fast().but(|it| it.retry.retries = 2);
    let ended = crawl_all(settings.clone(), &[dead.clone(), vec![well.url("/well")]].concat());
    assert!(matches!(ended.end, CrawlEnd::Finished), "{}", ended.end);
    assert_eq!((ended.done(), ended.frontier.count(Some(PageState::Failed))), (1, 6));
    // Two are too few to tell.
    let ended = crawl_all(settings, &dead[..2]);
    assert!(matches!(ended.end, CrawlEnd::Finished), "{}", ended.end);
    assert_eq!(ended.frontier.count(Some(PageState::Failed)), 2);
    assert_eq!(ended.stats.network_outages, 0);
}

#[test]
fn a_proxy_that_a_request_names_is_not_the_fault_of_the_host() {
    let site = Site::builder()
        .page("/through", Answer::html("<title>x</title>"))
        .page("/direct", Answer::html("<title>x</title>"))
        .start();
    let password = ForwardProxy::for_user("me", "secret", "Basic bWU6c2VjcmV0");
    for proxy in [nobody(""), format!("http://{}", password.host()), format!("socks5://{}", password.host())]
    {
        for obey_robots in [false, true] {
            let through = Request::get(site.url("/through")).unwrap().with_proxy(proxy.parse().unwrap());
            let direct = Request::get(site.url("/direct")).unwrap();
            let requests = [through, direct].into_iter().enumerate();
            let frontier = Frontier::with(requests.map(|(at, request)| QueuedRequest::start(request, at)));
            let settings = fast().but(|it| {
                it.robots.obey = obey_robots;
                it.retry.retries = 2;
                it.pace.host_failures = Some(1);
                it.pace.host_failing_for = Duration::ZERO;
            });
            let ended = Crawl::begin(settings, frontier).end();
            assert!(matches!(ended.end, CrawlEnd::Finished), "{}", ended.end);
            assert_eq!(ended.fate("/direct").0, Some(PageState::Done), "{proxy}");
            let rows = ended.frontier.rows();
            let row = rows.iter().find(|row| row.queued.request.url().path() == "/through").unwrap();
            assert_eq!((row.state, row.reason), (Some(PageState::Failed), Some(Reason::Proxy)), "{row:?}");
            assert_eq!((ended.stats.host_pauses, ended.stats.network_outages), (0, 0), "{proxy}");
        }
    }
}

#[test]
fn a_stop_during_an_outage_is_not_held_up() {
    let settings = through(&nobody(""));
    let crawl = Crawl::begin(settings, start(&["http://a.example/".to_owned()]));
    wait_until("the outage", SOON, || is_out(&crawl));
    crawl.stop.request(StopReason::Signal("SIGTERM"));
    let ended = crawl.end();
    assert!(matches!(ended.end, CrawlEnd::Stopped(StopReason::Signal("SIGTERM"))), "{}", ended.end);
    assert_eq!(ended.fate("/").0, None);
}

#[test]
fn a_downloader_can_say_that_it_is_not_the_fault_of_the_host() {
    let error = DownloadError::new(Reason::Connection, "the browser is away").on_our_side();
    assert!(error.is_retryable && !error.host_has_answered);
}
