//! Bodies as servers send them, in pieces of any size.

use compression_codecs::core::Level;
use compression_codecs::{
    BrotliEncoder, DeflateEncoder, EncodeV2, GzipEncoder, ZlibEncoder, ZstdEncoder,
    brotli::params::EncoderParams,
};
use http::HeaderValue;

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

fn gzip(text: &[u8]) -> Vec<u8> {
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

/// The body, which must not depend on how it is cut.
fn decoded(coding: &str, body: &[u8]) -> Result<Vec<u8>, FetchError> {
    let whole = decoded_in(coding, body, usize::MAX);
    for piece_bytes in [1, 2, 7, 1000] {
        assert_eq!(decoded_in(coding, body, piece_bytes), whole, "{coding}, {piece_bytes} at once");
    }
    whole
}

/// What fills the output exactly is among them, and what compresses well and badly.
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
fn each_coding_is_undone() {
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
fn several_members_are_one_body_and_padding_is_none() {
    assert_eq!(decoded("gzip", &[gzip(b"one "), gzip(b"two")].concat()).unwrap(), b"one two");
    assert_eq!(decoded("zstd", &[zstd(b"one "), zstd(b"two")].concat()).unwrap(), b"one two");
    assert_eq!(decoded("gzip", &[gzip(b"one"), vec![0; 600]].concat()).unwrap(), b"one");
    assert_eq!(decoded("deflate", &[zlib(b"one"), b"\r\n".to_vec()].concat()).unwrap(), b"one");
}

#[test]
fn what_was_never_coded_is_taken_as_it_is() {
    for text in ["", "x", "<p>", "<title>plain</title>", "PK", "("] {
        for coding in ["gzip", "zstd", "gzip, zstd"] {
            assert_eq!(decoded(coding, text.as_bytes()).unwrap(), text.as_bytes(), "{coding} {text:?}");
        }
    }
    assert_eq!(decoded("gzip, gzip", &gzip(b"once")).unwrap(), b"once");
}

#[test]
fn what_is_cut_off_may_come_whole_next_time_and_what_is_damaged_will_not() {
    let text: Vec<u8> = texts().pop().unwrap();
    for (coding, body) in [
        ("gzip", gzip(&text)),
        ("br", brotli(&text)),
        ("zstd", zstd(&text)),
        ("deflate", zlib(&text)),
        ("deflate", raw_deflate(&text)),
        ("gzip, gzip", gzip(&gzip(&text)[..10_000])),
    ] {
        for length in [body.len() - 1, body.len() / 2] {
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
        ("deflate", b"<title>plain</title>".to_vec()),
        ("br", vec![0xff; 40]),
        ("gzip, gzip, gzip, gzip, gzip", text),
    ] {
        let error = decoded_in(coding, &body, 999).unwrap_err();
        assert!(!error.is_retryable(), "{coding}: {error}");
        assert!(error.to_string().starts_with("the body cannot be decoded as "), "{coding}: {error}");
    }
}

#[test]
fn much_that_yields_nothing_is_refused() {
    let endless = [0, 0, 0, 0xff, 0xff].repeat(LIMIT);
    assert_eq!(decoded_in("deflate", &endless, 9999), Err(FetchError::TooLarge { limit_bytes: LIMIT }));
    // The same, made of very little.
    let bomb = gzip(&endless);
    assert!(bomb.len() < LIMIT / 50);
    assert_eq!(decoded_in("deflate, gzip", &bomb, 9999), Err(FetchError::TooLarge { limit_bytes: LIMIT }));
}
