//! Pages whose tree is many times as large as their text.

use super::{HostilePage, filled, numbered};

pub(super) const PAGES: &[HostilePage] = &[
    HostilePage::html("paragraphs", |bytes| filled(bytes, "", b"<p>", "")),
    HostilePage::html("breaks", |bytes| filled(bytes, "", b"<br>x", "")),
    HostilePage::html("million-elements", |bytes| filled(bytes.min(7 << 20), "", b"<b></b>", "")),
    HostilePage::html("pairs", |bytes| filled(bytes, "", b"<i>x</i>", "")),
    HostilePage::html("attributes", |bytes| filled(bytes, "", b"<p a b=1 c=2 d='' id=e class='f g'>", "")),
    HostilePage::html("medium-attributes", |bytes| {
        filled(bytes, "", b"<p title='more than eight bytes of text'>", "")
    }),
    HostilePage::html("million-attributes", |bytes| numbered(bytes, "<p ", |number| format!("a{number} "))),
    HostilePage::html("attribute-names", |bytes| {
        numbered(bytes, "", |number| format!("<p attribute-{number}=x b{number}>"))
    }),
    HostilePage::html("element-names", |bytes| numbered(bytes, "", |number| format!("<element-{number}>"))),
    HostilePage::html("closed-element-names", |bytes| {
        numbered(bytes, "", |number| format!("<element-{number}></element-{number}>"))
    }),
    HostilePage::html("classes", |bytes| {
        numbered(bytes, "", |number| format!("<p class='class-{number} other-{number} third-{number}'>"))
    }),
    HostilePage::html("deep", |bytes| filled(bytes, "", b"<div>", "")),
    HostilePage::html("deep-text", |bytes| filled(bytes, "", b"<div>text", "")),
    HostilePage::html("unclosed-links", |bytes| {
        numbered(bytes, "", |number| format!("<a href=/{number}><p>"))
    }),
    HostilePage::html("unclosed-formatting", |bytes| {
        numbered(bytes, "", |number| format!("<font size={number}><p>x"))
    }),
    HostilePage::html("reopened-formatting", |bytes| {
        let fonts: String = (0..100).map(|size| format!("<font size={size} face=serif-{size}>")).collect();
        filled(bytes, &format!("<p>{fonts}</p>"), b"<p>x</p>", "")
    }),
    HostilePage::html("misnested", |bytes| filled(bytes, "", b"<b><i><p></b>x</i>", "")),
    HostilePage::html("foster-parents", |bytes| filled(bytes, "<table>", b"x<b>y</b><tr>", "")),
    HostilePage::html("cells", |bytes| filled(bytes, "<table>", b"<tr><td>1<td>2", "")),
    HostilePage::html("tables", |bytes| filled(bytes, "", b"<table><td></table>", "")),
    HostilePage::html("templates", |bytes| filled(bytes, "", b"<template>x</template>", "")),
    HostilePage::html("nested-templates", |bytes| filled(bytes, "", b"<template>", "")),
    HostilePage::html("options", |bytes| filled(bytes, "<select>", b"<option>x", "")),
    HostilePage::html("drawings", |bytes| {
        filled(bytes, "", b"<svg><path d=M0,0 /><title>x</title></svg>", "")
    }),
    HostilePage::html("comments", |bytes| filled(bytes, "", b"<!--x-->", "")),
    HostilePage::html("instructions", |bytes| filled(bytes, "", b"<?x?>", "")),
    HostilePage::html("scripts", |bytes| filled(bytes, "", b"<script>x</script>", "")),
    HostilePage::html("titles", |bytes| filled(bytes, "", b"<title>x</title>", "")),
    HostilePage::html("links", |bytes| numbered(bytes, "", |number| format!("<a href={number}>"))),
    HostilePage::html("queries", |bytes| {
        numbered(bytes, "", |number| format!("<a href='/?number={number}&{}'>x</a>", "key=value&".repeat(4)))
    }),
    HostilePage::html("long-queries", |bytes| {
        numbered(bytes, "", |number| format!("<a href='/?number={number}&{}'>x</a>", "ключ=é&".repeat(100)))
    }),
    HostilePage::html("hosts", |bytes| {
        numbered(bytes, "", |number| format!("<a href=//h{number}.example/>x</a>"))
    }),
    HostilePage::html("same-link", |bytes| filled(bytes, "", b"<a href=/x>x</a>", "")),
    HostilePage::html("bad-links", |bytes| filled(bytes, "", b"<a href=http://[x>x</a>", "")),
    HostilePage::html("refreshes", |bytes| filled(bytes, "", b"<meta http-equiv=refresh content=x>", "")),
    HostilePage::of_type("xml-titles", "application/xhtml+xml", |bytes| {
        filled(bytes, "<html>", b"<title/>", "")
    }),
    HostilePage::of_type("xml-elements", "application/xml", |bytes| filled(bytes, "<urlset>", b"<url/>", "")),
];
