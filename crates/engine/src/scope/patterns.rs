//! Patterns that a URL must match, and such as it must not.

use regex::RegexSet;

use crate::error::EngineError;

/// Regular expressions over whole URLs; they match anywhere in one.
#[derive(Debug)]
pub(super) struct Patterns {
    allow: Option<RegexSet>,
    deny: Option<RegexSet>,
}

impl Patterns {
    pub(super) fn new<'a>(
        allow: impl IntoIterator<Item = &'a String>,
        deny: impl IntoIterator<Item = &'a String>,
    ) -> Result<Self, EngineError> {
        Ok(Self { allow: set("allow", allow)?, deny: set("deny", deny)? })
    }

    /// Whether a URL matches one of those that are allowed, or there are none.
    pub(super) fn allow(&self, url: &str) -> bool {
        self.allow.as_ref().is_none_or(|patterns| patterns.is_match(url))
    }

    /// Whether it matches one that is denied.
    pub(super) fn deny(&self, url: &str) -> bool {
        self.deny.as_ref().is_some_and(|patterns| patterns.is_match(url))
    }
}

fn set<'a>(
    name: &'static str,
    patterns: impl IntoIterator<Item = &'a String>,
) -> Result<Option<RegexSet>, EngineError> {
    let patterns: Vec<&String> = patterns.into_iter().collect();
    if patterns.is_empty() {
        return Ok(None);
    }
    // One by one, for the set's error does not say which.
    for pattern in &patterns {
        regex::Regex::new(pattern).map_err(|error| {
            // It draws the pattern with an arrow below; the last line says what is wrong.
            let error = error.to_string();
            let problem = error.lines().last().unwrap_or_default().trim_start_matches("error: ");
            EngineError::Unusable { name, problem: format!("{pattern:?} is no pattern: {problem}") }
        })?;
    }
    let together = RegexSet::new(patterns);
    let unusable = |error: regex::Error| EngineError::Unusable { name, problem: error.to_string() };
    together.map(Some).map_err(unusable)
}
