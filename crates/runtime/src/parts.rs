//! Figures that the threads of a crawl publish about themselves. Health, metrics and progress read them here and wait for
//! no thread.

use std::sync::Arc;

use dragline_core::hold::Hold;
use dragline_engine::CrawlStats;
use dragline_engine::crawl::Desks;
use dragline_pipelines::persistence::Monitor;

/// Where each part publishes.
#[derive(Clone)]
pub(crate) struct Parts {
    /// The page that each crawl thread is parsing.
    pub(crate) desks: Desks,
    /// What the scheduler, the downloader and the crawl threads count.
    pub(crate) stats: Arc<CrawlStats>,
    /// What the persistence thread holds and does.
    pub(crate) persistence: Monitor,
    /// Put while memory is above its soft limit.
    pub(crate) hold: Hold,
    /// That limit, in bytes.
    pub(crate) memory_limit: Option<u64>,
}
