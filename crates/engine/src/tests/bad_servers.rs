//! A zoo of servers that do wrong in every possible way. Each costs only its own request, which ends in the right state, after
//! a sensible number of attempts, and with an error that a person can read.

mod headers;
mod no_http;
mod secure;
mod short_answers;

use std::time::{Duration, Instant};

use dragline_core::PageState::{self, Done, Failed, Skipped};
use dragline_testkit::bad_server::{Act, BadServer, DeafServer, nobody};
use dragline_testkit::{Answer, Site, patience, wait_until};

use super::harness::{Crawl, crawl_all, fast, start};
use crate::{CrawlEnd, EngineSettings};

/// Times short enough for a test, and one retry.
fn hurried() -> EngineSettings {
    fast().but(|it| {
        it.robots.obey = false;
        it.fetch.connect_timeout = Duration::from_secs(2);
        it.fetch.first_byte_timeout = Duration::from_secs(2);
        it.fetch.read_timeout = Duration::from_secs(1);
        it.fetch.request_timeout = Duration::from_secs(4);
        it.fetch.min_bytes_per_second = 10;
        it.fetch.max_body_bytes = 64 << 10;
        it.retry.retries = 1;
    })
}

/// A server, and the end of its page: state, number of attempts, and a part of the error. For a page that is done, it is a
/// part of the title instead.
type Row = (&'static str, BadServer, PageState, u32, &'static str);

/// Answers each request with these acts.
fn then(acts: impl IntoIterator<Item = Act>) -> BadServer {
    BadServer::start([Act::Read].into_iter().chain(acts))
}

/// Answers each request with this text, and closes.
fn says(text: &str) -> BadServer {
    then([Act::send(text)])
}

/// Answers with this text, and keeps the connection.
fn says_and_waits(text: &str) -> BadServer {
    then([Act::send(text), Act::Wait])
}

/// Does these acts on the first connection, and sends a page on all others.
fn first(acts: impl IntoIterator<Item = Act>) -> BadServer {
    BadServer::start_each([acts.into_iter().collect(), vec![Act::Read, Act::send(WELL)]])
}

/// Any number of attempts is right.
const ANY: u32 = u32::MAX;

const WELL: &str =
    "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 19\r\n\r\n<title>well</title>";
const CHUNKED: &str = "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nTransfer-Encoding: chunked\r\n\r\n";

/// Crawls all of them at once, with fewer credits than there are servers, and compares each page with its row.
fn judge(settings: EngineSettings, rows: &[Row]) {
    // If nobody answered at all, it would look like an outage of ours.
    let well = Site::builder().page("/well", Answer::html("<title>well</title>")).start();
    let urls: Vec<String> = rows.iter().map(|(_, server, ..)| server.url("/")).collect();
    let crawl = Crawl::begin(settings, start(&[urls.clone(), vec![well.url("/well")]].concat()));
    let ended = crawl.end();
    assert!(matches!(ended.end, CrawlEnd::Finished), "{}", ended.end);
    let items = ended.frontier.items();
    let mut wrong = Vec::new();
    for ((name, server, state, attempts, told), url) in rows.iter().zip(&urls) {
        let (is_state, is_attempts, mut is_told) = ended.fate(url.trim_start_matches(char::is_alphabetic));
        if *state == Done {
            is_told += items.iter().find(|item| item.contains(url.as_str())).map_or("", String::as_str);
        }
        let attempts = if *attempts == ANY { is_attempts } else { *attempts };
        if (is_state, is_attempts) != (Some(*state), attempts)
            || !is_told.contains(told)
            || !is_readable(&is_told)
        {
            wrong.push(format!("{name}: {is_state:?} after {is_attempts}: {is_told}"));
        }
        wait_until(name, Duration::from_secs(30), || server.open() == 0);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Whether an error is one for people: a single line without names of types.
fn is_readable(error: &str) -> bool {
    !["\n", "Error", "Some(", "Kind", "hyper", "reqwest", "{ ", "::"]
        .iter()
        .any(|debug| error.contains(debug))
}

#[test]
fn servers_that_let_one_wait() {
    let every = Duration::from_millis(100);
    let drip = |text: &str| Act::Drip(text.repeat(500).into_bytes(), every);
    let begun = Instant::now();
    judge(
        hurried(),
        &[
            (
                "never answers",
                then([Act::Wait]),
                Failed,
                2,
                "timed out after 2 s while waiting for the answer",
            ),
            (
                "never reads",
                BadServer::start([Act::Wait]),
                Failed,
                2,
                "timed out after 2 s while waiting for the answer",
            ),
            (
                "drips headers",
                then([drip(WELL)]),
                Failed,
                2,
                "timed out after 2 s while waiting for the answer",
            ),
            (
                "drips a body",
                then([Act::send("HTTP/1.0 200 OK\r\n\r\n"), Act::Drip(b"x".repeat(500), every / 2)]),
                Failed,
                2,
                "timed out after 4 s while fetching the page",
            ),
            (
                "drips next to nothing",
                then([Act::send("HTTP/1.0 200 OK\r\n\r\n"), Act::Drip(b"x".repeat(100), every * 4)]),
                Failed,
                2,
                "too slow: ",
            ),
        ],
    );
    assert!(
        begun.elapsed() < patience(Duration::from_secs(20)),
        "they wait beside each other: {:?}",
        begun.elapsed()
    );
}

#[test]
fn informational_and_bodiless_answers() {
    let flood = Act::Repeat(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n".to_vec());
    judge(
        hurried(),
        &[
            (
                "hints before the page",
                says(&format!(
                    "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n{WELL}"
                )),
                Done,
                1,
                "well",
            ),
            (
                "hints without end",
                then([flood]),
                Failed,
                1,
                "more than 100 interim answers (1xx) came before the answer",
            ),
            (
                "101 unasked",
                says("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n"),
                Failed,
                1,
                "HTTP 101",
            ),
            (
                "204 with a body",
                says("HTTP/1.1 204 No Content\r\nContent-Length: 4\r\n\r\nbody"),
                Done,
                1,
                "",
            ),
            ("205", says("HTTP/1.1 205 Reset Content\r\nContent-Length: 0\r\n\r\n"), Done, 1, ""),
            (
                "206 unasked",
                says(
                    "HTTP/1.1 206 Partial Content\r\nContent-Type: text/html\r\nContent-Range: bytes 0-18/19\r\nContent-Length: 19\r\n\r\n<title>well</title>",
                ),
                Done,
                1,
                "well",
            ),
            (
                "304 unasked",
                says("HTTP/1.1 304 Not Modified\r\nContent-Length: 1000\r\n\r\n"),
                Failed,
                1,
                "HTTP 304",
            ),
            (
                "an unknown status",
                says("HTTP/1.1 299 Odd\r\nContent-Length: 19\r\n\r\n<title>well</title>"),
                Done,
                1,
                "well",
            ),
            (
                "a status beyond all",
                says("HTTP/1.1 999 Denied\r\nContent-Length: 0\r\n\r\n"),
                Failed,
                1,
                "HTTP 999",
            ),
            (
                "redirects without a target",
                says("HTTP/1.1 302 Found\r\nContent-Length: 0\r\n\r\n"),
                Failed,
                1,
                "HTTP 302",
            ),
            (
                "redirects to no URL",
                says("HTTP/1.1 302 Found\r\nLocation: http://\r\nContent-Length: 0\r\n\r\n"),
                Failed,
                1,
                "redirected to",
            ),
            (
                "redirects elsewhere",
                says("HTTP/1.1 302 Found\r\nLocation: ftp://a.example/\r\nContent-Length: 0\r\n\r\n"),
                Failed,
                1,
                "redirected to",
            ),
        ],
    );
}

#[test]
fn a_connection_that_ends_when_it_is_used_again_costs_no_page() {
    let keep = |last: &[Act]| [&[Act::Read, Act::send(WELL)], last].concat();
    for (name, last) in [
        ("closes before", vec![]),
        ("closes after", vec![Act::Read]),
        ("resets after", vec![Act::Read, Act::Reset]),
    ] {
        let server = BadServer::start(keep(&last));
        let urls: Vec<String> = (0..6).map(|number| server.url(&format!("/{number}"))).collect();
        // With one request at a time, each may find the connection that the previous one has left. While it waits for its next
        // attempt, each of the five others may leave one more.
        let ended = crawl_all(hurried().but(|it| (it.concurrency, it.retry.retries) = (1, 5)), &urls);
        assert_eq!(ended.done(), 6, "{name}");
    }
}

#[test]
fn servers_that_cannot_be_reached() {
    let deaf = DeafServer::start();
    let (refused, unknown) = (nobody("/refused"), "http://no-such-host.invalid/unknown".to_owned());
    let ended = crawl_all(hurried(), &[deaf.url("/deaf"), refused, unknown]);
    for (path, told) in [
        ("/deaf", "timed out after 2 s while connecting"),
        ("/refused", "connection refused"),
        ("/unknown", "dns error: "),
    ] {
        let (state, attempts, error) = ended.fate(path);
        assert_eq!((state, attempts), (Some(Failed), 2), "{path}: {error}");
        assert!(error.contains(told) && is_readable(&error), "{path}: {error}");
    }
}

#[test]
fn redirects_without_end_end() {
    let site = Site::builder()
        .handler(|asked| {
            let hop: u32 = asked.path.trim_start_matches('/').parse().unwrap_or(0);
            Some(Answer::redirect(302, &format!("/{}", hop + 1)))
        })
        .start();
    let ended = crawl_all(hurried(), &[site.url("/0")]);
    let (state, _, error) = ended.fate("/20");
    assert_eq!(state, Some(Failed));
    assert!(error.starts_with("too many redirects: 21 hops"), "{error}");
    assert_eq!(ended.frontier.count(Some(Skipped)), 20);
}

#[test]
fn a_bad_robots_txt_is_told_like_any_bad_answer() {
    let garbage = says("SSH-2.0-OpenSSH_9.2p1 Debian\r\n");
    let settings = hurried().but(|it| it.robots.obey = true);
    let (state, _, error) = crawl_all(settings, &[garbage.url("/")]).fate("/");
    assert_eq!(state, Some(Failed));
    assert!(error.contains("the answer is not HTTP") && is_readable(&error), "{error}");
}
