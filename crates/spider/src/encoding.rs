//! Finds the encoding of a body and decodes it to text.
//!
//! The order of the sources is that of the HTML standard (section 13.2.3.2): the byte order mark, `Content-Type`, and the
//! declaration in the page. A page without any of these is UTF-8 if it is valid UTF-8, and windows-1252 otherwise.

use std::borrow::Cow;

use encoding_rs::{CoderResult, Encoding, REPLACEMENT, UTF_8, WINDOWS_1252};

use crate::mime::MimeType;

mod prescan;

/// A longer text is handled in pieces of this size.
pub(crate) const PIECE_BYTES: usize = 1 << 20;

/// The encoding of a page.
pub fn detect(body: &[u8], content_type: Option<&str>) -> &'static Encoding {
    let marked = Encoding::for_bom(body).map(|(encoding, _)| encoding);
    marked
        .or_else(|| stated(content_type?))
        .or_else(|| prescan::declared(body))
        .unwrap_or_else(|| if std::str::from_utf8(body).is_ok() { UTF_8 } else { WINDOWS_1252 })
}

/// Whether a byte order mark or the `Content-Type` names the encoding.
pub(crate) fn is_stated(body: &[u8], content_type: Option<&str>) -> bool {
    Encoding::for_bom(body).is_some() || content_type.and_then(stated).is_some()
}

/// The encoding in a `Content-Type`. Encodings that browsers refuse to read (such as "replacement") count as unknown.
fn stated(content_type: &str) -> Option<&'static Encoding> {
    MimeType::parse(content_type)?.encoding().filter(|encoding| *encoding != REPLACEMENT)
}

/// Decodes a page. Bytes that do not fit the encoding become U+FFFD.
///
/// ```
/// use dragline_spider::encoding::decode;
///
/// assert_eq!(decode(b"caf\xe9", Some("text/html; charset=iso-8859-1")), "café");
/// assert_eq!(decode(b"<meta charset=koi8-r>\xc4\xc1", None), "<meta charset=koi8-r>да");
/// ```
pub fn decode<'a>(body: &'a [u8], content_type: Option<&str>) -> Cow<'a, str> {
    detect(body, content_type).decode(body).0
}

/// Decodes a body and gives its text: a short one as a whole, a long one in pieces. Ends early if `each` returns `false`.
pub(crate) fn each_piece(body: &[u8], encoding: &'static Encoding, mut each: impl FnMut(&str) -> bool) {
    if body.len() <= PIECE_BYTES {
        each(&encoding.decode(body).0);
        return;
    }
    let mut decoder = encoding.new_decoder();
    let mut text = String::with_capacity(PIECE_BYTES);
    let mut rest = body;
    loop {
        let (result, read, _) = decoder.decode_to_string(rest, &mut text, true);
        rest = &rest[read..];
        let goes_on = each(&text);
        text.clear();
        if result == CoderResult::InputEmpty || !goes_on {
            return;
        }
    }
}

/// The encoding of a label (Encoding standard, section 4.2), with the same exception.
fn labelled(label: &[u8]) -> Option<&'static Encoding> {
    Encoding::for_label_no_replacement(label)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sources_are_asked_in_order() {
        assert_eq!(decode(b"\xef\xbb\xbfhi", Some("text/html; charset=latin1")), "hi");
        assert_eq!(decode(b"\xfe\xff\x00h\x00i", Some("text/html; charset=utf-8")), "hi");
        assert_eq!(decode(b"h\x00i\x00", Some("text/html; charset=utf-16")), "hi");
        assert_eq!(
            decode(b"<meta charset=koi8-r>\xc4", Some("text/html; charset=latin1")),
            "<meta charset=koi8-r>Ä"
        );
        assert_eq!(decode(b"<meta charset=koi8-r>\xc4", Some("text/html")), "<meta charset=koi8-r>д");
        assert_eq!(decode("é".as_bytes(), None), "é");
        assert_eq!(decode(b"caf\xe9", None), "café");
        assert_eq!(decode(b"caf\xe9", Some("text/html; charset=nonsense")), "café");
        assert_eq!(decode(b"caf\xe9", Some("text/html; charset=iso-2022-kr")), "café");
    }

    #[test]
    fn the_charset_is_a_parameter_and_no_part_of_another() {
        for (content_type, expected) in [
            ("text/html; charset=utf-8", Some("UTF-8")),
            ("text/html;CHARSET=gbk; charset=utf-8", Some("GBK")),
            ("text/html;charset = gbk; charset=utf-8", Some("UTF-8")),
            ("text/html;charset=\"utf-8\"; a=b", Some("UTF-8")),
            ("text/html;charset=\"utf\\-8\" nonsense; a=b", Some("UTF-8")),
            ("text/html; charset=\"utf-8", Some("UTF-8")),
            ("text/html; foo=\"bar; charset=utf-7;\"", None),
            ("text/html; foo=bar; charset=gb2312 ; x", Some("GBK")),
            ("text/html; charset=; charset=latin1", Some("windows-1252")),
            ("text/html; charset", None),
            ("text/html;", None),
            ("text/html", None),
            ("", None),
        ] {
            assert_eq!(stated(content_type).map(Encoding::name), expected, "{content_type}");
        }
    }
}
