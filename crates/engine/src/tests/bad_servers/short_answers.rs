//! Answers that are shorter or longer than they say, or that say it wrongly.

use dragline_core::PageState::{Done, Failed};
use dragline_testkit::bad_server::{Act, BadServer};

use crate::fetch::tests::gzip;

use super::{CHUNKED, first, hurried, judge, says, says_and_waits, then};

#[test]
fn answers_that_break_off() {
    let half = "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 100\r\n\r\nhalf";
    judge(
        hurried(),
        &[
            ("closes at once", BadServer::start([]), Failed, 2, "connection"),
            ("resets at once", BadServer::start([Act::Reset]), Failed, 2, "connection"),
            (
                "closes unanswered",
                then([]),
                Failed,
                2,
                "the connection closed before the answer was complete",
            ),
            ("resets unanswered", then([Act::Reset]), Failed, 2, "connection reset"),
            (
                "closes in the status",
                says("HTTP/1.1 20"),
                Failed,
                2,
                "the connection closed before the answer",
            ),
            (
                "closes in the headers",
                says("HTTP/1.1 200 OK\r\nContent-Ty"),
                Failed,
                2,
                "the connection closed before",
            ),
            ("closes in the body", says(half), Failed, 2, "the body ended early"),
            (
                "resets in the body",
                then([Act::send(half), Act::Reset]),
                Failed,
                2,
                "the body ended early: connection reset",
            ),
            (
                "stops in the body",
                says_and_waits(half),
                Failed,
                2,
                "timed out after 1 s while reading the body",
            ),
            ("closes in a chunk", says(&format!("{CHUNKED}64\r\nhalf")), Failed, 2, "the body ended early"),
            (
                "closes after a chunk",
                says(&format!("{CHUNKED}4\r\nhalf\r\n")),
                Failed,
                2,
                "the body ended early",
            ),
            (
                "closes in the last chunk",
                says(&format!("{CHUNKED}4\r\nhalf\r\n0\r\n")),
                Failed,
                2,
                "the body ended early",
            ),
            ("closes once", first([Act::Read]), Done, 2, "well"),
            ("breaks off once", first([Act::Read, Act::send(half)]), Done, 2, "well"),
            ("resets once", first([Act::Reset]), Done, 2, "well"),
        ],
    );
}

#[test]
fn compressed_bodies_that_cannot_be_read() {
    let coded = |coding: &str, more: &str, body: &[u8]| {
        let head =
            format!("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Encoding: {coding}\r\n{more}\r\n");
        then([Act::send(&head), Act::Send(body.to_vec())])
    };
    let whole = gzip(&b"<title>well</title>".repeat(100));
    let half = &whole[..whole.len() / 2];
    let length = format!("Content-Length: {}\r\n", half.len());
    let chunk = [format!("{:x}\r\n", half.len()).as_bytes(), half, b"\r\n0\r\n\r\n"].concat();
    let cut_off =
        "the body cannot be decoded as gzip: it is cut off, although all that the server sent has arrived";
    // A frame with a window of 16 MiB, and one raw block.
    let window = b"(\xb5/\xfd\x00\x70\x09\x00\x00x";
    judge(
        hurried(),
        &[
            ("a cut gzip of the right length", coded("gzip", &length, half), Failed, 1, cut_off),
            (
                "a cut gzip in whole chunks",
                coded("gzip", "Transfer-Encoding: chunked\r\n", &chunk),
                Failed,
                1,
                cut_off,
            ),
            (
                "a cut gzip, and the connection ends",
                coded("gzip", "", half),
                Failed,
                2,
                "the body ended early: its gzip is not complete",
            ),
            (
                "a gzip that is shorter than its length",
                coded("gzip", "Content-Length: 9999\r\n", half),
                Failed,
                2,
                "the body ended early",
            ),
            (
                "a window that is too large",
                coded("zstd", "", window),
                Failed,
                1,
                "the body cannot be decoded as zstd: it needs a window larger than 8 MiB",
            ),
        ],
    );
}

#[test]
fn compressed_members_without_end() {
    let head = "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Encoding: gzip\r\n\r\n";
    let members = then([Act::send(head), Act::Repeat(gzip(b""))]);
    let told = "the body cannot be decoded as gzip: it has more than 10000 members";
    let settings = hurried().but(|it| it.fetch.max_body_bytes = 4 << 20);
    judge(settings, &[("members without end", members, Failed, 1, told)]);
}

#[test]
fn lengths_that_are_wrong() {
    let with = |lines: &str| {
        says(&format!(
            "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n{lines}\r\n<title>well</title> and more"
        ))
    };
    let no_length = "the answer's Content-Length is invalid";
    judge(
        hurried(),
        &[
            ("too long", with("Content-Length: 1000\r\n"), Failed, 2, "the body ended early"),
            ("too short", with("Content-Length: 19\r\n"), Done, 1, "well"),
            ("negative", with("Content-Length: -1\r\n"), Failed, 1, no_length),
            ("none at all", with("Content-Length: many\r\n"), Failed, 1, no_length),
            (
                "larger than numbers",
                with("Content-Length: 99999999999999999999999\r\n"),
                Failed,
                1,
                no_length,
            ),
            ("two different", with("Content-Length: 19\r\nContent-Length: 20\r\n"), Failed, 1, no_length),
            ("twice the same", with("Content-Length: 19\r\nContent-Length: 19\r\n"), Done, 1, "well"),
            (
                "larger than the limit",
                with("Content-Length: 70000\r\n"),
                Failed,
                1,
                "body larger than 64 KiB",
            ),
            ("no length, 1.1", with(""), Done, 1, "well"),
            ("no length, 1.0", says("HTTP/1.0 200 OK\r\n\r\n<title>well</title>"), Done, 1, "well"),
            (
                "chunked after all",
                with("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n"),
                Failed,
                2,
                "the body ended early",
            ),
        ],
    );
}

#[test]
fn chunks_that_are_broken() {
    let chunks = |text: &str| says_and_waits(&format!("{CHUNKED}{text}"));
    judge(
        hurried(),
        &[
            ("no size", chunks("zz\r\nhalf\r\n0\r\n\r\n"), Failed, 2, "the body ended early"),
            ("negative size", chunks("-4\r\nhalf\r\n0\r\n\r\n"), Failed, 2, "the body ended early"),
            ("more than its size", chunks("2\r\nhalf\r\n0\r\n\r\n"), Failed, 2, "the body ended early"),
            (
                "a size beyond numbers",
                chunks("fffffffffffffffffff\r\nhalf\r\n"),
                Failed,
                2,
                "the body ended early",
            ),
            (
                "a huge size",
                chunks("ffffffffffffff\r\nhalf\r\n"),
                Failed,
                2,
                "timed out after 1 s while reading the body",
            ),
            ("no end", chunks("4\r\nhalf\r\n"), Failed, 2, "timed out after 1 s while reading the body"),
            (
                "an extension and a trailer",
                chunks("13;a=b\r\n<title>well</title>\r\n0\r\nX-A: b\r\n\r\n"),
                Done,
                1,
                "well",
            ),
        ],
    );
}
