//! Finds the coding of a body by its name and its first bytes, and decodes it with a library.

use std::io;
use std::ops::RangeInclusive;

use compression_codecs::core::util::{PartialBuffer, WriteBuffer};
use compression_codecs::zstd::params::DParameter;
use compression_codecs::{BrotliDecoder, DecodeV2, ZstdDecoder};

use super::inflate::{Frame, Inflate};
use crate::fetch::errors::FetchError;

/// RFC 9659 limits the window to 8 MiB.
pub(super) const ZSTD_WINDOW_LOG: u32 = 23;

/// A compressed byte looks like text with a probability of one third, so this many bytes are needed.
const TEXT_BYTES: usize = 16;
/// The first bytes of gzip (RFC 1952 §2.3.1). The method is checked together with the rest of the header.
const GZIP: &[RangeInclusive<u8>] = &[0x1f..=0x1f, 0x8b..=0x8b];
/// The first bytes of gzip with the only valid method and valid flags. A body that begins like this is gzip, whatever its label.
const GZIP_HEADER: &[RangeInclusive<u8>] = &[0x1f..=0x1f, 0x8b..=0x8b, 0x08..=0x08, 0x00..=0x1f];
/// The first bytes of zstd: a frame, or a skippable frame (RFC 8878 §3.1).
const ZSTD: [&[RangeInclusive<u8>]; 2] = [
    &[0x28..=0x28, 0xb5..=0xb5, 0x2f..=0x2f, 0xfd..=0xfd],
    &[0x50..=0x5f, 0x2a..=0x2a, 0x4d..=0x4d, 0x18..=0x18],
];

/// A supported coding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Coding {
    Gzip,
    Brotli,
    Zstd,
    Deflate,
}

/// What the first bytes show.
pub(super) enum DetectedCoding {
    /// Too few bytes have arrived.
    TooEarly,
    /// The body was never encoded.
    Plain,
    Coded(Decoder),
}

/// Decodes a coding.
pub(super) enum Decoder {
    Inflate(Frame, Box<Inflate>),
    Brotli(Box<dyn DecodeV2 + Send>),
    Zstd(Box<dyn DecodeV2 + Send>),
}

impl DetectedCoding {
    fn inflated(frame: Frame) -> Self {
        Self::Coded(Decoder::Inflate(frame, Box::new(Inflate::new(frame))))
    }
}

impl Coding {
    /// Finds a coding by its name. Case does not matter, and `x-gzip` is an old name.
    pub(super) fn named(name: &str) -> Option<Self> {
        let is = |known: &str| name.trim().eq_ignore_ascii_case(known);
        let known = [Self::Gzip, Self::Brotli, Self::Zstd, Self::Deflate];
        known.into_iter().find(|coding| is(coding.name())).or_else(|| is("x-gzip").then_some(Self::Gzip))
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Brotli => "br",
            Self::Zstd => "zstd",
            Self::Deflate => "deflate",
        }
    }

    /// Finds the real coding of a body that begins like this. The first bytes decide, because nothing else begins like gzip or
    /// zstd.
    pub(super) fn tell(self, start: &[u8]) -> DetectedCoding {
        let gzip = if self == Self::Gzip { GZIP } else { GZIP_HEADER };
        match (begins_as(start, &[gzip]), begins_as(start, &ZSTD)) {
            (Some(true), _) => DetectedCoding::inflated(Frame::Gzip),
            (_, Some(true)) => {
                let window = DParameter::window_log_max(ZSTD_WINDOW_LOG);
                DetectedCoding::Coded(Decoder::Zstd(Box::new(ZstdDecoder::new_with_params(&[window]))))
            }
            (None, _) | (_, None) => DetectedCoding::TooEarly,
            (Some(false), Some(false)) => self.tell_by_name(start),
        }
    }

    /// Finds the coding of a body that begins like neither gzip nor zstd.
    fn tell_by_name(self, start: &[u8]) -> DetectedCoding {
        match (self, start) {
            (Self::Brotli, _) => DetectedCoding::Coded(Decoder::Brotli(Box::new(BrotliDecoder::new()))),
            (Self::Gzip | Self::Deflate, [method, flags, ..]) if is_zlib(*method, *flags) => {
                DetectedCoding::inflated(Frame::Zlib)
            }
            (Self::Zstd, _) | (Self::Gzip, [_, _, ..]) => DetectedCoding::Plain,
            (Self::Gzip | Self::Deflate, [] | [_]) => DetectedCoding::TooEarly,
            // Without a frame, deflate can look like anything. A body is text if enough bytes look like text.
            (Self::Deflate, _) if !has_control(start) && is_utf8(start) => {
                if start.len() < TEXT_BYTES {
                    DetectedCoding::TooEarly
                } else {
                    DetectedCoding::Plain
                }
            }
            (Self::Deflate, _) => DetectedCoding::inflated(Frame::None),
        }
    }

    pub(super) fn undecodable(self, problem: &str) -> FetchError {
        FetchError::Undecodable { coding: self.name(), problem: problem.to_owned() }
    }
}

/// RFC 1950 §2.2. In RFC 9110, deflate has this frame, but many servers leave it out.
fn is_zlib(method: u8, flags: u8) -> bool {
    method & 0x0f == 8 && method >> 4 <= 7 && u16::from_be_bytes([method, flags]).is_multiple_of(31)
}

impl Decoder {
    pub(super) fn decode(
        &mut self,
        input: &mut PartialBuffer<&[u8]>,
        output: &mut WriteBuffer<'_>,
    ) -> io::Result<bool> {
        match self {
            Self::Inflate(_, inflate) => inflate.decode(input, output),
            Self::Brotli(decoder) | Self::Zstd(decoder) => decoder.decode(input, output),
        }
    }

    pub(super) fn restart(&mut self) -> io::Result<()> {
        match self {
            Self::Inflate(_, inflate) => inflate.restart(),
            Self::Brotli(decoder) | Self::Zstd(decoder) => decoder.reinit(),
        }
    }

    /// Whether the body is complete, except perhaps for its checksum.
    pub(super) fn is_whole(&self) -> bool {
        matches!(self, Self::Inflate(_, inflate) if inflate.is_whole())
    }

    /// Whether the bytes after the end begin another member (RFC 1952 §2.2, RFC 8878 §3); `None` if there are too few.
    pub(super) fn goes_on_with(&self, rest: &[u8]) -> Option<bool> {
        match self {
            Self::Inflate(Frame::Gzip, _) => begins_as(rest, &[GZIP]),
            Self::Zstd(_) => begins_as(rest, &ZSTD),
            Self::Brotli(_) | Self::Inflate(Frame::Zlib | Frame::None, _) => Some(false),
        }
    }
}

/// Whether `start` begins like one of `beginnings`, which have a range for each byte; `None` if there are too few bytes.
fn begins_as(start: &[u8], beginnings: &[&[RangeInclusive<u8>]]) -> Option<bool> {
    let is_alike = |beginning: &&&[RangeInclusive<u8>]| {
        start.iter().zip(beginning.iter()).all(|(byte, range)| range.contains(byte))
    };
    let mut alike = beginnings.iter().filter(is_alike).peekable();
    alike.peek().is_none().then_some(false).or_else(|| {
        let is_all_there = alike.any(|beginning| beginning.len() <= start.len());
        is_all_there.then_some(true)
    })
}

/// Whether it contains a binary data byte (MIME Sniffing standard, section 3).
pub(super) fn has_control(text: &[u8]) -> bool {
    text.iter().any(|byte| matches!(byte, 0..=0x08 | 0x0b | 0x0e..=0x1a | 0x1c..=0x1f))
}

/// Whether it is valid UTF-8. The last character may be incomplete.
pub(super) fn is_utf8(text: &[u8]) -> bool {
    std::str::from_utf8(text).map_or_else(|error| error.error_len().is_none(), |_| true)
}
