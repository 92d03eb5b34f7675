//! Compressed bodies, and bodies that are not HTML.

use compression_codecs::core::Level;
use compression_codecs::core::util::{PartialBuffer, WriteBuffer};
use compression_codecs::{BrotliEncoder, EncodeV2, GzipEncoder, ZstdEncoder, brotli::params::EncoderParams};

use super::{HostilePage, filled, numbered};

/// A content coding.
#[derive(Clone, Copy, Debug)]
pub(super) enum Coding {
    Gzip,
    Brotli,
    Zstd,
}

pub(super) const PAGES: &[HostilePage] = &[
    bomb("gzip", Coding::Gzip),
    bomb("brotli", Coding::Brotli),
    bomb("zstd", Coding::Zstd),
    HostilePage::of_type("json-numbers", "application/json", |bytes| filled(bytes, "[", b"0,", "0]")),
    HostilePage::of_type("json-lists", "application/json", |bytes| filled(bytes, "[", b"[[]],", "0]")),
    HostilePage::of_type("json-objects", "application/json", |bytes| {
        filled(bytes, "[", b"{\"a\":{}},", "0]")
    }),
    HostilePage::of_type("json-names", "application/json", |bytes| {
        let mut body = numbered(bytes.saturating_sub(100), "{", |number| format!("\"{number}\":\"\","));
        body.extend_from_slice(b"\"last\":0}");
        body
    }),
    HostilePage::of_type("json-escapes", "application/json", |bytes| filled(bytes, "[\"", b"\\u0001", "\"]")),
    HostilePage::of_type("plain", "text/plain; charset=windows-1252", |bytes| filled(bytes, "", b"\xe9", "")),
    HostilePage::of_type("binary", "application/octet-stream", |bytes| filled(bytes, "", b"\0\x01", "")),
];

const fn bomb(name: &'static str, coding: Coding) -> HostilePage {
    let page = HostilePage::html(name, |bytes| filled(bytes, "<title>", b"\x01", "</title>"));
    HostilePage { coding: Some(coding), ..page }
}

impl Coding {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Brotli => "br",
            Self::Zstd => "zstd",
        }
    }

    pub(super) fn encode(self, body: &[u8]) -> Vec<u8> {
        match self {
            Self::Gzip => encoded(GzipEncoder::new(Level::Fastest.into()), body),
            Self::Brotli => {
                let params = EncoderParams::default().quality(Level::Fastest);
                encoded(BrotliEncoder::new(params), body)
            }
            Self::Zstd => encoded(ZstdEncoder::new(1), body),
        }
    }
}

fn encoded(mut encoder: impl EncodeV2, body: &[u8]) -> Vec<u8> {
    let mut room = vec![0; body.len() + 1000];
    let mut output = WriteBuffer::new_initialized(&mut room);
    let mut input = PartialBuffer::new(body);
    while !input.unwritten().is_empty() {
        encoder.encode(&mut input, &mut output).unwrap();
    }
    assert!(encoder.finish(&mut output).unwrap());
    output.written().to_vec()
}
