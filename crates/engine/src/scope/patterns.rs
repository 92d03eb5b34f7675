//! Patterns that a URL must match or must not match.

use regex::RegexSet;

use crate::error::EngineError;

/// Regular expressions that may match anywhere in a URL.
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

    /// Whether a URL matches an allowed pattern, or there are none.
    pub(super) fn allow(&self, url: &str) -> bool {
        self.allow.as_ref().is_none_or(|patterns| patterns.is_match(url))
    }

    /// Whether a URL matches a denied pattern.
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
    // Check each pattern, because the error of the set does not say which one is invalid.
    for pattern in &patterns {
        regex::Regex::new(pattern).map_err(|error| {
            // The error shows the pattern with an arrow, and its last line describes the problem.
            let error = error.to_string();
            let problem = error.lines().last().unwrap_or_default().trim_start_matches("error: ");
            EngineError::Unusable {
                name,
                problem: format!("{pattern:?} is not a regular expression: {problem}"),
            }
        })?;
    }
    let together = RegexSet::new(patterns);
    let unusable = |error: regex::Error| EngineError::Unusable { name, problem: error.to_string() };
    together.map(Some).map_err(unusable)
}
