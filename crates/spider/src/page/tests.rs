//! What a page makes of markup, links, encodings and bodies.

use serde_json::{Value as Json, json};

use super::Page;
use crate::stored_page::StoredPage;

fn page(html: impl Into<Vec<u8>>) -> Page {
    StoredPage::new("http://a.example/dir/page?x=1", html.into()).page().unwrap()
}

fn links(html: &str) -> Vec<String> {
    page(html).links().iter().map(ToString::to_string).collect()
}

#[test]
fn matches_come_in_document_order() {
    // If something in a table belongs to no cell, the parser moves it in front of the table.
    let moved = page("<p><a>1</a><table><tr><td><a>3</a></td></tr><a>2</a></table><a>4</a>");
    assert_eq!(moved.texts("a"), ["1", "2", "3", "4"]);
    assert_eq!(moved.first("html").unwrap().name(), "html");
    assert_eq!(moved.select("html").len(), 1);
    assert_eq!(moved.select(":root > body").len(), 1);
    assert_eq!(moved.attrs("[href]", "href"), Vec::<&str>::new());
}

#[test]
fn the_title_is_that_of_the_document() {
    for (html, expected) in [
        ("<title> The \n title </title><title>other</title>", Some("The title")),
        ("<svg><title>drawing</title></svg><body><title>late</title>", Some("late")),
        ("<body><svg><title>drawing</title></svg>", None),
        ("<title></title>", Some("")),
        ("<title>a &amp; <b>b</b></title>", Some("a & <b>b</b>")),
        ("<?xml version='1.0'?><html xmlns='http://www.w3.org/1999/xhtml'><head><title>x</title>", Some("x")),
        ("<p>none", None),
    ] {
        assert_eq!(page(html).title().as_deref(), expected, "{html}");
    }
}

#[test]
fn a_page_of_xml_may_close_elements_in_their_start_tags() {
    let page = |content_type: &str| {
        let xhtml = "<?xml version='1.0'?><html><head><script src='a.js' /><title>shown</title><style/></head>\
            <body><iframe src='b'/><h1>here</h1><textarea/><a href='x'>x</a></body></html>";
        StoredPage::new("http://a.example/", xhtml).with_content_type(content_type).page().unwrap()
    };
    for content_type in ["application/xhtml+xml", "application/xml; charset=utf-8", ""] {
        let page = page(content_type);
        assert_eq!(page.title().as_deref(), Some("shown"), "{content_type}");
        assert_eq!((page.text("h1").unwrap().as_str(), page.links().len()), ("here", 1), "{content_type}");
    }
    // In HTML the slash means nothing: every browser takes the rest of this page for a script.
    assert_eq!(page("text/html").title(), None);
}

#[test]
fn links_are_resolved_as_a_browser_would() {
    for (html, expected) in [
        ("<a href=x>", "http://a.example/dir/x"),
        ("<a href=' /x\n'>", "http://a.example/x"),
        ("<a href='?y=2'>", "http://a.example/dir/page?y=2"),
        ("<a href=''>", "http://a.example/dir/page?x=1"),
        ("<a href='#top'>", "http://a.example/dir/page?x=1"),
        ("<a href='x#top'>", "http://a.example/dir/x"),
        ("<a href='http://user:secret@b.example/'>", "http://b.example/"),
        ("<base href='//user:secret@b.example'><a href=x>", "http://b.example/x"),
        ("<a href='//b.example'>", "http://b.example/"),
        ("<a href='HTTPS://B.example:443/a/../b'>", "https://b.example/b"),
        ("<map><area href=x></map>", "http://a.example/dir/x"),
        ("<base href='/base/'><a href=x>", "http://a.example/base/x"),
        ("<base target=_top><base href='//b.example/'><base href='/c/'><a href=x>", "http://b.example/x"),
        ("<base href='http://['><a href=x>", "http://a.example/dir/x"),
        ("<base href='data:,'><a href=x>", "http://a.example/dir/x"),
        ("<a href=x>late base</a><base href='/base/'>", "http://a.example/base/x"),
        ("<noscript><a href=x></a></noscript>", "http://a.example/dir/x"),
    ] {
        assert_eq!(links(html), [expected], "{html}");
    }
    for html in [
        "<a href='mailto:a@b'>",
        "<a href='javascript:0'>",
        "<a href='http://['>",
        "<a name=x>",
        "<!--<a href=x>-->",
    ] {
        assert_eq!(links(html), Vec::<String>::new(), "{html}");
    }
}

#[test]
fn a_query_is_sent_in_the_encoding_of_the_page() {
    assert_eq!(links("<a href='/café?q=café'>"), ["http://a.example/caf%C3%A9?q=caf%C3%A9"]);
    let latin = b"<meta charset=windows-1252><a href='/caf\xe9?q=caf\xe9'>";
    let stored = StoredPage::new("http://a.example/", latin.as_slice()).with_content_type("text/html");
    assert_eq!(stored.page().unwrap().links()[0].as_str(), "http://a.example/caf%C3%A9?q=caf%E9");
}

#[test]
fn a_body_is_text_or_json() {
    let stored = |body: &'static [u8], kind| {
        StoredPage::new("http://a.example/", body).with_content_type(kind).page().unwrap()
    };
    assert_eq!(stored(b"caf\xe9", "text/plain; charset=latin1").body_text(), "café");
    let expected = json!({"a": ["é"]});
    assert_eq!(stored("{\"a\": [\"é\"]}".as_bytes(), "application/json").json::<Json>().unwrap(), expected);
    assert_eq!(stored("\u{feff}{\"a\": [\"é\"]}".as_bytes(), "").json::<Json>().unwrap(), expected);
    assert!(stored(b"<p>", "application/json").json::<Json>().is_err());
    let utf16 = b"\xff\xfe\"\0\xe9\0\"\0";
    for (body, kind) in [
        (&b"\"caf\xe9\""[..], "application/json; charset=windows-1252"),
        (b"\"caf\xe9\"", "application/json"),
        (b"\xef\xbb\xbf\"caf\xc3\xa9\"", "application/json; charset=windows-1252"),
        (b"\"caf\xc3\xa9\"", "text/plain; charset=nonsense"),
    ] {
        assert_eq!(stored(body, kind).json::<String>().unwrap(), "café", "{kind}");
    }
    assert_eq!(stored(utf16, "application/json").json::<String>().unwrap(), "é");
    // One byte that does not fit costs one character, and what a text says about HTML says nothing about the JSON.
    assert_eq!(
        stored(b"\"a\xffb\"", "application/json; charset=utf-8").json::<String>().unwrap(),
        "a\u{fffd}b"
    );
    let html = "\"<meta charset=koi8-r>é\"".as_bytes();
    assert_eq!(stored(html, "application/json").json::<String>().unwrap(), "<meta charset=koi8-r>é");
}

#[test]
#[should_panic(expected = "\"div[\" is not a CSS selector")]
fn a_selector_that_is_none_says_so() {
    page("").select("div[");
}

#[test]
#[should_panic(expected = "nest too deep")]
fn a_page_that_nests_too_deep_says_so() {
    page("<div>".repeat(100_000)).select("p");
}
