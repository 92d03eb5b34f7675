//! Undoing the content codings of a body (RFC 9110 §8.4), as it arrives.
//!
//! Servers are not exact here, and whoever reads the web forgives them as browsers do: a body that lacks the
//! first bytes of its coding was never coded, and neither was text that does not decode; what begins as gzip or zstd is
//! that, whatever its label; `deflate` may come with or without zlib's frame; a checksum may be missing, and anything may follow the end; a coding that
//! nobody knows is none. What is coded and damaged is an error. A body without `Content-Encoding` is left as it is, also
//! when it is a gzip file.

mod decoder;
mod inflate;
mod layer;

use bytes::Bytes;
use http::HeaderMap;
use http::header::CONTENT_ENCODING;

use self::decoder::Coding;
use self::layer::Layer;
use super::errors::FetchError;

/// What we ask for: each of the codings below.
pub(super) const ACCEPTED: &str = "gzip, br, zstd, deflate";

/// Two are a mistake that happens, more are an attack.
const MAX_CODINGS: usize = 4;

/// Undoes the codings of one body.
pub(super) struct Decoding {
    /// The last applied, and so the first to be undone, comes first.
    layers: Vec<Layer>,
    fed: Fed,
}

/// What has arrived and is not yet taken.
struct Fed {
    piece: Option<Bytes>,
    is_all: bool,
}

impl Decoding {
    /// For a body with these headers, none of whose layers may be much larger than the body itself.
    pub(super) fn of(headers: &HeaderMap, max_bytes: usize) -> Result<Self, FetchError> {
        let mut layers: Vec<Layer> = Vec::new();
        for value in headers.get_all(CONTENT_ENCODING) {
            let names = String::from_utf8_lossy(value.as_bytes()).into_owned();
            let codings = names.split(',').filter_map(Coding::named);
            layers.extend(codings.map(|coding| Layer::new(coding, max_bytes)).take(MAX_CODINGS + 1));
        }
        if let Some(layer) = layers.get(MAX_CODINGS) {
            return Err(layer.coding().undecodable("too many codings one over the other"));
        }
        layers.reverse();
        Ok(Self { layers, fed: Fed { piece: None, is_all: false } })
    }

    /// Whether there is anything to be undone.
    pub(super) fn is_needed(&self) -> bool {
        !self.layers.is_empty()
    }

    /// The next piece from the wire, after all of the one before was taken.
    pub(super) fn feed(&mut self, piece: Bytes) {
        self.fed.piece = Some(piece);
    }

    /// Nothing more comes from the wire.
    pub(super) fn end(&mut self) {
        self.fed.is_all = true;
    }

    /// The next piece of the body; `None` when more must be fed, and at its end.
    pub(super) fn next(&mut self) -> Result<Option<Bytes>, FetchError> {
        pull(&mut self.layers, &mut self.fed)
    }
}

/// The next piece that comes out of the last of these layers.
fn pull(layers: &mut [Layer], fed: &mut Fed) -> Result<Option<Bytes>, FetchError> {
    let Some((layer, before)) = layers.split_last_mut() else { return Ok(fed.piece.take()) };
    loop {
        if let Some(piece) = layer.produce()? {
            return Ok(Some(piece));
        }
        match pull(before, fed)? {
            Some(piece) => layer.feed(piece)?,
            None if fed.is_all => return layer.end(),
            None => return Ok(None),
        }
    }
}

#[cfg(test)]
pub(super) mod tests;
