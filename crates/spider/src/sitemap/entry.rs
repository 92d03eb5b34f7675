//! What a sitemap says about a page.

use chrono::{DateTime, Utc};
use url::Url;

/// The kind of a sitemap.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SitemapKind {
    /// A list of pages (`<urlset>`).
    UrlSet,
    /// A list of other sitemaps (`<sitemapindex>`).
    Index,
    /// An RSS feed. Its items are pages.
    Rss,
    /// An Atom feed. Its entries are pages.
    Atom,
    /// A text with one URL per line.
    Text,
}

/// A page, or another sitemap if this is an entry of an index.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct SitemapEntry {
    /// Where it is.
    pub url: Url,
    /// When it last changed, as the site says. A date without a time is its midnight in UTC.
    pub lastmod: Option<DateTime<Utc>>,
    /// How often it changes, as the site says: `daily`, `never` …
    pub changefreq: Option<String>,
    /// How important it is among the pages of the site, from 0 to 1.
    pub priority: Option<f32>,
    /// The same page in other languages (`xhtml:link rel="alternate"`).
    pub alternates: Vec<Url>,
}

/// What was left out of a sitemap.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SitemapFaults {
    /// Entries and alternates without an http(s) URL.
    pub unusable_urls: u64,
    /// Dates that are none. Their entries have no `lastmod`.
    pub invalid_dates: u64,
    /// Why the rest of the document could not be read. The entries before it were.
    pub broken: Option<String>,
}

impl SitemapKind {
    /// The name of its first element, or `text`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::UrlSet => "urlset",
            Self::Index => "sitemapindex",
            Self::Rss => "rss",
            Self::Atom => "feed",
            Self::Text => "text",
        }
    }
}

impl SitemapEntry {
    /// About how much memory it takes.
    pub(super) fn size(&self) -> usize {
        let urls: usize = self.alternates.iter().map(|url| size_of::<Url>() + url.as_str().len()).sum();
        size_of::<Self>()
            + self.url.as_str().len()
            + urls
            + self.changefreq.as_ref().map_or(0, String::capacity)
    }
}
