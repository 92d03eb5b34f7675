//! What a selector finds on a page: elements, text nodes and values of attributes, in document order.
//!
//! A selector without `::text` and `::attr(name)` finds elements below a node, as in a browser. With one of these, the
//! node itself counts too, as in Scrapy: `a.text("::text")` is the text of `a`.

use std::collections::HashSet;
use std::iter::Peekable;

use dragline_css::{Part, Selector, Target};
use ego_tree::iter::Edge;
use ego_tree::{NodeId, NodeRef};
use scraper::ElementRef;
use scraper::node::Node as TreeNode;

use crate::elements::Document;
use crate::fold::fold;

/// Where a selector looks.
#[derive(Clone, Copy)]
pub(crate) enum Scope<'a> {
    /// The whole page.
    Page(&'a Document),
    /// One element.
    Element(ElementRef<'a>),
}

/// One thing that a selector found.
#[derive(Clone, Copy)]
pub(crate) enum Found<'a> {
    Element(ElementRef<'a>),
    /// A text node, as it stands in the document.
    Text(&'a str),
    /// The value of an attribute.
    Attribute(&'a str),
}

type Elements<'a, 's> = Box<dyn Iterator<Item = ElementRef<'a>> + 's>;

impl<'a> Found<'a> {
    /// Text with white space folded, or the value as it stands.
    pub(crate) fn text(self) -> String {
        match self {
            Self::Element(element) => fold(element.text()),
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
    pub(crate) fn elements<'s>(self, selector: &'s Selector) -> Elements<'a, 's>
    where
        'a: 's,
    {
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
    pub(crate) fn find<'s>(self, selector: &'s Selector) -> Box<dyn Iterator<Item = Found<'a>> + 's>
    where
        'a: 's,
    {
        let [part] = selector.parts() else { return Box::new(self.merged(selector.parts()).into_iter()) };
        let elements = self.matches(part);
        match &part.target {
            Target::Element => Box::new(elements.map(Found::Element)),
            Target::Attribute(name) => {
                Box::new(elements.filter_map(|element| element.attr(name).map(Found::Attribute)))
            }
            Target::Text => {
                Box::new(Texts { elements: elements.peekable(), open: Vec::new() }.map(Found::Text))
            }
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
        for edge in self.root().traverse() {
            let Edge::Open(node) = edge else { continue };
            if let Some(element) = ElementRef::wrap(node) {
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

    fn matches<'s>(self, part: &'s Part) -> Elements<'a, 's>
    where
        'a: 's,
    {
        match self {
            Self::Page(document) => document.select(part),
            Self::Element(element) if part.target == Target::Element => {
                Box::new(element.select(&part.elements))
            }
            Self::Element(element) => Box::new(at_and_below(element, &part.elements)),
        }
    }

    fn root(self) -> ElementRef<'a> {
        match self {
            Self::Page(document) => document.root(),
            Self::Element(element) => element,
        }
    }
}

/// `element`, if `selector` matches it, and the matches below it, in document order.
pub(crate) fn at_and_below<'a: 's, 's>(
    element: ElementRef<'a>,
    selector: &'s scraper::Selector,
) -> impl Iterator<Item = ElementRef<'a>> + 's {
    let own = selector.matches_with_scope(&element, Some(element)).then_some(element);
    own.into_iter().chain(element.select(selector))
}

/// The text of a text node that is more than white space.
fn words(node: NodeRef<'_, TreeNode>) -> Option<&str> {
    let TreeNode::Text(text) = node.value() else { return None };
    (!text.trim().is_empty()).then_some(&**text)
}

/// The text nodes directly in each of some elements, in document order: those of an element that lies in another one
/// stand between the texts of that one.
struct Texts<'a, I: Iterator<Item = ElementRef<'a>>> {
    /// In document order.
    elements: Peekable<I>,
    /// The child to look at next of each element that has begun and not ended; the innermost is last.
    open: Vec<Option<NodeRef<'a, TreeNode>>>,
}

impl<'a, I: Iterator<Item = ElementRef<'a>>> Iterator for Texts<'a, I> {
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
            let is_in_child = |next: &ElementRef<'a>| {
                next.id() == child.id() || next.ancestors().any(|ancestor| ancestor.id() == child.id())
            };
            if !child.value().is_text()
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
