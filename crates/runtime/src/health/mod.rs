//! Health: what the working loops report about themselves, and what it means for the outside.
//!
//! | question | file |
//! |---|---|
//! | which loops send heartbeats, and where are they kept? | `heartbeat.rs` |
//! | what do they mean? | `verdict.rs` |
//! | how can another process ask? | the endpoints in `listen`, and the heartbeat file (`dragline healthcheck`)
//! |
//! | what else do the endpoints say? | `status.rs` |

mod heartbeat;
mod status;
mod verdict;

use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use dragline_core::run_verdict::RunVerdict;
use dragline_core::stop::Stop;
use dragline_engine::BusyHosts;

pub use self::heartbeat::Heartbeat;
pub use self::verdict::{
    Beats, CLOCK_TOLERANCE_MS, HealthState, Parse, Phase, Verdict, ms_since_1970, unix_ms,
};
use crate::parts::Parts;

/// The health of one crawl. A crawl that has ended is not alive, even if something still holds its heartbeat:
/// dropping this removes the file.
pub struct Health {
    began: Instant,
    spider: String,
    run_name: String,
    max_age: Duration,
    heartbeat: Arc<Heartbeat>,
    crawl: OnceLock<Crawl>,
    run_verdict: OnceLock<RunVerdict>,
}

/// Facts that are known as soon as the run is open.
struct Crawl {
    run_id: i64,
    parts: Parts,
}

impl Health {
    /// Watches a crawl that starts now. A loop that is silent for longer than `max_age` is stuck.
    pub fn new(
        heartbeat: &Arc<Heartbeat>,
        spider: &str,
        run_name: &str,
        max_age: Duration,
        stop: &Stop,
    ) -> Arc<Self> {
        let stopping = Arc::clone(heartbeat);
        stop.on_change(move || stopping.stopping());
        Arc::new(Self {
            began: Instant::now(),
            spider: spider.to_owned(),
            run_name: run_name.to_owned(),
            max_age,
            heartbeat: Arc::clone(heartbeat),
            crawl: OnceLock::new(),
            run_verdict: OnceLock::new(),
        })
    }

    /// The run is open and its threads work.
    pub(crate) fn crawling(&self, run_id: i64, parts: Parts) {
        let desks = parts.desks.clone();
        let _ = self.crawl.set(Crawl { run_id, parts });
        self.heartbeat.crawling(desks);
    }

    /// The busiest hosts, as soon as the run is open. From now on, the scheduler writes them down.
    pub(crate) fn busy_hosts(&self) -> Option<BusyHosts> {
        let crawl = self.crawl.get()?;
        crawl.parts.stats.watch_hosts();
        Some(crawl.parts.stats.busy_hosts())
    }

    /// The crawl has ended, by itself or not.
    pub(crate) fn stopping(&self) {
        self.heartbeat.stopping();
    }

    /// The run is finished and judged.
    pub(crate) fn judged(&self, verdict: &RunVerdict) {
        let _ = self.run_verdict.set(verdict.clone());
    }

    /// The verdict on the run, which is not the one on the process.
    pub(crate) fn run_verdict(&self) -> Option<&RunVerdict> {
        self.run_verdict.get()
    }

    /// Reports work after the crawl, because an export may take long.
    pub fn still_here(&self) {
        self.heartbeat.still_here();
    }

    /// The current state.
    pub fn verdict(&self) -> Verdict {
        self.heartbeat.beats().verdict(unix_ms(), self.max_age)
    }
}

impl Drop for Health {
    fn drop(&mut self) {
        self.heartbeat.end();
    }
}
