//! Compiled CSS selectors, and which elements they can match at all.
//!
//! Most selectors end in the name of an element (`li.next a`). A page knows the names of its elements, so such a
//! selector looks at the elements of that name alone.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use html5ever::LocalName;
use scraper::Selector;
use scraper::selector::{Parser, Simple};
use selectors::parser::{Component, ParseRelative, SelectorList};

/// Selectors come from code, so there are few; one that is built from data must not fill the memory.
const MAX_CACHED: usize = 1_000;

thread_local! {
    static COMPILED: RefCell<HashMap<String, Rc<Compiled>>> = RefCell::new(HashMap::new());
}

/// A compiled selector.
#[derive(Debug)]
pub(crate) struct Compiled {
    /// As scraper has it.
    pub(crate) selector: Selector,
    /// The names that a matching element can have; `None` for any, and where matching one element after the other
    /// needs what was found out about those before (`:nth-child`, `:has`).
    pub(crate) names: Option<Box<[LocalName]>>,
}

/// The compiled form of `css`, from this thread's cache.
///
/// # Panics
/// When it is no CSS selector: a mistake in the spider, which fails the page.
pub(crate) fn compiled(css: &str) -> Rc<Compiled> {
    if let Some(found) = COMPILED.with_borrow(|cache| cache.get(css).cloned()) {
        return found;
    }
    let parsed = match Selector::parse(css) {
        Ok(selector) => Rc::new(Compiled { selector, names: names(css) }),
        Err(error) => panic!("{css:?} is not a CSS selector: {}", reason(&error.to_string())),
    };
    COMPILED.with_borrow_mut(|cache| {
        if cache.len() >= MAX_CACHED {
            cache.clear();
        }
        cache.insert(css.to_owned(), Rc::clone(&parsed));
    });
    parsed
}

/// The parser asks to report what it does not know.
fn reason(error: &str) -> &str {
    if error.contains("UnsupportedPseudoClassOrElement") {
        return "no page knows this pseudo-class; the state of an element is in its attributes, such as [checked]";
    }
    error
}

fn names(css: &str) -> Option<Box<[LocalName]>> {
    let list = SelectorList::<Simple>::parse(&Parser, &mut cssparser::Parser::new(css), ParseRelative::No);
    let mut names = Vec::new();
    for selector in list.ok()?.slice() {
        if selector.iter_raw_match_order().any(remembers) {
            return None;
        }
        // The last compound comes first.
        let name = selector.iter().find_map(|component| match component {
            Component::LocalName(name) => Some(name),
            _ => None,
        })?;
        // HTML's elements are matched in lower case, those of drawings as written.
        names.extend([name.name.0.clone(), name.lower_name.0.clone()]);
    }
    names.sort_unstable();
    names.dedup();
    Some(names.into())
}

fn remembers(component: &Component<Simple>) -> bool {
    use Component::{Has, Is, Negation, Nth, NthOf, Where};
    matches!(component, Nth(_) | NthOf(_) | Has(_) | Is(_) | Where(_) | Negation(_))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names_of(css: &str) -> Option<Vec<String>> {
        let names = &compiled(css).names;
        names.as_ref().map(|names| names.iter().map(ToString::to_string).collect())
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
