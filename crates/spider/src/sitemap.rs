//! Sitemaps: the lists of its pages that a site publishes for crawlers.
//!
//! ```text
//!  body ─► unpack: gzip, encoding ─► document: which kind? ─┬─► xml    ─┬─► entries ─► moment: the date
//!                                                           └─► lines ─┘
//! ```
//!
//! The protocol is at <https://www.sitemaps.org/protocol.html>. Besides its two XML formats, it allows RSS, Atom and text. Sites
//! make many mistakes here, so this reader is tolerant, as other crawlers are: namespaces don't matter, and an entry that is
//! unusable costs only itself. It is counted in [`SitemapFaults`].
//!
//! A sitemap may be hostile. Nothing here nests, so nothing recurses. The reader knows the five entities of XML and
//! character references. It never expands an entity that the document declares. The size of a body is bounded before and
//! after it is unpacked.

mod document;
mod entry;
mod error;
mod lines;
mod moment;
#[cfg(test)]
mod tests;
mod unpack;
#[cfg(test)]
mod vectors;
mod xml;

use url::Url;

pub use self::document::{SitemapDocument, SitemapEntries};
pub use self::entry::{SitemapEntry, SitemapFaults, SitemapKind};
pub use self::error::SitemapError;
use crate::page_memory::PageMemory;

/// The protocol allows 50,000 entries. Some sites have more.
const MAX_ENTRIES: usize = 200_000;
/// The protocol allows 50 MB. It is the same limit that a page has by default.
pub(crate) const MAX_BYTES: usize = 64 << 20;

/// A sitemap that was read completely. To look at its entries one by one, use
/// [`Page::sitemap_document`](crate::Page::sitemap_document).
///
/// ```
/// use dragline_spider::Sitemap;
///
/// let xml = "<urlset><url><loc>/a</loc><lastmod>2026-01-31</lastmod></url></urlset>";
/// let sitemap = Sitemap::read(xml.as_bytes(), &"https://shop.example/sitemap.xml".parse()?)?;
/// assert_eq!(sitemap.entries[0].url.as_str(), "https://shop.example/a");
/// assert_eq!(sitemap.entries[0].lastmod.unwrap().to_rfc3339(), "2026-01-31T00:00:00+00:00");
/// # Ok::<(), dragline_spider::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Sitemap {
    /// What it is. The entries of an index are other sitemaps.
    pub kind: SitemapKind,
    /// Its entries, in order.
    pub entries: Vec<SitemapEntry>,
    /// What was left out.
    pub faults: SitemapFaults,
}

impl Sitemap {
    /// Reads a sitemap that was fetched from `url`. The body may be a gzip file.
    ///
    /// # Errors
    /// When the body is not a sitemap, is larger than 64 MiB after unpacking, or has more than 200,000 entries.
    pub fn read(body: &[u8], url: &Url) -> Result<Self, SitemapError> {
        let memory = PageMemory::default();
        Self::of(&SitemapDocument::open(body, None, MAX_BYTES, &memory)?, url, &memory)
    }

    pub(crate) fn of(
        document: &SitemapDocument<'_>,
        url: &Url,
        memory: &PageMemory,
    ) -> Result<Self, SitemapError> {
        let mut entries = Vec::new();
        let mut read = document.entries(url);
        for entry in read.by_ref() {
            if entries.len() == MAX_ENTRIES {
                return Err(SitemapError::TooManyEntries(MAX_ENTRIES));
            }
            memory.take(entry.size())?;
            entries.push(entry);
        }
        Ok(Self { kind: document.kind(), entries, faults: read.into_faults() })
    }
}
