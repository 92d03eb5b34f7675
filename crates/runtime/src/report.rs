//! What came of a crawl.

use std::collections::BTreeMap;
use std::time::Duration;

use dragline_core::PageState;
use dragline_core::RuleCounts;
use dragline_core::item_figures::{FigureDrop, ItemFigures};
use dragline_core::kept_page::KeptCounts;
use dragline_core::reparse::ReparseCounts;
use dragline_core::run_kind::RunKind;
use dragline_core::run_verdict::{ProblemKind, RunVerdict};
use dragline_core::store::{PageOrigins, RunState, RunSummary};
use dragline_engine::{FailureCount, FailureKind, LinkRefusal, LookUpCounts};

use crate::outcome::CrawlOutcome;
use crate::stop_report::StopReport;

/// What came of a crawl. Pages and items are those of the whole run, resumes included; everything else is of this crawl.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct CrawlReport {
    pub(crate) run_id: i64,
    pub(crate) run_name: String,
    pub(crate) spider: String,
    pub(crate) state: RunState,
    pub(crate) outcome: CrawlOutcome,
    pub(crate) is_fruitless: bool,
    pub(crate) verdict: Option<RunVerdict>,
    pub(crate) columns: ItemFigures,
    pub(crate) drops: Vec<FigureDrop>,
    pub(crate) gone: BTreeMap<String, u64>,
    pub(crate) marked: BTreeMap<String, u64>,
    pub(crate) reason: String,
    pub(crate) elapsed: Duration,
    pub(crate) summary: Option<RunSummary>,
    pub(crate) kind: RunKind,
    pub(crate) origins: PageOrigins,
    pub(crate) rows_written: u64,
    pub(crate) reparse: Option<ReparseCounts>,
    pub(crate) pages_fetched: u64,
    pub(crate) pages_read: u64,
    pub(crate) pages_unchanged: u64,
    pub(crate) pages_fresh: u64,
    pub(crate) kept: KeptCounts,
    pub(crate) refused_links: BTreeMap<LinkRefusal, u64>,
    pub(crate) drop_reasons: BTreeMap<String, u64>,
    pub(crate) rules: RuleCounts,
    pub(crate) look_ups: BTreeMap<String, LookUpCounts>,
    pub(crate) failures: BTreeMap<FailureKind, FailureCount>,
    pub(crate) stop: StopReport,
}

impl CrawlReport {
    /// The run's id in the store.
    pub fn run_id(&self) -> i64 {
        self.run_id
    }

    /// The name by which the run is found again.
    pub fn run_name(&self) -> &str {
        &self.run_name
    }

    /// The spider's name.
    pub fn spider(&self) -> &str {
        &self.spider
    }

    /// What the run is: a crawl, or one that reads kept pages.
    pub fn kind(&self) -> RunKind {
        self.kind
    }

    /// The requests of a reparse, by what became of them.
    pub fn reparse(&self) -> Option<&ReparseCounts> {
        self.reparse.as_ref()
    }

    /// Item rows that the run wrote, as far as earlier starts of it recorded them.
    pub fn rows_written(&self) -> u64 {
        self.rows_written
    }

    /// Where the pages of the run came from.
    pub fn origins(&self) -> PageOrigins {
        self.origins
    }

    /// The run's state in the store.
    pub fn state(&self) -> RunState {
        self.state
    }

    /// How the crawl ended.
    pub fn outcome(&self) -> CrawlOutcome {
        self.outcome
    }

    /// Why it ended, as the store has it: `finished`, `limit`, `signal SIGTERM` and so on.
    pub fn reason(&self) -> &str {
        &self.reason
    }

    /// From the start of the crawl to the end of its stop.
    pub fn elapsed(&self) -> Duration {
        self.elapsed
    }

    /// Pages of the run in this state. `None` when the store could not be read at the end.
    pub fn pages(&self, state: PageState) -> Option<u64> {
        self.summary.as_ref().map(|summary| summary.pages.of(state))
    }

    /// Requests of the run that are still queued. `None` when the store could not be read at the end.
    pub fn queued(&self) -> Option<u64> {
        self.summary.as_ref().map(|summary| summary.pages.queued)
    }

    /// Items of the run by type, in the order in which the spider declares them. `None` when the store could not be read at
    /// the end.
    pub fn items(&self) -> Option<&[(String, u64)]> {
        self.summary.as_ref().map(|summary| &*summary.items)
    }

    /// Dead letters of the run. `None` when the store could not be read at the end.
    pub fn dead_letters(&self) -> Option<u64> {
        self.summary.as_ref().map(|summary| summary.dead_letters)
    }

    /// Answers that this crawl fetched.
    pub fn pages_fetched(&self) -> u64 {
        self.pages_fetched
    }

    /// Kept answers that this crawl read.
    pub fn pages_read(&self) -> u64 {
        self.pages_read
    }

    /// Pages that this crawl did not parse, because they are as an earlier run found them.
    pub fn pages_unchanged(&self) -> u64 {
        self.pages_unchanged
    }

    /// Pages that this crawl did not fetch, because an earlier run saw them a short time ago.
    pub fn pages_fresh(&self) -> u64 {
        self.pages_fresh
    }

    /// Pages whose answer this crawl kept.
    pub fn pages_kept(&self) -> u64 {
        self.kept.pages
    }

    /// Bytes of the bodies among these that the store did not have before, compressed as they are stored.
    pub fn bytes_kept(&self) -> u64 {
        self.kept.bytes
    }

    /// Links that were not followed, by the reason.
    pub fn refused_links(&self) -> &BTreeMap<LinkRefusal, u64> {
        &self.refused_links
    }

    /// Items that item pipelines dropped, by the reason.
    pub fn drop_reasons(&self) -> &BTreeMap<String, u64> {
        &self.drop_reasons
    }

    /// The rules that items of this run broke, also in earlier starts.
    pub fn rules(&self) -> &RuleCounts {
        &self.rules
    }

    /// What became of this crawl's look-ups, by the name of the step.
    pub fn look_ups(&self) -> &BTreeMap<String, LookUpCounts> {
        &self.look_ups
    }

    /// Pages that failed or died, by the kind of failure.
    pub fn failures(&self) -> &BTreeMap<FailureKind, FailureCount> {
        &self.failures
    }

    /// The verdict on the run. `None` if it is not finished, or if the store could not be read at the end.
    pub fn verdict(&self) -> Option<&RunVerdict> {
        self.verdict.as_ref()
    }

    /// What the columns of the run's rows hold, by item type and column. Empty if the run was only stopped, or if the store
    /// could not be read at the end.
    pub fn columns(&self) -> &ItemFigures {
        &self.columns
    }

    /// What is far below the runs before this one: the site may have changed.
    pub fn drops(&self) -> &[FigureDrop] {
        &self.drops
    }

    /// Rows by item type that were removed at the end of the run, because the site no longer has them.
    pub fn gone(&self) -> &BTreeMap<String, u64> {
        &self.gone
    }

    /// Rows by item type that were marked at the end of the run, because the site no longer has them.
    pub fn marked(&self) -> &BTreeMap<String, u64> {
        &self.marked
    }

    /// Whether pages failed or died, and none was done. The run is `finished` all the same.
    pub fn is_fruitless(&self) -> bool {
        self.is_fruitless
    }

    /// The first of the operator's rules (`--min-filled`, `--min-items`) that the run breaks, or that requests of the run were
    /// deleted. The run is `finished` all the same.
    pub fn broken_rule(&self) -> Option<&str> {
        let rules = [ProblemKind::TooFewFilled, ProblemKind::TooFewItems, ProblemKind::RequestsLost];
        let rules = rules.map(ProblemKind::code);
        let mut problems = self.verdict.iter().flat_map(|verdict| &verdict.problems);
        problems.find(|problem| rules.contains(&problem.code.as_str())).map(|problem| problem.text.as_str())
    }

    /// What the stop did.
    pub fn stop(&self) -> &StopReport {
        &self.stop
    }
}
