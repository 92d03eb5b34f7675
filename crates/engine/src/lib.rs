//! The engine: scheduler, politeness, robots, downloader and crawl threads.
//!
//! ```text
//!  receipts, refills          ┌────────── thread `download` (one tokio runtime) ─────────┐
//!  ─────────────────────────► │ scheduler: window ─► pace, robots, credit ─► fetch tasks │
//!                             └──────────────┬───────────────────────────────────────────┘
//!                                            │ Job: a page, or a request given up
//!                                            v bounded crossbeam channel
//!                             threads `crawl-0 … n`: parse, item pipelines, pack
//!                                            │
//!                                            v OutcomeSink::submit
//! ```
//!
//! The engine knows only the contracts of `dragline-core`. Outcomes leave through an
//! [`OutcomeSink`](dragline_core::OutcomeSink), and receipts come back through a
//! [`ReceiptSink`](dragline_core::ReceiptSink). The engine never names a store or a pipeline and keeps nothing on disk. It
//! holds a part of the frontier, its window. The rest stays in the store until the engine asks for it.
//!
//! What it will not do: render pages (a program may add a [`Downloader`] that does), share a host's pace with another
//! process, or decide about duplicates (the store's primary key does).

mod answer_class;
mod busy_hosts;
mod counter;
pub mod crawl;
mod crawl_end;
pub mod download;
mod download_thread;
pub mod downloader;
mod downloads;
mod drop_reasons;
mod error;
mod failure_counts;
mod fetch;
mod hosts;
mod item_counts;
mod job;
mod known;
mod look_ups;
mod mark_gate;
mod outage;
mod pace;
mod pack;
mod page_robots;
mod parts;
mod preview;
mod receipts;
mod redirect;
mod refusals;
mod retry;
mod revisit;
mod robots;
mod scheduler;
mod scope;
mod setting_check;
mod settings;
mod sitemaps;
mod size_text;
mod source;
mod spider_check;
mod stats;
#[cfg(test)]
mod tests;
mod visit;
mod window;

pub use answer_class::AnswerClass;
pub use busy_hosts::{BusyHost, BusyHosts, RestReason};
pub use crawl::CrawlThreads;
pub use download::{CrawlEnd, DownloadThread};
pub use downloader::{
    Answer, AnswerBody, DownloadError, DownloadLimits, Downloader, Downloaders, Downloading,
};
pub use downloads::unwanted_type;
pub use error::EngineError;
pub use failure_counts::{FailureCount, FailureKind};
pub use fetch::{Credentials, Posted, Poster, ProxySetting, decoded_body, refused_header};
pub use item_counts::ItemsOfType;
pub use job::{AsBefore, GivenUp, Job, KeptPageJob, WaitingJob, WaitingWork};
pub use known::KnownRequests;
pub use look_ups::{LookUpCounts, LookUps};
pub use pace::{HostOverride, HostPattern};
pub use pack::{NOINDEX, RunLabel};
pub use parts::EngineParts;
pub use preview::{Preview, Previewer, Refused};
pub use receipts::{ReceiptReceiver, ReceiptSender, receipt_channel};
pub use revisit::{RefreshRule, RevisitSettings, Revisits};
pub use robots::{DecidingLine, product_token};
pub use scope::{LinkRefusal, Scope};
pub use settings::{
    ClientSettings, CookieMode, EngineSettings, FetchSettings, GoneAfter, GoneSettings, KeepSettings,
    LimitSettings, LinkSettings, MinFilled, MinItems, OutageSettings, PaceSettings, PageRule,
    RedirectSettings, RetrySettings, RobotsSettings, SitemapSettings, VerdictSettings, WatchSettings,
    WindowSettings,
};
pub use source::PageSource;
pub use stats::{CrawlStats, NetworkOutage, StatsSnapshot};
pub use visit::{Hop, HopAnswer, RobotsRule, RobotsTxt, Visit, VisitProblem, visit};
