//! Which links are followed.

use super::check::at_least_one;
use crate::error::EngineError;

/// What a link must be to enter the frontier.
#[derive(Clone, Debug, PartialEq)]
pub struct LinkSettings {
    /// Links deeper than this are not followed; start requests have depth 0.
    pub max_depth: Option<u32>,
    /// Links longer than this are not followed. 2,083 is the longest that browsers have agreed on.
    pub max_url_bytes: usize,
}

impl Default for LinkSettings {
    fn default() -> Self {
        Self { max_depth: None, max_url_bytes: 2083 }
    }
}

impl LinkSettings {
    pub(super) fn validate(&self) -> Result<(), EngineError> {
        at_least_one([("max_url_bytes", self.max_url_bytes)])
    }
}
