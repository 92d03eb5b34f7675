//! Why a body could not be read as a sitemap.

use crate::page_memory::MemoryExcess;

/// Why a body could not be read as a sitemap.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SitemapError {
    /// It is XML or HTML of another kind.
    #[error(
        "its first element is {0:?}, and not that of a sitemap (urlset, sitemapindex) or of a feed (rss, feed)"
    )]
    Element(String),
    /// It is neither XML nor a list of URLs.
    #[error("it is neither XML nor a text with one URL per line")]
    NoSitemap,
    /// It is empty.
    #[error("it is empty")]
    Empty,
    /// It is a gzip file that is damaged from the beginning.
    #[error("it is a gzip file that cannot be unpacked: {0}")]
    Gzip(String),
    /// It is too large after it was unpacked.
    #[error("it is larger than {0} bytes after it was unpacked")]
    TooLarge(usize),
    /// It has too many entries.
    #[error("it has more than {0} entries")]
    TooManyEntries(usize),
    /// It needs more memory than a page may have.
    #[error(transparent)]
    Memory(#[from] MemoryExcess),
}
