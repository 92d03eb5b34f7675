//! Why a text is not a selector.

use std::fmt;

use cssparser::{BasicParseErrorKind, ParseErrorKind};
use selectors::parser::SelectorParseErrorKind;

/// A text that is not a CSS selector, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SelectorError {
    css: String,
    reason: String,
}

impl SelectorError {
    pub(crate) fn new(css: &str, reason: String) -> Self {
        Self { css: css.to_owned(), reason }
    }

    /// The text.
    pub fn css(&self) -> &str {
        &self.css
    }

    /// Why it is not a selector.
    pub fn reason(&self) -> &str {
        &self.reason
    }
}

impl fmt::Display for SelectorError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} is not a CSS selector: {}", self.css, self.reason)
    }
}

impl std::error::Error for SelectorError {}

/// What the parser says, in words that help. The parser itself asks its users to report whatever it does not know.
pub(crate) fn reason(css: &str, error: &ParseErrorKind<SelectorParseErrorKind>) -> String {
    use BasicParseErrorKind as Basic;
    use SelectorParseErrorKind as Kind;
    let kind = match error {
        ParseErrorKind::Custom(kind) => kind,
        ParseErrorKind::Basic(Basic::EndOfInput) => return "it ends too early".to_owned(),
        ParseErrorKind::Basic(Basic::TooManyNestedBlocks) => {
            return "its brackets nest too deep".to_owned();
        }
        ParseErrorKind::Basic(_) => return "a character in it is not expected there".to_owned(),
    };
    match kind {
        Kind::PseudoElementExpectedColon => "a colon of a pseudo-element is missing".to_owned(),
        Kind::PseudoElementExpectedIdent => "the name of a pseudo-element is missing".to_owned(),
        Kind::UnsupportedPseudoClassOrElement if css.contains("::") => {
            "only `::text` and `::attr(name)` are supported, and only at the end of a selector".to_owned()
        }
        Kind::UnsupportedPseudoClassOrElement => {
            "this pseudo-class is not supported; the state of an element is in its attributes, such as [checked]"
                .to_owned()
        }
        Kind::EmptySelector => "a part of it is empty".to_owned(),
        Kind::DanglingCombinator => "something is missing before or after a combinator".to_owned(),
        other => format!("{other:?}"),
    }
}
