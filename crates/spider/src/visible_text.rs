//! The words that a reader of a page sees: no scripts, no hidden parts, and a space where the layout breaks.

use dragline_html::{Element, Value};
use html5ever::{LocalName, local_name};

use crate::fold::Fold;

/// Elements whose content is not shown as text (HTML standard, section 15.3.1, and the fallbacks of media). A browser without
/// scripting shows `noscript`, but that text is about browsers and not about the page.
fn is_not_shown(name: &LocalName) -> bool {
    matches!(
        *name,
        local_name!("audio")
            | local_name!("canvas")
            | local_name!("datalist")
            | local_name!("head")
            | local_name!("iframe")
            | local_name!("noembed")
            | local_name!("noframes")
            | local_name!("noscript")
            | local_name!("object")
            | local_name!("rp")
            | local_name!("script")
            | local_name!("style")
            | local_name!("template")
            | local_name!("title")
            | local_name!("video")
    )
}

/// Parts of drawings and formulas that only describe them (SVG 2, section 5.7; MathML Core, section 5.1).
fn describes(name: &LocalName) -> bool {
    matches!(
        *name,
        local_name!("annotation")
            | local_name!("annotation-xml")
            | local_name!("desc")
            | local_name!("metadata")
    )
}

/// Inline elements (HTML standard, section 4.5). Words end at the edges of all other elements.
fn is_in_line(name: &LocalName) -> bool {
    matches!(
        *name,
        local_name!("a")
            | local_name!("abbr")
            | local_name!("acronym")
            | local_name!("b")
            | local_name!("bdi")
            | local_name!("bdo")
            | local_name!("big")
            | local_name!("cite")
            | local_name!("code")
            | local_name!("data")
            | local_name!("del")
            | local_name!("dfn")
            | local_name!("em")
            | local_name!("font")
            | local_name!("i")
            | local_name!("ins")
            | local_name!("kbd")
            | local_name!("label")
            | local_name!("mark")
            | local_name!("nobr")
            | local_name!("q")
            | local_name!("rb")
            | local_name!("ruby")
            | local_name!("s")
            | local_name!("samp")
            | local_name!("small")
            | local_name!("span")
            | local_name!("strike")
            | local_name!("strong")
            | local_name!("sub")
            | local_name!("sup")
            | local_name!("time")
            | local_name!("tt")
            | local_name!("u")
            | local_name!("var")
            | local_name!("wbr")
    )
}

/// The visible text of `root` and all below it, white space folded.
///
/// Walks without recursion, because a page may nest deeper than a stack can go.
pub(crate) fn visible_text(root: Element<'_>) -> String {
    let mut text = Fold::default();
    let mut node = *root;
    loop {
        let mut is_shown = true;
        match node.value() {
            Value::Text(words) => text.push(words),
            Value::Element(element) => {
                if breaks_words(element) {
                    text.gap();
                }
                is_shown = !is_hidden(element);
            }
            _ => {}
        }
        if let Some(child) = node.first_child().filter(|_| is_shown) {
            node = child;
            continue;
        }
        // Go up to the nearest ancestor with a next sibling, and leave each element on the way.
        loop {
            if node.element().is_some_and(breaks_words) {
                text.gap();
            }
            if node.id() == root.id() {
                return text.finish();
            }
            if let Some(next) = node.next_sibling() {
                node = next;
                break;
            }
            match node.parent() {
                Some(parent) => node = parent,
                None => return text.finish(),
            }
        }
    }
}

fn is_hidden(element: Element<'_>) -> bool {
    let name = element.name();
    is_not_shown(name)
        || describes(name)
        || element.attr_named(&local_name!("hidden")).is_some()
        || (*name == local_name!("dialog") && element.attr_named(&local_name!("open")).is_none())
}

fn breaks_words(element: Element<'_>) -> bool {
    !is_in_line(element.name())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::parsed;

    fn visible(html: &str) -> String {
        visible_text(parsed(html).unwrap().root())
    }

    #[test]
    fn words_end_where_the_layout_breaks_and_nowhere_else() {
        for (html, expected) in [
            ("<p>one</p><p>two</p>", "one two"),
            ("<b>o</b>n<i>e</i> two", "one two"),
            ("one<br>two<hr>three", "one two three"),
            ("<ul><li>one<li>two</ul>three", "one two three"),
            ("<table><tr><td>1<td>2<tr><td>3</table>", "1 2 3"),
            ("su<wbr>per <a href=x>cali</a>fragilistic", "super califragilistic"),
            (" \n one\t\u{a0} two ", "one two"),
            ("<select><option>a<option>b</select><button>c</button>", "a b c"),
        ] {
            assert_eq!(visible(html), expected, "{html}");
        }
    }

    #[test]
    fn what_is_not_shown_is_no_text() {
        for html in [
            "<title>no</title>yes",
            "yes<script>no</script><style>no</style><template>no</template>",
            "yes<noscript><p>no</p></noscript><iframe>no</iframe><noframes>no</noframes>",
            "yes<p hidden>no <b>no</b></p><p hidden='until-found'>no</p><dialog>no</dialog>",
            "<dialog open>yes</dialog><!-- no --><video>no</video>",
            "yes<svg><title>no</title><desc>no</desc></svg>",
            "<textarea>yes</textarea>",
        ] {
            assert_eq!(visible(html), "yes", "{html}");
        }
        assert_eq!(visible("a<script>no</script>b"), "a b");
    }
}
