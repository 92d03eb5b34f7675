//! Whether an answer is HTML, and whether it is XML (MIME Sniffing standard, sections 4.6 and 7.1).

/// What HTML begins with, in lower case, each followed by a space or `>`.
const BEGINNINGS: [&[u8]; 17] = [
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

/// Whether a `Content-Type` says HTML.
pub(crate) fn is_html_type(content_type: &str) -> bool {
    let essence = essence(content_type);
    ["text/html", "application/xhtml+xml"].iter().any(|html| essence.eq_ignore_ascii_case(html))
}

/// Whether a `Content-Type` says XML, be it XHTML or another kind.
pub(crate) fn is_xml_type(content_type: &str) -> bool {
    let essence = essence(content_type).to_ascii_lowercase();
    essence == "text/xml" || essence == "application/xml" || essence.ends_with("+xml")
}

/// Whether a body without a `Content-Type` is XML by its first bytes.
pub(crate) fn looks_like_xml(body: &[u8]) -> bool {
    without_mark(body).starts_with(b"<?xml")
}

/// Whether a body without a `Content-Type` is HTML by its first bytes.
pub(crate) fn looks_like_html(body: &[u8]) -> bool {
    let body = without_mark(body);
    BEGINNINGS.iter().any(|beginning| {
        let is_alike = body.get(..beginning.len()).is_some_and(|head| head.eq_ignore_ascii_case(beginning));
        is_alike && matches!(body.get(beginning.len()), Some(b' ' | b'>'))
    })
}

fn essence(content_type: &str) -> &str {
    content_type.split(';').next().unwrap_or_default().trim()
}

fn without_mark(body: &[u8]) -> &[u8] {
    body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body).trim_ascii_start()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn html_is_told_by_its_type_or_its_first_bytes() {
        for content_type in ["text/html", "TEXT/HTML; charset=x", " text/html ;", "application/xhtml+xml"] {
            assert!(is_html_type(content_type), "{content_type}");
        }
        for content_type in ["", "text/htm", "text/plain", "application/xml", "image/png; text/html"] {
            assert!(!is_html_type(content_type), "{content_type}");
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
        for content_type in
            ["application/xhtml+xml; charset=x", "Text/XML", "application/xml", "image/svg+xml"]
        {
            assert!(is_xml_type(content_type), "{content_type}");
        }
        for content_type in ["", "text/html", "application/json", "text/plain; a=+xml"] {
            assert!(!is_xml_type(content_type), "{content_type}");
        }
        assert!(looks_like_xml("\u{feff}<?xml version='1.0'?>".as_bytes()));
        assert!(!looks_like_xml(b"<html><?xml?>"));
    }
}
