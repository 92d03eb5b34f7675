//! Unpacks a sitemap: gzip, and then the encoding of its text. Both are bounded.

use std::borrow::Cow;
use std::io::Read;

use encoding_rs::UTF_8;
use flate2::bufread::MultiGzDecoder;

use super::SitemapError;
use crate::encoding;
use crate::page_memory::PageMemory;

/// The first bytes of a gzip file (RFC 1952 §2.3.1) with its only method.
const GZIP: [u8; 3] = [0x1f, 0x8b, 0x08];
/// A file that was packed twice is a mistake. One that was packed more often is an attack.
const MAX_LAYERS: usize = 2;
/// Unpacked in pieces of this size, and each is paid for before the next.
const PIECE_BYTES: usize = 64 << 10;

/// The bytes of a sitemap.
pub(super) struct Unpacked<'a> {
    pub(super) bytes: Cow<'a, [u8]>,
    /// Why the rest could not be unpacked.
    pub(super) broken: Option<String>,
}

/// Unpacks `body` if it is a gzip file, to at most `max_bytes`.
pub(super) fn unpacked<'a>(
    body: &'a [u8],
    max_bytes: usize,
    memory: &PageMemory,
) -> Result<Unpacked<'a>, SitemapError> {
    let mut unpacked = Unpacked { bytes: Cow::Borrowed(body), broken: None };
    for _ in 0..MAX_LAYERS {
        if !unpacked.bytes.starts_with(&GZIP) {
            break;
        }
        let (bytes, broken) = gunzipped(&unpacked.bytes, max_bytes, memory)?;
        unpacked = Unpacked { bytes: Cow::Owned(bytes), broken: unpacked.broken.or(broken) };
    }
    if unpacked.bytes.len() > max_bytes {
        return Err(SitemapError::TooLarge(max_bytes));
    }
    Ok(unpacked)
}

/// The file, as far as it can be unpacked, and why that is not all of it.
fn gunzipped(
    packed: &[u8],
    max_bytes: usize,
    memory: &PageMemory,
) -> Result<(Vec<u8>, Option<String>), SitemapError> {
    let mut reader = MultiGzDecoder::new(packed);
    let mut bytes = Vec::new();
    let mut piece = vec![0; PIECE_BYTES];
    loop {
        match reader.read(&mut piece) {
            Ok(0) => return Ok((bytes, None)),
            Ok(read) => {
                if bytes.len() + read > max_bytes {
                    return Err(SitemapError::TooLarge(max_bytes));
                }
                memory.take(read)?;
                bytes.extend_from_slice(&piece[..read]);
            }
            Err(error) if bytes.is_empty() => return Err(SitemapError::Gzip(error.to_string())),
            Err(error) => return Ok((bytes, Some(format!("the gzip file is damaged: {error}")))),
        }
    }
}

/// The text of these bytes, without a byte order mark.
pub(super) fn text<'a>(
    bytes: Cow<'a, [u8]>,
    content_type: Option<&str>,
    memory: &PageMemory,
) -> Result<Cow<'a, str>, SitemapError> {
    let found = encoding::detect(&bytes, content_type);
    let text = match bytes {
        Cow::Borrowed(bytes) => found.decode(bytes).0,
        Cow::Owned(bytes) if found == UTF_8 => match String::from_utf8(bytes) {
            // It takes no more memory than the bytes did.
            Ok(text) => return Ok(Cow::Owned(text)),
            Err(error) => Cow::Owned(found.decode(error.as_bytes()).0.into_owned()),
        },
        Cow::Owned(bytes) => Cow::Owned(found.decode(&bytes).0.into_owned()),
    };
    if let Cow::Owned(text) = &text {
        memory.take(text.len())?;
    }
    Ok(text)
}
