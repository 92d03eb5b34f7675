//! The place of an extracted field's value. The derives use these types.

use std::borrow::Cow;
use std::fmt::Display;

use dragline_css::Selector;
use regex::Regex;

use crate::error::{Error, Result};
use crate::extract::{Extract, in_field};
use crate::node::Node;
use crate::page::Page;
use crate::pattern::{found, shortened};

/// The place of a field's value in an element.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    /// The name of the field, for errors.
    field: &'static str,
    /// What it selects. Without one, it reads the element itself.
    selector: Option<&'static Selector>,
    /// An attribute of what is selected.
    attribute: Option<&'static str>,
    /// The part of each text that counts.
    pattern: Option<&'static Regex>,
}

impl Place {
    /// A place, for the field of this name.
    pub fn new(
        field: &'static str,
        selector: Option<&'static Selector>,
        attribute: Option<&'static str>,
        pattern: Option<&'static Regex>,
    ) -> Self {
        Self { field, selector, attribute, pattern }
    }

    /// The first value.
    ///
    /// # Errors
    /// If nothing matches, or the value cannot be read.
    pub fn one<T>(&self, node: &Node<'_>, read: impl Fn(&str, &Page) -> Result<T>) -> Result<T> {
        self.optional(node, read)?.ok_or_else(|| self.nothing(node))
    }

    /// The first value, if there is one.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn optional<T>(&self, node: &Node<'_>, read: impl Fn(&str, &Page) -> Result<T>) -> Result<Option<T>> {
        let first = self.texts(node).next().map(|text| read(&text, node.page()));
        first.transpose().map_err(|error| self.unreadable(error))
    }

    /// All values.
    ///
    /// # Errors
    /// When one cannot be read.
    pub fn all<T>(&self, node: &Node<'_>, read: impl Fn(&str, &Page) -> Result<T>) -> Result<Vec<T>> {
        let values = self.texts(node).map(|text| read(&text, node.page()));
        values.collect::<Result<_>>().map_err(|error| self.unreadable(error))
    }

    /// Whether there is a value.
    pub fn exists(&self, node: &Node<'_>) -> bool {
        self.texts(node).next().is_some()
    }

    /// A struct from the first element.
    ///
    /// # Errors
    /// When there is no such element, or the struct cannot be filled.
    pub fn nested<T: Extract>(&self, node: &Node<'_>) -> Result<T> {
        self.nested_optional(node)?.ok_or_else(|| self.nothing(node))
    }

    /// A struct from the first element, if there is one.
    ///
    /// # Errors
    /// When the struct cannot be filled.
    pub fn nested_optional<T: Extract>(&self, node: &Node<'_>) -> Result<Option<T>> {
        let first = match self.selector {
            None => Some(*node),
            Some(selector) => node.first(selector),
        };
        first.map(|node| T::extract(&node)).transpose().map_err(|error| in_field(self.field, error))
    }

    /// A struct from each element.
    ///
    /// # Errors
    /// When one of them cannot be filled.
    pub fn nested_all<T: Extract>(&self, node: &Node<'_>) -> Result<Vec<T>> {
        let nodes = match self.selector {
            None => vec![*node],
            Some(selector) => node.select(selector),
        };
        nodes.iter().map(T::extract).collect::<Result<_>>().map_err(|error| in_field(self.field, error))
    }

    fn texts<'n>(&'n self, node: &'n Node<'_>) -> Box<dyn Iterator<Item = Cow<'n, str>> + 'n> {
        let texts = self.whole_texts(node);
        let Some(pattern) = self.pattern else { return texts };
        Box::new(texts.filter_map(|text| {
            let first = found(pattern, &text).next();
            first.map(|found| Cow::Owned(found.to_owned()))
        }))
    }

    fn whole_texts<'n>(&'n self, node: &'n Node<'_>) -> Box<dyn Iterator<Item = Cow<'n, str>> + 'n> {
        match (self.selector, self.attribute) {
            (Some(selector), None) => Box::new(node.find(selector).map(|found| Cow::Owned(found.text()))),
            (Some(selector), Some(name)) => Box::new(
                node.elements(selector).filter_map(move |element| element.attr(name)).map(Cow::Borrowed),
            ),
            (None, Some(name)) => Box::new(node.own_attr(name).map(Cow::Borrowed).into_iter()),
            (None, None) => Box::new(std::iter::once(Cow::Owned(node.full_text()))),
        }
    }

    /// What it selects, for errors.
    fn selected(&self) -> String {
        let selector = self.selector.map(|selector| format!("{:?}", selector.css()));
        let attribute = self.attribute.map(|name| format!("attribute {name:?}"));
        match (selector, attribute) {
            (Some(selector), Some(attribute)) => format!("{selector} with an {attribute}"),
            (Some(selector), None) => selector,
            (None, Some(attribute)) => format!("the {attribute} of the element itself"),
            (None, None) => "the text of the element itself".to_owned(),
        }
    }

    fn nothing(&self, node: &Node<'_>) -> Error {
        let text = self.whole_texts(node).next();
        in_field(
            self.field,
            match (self.pattern, text) {
                (Some(pattern), Some(text)) => {
                    format!(
                        "{:?} does not match the regular expression {:?}",
                        shortened(&text),
                        pattern.as_str()
                    )
                }
                _ => format!("nothing matches {}", self.selected()),
            },
        )
    }

    fn unreadable(&self, error: impl Display) -> Error {
        in_field(self.field, format!("{}: {error}", self.selected()))
    }
}

/// The value of a field that has a function of its own.
///
/// # Errors
/// That of the function.
pub fn made_with<T, E: Into<Error>>(
    field: &'static str,
    node: &Node<'_>,
    make: impl FnOnce(&Node<'_>) -> Result<T, E>,
) -> Result<T> {
    make(node).map_err(|error| in_field(field, error.into()))
}

/// What a function made of a text.
///
/// # Errors
/// That of the function.
pub fn parsed<T, E: Into<Error>>(parsed: Result<T, E>) -> Result<T> {
    parsed.map_err(Into::into)
}

/// A regular expression that a macro has checked.
///
/// # Panics
/// If the text is not a regular expression after all.
pub fn checked_pattern(pattern: &str) -> Regex {
    Regex::new(pattern).unwrap_or_else(|error| panic!("{pattern:?} is not a regular expression: {error}"))
}
