//! A sitemap as a text, of which the kind is known. Its entries are read one by one.

use std::borrow::Cow;

use url::Url;

use super::entry::{SitemapEntry, SitemapFaults, SitemapKind};
use super::error::SitemapError;
use super::xml::{RawEntry, XmlEntries};
use super::{lines, moment, unpack, xml};
use crate::page_memory::PageMemory;
use crate::resolve::resolve;

/// A sitemap that was unpacked.
#[derive(Debug)]
pub struct SitemapDocument<'a> {
    text: Cow<'a, str>,
    kind: SitemapKind,
    /// Why the end of the text is missing.
    broken: Option<String>,
}

/// The entries of a sitemap, one after the other.
pub struct SitemapEntries<'a> {
    source: Source<'a>,
    url: Url,
    faults: SitemapFaults,
}

enum Source<'a> {
    Xml(Box<XmlEntries<'a>>),
    Lines(Box<dyn Iterator<Item = &'a str> + 'a>),
}

impl<'a> SitemapDocument<'a> {
    /// Unpacks the body of an answer with this `Content-Type`, to at most `max_bytes`, and looks what it is.
    pub(crate) fn open(
        body: &'a [u8],
        content_type: Option<&str>,
        max_bytes: usize,
        memory: &PageMemory,
    ) -> Result<Self, SitemapError> {
        let unpack::Unpacked { bytes, broken } = unpack::unpacked(body, max_bytes, memory)?;
        let text = unpack::text(bytes, content_type, memory)?;
        let start = text.trim_start_matches(|c: char| c.is_whitespace() || c == '\u{feff}');
        let kind = if start.is_empty() {
            return Err(SitemapError::Empty);
        } else if start.starts_with('<') {
            let root = xml::root(start).ok_or(SitemapError::NoSitemap)?;
            xml::kind_of(&root).ok_or(SitemapError::Element(root))?
        } else if lines::lines(start).any(|line| lines::url(line).is_some()) {
            SitemapKind::Text
        } else {
            return Err(SitemapError::NoSitemap);
        };
        Ok(Self { text, kind, broken })
    }

    /// What it is. The entries of an index are other sitemaps.
    pub fn kind(&self) -> SitemapKind {
        self.kind
    }

    /// Its entries. `url` is where it was fetched from, because a site may write relative URLs.
    pub fn entries(&self, url: &Url) -> SitemapEntries<'_> {
        let start = self.text.trim_start_matches(|c: char| c.is_whitespace() || c == '\u{feff}');
        let source = match self.kind {
            SitemapKind::Text => Source::Lines(Box::new(lines::lines(start))),
            kind => Source::Xml(Box::new(XmlEntries::new(start, kind))),
        };
        let faults = SitemapFaults { broken: self.broken.clone(), ..SitemapFaults::default() };
        SitemapEntries { source, url: url.clone(), faults }
    }
}

impl SitemapEntries<'_> {
    /// What was left out so far.
    pub fn faults(&self) -> &SitemapFaults {
        &self.faults
    }

    /// The same, at the end.
    pub fn into_faults(self) -> SitemapFaults {
        self.faults
    }

    /// The entry, or `None` if it has no usable URL.
    fn checked(&mut self, raw: RawEntry) -> Option<SitemapEntry> {
        let Some(url) = raw.place().and_then(|place| self.resolved(place)) else {
            self.faults.unusable_urls += 1;
            return None;
        };
        let lastmod = raw.date().and_then(|text| {
            let moment = moment::moment(text);
            self.faults.invalid_dates += u64::from(moment.is_none());
            moment
        });
        let mut alternates = Vec::with_capacity(raw.alternates.len());
        for href in &raw.alternates {
            match self.resolved(href) {
                Some(url) => alternates.push(url),
                None => self.faults.unusable_urls += 1,
            }
        }
        let priority = raw.priority.and_then(|text| text.parse::<f32>().ok());
        Some(SitemapEntry {
            url,
            lastmod,
            changefreq: raw.changefreq,
            priority: priority.filter(|priority| (0.0..=1.0).contains(priority)),
            alternates,
        })
    }

    fn resolved(&self, text: &str) -> Option<Url> {
        if text.is_empty() {
            return None;
        }
        let url = resolve(&self.url, text, None).ok()?;
        (matches!(url.scheme(), "http" | "https") && url.has_host()).then_some(url)
    }
}

impl Iterator for SitemapEntries<'_> {
    type Item = SitemapEntry;

    fn next(&mut self) -> Option<SitemapEntry> {
        loop {
            match &mut self.source {
                Source::Lines(lines) => match lines::url(lines.next()?) {
                    Some(url) => return Some(SitemapEntry::of(url)),
                    None => self.faults.unusable_urls += 1,
                },
                Source::Xml(entries) => {
                    let Some(raw) = entries.next() else {
                        let broken = entries.take_problem();
                        self.faults.broken = self.faults.broken.take().or(broken);
                        return None;
                    };
                    if let Some(entry) = self.checked(raw) {
                        return Some(entry);
                    }
                }
            }
        }
    }
}

impl SitemapEntry {
    fn of(url: Url) -> Self {
        Self { url, lastmod: None, changefreq: None, priority: None, alternates: Vec::new() }
    }
}

impl std::fmt::Debug for SitemapEntries<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SitemapEntries")
            .field("url", &self.url.as_str())
            .field("faults", &self.faults)
            .finish()
    }
}
