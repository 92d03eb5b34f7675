//! A fetch leaves nothing behind, and its memory is limited.

use std::time::Duration;

use dragline_core::budget::ByteBudget;
use dragline_core::{Accepts, Request};
use dragline_testkit::bad_server::{Act, BadServer, DeafServer, nobody};
use dragline_testkit::{Answer, Site};
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::time::{Instant, sleep};

pub(crate) use super::coding::tests::gzip;
use super::*;
use crate::EngineSettings;
use crate::tests::harness::fast;

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

fn downloader(settings: &EngineSettings, budget: &ByteBudget) -> (HttpDownloader, DownloadLimits) {
    let limits = DownloadLimits::new(
        settings.fetch.request_timeout,
        settings.fetch.max_body_bytes,
        &settings.fetch.accept_types,
        Accepts::new().with_type("application/pdf"),
    )
    .unwrap();
    (HttpDownloader::new(settings, &[], budget.clone(), &[]).unwrap(), limits)
}

async fn until(what: &str, condition: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(10);
    while !condition() {
        assert!(Instant::now() < deadline, "{what}");
        sleep(Duration::from_millis(5)).await;
    }
}

#[test]
fn a_fetch_leaves_no_task_no_connection_and_no_memory() {
    let ok = "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n";
    let servers = [
        vec![],
        vec![Act::Reset],
        vec![Act::Read],
        vec![Act::Read, Act::Reset],
        vec![Act::Read, Act::Wait],
        vec![Act::Read, Act::send(ok), Act::Repeat(b"X-A: b\r\n".to_vec())],
        vec![Act::Read, Act::send(ok), Act::send("Content-Length: 100\r\n\r\nhalf")],
        vec![Act::Read, Act::send(ok), Act::send("Content-Length: 100\r\n\r\nhalf"), Act::Wait],
        vec![Act::Read, Act::send(ok), Act::send("\r\n"), Act::Repeat(vec![b'x'; 4096])],
        vec![Act::Read, Act::send("HTTP/1.1 404 Not Found\r\n\r\n"), Act::Repeat(vec![b'x'; 4096])],
        vec![
            Act::Read,
            Act::send("HTTP/1.1 200 OK\r\nContent-Type: image/png\r\n\r\n"),
            Act::Repeat(vec![0; 4096]),
        ],
        vec![Act::Read, Act::send("HTTP/1.1 200 OK\r\n\r\n"), Act::Repeat(vec![0; 4096])],
        vec![
            Act::Read,
            Act::send("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n"),
            Act::Wait,
        ],
        vec![Act::Read, Act::Repeat(b"HTTP/1.1 103 Early Hints\r\n\r\n".to_vec())],
        vec![Act::Read, Act::send("nonsense\r\n\r\n"), Act::Wait],
    ]
    .map(BadServer::start);
    let deaf = DeafServer::start();
    let urls = servers.iter().map(|server| server.url("/")).chain([deaf.url("/"), nobody("/")]);
    let requests: Vec<Request> = urls.map(|url| Request::get(url).unwrap()).collect();
    let settings = fast().but(|it| {
        it.fetch.connect_timeout = Duration::from_millis(500);
        it.fetch.first_byte_timeout = Duration::from_millis(500);
        it.fetch.read_timeout = Duration::from_millis(500);
        it.fetch.max_body_bytes = 1 << 20;
    });
    let budget = ByteBudget::new(16 << 20, || {});
    runtime().block_on(async {
        let (http, limits) = downloader(&settings, &budget);
        let fetches = requests.iter().map(|request| http.page(request, &limits));
        let answers = futures_util::future::join_all(fetches).await;
        assert!(
            answers
                .iter()
                .all(|answer| answer.as_ref().is_ok_and(|answer| answer.body.is_none()) || answer.is_err())
        );
        drop((answers, http));
        until("tasks are left", || Handle::current().metrics().num_alive_tasks() == 0).await;
        until("connections are left", || servers.iter().all(|server| server.open() == 0)).await;
    });
    assert_eq!(budget.held(), 0);
}

#[test]
fn a_bomb_takes_no_more_memory_than_a_body_may() {
    // 1 GiB of zeros. Compressed twice, it is a few kilobytes.
    let member = coding::tests::gzip(&vec![0; 16 << 20]);
    let once = member.repeat(64);
    let twice = coding::tests::gzip(&once);
    let site = Site::builder()
        .page("/once", Answer::html("").header("Content-Encoding", "gzip").body(once))
        .page("/twice", Answer::html("").header("Content-Encoding", "gzip, gzip").body(twice))
        .start();
    let limit = 1 << 20;
    let settings = fast().but(|it| it.fetch.max_body_bytes = limit);
    for (path, together) in [("/once", 1), ("/twice", 1), ("/twice", 8)] {
        let budget = ByteBudget::new(256 << 20, || {});
        let requests = vec![Request::get(site.url(path)).unwrap(); together];
        runtime().block_on(async {
            let (http, limits) = downloader(&settings, &budget);
            let fetches = requests.iter().map(|request| http.page(request, &limits));
            for answer in futures_util::future::join_all(fetches).await {
                assert_eq!(answer.unwrap_err(), FetchError::TooLarge { limit_bytes: limit });
            }
        });
        assert_eq!(budget.held(), 0);
        assert!(budget.peak() <= together * limit, "{path}: {}", budget.peak());
    }
}

#[test]
fn only_what_is_wanted_is_read_past_the_headers() {
    let png = b"\x89PNG\r\n\x1a\n".repeat(1000);
    let page = |kind: &str| Answer::new(200).header("Content-Type", kind).body(png.clone());
    let site = Site::builder()
        .page("/html", page("Text/HTML; charset=utf-8"))
        .page("/feed", page("application/rss+xml"))
        .page("/data", page("application/ld+json"))
        .page("/pdf", page("application/pdf"))
        .page("/png", page("image/png"))
        .page("/zip", page("application/octet-stream"))
        .page("/untyped-png", Answer::new(200).body(png.clone()))
        .page("/nonsense-png", page("png"))
        .page("/untyped-html", Answer::new(200).body("<html><title>x</title>"))
        .page("/untyped-text", Answer::new(200).body("{\"a\": 1}"))
        .page("/empty", Answer::new(200))
        .page("/no-content", Answer::new(204).header("Content-Type", "image/gif"))
        .page("/missing-png", page("image/png").status(404))
        .start();
    let budget = ByteBudget::new(16 << 20, || {});
    let found = |settings: &EngineSettings, path: &str| {
        let request = Request::get(site.url(path)).unwrap();
        let (http, limits) = downloader(settings, &budget);
        let answer = runtime().block_on(http.page(&request, &limits)).unwrap();
        (answer.body.is_some(), answer.unwanted)
    };
    let settings = fast();
    for path in ["/html", "/feed", "/data", "/pdf", "/untyped-html", "/untyped-text", "/empty", "/no-content"]
    {
        assert_eq!(found(&settings, path), (true, None), "{path}");
    }
    for (path, essence) in [
        ("/png", "image/png"),
        ("/zip", "application/octet-stream"),
        ("/untyped-png", "image/png"),
        ("/nonsense-png", "image/png"),
    ] {
        assert_eq!(found(&settings, path), (false, Some(essence.to_owned())), "{path}");
    }
    assert_eq!(found(&settings, "/missing-png"), (false, None), "its status says enough");
    let all = fast().but(|it| it.fetch.accept_types = vec!["*/*".parse().unwrap()]);
    assert_eq!(found(&all, "/png"), (true, None));
    let images = fast().but(|it| it.fetch.accept_types = vec!["image/*".parse().unwrap()]);
    assert_eq!(found(&images, "/untyped-png"), (true, None));
    assert_eq!(found(&images, "/html"), (false, Some("text/html".to_owned())));
    assert_eq!(budget.held(), 0);
}
