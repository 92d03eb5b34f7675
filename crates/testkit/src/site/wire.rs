//! HTTP/1.1 on the wire (RFC 9112): as much of it as a test site needs.

use std::io::{self, BufRead, Write};
use std::time::Duration;

use super::answer::{Answer, Delivery};

/// A request as it arrived.
#[derive(Clone, Debug)]
pub struct Received {
    /// `GET`, `POST` …
    pub method: String,
    /// The path with its query.
    pub path: String,
    /// The headers, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
    /// When it had arrived.
    pub at: std::time::Instant,
}

impl Received {
    /// The first header of this name, given in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// Whether the connection can take another request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum After {
    KeepAlive,
    Close,
}

/// Reads one request; `None` when the client closed the connection before it.
pub(super) fn read_request(reader: &mut impl BufRead) -> io::Result<Option<Received>> {
    let mut line = String::new();
    if reader.read_line(&mut line)? == 0 {
        return Ok(None);
    }
    let mut words = line.split_whitespace();
    let (Some(method), Some(path)) = (words.next(), words.next()) else {
        return Err(io::Error::other(format!("no request line: {line:?}")));
    };
    let (method, path) = (method.to_owned(), path.to_owned());
    let mut headers = Vec::new();
    loop {
        line.clear();
        reader.read_line(&mut line)?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    let length = headers.iter().find(|(name, _)| name == "content-length");
    let length = length.and_then(|(_, value)| value.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    Ok(Some(Received { method, path, headers, body, at: std::time::Instant::now() }))
}

/// Writes an answer; `pause` waits between the chunks of a slow one.
pub(super) fn write_answer(
    out: &mut impl Write,
    asked: &Received,
    answer: &Answer,
    pause: impl Fn(Duration),
) -> io::Result<After> {
    let wants_close = asked.header("connection").is_some_and(|value| value.eq_ignore_ascii_case("close"));
    // Send the whole answer in one write. Otherwise every small page takes two packets.
    let mut head = Vec::new();
    write!(head, "HTTP/1.1 {} {}\r\n", answer.status, reason(answer.status))?;
    if wants_close {
        // Otherwise a client may send its next request just before the connection closes.
        head.extend_from_slice(b"Connection: close\r\n");
    }
    for (name, value) in &answer.headers {
        write!(head, "{name}: {value}\r\n")?;
    }
    let with_body = asked.method != "HEAD";
    match &answer.delivery {
        Delivery::Dropped => return Ok(After::Close),
        Delivery::Whole(body) => {
            let bodiless = answer.status == 204 || answer.status == 304;
            if !bodiless {
                write!(head, "Content-Length: {}\r\n", body.len())?;
            }
            head.extend_from_slice(b"\r\n");
            if with_body && !bodiless {
                head.extend_from_slice(body);
            }
            out.write_all(&head)?;
        }
        Delivery::CutOff { body, promised } => {
            write!(head, "Content-Length: {promised}\r\n\r\n")?;
            out.write_all(&head)?;
            out.write_all(body)?;
            out.flush()?;
            return Ok(After::Close);
        }
        Delivery::Dripping { chunk, every, times } => {
            head.extend_from_slice(b"Transfer-Encoding: chunked\r\n\r\n");
            out.write_all(&head)?;
            let mut sent = 0;
            // An endless body ends when the client disconnects and the write fails.
            while times.is_none_or(|times| sent < times) {
                write!(out, "{:x}\r\n", chunk.len())?;
                out.write_all(chunk)?;
                out.write_all(b"\r\n")?;
                out.flush()?;
                pause(*every);
                sent += 1;
            }
            out.write_all(b"0\r\n\r\n")?;
        }
    }
    out.flush()?;
    Ok(if wants_close { After::Close } else { After::KeepAlive })
}

fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        301 => "Moved Permanently",
        302 => "Found",
        304 => "Not Modified",
        403 => "Forbidden",
        404 => "Not Found",
        429 => "Too Many Requests",
        500 => "Internal Server Error",
        503 => "Service Unavailable",
        _ => "Status",
    }
}
