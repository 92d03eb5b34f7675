//! Which coding it is, told by its name and by its first bytes, and the library that undoes it.

use std::io;
use std::ops::RangeInclusive;

use compression_codecs::core::util::{PartialBuffer, WriteBuffer};
use compression_codecs::zstd::params::DParameter;
use compression_codecs::{BrotliDecoder, DecodeV2, ZstdDecoder};

use super::inflate::{Frame, Inflate};
use crate::fetch::errors::FetchError;

/// RFC 9659: 8 MiB is the largest window that a server may use here.
const ZSTD_WINDOW_LOG: u32 = 23;

/// Compressed bytes read like text with a chance of a third, each.
const TEXT_BYTES: usize = 16;
/// What gzip begins with (RFC 1952 §2.3.1). The method is looked at with the rest of the header.
const GZIP: &[RangeInclusive<u8>] = &[0x1f..=0x1f, 0x8b..=0x8b];
/// The same with the only method there is and the flags that may be set: what begins so is gzip whatever it is called.
const GZIP_HEADER: &[RangeInclusive<u8>] = &[0x1f..=0x1f, 0x8b..=0x8b, 0x08..=0x08, 0x00..=0x1f];
/// What zstd begins with: a frame, or one that is skipped (RFC 8878 §3.1).
const ZSTD: [&[RangeInclusive<u8>]; 2] = [
    &[0x28..=0x28, 0xb5..=0xb5, 0x2f..=0x2f, 0xfd..=0xfd],
    &[0x50..=0x5f, 0x2a..=0x2a, 0x4d..=0x4d, 0x18..=0x18],
];

/// A coding that is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Coding {
    Gzip,
    Brotli,
    Zstd,
    Deflate,
}

/// What the first bytes tell.
pub(super) enum DetectedCoding {
    /// Nothing yet.
    TooEarly,
    /// They were never coded.
    Plain,
    Coded(Decoder),
}

/// Undoes a coding.
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
    /// Case does not matter; `x-gzip` is an old name.
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

    /// What a body is that begins so: the first bytes have the last word, for nothing else begins as gzip and zstd do.
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

    /// The same for what is neither gzip nor zstd.
    fn tell_by_name(self, start: &[u8]) -> DetectedCoding {
        match (self, start) {
            (Self::Brotli, _) => DetectedCoding::Coded(Decoder::Brotli(Box::new(BrotliDecoder::new()))),
            (Self::Gzip | Self::Deflate, [method, flags, ..]) if is_zlib(*method, *flags) => {
                DetectedCoding::inflated(Frame::Zlib)
            }
            (Self::Zstd, _) | (Self::Gzip, [_, _, ..]) => DetectedCoding::Plain,
            (Self::Gzip | Self::Deflate, [] | [_]) => DetectedCoding::TooEarly,
            // Without a frame much passes for deflate, also text: it is told by so many bytes that read like it.
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

/// RFC 1950 §2.2. What RFC 9110 calls deflate has this frame; what many servers send has not.
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

    /// Whether nothing is missing but what may be missing.
    pub(super) fn is_whole(&self) -> bool {
        matches!(self, Self::Inflate(_, inflate) if inflate.is_whole())
    }

    /// Whether what follows the end begins another member (RFC 1952 §2.2, RFC 8878 §3), if that can be told yet.
    pub(super) fn goes_on_with(&self, rest: &[u8]) -> Option<bool> {
        match self {
            Self::Inflate(Frame::Gzip, _) => begins_as(rest, &[GZIP]),
            Self::Zstd(_) => begins_as(rest, &ZSTD),
            Self::Brotli(_) | Self::Inflate(Frame::Zlib | Frame::None, _) => Some(false),
        }
    }
}

/// Whether these bytes begin as one of `beginnings`, each a range for each byte; `None` when there are too few.
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

/// Whether there is a binary data byte (MIME Sniffing standard, section 3).
pub(super) fn has_control(text: &[u8]) -> bool {
    text.iter().any(|byte| matches!(byte, 0..=0x08 | 0x0b | 0x0e..=0x1a | 0x1c..=0x1f))
}

/// Whether it is text; the last character need not be complete.
pub(super) fn is_utf8(text: &[u8]) -> bool {
    std::str::from_utf8(text).map_or_else(|error| error.error_len().is_none(), |_| true)
}
