//! Reading a body: as it arrives, decoded and charged as it arrives, and never more than was agreed.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use dragline_core::budget::Charge;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH};
use reqwest::Response;
use tokio::task::coop::consume_budget;
use tokio::time::{Instant, timeout, timeout_at};

use super::coding::Decoding;
use super::errors::FetchError;
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
    /// When it must be there.
    pub(super) deadline: Instant,
    /// What the whole request was given; for the error.
    pub(super) request_timeout: Duration,
}

/// What has arrived. The body of a small page comes in one piece, which is then the body, uncopied.
enum Collected {
    Nothing,
    One(Bytes),
    Many(BytesMut),
}

/// Reads the body.
pub(super) async fn read(
    response: &mut Response,
    bounds: Bounds,
    gate: &Gate,
    charge: &mut Charge,
) -> Result<Bytes, FetchError> {
    let Bounds { mut deadline, request_timeout: after, .. } = bounds;
    let mut beyond = None;
    let mut decoding = Decoding::of(response.headers(), bounds.max_bytes)?;
    let mut body = Collected::Nothing;
    let mut room = bounds.max_bytes;
    loop {
        deadline += gate.pass(charge, &mut beyond).await;
        let next = timeout_at(deadline, next(response, &mut decoding, bounds.silence)).await;
        let next = next.unwrap_or(Err(FetchError::Timeout { after, doing: "fetching the page" }))?;
        let Some(mut piece) = next else { break };
        if piece.len() > room {
            if bounds.excess == Excess::Fails {
                return Err(FetchError::TooLarge { limit_bytes: bounds.max_bytes });
            }
            piece.truncate(room);
        }
        room -= piece.len();
        charge.grow(piece.len());
        body = body.with(piece);
        if room == 0 && bounds.excess == Excess::IsLeftOut {
            break;
        }
    }
    if decoding.is_needed() {
        // They were those of the body on the wire.
        response.headers_mut().remove(CONTENT_ENCODING);
        response.headers_mut().remove(CONTENT_LENGTH);
    }
    Ok(body.finish())
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

async fn next(
    response: &mut Response,
    decoding: &mut Decoding,
    silence: Duration,
) -> Result<Option<Bytes>, FetchError> {
    loop {
        if let Some(piece) = decoding.next()? {
            // A bomb is in memory already, and must not keep the scheduler waiting.
            consume_budget().await;
            return Ok(Some(piece));
        }
        match timeout(silence, response.chunk()).await {
            Ok(Ok(Some(bytes))) => decoding.feed(bytes),
            Ok(Ok(None)) => {
                decoding.end();
                return decoding.next();
            }
            Ok(Err(error)) => return Err(FetchError::of_body(&error)),
            Err(_) => return Err(FetchError::Timeout { after: silence, doing: "reading the body" }),
        }
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

    fn finish(self) -> Bytes {
        match self {
            Self::Nothing => Bytes::new(),
            Self::One(piece) => piece,
            Self::Many(many) => many.freeze(),
        }
    }
}
