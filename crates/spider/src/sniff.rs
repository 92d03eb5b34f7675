//! The type of a body by its first bytes (MIME Sniffing standard, sections 6 and 7.1), and which types are HTML and XML.

/// The beginnings of HTML, in lower case. A space or `>` follows each.
const HTML: [&[u8]; 17] = [
    b"<!doctype html",
    b"<html",
    b"<head",
    b"<script",
    b"<iframe",
    b"<h1",
    b"<div",
    b"<font",
    b"<table",
    b"<a",
    b"<style",
    b"<title",
    b"<b",
    b"<body",
    b"<br",
    b"<p",
    b"<!--",
];

/// The beginnings of other types, and their bytes after the first eight.
const OTHERS: [(&[u8], &[u8], &str); 23] = [
    (b"%PDF-", b"", "application/pdf"),
    (b"%!PS-Adobe-", b"", "application/postscript"),
    (b"\xfe\xff", b"", "text/plain"),
    (b"\xff\xfe", b"", "text/plain"),
    (b"\xef\xbb\xbf", b"", "text/plain"),
    (b"\x00\x00\x01\x00", b"", "image/x-icon"),
    (b"\x00\x00\x02\x00", b"", "image/x-icon"),
    (b"BM", b"", "image/bmp"),
    (b"GIF87a", b"", "image/gif"),
    (b"GIF89a", b"", "image/gif"),
    (b"RIFF", b"WEBPVP", "image/webp"),
    (b"\x89PNG\r\n\x1a\n", b"", "image/png"),
    (b"\xff\xd8\xff", b"", "image/jpeg"),
    (b"FORM", b"AIFF", "audio/aiff"),
    (b"ID3", b"", "audio/mpeg"),
    (b"OggS\x00", b"", "application/ogg"),
    (b"MThd\x00\x00\x00\x06", b"", "audio/midi"),
    (b"RIFF", b"AVI ", "video/avi"),
    (b"RIFF", b"WAVE", "audio/wave"),
    (b"\x1a\x45\xdf\xa3", b"", "video/webm"),
    (b"\x1f\x8b\x08", b"", "application/x-gzip"),
    (b"PK\x03\x04", b"", "application/zip"),
    (b"Rar \x1a\x07\x00", b"", "application/x-rar-compressed"),
];

/// The type of a body with this beginning.
pub(crate) fn essence_of(start: &[u8]) -> &'static str {
    let begun = start.trim_ascii_start();
    if begins_as_html(begun) {
        return "text/html";
    }
    if begun.starts_with(b"<?xml") {
        return "text/xml";
    }
    let is_alike = |(beginning, later, _): &&(&[u8], &[u8], _)| {
        start.starts_with(beginning)
            && (later.is_empty() || start.get(8..).is_some_and(|rest| rest.starts_with(later)))
    };
    match OTHERS.iter().find(is_alike) {
        Some((_, _, essence)) => essence,
        None if is_mp4(start) => "video/mp4",
        None if start.iter().any(|byte| is_binary(*byte)) => "application/octet-stream",
        None => "text/plain",
    }
}

/// Whether a type is HTML.
pub(crate) fn is_html(essence: &str) -> bool {
    matches!(essence, "text/html" | "application/xhtml+xml")
}

/// Whether a type is XML, including XHTML.
pub(crate) fn is_xml(essence: &str) -> bool {
    matches!(essence, "text/xml" | "application/xml") || essence.ends_with("+xml")
}

/// Whether a body without a type is XML by its first bytes.
pub(crate) fn looks_like_xml(body: &[u8]) -> bool {
    without_mark(body).starts_with(b"<?xml")
}

/// Whether a body without a type is HTML by its first bytes. The standard treats a body with a byte order mark as plain text,
/// but then it would have no links, which helps nobody.
pub(crate) fn looks_like_html(body: &[u8]) -> bool {
    begins_as_html(without_mark(body))
}

fn begins_as_html(body: &[u8]) -> bool {
    HTML.iter().any(|beginning| {
        let is_alike = body.get(..beginning.len()).is_some_and(|head| head.eq_ignore_ascii_case(beginning));
        is_alike && matches!(body.get(beginning.len()), Some(b' ' | b'>'))
    })
}

/// Section 6.2.1: a box of brands, one of which begins with `mp4`.
fn is_mp4(start: &[u8]) -> bool {
    let [a, b, c, d, b'f', b't', b'y', b'p', brands @ ..] = start else { return false };
    let length = u32::from_be_bytes([*a, *b, *c, *d]) as usize;
    let brands = &brands[..length.saturating_sub(8).min(brands.len())];
    length.is_multiple_of(4) && brands.chunks(4).any(|brand| brand.starts_with(b"mp4"))
}

/// Section 3: a binary data byte.
fn is_binary(byte: u8) -> bool {
    matches!(byte, 0..=0x08 | 0x0b | 0x0e..=0x1a | 0x1c..=0x1f)
}

fn without_mark(body: &[u8]) -> &[u8] {
    body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body).trim_ascii_start()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn html_is_told_by_its_type_or_its_first_bytes() {
        for essence in ["text/html", "application/xhtml+xml"] {
            assert!(is_html(essence), "{essence}");
        }
        for essence in ["", "text/htm", "text/plain", "application/xml", "image/png"] {
            assert!(!is_html(essence), "{essence}");
        }
        for body in ["<!DOCTYPE HTML>", "\n <html lang=x>", "\u{feff}<!-- x -->", "<P>x"] {
            assert!(looks_like_html(body.as_bytes()), "{body}");
        }
        for body in ["", "<", "<!doctype svg>", "<pre>", "{\"a\": \"<p>\"}", "<?xml version='1.0'?>", "<p"] {
            assert!(!looks_like_html(body.as_bytes()), "{body}");
        }
    }

    #[test]
    fn xml_is_told_by_its_type_or_its_first_bytes() {
        for essence in ["application/xhtml+xml", "text/xml", "application/xml", "image/svg+xml"] {
            assert!(is_xml(essence), "{essence}");
        }
        for essence in ["", "text/html", "application/json"] {
            assert!(!is_xml(essence), "{essence}");
        }
        assert!(looks_like_xml("\u{feff}<?xml version='1.0'?>".as_bytes()));
        assert!(!looks_like_xml(b"<html><?xml?>"));
    }

    #[test]
    fn a_body_without_a_type_is_what_it_begins_as() {
        for (start, expected) in [
            (&b""[..], "text/plain"),
            (b"words", "text/plain"),
            (b"{\"a\": 1}", "text/plain"),
            (b"\n\t<HTML >", "text/html"),
            (b"<!-->", "text/html"),
            (b"<pre>", "text/plain"),
            (b" <?xml?>", "text/xml"),
            (b"%PDF-1.7", "application/pdf"),
            (b" %PDF-1.7", "text/plain"),
            (b"\xfe\xff\x00a", "text/plain"),
            (b"\x00\x00\x01\x00", "image/x-icon"),
            (b"GIF89a\x01", "image/gif"),
            (b"RIFF\x00\x00\x00\x00WEBPVP8", "image/webp"),
            (b"RIFF\x00\x00\x00\x00WAVEfmt", "audio/wave"),
            (b"\x89PNG\r\n\x1a\n\x00", "image/png"),
            (b"\x1f\x8b\x08\x00", "application/x-gzip"),
            (b"PK\x03\x04\x14", "application/zip"),
            (b"\x00\x00\x00\x18ftypmp42\x00\x00\x00\x00", "video/mp4"),
            (b"\x00\x00\x00\x18ftypisom\x00\x00\x00\x00mp41", "video/mp4"),
            (b"\x00\x00\x00\x08ftypmp42", "application/octet-stream"),
            (b"\x7fELF\x02\x01", "application/octet-stream"),
            (b"caf\xe9 \x1b[0m", "text/plain"),
        ] {
            assert_eq!(essence_of(start), expected, "{}", String::from_utf8_lossy(start));
        }
    }
}
