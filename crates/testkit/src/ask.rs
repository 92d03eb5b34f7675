//! Sends one HTTP request to an endpoint of the program under test. It follows no redirect and waits only briefly.

use std::io::{self, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use crate::wait::patience;

/// How long an endpoint on loopback may take on a loaded machine.
const PATIENCE: Duration = Duration::from_secs(10);

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// The status.
    pub status: u16,
    /// The headers, as they came.
    pub headers: String,
    /// The body.
    pub body: String,
}

/// Asks `http://ADDRESS/PATH`.
///
/// # Errors
/// If nobody answers.
pub fn ask(address: impl ToSocketAddrs, path: &str) -> io::Result<Asked> {
    ask_with(address, &format!("GET {path} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n"))
}

/// Sends this text, and reads until the other side closes the connection.
///
/// # Errors
/// If nobody answers, or the answer is not HTTP.
pub fn ask_with(address: impl ToSocketAddrs, words: &str) -> io::Result<Asked> {
    let stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(patience(PATIENCE)))?;
    exchange(stream, words)
}

/// The same at a Unix socket.
///
/// # Errors
/// If nobody answers, or the answer is not HTTP.
pub fn ask_socket(path: &Path, words: &str) -> io::Result<Asked> {
    let stream = UnixStream::connect(path)?;
    stream.set_read_timeout(Some(patience(PATIENCE)))?;
    exchange(stream, words)
}

fn exchange(mut stream: impl Read + Write, words: &str) -> io::Result<Asked> {
    stream.write_all(words.as_bytes())?;
    let mut text = String::new();
    stream.read_to_string(&mut text)?;
    let (headers, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
    let status = headers.split(' ').nth(1).and_then(|status| status.parse().ok());
    let status = status.ok_or_else(|| io::Error::other(format!("no HTTP: {text:?}")))?;
    Ok(Asked { status, headers: headers.to_owned(), body: body.to_owned() })
}
