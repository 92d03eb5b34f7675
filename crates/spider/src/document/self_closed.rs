//! Elements that XML may close in their start tag, and HTML cannot: `<script src="a.js" />`.
//!
//! The HTML parser ignores that slash. It does not treat the content of such an element as markup, so a script without an end
//! tag swallows the rest of the page: title, headings, links. Pages that claim to be XML rely on the slash. In such
//! pages, this code writes the end tag before parsing.

/// Elements whose content the HTML parser treats as text or keeps separately, up to the end tag.
const SWALLOWING: [&str; 10] =
    ["iframe", "noembed", "noframes", "script", "select", "style", "template", "textarea", "title", "xmp"];
/// The ones among them that contain other elements.
const HOLDS_ELEMENTS: [&str; 2] = ["select", "template"];

/// Parts of a page that are not markup, by their beginning and end.
const NO_MARKUP: [(&str, &str); 3] = [("<!--", "-->"), ("<![CDATA[", "]]>"), ("<?", "?>")];

/// Gives the parts of the page, with a start tag and an end tag for each of these elements.
pub(super) fn in_two_tags(text: &str, mut part: impl FnMut(&str)) {
    let (mut copied, mut at) = (0, 0);
    while let Some(start) = find(text, at, "<") {
        if let Some((begin, end)) = NO_MARKUP.iter().find(|(begin, _)| text[start..].starts_with(begin)) {
            match find(text, start + begin.len(), end) {
                Some(found) => at = found + end.len(),
                None => break,
            }
            continue;
        }
        if !text[start + 1..].starts_with(|next: char| next.is_ascii_alphabetic()) {
            at = start + 1;
            continue;
        }
        let Some(end) = tag_end(text, start) else { break };
        at = end;
        let Some(name) = swallowing(&text[start + 1..end]) else { continue };
        if let Some(open) = text[..end].strip_suffix("/>") {
            part(&text[copied..open.len()]);
            part("></");
            part(name);
            part(">");
            copied = end;
        } else if !HOLDS_ELEMENTS.contains(&name) {
            match end_tag(text, end, name) {
                Some(found) => at = found,
                None => break,
            }
        }
    }
    part(&text[copied..]);
}

fn find(text: &str, from: usize, what: &str) -> Option<usize> {
    text[from..].find(what).map(|found| from + found)
}

/// The position after the `>` of the tag that begins at `start`. A `>` in quotes does not count.
fn tag_end(text: &str, start: usize) -> Option<usize> {
    let mut quote = None;
    for (at, byte) in text.bytes().enumerate().skip(start) {
        match (quote, byte) {
            (None, b'>') => return Some(at + 1),
            (None, b'"' | b'\'') => quote = Some(byte),
            (Some(open), _) if open == byte => quote = None,
            _ => {}
        }
    }
    None
}

/// The element of this start tag, if it is one of these.
fn swallowing(tag: &str) -> Option<&'static str> {
    let end = tag.find(|next: char| next.is_ascii_whitespace() || next == '/' || next == '>')?;
    SWALLOWING.into_iter().find(|name| tag[..end].eq_ignore_ascii_case(name))
}

fn end_tag(text: &str, from: usize, name: &str) -> Option<usize> {
    let mut at = from;
    while let Some(found) = find(text, at, "</") {
        at = found + 2;
        if text.as_bytes()[at..]
            .get(..name.len())
            .is_some_and(|next| next.eq_ignore_ascii_case(name.as_bytes()))
        {
            return Some(found);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    fn in_two_tags(text: &str) -> String {
        let mut parts = String::new();
        super::in_two_tags(text, |part| parts.push_str(part));
        parts
    }

    #[test]
    fn elements_that_would_swallow_the_page_are_closed() {
        for (page, expected) in [
            ("<script src=\"a.js\" /><a/>", "<script src=\"a.js\" ></script><a/>"),
            ("<title/>é<TextArea cols='>'/>x", "<title></title>é<TextArea cols='>'></textarea>x"),
            ("<iframe\nsrc='a/b'\n/><style />", "<iframe\nsrc='a/b'\n></iframe><style ></style>"),
            ("a < b </p><select/><a>", "a < b </p><select></select><a>"),
        ] {
            assert_eq!(in_two_tags(page), expected);
        }
    }

    #[test]
    fn nothing_else_is_touched() {
        for page in [
            "",
            "<",
            "<p/><br /><img alt='<title/>'/><scripts/><svg><path/></svg>",
            "<!-- <title/> --><![CDATA[<script/>]]><?php <style/> ?>",
            "<script>document.write('<style/>')</script><title>a <textarea/></title>",
            "<script>never closed <title/>",
            "<title",
            "<title a='/>",
            "<!-- <title/>",
            "a < b <é/>",
        ] {
            assert_eq!(in_two_tags(page), page);
        }
        assert_eq!(
            in_two_tags("<script>'<style/>'</SCRIPT><style/>"),
            "<script>'<style/>'</SCRIPT><style></style>"
        );
    }

    #[test]
    fn it_takes_no_longer_for_a_page_that_is_all_beginnings() {
        for begin in ["<", "<!--", "<title>", "<title ", "<title/>", "<?", "<title a='", "</"] {
            in_two_tags(&begin.repeat(300_000));
        }
    }
}
