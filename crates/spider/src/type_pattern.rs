//! Media types, and patterns of them.

use std::fmt;
use std::str::FromStr;

/// A media type, or many of them: `text/html`, `text/*`, `application/*+xml`, `*/*`.
///
/// ```
/// use dragline_spider::TypePattern;
///
/// let feeds: TypePattern = "application/*+xml".parse()?;
/// assert!(feeds.covers("application/rss+xml") && !feeds.covers("text/xml"));
/// # Ok::<(), dragline_spider::type_pattern::TypePatternError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TypePattern {
    before: String,
    /// What comes after the star, if there is one.
    after: Option<String>,
}

/// An invalid pattern.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a type such as text/html, text/* or application/*+xml")]
pub struct TypePatternError(String);

impl TypePattern {
    /// Whether the pattern covers a type. The type must be in lower case and have no parameters.
    pub fn covers(&self, essence: &str) -> bool {
        match &self.after {
            None => essence == self.before,
            Some(after) => {
                essence.strip_prefix(self.before.as_str()).is_some_and(|rest| rest.ends_with(after.as_str()))
            }
        }
    }
}

impl FromStr for TypePattern {
    type Err = TypePatternError;

    fn from_str(text: &str) -> Result<Self, TypePatternError> {
        let lower = text.trim().to_ascii_lowercase();
        // `*/*+json` and `*+json` mean the same.
        let text = lower.strip_prefix("*/*").map_or_else(|| lower.clone(), |rest| format!("*{rest}"));
        let is_token = |c: char| c.is_ascii_alphanumeric() || "!#$&-^_.+/*".contains(c);
        let is_type = text.starts_with('*') || (text.matches('/').count() == 1 && !text.starts_with('/'));
        if !is_type || text.ends_with('/') || !text.chars().all(is_token) || text.matches('*').count() > 1 {
            return Err(TypePatternError(lower));
        }
        Ok(match text.split_once('*') {
            None => Self { before: text, after: None },
            Some((before, after)) => Self { before: before.to_owned(), after: Some(after.to_owned()) },
        })
    }
}

impl fmt::Display for TypePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { before, after } = self;
        match after {
            None => f.write_str(before),
            Some(after) if before.is_empty() => write!(f, "*/*{after}"),
            Some(after) => write!(f, "{before}*{after}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_covers_one_type_or_many() {
        for (pattern, covered, not_covered) in [
            ("text/html", &["text/html"][..], &["text/htmlx", "text/plain"][..]),
            (" Text/* ", &["text/html", "text/x-y"], &["application/text"]),
            ("application/*xml", &["application/xml", "application/rss+xml"], &["text/xml", "image/svg+xml"]),
            ("*/*+json", &["application/ld+json", "model/gltf+json"], &["application/json"]),
            ("*/*", &["a/b", "text/html"], &[]),
        ] {
            let read: TypePattern = pattern.parse().unwrap();
            assert_eq!(read.to_string().parse(), Ok(read.clone()), "{pattern}");
            assert!(covered.iter().all(|essence| read.covers(essence)), "{pattern}");
            assert!(!not_covered.iter().any(|essence| read.covers(essence)), "{pattern}");
        }
        for none in
            ["", "html", "text/", "/html", "text/html;charset=x", "a/b/c", "te xt/*", "*/*/*", "text/*a*"]
        {
            let error = none.parse::<TypePattern>().unwrap_err();
            assert!(error.to_string().contains("is not a type such as"), "{none}: {error}");
        }
    }
}
