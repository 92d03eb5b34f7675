//! Regular expressions over texts, as `re()` and `re_first()` in Scrapy.

use std::borrow::Cow;
use std::ops::Deref;
use std::rc::Rc;
use std::sync::LazyLock;

use regex::{Captures, Regex};

use crate::cache::Cache;
use crate::error::{Error, Result};

thread_local! {
    static COMPILED: Cache<Regex> = Cache::new();
}

/// A regular expression: text, or a compiled [`Regex`].
///
/// Text is compiled when a thread first uses it, and then kept. If it is not a regular expression, the method that was
/// given it panics, which fails the page.
pub trait AsPattern {
    /// The compiled form.
    #[doc(hidden)]
    fn pattern(&self) -> Pattern<'_>;
}

/// A compiled regular expression, borrowed or from the cache.
#[doc(hidden)]
#[derive(Debug)]
pub enum Pattern<'p> {
    /// The caller has compiled it.
    Given(&'p Regex),
    /// It is in this thread's cache.
    Cached(Rc<Regex>),
}

/// Regular expressions on any text.
///
/// ```
/// use dragline_spider::prelude::*;
///
/// let stock = "In stock (22 available), 3 reserved";
/// assert_eq!(stock.re_first(r"\((\d+) available\)")?, "22");
/// assert_eq!(stock.re(r"\d+"), ["22", "3"]);
/// assert!(stock.re_first(r"sold (\d+)").is_err());
/// # Ok::<(), dragline_spider::Error>(())
/// ```
pub trait Re {
    /// What `pattern` matches, as in Scrapy. Without groups, this is every whole match. With groups, it is the text of every
    /// group in each match, and it is empty for a group that took no part. With a group named `extract`, it is only the text of
    /// that group in the first match.
    fn re(&self, pattern: impl AsPattern) -> Vec<String>;

    /// The first of these.
    ///
    /// # Errors
    /// When `pattern` matches nothing.
    fn re_first(&self, pattern: impl AsPattern) -> Result<String>;
}

impl Re for str {
    fn re(&self, pattern: impl AsPattern) -> Vec<String> {
        found(&pattern.pattern(), self).map(str::to_owned).collect()
    }

    fn re_first(&self, pattern: impl AsPattern) -> Result<String> {
        let pattern = pattern.pattern();
        let first = found(&pattern, self).next().map(str::to_owned);
        first
            .ok_or_else(|| Error::new(format!("{:?} does not match {:?}", shortened(self), pattern.as_str())))
    }
}

/// What `pattern` finds in `text`.
pub(crate) fn found<'t>(pattern: &'t Regex, text: &'t str) -> Box<dyn Iterator<Item = &'t str> + 't> {
    let group = |captures: &Captures<'t>, at| captures.get(at).map_or("", |group| group.as_str());
    if pattern.capture_names().flatten().any(|name| name == "extract") {
        let extracted = pattern.captures(text).and_then(|captures| captures.name("extract"));
        return Box::new(extracted.map(|found| found.as_str()).into_iter());
    }
    match pattern.captures_len() {
        1 => Box::new(pattern.find_iter(text).map(|found| found.as_str())),
        groups => Box::new(
            pattern
                .captures_iter(text)
                .flat_map(move |captures| (1..groups).map(|at| group(&captures, at)).collect::<Vec<_>>()),
        ),
    }
}

/// The text as an error shows it.
pub(crate) fn shortened(text: &str) -> Cow<'_, str> {
    const MAX_CHARACTERS: usize = 100;
    match text.char_indices().nth(MAX_CHARACTERS) {
        None => text.into(),
        Some((end, _)) => format!("{}…", &text[..end]).into(),
    }
}

impl Deref for Pattern<'_> {
    type Target = Regex;

    fn deref(&self) -> &Regex {
        match self {
            Self::Given(pattern) => pattern,
            Self::Cached(pattern) => pattern,
        }
    }
}

impl AsPattern for Regex {
    fn pattern(&self) -> Pattern<'_> {
        Pattern::Given(self)
    }
}

impl AsPattern for LazyLock<Regex> {
    fn pattern(&self) -> Pattern<'_> {
        Pattern::Given(self)
    }
}

impl AsPattern for str {
    fn pattern(&self) -> Pattern<'_> {
        let compile =
            || Regex::new(self).map_err(|error| format!("{self:?} is not a regular expression: {error}"));
        Pattern::Cached(COMPILED.with(|cache| cache.get(self, compile)))
    }
}

impl AsPattern for String {
    fn pattern(&self) -> Pattern<'_> {
        self.as_str().pattern()
    }
}

impl<T: AsPattern + ?Sized> AsPattern for &T {
    fn pattern(&self) -> Pattern<'_> {
        (**self).pattern()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_count_as_in_scrapy() {
        let text = "a1 b2 c";
        for (pattern, expected) in [
            (r"\w\d", &["a1", "b2"] as &[_]),
            (r"(\w)(\d)", &["a", "1", "b", "2"]),
            (r"(\w)(\d)?", &["a", "1", "b", "2", "c", ""]),
            (r"(?<letter>\w)(?<extract>\d)", &["1"]),
            (r"(?:\w)(\d)", &["1", "2"]),
            (r"x", &[]),
        ] {
            assert_eq!(text.re(pattern), expected, "{pattern}");
            assert_eq!(text.re_first(pattern).ok().as_deref(), expected.first().copied(), "{pattern}");
        }
    }

    #[test]
    fn compiled_patterns_are_taken_too() {
        static NUMBER: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"\d+").unwrap());
        assert_eq!("a 12".re_first(&NUMBER).unwrap(), "12");
        assert_eq!("a 12".re(&*NUMBER), ["12"]);
    }

    #[test]
    fn what_does_not_match_is_shown() {
        let error = "ä".repeat(200).re_first(r"\d").unwrap_err().to_string();
        assert!(error.ends_with("ä…\" does not match \"\\\\d\""), "{error}");
    }

    #[test]
    #[should_panic(expected = "\"(\" is not a regular expression")]
    fn an_invalid_expression_says_so() {
        "a".re("(");
    }
}
