//! The frontier of a reparse: the requests of other runs, each with what becomes of it.
//!
//! A page of which a whole answer is kept becomes a queued request. All other requests are stored as skipped, with the reason. So
//! nothing is counted in secret, and a link is only new if none of these runs has it.
//!
//! Look-ups are left out. They carry items as an older spider made them. The pages ask for their look-ups once more.
//!
//! The statements are the same for both stores. Their parameters are `$1` for the reparse, `$2` for the run whose requests are
//! taken, and `$3` for the spider.

use dragline_core::counted::counted as counted_text;
use dragline_core::reparse::{PlanPart, PlanPlace, ReparseCounts, ReparseOf};
use dragline_core::{PageState, QueuedRequest, Reason, StoreError};

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

/// Leaves look-ups out. No other request has this option.
const IS_NO_LOOK_UP: &str = "(old.options -> 'look_up') IS NULL";

/// The columns that say what becomes of it.
const FATE: &str = "state, status, reason, error, done_at";

/// The runs whose kept pages the reparse of a spider reads, the newest first. `$1` is the reparse, `$2` the spider.
pub(crate) const SOURCES: &str = "SELECT run_id FROM crawl_runs
    WHERE spider = $2 AND run_id < $1 AND kind <> 'reparse' AND (kind <> 'import' OR state = 'finished')
    AND shard_rule = (SELECT shard_rule FROM crawl_runs WHERE run_id = $1)
    ORDER BY run_id DESC";

/// The same before the reparse exists. `$1` is the spider.
pub(crate) const SOURCES_NOW: &str = "SELECT run_id FROM crawl_runs
    WHERE spider = $1 AND kind <> 'reparse' AND (kind <> 'import' OR state = 'finished')
    ORDER BY run_id DESC";

/// The id of the reparse in a statement before the reparse exists.
pub(crate) const NO_RUN: i64 = 0;

/// How many requests of a reparse there are, by what became of them. `$1` is the reparse.
pub(crate) const COUNTS: &str = "SELECT fate, count(*) AS requests FROM (
        SELECT CASE WHEN state <> 'skipped' THEN 'page' ELSE reason END AS fate
        FROM crawl_requests WHERE run_id = $1
    ) AS requests GROUP BY fate";

impl Dialect {
    /// Takes the requests of one run.
    pub(crate) fn fill_from_run(&self) -> String {
        self.insert(&self.plan_of_run(""))
    }

    /// Reads a part of the plan for one run. `$4` and `$5` are the place after which it begins, and `$6` is the number of requests.
    pub(crate) fn read_from_run(&self) -> String {
        self.select(&self.plan_of_run(&self.part("old")))
    }

    /// Reads a part of the plan for a run of a spider, in the same way.
    pub(crate) fn read_from_kept(&self) -> String {
        // The newest answer of a page counts, and another run may have kept it.
        let is_older = "SELECT 1 FROM crawl_kept_pages newer JOIN crawl_runs run ON run.run_id = newer.run_id
            WHERE newer.fingerprint = plan.fingerprint AND newer.body_hash IS NOT NULL AND newer.run_id > $2
            AND run.spider = $3 AND (run.kind <> 'import' OR run.state = 'finished')";
        let columns = format!("{KEPT}, state");
        self.select(&format!(
            "SELECT {columns}, CASE WHEN EXISTS ({is_older}) THEN 'older' ELSE fate END AS fate
            FROM ({}) AS plan",
            self.plan_of_kept(&self.part("old"))
        ))
    }

    /// Which part of the requests is meant.
    fn part(&self, request: &str) -> String {
        let (after, order) = if self.has_shards {
            (
                format!("({request}.shard, {request}.fingerprint) > ($4, $5)"),
                format!("{request}.shard, {request}.fingerprint"),
            )
        } else {
            (format!("{request}.fingerprint > $5 AND $4 IS NOT NULL"), format!("{request}.fingerprint"))
        };
        format!(" AND {after} ORDER BY {order} LIMIT $6")
    }

    fn select(&self, planned: &str) -> String {
        let order = if self.has_shards { "shard, fingerprint" } else { "fingerprint" };
        format!("SELECT {KEPT}, state, fate FROM ({planned}) AS fates ORDER BY {order}")
    }

    fn plan_of_run(&self, part: &str) -> String {
        let fetched = self.fetched_later("r", "r.kept_by");
        let kept = "SELECT kept.run_id FROM crawl_kept_pages kept
                WHERE kept.fingerprint = old.fingerprint AND kept.body_hash IS NOT NULL AND kept.run_id <= $2
                AND EXISTS (
                    SELECT 1 FROM crawl_runs run WHERE run.run_id = kept.run_id
                    AND run.spider = $3 AND (run.kind <> 'import' OR run.state = 'finished')
                )
                ORDER BY kept.run_id DESC LIMIT 1";
        // If this run itself has fetched the page and not kept it, an older answer does not say what this run has seen.
        format!(
            "SELECT planned.*, CASE
                WHEN state = 'skipped' THEN 'as it was'
                WHEN kept_by IS NULL OR fetched_by <= $2 THEN 'not_kept'
                WHEN fetched_by IS NOT NULL THEN 'fetched_later' ELSE 'read' END AS fate
            FROM (
                SELECT r.*, ({fetched}) AS fetched_by FROM (
                    SELECT old.*, CASE WHEN old.state IN ('done', 'failed', 'dead') THEN ({kept}) END AS kept_by
                    FROM crawl_requests old WHERE old.run_id = $2 AND {IS_NO_LOOK_UP}{part}
                ) r
            ) planned"
        )
    }

    /// Takes the pages that one run has kept, unless the reparse has them already.
    pub(crate) fn fill_from_kept(&self) -> String {
        self.insert(&self.plan_of_kept(""))
    }

    fn plan_of_kept(&self, part: &str) -> String {
        let fetched = self.fetched_later("r", "$2");
        let shard = if self.has_shards { "old.shard = kept.shard AND" } else { "" };
        // The spider is a parameter of all of these statements.
        format!(
            "SELECT r.*, ({fetched}) AS fetched_by,
                CASE WHEN ({fetched}) IS NULL THEN 'read' ELSE 'fetched_later' END AS fate
            FROM (
                SELECT old.* FROM crawl_kept_pages kept JOIN crawl_requests old
                ON old.run_id = kept.run_id AND {shard} old.fingerprint = kept.fingerprint
                WHERE kept.run_id = $2 AND kept.body_hash IS NOT NULL AND {IS_NO_LOOK_UP}{part}
            ) r"
        )
    }

    /// Takes the other requests of one run, unless the reparse has them already.
    pub(crate) fn fill_from_others(&self) -> String {
        let shard = if self.has_shards { "mine.shard = old.shard AND" } else { "" };
        let planned = format!(
            "SELECT old.*, NULL AS fetched_by,
                CASE WHEN old.state = 'skipped' THEN 'as it was' ELSE 'not_kept' END AS fate
            FROM crawl_requests old WHERE old.run_id = $2 AND $3 <> '' AND {IS_NO_LOOK_UP} AND NOT EXISTS (
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
pub fn nothing_to_parse(of: ReparseOf, spider: &str, counts: &ReparseCounts) -> StoreError {
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

/// A part of the plan from its rows: request, state and fate of each, in order.
pub(crate) fn part(
    rows: impl IntoIterator<Item = (QueuedRequest, i16, Option<PageState>, String)>,
    limit: u32,
) -> PlanPart {
    let mut part = PlanPart::default();
    let mut rows_read = 0;
    for (request, shard, state, fate) in rows {
        rows_read += 1;
        part.next = Some(PlanPlace { shard, fingerprint: request.fingerprint });
        match (fate.as_str(), state) {
            ("read", Some(state)) => {
                part.left_out.pages += 1;
                part.pages.push((request, state));
            }
            ("not_kept", _) => part.left_out.not_kept += 1,
            ("fetched_later", _) => part.left_out.fetched_later += 1,
            _ => {}
        }
    }
    if rows_read < limit {
        part.next = None;
    }
    part
}

/// The place before the first request.
pub(crate) fn begin(after: Option<PlanPlace>) -> (i16, Vec<u8>) {
    after.map_or((i16::MIN, Vec::new()), |place| (place.shard, place.fingerprint.as_bytes().to_vec()))
}
