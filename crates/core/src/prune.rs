//! Pruning: ended runs lose their frontier, and keep their row with its figures.
//!
//! A run is pruned in batches, each of which is a small transaction. So nothing waits for it, and it may end at any moment: the
//! next pruning goes on. The first batch of a run comes after its mark ([`RunAdmin::begin_prune`](crate::runs::RunAdmin::begin_prune)), and a
//! run with the mark is never opened again.
//!
//! Item rows are never pruned. A whole answer that a run has kept stays as long as another run needs it: a later run of the spider
//! that found the page unchanged or fresh, and did not keep an answer of its own, or an unfinished replay or reparse.
//!
//! A run may also lose only its kept answers, so that all of them together need no more than some number of bytes. It has another
//! mark then ([`KEPT_PRUNED_AT`]), and no older answer stays because of it.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde_json::Value as Json;

use crate::earlier::BodyHash;
use crate::run_verdict::EndFigures;
use crate::store::RunState;
use dragline_spider::fingerprint::Fingerprint;

/// The keys in `crawl_runs.stats`: when a run was pruned, whether its dead letters went too, and whether anything is left.
pub const PRUNED_AT: &str = "pruned_at";
/// See [`PRUNED_AT`].
pub const PRUNED_LETTERS: &str = "pruned_letters";
/// See [`PRUNED_AT`].
pub const PRUNE_DONE: &str = "prune_done";
/// The key in `crawl_runs.stats`: when a run lost its kept answers, and only these.
pub const KEPT_PRUNED_AT: &str = "kept_pruned_at";

/// How many rows one transaction removes. With ten thousand, a transaction takes some 100 ms.
pub const ROWS_PER_BATCH: u32 = 10_000;
/// How many kept pages one transaction removes. A page may have 16 MiB.
pub const KEPT_PAGES_PER_BATCH: u32 = 200;
/// How many bodies one transaction looks at, to find those that nothing refers to. It removes few of them or none.
pub const BODIES_PER_BATCH: u32 = 2_000;
/// A run whose figures are not counted is not pruned for this long after its end: its process may still be counting.
pub const UNCOUNTED_FOR: Duration = Duration::from_secs(300);

/// Which runs to prune. A run must meet every condition. Only ended runs are found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PruneAsk {
    /// Not the newest ended runs of each name, this many.
    pub keep: Option<usize>,
    /// Only runs that ended longer ago.
    pub older_than: Option<Duration>,
    /// Only runs of this name.
    pub name: Option<String>,
    /// Only runs of this spider.
    pub spider: Option<String>,
    /// Only runs that have kept answers, whether or not they were pruned. Without it, only runs of which something is left to prune.
    pub with_kept_pages: bool,
    /// Only runs with a higher id.
    pub after: i64,
    /// How many runs at most.
    pub limit: usize,
}

/// A run that can be pruned.
#[derive(Clone, Debug, PartialEq)]
pub struct PrunableRun {
    /// Its id.
    pub run_id: i64,
    /// Its name.
    pub name: String,
    /// Its spider.
    pub spider: String,
    /// Its state: `finished` or `failed`.
    pub state: RunState,
    /// When it ended.
    pub finished_at: DateTime<Utc>,
    /// What it held when it ended, if that was counted.
    pub figures: Option<EndFigures>,
}

/// Rows of a run, by table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PruneCounts {
    /// In `crawl_requests`.
    pub requests: u64,
    /// In `crawl_kept_pages`.
    pub kept_pages: u64,
    /// Bytes of the bodies of these, as far as no later run has them too.
    pub kept_bytes: u64,
    /// Rows in `crawl_kept_pages` that stay, because other runs need them.
    pub kept_staying: u64,
    /// In `crawl_dead_letters`.
    pub dead_letters: u64,
    /// In `crawl_cookies`.
    pub cookies: u64,
    /// In `crawl_hosts`.
    pub hosts: u64,
}

impl PruneCounts {
    /// All rows that go.
    pub fn all(&self) -> u64 {
        self.requests + self.kept_pages + self.dead_letters + self.cookies + self.hosts
    }

    /// Adds the result of a batch of this part.
    pub fn add(&mut self, part: &PrunePart, batch: &PruneBatch) {
        let count = match part {
            PrunePart::DeadLetters => &mut self.dead_letters,
            PrunePart::KeptPages { .. } => &mut self.kept_pages,
            PrunePart::Requests { .. } => &mut self.requests,
            PrunePart::Cookies => &mut self.cookies,
            PrunePart::Hosts => &mut self.hosts,
        };
        *count += batch.rows;
        self.kept_bytes += batch.bytes;
    }

    /// Adds other counts.
    pub fn add_all(&mut self, other: &Self) {
        self.requests += other.requests;
        self.kept_pages += other.kept_pages;
        self.kept_bytes += other.kept_bytes;
        self.kept_staying += other.kept_staying;
        self.dead_letters += other.dead_letters;
        self.cookies += other.cookies;
        self.hosts += other.hosts;
    }
}

/// A part of a run's rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PrunePart {
    /// Dead letters: items that are stored nowhere else.
    DeadLetters,
    /// Kept answers that no other run needs, with the bodies that nothing refers to any more, in the order of their fingerprints.
    KeptPages {
        /// Only those behind this one.
        after: Option<Fingerprint>,
    },
    /// Requests, except those of pages with dead letters, in the order of their key.
    Requests {
        /// Only those behind this one. An index has entries of removed rows for a while, and nobody should read them again and
        /// again.
        after: Option<RequestPlace>,
    },
    /// Cookies.
    Cookies,
    /// Notes about hosts.
    Hosts,
}

/// A place in the order of a run's requests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestPlace {
    /// The shard.
    pub shard: i16,
    /// The fingerprint.
    pub fingerprint: Fingerprint,
}

/// The result of a batch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PruneBatch {
    /// Rows that it removed.
    pub rows: u64,
    /// Bytes of the bodies that it removed.
    pub bytes: u64,
    /// The rest of the part. `None` when nothing more of it can be removed.
    pub next: Option<PrunePart>,
}

/// The result of a batch of bodies.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BodyBatch {
    /// Bodies that it removed.
    pub bodies: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Where to go on. `None` at the end.
    pub next: Option<BodyHash>,
}

/// When a run lost its kept answers, by its stats.
pub fn kept_pruned_at(stats: &Json) -> Option<DateTime<Utc>> {
    DateTime::parse_from_rfc3339(stats[KEPT_PRUNED_AT].as_str()?).ok().map(|at| at.to_utc())
}

/// When a run was pruned, by its stats.
pub fn pruned_at(stats: &Json) -> Option<DateTime<Utc>> {
    DateTime::parse_from_rfc3339(stats[PRUNED_AT].as_str()?).ok().map(|at| at.to_utc())
}

/// Whether the run's dead letters were removed too, by its stats.
pub fn lost_letters(stats: &Json) -> bool {
    stats[PRUNED_LETTERS].as_bool().unwrap_or_default()
}
