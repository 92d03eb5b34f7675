//! Answers that are not HTTP, and answers that are too much of it.

use dragline_core::PageState::Failed;
use dragline_testkit::bad_server::Act;

use super::{ANY, CHUNKED, hurried, judge, says, then};

#[test]
fn what_is_no_http() {
    let text = "the answer is not HTTP";
    judge(
        hurried(),
        &[
            ("another protocol", says("SSH-2.0-OpenSSH_9.2p1 Debian\r\n"), Failed, 1, text),
            ("a bare page", says("<html><title>as in 1991</title></html>\r\n"), Failed, 1, text),
            ("noise", then([Act::Send((0..=255).cycle().take(5000).collect())]), Failed, 1, text),
            ("zeros", then([Act::Send(vec![0; 5000])]), Failed, 1, "the answer"),
            (
                "a status of words",
                says("HTTP/1.1 OK fine\r\n\r\n"),
                Failed,
                1,
                "the answer's status is invalid",
            ),
            ("HTTP/9.9", says("HTTP/9.9 200 OK\r\n\r\n"), Failed, 1, text),
            (
                "TLS where none was asked for",
                then([Act::Send(b"\x15\x03\x03\x00\x02\x02\x28".to_vec())]),
                Failed,
                1,
                "the answer",
            ),
        ],
    );
}

#[test]
fn headers_and_bodies_without_measure() {
    let head = "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n";
    let large = format!("{head}X-A: {}\r\n\r\n", "a".repeat(10 << 20));
    let more_than_agreed = format!("{head}X-A: {}\r\n\r\n", "a".repeat(300 << 10));
    let many = format!("{head}{}\r\n", "X-A: b\r\n".repeat(300));
    let endless = |acts: &[&str]| {
        then(acts.iter().map(|text| Act::send(text)).chain([Act::Repeat(b"X-A: b\r\n".to_vec())]))
    };
    let told = "headers larger than 256 KiB, or more than 256";
    judge(
        hurried(),
        &[
            ("10 MB of headers", says(&large), Failed, 1, told),
            ("more than agreed", says(&more_than_agreed), Failed, 1, told),
            ("many headers", says(&many), Failed, 1, told),
            ("endless headers", endless(&[head]), Failed, 1, told),
            ("an endless status", then([Act::Repeat(b"HTTP/1.1 200 OK".to_vec())]), Failed, ANY, ""),
            ("an endless body", endless(&[head, "\r\n"]), Failed, 1, "body larger than 64 KiB"),
            (
                "endless chunks",
                then([Act::send(CHUNKED), Act::Repeat(b"4\r\nhalf\r\n".to_vec())]),
                Failed,
                1,
                "body larger than 64 KiB",
            ),
            ("endless empty lines", then([Act::Repeat(b"\r\n".to_vec())]), Failed, ANY, ""),
        ],
    );
}
