//! The few frames of HTTP/2 (RFC 9113 §4.1) that a bad server needs, byte by byte. A library would not send these.

use std::io::{self, Read};

use super::Act;

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const GOAWAY: u8 = 7;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

/// The stream of a client's first request.
const FIRST_STREAM: u32 = 1;
/// What a client says first (RFC 9113 §3.4).
const PREFACE_BYTES: usize = 24;
const HEAD_BYTES: usize = 9;

/// What a server says first: empty settings.
pub fn settings() -> Act {
    frame(SETTINGS, 0, 0, &[])
}

/// The beginning of an answer to the first request: status 200 and no headers.
pub fn ok() -> Act {
    // HPACK, entry 8 of the static table (RFC 7541, appendix A).
    frame(HEADERS, END_HEADERS, FIRST_STREAM, &[0x88])
}

/// An interim answer to the first request: status 103 and no headers.
pub fn hint() -> Act {
    // A literal with the name of entry 8 (RFC 7541 §6.2.2).
    frame(HEADERS, END_HEADERS, FIRST_STREAM, b"\x08\x03103")
}

/// The whole answer to the first request: status 200, this header, whatever its bytes are, and no body.
pub fn ok_with(name: &str, value: &[u8]) -> Act {
    let length = |bytes: &[u8]| u8::try_from(bytes.len()).expect("a short text");
    let literal = [&[0x88, 0, length(name.as_bytes())], name.as_bytes(), &[length(value)], value].concat();
    frame(HEADERS, END_HEADERS | END_STREAM, FIRST_STREAM, &literal)
}

/// A part of its body.
pub fn data(text: &str) -> Act {
    frame(DATA, 0, FIRST_STREAM, text.as_bytes())
}

/// The last part of its body.
pub fn last_data(text: &str) -> Act {
    frame(DATA, END_STREAM, FIRST_STREAM, text.as_bytes())
}

/// The end of the first request, with an error code (RFC 9113 §7).
pub fn reset(code: u32) -> Act {
    frame(RST_STREAM, 0, FIRST_STREAM, &code.to_be_bytes())
}

/// The end of the connection: requests up to stream `last` were looked at.
pub fn go_away(last: u32, code: u32) -> Act {
    frame(GOAWAY, 0, 0, &[last.to_be_bytes(), code.to_be_bytes()].concat())
}

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Act {
    let length = u32::try_from(payload.len()).expect("a short frame").to_be_bytes();
    let mut bytes = length[1..].to_vec();
    bytes.extend_from_slice(&[kind, flags]);
    bytes.extend_from_slice(&stream.to_be_bytes());
    bytes.extend_from_slice(payload);
    Act::Send(bytes)
}

/// Reads the preface, and frames up to the headers of a request.
pub(super) fn read_request(from: &mut impl Read) -> io::Result<()> {
    from.read_exact(&mut [0; PREFACE_BYTES])?;
    loop {
        let mut head = [0; HEAD_BYTES];
        from.read_exact(&mut head)?;
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
        io::copy(&mut from.take(length.into()), &mut io::sink())?;
        if head[3] == HEADERS {
            return Ok(());
        }
    }
}
