//! Which elements a selector can match at all.
//!
//! Most selectors end in the name of an element (`li.next a`). A page knows the names of its elements, so such a
//! selector looks only at the elements of that name.

use html5ever::LocalName;
use selectors::parser::{Component, SelectorList};

use crate::dialect::Css;

/// The names that an element which one of the selectors matches can have.
pub(crate) fn names(selectors: &SelectorList<Css>) -> Option<Box<[LocalName]>> {
    let mut names = Vec::new();
    for selector in selectors.slice() {
        if selector.iter_raw_match_order().any(remembers) {
            return None;
        }
        // The last compound comes first.
        let name = selector.iter().find_map(|component| match component {
            Component::LocalName(name) => Some(name),
            _ => None,
        })?;
        // Elements of HTML are matched in lower case, and those of drawings as written.
        names.extend([name.name.0.clone(), name.lower_name.0.clone()]);
    }
    names.sort_unstable();
    names.dedup();
    Some(names.into())
}

/// Whether matching an element is much faster with what was found out about the elements before it.
fn remembers(component: &Component<Css>) -> bool {
    use Component::{Has, Is, Negation, Nth, NthOf, Where};
    matches!(component, Nth(_) | NthOf(_) | Has(_) | Is(_) | Where(_) | Negation(_))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names_of(css: &str) -> Option<Vec<String>> {
        names(&crate::dialect::parse(css).unwrap())
            .map(|names| names.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn the_names_are_those_that_the_selector_ends_in() {
        for (css, expected) in [
            ("a", &["a"] as &[_]),
            ("li.next > a[href^='/']", &["a"]),
            ("a[href], area[href]", &["a", "area"]),
            ("linearGradient", &["linearGradient", "lineargradient"]),
            (":scope > LI#x", &["LI", "li"]),
        ] {
            assert_eq!(names_of(css).unwrap(), expected, "{css}");
        }
        for css in ["*", ".price", "a, .b", "li :root", "li:nth-child(2)", "p:has(a)", "p:not(.x)", "ul > *"]
        {
            assert_eq!(names_of(css), None, "{css}");
        }
    }
}
