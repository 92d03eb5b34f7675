//! The frontier of a reparse: the requests of other runs, each with what becomes of it.
//!
//! A page of which a whole answer is kept becomes a queued request. All other requests are stored as skipped, with the reason. So
//! nothing is counted in secret, and a link is only new if none of these runs has it.
//!
//! The statements are the same for both stores. Their parameters are `$1` for the reparse, `$2` for the run whose requests are
//! taken, and `$3` for the spider.

use dragline_core::counted::counted as counted_text;
use dragline_core::reparse::{ReparseCounts, ReparseOf};
use dragline_core::{Reason, StoreError};

/// Where the stores differ.
pub(crate) struct Dialect {
    /// This moment.
    pub(crate) now: &'static str,
    /// Whether requests are found by their shard as well.
    pub(crate) has_shards: bool,
    /// Keeps the planner from turning a probe of an index into a join. A frontier grows faster than its statistics.
    pub(crate) fence: &'static str,
}

/// The columns that a request keeps.
const KEPT: &str = "shard, fingerprint, parent, url, method, headers, body, tag, meta, options, priority, depth, host, \
     redirects, dont_filter";

/// The columns that say what becomes of it.
const FATE: &str = "state, status, reason, error, done_at";

/// The runs whose kept pages the reparse of a spider reads, the newest first. `$1` is the reparse, `$2` the spider.
pub(crate) const SOURCES: &str = "SELECT run_id FROM crawl_runs
    WHERE spider = $2 AND run_id < $1 AND kind <> 'reparse' AND (kind <> 'import' OR state = 'finished')
    AND shard_rule = (SELECT shard_rule FROM crawl_runs WHERE run_id = $1)
    ORDER BY run_id DESC";

/// How many requests of a reparse there are, by what became of them. `$1` is the reparse.
pub(crate) const COUNTS: &str = "SELECT fate, count(*) AS requests FROM (
        SELECT CASE WHEN state <> 'skipped' THEN 'page' ELSE reason END AS fate
        FROM crawl_requests WHERE run_id = $1
    ) AS requests GROUP BY fate";

impl Dialect {
    /// Takes the requests of one run.
    pub(crate) fn fill_from_run(&self) -> String {
        let fetched = self.fetched_later("r", "r.kept_by");
        let kept = "SELECT kept.run_id FROM crawl_kept_pages kept
                WHERE kept.fingerprint = old.fingerprint AND kept.body_hash IS NOT NULL AND kept.run_id <= $2
                AND EXISTS (
                    SELECT 1 FROM crawl_runs run WHERE run.run_id = kept.run_id
                    AND run.spider = $3 AND (run.kind <> 'import' OR run.state = 'finished')
                )
                ORDER BY kept.run_id DESC LIMIT 1";
        // If this run itself has fetched the page and not kept it, an older answer does not say what this run has seen.
        let planned = format!(
            "SELECT planned.*, CASE
                WHEN state = 'skipped' THEN 'as it was'
                WHEN kept_by IS NULL OR fetched_by <= $2 THEN 'not_kept'
                WHEN fetched_by IS NOT NULL THEN 'fetched_later' ELSE 'read' END AS fate
            FROM (
                SELECT r.*, ({fetched}) AS fetched_by FROM (
                    SELECT old.*, CASE WHEN old.state IN ('done', 'failed', 'dead') THEN ({kept}) END AS kept_by
                    FROM crawl_requests old WHERE old.run_id = $2
                ) r
            ) planned"
        );
        self.insert(&planned)
    }

    /// Takes the pages that one run has kept, unless the reparse has them already.
    pub(crate) fn fill_from_kept(&self) -> String {
        let fetched = self.fetched_later("r", "$2");
        let shard = if self.has_shards { "old.shard = kept.shard AND" } else { "" };
        // The spider is a parameter of all of these statements.
        let planned = format!(
            "SELECT r.*, ({fetched}) AS fetched_by,
                CASE WHEN ({fetched}) IS NULL THEN 'read' ELSE 'fetched_later' END AS fate
            FROM (
                SELECT old.* FROM crawl_kept_pages kept JOIN crawl_requests old
                ON old.run_id = kept.run_id AND {shard} old.fingerprint = kept.fingerprint
                WHERE kept.run_id = $2 AND kept.body_hash IS NOT NULL
            ) r"
        );
        self.insert(&planned)
    }

    /// Takes the other requests of one run, unless the reparse has them already.
    pub(crate) fn fill_from_others(&self) -> String {
        let shard = if self.has_shards { "mine.shard = old.shard AND" } else { "" };
        let planned = format!(
            "SELECT old.*, NULL AS fetched_by,
                CASE WHEN old.state = 'skipped' THEN 'as it was' ELSE 'not_kept' END AS fate
            FROM crawl_requests old WHERE old.run_id = $2 AND $3 <> '' AND NOT EXISTS (
                SELECT 1 FROM crawl_requests mine
                WHERE mine.run_id = $1 AND {shard} mine.fingerprint = old.fingerprint
            )"
        );
        self.insert(&planned)
    }

    /// The last run that has fetched the page of `request` after the run `kept_by`, and has stored what it found.
    fn fetched_later(&self, request: &str, kept_by: &str) -> String {
        let shard =
            if self.has_shards { format!("later.shard = {request}.shard AND") } else { String::new() };
        let fence = self.fence;
        format!(
            "SELECT max(run.run_id) FROM crawl_runs run
             WHERE run.spider = $3 AND run.run_id > {kept_by} AND run.run_id <> $1 AND run.kind <> 'import'
             AND EXISTS (
                 SELECT 1 FROM crawl_requests later
                 WHERE later.run_id = run.run_id AND {shard} later.fingerprint = {request}.fingerprint
                 AND later.attempts > 0 AND (later.state = 'dead' OR later.state = 'done' AND later.reason IS NULL){fence}
             )"
        )
    }

    fn insert(&self, planned: &str) -> String {
        let now = self.now;
        format!(
            "INSERT INTO crawl_requests (run_id, {KEPT}, {FATE})
            SELECT $1, {KEPT},
                CASE fate WHEN 'read' THEN 'queued' ELSE 'skipped' END,
                CASE WHEN fate <> 'read' THEN status END,
                CASE fate WHEN 'read' THEN NULL WHEN 'as it was' THEN reason ELSE fate END,
                CASE fate WHEN 'read' THEN NULL WHEN 'as it was' THEN error
                    WHEN 'fetched_later' THEN 'run ' || fetched_by || ' has fetched the page since'
                    ELSE CASE state WHEN 'queued' THEN 'the run has not fetched the page'
                         ELSE 'no whole answer of the page is kept' END END,
                CASE WHEN fate <> 'read' THEN {now} END
            FROM ({planned}) AS fates WHERE true
            ON CONFLICT DO NOTHING"
        )
    }
}

/// The counts of a reparse from the rows of [`COUNTS`].
pub(crate) fn counted<'a>(rows: impl IntoIterator<Item = (Option<&'a str>, u64)>) -> ReparseCounts {
    let mut counts = ReparseCounts::default();
    for (fate, requests) in rows {
        match fate.and_then(Reason::parse) {
            Some(Reason::NotKept) => counts.not_kept = requests,
            Some(Reason::FetchedLater) => counts.fetched_later = requests,
            Some(Reason::NotFollowed) => counts.not_followed = requests,
            _ if fate == Some("page") => counts.pages = requests,
            _ => {}
        }
    }
    counts
}

/// The error for a reparse that has no page.
pub(crate) fn nothing_to_parse(of: ReparseOf, spider: &str, counts: &ReparseCounts) -> StoreError {
    let (whose, their) = match of {
        ReparseOf::Run(run_id) => (format!("run {run_id}"), "its"),
        ReparseOf::Spider => (format!("the runs of the spider {spider}"), "their"),
    };
    if counts.fetched_later > 0 {
        return StoreError::Setup {
            problem: format!(
                "later runs have fetched all {} that {whose} kept",
                counted_text(counts.fetched_later, "page")
            ),
            hint: "older values never replace newer ones; reparse a later run, or all of them with --spider"
                .to_owned(),
        };
    }
    StoreError::Setup {
        problem: format!(
            "nothing is kept of {}: {whose} kept none of {their} pages",
            counted_text(counts.not_kept, "page")
        ),
        hint: "crawl with --keep-pages; a reparse reads what such a crawl has kept".to_owned(),
    }
}
