//! Reads the header `Location` as browsers do.

use std::fmt::Write as _;

use http::HeaderMap;
use http::header::LOCATION;

/// The target of a redirect as the server wrote it, from the first `Location` that is not empty.
pub(crate) fn location(status: u16, headers: &HeaderMap) -> Option<String> {
    let is_redirect = matches!(status, 301 | 302 | 303 | 307 | 308);
    let mut said = headers.get_all(LOCATION).iter().filter(|_| is_redirect);
    said.find_map(|value| Some(text_of(value.as_bytes())).filter(|text| !text.is_empty()))
}

/// Servers write raw UTF-8 here, although they should not. Bytes of older encodings are sent back unchanged.
fn text_of(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        for byte in chunk.invalid() {
            // This cannot fail.
            let _ = write!(text, "%{byte:02X}");
        }
    }
    // A URL parser ignores these characters.
    text.trim_matches(|c| c <= ' ').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn read(status: u16, values: &[&[u8]]) -> Option<String> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(LOCATION, HeaderValue::from_bytes(value).unwrap());
        }
        location(status, &headers)
    }

    #[test]
    fn it_is_read_whatever_its_bytes_are() {
        for (bytes, expected) in [
            (&b" /x "[..], "/x"),
            ("/a\u{e7}\u{e3}o".as_bytes(), "/ação"),
            (b"/a\xe7\xe3o", "/a%E7%E3o"),
            (b"//b.example/\xff\xc3\xa9", "//b.example/%FFé"),
        ] {
            assert_eq!(read(302, &[bytes]).as_deref(), Some(expected));
        }
        assert_eq!(read(308, &[b" ", b"/second", b"/third"]).as_deref(), Some("/second"));
        for (status, values) in
            [(302, &[][..]), (302, &[&b""[..]]), (304, &[b"/x"]), (200, &[b"/x"]), (300, &[b"/x"])]
        {
            assert_eq!(read(status, values), None, "{status}");
        }
    }
}
