//! Answers with invalid header lines. Browsers read them, and so does Dragline: it leaves out the line and keeps the rest.

use dragline_core::PageState::{Done, Failed};
use dragline_testkit::bad_server::{Act, BadServer};

use super::{hurried, judge, then};
use crate::tests::harness::crawl_all;

/// A page with these lines among its headers. The connection stays open: the page has to end where its length says.
fn with(lines: &[u8]) -> BadServer {
    let head = [&b"HTTP/1.1 200 OK\r\n"[..], lines, b"Content-Type: text/html\r\n"].concat();
    let body = b"Content-Length: 19\r\n\r\n<title>well</title>";
    then([Act::Send([&head, &body[..]].concat()), Act::Wait])
}

#[test]
fn an_invalid_line_costs_only_itself() {
    let rows = [
        ("a control byte in a cookie", &b"Set-Cookie: a=\x01b; Path=/\r\n"[..]),
        ("a delete byte in a cookie", b"Set-Cookie: a=b; Domain=\x7fshop\x7f\r\n"),
        ("bytes of an old encoding", b"X-A: caf\xe9\r\n"),
        ("a line without a colon", b"nonsense\r\n"),
        ("an empty name", b": nameless\r\n"),
        ("a name of several words", b"X A: 1\r\n"),
        ("a name that is no token", b"X\xe9(1): 1\r\n"),
        ("a space before the colon", b"X-A : 1\r\n"),
        ("a fold", b"X-A: 1\r\n  2\r\n\t3\r\n"),
        ("a value that begins in a fold", b"X-A:\r\n  1\r\n"),
        ("a fold with a control byte", b"X-A: 1\r\n 2\x02\r\n 3\r\n"),
        ("a fold before the first header", b" X-A: 1\r\n"),
        ("lines that end without CR", b"X-A: 1\nX-B: 2\n"),
        ("a NUL", b"X-A: 1\0\r\n"),
        ("a CR alone", b"X-A: 1\rX-B: 2\r\n"),
        ("a CR too many", b"X-A: 1\r\r\n"),
        ("no value", b"X-A:\r\n"),
        ("the same length twice", b"Content-Length: 19\r\n"),
        ("the same length twice in a line", b"Content-Length: 19, 19\r\n"),
    ];
    judge(hurried(), &rows.map(|(name, lines)| (name, with(lines), Done, 1, "well")));
}

#[test]
fn the_other_headers_are_kept_and_what_was_left_out_is_counted() {
    let lines =
        "Set-Cookie: a=\u{1}; Path=/\r\nSet-Cookie: b=2; Path=/\r\nnonsense\r\nLocation:\r\n /next\r\n";
    let first = format!("HTTP/1.1 302 Found\r\n{lines}Content-Length: 0\r\nConnection: close\r\n\r\n");
    let server = BadServer::start_each([
        vec![Act::Read, Act::send(&first)],
        vec![Act::Read, Act::send("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n<title>next</title>")],
    ]);
    let ended = crawl_all(hurried(), &[server.url("/")]);
    assert_eq!(ended.fate("/next").0, Some(Done));
    assert_eq!(ended.stats.skipped_header_lines, 2);
}

#[test]
fn each_answer_of_a_connection_is_read_by_itself() {
    let page = |link: &str, lines: &str| {
        let body =
            format!("<title>well</title><a href='{link}'>next</a> HTTP/1.1 200 OK\r\nnonsense\r\n\r\n");
        let length = body.len();
        let head =
            format!("HTTP/1.1 200 OK\r\n{lines}Content-Type: text/html\r\nContent-Length: {length}\r\n\r\n");
        [Act::Read, Act::send(&format!("HTTP/1.1 103 Early Hints\r\nbad\r\n\r\n{head}{body}"))]
    };
    let acts = [page("/2", ""), page("/3", "nonsense\r\n"), page("/4", ""), page("/4", "X: 1\r\n 2\r\n")];
    let server = BadServer::start(acts.concat());
    let ended = crawl_all(hurried(), &[server.url("/1")]);
    assert_eq!((ended.done(), server.connections()), (4, 1), "one connection is enough");
    assert_eq!(ended.stats.skipped_header_lines, 5);
}

#[test]
fn a_robots_txt_with_an_invalid_line_is_read() {
    let robots = "User-agent: *\nDisallow: /private\n";
    let head =
        "HTTP/1.1 200 OK\r\nnonsense\r\nSet-Cookie: a=\u{1}\r\nX: 1\r\n 2\r\nConnection: close\r\n\r\n";
    let server = then([Act::send(&format!("{head}{robots}"))]);
    let settings = hurried().but(|it| it.robots.obey = true);
    let ended = crawl_all(settings, &[server.url("/"), server.url("/private")]);
    assert_eq!(ended.fate("/").0, Some(Done));
    assert!(ended.fate("/private").2.contains("Disallow: /private"), "{:?}", ended.fate("/private"));
}

#[test]
fn what_says_where_the_body_ends_stays_strict() {
    let page = |lines: &str| {
        let head = format!("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n{lines}\r\n");
        then([Act::send(&format!("{head}<title>well</title>"))])
    };
    let told = "the answer's Content-Length is invalid";
    let damaged = "the answer's header that says where the body ends is damaged";
    judge(
        hurried(),
        &[
            ("two lengths", page("Content-Length: 19\r\nContent-Length: 5\r\n"), Failed, 1, told),
            ("two lengths in a line", page("Content-Length: 19, 5\r\n"), Failed, 1, told),
            ("a signed length", page("Content-Length: +19\r\n"), Failed, 1, told),
            ("an empty length", page("Content-Length:\r\n"), Failed, 1, told),
            ("a length with a control byte", page("Content-Length: 19\u{1}\r\n"), Failed, 1, damaged),
            ("a folded length", page("Content-Length:\r\n 19\r\n"), Failed, 1, damaged),
            ("a length without a colon", page("Content-Length 19\r\n"), Failed, 1, damaged),
            ("chunked, with a NUL", page("Transfer-Encoding: chunked\0\r\n"), Failed, 1, damaged),
            ("chunked, after a CR", page("X: 1\rTransfer-Encoding: chunked\r\n"), Failed, 1, damaged),
            ("chunked, behind a word", page("X Transfer-Encoding: chunked\r\n"), Failed, 1, damaged),
        ],
    );
}
