//! Each way in which a request can end has its reason, and the counters group by it.

use dragline_core::{PageState, QueuedRequest, Reason, Request};
use dragline_testkit::bad_server::{Act, BadServer, Certificate, DeafServer, nobody};
use dragline_testkit::{Answer, ForwardProxy, Site};

use super::frontier::Frontier;
use super::harness::{Crawl, EndedCrawl, crawl_all, fast, start};
use crate::{EngineSettings, FailureKind, ProxySetting};

fn reason(ended: &EndedCrawl, path: &str) -> Option<Reason> {
    let rows = ended.frontier.rows();
    let row = rows.iter().find(|row| row.queued.request.url().as_str().ends_with(path));
    row.unwrap_or_else(|| panic!("no request for {path}")).reason
}

#[test]
fn what_a_site_answers_has_a_reason() {
    let site = Site::builder()
        .robots("User-agent: *\nDisallow: /private\n")
        .page("/", Answer::html("<a href='/private'>private</a><a href='/away'>away</a>"))
        .page("/gone", Answer::new(404))
        .page("/gone-too", Answer::new(404))
        .page("/forbidden", Answer::new(403))
        .page("/fails", Answer::html("please fail"))
        .page("/panics", Answer::html("please panic"))
        .page("/moved", Answer::redirect(301, "/"))
        .page("/away", Answer::redirect(301, "http://elsewhere.invalid/"))
        .page("/nowhere", Answer::redirect(301, "ftp://a.example/"))
        .page("/round", Answer::redirect(302, "/round"))
        .page("/picture", Answer::new(200).header("Content-Type", "image/png"))
        .page("/large", Answer::html("x".repeat(20_000)))
        .page("/dropped", Answer::dropped())
        .start();
    let settings = fast().but(|it| {
        it.fetch.max_body_bytes = 10_000;
        it.redirects.max_hops = 0;
        it.retry.retries = 0;
    });
    let paths = [
        "/",
        "/gone",
        "/gone-too",
        "/forbidden",
        "/fails",
        "/panics",
        "/nowhere",
        "/round",
        "/picture",
        "/large",
        "/dropped",
    ];
    let ended = crawl_all(settings.clone(), &paths.map(|path| site.url(path)));
    for (path, expected) in [
        ("/private", Reason::RobotsDenied),
        ("/gone", Reason::HttpStatus),
        ("/forbidden", Reason::HttpStatus),
        ("/fails", Reason::ParseError),
        ("/panics", Reason::ParsePanic),
        ("/nowhere", Reason::InvalidRedirect),
        ("/round", Reason::TooManyRedirects),
        ("/picture", Reason::UnwantedType),
        ("/large", Reason::BodyTooLarge),
        ("/dropped", Reason::Connection),
    ] {
        assert_eq!(reason(&ended, path), Some(expected), "{path}: {:?}", ended.fate(path));
    }
    assert!(
        ended.frontier.rows().iter().all(|row| row.reason.is_some() == (row.state != Some(PageState::Done)))
    );
    let count = |reason, status| ended.stats.failures[&FailureKind { reason, status }].count;
    assert_eq!((count(Reason::HttpStatus, Some(404)), count(Reason::HttpStatus, Some(403))), (2, 1));
    assert_eq!(count(Reason::ParseError, None), 1);
    let skipped = [Reason::UnwantedType, Reason::RobotsDenied];
    assert!(ended.stats.failures.keys().all(|kind| !skipped.contains(&kind.reason)));

    let settings = settings.but(|it| it.redirects.max_hops = 1);
    let ended = crawl_all(settings, &["/", "/moved"].map(|path| site.url(path)));
    assert_eq!(reason(&ended, "/moved"), Some(Reason::Redirected));
    assert_eq!(reason(&ended, "/away"), Some(Reason::RedirectOutOfScope));
}

#[test]
fn where_nothing_is_answered_the_reason_says_how_far_it_came() {
    let (deaf, refused) = (DeafServer::start(), nobody("/refused"));
    let garbage = BadServer::start([Act::Read, Act::send("SSH-2.0-OpenSSH_9.2p1 Debian\r\n")]);
    let short = "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 100\r\n\r\nhalf";
    let (short, silent) =
        (BadServer::start([Act::Read, Act::send(short)]), BadServer::start([Act::Read, Act::Wait]));
    let coded = "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Encoding: gzip\r\n\r\n";
    // This begins like a gzip file and goes on like nothing of the kind.
    let broken = Act::Send(b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\xff\xff\xff\xff\xff".to_vec());
    let coded = BadServer::start([Act::Read, Act::send(coded), broken]);
    let secure = BadServer::start_tls(Certificate::SelfSigned, &["http/1.1"], [vec![Act::Read]]);
    let settings = fast().but(|it| {
        it.robots.obey = false;
        it.retry.retries = 0;
        it.fetch.connect_timeout = std::time::Duration::from_secs(1);
        it.fetch.first_byte_timeout = std::time::Duration::from_secs(1);
        it.client.deny_private_networks = false;
    });
    let urls = [
        deaf.url("/deaf"),
        refused,
        "http://no-such-host.invalid/unknown".to_owned(),
        garbage.url("/garbage"),
        short.url("/short"),
        silent.url("/silent"),
        coded.url("/coded"),
        secure.url("/secure").replace("http://", "https://"),
    ];
    let ended = Crawl::begin(settings.clone(), start(&urls)).end();
    for (path, expected) in [
        ("/deaf", Reason::Timeout),
        ("/refused", Reason::Connect),
        ("/unknown", Reason::Dns),
        ("/garbage", Reason::InvalidAnswer),
        ("/short", Reason::BodyTruncated),
        ("/silent", Reason::Timeout),
        ("/coded", Reason::BodyUndecodable),
        ("/secure", Reason::Tls),
    ] {
        assert_eq!(reason(&ended, path), Some(expected), "{path}: {:?}", ended.fate(path));
    }

    let settings = settings.but(|it| it.client.deny_private_networks = true);
    let ended = crawl_all(settings.clone(), &[nobody("/private")]);
    assert_eq!(reason(&ended, "/private"), Some(Reason::PrivateNetwork));

    let settings = settings.but(|it| {
        it.client.deny_private_networks = false;
        it.robots.obey = true;
    });
    let ended = crawl_all(settings, &[nobody("/lost")]);
    assert_eq!(reason(&ended, "/lost"), Some(Reason::RobotsUnreachable));
}

#[test]
fn a_proxy_that_does_not_let_a_request_through_is_the_reason() {
    let settings = fast().but(|it| {
        it.robots.obey = false;
        it.retry.retries = 0;
    });
    let ended = |settings: EngineSettings, request: Request| {
        let frontier = Frontier::with([QueuedRequest::start(request, 0)]);
        Crawl::begin(settings, frontier).end()
    };
    let request = Request::get("https://127.0.0.1:9/tunnel").unwrap();
    // The proxy of the run does not lead to this host, and it leads to another one.
    let well = Site::builder().page("/well", Answer::html("<title>well</title>")).start();
    let urls = [well.url("/well"), "https://127.0.0.1:9/tunnel".to_owned()];
    let proxy = ForwardProxy::start();
    let through = settings.clone().but(|it| {
        it.client.proxy = ProxySetting::parse(&format!("http://{}", proxy.host())).unwrap();
    });
    let by_run = crawl_all(through, &urls);
    assert_eq!(reason(&by_run, "/tunnel"), Some(Reason::Proxy), "{:?}", by_run.fate("/tunnel"));
    // The request names a proxy that nobody can connect to.
    let proxy = nobody("").parse().unwrap();
    let by_request = ended(settings, request.with_proxy(proxy));
    assert_eq!(reason(&by_request, "/tunnel"), Some(Reason::Proxy), "{:?}", by_request.fate("/tunnel"));
}
