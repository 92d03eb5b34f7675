//! Reading a body: as it arrives, charged as it arrives, and never more than was agreed.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use dragline_core::budget::Charge;
use reqwest::Response;
use tokio::time::timeout;

use super::errors::FetchError;

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
}

/// Reads the body.
pub(super) async fn read(
    response: &mut Response,
    bounds: Bounds,
    charge: &mut Charge,
) -> Result<Bytes, FetchError> {
    let Some(first) = next(response, bounds.silence).await? else { return Ok(Bytes::new()) };
    // Most bodies of a small site come in one piece, which is then the body, uncopied.
    let mut piece = Some(first);
    let mut whole: Option<BytesMut> = None;
    let mut single: Option<Bytes> = None;
    let mut length = 0;
    while let Some(mut bytes) = piece {
        if length + bytes.len() > bounds.max_bytes {
            if bounds.excess == Excess::Fails {
                return Err(FetchError::TooLarge { limit_bytes: bounds.max_bytes });
            }
            bytes.truncate(bounds.max_bytes - length);
        }
        length += bytes.len();
        charge.grow(bytes.len());
        match (&mut whole, single.take()) {
            (Some(whole), _) => whole.extend_from_slice(&bytes),
            (None, None) => single = Some(bytes),
            (None, Some(start)) => {
                let mut both = BytesMut::with_capacity(2 * (start.len() + bytes.len()));
                both.extend_from_slice(&start);
                both.extend_from_slice(&bytes);
                whole = Some(both);
            }
        }
        if length == bounds.max_bytes && bounds.excess == Excess::IsLeftOut {
            break;
        }
        piece = next(response, bounds.silence).await?;
    }
    Ok(single.or_else(|| whole.map(BytesMut::freeze)).unwrap_or_default())
}

/// Reads a small rest that nobody wants, so that the connection can be used again.
pub(super) async fn drain(response: &mut Response, max_bytes: usize, silence: Duration) {
    let mut length = 0;
    while let Ok(Some(bytes)) = next(response, silence).await {
        length += bytes.len();
        if length > max_bytes {
            return;
        }
    }
}

async fn next(response: &mut Response, silence: Duration) -> Result<Option<Bytes>, FetchError> {
    match timeout(silence, response.chunk()).await {
        Ok(Ok(bytes)) => Ok(bytes),
        Ok(Err(error)) => Err(FetchError::of_body(&error)),
        Err(_) => Err(FetchError::Timeout { after: silence, doing: "reading the body" }),
    }
}
