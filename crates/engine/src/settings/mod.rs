//! The settings of a crawl, as plain values that are checked once. The command line and the settings file are the CLI's concern.
//!
//! Each part of the engine owns its settings, and this module puts them together.

mod gone;
mod keep;
mod limits;
#[cfg(test)]
mod tests;
mod verdict;
mod watch;
mod window;

use std::num::NonZero;
use std::time::Duration;

use dragline_core::page_memory::DEFAULT_LIMIT_BYTES;
use dragline_core::{ItemLimits, SameRequest, Spider};

pub use self::gone::{GoneAfter, GoneSettings};
pub use self::keep::KeepSettings;
pub use self::limits::LimitSettings;
pub use self::verdict::VerdictSettings;
pub use self::watch::{MinFilled, MinItems, WatchSettings};
pub use self::window::WindowSettings;
use crate::error::EngineError;
use crate::fetch::HttpSettings;
pub use crate::fetch::{ClientSettings, CookieMode, FetchSettings};
pub use crate::outage::OutageSettings;
pub use crate::pace::PaceSettings;
pub use crate::redirect::RedirectSettings;
pub use crate::retry::RetrySettings;
use crate::revisit::RevisitSettings;
pub use crate::robots::{PageRule, RobotsSettings};
pub use crate::scope::LinkSettings;
use crate::scope::Scope;
use crate::setting_check::{at_least_one, longer_than_zero, require};
pub use crate::sitemaps::SitemapSettings;

/// The settings of scheduler, downloader and crawl threads.
#[derive(Clone, Debug, PartialEq)]
pub struct EngineSettings {
    /// Requests in flight at once, to all hosts together. This is also the number of credits.
    pub concurrency: usize,
    /// Threads that parse pages.
    pub crawl_threads: usize,
    /// Longest time to parse one page. After that, the page fails and another thread takes over.
    pub parse_timeout: Duration,
    /// Memory for bodies, outcomes and batches. Above it, nothing new is claimed.
    pub memory_budget_bytes: usize,
    /// Most memory that one page may take, with its tree and everything that the spider makes of it. A page that needs more fails.
    pub max_page_memory_bytes: usize,
    /// How large an item may be.
    pub items: ItemLimits,
    /// How long fetches in flight may continue after a stop.
    pub stop_grace: Duration,
    /// When to end the run.
    pub limits: LimitSettings,
    /// How much of the frontier is held in memory.
    pub window: WindowSettings,
    /// The pace of each host.
    pub pace: PaceSettings,
    /// How to obey robots.txt.
    pub robots: RobotsSettings,
    /// Which links to follow.
    pub links: LinkSettings,
    /// Which sitemaps to read.
    pub sitemaps: SitemapSettings,
    /// The HTTP client.
    pub client: ClientSettings,
    /// The limits on one fetch.
    pub fetch: FetchSettings,
    /// Which requests are retried.
    pub retry: RetrySettings,
    /// What is kept of pages that failed.
    pub keep: KeepSettings,
    /// What to fetch again of what earlier runs have seen.
    pub revisits: RevisitSettings,
    /// The limits on redirects.
    pub redirects: RedirectSettings,
    /// How long to wait for the network.
    pub outage: OutageSettings,
}

impl Default for EngineSettings {
    fn default() -> Self {
        Self {
            concurrency: 32,
            crawl_threads: std::thread::available_parallelism().map_or(1, NonZero::get),
            parse_timeout: Duration::from_secs(300),
            memory_budget_bytes: 256 << 20,
            max_page_memory_bytes: DEFAULT_LIMIT_BYTES,
            items: ItemLimits::default(),
            stop_grace: Duration::from_secs(2),
            limits: LimitSettings::default(),
            window: WindowSettings::default(),
            pace: PaceSettings::default(),
            robots: RobotsSettings::default(),
            links: LinkSettings::default(),
            sitemaps: SitemapSettings::default(),
            client: ClientSettings::default(),
            fetch: FetchSettings::default(),
            retry: RetrySettings::default(),
            keep: KeepSettings::default(),
            revisits: RevisitSettings::default(),
            redirects: RedirectSettings::default(),
            outage: OutageSettings::default(),
        }
    }
}

impl EngineSettings {
    /// Checks the values, as far as their types allow invalid ones.
    ///
    /// # Errors
    /// [`EngineError::Setting`] for the first invalid value.
    pub fn validate(&self) -> Result<(), EngineError> {
        at_least_one([
            ("concurrency", self.concurrency),
            ("crawl_threads", self.crawl_threads),
            ("memory_budget_bytes", self.memory_budget_bytes),
            ("max_page_memory_bytes", self.max_page_memory_bytes),
            ("max_item_bytes", self.items.max_item_bytes),
            ("max_field_bytes", self.items.max_field_bytes),
        ])?;
        // Each request needs a slot in a channel, and each thread needs a stack.
        let few = self.concurrency <= 100_000;
        require(few, "concurrency", &self.concurrency, "it must be at most 100000")?;
        require(
            self.crawl_threads <= 1024,
            "crawl_threads",
            &self.crawl_threads,
            "it must be at most 1024; more threads than cores parse no faster",
        )?;
        longer_than_zero([("parse_timeout", self.parse_timeout)])?;
        self.limits.validate()?;
        self.window.validate()?;
        self.pace.validate()?;
        self.robots.validate()?;
        self.links.validate()?;
        Scope::check(&self.links)?;
        self.sitemaps.validate()?;
        self.keep.validate()?;
        self.revisits.validate()?;
        self.client.validate()?;
        self.fetch.validate()
    }

    /// Connections to all hosts together: the setting, or what the limit on open files leaves room for.
    pub(crate) fn max_connections(&self) -> usize {
        self.fetch.max_connections.unwrap_or_else(|| crate::fetch::max_connections(self.concurrency))
    }

    /// The rule that decides which requests are the same: the spider's rule with the ignored parameters of the settings. A run
    /// keeps the rule that it began with.
    pub fn same_request(&self, spider: &dyn Spider) -> SameRequest {
        spider.same_request().with_ignored(self.links.ignored_parameters.iter().cloned())
    }

    /// These settings with a change.
    #[cfg(test)]
    pub(crate) fn but(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }
}

impl<'a> From<&'a EngineSettings> for HttpSettings<'a> {
    fn from(settings: &'a EngineSettings) -> Self {
        let EngineSettings { client, fetch, pace, keep, .. } = settings;
        Self {
            client,
            fetch,
            idle_connections_per_host: pace.host_concurrency,
            max_connections: settings.max_connections(),
            keep_failed_bytes: keep.failed_bytes,
        }
    }
}
