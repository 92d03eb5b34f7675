//! Decodes the content codings of a body (RFC 9110 §8.4) as it arrives.
//!
//! Servers make many mistakes here, and like browsers we tolerate them:
//!
//! - If the first bytes of a coding are missing, or text does not decode, the body was never encoded.
//! - A body that begins like gzip or zstd is decoded as such, whatever its label.
//! - `deflate` may come with or without the frame of zlib.
//! - A checksum may be missing, and anything may follow the end.
//! - An unknown coding is ignored.
//!
//! A damaged body is an error. A body without `Content-Encoding` stays as it is, even if it is a gzip file.

mod decoder;
mod inflate;
mod layer;

use bytes::Bytes;
use http::HeaderMap;
use http::header::CONTENT_ENCODING;

use self::decoder::Coding;
use self::layer::Layer;
use super::errors::FetchError;

/// The value of `Accept-Encoding`.
pub(super) const ACCEPTED: &str = "gzip, br, zstd, deflate";

/// Two codings can be a mistake. More are an attack.
const MAX_CODINGS: usize = 4;

/// Decodes one body.
pub(super) struct Decoding {
    /// In the order in which they are decoded. The coding that was applied last comes first.
    layers: Vec<Layer>,
    fed: Fed,
}

/// Input that no layer has taken yet.
struct Fed {
    piece: Option<Bytes>,
    is_all: bool,
}

impl Decoding {
    /// A decoding for a body with these headers. No layer may become much larger than `max_bytes`.
    pub(super) fn of(headers: &HeaderMap, max_bytes: usize) -> Result<Self, FetchError> {
        let mut layers: Vec<Layer> = Vec::new();
        for value in headers.get_all(CONTENT_ENCODING) {
            let names = String::from_utf8_lossy(value.as_bytes()).into_owned();
            let codings = names.split(',').filter_map(Coding::named);
            layers.extend(codings.map(|coding| Layer::new(coding, max_bytes)).take(MAX_CODINGS + 1));
        }
        if let Some(layer) = layers.get(MAX_CODINGS) {
            return Err(layer.coding().undecodable("it has too many codings"));
        }
        layers.reverse();
        Ok(Self { layers, fed: Fed { piece: None, is_all: false } })
    }

    /// Whether the body has any coding.
    pub(super) fn is_needed(&self) -> bool {
        !self.layers.is_empty()
    }

    /// Adds the next piece from the wire. The previous one must have been taken.
    pub(super) fn feed(&mut self, piece: Bytes) {
        self.fed.piece = Some(piece);
    }

    /// Marks the end of the input.
    pub(super) fn end(&mut self) {
        self.fed.is_all = true;
    }

    /// The next piece of the body; `None` if it needs more input, and at the end.
    pub(super) fn next(&mut self) -> Result<Option<Bytes>, FetchError> {
        pull(&mut self.layers, &mut self.fed)
    }
}

/// A body that is there already, without the content codings that these headers name. A crawl decodes its answers in the same way.
///
/// # Errors
/// A message if the body is damaged, or has more than `max_bytes` then.
pub fn decoded_body(headers: &HeaderMap, body: Bytes, max_bytes: usize) -> Result<Bytes, String> {
    let too_large = || format!("it has more than {max_bytes} bytes");
    let mut decoding = Decoding::of(headers, max_bytes).map_err(|error| error.to_string())?;
    if !decoding.is_needed() {
        return if body.len() > max_bytes { Err(too_large()) } else { Ok(body) };
    }
    decoding.feed(body);
    decoding.end();
    let mut decoded = Vec::new();
    while let Some(piece) = decoding.next().map_err(|error| error.to_string())? {
        if decoded.len() + piece.len() > max_bytes {
            return Err(too_large());
        }
        decoded.extend_from_slice(&piece);
    }
    Ok(decoded.into())
}

/// The next piece from the last of these layers.
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
