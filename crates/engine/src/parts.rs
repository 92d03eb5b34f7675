//! The parts that the threads of one crawl share.

use std::sync::Arc;

use dragline_core::page_traces::PageTraces;
use dragline_core::stop::Stop;
use dragline_core::{Args, OutcomeSink, SameRequest, Spider};

use crate::known::KnownRequests;
use crate::look_ups::LookUps;
use crate::revisit::Revisits;
use crate::settings::EngineSettings;
use crate::source::PageSource;
use crate::stats::CrawlStats;

/// The parts that the download thread and the crawl threads of one crawl share. Clones share them too.
#[derive(Clone)]
pub struct EngineParts {
    /// How fast and how far to crawl, and for how long.
    pub settings: Arc<EngineSettings>,
    /// The arguments of the run.
    pub args: Args,
    /// Parses pages. It also says which answers it accepts, where the crawl stays and which headers it sends.
    pub spider: Arc<dyn Spider>,
    /// Takes outcomes, and asks for more of the frontier.
    pub sink: Arc<dyn OutcomeSink>,
    /// Ends the crawl early.
    pub stop: Stop,
    /// Counters.
    pub stats: Arc<CrawlStats>,
    /// The rule for the same request that the run began with.
    pub same_request: SameRequest,
    /// Where pages come from.
    pub source: PageSource,
    /// The rules of an incremental crawl. `None` for any other crawl.
    pub revisits: Option<Arc<Revisits>>,
    /// The requests that the store is known to have.
    pub known: Arc<KnownRequests>,
    /// Takes traces of pages, if somebody wants them.
    pub traces: Option<Arc<dyn PageTraces>>,
    /// What is known about look-ups.
    pub look_ups: Arc<LookUps>,
}
