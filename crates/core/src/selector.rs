//! Elements of a page, found by CSS selectors.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use scraper::{ElementRef, Selector};

use crate::spider::{Error, Result};

/// Selectors come from code, so there are few; one that is built from data must not fill the memory.
const MAX_CACHED: usize = 1_000;

thread_local! {
    static COMPILED: RefCell<HashMap<String, Rc<Selector>>> = RefCell::new(HashMap::new());
}

/// The compiled form of `selector`, from this thread's cache.
///
/// # Panics
/// When it is no CSS selector: a mistake in the spider, which fails the page.
pub(crate) fn compiled(selector: &str) -> Rc<Selector> {
    if let Some(found) = COMPILED.with_borrow(|cache| cache.get(selector).cloned()) {
        return found;
    }
    let parsed = match Selector::parse(selector) {
        Ok(parsed) => Rc::new(parsed),
        Err(error) => panic!("{selector:?} is not a CSS selector: {error}"),
    };
    COMPILED.with_borrow_mut(|cache| {
        if cache.len() >= MAX_CACHED {
            cache.clear();
        }
        cache.insert(selector.to_owned(), Rc::clone(&parsed));
    });
    parsed
}

/// An element of a page.
#[derive(Clone, Copy, Debug)]
pub struct Node<'a>(pub(crate) ElementRef<'a>);

impl<'a> Node<'a> {
    /// The elements below this one that `selector` matches, in document order.
    ///
    /// # Panics
    /// When `selector` is no CSS selector, which fails the page.
    pub fn select(&self, selector: &str) -> Vec<Node<'a>> {
        self.0.select(&compiled(selector)).map(Node).collect()
    }

    /// The first of them.
    pub fn first(&self, selector: &str) -> Option<Node<'a>> {
        self.0.select(&compiled(selector)).next().map(Node)
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
        self.0.select(&compiled(selector)).map(|element| Node(element).own_text()).collect()
    }

    /// An attribute of the first match.
    ///
    /// # Errors
    /// When nothing matches, or the match has no such attribute.
    pub fn attr(&self, selector: &str, name: &str) -> Result<String> {
        self.first(selector).ok_or_else(|| nothing(selector))?.need_attr(selector, name)
    }

    pub(crate) fn need_attr(&self, selector: &str, name: &str) -> Result<String> {
        let value = self.own_attr(name).map(str::to_owned);
        value.ok_or_else(|| Error::new(format!("the match of {selector:?} has no attribute {name:?}")))
    }

    /// The text of this element and all below it, white space folded.
    pub fn own_text(&self) -> String {
        fold(self.0.text())
    }

    /// An attribute of this element.
    pub fn own_attr(&self, name: &str) -> Option<&'a str> {
        self.0.value().attr(name)
    }

    /// The name of this element.
    pub fn name(&self) -> &'a str {
        self.0.value().name()
    }
}

pub(crate) fn nothing(selector: &str) -> Error {
    Error::new(format!("nothing on the page matches {selector:?}"))
}

/// Joins pieces of text with all runs of white space folded to one space.
pub(crate) fn fold<'t>(pieces: impl Iterator<Item = &'t str>) -> String {
    let mut folded = String::new();
    let mut gap = false;
    for character in pieces.flat_map(str::chars) {
        if character.is_whitespace() {
            gap = true;
        } else {
            if gap && !folded.is_empty() {
                folded.push(' ');
            }
            gap = false;
            folded.push(character);
        }
    }
    folded
}
