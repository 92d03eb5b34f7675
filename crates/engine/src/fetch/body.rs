//! Reads a body. Each piece is decoded and charged to the memory budget as it arrives, up to the limit.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use dragline_core::budget::Charge;
use dragline_core::mime::{SNIFFED_BYTES, sniffed};
use http::Version;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, TRANSFER_ENCODING};
use tokio::task::coop::consume_budget;
use tokio::time::{Instant, timeout, timeout_at};

use super::coding::Decoding;
use super::errors::{FetchError, is_unannounced_end};
use super::gate::Gate;
use super::wire::Response;
use crate::mark_gate::until_marked;

/// An unwanted body is read up to this size. A new connection costs about as much.
const DRAIN_BYTES: usize = 64 << 10;
/// An unwanted body is read for at most this long.
const DRAIN_TIME: Duration = Duration::from_millis(300);

/// How to treat a body that is larger than the limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Excess {
    /// The fetch fails.
    Fails,
    /// The rest is left out.
    IsLeftOut,
}

/// Bounds for one body.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    /// Most bytes after decompression, because that is what takes up memory.
    pub(super) max_bytes: usize,
    /// How to treat a larger body.
    pub(super) excess: Excess,
    /// Longest silence between bytes.
    pub(super) silence: Duration,
    /// Fewest bytes per second on the wire, over each stretch of `silence`.
    pub(super) min_bytes_per_second: u64,
    /// When the body must be complete.
    pub(super) deadline: Instant,
    /// The time limit of the whole request, for the error message.
    pub(super) request_timeout: Duration,
}

/// What was read.
#[derive(Debug)]
pub(super) enum ReadBody {
    /// The body.
    Body(Bytes),
    /// Nobody wants a body of this type.
    Unwanted(&'static str),
}

/// The pieces that have arrived. A small page often arrives in one piece, and this piece becomes the body without a copy.
enum Collected {
    Nothing,
    One(Bytes),
    Many(BytesMut),
}

/// The body on the wire.
struct Wire<'a> {
    response: &'a mut Response,
    bounds: Bounds,
    /// When the current count of bytes began, and the count.
    since: Instant,
    bytes: u64,
    /// Whether the end of the connection is the end of the body.
    ends_with_connection: bool,
}

/// Reads the body. If `wants` is given, it decides about the type that the first bytes show.
pub(super) async fn read(
    response: &mut Response,
    bounds: Bounds,
    gate: &Gate,
    charge: &mut Charge,
    wants: Option<&(dyn Fn(&str) -> bool + Sync)>,
) -> Result<ReadBody, FetchError> {
    let Bounds { mut deadline, request_timeout: after, max_bytes, excess, .. } = bounds;
    let mut beyond = None;
    let mut decoding = Decoding::of(response.headers(), max_bytes)?;
    let promised = response.content_length().filter(|_| !decoding.is_needed());
    if excess == Excess::Fails && promised.is_some_and(|promised| promised > max_bytes as u64) {
        return Err(FetchError::TooLarge { limit_bytes: max_bytes });
    }
    let mut body = Collected::Nothing;
    let mut room = max_bytes;
    let mut unjudged = wants;
    // The site is not to blame for this wait.
    deadline += until_marked().await;
    let mut wire = Wire::of(response, bounds);
    loop {
        let waited = gate.pass(charge, &mut beyond).await;
        // The site is not to blame for this wait.
        deadline += waited;
        wire.since += waited;
        let next = timeout_at(deadline, next(&mut wire, &mut decoding)).await;
        let next = next.unwrap_or(Err(FetchError::Timeout { after, doing: "fetching the page" }))?;
        let is_all = next.is_none();
        if let Some(mut piece) = next {
            if piece.len() > room {
                if excess == Excess::Fails {
                    return Err(FetchError::TooLarge { limit_bytes: max_bytes });
                }
                piece.truncate(room);
            }
            room -= piece.len();
            charge.grow(piece.len());
            body = body.with(piece);
        }
        if let Some(wants) = unjudged.filter(|_| is_all || body.bytes().len() >= SNIFFED_BYTES) {
            let essence = sniffed(body.bytes());
            if !wants(essence) {
                return Ok(ReadBody::Unwanted(essence));
            }
            unjudged = None;
        }
        if is_all || (room == 0 && excess == Excess::IsLeftOut) {
            break;
        }
    }
    if decoding.is_needed() {
        // These headers described the body on the wire.
        response.headers_mut().remove(CONTENT_ENCODING);
        response.headers_mut().remove(CONTENT_LENGTH);
    }
    Ok(ReadBody::Body(body.finish()))
}

/// Reads the rest of an unwanted body if it is small and fast, so that the connection can be used again.
pub(super) async fn drain(response: &mut Response) {
    let small = async {
        let mut room = DRAIN_BYTES;
        while let Ok(Some(bytes)) = response.chunk().await
            && bytes.len() <= room
        {
            room -= bytes.len();
        }
    };
    let _ = timeout(DRAIN_TIME, small).await;
}

async fn next(wire: &mut Wire<'_>, decoding: &mut Decoding) -> Result<Option<Bytes>, FetchError> {
    loop {
        if let Some(piece) = decoding.next()? {
            // A compressed bomb yields many pieces without a wait for the network. The scheduler must get its turn.
            consume_budget().await;
            return Ok(Some(piece));
        }
        match wire.chunk().await? {
            Some(bytes) => decoding.feed(bytes),
            None => {
                decoding.end();
                return decoding.next().map_err(|error| match error {
                    // The end of the connection says nothing. The announced length, the last chunk and HTTP/2 do.
                    FetchError::CutOff { coding, .. } => {
                        FetchError::CutOff { coding, is_as_sent: !wire.ends_with_connection }
                    }
                    error => error,
                });
            }
        }
    }
}

impl<'a> Wire<'a> {
    fn of(response: &'a mut Response, bounds: Bounds) -> Self {
        let headers = response.headers();
        let ends_with_connection = response.version() <= Version::HTTP_11
            && !headers.contains_key(CONTENT_LENGTH)
            && !headers.contains_key(TRANSFER_ENCODING);
        Self { response, bounds, since: Instant::now(), bytes: 0, ends_with_connection }
    }

    async fn chunk(&mut self) -> Result<Option<Bytes>, FetchError> {
        let silence = self.bounds.silence;
        match timeout(silence, self.response.chunk()).await {
            Ok(Ok(Some(bytes))) => {
                self.count(bytes.len())?;
                Ok(Some(bytes))
            }
            Ok(Ok(None)) => Ok(None),
            // Many servers close TLS without a farewell, and browsers accept this. Without a length, nothing shows that
            // something is missing.
            Ok(Err(error)) if self.ends_with_connection && is_unannounced_end(&error) => Ok(None),
            Ok(Err(error)) => Err(FetchError::of_body(&error)),
            Err(_) => Err(FetchError::Timeout { after: silence, doing: "reading the body" }),
        }
    }

    /// Judges each stretch of time on its own.
    fn count(&mut self, bytes: usize) -> Result<(), FetchError> {
        self.bytes += bytes as u64;
        let Bounds { silence, min_bytes_per_second, .. } = self.bounds;
        let passed = self.since.elapsed();
        if passed < silence {
            return Ok(());
        }
        if self.bytes < min_bytes_per_second.saturating_mul(passed.as_secs()) {
            return Err(FetchError::TooSlow { bytes: self.bytes, over: passed });
        }
        (self.since, self.bytes) = (Instant::now(), 0);
        Ok(())
    }
}

impl Collected {
    fn with(self, piece: Bytes) -> Self {
        let mut many = match self {
            Self::Nothing => return Self::One(piece),
            Self::One(first) => {
                let mut many = BytesMut::with_capacity(2 * (first.len() + piece.len()));
                many.extend_from_slice(&first);
                many
            }
            Self::Many(many) => many,
        };
        many.extend_from_slice(&piece);
        Self::Many(many)
    }

    fn bytes(&self) -> &[u8] {
        match self {
            Self::Nothing => &[],
            Self::One(piece) => piece,
            Self::Many(many) => many,
        }
    }

    fn finish(self) -> Bytes {
        match self {
            Self::Nothing => Bytes::new(),
            Self::One(piece) => piece,
            Self::Many(many) => many.freeze(),
        }
    }
}
