//! What a selector finds on a page: elements, text nodes and values of attributes, in document order.
//!
//! A selector without `::text` and `::attr(name)` finds elements below a node, as in a browser. With one of these, the
//! node itself counts too, as in Scrapy: `a.text("::text")` is the text of `a`.

use std::collections::HashSet;
use std::iter::Peekable;
use std::vec;

use dragline_css::{Part, Selector, Target};
use dragline_html::{Element, NodeId, NodeRef};

use crate::elements::{Document, Elements};
use crate::fold::fold;

/// Where a selector looks.
#[derive(Clone, Copy)]
pub(crate) enum Scope<'a> {
    /// The whole page.
    Page(&'a Document),
    /// One element.
    Element(Element<'a>),
}

/// One thing that a selector found.
#[derive(Clone, Copy)]
pub(crate) enum Found<'a> {
    Element(Element<'a>),
    /// A text node, as it stands in the document.
    Text(&'a str),
    /// The value of an attribute.
    Attribute(&'a str),
}

impl<'a> Found<'a> {
    /// Text with white space folded, or the value as it stands.
    pub(crate) fn text(self) -> String {
        match self {
            Self::Element(element) => fold(element.texts()),
            Self::Text(text) => fold([text].into_iter()),
            Self::Attribute(value) => value.to_owned(),
        }
    }

    /// Where it leads: the `href` of an element, or the text or value itself.
    pub(crate) fn href(self) -> Option<&'a str> {
        match self {
            Self::Element(element) => element.attr("href"),
            Self::Text(text) => Some(text.trim()),
            Self::Attribute(value) => Some(value),
        }
    }
}

impl<'a> Scope<'a> {
    /// The elements that `selector` matches.
    ///
    /// # Panics
    /// When it selects texts or attributes: a mistake in the spider, which fails the page.
    pub(crate) fn elements<'s>(self, selector: &'s Selector) -> Elements<'a, 's> {
        match selector.parts() {
            [part] if part.target == Target::Element => self.matches(part),
            _ => panic!(
                "{:?} selects texts or attributes, and elements are wanted here: leave out `::text` and \
                 `::attr(name)`, or use text(), texts() or follow_all()",
                selector.css()
            ),
        }
    }

    /// Everything that `selector` finds. Text nodes that are only white space are left out.
    pub(crate) fn find<'s>(self, selector: &'s Selector) -> Finds<'a, 's> {
        let [part] = selector.parts() else {
            return Finds::Merged(self.merged(selector.parts()).into_iter());
        };
        let elements = self.matches(part);
        match &part.target {
            Target::Element => Finds::Elements(elements),
            Target::Attribute(name) => Finds::Attributes(elements, name),
            Target::Text => Finds::Texts(Texts { elements: elements.peekable(), open: Vec::new() }),
        }
    }

    /// What several parts find, in document order, each thing once.
    fn merged(self, parts: &[Part]) -> Vec<Found<'a>> {
        let matches = |part| (part, self.matches(part).map(|element| element.id()).collect::<HashSet<_>>());
        let matches: Vec<_> = parts.iter().map(matches).collect();
        let has = |target: &Target, id: NodeId| {
            matches.iter().any(|(part, ids)| part.target == *target && ids.contains(&id))
        };
        let mut found = Vec::new();
        for node in self.root().descendants() {
            if let Some(element) = node.element() {
                for (part, _) in matches.iter().filter(|(_, ids)| ids.contains(&node.id())) {
                    found.extend(match &part.target {
                        Target::Element => Some(Found::Element(element)),
                        Target::Attribute(name) => element.attr(name).map(Found::Attribute),
                        Target::Text => None,
                    });
                }
            } else if let Some(text) = words(node)
                && node.parent().is_some_and(|parent| has(&Target::Text, parent.id()))
            {
                found.push(Found::Text(text));
            }
        }
        found
    }

    fn matches<'s>(self, part: &'s Part) -> Elements<'a, 's> {
        match self {
            Self::Page(document) => document.select(part),
            Self::Element(element) if part.target == Target::Element => {
                Elements::below(element, &part.elements)
            }
            Self::Element(element) => Elements::at_and_below(element, &part.elements),
        }
    }

    fn root(self) -> Element<'a> {
        match self {
            Self::Page(document) => document.root(),
            Self::Element(element) => element,
        }
    }
}

/// Everything that a selector finds.
pub(crate) enum Finds<'a, 's> {
    Elements(Elements<'a, 's>),
    /// The values of an attribute of this name.
    Attributes(Elements<'a, 's>, &'s str),
    Texts(Texts<'a, 's>),
    /// The finds of several parts.
    Merged(vec::IntoIter<Found<'a>>),
}

impl<'a> Iterator for Finds<'a, '_> {
    type Item = Found<'a>;

    fn next(&mut self) -> Option<Found<'a>> {
        match self {
            Self::Elements(elements) => elements.next().map(Found::Element),
            Self::Attributes(elements, name) => {
                elements.find_map(|element| element.attr(name)).map(Found::Attribute)
            }
            Self::Texts(texts) => texts.next().map(Found::Text),
            Self::Merged(found) => found.next(),
        }
    }
}

/// The text of a text node that is more than white space.
fn words(node: NodeRef<'_>) -> Option<&str> {
    node.text().filter(|text| !text.trim().is_empty())
}

/// The text nodes directly in each of some elements, in document order: those of an element that lies in another one
/// stand between the texts of that one.
pub(crate) struct Texts<'a, 's> {
    /// In document order.
    elements: Peekable<Elements<'a, 's>>,
    /// The child to look at next of each element that has begun and not ended; the innermost is last.
    open: Vec<Option<NodeRef<'a>>>,
}

impl<'a> Iterator for Texts<'a, '_> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        loop {
            let Some(innermost) = self.open.last_mut() else {
                let element = self.elements.next()?;
                self.open.push(element.first_child());
                continue;
            };
            let Some(child) = *innermost else {
                self.open.pop();
                continue;
            };
            let is_in_child = |next: &Element<'a>| {
                next.id() == child.id() || next.ancestors().any(|ancestor| ancestor.id() == child.id())
            };
            if child.text().is_none()
                && let Some(inner) = self.elements.next_if(is_in_child)
            {
                self.open.push(inner.first_child());
                continue;
            }
            *innermost = child.next_sibling();
            if let Some(text) = words(child) {
                return Some(text);
            }
        }
    }
}
