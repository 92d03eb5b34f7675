//! The site seen from a plain socket.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use super::*;
use crate::wait::wait_until;

fn connect(site: &Site) -> TcpStream {
    let stream = TcpStream::connect(site.host()).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    stream
}

fn ask(site: &Site, path: &str) -> String {
    let mut stream = connect(site);
    write!(stream, "GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
    let mut text = String::new();
    // A connection that is cut off is an answer too.
    let _ = stream.read_to_string(&mut text);
    text
}

#[test]
fn answers_come_as_told_and_are_counted() {
    let site = Site::builder()
        .page("/", Answer::html("<p>hi"))
        .page("/old", Answer::redirect(301, "/"))
        .answers("/shaky", [Answer::new(503), Answer::dropped(), Answer::text("well")])
        .handler(|asked| (asked.path == "/made").then(|| Answer::text("made").header("X-Made", "1")))
        .start();
    assert!(ask(&site, "/").ends_with("\r\n\r\n<p>hi"));
    assert!(ask(&site, "/old").contains("Location: /\r\n"));
    assert!(ask(&site, "/shaky").starts_with("HTTP/1.1 503 "));
    assert_eq!(ask(&site, "/shaky"), "");
    assert!(ask(&site, "/shaky").ends_with("well"));
    assert!(ask(&site, "/shaky").ends_with("well"));
    assert!(ask(&site, "/made").contains("X-Made: 1\r\n"));
    assert!(ask(&site, "/robots.txt").starts_with("HTTP/1.1 404 "));
    assert_eq!((site.hits("/shaky"), site.hits("/none"), site.total_hits()), (4, 0, 7));
    assert_eq!(site.received()[0].header("host"), Some("x"));
}

#[test]
fn a_connection_is_kept_alive() {
    let site = Site::builder().page("/", Answer::text("abc")).start();
    let mut stream = connect(&site);
    for _ in 0..3 {
        stream.write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
        let mut text = Vec::new();
        while !text.ends_with(b"\r\n\r\nabc") {
            let mut byte = [0];
            stream.read_exact(&mut byte).unwrap();
            text.push(byte[0]);
        }
    }
    assert_eq!(site.hits("/"), 3);
}

/// A request for a path that waits at the gate.
fn at_the_gate(site: &Site, path: &str) -> TcpStream {
    let mut stream = connect(site);
    write!(stream, "GET {path} HTTP/1.1\r\nConnection: close\r\n\r\n").unwrap();
    wait_until("a request at the gate", Duration::from_secs(10), || site.waiting() == 1);
    stream
}

fn answer_of(mut stream: TcpStream) -> String {
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    text
}

#[test]
fn the_gate_holds_answers_back() {
    let site = Site::builder().page("/", Answer::text("early")).start();
    site.hold();
    let held = at_the_gate(&site, "/");
    site.set("/", Answer::text("late"));
    site.release();
    let text = answer_of(held);
    assert!(text.ends_with("late"), "{text}");
}

#[test]
fn an_open_gate_has_nobody_waiting() {
    let site = Site::builder().page("/", Answer::text("free")).start();
    for _ in 0..50 {
        site.hold();
        drop(at_the_gate(&site, "/"));
        site.release();
        assert_eq!(site.waiting(), 0);
    }
}

#[test]
fn the_gate_may_be_closed_for_one_page_only() {
    let site = Site::builder().page("/", Answer::text("free")).page("/held", Answer::text("held")).start();
    site.hold_page("/held");
    let held = at_the_gate(&site, "/held");
    assert!(ask(&site, "/").ends_with("free"));
    assert_eq!(site.waiting(), 1);
    site.release();
    let text = answer_of(held);
    assert!(text.ends_with("held"), "{text}");
}

#[test]
fn the_gate_may_be_closed_behind_so_many_requests() {
    let site = Site::builder().page("/", Answer::text("free")).start();
    assert!(ask(&site, "/").ends_with("free"));
    site.hold_after(1);
    assert!(ask(&site, "/").ends_with("free"));
    let held = at_the_gate(&site, "/");
    site.hold_after(0);
    let text = answer_of(held);
    assert!(text.ends_with("free"), "{text}");
}

#[test]
fn bad_bodies_are_bad_as_told() {
    let site = Site::builder()
        .page("/cut", Answer::cut_off("abc", 10))
        .page("/drip", Answer::dripping("ab", Duration::from_millis(1), 3))
        .page("/endless", Answer::endless(vec![b'x'; 1000]))
        .start();
    assert!(ask(&site, "/cut").ends_with("Content-Length: 10\r\n\r\nabc"));
    assert!(ask(&site, "/drip").ends_with("2\r\nab\r\n2\r\nab\r\n2\r\nab\r\n0\r\n\r\n"));
    let mut stream = connect(&site);
    stream.write_all(b"GET /endless HTTP/1.1\r\n\r\n").unwrap();
    let mut much = vec![0; 1 << 20];
    stream.read_exact(&mut much).unwrap();
}

#[test]
fn a_generated_site_is_whole() {
    let site = Site::generated(50, 3);
    assert_eq!(site.truth().len(), 50);
    let (mut known, mut next) = (vec!["/".to_owned()], 0);
    while let Some(path) = known.get(next).cloned() {
        let page = ask(&site, &path);
        for link in page.split("<a href=\"").skip(1).filter_map(|rest| rest.split('#').next()) {
            if !known.iter().any(|path| path == link) {
                known.push(link.to_owned());
            }
        }
        next += 1;
    }
    known.sort();
    let truth: Vec<String> = site.truth().keys().map(|url| url.replace(&site.url(""), "")).collect();
    assert_eq!(known, truth);
}
