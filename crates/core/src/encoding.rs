//! From a body's bytes to text: which encoding it is in, and what it says in it.
//!
//! The sources are asked in the order of the HTML standard (section 13.2.3.2): byte order mark,
//! `Content-Type`, what the page says of itself. A page of which nobody says anything is UTF-8 if it can be,
//! else windows-1252.

use std::borrow::Cow;

use encoding_rs::{Encoding, UTF_8, WINDOWS_1252};

mod prescan;

/// The encoding of a page.
pub fn detect(body: &[u8], content_type: Option<&str>) -> &'static Encoding {
    let marked = Encoding::for_bom(body).map(|(encoding, _)| encoding);
    marked
        .or_else(|| labelled(charset_of(content_type?)?.as_bytes()))
        .or_else(|| prescan::declared(body))
        .unwrap_or_else(|| if std::str::from_utf8(body).is_ok() { UTF_8 } else { WINDOWS_1252 })
}

/// Decodes a page; what does not fit the encoding becomes U+FFFD.
///
/// ```
/// use dragline_core::encoding::decode;
///
/// assert_eq!(decode(b"caf\xe9", Some("text/html; charset=iso-8859-1")), "café");
/// assert_eq!(decode(b"<meta charset=koi8-r>\xc4\xc1", None), "<meta charset=koi8-r>да");
/// ```
pub fn decode<'a>(body: &'a [u8], content_type: Option<&str>) -> Cow<'a, str> {
    detect(body, content_type).decode(body).0
}

/// The encoding of a label (Encoding standard, section 4.2). Encodings that browsers refuse to read for
/// reasons of their own (as "replacement") count as unknown.
fn labelled(label: &[u8]) -> Option<&'static Encoding> {
    Encoding::for_label_no_replacement(label)
}

/// The parameter `charset` of a content type (MIME Sniffing standard, section 4.4).
fn charset_of(content_type: &str) -> Option<Cow<'_, str>> {
    let (_, mut rest) = content_type.split_once(';')?;
    loop {
        let end = rest.find([';', '='])?;
        let (name, after) = (rest[..end].trim(), &rest[end..]);
        let value;
        (value, rest) = match after.strip_prefix('=') {
            None => (Cow::Borrowed(""), after),
            Some(quoted) if quoted.starts_with('"') => quoted_string(&quoted[1..]),
            Some(plain) => {
                let (value, rest) = plain.split_at(plain.find(';').unwrap_or(plain.len()));
                (Cow::Borrowed(value.trim()), rest)
            }
        };
        if name.eq_ignore_ascii_case("charset") && !value.is_empty() {
            return Some(value);
        }
        // Whatever stands between a closing quote and the next parameter means nothing.
        rest = &rest[rest.find(';')? + 1..];
    }
}

/// What stands before the closing quote, without its backslashes, and what comes after it.
fn quoted_string(text: &str) -> (Cow<'_, str>, &str) {
    let mut value = String::new();
    let mut characters = text.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return (Cow::Owned(value), &text[at + 1..]),
            '\\' => value.extend(characters.next().map(|(_, escaped)| escaped)),
            plain => value.push(plain),
        }
    }
    (Cow::Owned(value), "")
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
            ("text/html; charset=utf-8", Some("utf-8")),
            ("text/html;CHARSET = x; charset=utf-8", Some("x")),
            ("text/html;charset=\"utf-8\"; a=b", Some("utf-8")),
            ("text/html;charset=\"utf\\-8\" nonsense; a=b", Some("utf-8")),
            ("text/html; charset=\"utf-8", Some("utf-8")),
            ("text/html; foo=\"bar; charset=utf-7;\"", None),
            ("text/html; foo=bar; charset=gb2312 ; x", Some("gb2312")),
            ("text/html; charset=; charset=latin1", Some("latin1")),
            ("text/html; charset", None),
            ("text/html;", None),
            ("text/html", None),
            ("", None),
        ] {
            assert_eq!(charset_of(content_type).as_deref(), expected, "{content_type}");
        }
    }
}
