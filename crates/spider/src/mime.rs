//! The type of a body, from its `Content-Type` or otherwise from its first bytes (MIME Sniffing standard).

use std::fmt;

use data_url::mime::Mime;
use encoding_rs::Encoding;
use http::HeaderMap;
use http::header::CONTENT_TYPE;

use crate::sniff;

/// A MIME type with its parameters, read as browsers read it (section 4.4).
///
/// ```
/// use dragline_spider::mime::MimeType;
///
/// let html = MimeType::parse("Text/HTML; charset=\"gbk\"").unwrap();
/// assert_eq!((html.essence(), html.to_string().as_str()), ("text/html", "text/html;charset=gbk"));
/// assert_eq!(html.encoding().unwrap().name(), "GBK");
/// assert!(MimeType::parse("html").is_none());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MimeType {
    mime: Mime,
    essence: String,
}

impl MimeType {
    /// Reads a type. `None` if the text is not a valid type.
    pub fn parse(text: &str) -> Option<Self> {
        let mime: Mime = text.parse().ok()?;
        let essence = format!("{}/{}", mime.type_, mime.subtype);
        Some(Self { mime, essence })
    }

    /// The type in an answer's headers. If there are several `Content-Type`s, the last valid one counts, and a charset also
    /// applies to a later header with the same type and no charset (Fetch standard, "extract a MIME type").
    pub fn of(headers: &HeaderMap) -> Option<Self> {
        let mut found: Option<Self> = None;
        for value in headers.get_all(CONTENT_TYPE) {
            // There, a byte beyond ASCII is the character with the same number.
            let text: String = value.as_bytes().iter().copied().map(char::from).collect();
            for part in parts(&text) {
                let Some(mut next) = Self::parse(part).filter(|next| next.essence != "*/*") else { continue };
                if let Some(before) = found.as_ref().filter(|before| before.essence == next.essence)
                    && next.mime.get_parameter("charset").is_none()
                    && let Some(charset) = before.mime.get_parameter("charset")
                {
                    next.mime.parameters.push(("charset".to_owned(), charset.to_owned()));
                }
                found = Some(next);
            }
        }
        found
    }

    /// The type without parameters, in lower case: `text/html`.
    pub fn essence(&self) -> &str {
        &self.essence
    }

    /// The encoding of its parameter `charset`, if it names a known encoding.
    pub fn encoding(&self) -> Option<&'static Encoding> {
        Encoding::for_label(self.mime.get_parameter("charset")?.as_bytes())
    }

    /// Whether it says nothing about the body (section 7). Servers send such a type if they do not know the real one.
    fn is_unknown(&self) -> bool {
        matches!(self.essence.as_str(), "unknown/unknown" | "application/unknown")
    }
}

impl fmt::Display for MimeType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.mime.fmt(f)
    }
}

/// The essence of the type in an answer's headers, if it says something about the body.
pub fn declared(headers: &HeaderMap) -> Option<String> {
    MimeType::of(headers).filter(|mime| !mime.is_unknown()).map(|mime| mime.essence)
}

/// The type of a body by its first [`SNIFFED_BYTES`] bytes.
pub fn sniffed(start: &[u8]) -> &'static str {
    sniff::essence_of(&start[..start.len().min(SNIFFED_BYTES)])
}

/// Section 5.2.
pub const SNIFFED_BYTES: usize = 1445;

/// The values of a list. A comma in quotes does not separate.
fn parts(list: &str) -> impl Iterator<Item = &str> {
    let (mut is_quoted, mut is_escaped) = (false, false);
    list.split(move |character| {
        match character {
            '"' if !is_escaped => is_quoted = !is_quoted,
            ',' if !is_quoted => return true,
            _ => {}
        }
        is_escaped = is_quoted && character == '\\' && !is_escaped;
        false
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use dragline_testkit::vectors;

    fn of(values: &[&str]) -> Option<String> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(CONTENT_TYPE, http::HeaderValue::from_bytes(value.as_bytes()).unwrap());
        }
        MimeType::of(&headers).map(|mime| mime.to_string())
    }

    #[test]
    fn a_type_is_read_as_browsers_read_it() {
        for (text, expected) in [
            (" text/html ; charset = x;a=b", Some("text/html;a=b")),
            ("TEXT/HTML;CHARSET=X;charset=y", Some("text/html;charset=X")),
            ("text/html;charset=\"a\\\"b;c\" z;d=e", Some("text/html;charset=\"a\\\"b;c\";d=e")),
            ("text/html;;;a=", Some("text/html")),
            ("text/html;charset=\u{e9}", Some("text/html;charset=\"\u{e9}\"")),
            ("text", None),
            ("/html", None),
            ("text/", None),
            ("te xt/html", None),
            ("", None),
        ] {
            assert_eq!(MimeType::parse(text).map(|mime| mime.to_string()).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn of_several_the_last_that_is_one_counts() {
        assert_eq!(of(&[]), None);
        assert_eq!(of(&["html", "*/*"]), None);
        assert_eq!(of(&["text/html;charset=gbk", "text/html"]).as_deref(), Some("text/html;charset=gbk"));
        assert_eq!(of(&["text/html;charset=gbk, image/png"]).as_deref(), Some("image/png"));
        assert_eq!(of(&["text/html;charset=gbk", "nonsense"]).as_deref(), Some("text/html;charset=gbk"));
        assert_eq!(of(&["text/html;a=\"b, c/d\""]).as_deref(), Some("text/html;a=\"b, c/d\""));
        assert_eq!(
            of(&["text/html; charset=utf-8; x=\u{e9}"]).as_deref().map(|text| &text[..9]),
            Some("text/html")
        );
    }

    #[test]
    fn the_vectors_of_the_standard_pass() {
        for row in vectors::rows("wpt_mime_types.json") {
            let input = row["input"].as_str().unwrap();
            let mime = MimeType::parse(input);
            let output = mime.as_ref().map(ToString::to_string);
            assert_eq!(output.as_deref(), row["output"].as_str(), "{input}");
            if row["navigable"].as_bool() == Some(true) {
                let encoding = mime.and_then(|mime| mime.encoding()).map(Encoding::name);
                assert_eq!(encoding, row["encoding"].as_str(), "{input}");
            }
        }
    }
}
