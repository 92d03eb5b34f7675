//! CSS selectors with `::text` and `::attr(name)`, compiled.
//!
//! Spiders match with these selectors, and the macros check them while a spider is compiled. Both use this crate, so
//! the compiler accepts exactly the selectors that a crawl accepts.

use std::borrow::Cow;
use std::fmt;
use std::sync::OnceLock;

use html5ever::LocalName;

mod dialect;
mod error;
mod names;
mod split;

#[doc(hidden)]
pub use dialect::{Css, Name, NoPseudoClass, NoPseudoElement, Value};
pub use error::SelectorError;
use selectors::parser::SelectorList;

/// A compiled CSS selector.
///
/// In addition to CSS, each selector of a list may end in `::text` or `::attr(name)`, as in Scrapy.
///
/// ```
/// use dragline_css::Selector;
///
/// let next = Selector::new("li.next a::attr(href)")?;
/// assert_eq!(next.css(), "li.next a::attr(href)");
///
/// let error = Selector::new("li.next a[").unwrap_err();
/// assert!(error.to_string().starts_with("\"li.next a[\" is not a CSS selector"));
/// # Ok::<(), dragline_css::SelectorError>(())
/// ```
#[derive(Clone)]
pub struct Selector {
    css: Cow<'static, str>,
    parts: OnceLock<Box<[Part]>>,
}

/// The members of a selector list that select the same thing.
#[doc(hidden)]
#[derive(Clone, Debug)]
pub struct Part {
    /// The elements that they match.
    pub elements: SelectorList<Css>,
    /// The names that a matching element can have. `None` when it can have any name, and for selectors that cannot
    /// be matched one element at a time (`:nth-child`, `:has`).
    pub names: Option<Box<[LocalName]>>,
    /// What they select of each element.
    pub target: Target,
}

/// What a selector selects of an element.
#[doc(hidden)]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// The element itself.
    Element,
    /// The text nodes directly in it: `::text`.
    Text,
    /// The value of an attribute: `::attr(name)`.
    Attribute(String),
}

impl Selector {
    /// Compiles a selector.
    ///
    /// # Errors
    /// When `css` is not a CSS selector, or `::text` and `::attr(name)` do not stand at the end.
    pub fn new(css: impl Into<Cow<'static, str>>) -> Result<Self, SelectorError> {
        let css = css.into();
        let parts = compile(&css)?;
        Ok(Self { css, parts: OnceLock::from(parts) })
    }

    /// A selector that a macro has checked already. It is compiled when it is first used.
    #[doc(hidden)]
    pub const fn checked(css: &'static str) -> Self {
        Self { css: Cow::Borrowed(css), parts: OnceLock::new() }
    }

    /// The selector as it was written.
    pub fn css(&self) -> &str {
        &self.css
    }

    /// Whether it selects elements, and neither texts nor attributes.
    pub fn selects_elements(&self) -> bool {
        self.parts().iter().all(|part| part.target == Target::Element)
    }

    /// What it is made of; never empty.
    ///
    /// # Panics
    /// When it came from [`Selector::checked`] and nothing checked it.
    #[doc(hidden)]
    pub fn parts(&self) -> &[Part] {
        self.parts.get_or_init(|| compile(&self.css).unwrap_or_else(|error| panic!("{error}")))
    }
}

impl fmt::Debug for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Selector").field(&self.css).finish()
    }
}

/// Two selectors are equal if they were written alike.
impl PartialEq for Selector {
    fn eq(&self, other: &Self) -> bool {
        self.css == other.css
    }
}

impl Eq for Selector {}

fn compile(css: &str) -> Result<Box<[Part]>, SelectorError> {
    let members = split::members(css).map_err(|why| SelectorError::new(css, why))?;
    let parts = members.into_iter().map(|(elements, target)| {
        let compiled = dialect::parse(&elements).map_err(|error| error::reason(&elements, &error))?;
        let names = names::names(&compiled);
        Ok(Part { elements: compiled, names, target })
    });
    parts.collect::<Result<_, String>>().map_err(|why| SelectorError::new(css, why))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(css: &'static str) -> String {
        Selector::new(css).unwrap_err().to_string()
    }

    #[test]
    fn members_with_the_same_target_are_one_part() {
        let targets = |css: &'static str| {
            let selector = Selector::new(css).unwrap();
            selector.parts().iter().map(|part| part.target.clone()).collect::<Vec<_>>()
        };
        let href = || Target::Attribute("href".to_owned());
        assert_eq!(targets("a, b"), [Target::Element]);
        assert_eq!(targets("a::text, b::text"), [Target::Text]);
        assert_eq!(targets("a::attr(href), b::text, area::attr('href')"), [href(), Target::Text]);
        assert_eq!(targets("a, b::text"), [Target::Element, Target::Text]);
        let links = Selector::new("a::attr(href), area::attr(href)").unwrap();
        assert_eq!(links.parts()[0].names.as_ref().unwrap().len(), 2);
    }

    #[test]
    fn an_error_shows_the_selector_and_the_reason() {
        assert!(error("li.next a[").starts_with("\"li.next a[\" is not a CSS selector: "));
        assert!(error("a:hover").contains("[checked]"), "{}", error("a:hover"));
        assert!(error("a::before").contains("::attr(name)"), "{}", error("a::before"));
        assert!(error("").ends_with("it is empty"), "{}", error(""));
        assert!(
            error("a::text, ").ends_with("a selector is missing before or after a comma"),
            "{}",
            error("a,")
        );
    }

    #[test]
    fn a_selector_is_shared_between_threads() {
        static NEXT: Selector = Selector::checked("li.next a");
        let parts = std::thread::scope(|scope| scope.spawn(|| NEXT.parts().len()).join().unwrap());
        assert_eq!(parts, NEXT.parts().len());
        assert_eq!(NEXT, Selector::new("li.next a").unwrap());
    }
}
