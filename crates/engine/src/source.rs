//! Where a run gets its pages from.

/// Where a run gets its pages from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PageSource {
    /// From their sites.
    #[default]
    Sites,
    /// From what earlier runs have kept. Pages of which nothing is kept are fetched.
    KeptFirst,
    /// Only from what earlier runs have kept. Nothing is sent to anybody, and links are not followed.
    OnlyKept,
}

impl PageSource {
    /// Whether the store is asked for a page first.
    pub(crate) fn reads_kept_pages(self) -> bool {
        self != Self::Sites
    }

    /// Whether requests may be sent.
    pub(crate) fn may_fetch(self) -> bool {
        self != Self::OnlyKept
    }
}
