//! Bodies as servers send them, in pieces of every size.

use compression_codecs::core::Level;
use compression_codecs::core::util::{PartialBuffer, WriteBuffer};
use compression_codecs::{
    BrotliEncoder, DeflateEncoder, EncodeV2, GzipEncoder, ZlibEncoder, ZstdEncoder,
    brotli::params::EncoderParams,
};
use http::HeaderValue;

use super::layer::PIECE_BYTES;
use super::*;

const LIMIT: usize = 1 << 20;

fn encoded(mut encoder: impl EncodeV2, text: &[u8]) -> Vec<u8> {
    let mut room = vec![0; text.len() * 2 + 1000];
    let mut output = WriteBuffer::new_initialized(&mut room);
    if !text.is_empty() {
        encoder.encode(&mut PartialBuffer::new(text), &mut output).unwrap();
    }
    assert!(encoder.finish(&mut output).unwrap());
    output.written().to_vec()
}

pub(crate) fn gzip(text: &[u8]) -> Vec<u8> {
    encoded(GzipEncoder::new(Level::Default.into()), text)
}

fn zlib(text: &[u8]) -> Vec<u8> {
    encoded(ZlibEncoder::new(Level::Default.into()), text)
}

fn raw_deflate(text: &[u8]) -> Vec<u8> {
    encoded(DeflateEncoder::new(Level::Default.into()), text)
}

fn brotli(text: &[u8]) -> Vec<u8> {
    encoded(BrotliEncoder::new(EncoderParams::default()), text)
}

fn zstd(text: &[u8]) -> Vec<u8> {
    encoded(ZstdEncoder::new(3), text)
}

fn decoded_in(coding: &str, body: &[u8], piece_bytes: usize) -> Result<Vec<u8>, FetchError> {
    let mut headers = HeaderMap::new();
    headers.append(CONTENT_ENCODING, HeaderValue::from_str(coding).unwrap());
    let mut decoding = Decoding::of(&headers, LIMIT)?;
    let mut all = Vec::new();
    for piece in body.chunks(piece_bytes) {
        decoding.feed(Bytes::copy_from_slice(piece));
        while let Some(piece) = decoding.next()? {
            all.extend_from_slice(&piece);
        }
    }
    decoding.end();
    while let Some(piece) = decoding.next()? {
        all.extend_from_slice(&piece);
    }
    Ok(all)
}

/// The decoded body. It must not depend on the size of the pieces.
fn decoded(coding: &str, body: &[u8]) -> Result<Vec<u8>, FetchError> {
    let whole = decoded_in(coding, body, usize::MAX);
    for piece_bytes in [1, 2, 7, 1000] {
        assert_eq!(decoded_in(coding, body, piece_bytes), whole, "{coding}, {piece_bytes} at once");
    }
    whole
}

/// Texts of many lengths, some of which fill the output exactly, and that compress well or badly.
fn texts() -> Vec<Vec<u8>> {
    let mut noise = 1_u32;
    let mut next = |_| {
        noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        noise.to_be_bytes()[0]
    };
    let lengths = [0, 1, 100, PIECE_BYTES, 3 * PIECE_BYTES];
    let even = lengths.iter().map(|length| vec![b'x'; *length]);
    even.chain([(0..50_000).map(&mut next).collect()]).collect()
}

#[test]
fn each_coding_is_decoded() {
    for text in texts() {
        for (coding, body) in [
            ("gzip", gzip(&text)),
            ("X-GZip", gzip(&text)),
            ("br", brotli(&text)),
            ("zstd", zstd(&text)),
            ("deflate", zlib(&text)),
            ("deflate", raw_deflate(&text)),
            ("gzip, gzip", gzip(&gzip(&text))),
            ("deflate,br , ZSTD", zstd(&brotli(&zlib(&text)))),
            ("identity", text.clone()),
            ("utf-8, gzip", gzip(&text)),
        ] {
            let length = text.len();
            assert!(decoded(coding, &body) == Ok(text.clone()), "{coding} of {length} bytes");
        }
    }
}

#[test]
fn a_body_with_a_wrong_label_is_decoded() {
    for text in texts() {
        for label in ["gzip", "br", "zstd", "deflate"] {
            for (coding, body) in [("gzip", gzip(&text)), ("zstd", zstd(&text))] {
                assert!(decoded(label, &body) == Ok(text.clone()), "{coding} that is called {label}");
            }
        }
        assert!(decoded("gzip", &zlib(&text)) == Ok(text.clone()));
        assert!(decoded("br, gzip", &gzip(&zstd(&text))) == Ok(text.clone()));
    }
}

#[test]
fn members_are_joined_and_padding_is_ignored() {
    assert_eq!(decoded("gzip", &[gzip(b"one "), gzip(b"two")].concat()).unwrap(), b"one two");
    assert_eq!(decoded("zstd", &[zstd(b"one "), zstd(b"two")].concat()).unwrap(), b"one two");
    assert_eq!(decoded("gzip", &[gzip(b"one"), vec![0; 600]].concat()).unwrap(), b"one");
    assert_eq!(decoded("deflate", &[zlib(b"one"), b"\r\n".to_vec()].concat()).unwrap(), b"one");
    // Bytes after the end are ignored, whatever they begin with.
    for rest in [&b"<!-- cached -->"[..], b"\x1f", b"\x1f\x1f\x8b", b"(\xb5/", b"\0\x1f\x8b\x08"] {
        for (coding, body) in [("gzip", gzip(b"one")), ("zstd", zstd(b"one")), ("br", brotli(b"one"))] {
            assert_eq!(decoded(coding, &[&body, rest].concat()).unwrap(), b"one", "{coding} and {rest:?}");
        }
    }
}

#[test]
fn a_body_that_was_never_encoded_stays_as_it_is() {
    for text in ["", "x", "<p>", "<title>plain</title>", "PK", "("] {
        for coding in ["gzip", "zstd", "gzip, zstd"] {
            assert_eq!(decoded(coding, text.as_bytes()).unwrap(), text.as_bytes(), "{coding} {text:?}");
        }
    }
    assert_eq!(decoded("gzip, gzip", &gzip(b"once")).unwrap(), b"once");
    assert_eq!(decoded("utf-8", b"text").unwrap(), b"text");
    assert_eq!(decoded("none, ,", b"text").unwrap(), b"text");
}

#[test]
fn text_with_a_wrong_label_stays_as_it_is() {
    for text in [
        b"<title>plain</title>".as_slice(),
        b"<!DOCTYPE html>\n<html lang=en><p>caf\xc3\xa9</p></html>",
        b"{\"a\": [1, 2, 3]}",
        b"\xef\xbb\xbf<html>",
        &b"just words, line after line\n".repeat(5000),
    ] {
        for coding in ["gzip", "br", "zstd", "deflate", "br, gzip", "deflate, br"] {
            let shown = String::from_utf8_lossy(&text[..9]);
            assert!(decoded(coding, text) == Ok(text.to_vec()), "{coding}: {shown}");
        }
    }
    // The label names a different coding.
    assert_eq!(decoded("deflate", &gzip(b"one")).unwrap(), b"one");
}

#[test]
fn a_body_is_whole_without_its_checksum_and_a_header_may_say_more() {
    let text = texts().pop().unwrap();
    for missing in 1..=8 {
        let body = gzip(&text);
        assert!(decoded_in("gzip", &body[..body.len() - missing], 999) == Ok(text.clone()), "{missing}");
    }
    for missing in 1..=4 {
        let body = zlib(&text);
        assert!(decoded_in("deflate", &body[..body.len() - missing], 999) == Ok(text.clone()), "{missing}");
    }
    let member = gzip(b"one");
    let mut long = member[..10].to_vec();
    // An extra field of two bytes, a name, a comment and the header's own checksum (RFC 1952 §2.3.1).
    long[3] = 0b0001_1110;
    long.extend_from_slice(b"\x02\0xxname.html\0comment\0\xab\xcd");
    long.extend_from_slice(&member[10..]);
    assert_eq!(decoded("gzip", &long).unwrap(), b"one");
}

#[test]
fn a_truncated_body_is_retried_and_a_damaged_one_is_not() {
    let text: Vec<u8> = texts().pop().unwrap();
    for (coding, body) in [
        ("gzip", gzip(&text)),
        ("br", brotli(&text)),
        ("zstd", zstd(&text)),
        ("deflate", zlib(&text)),
        ("deflate", raw_deflate(&text)),
        ("gzip, gzip", gzip(&gzip(&text)[..10_000])),
    ] {
        for length in [body.len() - 9, body.len() / 2, 20, 5] {
            let error = decoded_in(coding, &body[..length], 999).unwrap_err();
            assert!(error.is_retryable(), "{coding}: {error}");
            assert!(error.to_string().starts_with("the body ended early"), "{coding}: {error}");
        }
    }
    let mut wrong_sum = gzip(&text);
    let end = wrong_sum.len();
    wrong_sum[end - 6] ^= 1;
    for (coding, body) in [
        ("gzip", [&[0x1f, 0x8b, 9], &gzip(&text)[3..]].concat()),
        ("gzip", wrong_sum),
        ("zstd", [&zstd(&text)[..4], &[0xff; 40]].concat()),
        ("gzip", b"\x1f\x8b<title>plain</title>".to_vec()),
        ("deflate", [&[0x78, 0xbb], &zlib(&text)[2..]].concat()),
        ("br", vec![0xff; 40]),
        ("gzip, gzip, gzip, gzip, gzip", text),
    ] {
        let error = decoded_in(coding, &body, 999).unwrap_err();
        assert!(!error.is_retryable(), "{coding}: {error}");
        assert!(error.to_string().starts_with("the body cannot be decoded as "), "{coding}: {error}");
    }
}

#[test]
fn members_without_end_are_refused() {
    let empty = gzip(b"");
    let members = |count: usize| [empty.repeat(count - 1), gzip(b"end")].concat();
    assert_eq!(decoded_in("gzip", &members(super::layer::MAX_MEMBERS), 9999).unwrap(), b"end");
    for (coding, more) in [("gzip", members(10_001)), ("zstd", zstd(b"x").repeat(10_001))] {
        let error = decoded_in(coding, &more, 9999).unwrap_err();
        let expected = format!("the body cannot be decoded as {coding}: it has more than 10000 members");
        assert_eq!((error.to_string(), error.is_retryable()), (expected, false));
    }
}

#[test]
fn a_window_that_is_too_large_says_so() {
    let text = vec![b'x'; 1000];
    let with_window = |log: u8| {
        // A frame header without a size and with this window (RFC 8878 §3.1.1.1), and one raw block, the last.
        let block = u32::try_from(text.len()).unwrap() << 3 | 1;
        [&b"(\xb5/\xfd\x00"[..], &[(log - 10) << 3], &block.to_le_bytes()[..3], &text].concat()
    };
    assert!(decoded("zstd", &with_window(23)) == Ok(text.clone()));
    let error = decoded("zstd", &with_window(24)).unwrap_err();
    assert!(!error.is_retryable());
    assert_eq!(
        error.to_string(),
        "the body cannot be decoded as zstd: it needs a window larger than 8 MiB, which no client has to support (RFC 9659)"
    );
}

#[test]
fn endless_input_without_output_is_refused() {
    let endless = [0, 0, 0, 0xff, 0xff].repeat(LIMIT);
    assert_eq!(decoded_in("deflate", &endless, 9999), Err(FetchError::TooLarge { limit_bytes: LIMIT }));
    // The same input, compressed to a small size.
    let bomb = gzip(&endless);
    assert!(bomb.len() < LIMIT / 50);
    assert_eq!(decoded_in("deflate, gzip", &bomb, 9999), Err(FetchError::TooLarge { limit_bytes: LIMIT }));
}
