//! Undoing the content codings of a body (RFC 9110 §8.4), as it arrives.
//!
//! Servers are not exact here, and whoever reads the web forgives them as browsers do: a body that lacks the
//! first bytes of its coding was never coded, `deflate` may come with or without zlib's frame, a coding that
//! nobody knows is none. What is coded and damaged is an error.

use bytes::{Buf, Bytes, BytesMut};
use compression_codecs::core::util::{PartialBuffer, WriteBuffer};
use compression_codecs::zstd::params::DParameter;
use compression_codecs::{BrotliDecoder, DecodeV2, DeflateDecoder, GzipDecoder, ZlibDecoder, ZstdDecoder};
use http::HeaderMap;
use http::header::CONTENT_ENCODING;

use super::errors::FetchError;

/// What we ask for: each of the codings below.
pub(super) const ACCEPTED: &str = "gzip, br, zstd, deflate";

/// Two are a mistake that happens, more are an attack.
const MAX_CODINGS: usize = 4;
/// What is decoded at once.
const PIECE_BYTES: usize = 32 << 10;
/// RFC 9659: 8 MiB is the largest window that a server may use here.
const ZSTD_WINDOW_LOG: u32 = 23;

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

/// One coding that is undone.
struct Layer {
    coding: Coding,
    state: State,
    input: Bytes,
    /// Bytes that may still come in: much input that yields nothing is no page.
    room: usize,
    limit_bytes: usize,
    buffer: Box<[u8]>,
    /// Whether there may be more to come without further input.
    is_pending: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Coding {
    Gzip,
    Brotli,
    Zstd,
    Deflate,
}

enum State {
    /// Too few bytes have come to tell what they are.
    Unknown,
    /// It was never coded.
    Plain,
    Coded {
        decoder: Box<dyn DecodeV2 + Send>,
        is_at_end: bool,
    },
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
            return Err(layer.coding.undecodable("too many codings one over the other"));
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

impl Layer {
    fn new(coding: Coding, max_bytes: usize) -> Self {
        Self {
            coding,
            state: State::Unknown,
            input: Bytes::new(),
            // What does not compress grows a little.
            room: max_bytes.saturating_mul(2),
            limit_bytes: max_bytes,
            buffer: Box::default(),
            is_pending: false,
        }
    }

    fn feed(&mut self, piece: Bytes) -> Result<(), FetchError> {
        let excess = FetchError::TooLarge { limit_bytes: self.limit_bytes };
        self.room = self.room.checked_sub(piece.len()).ok_or(excess)?;
        // Something is left only while it is unknown what it is: a few bytes.
        self.input = if self.input.is_empty() {
            piece
        } else {
            let mut both = BytesMut::from(&self.input[..]);
            both.extend_from_slice(&piece);
            both.freeze()
        };
        Ok(())
    }

    /// A piece, if one can be had of what was fed.
    fn produce(&mut self) -> Result<Option<Bytes>, FetchError> {
        if matches!(self.state, State::Unknown) {
            let Some(state) = self.coding.tell(&self.input) else { return Ok(None) };
            self.state = state;
        }
        loop {
            let (decoder, is_at_end) = match &mut self.state {
                State::Unknown => return Ok(None),
                State::Plain => return Ok(Some(self.input.split_off(0)).filter(|piece| !piece.is_empty())),
                State::Coded { decoder, is_at_end } => (decoder, is_at_end),
            };
            if *is_at_end {
                // Another member, or padding that means nothing.
                let Some(first) = self.input.first() else { return Ok(None) };
                if !self.coding.goes_on_with(*first) {
                    self.input.clear();
                    return Ok(None);
                }
                decoder.reinit().map_err(|error| self.coding.undecodable(&error.to_string()))?;
                *is_at_end = false;
            }
            if self.input.is_empty() && !self.is_pending {
                return Ok(None);
            }
            if self.buffer.is_empty() {
                self.buffer = vec![0; PIECE_BYTES].into_boxed_slice();
            }
            let mut input = PartialBuffer::new(&self.input[..]);
            let mut output = WriteBuffer::new_initialized(&mut self.buffer);
            match decoder.decode(&mut input, &mut output) {
                Ok(done) => *is_at_end = done,
                // Without input this says that nothing was pending; what is really wrong is said again.
                Err(_) if self.input.is_empty() => {}
                Err(error) => return Err(self.coding.undecodable(&error.to_string())),
            }
            let (used, made) = (input.written_len(), output.written_len());
            self.is_pending = output.has_no_spare_space() && !*is_at_end;
            if used == 0 && made == 0 && !self.input.is_empty() && !*is_at_end {
                return Err(self.coding.undecodable("it makes no progress"));
            }
            self.input.advance(used);
            if made > 0 {
                return Ok(Some(Bytes::copy_from_slice(&self.buffer[..made])));
            }
        }
    }

    /// What is left when nothing more comes.
    fn end(&mut self) -> Result<Option<Bytes>, FetchError> {
        match self.state {
            // Less than the first bytes of its coding: it has none.
            State::Unknown | State::Plain => {
                self.state = State::Plain;
                self.produce()
            }
            State::Coded { is_at_end: true, .. } => Ok(None),
            State::Coded { is_at_end: false, .. } => Err(FetchError::Connection(format!(
                "the body ended early: its {} is not complete",
                self.coding.name()
            ))),
        }
    }
}

impl Coding {
    /// Case does not matter; `x-gzip` is an old name.
    fn named(name: &str) -> Option<Self> {
        let is = |known: &str| name.trim().eq_ignore_ascii_case(known);
        let known = [Self::Gzip, Self::Brotli, Self::Zstd, Self::Deflate];
        known.into_iter().find(|coding| is(coding.name())).or_else(|| is("x-gzip").then_some(Self::Gzip))
    }

    fn name(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Brotli => "br",
            Self::Zstd => "zstd",
            Self::Deflate => "deflate",
        }
    }

    /// What a body is that begins so, if that can be told yet.
    fn tell(self, start: &[u8]) -> Option<State> {
        let decoder: Option<Box<dyn DecodeV2 + Send>> = match (self, start) {
            // Too few bytes yet.
            (_, [])
            | (Self::Gzip, [0x1f])
            | (Self::Deflate, [_])
            | (Self::Zstd, [_] | [_, _] | [_, _, _]) => {
                return None;
            }
            (Self::Brotli, _) => Some(Box::new(BrotliDecoder::new())),
            (Self::Gzip, [0x1f, 0x8b, ..]) => Some(Box::new(GzipDecoder::new())),
            (Self::Deflate, [method, flags, ..]) if is_zlib(*method, *flags) => {
                Some(Box::new(ZlibDecoder::new()))
            }
            (Self::Deflate, _) => Some(Box::new(DeflateDecoder::new())),
            (Self::Zstd, [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..]) => {
                let window = DParameter::window_log_max(ZSTD_WINDOW_LOG);
                Some(Box::new(ZstdDecoder::new_with_params(&[window])))
            }
            (Self::Gzip | Self::Zstd, _) => None,
        };
        Some(decoder.map_or(State::Plain, |decoder| State::Coded { decoder, is_at_end: false }))
    }

    /// Whether a byte after the end begins another member (RFC 1952 §2.2, RFC 8878 §3).
    fn goes_on_with(self, first: u8) -> bool {
        match self {
            Self::Gzip => first == 0x1f,
            Self::Zstd => matches!(first, 0x28 | 0x50..=0x5f),
            Self::Brotli | Self::Deflate => false,
        }
    }

    fn undecodable(self, problem: &str) -> FetchError {
        FetchError::Undecodable { coding: self.name(), problem: problem.to_owned() }
    }
}

/// RFC 1950 §2.2. What RFC 9110 calls deflate has this frame; what many servers send has not.
fn is_zlib(method: u8, flags: u8) -> bool {
    method & 0x0f == 8 && method >> 4 <= 7 && u16::from_be_bytes([method, flags]).is_multiple_of(31)
}

#[cfg(test)]
mod tests;
