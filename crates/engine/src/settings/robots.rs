//! Whether and as whom robots.txt is obeyed.

use super::check::require;
use crate::error::EngineError;

/// What is made of robots.txt.
#[derive(Clone, Debug, PartialEq)]
pub struct RobotsSettings {
    /// Whether it is fetched and obeyed.
    pub obey: bool,
    /// The name that is looked for in it.
    pub agent: String,
}

impl Default for RobotsSettings {
    fn default() -> Self {
        Self { obey: true, agent: "dragline".to_owned() }
    }
}

impl RobotsSettings {
    pub(super) fn validate(&self) -> Result<(), EngineError> {
        require(!self.agent.is_empty(), "robots_agent", &"\"\"", "robots.txt needs a name to look for")
    }
}
