//! The words that a reader of a page sees: no scripts, no hidden parts, and a space where the layout breaks.

use scraper::ElementRef;
use scraper::node::{Element, Node};

use crate::selector::Fold;

/// Elements whose content is not shown as text (HTML standard, section 15.3.1, and what stands in for media).
/// A browser without scripting shows `noscript`, but its words are about browsers and not about the page.
const NOT_SHOWN: [&str; 15] = [
    "audio", "canvas", "datalist", "head", "iframe", "noembed", "noframes", "noscript", "object", "rp",
    "script", "style", "template", "title", "video",
];

/// Parts of drawings and formulas that describe and do not show (SVG 2, section 5.7; MathML Core, section
/// 5.1).
const DESCRIBES: [&str; 4] = ["annotation", "annotation-xml", "desc", "metadata"];

/// Elements that stand within a line (HTML standard, section 4.5). At the edges of all others words end.
const IN_LINE: [&str; 36] = [
    "a", "abbr", "acronym", "b", "bdi", "bdo", "big", "cite", "code", "data", "del", "dfn", "em", "font",
    "i", "ins", "kbd", "label", "mark", "nobr", "q", "rb", "ruby", "s", "samp", "small", "span", "strike",
    "strong", "sub", "sup", "time", "tt", "u", "var", "wbr",
];

/// The visible text of `root` and all below it, white space folded.
///
/// Walks without recursion: how deep a page nests is up to its author, how deep a stack is is not.
pub(crate) fn visible_text(root: ElementRef<'_>) -> String {
    let mut text = Fold::default();
    let mut node = *root;
    loop {
        match node.value() {
            Node::Text(words) => text.push(words),
            Node::Element(element) if breaks_words(element) => text.gap(),
            _ => {}
        }
        let is_shown = !matches!(node.value(), Node::Element(element) if is_hidden(element));
        if let Some(child) = node.first_child().filter(|_| is_shown) {
            node = child;
            continue;
        }
        // Up to the nearest ancestor with a next sibling, leaving each element on the way.
        loop {
            if matches!(node.value(), Node::Element(element) if breaks_words(element)) {
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

fn is_hidden(element: &Element) -> bool {
    let name = element.name();
    NOT_SHOWN.contains(&name)
        || DESCRIBES.contains(&name)
        || element.attr("hidden").is_some()
        || (name == "dialog" && element.attr("open").is_none())
}

fn breaks_words(element: &Element) -> bool {
    !IN_LINE.contains(&element.name())
}

#[cfg(test)]
mod tests {
    use super::*;
    use scraper::Html;

    fn visible(html: &str) -> String {
        visible_text(Html::parse_document(html).root_element())
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
