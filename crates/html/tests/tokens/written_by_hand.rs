//! What must be right also without the public test suites.

use dragline_html::Content;
use serde_json::json;

use crate::html5lib::written_tokens;

#[test]
fn tags_and_their_attributes() {
    for (text, expected) in [
        (
            "<DIV Class=a\0 ID='x&amp;y' hidden/>",
            json!([["StartTag", "div", {"class": "a\u{FFFD}", "id": "x&y", "hidden": ""}, true]]),
        ),
        (
            "<a =b c = d e=\"f\"g h='>'>",
            json!([["StartTag", "a", {"=b": "", "c": "d", "e": "f", "g": "", "h": ">"}]]),
        ),
        ("<a b=1 B=2 /c/ d=/>", json!([["StartTag", "a", {"b": "1", "c": "", "d": "/"}]])),
        ("<a b=><c d= >", json!([["StartTag", "a", {"b": ""}], ["StartTag", "c", {"d": ""}]])),
        ("<a href=?x=1&copy=2&amp;y&lt>", json!([["StartTag", "a", {"href": "?x=1&copy=2&y<"}]])),
        ("</P class=x/>x", json!([["EndTag", "p"], ["Character", "x"]])),
        ("</>x", json!([["Character", "x"]])),
        ("a < b <3 </", json!([["Character", "a < b <3 </"]])),
        ("<é>", json!([["Character", "<é>"]])),
        ("<aé\0>", json!([["StartTag", "aé\u{FFFD}", {}]])),
        ("x<a b='c", json!([["Character", "x"]])),
    ] {
        assert_eq!(written_tokens(text, "", Content::Data), expected, "{text}");
    }
}

#[test]
fn text_with_references() {
    for (text, expected) in [
        ("a &amp; b &lt c &bogus; &#8364;", "a & b < c &bogus; €"),
        ("&", "&"),
        ("&&amp;&", "&&&"),
        ("a\0&gt;\0", "a\0>\0"),
        ("\r\n&#13;\r", "\n\r\n"),
    ] {
        assert_eq!(written_tokens(text, "", Content::Data), json!([["Character", expected]]), "{text:?}");
    }
}

#[test]
fn comments_and_declarations() {
    for (text, expected) in [
        ("<!---->", ""),
        ("<!-->", ""),
        ("<!--->", ""),
        ("<!--a--!>", "a"),
        ("<!--a-b--c-->", "a-b--c"),
        ("<!--a--!b-->", "a--!b"),
        ("<!--a--->", "a-"),
        ("<!--a<!--b-->", "a<!--b"),
        ("<!--\0", "\u{FFFD}"),
        ("<!--a--", "a"),
        ("<!--a--!", "a"),
        ("<!--a---", "a-"),
        ("<!a>", "a"),
        ("<!", ""),
        ("<?a?>", "?a?"),
        ("</ a>", " a"),
        ("<![CDATA[a]]>", "[CDATA[a]]"),
    ] {
        assert_eq!(written_tokens(text, "", Content::Data), json!([["Comment", expected]]), "{text}");
    }
    for (text, expected) in [
        ("<!doctype HTML>", json!(["DOCTYPE", "html", null, null, true])),
        ("<!DOCTYPE>", json!(["DOCTYPE", null, null, null, false])),
        ("<!DOCTYPE a PUBLIC \"b\" 'c' >", json!(["DOCTYPE", "a", "b", "c", true])),
        ("<!DOCTYPE a PUBLIC\"b\"'c'>", json!(["DOCTYPE", "a", "b", "c", true])),
        ("<!DOCTYPE a public 'b'>", json!(["DOCTYPE", "a", "b", null, true])),
        ("<!DOCTYPE a SYSTEM 'c' d>", json!(["DOCTYPE", "a", null, "c", true])),
        ("<!DOCTYPE a SYSTEM 'c>", json!(["DOCTYPE", "a", null, "c", false])),
        ("<!DOCTYPE a PUBLIC>", json!(["DOCTYPE", "a", null, null, false])),
        ("<!DOCTYPE a b>", json!(["DOCTYPE", "a", null, null, false])),
        ("<!DOCTYPE a", json!(["DOCTYPE", "a", null, null, false])),
    ] {
        assert_eq!(written_tokens(text, "", Content::Data), json!([expected]), "{text}");
    }
}

#[test]
fn raw_text_ends_only_at_its_own_end_tag() {
    let ended = |text: &str, name: &str| json!([["Character", text], ["EndTag", name]]);
    for (text, name, content, expected) in [
        ("a</b></TITLE >", "title", Content::Rcdata, ended("a</b>", "title")),
        ("&lt;</titlex></title/>", "title", Content::Rcdata, ended("<</titlex>", "title")),
        ("&lt;</style>", "style", Content::Rawtext, ended("&lt;", "style")),
        ("a\0</style>", "style", Content::Rawtext, ended("a\u{FFFD}", "style")),
        ("a<b</script>", "script", Content::ScriptData, ended("a<b", "script")),
        (
            "<!--<script></script>--></script>",
            "script",
            Content::ScriptData,
            ended("<!--<script></script>-->", "script"),
        ),
        ("<!--<script>--></script>", "script", Content::ScriptData, ended("<!--<script>-->", "script")),
        ("<!--></script>", "script", Content::ScriptData, ended("<!-->", "script")),
        ("<!--</script>", "script", Content::ScriptData, ended("<!--", "script")),
        ("a</title", "title", Content::Rcdata, json!([["Character", "a</title"]])),
        ("a</title ", "title", Content::Rcdata, json!([["Character", "a"]])),
        ("</plaintext>", "plaintext", Content::Plaintext, json!([["Character", "</plaintext>"]])),
        ("a]]]>b", "svg", Content::CdataSection, json!([["Character", "a]b"]])),
        ("a<b>", "svg", Content::CdataSection, json!([["Character", "a<b>"]])),
    ] {
        assert_eq!(written_tokens(text, name, content), expected, "{text}");
    }
}
