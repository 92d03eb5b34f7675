//! What a crawl may do and how fast. Plain values, checked once; the layers they come from are the CLI's.
//!
//! A file for each concern; whoever needs one takes that one, not all.

mod limits;
#[cfg(test)]
mod tests;
mod window;

use std::num::NonZero;
use std::time::Duration;

use dragline_core::{SameRequest, Spider};

pub use self::limits::LimitSettings;
pub use self::window::WindowSettings;
use crate::error::EngineError;
use crate::fetch::HttpSettings;
pub use crate::fetch::{ClientSettings, CookieMode, FetchSettings};
pub use crate::pace::PaceSettings;
pub use crate::redirect::RedirectSettings;
pub use crate::retry::RetrySettings;
pub use crate::robots::{PageRobotsSettings, RobotsSettings};
pub use crate::scope::LinkSettings;
use crate::scope::Scope;
use crate::setting_check::{at_least_one, longer_than_zero, require};

/// The settings of scheduler, downloader and crawl threads.
#[derive(Clone, Debug, PartialEq)]
pub struct EngineSettings {
    /// Requests in flight at once, all hosts together; the number of credits.
    pub concurrency: usize,
    /// Threads that parse.
    pub crawl_threads: usize,
    /// Longest time for the parse of one page. After it the page fails and its thread is left behind.
    pub parse_timeout: Duration,
    /// Memory for bodies, outcomes and batches; above it nothing new is claimed.
    pub memory_budget_bytes: usize,
    /// How long fetches in flight may go on after a stop.
    pub stop_grace: Duration,
    /// Until when a run is crawled.
    pub limits: LimitSettings,
    /// How much of the frontier is in memory.
    pub window: WindowSettings,
    /// How fast one host is asked.
    pub pace: PaceSettings,
    /// Whether robots.txt is obeyed.
    pub robots: RobotsSettings,
    /// Which links are followed.
    pub links: LinkSettings,
    /// Who asks, and through whom.
    pub client: ClientSettings,
    /// How long a fetch may take, and how much it may bring.
    pub fetch: FetchSettings,
    /// What is tried again.
    pub retry: RetrySettings,
    /// How far redirects are followed.
    pub redirects: RedirectSettings,
}

impl Default for EngineSettings {
    fn default() -> Self {
        Self {
            concurrency: 32,
            crawl_threads: std::thread::available_parallelism().map_or(1, NonZero::get),
            parse_timeout: Duration::from_secs(300),
            memory_budget_bytes: 256 << 20,
            stop_grace: Duration::from_secs(2),
            limits: LimitSettings::default(),
            window: WindowSettings::default(),
            pace: PaceSettings::default(),
            robots: RobotsSettings::default(),
            links: LinkSettings::default(),
            client: ClientSettings::default(),
            fetch: FetchSettings::default(),
            retry: RetrySettings::default(),
            redirects: RedirectSettings::default(),
        }
    }
}

impl EngineSettings {
    /// Checks what the types cannot say.
    ///
    /// # Errors
    /// [`EngineError::Setting`] for the first value that cannot be.
    pub fn validate(&self) -> Result<(), EngineError> {
        at_least_one([
            ("concurrency", self.concurrency),
            ("crawl_threads", self.crawl_threads),
            ("memory_budget_bytes", self.memory_budget_bytes),
        ])?;
        // There is a place in a channel for each of the one, and a stack for each of the other.
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
        self.client.validate()?;
        self.fetch.validate()
    }

    /// The rule for the same request: the spider's, with what is set beside it. A run keeps the one that it began with.
    pub fn same_request(&self, spider: &dyn Spider) -> SameRequest {
        spider.same_request().with_ignored(self.links.ignored_parameters.iter().cloned())
    }

    /// These, with a change.
    #[cfg(test)]
    pub(crate) fn but(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }
}

impl<'a> From<&'a EngineSettings> for HttpSettings<'a> {
    fn from(settings: &'a EngineSettings) -> Self {
        let EngineSettings { client, fetch, pace, .. } = settings;
        Self { client, fetch, idle_connections_per_host: pace.host_concurrency }
    }
}
