//! Writes the fields of a form, as in the HTML standard (sections 4.10.22.6 to 4.10.22.8) and the URL standard (section 5.2).

use std::borrow::Cow;

use encoding_rs::Encoding;
use sha2::{Digest, Sha256};
use url::form_urlencoded::Serializer;

/// The format of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Enctype {
    Urlencoded,
    Multipart,
    Plain,
}

/// A field that is sent.
#[derive(Clone, Debug)]
pub(super) struct Entry<'a> {
    name: Cow<'a, str>,
    value: Cow<'a, str>,
    is_file: bool,
}

/// A body.
pub(super) struct Written {
    pub(super) content_type: String,
    pub(super) body: Vec<u8>,
}

impl Entry<'_> {
    /// Every line ends with CR LF.
    pub(super) fn new(name: &str, value: &str, is_file: bool) -> Self {
        Self { name: Cow::Owned(lines(name)), value: Cow::Owned(lines(value)), is_file }
    }
}

impl Enctype {
    pub(super) fn of(attribute: Option<&str>) -> Self {
        match attribute.unwrap_or_default().to_ascii_lowercase().as_str() {
            "multipart/form-data" => Self::Multipart,
            "text/plain" => Self::Plain,
            _ => Self::Urlencoded,
        }
    }

    pub(super) fn write(self, entries: &[Entry<'_>], charset: &'static Encoding) -> Written {
        match self {
            Self::Urlencoded => Written {
                content_type: "application/x-www-form-urlencoded".to_owned(),
                body: urlencoded(entries, charset).into_bytes(),
            },
            Self::Multipart => multipart(entries, charset),
            Self::Plain => {
                let text: String = entries.iter().map(|it| format!("{}={}\r\n", it.name, it.value)).collect();
                Written { content_type: "text/plain".to_owned(), body: charset.encode(&text).0.into_owned() }
            }
        }
    }
}

/// As a query or as a body. A character that the encoding does not have is written as `&#N;`.
pub(super) fn urlencoded(entries: &[Entry<'_>], charset: &'static Encoding) -> String {
    let encode: &dyn Fn(&str) -> Cow<'_, [u8]> = &|text| charset.encode(text).0;
    let mut pairs = Serializer::new(String::new());
    pairs.encoding_override(Some(encode));
    for entry in entries {
        pairs.append_pair(&entry.name, &entry.value);
    }
    pairs.finish()
}

/// RFC 7578, with the names escaped as in browsers.
fn multipart(entries: &[Entry<'_>], charset: &'static Encoding) -> Written {
    // The boundary must not occur in a value. The same page must always give the same body, because the fingerprint covers it.
    let mut digest = Sha256::new();
    for part in entries.iter().flat_map(|it| [&it.name, &it.value]) {
        digest.update((part.len() as u64).to_le_bytes());
        digest.update(part.as_bytes());
    }
    let digest: String = digest.finalize().iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    let boundary = format!("----dragline{digest}");
    let mut body = Vec::new();
    for Entry { name, value, is_file } in entries {
        let name = name.replace("\r\n", "%0D%0A").replace('"', "%22");
        let head = format!("--{boundary}\r\nContent-Disposition: form-data; name=\"{name}\"");
        body.extend_from_slice(&charset.encode(&head).0);
        if *is_file {
            body.extend_from_slice(b"; filename=\"\"\r\nContent-Type: application/octet-stream");
        }
        body.extend_from_slice(b"\r\n\r\n");
        body.extend_from_slice(&charset.encode(value).0);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(format!("--{boundary}--\r\n").as_bytes());
    Written { content_type: format!("multipart/form-data; boundary={boundary}"), body }
}

/// A CR, a LF and both together are one line end.
fn lines(text: &str) -> String {
    if !text.contains(['\r', '\n']) {
        return text.to_owned();
    }
    text.replace("\r\n", "\n").replace('\r', "\n").replace('\n', "\r\n")
}
