//! How far redirects are followed.

use std::time::Duration;

/// The bounds of a chain of redirects.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RedirectSettings {
    /// Hops after which a chain is given up.
    pub max_hops: usize,
    /// A page that sends its reader on (`<meta http-equiv=refresh>`) after at most so long is followed as a redirect;
    /// `None`: it is parsed.
    pub max_refresh_delay: Option<Duration>,
}

impl Default for RedirectSettings {
    fn default() -> Self {
        Self { max_hops: 20, max_refresh_delay: Some(Duration::from_secs(100)) }
    }
}
