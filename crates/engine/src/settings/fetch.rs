//! How long a fetch may take, and how large an answer may be.

use std::time::Duration;

use super::check::{at_least_one, longer_than_zero};
use crate::error::EngineError;

/// The bounds of one fetch.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FetchSettings {
    /// Longest time for one fetch in all.
    pub request_timeout: Duration,
    /// Longest time until a connection stands: name, TCP and TLS.
    pub connect_timeout: Duration,
    /// Longest silence of a server that is connected.
    pub read_timeout: Duration,
    /// Largest body, decompressed.
    pub max_body_bytes: usize,
}

impl Default for FetchSettings {
    fn default() -> Self {
        Self {
            request_timeout: Duration::from_secs(180),
            connect_timeout: Duration::from_secs(10),
            read_timeout: Duration::from_secs(30),
            max_body_bytes: 64 << 20,
        }
    }
}

impl FetchSettings {
    pub(super) fn validate(&self) -> Result<(), EngineError> {
        at_least_one([("max_body_bytes", self.max_body_bytes)])?;
        longer_than_zero([
            ("request_timeout", self.request_timeout),
            ("connect_timeout", self.connect_timeout),
            ("read_timeout", self.read_timeout),
        ])
    }
}
