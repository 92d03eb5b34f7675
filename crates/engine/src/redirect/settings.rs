//! The settings for redirects.

use std::time::Duration;

/// The limits on a chain of redirects.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RedirectSettings {
    /// Largest number of hops. A longer chain fails.
    pub max_hops: usize,
    /// A page with a refresh (`<meta http-equiv=refresh>`) of at most this delay is followed like a redirect. With `None`, such a
    /// page is parsed.
    pub max_refresh_delay: Option<Duration>,
}

impl Default for RedirectSettings {
    fn default() -> Self {
        Self { max_hops: 20, max_refresh_delay: Some(Duration::from_secs(100)) }
    }
}
