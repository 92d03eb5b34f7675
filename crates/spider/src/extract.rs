//! Structs that are filled from a page by the selectors on their fields.

use dragline_css::Selector;

use crate::compiled::AsSelector;
use crate::error::{Error, Result};
use crate::node::{Node, nothing};
use crate::page::Page;

/// A struct that selectors fill. `#[derive(Item)]` implements it when a field has a selector, and
/// `#[derive(Extract)]` does so for structs that are not items.
///
/// ```
/// use dragline_spider::StoredPage;
/// use dragline_spider::prelude::*;
///
/// #[derive(Item)]
/// #[item(css = "div.quote")]
/// struct Quote {
///     #[item(css = "span.text")]
///     text: String,
///     #[item(css = "small.author")]
///     author: Option<String>,
///     #[item(css = "a.tag")]
///     tags: Vec<String>,
/// }
///
/// let html = "<div class=quote><span class=text>Cut once.</span> <a class=tag>wood</a></div>";
/// let page = StoredPage::new("https://quotes.example/", html).page()?;
/// let quote = page.extract::<Quote>()?;
/// assert_eq!((quote.text.as_str(), quote.author, quote.tags.as_slice()), ("Cut once.", None, &["wood".to_owned()][..]));
///
/// let page = StoredPage::new("https://quotes.example/", "<div class=quote></div>").page()?;
/// let error = page.extract_all::<Quote>().err().map(|error| error.to_string());
/// assert_eq!(error.as_deref(), Some("the field `text`: nothing matches \"span.text\""));
/// # Ok::<(), dragline_spider::Error>(())
/// ```
pub trait Extract: Sized {
    /// The elements that hold one struct each, if the struct names them.
    #[doc(hidden)]
    fn elements() -> Option<&'static Selector> {
        None
    }

    /// Fills the struct from one element.
    ///
    /// # Errors
    /// When a field that is neither optional nor has a default matches nothing, or a text is not a value of its type.
    fn extract(node: &Node<'_>) -> Result<Self>;
}

impl Page {
    /// Fills a struct from this page: from the first element that the struct names, or from the whole page if it names
    /// none.
    ///
    /// # Errors
    /// Those of [`Extract::extract`], and when no such element is there.
    pub fn extract<T: Extract>(&self) -> Result<T> {
        match T::elements() {
            None => T::extract(&self.root()),
            Some(elements) => T::extract(&self.first(elements).ok_or_else(|| nothing(elements))?),
        }
    }

    /// Fills a struct from each element of this page that the struct names. A struct that names no elements is filled once,
    /// from the whole page.
    ///
    /// # Errors
    /// The first error of [`Extract::extract`].
    pub fn extract_all<T: Extract>(&self) -> Result<Vec<T>> {
        match T::elements() {
            None => Ok(vec![T::extract(&self.root())?]),
            Some(elements) => self.select(elements).iter().map(T::extract).collect(),
        }
    }
}

impl Node<'_> {
    /// Fills a struct from this element, whatever elements the struct names.
    ///
    /// # Errors
    /// Those of [`Extract::extract`].
    pub fn extract<T: Extract>(&self) -> Result<T> {
        T::extract(self)
    }

    /// Fills a struct from each element below this one that `selector` matches.
    ///
    /// # Errors
    /// The first error of [`Extract::extract`].
    pub fn extract_all<T: Extract>(&self, selector: impl AsSelector) -> Result<Vec<T>> {
        self.select(selector).iter().map(T::extract).collect()
    }
}

/// The error of a field.
pub(crate) fn in_field(field: &str, error: impl std::fmt::Display) -> Error {
    Error::new(format!("the field `{field}`: {error}"))
}
