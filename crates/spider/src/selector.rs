//! Elements of a page, found by CSS selectors.

use scraper::{ElementRef, Selector};

use crate::compiled::compiled;
use crate::error::{Error, Result};
use crate::visible_text::visible_text;

/// An element of a page.
#[derive(Clone, Copy, Debug)]
pub struct Node<'a>(pub(crate) ElementRef<'a>);

impl<'a> Node<'a> {
    /// This element, if `selector` matches it, and the matches below it, in document order.
    pub(crate) fn at_and_below(self, selector: &Selector) -> impl Iterator<Item = Node<'a>> {
        let own = selector.matches(&self.0).then_some(self);
        own.into_iter().chain(self.0.select(selector).map(Node))
    }

    /// The elements below this one that `selector` matches, in document order.
    ///
    /// # Panics
    /// When `selector` is no CSS selector, which fails the page.
    pub fn select(&self, selector: &str) -> Vec<Node<'a>> {
        self.0.select(&compiled(selector).selector).map(Node).collect()
    }

    /// The first of them.
    pub fn first(&self, selector: &str) -> Option<Node<'a>> {
        self.0.select(&compiled(selector).selector).next().map(Node)
    }

    /// The text of the first match, white space folded.
    ///
    /// # Errors
    /// When nothing matches.
    pub fn text(&self, selector: &str) -> Result<String> {
        self.first(selector).map(|node| node.own_text()).ok_or_else(|| nothing(selector))
    }

    /// The texts of all matches, white space folded.
    pub fn texts(&self, selector: &str) -> Vec<String> {
        self.0.select(&compiled(selector).selector).map(|element| Node(element).own_text()).collect()
    }

    /// An attribute of the first match.
    ///
    /// # Errors
    /// When nothing matches, or the match has no such attribute.
    pub fn attr(&self, selector: &str, name: &str) -> Result<String> {
        self.first(selector).ok_or_else(|| nothing(selector))?.need_attr(selector, name)
    }

    /// An attribute of all matches that have it.
    ///
    /// # Panics
    /// When `selector` is no CSS selector, which fails the page.
    pub fn attrs(&self, selector: &str, name: &str) -> Vec<&'a str> {
        self.0.select(&compiled(selector).selector).filter_map(|element| element.attr(name)).collect()
    }

    pub(crate) fn need_attr(&self, selector: &str, name: &str) -> Result<String> {
        let value = self.own_attr(name).map(str::to_owned);
        value.ok_or_else(|| Error::new(format!("the match of {selector:?} has no attribute {name:?}")))
    }

    /// The text of this element and all below it, white space folded.
    ///
    /// Every text counts, also that of scripts; [`Node::visible_text`] is what a reader sees.
    pub fn own_text(&self) -> String {
        fold(self.0.text())
    }

    /// The text of this element and all below it, as it stands in the document.
    pub fn raw_text(&self) -> String {
        self.0.text().collect()
    }

    /// What a reader sees of this element: no scripts, no hidden parts, a space where the layout breaks,
    /// white space folded.
    pub fn visible_text(&self) -> String {
        visible_text(self.0)
    }

    /// An attribute of this element.
    pub fn own_attr(&self, name: &str) -> Option<&'a str> {
        self.0.value().attr(name)
    }

    /// The name of this element.
    pub fn name(&self) -> &'a str {
        self.0.value().name()
    }

    /// The element that this one is in.
    pub fn parent(&self) -> Option<Node<'a>> {
        self.0.parent().and_then(ElementRef::wrap).map(Node)
    }

    /// The elements directly in this one.
    pub fn children(&self) -> Vec<Node<'a>> {
        self.0.child_elements().map(Node).collect()
    }

    /// The next element beside this one.
    pub fn next(&self) -> Option<Node<'a>> {
        self.0.next_siblings().find_map(ElementRef::wrap).map(Node)
    }

    /// The element beside this one that comes before it.
    pub fn previous(&self) -> Option<Node<'a>> {
        self.0.prev_siblings().find_map(ElementRef::wrap).map(Node)
    }

    /// Whether it is an element of HTML, and not of a drawing or a formula in it: `title` is an element of
    /// both.
    pub(crate) fn is_html(&self) -> bool {
        self.0.value().name.ns == *"http://www.w3.org/1999/xhtml"
    }
}

pub(crate) fn nothing(selector: &str) -> Error {
    Error::new(format!("nothing on the page matches {selector:?}"))
}

/// Joins pieces of text with all runs of white space folded to one space, none at the ends.
#[derive(Default)]
pub(crate) struct Fold {
    folded: String,
    gap: bool,
}

impl Fold {
    /// The next piece.
    pub(crate) fn push(&mut self, mut piece: &str) {
        loop {
            let word = piece.trim_start();
            self.gap |= word.len() < piece.len();
            if word.is_empty() {
                return;
            }
            if self.gap && !self.folded.is_empty() {
                self.folded.push(' ');
            }
            self.gap = false;
            let end = end_of_word(word);
            self.folded.push_str(&word[..end]);
            piece = &word[end..];
        }
    }

    /// White space.
    pub(crate) fn gap(&mut self) {
        self.gap = true;
    }

    /// All pieces.
    pub(crate) fn finish(self) -> String {
        self.folded
    }
}

/// Where white space begins. Letters of ASCII need no look at what Unicode says of them.
fn end_of_word(text: &str) -> usize {
    let mut at = 0;
    while let Some(byte) = text.as_bytes().get(at) {
        match byte {
            b'!'..=b'~' => at += 1,
            _ => match text[at..].chars().next() {
                Some(character) if !character.is_whitespace() => at += character.len_utf8(),
                _ => break,
            },
        }
    }
    at
}

/// Pieces of text as one, folded.
pub(crate) fn fold<'t>(pieces: impl Iterator<Item = &'t str>) -> String {
    let mut folded = Fold::default();
    pieces.for_each(|piece| folded.push(piece));
    folded.finish()
}

#[cfg(test)]
mod tests {
    use super::fold;
    use crate::stored_page::StoredPage;
    use proptest::prelude::*;

    #[test]
    fn an_element_knows_its_texts_and_its_neighbours() {
        let html = "<ul class=a><li>one <b>1</b>\n <li id=two data-n=2>two<script>x</script></ul><p>after";
        let page = StoredPage::new("http://a.example/", html).page().unwrap();
        let two = page.first("#two").unwrap();
        assert_eq!((two.name(), two.own_attr("data-n"), two.own_attr("none")), ("li", Some("2"), None));
        assert_eq!((two.own_text().as_str(), two.visible_text().as_str()), ("twox", "two"));
        assert_eq!(page.first("li").unwrap().raw_text(), "one 1\n ");
        assert_eq!(two.previous().unwrap().own_text(), "one 1");
        assert!(two.next().is_none());
        let list = two.parent().unwrap();
        assert_eq!(list.children().len(), 2);
        assert_eq!(list.next().unwrap().own_text(), "after");
        assert_eq!(list.texts("li"), ["one 1", "twox"]);
        assert_eq!(list.attrs("[id]", "id"), ["two"]);
        assert_eq!(list.select(":scope > li").len(), 2);
        assert_eq!(list.select("ul").len(), 0);
        assert!(page.root().parent().is_none());
    }

    proptest! {
        /// Against white space as the standard library splits at it.
        #[test]
        fn folded_text_is_its_words(pieces in prop::collection::vec("[a-z \\n\u{a0}\u{2003}é€\u{1}\u{7f}]{0,8}", 0..6)) {
            let whole = pieces.concat();
            let expected = whole.split_whitespace().collect::<Vec<_>>().join(" ");
            prop_assert_eq!(fold(pieces.iter().map(String::as_str)), expected);
        }
    }

    #[test]
    fn what_is_not_there_is_named() {
        let page = StoredPage::new("http://a.example/", "<p><i>x</i>").page().unwrap();
        let p = page.first("p").unwrap();
        assert_eq!(p.text("b").unwrap_err().to_string(), "nothing on the page matches \"b\"");
        assert_eq!(p.attr("i", "id").unwrap_err().to_string(), "the match of \"i\" has no attribute \"id\"");
    }
}
