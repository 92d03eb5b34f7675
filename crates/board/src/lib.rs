//! The page of runs: what runs, what ran, and what became of it, for a person with a browser. And the same as JSON, for programs.
//!
//! ```text
//!   browser ──► guard ──► page ──┐
//!   program ──► guard ──► api ───┤
//!                                v
//!                              read ──► the store (`ScheduleStore`), one read at a time for each question
//!                                ▲
//!                                └───── the crawl itself (`Live`), if it is this process
//! ```
//!
//! | question | file |
//! |---|---|
//! | who may ask, and what must a browser not do? | `guard.rs` |
//! | what is known about a run, a spider, the rows of an item type? | `read/` |
//! | what does a program get? | `api/`, described in `api/openapi.json` |
//! | what does a person see? | `page/` |
//! | how do figures become charts? | `page/chart.rs` |
//! | how does a page stay up to date? | `api/events.rs`, and `assets/board.js` |
//! | where does it listen? | `bound.rs` |
//! | what can be done, and who may do it? | `control/` |
//! | what are the limits? | `limits.rs` |
//!
//! Both forms are made of the same values, and secrets are hidden in these values (`read::shown`). The pages are made by `maud`,
//! which escapes every text. Every route only reads, except for those of `control/`, which exist only if the operator allows them.
//!
//! This crate has no SQL, knows no engine, and decides nothing about a crawl.

mod answer;
mod api;
mod assets;
mod bound;
mod control;
mod forms;
mod guard;
mod limits;
mod live;
mod page;
mod plan;
mod query;
pub mod read;
mod routes;
mod server;
mod shared;
mod within;

use std::path::PathBuf;
use std::sync::Arc;

use dragline_core::ItemType;
use dragline_core::schedules::ScheduleStore;

pub use bound::{Bound, Caller, Connection, SocketFile};
pub use control::{Action, ActionRefused, Control, Controls, Token, TokenError};
pub use guard::{HostName, is_page};
pub use limits::{MAX_EVENT_STREAMS, MAX_REQUESTS, REQUEST_TIMEOUT};
pub use live::{Live, LiveHost, LiveRun, NotLive};
pub use plan::{ComingRun, NoPlan, Plan, PlannedSchedule};
pub use server::serve;
pub use within::{Within, WithinBody};

use crate::control::Controlled;
use crate::read::Reader;

/// What a board shows.
pub struct BoardParts {
    /// Where runs are kept. The board connects to it at the first request.
    pub store: Arc<dyn ScheduleStore>,
    /// The spiders that this program has.
    pub spiders: Vec<KnownSpider>,
    /// The schedules of the settings file.
    pub plan: Arc<dyn Plan>,
    /// The crawls of this process.
    pub live: Arc<dyn Live>,
    /// Where the log files of crawls are (`--log-dir`).
    pub log_dir: Option<PathBuf>,
    /// What can be done on the pages. Without it, they only read.
    pub controls: Option<Controls>,
    /// Names under which this machine is reached, besides addresses and `localhost`.
    pub hosts: Vec<HostName>,
}

/// A spider and its item types.
#[derive(Clone, Debug)]
pub struct KnownSpider {
    /// Its name.
    pub name: String,
    /// Its item types.
    pub items: Vec<ItemType>,
}

/// A board.
#[derive(Clone)]
pub struct Board {
    reader: Arc<Reader>,
    hosts: Arc<[HostName]>,
    controlled: Option<Arc<Controlled>>,
}

impl Board {
    /// A board of these parts. It reaches nothing yet.
    pub fn new(parts: BoardParts) -> Self {
        let BoardParts { store, spiders, plan, live, log_dir, controls, hosts } = parts;
        let reader = Reader::new(store, spiders, plan, live, log_dir);
        let controlled = controls.map(|controls| Arc::new(Controlled::new(controls)));
        Self { reader: Arc::new(reader), hosts: hosts.into(), controlled }
    }

    /// Gives back the sessions of the store.
    pub async fn close(&self) {
        self.reader.close().await;
    }
}
