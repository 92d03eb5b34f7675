//! Elements of a page, found by CSS selectors.

use std::fmt;

use dragline_css::Selector;
use dragline_html::{Element, NodeRef, Value};
use html5ever::local_name;
use regex::Regex;

use crate::compiled::AsSelector;
use crate::elements::Elements;
use crate::error::{Error, Result};
use crate::fold::{Fold, fold};
use crate::found::{Finds, Found, Scope};
use crate::page::Page;
use crate::pattern::{AsPattern, Re};
use crate::visible_text::visible_text;

/// An element of a page.
///
/// ```
/// use dragline_spider::StoredPage;
///
/// let html = "<ul><li>Tea <b>5 €</b> <a href=tea>more</a><li>Milk</ul>";
/// let page = StoredPage::new("https://shop.example/", html).page()?;
/// let tea = page.select("li")[0];
/// assert_eq!(tea.text("b")?, "5 €");
/// assert_eq!(tea.texts("a::attr(href)"), ["tea"]);
/// assert_eq!((tea.full_text().as_str(), tea.own_text().as_str()), ("Tea 5 € more", "Tea"));
/// # Ok::<(), dragline_spider::Error>(())
/// ```
///
/// # Panics
/// Each method that selects panics when it is given text that is not a selector. That fails the page; see
/// [`AsSelector`].
#[derive(Clone, Copy)]
pub struct Node<'a> {
    element: Element<'a>,
    page: &'a Page,
}

impl<'a> Node<'a> {
    pub(crate) fn new(element: Element<'a>, page: &'a Page) -> Self {
        Self { element, page }
    }

    /// The page that it is on.
    pub fn page(&self) -> &'a Page {
        self.page
    }

    /// The elements below this one that `selector` matches, in document order.
    pub fn select(&self, selector: impl AsSelector) -> Vec<Node<'a>> {
        self.scope().elements(&selector.compiled()).map(|element| self.beside(element)).collect()
    }

    /// The first of them.
    pub fn first(&self, selector: impl AsSelector) -> Option<Node<'a>> {
        let first = self.scope().elements(&selector.compiled()).next();
        first.map(|element| self.beside(element))
    }

    /// The first text that `selector` finds, white space folded: see [`Node::texts`].
    ///
    /// # Errors
    /// When nothing matches.
    pub fn text(&self, selector: impl AsSelector) -> Result<String> {
        self.scope().text(&selector.compiled())
    }

    /// The texts that `selector` finds, white space folded, in document order.
    ///
    /// - `li` finds elements: each text is that of the element and of all below it.
    /// - `li::text` finds the text nodes directly in them: each is a text of its own. Those that are only white space
    ///   are left out.
    /// - `a::attr(href)` finds the values of the attribute, as they stand.
    ///
    /// With `::text` and `::attr(name)` this element itself may match, as in Scrapy: `::attr(href)` begins with its
    /// own `href`.
    pub fn texts(&self, selector: impl AsSelector) -> Vec<String> {
        self.scope().texts(&selector.compiled())
    }

    /// The parts of the texts that `pattern` matches: see [`Re::re`].
    ///
    /// ```
    /// use dragline_spider::StoredPage;
    ///
    /// let html = "<p class=stock>22 in stock<p class=stock>3 in stock";
    /// let page = StoredPage::new("https://shop.example/", html).page()?;
    /// assert_eq!(page.re("p.stock", r"(\d+) in stock"), ["22", "3"]);
    /// # Ok::<(), dragline_spider::Error>(())
    /// ```
    pub fn re(&self, selector: impl AsSelector, pattern: impl AsPattern) -> Vec<String> {
        self.scope().re(&selector.compiled(), &pattern.pattern())
    }

    /// The first of these.
    ///
    /// # Errors
    /// When no text of a match matches `pattern`.
    pub fn re_first(&self, selector: impl AsSelector, pattern: impl AsPattern) -> Result<String> {
        self.scope().re_first(&selector.compiled(), &pattern.pattern())
    }

    /// An attribute of the first match.
    ///
    /// # Errors
    /// When nothing matches, or the match does not have the attribute.
    pub fn attr(&self, selector: impl AsSelector, name: &str) -> Result<String> {
        self.scope().attr(&selector.compiled(), name)
    }

    /// An attribute of all matches that have it.
    pub fn attrs(&self, selector: impl AsSelector, name: &str) -> Vec<&'a str> {
        self.scope().attrs(&selector.compiled(), name)
    }

    /// The text directly in this element, white space folded. The texts of elements in it do not count; a `br`
    /// between two texts is a space. It means the same as jsoup's `ownText`.
    pub fn own_text(&self) -> String {
        let mut text = Fold::default();
        for child in self.element.children() {
            match child.value() {
                Value::Text(words) => text.push(words),
                Value::Element(element) if *element.name() == local_name!("br") => text.gap(),
                _ => {}
            }
        }
        text.finish()
    }

    /// The text of this element and of all below it, white space folded.
    ///
    /// Every text counts, including that of scripts. [`Node::visible_text`] gives only what a reader sees.
    pub fn full_text(&self) -> String {
        fold(self.element.texts())
    }

    /// The text of this element and of all below it, exactly as in the document.
    pub fn raw_text(&self) -> String {
        self.element.texts().collect()
    }

    /// The part of this element's text that a reader sees: no scripts, no hidden parts, a space where the layout breaks, white
    /// space folded.
    pub fn visible_text(&self) -> String {
        visible_text(self.element)
    }

    /// An attribute of this element.
    pub fn own_attr(&self, name: &str) -> Option<&'a str> {
        self.element.attr(name)
    }

    /// The name of this element.
    pub fn name(&self) -> &'a str {
        self.element.name()
    }

    /// The element that this one is in.
    pub fn parent(&self) -> Option<Node<'a>> {
        self.element.parent().and_then(NodeRef::element).map(|element| self.beside(element))
    }

    /// The elements directly in this one.
    pub fn children(&self) -> Vec<Node<'a>> {
        self.element.child_elements().map(|element| self.beside(element)).collect()
    }

    /// The next sibling element.
    pub fn next(&self) -> Option<Node<'a>> {
        selectors::Element::next_sibling_element(&self.element).map(|element| self.beside(element))
    }

    /// The previous sibling element.
    pub fn previous(&self) -> Option<Node<'a>> {
        selectors::Element::prev_sibling_element(&self.element).map(|element| self.beside(element))
    }

    /// Whether it is an element of HTML, and not of a drawing or a formula. `title`, for example, exists in both.
    pub(crate) fn is_html(&self) -> bool {
        self.element.is_html()
    }

    /// Whether it is inside an element with one of these names. [`Node::parent`] cannot leave a template, because the content of a
    /// template belongs to a node that is not an element.
    pub(crate) fn lies_in(&self, names: &[&str]) -> bool {
        self.element
            .ancestors()
            .filter_map(NodeRef::element)
            .any(|element| names.contains(&&**element.name()))
    }

    /// Everything that `selector` finds.
    pub(crate) fn find<'s>(&self, selector: &'s Selector) -> Finds<'a, 's> {
        self.scope().find(selector)
    }

    /// The elements that `selector` matches.
    pub(crate) fn elements<'s>(&self, selector: &'s Selector) -> Elements<'a, 's> {
        self.scope().elements(selector)
    }

    fn scope(&self) -> Scope<'a> {
        Scope::Element(self.element)
    }

    /// Another element of the same page.
    fn beside(&self, element: Element<'a>) -> Node<'a> {
        Node { element, page: self.page }
    }
}

/// Two nodes are equal if they are the same element of the same page.
impl PartialEq for Node<'_> {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self.page, other.page) && self.element.id() == other.element.id()
    }
}

impl Eq for Node<'_> {}

impl fmt::Debug for Node<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Node({:?})", self.element)
    }
}

/// The readings that a page and an element share.
impl<'a> Scope<'a> {
    pub(crate) fn text(self, selector: &Selector) -> Result<String> {
        self.find(selector).next().map(Found::text).ok_or_else(|| nothing(selector))
    }

    pub(crate) fn texts(self, selector: &Selector) -> Vec<String> {
        self.find(selector).map(Found::text).collect()
    }

    pub(crate) fn re(self, selector: &Selector, pattern: &Regex) -> Vec<String> {
        self.find(selector).flat_map(|found| found.text().re(pattern)).collect()
    }

    pub(crate) fn re_first(self, selector: &Selector, pattern: &Regex) -> Result<String> {
        let first = self.find(selector).find_map(|found| found.text().re_first(pattern).ok());
        first.ok_or_else(|| {
            let (css, pattern) = (selector.css(), pattern.as_str());
            Error::new(format!("nothing that {css:?} selects matches the regular expression {pattern:?}"))
        })
    }

    pub(crate) fn attr(self, selector: &Selector, name: &str) -> Result<String> {
        let first = self.elements(selector).next().ok_or_else(|| nothing(selector))?;
        let value = first.attr(name).map(str::to_owned);
        value
            .ok_or_else(|| Error::new(format!("the match of {:?} has no attribute {name:?}", selector.css())))
    }

    pub(crate) fn attrs(self, selector: &Selector, name: &str) -> Vec<&'a str> {
        self.elements(selector).filter_map(|element| element.attr(name)).collect()
    }
}

pub(crate) fn nothing(selector: &Selector) -> Error {
    Error::new(format!("nothing on the page matches {:?}", selector.css()))
}

#[cfg(test)]
mod tests {
    use crate::stored_page::StoredPage;

    #[test]
    fn an_element_knows_its_texts_and_its_neighbours() {
        let html = "<ul class=a><li>one <b>1</b>\n <li id=two data-n=2>two<script>x</script></ul><p>after";
        let page = StoredPage::new("http://a.example/", html).page().unwrap();
        let two = page.first("#two").unwrap();
        assert_eq!((two.name(), two.own_attr("data-n"), two.own_attr("none")), ("li", Some("2"), None));
        assert_eq!((two.full_text().as_str(), two.visible_text().as_str()), ("twox", "two"));
        assert_eq!(page.first("li").unwrap().raw_text(), "one 1\n ");
        assert_eq!(two.previous().unwrap().full_text(), "one 1");
        assert!(two.next().is_none());
        let list = two.parent().unwrap();
        assert_eq!(list.children().len(), 2);
        assert_eq!(list.next().unwrap().own_text(), "after");
        assert_eq!(list.texts("li"), ["one 1", "twox"]);
        assert_eq!(list.attrs("[id]", "id"), ["two"]);
        assert_eq!(list.select(":scope > li").len(), 2);
        assert_eq!(list.select("ul").len(), 0);
        assert!(page.root().parent().is_none());
        assert_eq!(list.page().url().as_str(), "http://a.example/");
    }

    #[test]
    fn own_text_is_that_of_jsoup() {
        for (html, expected) in [
            // The example of its documentation.
            ("<p>Hello <b>there</b> now!</p>", "Hello now!"),
            // Those of its tests.
            ("<p>Hello<br>there<br><br>now</p>", "Hello there now"),
            ("<p>One <b>two</b>\n three <i>four</i> </p>", "One three"),
            ("<p>un<b>believ</b>able</p>", "unable"),
            ("<p><b>only below</b></p>", ""),
            ("<p> \n </p>", ""),
            ("<p>a<!-- no -->b</p>", "ab"),
        ] {
            let page = StoredPage::new("http://a.example/", html).page().unwrap();
            assert_eq!(page.first("p").unwrap().own_text(), expected, "{html}");
        }
    }

    #[test]
    fn what_is_not_there_is_named() {
        let page = StoredPage::new("http://a.example/", "<p><i>x</i>").page().unwrap();
        let p = page.first("p").unwrap();
        assert_eq!(p.text("b").unwrap_err().to_string(), "nothing on the page matches \"b\"");
        assert_eq!(p.text("p::text").unwrap_err().to_string(), "nothing on the page matches \"p::text\"");
        assert_eq!(p.attr("i", "id").unwrap_err().to_string(), "the match of \"i\" has no attribute \"id\"");
    }

    #[test]
    #[should_panic(expected = "\"p::text\" selects texts or attributes, and elements are wanted here")]
    fn elements_are_not_selected_by_text() {
        StoredPage::new("http://a.example/", "<p>x").page().unwrap().select("p::text");
    }
}
