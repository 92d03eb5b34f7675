//! TLS that fails, and HTTP/2 that breaks off.

use dragline_core::PageState::{Done, Failed};
use dragline_testkit::bad_server::frames::{data, go_away, hint, last_data, ok, ok_with, reset, settings};
use dragline_testkit::bad_server::{Act, BadServer, Certificate};

use super::{ANY, WELL, hurried, is_readable};
use crate::tests::harness::crawl_all;

#[test]
fn tls_that_fails() {
    let page = || vec![Act::Read, Act::send(WELL), Act::Notify];
    let shows = |certificate| BadServer::start_tls(certificate, &["http/1.1"], [page()]);
    for (name, server, attempts, told) in [
        ("expired", shows(Certificate::Expired), 1, "the server's certificate has expired"),
        (
            "for another host",
            shows(Certificate::OtherHost),
            1,
            "the server's certificate is for another host",
        ),
        (
            "of an unknown authority",
            shows(Certificate::OtherAuthority),
            1,
            "the server's certificate was not issued by a trusted authority",
        ),
        ("signed by itself", shows(Certificate::SelfSigned), 1, "the server's certificate"),
        ("no protocol in common", BadServer::start_tls(Certificate::Good, &["smtp"], [page()]), 2, "ALPN"),
    ] {
        // All authorities of this kit have the same name. Only a client that knows none of them sees which one has signed.
        let knows_none = name == "of an unknown authority";
        let settings = hurried().but(|it| it.client.ca_file = (!knows_none).then(|| server.authority()));
        let (state, is_attempts, error) = crawl_all(settings, &[server.url("/")]).fate("/");
        assert_eq!((state, is_attempts), (Some(Failed), attempts), "{name}: {error}");
        assert!(error.contains(told) && is_readable(&error), "{name}: {error}");
    }
    let plain = "HTTP/1.1 400 Bad Request\r\n\r\nThe plain HTTP request was sent to HTTPS port";
    let refusal = Act::Send(b"\x15\x03\x03\x00\x02\x02\x28".to_vec());
    for (name, acts, told) in [
        ("no TLS at all", vec![Act::send(plain), Act::Wait], "the server does not speak TLS"),
        ("closes in the handshake", vec![], "the server closed the connection in the TLS handshake"),
        ("waits in the handshake", vec![Act::Wait], "timed out after 2 s while connecting"),
        ("refuses the handshake", vec![refusal, Act::Wait], "the server refuses TLS: handshake failure"),
    ] {
        let server = BadServer::start(acts);
        let url = server.url("/").replace("http://", "https://");
        let (state, attempts, error) = crawl_all(hurried(), &[url]).fate("/");
        assert_eq!((state, attempts), (Some(Failed), 2), "{name}: {error}");
        assert!(error.contains(told) && is_readable(&error), "{name}: {error}");
    }
}

#[test]
fn tls_that_ends_without_a_farewell_cuts_off_what_has_a_length_and_no_other() {
    let whole = "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<title>well</title>";
    let cut = "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 100\r\n\r\nhalf";
    for (answer, state, told) in [(whole, Done, ""), (cut, Failed, "the body ended early")] {
        let server =
            BadServer::start_tls(Certificate::Good, &["http/1.1"], [vec![Act::Read, Act::send(answer)]]);
        let settings = hurried().but(|it| it.client.ca_file = Some(server.authority()));
        let (is_state, _, error) = crawl_all(settings, &[server.url("/")]).fate("/");
        assert_eq!(is_state, Some(state), "{error}");
        assert!(error.contains(told) && is_readable(&error), "{error}");
    }
}

#[test]
fn http2_that_breaks_off() {
    let asked = || vec![Act::ReadFrames, settings()];
    let then = |acts: Vec<Act>| [asked(), acts].concat();
    let well = || [asked(), vec![ok(), last_data("<title>well</title>"), Act::Wait]].concat();
    let (no_error, protocol_error, internal_error, refused, calm) = (0, 1, 2, 7, 11);
    for (name, scripts, state, attempts, told) in [
        (
            "resets unanswered",
            vec![then(vec![reset(internal_error)])],
            Failed,
            2,
            "unexpected internal error",
        ),
        (
            "resets in the body",
            vec![then(vec![ok(), data("half"), reset(internal_error)])],
            Failed,
            2,
            "the body ended early",
        ),
        ("wants us calmer", vec![then(vec![reset(calm)])], Failed, 2, "stream"),
        ("goes away in anger", vec![then(vec![go_away(0, protocol_error)])], Failed, ANY, "did not process"),
        (
            "goes away in the body",
            vec![then(vec![ok(), data("half"), go_away(1, internal_error)])],
            Failed,
            2,
            "the body ended early",
        ),
        ("closes in the body", vec![then(vec![ok(), data("half")])], Failed, 2, "the body ended early"),
        ("stops in the body", vec![then(vec![ok(), data("half"), Act::Wait])], Failed, 2, "timed out after "),
        (
            "hints before the page",
            vec![then([vec![hint(); 100], vec![ok(), last_data("x")]].concat())],
            Done,
            1,
            "",
        ),
        (
            "hints without end",
            vec![then([vec![hint(); 1000], vec![Act::Wait]].concat())],
            Failed,
            1,
            "more than 100 interim answers (1xx) came before the answer",
        ),
        ("an invalid header", vec![then(vec![ok_with("x-a", b"1\x01")])], Failed, ANY, ""),
        ("never answers", vec![then(vec![Act::Wait])], Failed, 2, "timed out after 2 s"),
        ("speaks HTTP/1.1 after all", vec![vec![Act::ReadFrames, Act::send(WELL), Act::Wait]], Failed, 2, ""),
        ("resets once", vec![then(vec![reset(internal_error)]), well()], Done, 2, ""),
        // If a server says that it has not looked at a request, that was not an attempt. This server then closes its connection,
        // and the request may have been sent again on it by then. That is not an attempt either.
        ("refuses once", vec![then(vec![reset(refused)]), well()], Done, 1, ""),
        ("refuses again", vec![then(vec![reset(refused)]), then(vec![reset(refused)]), well()], Done, 1, ""),
        ("goes away in peace", vec![then(vec![go_away(0, no_error)]), well()], Done, 1, ""),
        ("goes away too calm", vec![then(vec![go_away(0, calm)]), well()], Done, 1, ""),
    ] {
        let server = BadServer::start_tls(Certificate::Good, &["h2"], scripts);
        let settings = hurried().but(|it| it.client.ca_file = Some(server.authority()));
        let (is_state, is_attempts, error) = crawl_all(settings, &[server.url("/")]).fate("/");
        let attempts = if attempts == ANY { is_attempts } else { attempts };
        assert_eq!((is_state, is_attempts), (Some(state), attempts), "{name}: {error}");
        assert!(error.contains(told) && is_readable(&error), "{name}: {error}");
    }
}

#[test]
fn a_server_that_wants_http1_gets_it() {
    let http1_required = 13;
    let wants = |act: Act| vec![Act::ReadFrames, settings(), act];
    // Otherwise the next request may find the connection that the server is about to close.
    let well = WELL.replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n");
    let page = || vec![Act::Read, Act::send(&well), Act::Notify];
    // The client cannot read the last one over HTTP/2.
    let invalid = ok_with("x-a", b"1\x01");
    for refusal in [reset(http1_required), go_away(0, http1_required), invalid] {
        let server = BadServer::start_tls(Certificate::Good, &["h2", "http/1.1"], [wants(refusal), page()]);
        let settings = hurried().but(|it| {
            it.client.ca_file = Some(server.authority());
            it.retry.retries = 0;
            it.pace.host_concurrency = 1;
        });
        let ended = crawl_all(settings, &[server.url("/1"), server.url("/2")]);
        assert_eq!((ended.fate("/1").1, ended.done()), (1, 2), "{:?}", ended.frontier.rows());
        assert_eq!(server.connections(), 3, "the second page is asked for over HTTP/1.1 at once");
    }
}
