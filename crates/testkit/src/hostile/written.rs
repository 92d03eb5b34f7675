//! Texts that grow when they are decoded, extracted, or written as JSON or for COPY.

use super::{HostilePage, filled};

const END: &str = "</title>";

pub(super) const PAGES: &[HostilePage] = &[
    HostilePage::html("controls", |bytes| titled(bytes, b"\x01")),
    HostilePage::html("backslashes", |bytes| titled(bytes, b"\\")),
    HostilePage::html("quotes", |bytes| titled(bytes, b"\"")),
    HostilePage::html("nuls", |bytes| titled(bytes, b"\0")),
    HostilePage::html("deletes", |bytes| titled(bytes, b"\x7f\xc2\x80")),
    HostilePage::html("words", |bytes| filled(bytes, "<title>t</title><p>", b"many words ", "</p>")),
    HostilePage::html("letters", |bytes| filled(bytes, "<h1>", b"x", "</h1>")),
    HostilePage::html("short-words", |bytes| titled(bytes, b"a ")),
    HostilePage::html("lines", |bytes| filled(bytes, "<pre>", b"\t\\\r\n", "</pre>")),
    HostilePage::html("returns", |bytes| filled(bytes, "<h1>", b"x\r", "</h1>")),
    HostilePage::html("entities", |bytes| titled(bytes, b"&amp;")),
    HostilePage::html("numeric-entities", |bytes| filled(bytes, "<h1>", b"&#1;&#x1F600;", "</h1>")),
    HostilePage::html("wide-entities", |bytes| filled(bytes, "<h1>", b"&ngE;&nvlt;", "</h1>")),
    HostilePage::html("entities-in-attributes", |bytes| {
        filled(bytes, "<meta name=description content='", b"&amp;&#1;", "'>")
    }),
    HostilePage::html("description", |bytes| filled(bytes, "<meta name=description content='", b"a ", "'>")),
    HostilePage::html("attribute", |bytes| filled(bytes, "<html lang='", b"\\", "'>")),
    HostilePage::html("refresh", |bytes| {
        filled(bytes, "<meta http-equiv=refresh content='0;url=/", "é".as_bytes(), "'>")
    }),
    HostilePage::html("base", |bytes| filled(bytes, "<base href='/", "é".as_bytes(), "'><a href=x>x</a>")),
    HostilePage::html("canonical", |bytes| {
        filled(bytes, "<link rel=canonical href='/", "é".as_bytes(), "'>")
    }),
    HostilePage::html("link", |bytes| filled(bytes, "<a href='/", "é".as_bytes(), "'>x</a>")),
    HostilePage::html("link-to-nowhere", |bytes| filled(bytes, "<a href='http://[", b"x", "'>x</a>")),
    HostilePage::html("script", |bytes| {
        filled(bytes, "<script>", b"if (a < b && c) { d(); }\n", "</script>")
    }),
    HostilePage::html("style", |bytes| filled(bytes, "<style>", b"p { color: red }\n", "</style>")),
    HostilePage::html("textarea", |bytes| filled(bytes, "<textarea>", b"\x01\\", "</textarea>")),
    HostilePage::html("comment", |bytes| filled(bytes, "<!--", b"- ", "-->")),
    HostilePage::html("doctype", |bytes| filled(bytes, "<!DOCTYPE html PUBLIC '", b"x", "'>")),
    HostilePage::of_type("windows-1252", "text/html; charset=windows-1252", |bytes| titled(bytes, b"\xe9")),
    HostilePage::of_type("windows-1252-text", "text/html", |bytes| filled(bytes, "<p>", b"\x80\xe9", "")),
    HostilePage::of_type("koi8-r", "text/html; charset=koi8-r", |bytes| {
        filled(bytes, "<h1>", b"\xc1", "</h1>")
    }),
    HostilePage::of_type("utf-16", "text/html; charset=utf-16le", |bytes| {
        in_utf_16(bytes, "<title>", &[0x4e00], END)
    }),
    HostilePage::of_type("utf-16-controls", "text/html; charset=utf-16le", |bytes| {
        in_utf_16(bytes, "<title>", &[1], END)
    }),
    HostilePage::of_type("utf-16-halves", "text/html; charset=utf-16le", |bytes| {
        in_utf_16(bytes, "<h1>", &[0xd800], "</h1>")
    }),
    HostilePage::of_type("shift-jis", "text/html; charset=shift_jis", |bytes| titled(bytes, b"\xb1")),
    HostilePage::of_type("gb18030", "text/html; charset=gb18030", |bytes| {
        filled(bytes, "<h1>", b"\xb0\xa1\x81\x30\x81\x30", "</h1>")
    }),
    HostilePage::of_type("iso-2022-jp", "text/html; charset=iso-2022-jp", |bytes| {
        filled(bytes, "<h1>", b"\x1b(I\x31\x31\x31\x31\x1b(B", "</h1>")
    }),
    HostilePage::html("invalid-utf-8", |bytes| titled(bytes, b"\xff")),
    HostilePage::html("long-bom", |bytes| titled(bytes, b"\xef\xbb\xbf")),
];

fn titled(bytes: usize, unit: &[u8]) -> Vec<u8> {
    filled(bytes, "<title>", unit, END)
}

fn in_utf_16(bytes: usize, before: &str, unit: &[u16], after: &str) -> Vec<u8> {
    let room = bytes / 2 - before.len() - after.len();
    let units = before
        .encode_utf16()
        .chain(unit.iter().copied().cycle().take(room / unit.len() * unit.len()))
        .chain(after.encode_utf16());
    units.flat_map(u16::to_le_bytes).collect()
}
