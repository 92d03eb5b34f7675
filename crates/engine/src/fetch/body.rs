//! Reading a body: as it arrives, decoded and charged as it arrives, and never more than was agreed.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use dragline_core::budget::Charge;
use dragline_core::mime::{SNIFFED_BYTES, sniffed};
use http::Version;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, TRANSFER_ENCODING};
use reqwest::Response;
use tokio::task::coop::consume_budget;
use tokio::time::{Instant, timeout, timeout_at};

use super::coding::Decoding;
use super::errors::{FetchError, is_unannounced_end};
use super::gate::Gate;

/// A body that is not wanted is read up to here; a new connection costs about as much.
const DRAIN_BYTES: usize = 64 << 10;
/// And no longer than this.
const DRAIN_TIME: Duration = Duration::from_millis(300);

/// What is done with a body that is larger than the limit.
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
    /// Most bytes, decompressed: what counts is the memory that they take, not the wire.
    pub(super) max_bytes: usize,
    /// What happens beyond.
    pub(super) excess: Excess,
    /// Longest silence between bytes.
    pub(super) silence: Duration,
    /// Fewest bytes on the wire in each second, over such a time.
    pub(super) min_bytes_per_second: u64,
    /// When it must be there.
    pub(super) deadline: Instant,
    /// What the whole request was given; for the error.
    pub(super) request_timeout: Duration,
}

/// What was read.
#[derive(Debug)]
pub(super) enum ReadBody {
    /// The body.
    Body(Bytes),
    /// Its beginning; nobody wants what begins so.
    Unwanted(&'static str),
}

/// What has arrived. The body of a small page comes in one piece, which is then the body, uncopied.
enum Collected {
    Nothing,
    One(Bytes),
    Many(BytesMut),
}

/// The body on the wire.
struct Wire<'a> {
    response: &'a mut Response,
    bounds: Bounds,
    /// When the bytes began to be counted, and how many there were since.
    since: Instant,
    bytes: u64,
    /// Whether the end of the connection is the end of the body.
    ends_with_connection: bool,
}

/// Reads the body. `wants` is asked for the type that it has by its first bytes.
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
    let mut wire = Wire::of(response, bounds);
    loop {
        let waited = gate.pass(charge, &mut beyond).await;
        // That was not the site's time.
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
        // They were those of the body on the wire.
        response.headers_mut().remove(CONTENT_ENCODING);
        response.headers_mut().remove(CONTENT_LENGTH);
    }
    Ok(ReadBody::Body(body.finish()))
}

/// Reads a body that nobody wants, if it is small and quick: a connection that can be used again is worth
/// more than that.
pub(super) async fn drain(response: &mut Response) {
    let small = async {
        let mut room = DRAIN_BYTES;
        while let Ok(Some(bytes)) = response.chunk().await
            && bytes.len() <= room
        {
            room -= bytes.len();
        }
    };
    // Neither its end nor its length matters: what counts of this answer is known.
    let _ = timeout(DRAIN_TIME, small).await;
}

async fn next(wire: &mut Wire<'_>, decoding: &mut Decoding) -> Result<Option<Bytes>, FetchError> {
    loop {
        if let Some(piece) = decoding.next()? {
            // A bomb is in memory already, and must not keep the scheduler waiting.
            consume_budget().await;
            return Ok(Some(piece));
        }
        match wire.chunk().await? {
            Some(bytes) => decoding.feed(bytes),
            None => {
                decoding.end();
                return decoding.next();
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
            // Many servers close without a word, and browsers take what came. A length would have told more.
            Ok(Err(error)) if self.ends_with_connection && is_unannounced_end(&error) => Ok(None),
            Ok(Err(error)) => Err(FetchError::of_body(&error)),
            Err(_) => Err(FetchError::Timeout { after: silence, doing: "reading the body" }),
        }
    }

    /// Judges each stretch of time by itself: a page whose rest comes late and at once is not slow.
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
