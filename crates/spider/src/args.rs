//! The arguments of a run: `-a NAME=VALUE` and `--start-url URL`.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use url::Url;

use crate::argument_error::ArgumentError;
use crate::arguments::SpiderArgs;
use crate::secrets::{hide, hide_in_url, is_secret_name};
use crate::typed_values::TypedValues;

/// What the user gave to the spider. Clones share it.
///
/// ```
/// use dragline_spider::Args;
///
/// let args = Args::default().with_value("category", "poetry");
/// assert_eq!(args.get("category"), Some("poetry"));
/// assert_eq!(args.get("pages"), None);
/// ```
#[derive(Clone, Default)]
pub struct Args(Arc<Given>);

#[derive(Default)]
struct Given {
    start_urls: Vec<Url>,
    values: BTreeMap<String, String>,
    /// The tag of the start URLs.
    start_tag: String,
    /// The structs that were read from the values.
    typed: TypedValues,
}

impl Args {
    /// Arguments from their parts.
    pub fn new(start_urls: Vec<Url>, values: BTreeMap<String, String>) -> Self {
        Self(Arc::new(Given { start_urls, values, ..Given::default() }))
    }

    /// Adds an argument, as `-a NAME=VALUE` does.
    #[must_use]
    pub fn with_value(self, name: impl Into<String>, value: impl Into<String>) -> Self {
        let mut values = self.0.values.clone();
        values.insert(name.into(), value.into());
        let Given { start_urls, start_tag, .. } = &*self.0;
        let (start_urls, start_tag) = (start_urls.clone(), start_tag.clone());
        Self(Arc::new(Given { start_urls, values, start_tag, ..Given::default() }))
    }

    /// Sets the tag of the start URLs, as `--tag` does. It selects the function that parses their pages.
    #[must_use]
    pub fn with_start_tag(self, tag: impl Into<String>) -> Self {
        let (start_urls, values) = (self.0.start_urls.clone(), self.0.values.clone());
        Self(Arc::new(Given { start_urls, values, start_tag: tag.into(), ..Given::default() }))
    }

    /// The start URLs that the user named. If there are any, they replace the spider's own.
    pub fn start_urls(&self) -> &[Url] {
        &self.0.start_urls
    }

    /// The tag of the start URLs that the user named; empty if they have none.
    pub fn start_tag(&self) -> &str {
        &self.0.start_tag
    }

    /// The value of an argument.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.values.get(name).map(String::as_str)
    }

    /// All arguments, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.values.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// The arguments as a struct. A run reads them once, and every page gets the same value.
    ///
    /// ```
    /// # extern crate dragline_spider as dragline;
    /// use dragline::prelude::*;
    ///
    /// #[derive(SpiderArgs)]
    /// struct BookArgs {
    ///     /// Only this category
    ///     category: Option<String>,
    ///     /// How many pages of each category
    ///     #[arg(default = 3)]
    ///     pages: u32,
    /// }
    ///
    /// let args = Args::default().with_value("category", "poetry");
    /// let typed = args.typed::<BookArgs>()?;
    /// assert_eq!((typed.category.as_deref(), typed.pages), (Some("poetry"), 3));
    /// # Ok::<(), Error>(())
    /// ```
    ///
    /// # Errors
    /// When a required argument is missing, or a value does not fit its type. If
    /// [`Spider::arguments`](crate::Spider::arguments) returns `BookArgs::arguments()`, a page never sees this error, because a
    /// crawl with such arguments does not start.
    pub fn typed<T: SpiderArgs>(&self) -> Result<&T, ArgumentError> {
        self.0.typed.get_or_try_insert(|| T::from_args(self))
    }

    /// The arguments that may be stored and shown. Those named like a secret are left out, and what looks like a secret in the
    /// others is hidden.
    pub fn shown(&self) -> BTreeMap<String, String> {
        let shown = self.iter().filter(|(name, _)| !is_secret_name(name));
        shown.map(|(name, value)| (hide(name).into_owned(), hide(value).into_owned())).collect()
    }

    /// The start URLs as they may be stored and shown.
    pub fn shown_start_urls(&self) -> Vec<String> {
        self.start_urls().iter().map(hide_in_url).collect()
    }
}

impl PartialEq for Args {
    fn eq(&self, other: &Self) -> bool {
        let parts =
            |args: &Self| (args.0.start_urls.clone(), args.0.values.clone(), args.0.start_tag.clone());
        parts(self) == parts(other)
    }
}

/// Without secrets.
impl fmt::Debug for Args {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Args");
        shown.field("start_urls", &self.shown_start_urls()).field("values", &self.shown());
        shown.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_given_but_never_shown() {
        let args = Args::default().with_value("api_key", "hunter2").with_value("tag", "love");
        assert_eq!(args.get("api_key"), Some("hunter2"));
        assert_eq!(args.shown().into_keys().collect::<Vec<_>>(), ["tag"]);
        let url = "https://a.example/?page=2&token=hunter2".parse().unwrap();
        let args =
            Args::new(vec![url], args.0.values.clone()).with_value("feed", "http://me:hunter2@b.example/");
        assert_eq!(args.shown()["feed"], "http://***@b.example/");
        assert_eq!(args.shown_start_urls(), ["https://a.example/?page=2&token=***"]);
        let shown = format!("{args:?}");
        assert!(shown.contains("love") && !shown.contains("hunter2"), "{shown}");
    }
}
