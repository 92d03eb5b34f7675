//! How far redirects are followed.

/// The bounds of a chain of redirects.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RedirectSettings {
    /// Hops after which a chain is given up.
    pub max_hops: usize,
}

impl Default for RedirectSettings {
    fn default() -> Self {
        Self { max_hops: 20 }
    }
}
