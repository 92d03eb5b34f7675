//! The settings for sitemaps.

use clap::Args;
use dragline_core::{Request, Spider, secrets};
use dragline_flags::{number, text};

use super::source::{self, SitemapSource};
use crate::error::EngineError;
use crate::setting_check::require;

/// Which sitemaps a crawl reads.
#[derive(Args, Clone, Debug, PartialEq)]
#[command(next_help_heading = "Links")]
pub struct SitemapSettings {
    /// Also crawl the pages that sitemaps list [default: none]
    ///
    /// Without a value, Dragline reads the sitemaps that the robots.txt of each start host names, or /sitemap.xml
    /// if it names none. This is the same as `robots`. You can also give the URLs of sitemaps, as
    /// `--sitemaps=URL`, several separated by commas or with the flag repeated. Without a start URL, they are
    /// where the crawl starts. A sitemap may be XML, an index of other sitemaps, RSS, Atom or a text, and it may
    /// be packed with gzip. Its pages count as start pages for --max-depth, but they have to match what links
    /// have to match (--allow-domain, --allow, --deny). `none` turns off what a settings file turns on.
    #[arg(id = "sitemaps", long = "sitemaps", env = "DRAGLINE_SITEMAPS", value_name = "URL", num_args = 0..=1, require_equals = true, default_missing_value = "robots")]
    pub sitemaps: Vec<String>,

    /// The tag of pages that a sitemap lists: the kind of page that the spider parses them as [default: none]
    #[arg(
        id = "sitemap_tag",
        long = "sitemap-tag",
        env = "DRAGLINE_SITEMAP_TAG",
        value_name = "TAG",
        hide_short_help = true
    )]
    pub tag: Option<String>,

    /// How many indexes may lead to a sitemap; deeper ones aren't read
    #[arg(id = "max_sitemap_depth", long = "max-sitemap-depth", env = "DRAGLINE_MAX_SITEMAP_DEPTH", value_name = "N", value_parser = number::<u32>, default_value = text::number(Self::default().max_depth), hide_short_help = true)]
    pub max_depth: u32,
}

/// More indexes than this never lead to a sitemap. The protocol allows one.
const MAX_DEPTH: u32 = 100;

impl Default for SitemapSettings {
    fn default() -> Self {
        // Large sites have an index of indexes, although the protocol has none.
        Self { sitemaps: Vec::new(), tag: None, max_depth: 4 }
    }
}

impl SitemapSettings {
    /// The tag of pages that a sitemap lists.
    pub(crate) fn tag(&self) -> &str {
        self.tag.as_deref().unwrap_or_default()
    }

    /// The sources, as people read them: without secrets, and empty without any.
    pub fn shown(&self) -> Vec<String> {
        let Ok(sources) = self.sources() else { return Vec::new() };
        let shown = sources.into_iter().map(|source| match source {
            SitemapSource::Robots => "robots".to_owned(),
            SitemapSource::At(url) => secrets::hide(url.as_str()).into_owned(),
        });
        shown.collect()
    }

    /// The URLs that the user gave.
    pub fn urls(&self) -> Vec<String> {
        let sources = self.sources().unwrap_or_default().into_iter();
        let urls = sources.filter_map(|source| match source {
            SitemapSource::Robots => None,
            SitemapSource::At(url) => Some(url.into()),
        });
        urls.collect()
    }

    /// The sources, each once.
    pub(crate) fn sources(&self) -> Result<Vec<SitemapSource>, EngineError> {
        let mut sources: Vec<SitemapSource> = Vec::new();
        for word in self.sitemaps.iter().flat_map(|words| source::split(words)) {
            let source = SitemapSource::parse(word)
                .map_err(|problem| EngineError::Unusable { name: "sitemaps", problem })?;
            sources.extend(source.filter(|source| !sources.contains(source)));
        }
        Ok(sources)
    }

    pub(crate) fn validate(&self) -> Result<(), EngineError> {
        self.sources()?;
        require(
            self.max_depth <= MAX_DEPTH,
            "max_sitemap_depth",
            &self.max_depth,
            "it must be at most 100; the protocol of sitemaps allows one index above a sitemap",
        )
    }

    /// Checks that the spider can parse the pages.
    ///
    /// # Errors
    /// [`EngineError::Unusable`] if it has no route for their tag.
    pub fn check_spider(&self, spider: &dyn Spider) -> Result<(), EngineError> {
        if self.sources()?.is_empty() {
            return Ok(());
        }
        let page = Request::get("https://example.com/")
            .map_err(|error| super::unusable(&error))?
            .with_tag(self.tag());
        spider.routes().check([&page]).map_err(|error| EngineError::Unusable {
            name: "sitemap_tag",
            problem: format!("the spider cannot parse the pages of a sitemap: {error}"),
        })
    }
}
