//! A parsed page, and its elements in document order.
//!
//! A spider asks for a dozen things per page. Walking the whole tree for each would take as long as parsing it. So the
//! elements are listed once, with their names. An element that a selector cannot match then costs one comparison.

use std::cell::OnceCell;

use dragline_css::Part;
use ego_tree::NodeId;
use html5ever::LocalName;
use scraper::{ElementRef, Html, Selector};

use crate::found::at_and_below;

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
    pub(crate) fn select<'a: 'c, 'c>(
        &'a self,
        part: &'c Part,
    ) -> Box<dyn Iterator<Item = ElementRef<'a>> + 'c> {
        match &part.names {
            Some(names) => Box::new(self.named(names, &part.elements)),
            None => Box::new(at_and_below(self.root(), &part.elements)),
        }
    }

    fn named<'a: 'c, 'c>(
        &'a self,
        names: &'c [LocalName],
        selector: &'c Selector,
    ) -> impl Iterator<Item = ElementRef<'a>> + 'c {
        let root = self.html.root_element();
        let candidates = self.elements().iter().filter(|(name, _)| names.contains(name));
        let elements = candidates.filter_map(|(_, id)| ElementRef::wrap(self.html.tree.get(*id)?));
        elements.filter(move |element| selector.matches_with_scope(element, Some(root)))
    }

    fn elements(&self) -> &[(LocalName, NodeId)] {
        self.elements.get_or_init(|| {
            let elements = self.html.root_element().descendent_elements();
            elements.map(|element| (element.value().name.local.clone(), element.id())).collect()
        })
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
            let document = Document::new(document::parse(&parts.concat()).unwrap());
            for css in SELECTORS {
                let selector = dragline_css::Selector::new(css).unwrap();
                let [part] = selector.parts() else { unreachable!("no ends") };
                prop_assert!(part.names.is_some(), "{}", css);
                let found: Vec<_> = document.select(part).map(|element| element.id()).collect();
                let walked: Vec<_> =
                    at_and_below(document.root(), &part.elements).map(|element| element.id()).collect();
                prop_assert_eq!(found, walked, "{}", css);
            }
        }
    }
}
