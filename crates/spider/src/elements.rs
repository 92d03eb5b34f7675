//! A parsed page, and its elements in document order.
//!
//! A spider asks for a dozen things per page. Walking the whole tree for each would take as long as parsing it. So the
//! elements are listed once, with their names. An element that a selector cannot match then costs one comparison.

use std::cell::OnceCell;
use std::slice;

use dragline_css::Part;
use ego_tree::NodeId;
use html5ever::LocalName;
use scraper::element_ref::Select;
use scraper::{ElementRef, Html, Selector};

/// A parsed page.
pub(crate) struct Document {
    html: Html,
    elements: OnceCell<Vec<(LocalName, NodeId)>>,
}

impl Document {
    pub(crate) fn new(html: Html) -> Self {
        Self { html, elements: OnceCell::new() }
    }

    /// The whole document as an element.
    pub(crate) fn root(&self) -> ElementRef<'_> {
        self.html.root_element()
    }

    /// The elements that a part of a selector matches, in document order.
    pub(crate) fn select<'s>(&self, part: &'s Part) -> Elements<'_, 's> {
        match &part.names {
            None => Elements::at_and_below(self.root(), &part.elements),
            Some(names) => Elements(Source::Named {
                html: &self.html,
                left: self.elements().iter(),
                names,
                selector: &part.elements,
            }),
        }
    }

    fn elements(&self) -> &[(LocalName, NodeId)] {
        self.elements.get_or_init(|| {
            let elements = self.html.root_element().descendent_elements();
            elements.map(|element| (element.value().name.local.clone(), element.id())).collect()
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
        html: &'a Html,
        left: slice::Iter<'a, (LocalName, NodeId)>,
        names: &'s [LocalName],
        selector: &'s Selector,
    },
    /// An element that matches, if it has not been given yet, and the elements below it.
    Below { own: Option<ElementRef<'a>>, below: Select<'a, 's> },
}

impl<'a, 's> Elements<'a, 's> {
    /// The matches below `element`.
    pub(crate) fn below(element: ElementRef<'a>, selector: &'s Selector) -> Self {
        Self(Source::Below { own: None, below: element.select(selector) })
    }

    /// `element`, if `selector` matches it, and the matches below it.
    pub(crate) fn at_and_below(element: ElementRef<'a>, selector: &'s Selector) -> Self {
        let own = selector.matches_with_scope(&element, Some(element)).then_some(element);
        Self(Source::Below { own, below: element.select(selector) })
    }
}

impl<'a> Iterator for Elements<'a, '_> {
    type Item = ElementRef<'a>;

    fn next(&mut self) -> Option<ElementRef<'a>> {
        match &mut self.0 {
            Source::Below { own, below } => own.take().or_else(|| below.next()),
            Source::Named { html, left, names, selector } => left.find_map(|(name, id)| {
                let element = names.contains(name).then(|| ElementRef::wrap(html.tree.get(*id)?))??;
                selector.matches_with_scope(&element, Some(html.root_element())).then_some(element)
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
