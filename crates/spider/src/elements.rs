//! A parsed page, and its elements in document order.
//!
//! A spider asks for a dozen things, and to walk the whole tree for each takes as long as to parse it. The
//! elements are listed once, with their names: what a selector cannot match costs it one comparison.

use std::cell::OnceCell;

use ego_tree::NodeId;
use html5ever::LocalName;
use scraper::{ElementRef, Html, Selector};

use crate::compiled::Compiled;
use crate::selector::Node;

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
    pub(crate) fn root(&self) -> Node<'_> {
        Node(self.html.root_element())
    }

    /// The elements that a selector matches, in document order.
    pub(crate) fn select<'a: 'c, 'c>(
        &'a self,
        compiled: &'c Compiled,
    ) -> Box<dyn Iterator<Item = Node<'a>> + 'c> {
        let Compiled { selector, names } = compiled;
        match names {
            Some(names) => Box::new(self.named(names, selector)),
            None => Box::new(self.root().at_and_below(selector)),
        }
    }

    fn named<'a: 'c, 'c>(
        &'a self,
        names: &'c [LocalName],
        selector: &'c Selector,
    ) -> impl Iterator<Item = Node<'a>> + 'c {
        let root = self.html.root_element();
        let candidates = self.elements().iter().filter(|(name, _)| names.contains(name));
        let elements = candidates.filter_map(|(_, id)| ElementRef::wrap(self.html.tree.get(*id)?));
        elements.filter(move |element| selector.matches_with_scope(element, Some(root))).map(Node)
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
    use crate::compiled::compiled;
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
        /// Against a walk over the whole tree; with foster parents, formatting that is opened again, and drawings.
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
                let compiled = compiled(css);
                prop_assert!(compiled.names.is_some(), "{}", css);
                let found: Vec<_> = document.select(&compiled).map(|node| node.0.id()).collect();
                let walked: Vec<_> =
                    document.root().at_and_below(&compiled.selector).map(|node| node.0.id()).collect();
                prop_assert_eq!(found, walked, "{}", css);
            }
        }
    }
}
