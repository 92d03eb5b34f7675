//! A parsed page, and its elements in document order.
//!
//! A spider asks for a dozen things per page. Walking the whole tree for each would take as long as parsing it. So the
//! elements are listed once, with their names. An element that a selector cannot match then costs one comparison.

use std::cell::OnceCell;
use std::slice;

use dragline_css::{Css, Part};
use dragline_html::{Element, NodeId, NodeRef, Select, Tree};
use html5ever::LocalName;
use selectors::SelectorList;

/// A parsed page.
pub(crate) struct Document {
    tree: Tree,
    elements: OnceCell<Vec<NodeId>>,
}

impl Document {
    pub(crate) fn new(tree: Tree) -> Self {
        Self { tree, elements: OnceCell::new() }
    }

    /// The whole document as an element.
    pub(crate) fn root(&self) -> Element<'_> {
        self.tree.root()
    }

    /// The elements that a part of a selector matches, in document order.
    pub(crate) fn select<'s>(&self, part: &'s Part) -> Elements<'_, 's> {
        match &part.names {
            None => Elements::at_and_below(self.root(), &part.elements),
            Some(names) => Elements(Source::Named {
                tree: &self.tree,
                left: self.elements().iter(),
                names,
                selector: &part.elements,
            }),
        }
    }

    fn elements(&self) -> &[NodeId] {
        self.elements.get_or_init(|| {
            let elements = self.root().descendants().filter_map(NodeRef::element);
            elements.map(|element| element.id()).collect()
        })
    }
}

/// The elements that a selector matches, in document order.
pub(crate) struct Elements<'a, 's>(Source<'a, 's>);

/// Where they come from.
#[allow(clippy::large_enum_variant)] // One of them lives on the stack for a call: a box would cost more than its size.
enum Source<'a, 's> {
    /// The elements of a page that have one of these names.
    Named {
        tree: &'a Tree,
        left: slice::Iter<'a, NodeId>,
        names: &'s [LocalName],
        selector: &'s SelectorList<Css>,
    },
    /// An element that matches, if it has not been given yet, and the elements below it.
    Below { own: Option<Element<'a>>, below: Select<'a, 's> },
}

impl<'a, 's> Elements<'a, 's> {
    /// The matches below `element`.
    pub(crate) fn below(element: Element<'a>, selector: &'s SelectorList<Css>) -> Self {
        Self(Source::Below { own: None, below: element.select(selector) })
    }

    /// `element`, if `selector` matches it, and the matches below it.
    pub(crate) fn at_and_below(element: Element<'a>, selector: &'s SelectorList<Css>) -> Self {
        let own = element.matches(selector, element).then_some(element);
        Self(Source::Below { own, below: element.select(selector) })
    }
}

impl<'a> Iterator for Elements<'a, '_> {
    type Item = Element<'a>;

    fn next(&mut self) -> Option<Element<'a>> {
        match &mut self.0 {
            Source::Below { own, below } => own.take().or_else(|| below.next()),
            Source::Named { tree, left, names, selector } => left.find_map(|id| {
                let element = tree.node(*id).element()?;
                let matches = names.contains(element.name()) && element.matches(selector, tree.root());
                matches.then_some(element)
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document;
    use proptest::prelude::*;

    const SELECTORS: [&str; 14] = [
        "p",
        "a[href]",
        "ul > li",
        ":scope > body",
        "p b",
        "li ~ li",
        "b, i, svg title",
        "html",
        "template a",
        "LI",
        "linearGradient",
        "td.x",
        "p a:empty",
        "option",
    ];

    proptest! {
        /// Compares the list with a walk over the whole tree, with foster parents, reopened formatting and drawings.
        #[test]
        fn what_the_list_finds_a_walk_finds_in_the_same_order(
            parts in prop::collection::vec(prop::sample::select(vec![
                "<p>", "</p>", "<b>", "</b>", "<i>", "</i>", "<a href=x>", "</a>", "<ul>", "<li>", "</ul>",
                "<table>", "<tr>", "<td class=x>", "</table>", "<svg>", "<title>", "</svg>", "<template>",
                "</template>", "<select>", "<option>", "</select>", "<linearGradient/>", "<body>", "text", "<br>",
            ]), 0..40),
        ) {
            let document = Document::new(document::parsed(&parts.concat()).unwrap());
            for css in SELECTORS {
                let selector = dragline_css::Selector::new(css).unwrap();
                let [part] = selector.parts() else { unreachable!("no ends") };
                prop_assert!(part.names.is_some(), "{}", css);
                let found: Vec<_> = document.select(part).map(|element| element.id()).collect();
                let walked: Vec<_> =
                    Elements::at_and_below(document.root(), &part.elements).map(|element| element.id()).collect();
                prop_assert_eq!(found, walked, "{}", css);
            }
        }
    }
}
