//! From a body's bytes to text: byte order mark, then `Content-Type`, then what the page says of itself,
//! then UTF-8 if it is, else windows-1252 (the order of the WHATWG encoding sniffing algorithm).

use std::borrow::Cow;

use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252};

/// How far into a page its own declaration may stand (HTML standard, "prescan a byte stream").
const PRESCAN_BYTES: usize = 1024;

/// Decodes a page; what does not fit the encoding becomes U+FFFD.
pub fn decode<'a>(body: &'a [u8], content_type: Option<&str>) -> Cow<'a, str> {
    let encoding = content_type
        .and_then(charset_of)
        .or_else(|| declared(body))
        .unwrap_or_else(|| if std::str::from_utf8(body).is_ok() { UTF_8 } else { WINDOWS_1252 });
    // A byte order mark has the last word here.
    encoding.decode(body).0
}

fn charset_of(content_type: &str) -> Option<&'static Encoding> {
    let lower = content_type.to_ascii_lowercase();
    let (_, rest) = lower.split_once("charset=")?;
    let label = rest.trim_start_matches(['"', '\'']).split([';', '"', '\'', ' ', ',']).next()?;
    Encoding::for_label(label.as_bytes())
}

/// `<meta charset>`, `<meta http-equiv … content="…charset=…">` or `<?xml encoding="…"?>`.
fn declared(body: &[u8]) -> Option<&'static Encoding> {
    let head = String::from_utf8_lossy(&body[..body.len().min(PRESCAN_BYTES)]).to_ascii_lowercase();
    let xml =
        head.strip_prefix("<?xml").and_then(|rest| rest.split_once("?>")).and_then(|(declaration, _)| {
            let (_, value) = declaration.split_once("encoding=")?;
            Encoding::for_label(value.trim_start_matches(['"', '\'']).split(['"', '\'']).next()?.as_bytes())
        });
    let meta = || {
        head.split("<meta").skip(1).find_map(|tag| {
            charset_of(&tag[..tag.find('>').unwrap_or(tag.len())].replace("charset =", "charset="))
        })
    };
    // A page that can be read this far is not UTF-16, whatever it says.
    meta().or(xml).map(|encoding| if encoding == UTF_16LE || encoding == UTF_16BE { UTF_8 } else { encoding })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sources_are_asked_in_order() {
        assert_eq!(decode(b"\xef\xbb\xbfhi", Some("text/html; charset=latin1")), "hi");
        assert_eq!(decode(b"caf\xe9", Some("text/html; charset=ISO-8859-1")), "café");
        assert_eq!(decode(b"caf\xe9", Some("text/html; charset=\"latin1\"")), "café");
        assert_eq!(decode(b"<meta charset='koi8-r'>\xc4\xc1", None), "<meta charset='koi8-r'>да");
        assert_eq!(
            decode(b"<META http-equiv=content-type content='text/html; charset=windows-1251'>\xe4\xe0", None),
            "<META http-equiv=content-type content='text/html; charset=windows-1251'>да"
        );
        assert_eq!(
            decode("<?xml version='1.0' encoding='utf-8'?>é".as_bytes(), None),
            "<?xml version='1.0' encoding='utf-8'?>é"
        );
        assert_eq!(decode("é".as_bytes(), None), "é");
        assert_eq!(decode(b"caf\xe9", None), "café");
        assert_eq!(decode(b"caf\xe9", Some("text/html; charset=nonsense")), "café");
    }
}
