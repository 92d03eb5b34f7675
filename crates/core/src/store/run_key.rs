//! A run as its store knows it while a process works on it.

use std::sync::Arc;

use crate::reparse::{Reparse, ReparseOf};
use crate::run_kind::RunKind;
use crate::shard::ShardRule;

/// A run that this process owns until somebody raises the epoch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunKey {
    /// Its id.
    pub run_id: i64,
    /// The number of this start of the run.
    pub epoch: i64,
    /// Its spider.
    pub spider: Arc<str>,
    /// The worker that this process is, if several processes share the run. Then the lease of the worker decides whether the process
    /// may store something.
    pub worker: Option<i64>,
    /// How its requests are divided into shards.
    pub shards: ShardRule,
    /// Whether it keeps records of its pages, and leaves rows alone that are as they were. The records of the pages of another
    /// run are removed, because they no longer say what is stored.
    pub incremental: bool,
    /// Whether it keeps answers. Then it does not use the record of a page of which no answer is kept, so the page is fetched.
    pub keeps_pages: bool,
    /// What it is.
    pub kind: RunKind,
    /// What it does, if it is a reparse.
    pub reparse: Option<Reparse>,
}

impl RunKey {
    /// It reads only what this run and earlier ones have kept. `None` for everything that is kept.
    pub fn kept_up_to(&self) -> Option<i64> {
        self.reparse.map(|reparse| match reparse.of {
            ReparseOf::Run(run_id) => run_id,
            ReparseOf::Spider => self.run_id,
        })
    }

    /// Whether it queues the new requests that it finds.
    pub fn follows_links(&self) -> bool {
        self.reparse.is_none_or(|reparse| reparse.follows_links)
    }

    /// Whether an item row that is as it was is not written.
    pub fn leaves_unchanged_rows(&self) -> bool {
        self.incremental || self.reparse.is_some()
    }
}
