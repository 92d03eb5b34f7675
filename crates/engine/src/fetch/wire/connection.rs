//! A connection with an eye on the heads of its answers.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};

use hyper::rt::{Read, ReadBuf, ReadBufCursor, Write};
use hyper_util::client::legacy::connect::{Connected, Connection};

use super::frames::Frames;
use super::heads::Heads;
use super::sent::Sent;

/// Bytes that are read at once while a head is expected, and over HTTP/2.
const READ_BYTES: usize = 8 << 10;

/// A connection to a server or a proxy, with TLS if need be.
pub(super) trait Transport: Read + Write + Connection + Send {}

impl<T: Read + Write + Connection + Send> Transport for T {}

/// A connection whose heads are cleaned. Those of HTTP/2 are only counted.
pub(super) struct WatchedConnection {
    inner: Pin<Box<dyn Transport>>,
    watch: Watch,
    buffer: Box<[u8]>,
    report: SkippedLines,
}

enum Watch {
    Http1 { heads: Heads, sent: Sent },
    Http2(Frames),
}

/// The number of lines that were left out of the current answer. It is an extension of each answer of the connection.
#[derive(Clone, Debug, Default)]
pub(in crate::fetch) struct SkippedLines(Arc<AtomicUsize>);

impl SkippedLines {
    pub(in crate::fetch) fn count(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

impl WatchedConnection {
    pub(super) fn new(inner: impl Transport + 'static) -> Self {
        let is_http2 = inner.connected().is_negotiated_h2();
        let watch = if is_http2 {
            Watch::Http2(Frames::default())
        } else {
            Watch::Http1 { heads: Heads::default(), sent: Sent::default() }
        };
        let buffer = vec![0; READ_BYTES].into_boxed_slice();
        Self { inner: Box::pin(inner), watch, buffer, report: SkippedLines::default() }
    }

    fn wrote(&mut self, bytes: &[u8]) {
        if let Watch::Http1 { heads, sent } = &mut self.watch
            && sent.take(bytes)
        {
            heads.expect();
        }
    }
}

impl Connection for WatchedConnection {
    fn connected(&self) -> Connected {
        self.inner.connected().extra(self.report.clone())
    }
}

impl Read for WatchedConnection {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        mut into: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        let Self { inner, watch, buffer, report } = self.get_mut();
        let heads = match watch {
            Watch::Http1 { heads, .. } => heads,
            Watch::Http2(frames) => {
                let length = into.remaining().min(buffer.len());
                let mut read = ReadBuf::new(&mut buffer[..length]);
                ready!(inner.as_mut().poll_read(context, read.unfilled()))?;
                frames.take(read.filled()).map_err(io::Error::other)?;
                into.put_slice(read.filled());
                return Poll::Ready(Ok(()));
            }
        };
        loop {
            if !heads.ready().is_empty() {
                let length = into.remaining().min(heads.ready().len());
                into.put_slice(&heads.ready().split_to(length));
                return Poll::Ready(Ok(()));
            }
            if heads.are_passing() {
                return inner.as_mut().poll_read(context, into);
            }
            let mut read = ReadBuf::new(buffer);
            ready!(inner.as_mut().poll_read(context, read.unfilled()))?;
            if read.filled().is_empty() {
                heads.end();
                if heads.ready().is_empty() {
                    return Poll::Ready(Ok(()));
                }
            } else if heads.take(read.filled()).map_err(io::Error::other)? {
                report.0.store(heads.skipped(), Ordering::Relaxed);
            }
        }
    }
}

impl Write for WatchedConnection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = ready!(self.inner.as_mut().poll_write(context, bytes))?;
        self.wrote(&bytes[..written.min(bytes.len())]);
        Poll::Ready(Ok(written))
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.inner.as_mut().poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.inner.as_mut().poll_shutdown(context)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = ready!(self.inner.as_mut().poll_write_vectored(context, slices))?;
        let mut left = written;
        for slice in slices {
            let length = left.min(slice.len());
            self.wrote(&slice[..length]);
            left -= length;
        }
        Poll::Ready(Ok(written))
    }
}
