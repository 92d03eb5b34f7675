//! A crawl that has ended. Its threads are gone, and its run is in the store. Only the report is left to do.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use dragline_core::item_figures::{FigureDrop, ItemFigures};
use dragline_core::reparse::ReparseCounts;
use dragline_core::run_kind::RunKind;
use dragline_core::run_verdict::{EndFigures, ProblemKind, RunVerdict};
use dragline_core::stop::StopReason;
use dragline_core::store::{OpenedRun, PageCounts, RunState, RunSummary, Store};
use dragline_core::{PageState, Spider, StoreError};
use dragline_engine::{CrawlStats, LinkRefusal, NOINDEX};
use dragline_pipelines::persistence::PersistenceStatus;

use crate::blocking::{Blocking, BlockingError};
use crate::error_chain::chain;
use crate::gone::{EndedRows, GoneRows};
use crate::health::Health;
use crate::metrics::Metrics;
use crate::outcome::CrawlOutcome;
use crate::report::CrawlReport;
use crate::row_watch::RowWatch;
use crate::settings::CrawlSettings;
use crate::stop_report::StopReport;
use crate::verdict::{Evidence, judge};
use crate::watched::Watched;

/// After a stop, the report must fit into the time that a container gets.
const READ_AFTER_STOP: Duration = Duration::from_secs(1);
/// A finished run may have millions of requests to count, and nothing waits for its process to end.
const READ_AT_THE_END: Duration = Duration::from_secs(30);
/// The log has a line for each of the first drops, up to this number. The run keeps all of them.
const DROPS_LOGGED: usize = 20;
/// The least time for reading, even if the time is up. A store that works answers faster.
const LEAST_READ: Duration = Duration::from_millis(200);

/// A crawl that has ended. Until it is dropped, the process counts as alive and the health endpoints answer.
pub struct Ended {
    pub(crate) run: OpenedRun,
    pub(crate) spider: Arc<dyn Spider>,
    pub(crate) settings: CrawlSettings,
    pub(crate) state: RunState,
    pub(crate) reason: String,
    pub(crate) outcome: CrawlOutcome,
    pub(crate) elapsed: Duration,
    pub(crate) left_of_stop: Duration,
    pub(crate) stats: Arc<CrawlStats>,
    /// What the persistence thread stored.
    pub(crate) stored: PersistenceStatus,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) stop: StopReport,
    pub(crate) watched: Watched,
}

impl Ended {
    /// The run's id in the store.
    pub fn run_id(&self) -> i64 {
        self.run.key.run_id
    }

    /// Its state in the store.
    pub fn state(&self) -> RunState {
        self.state
    }

    /// How it ended, as far as is known before the store is read.
    pub fn outcome(&self) -> CrawlOutcome {
        self.outcome
    }

    /// What is left of the time for a stop.
    pub fn left_of_stop(&self) -> Duration {
        self.left_of_stop
    }

    /// For long work after the crawl. Without these signs of life, the process counts as stuck.
    pub fn health(&self) -> &Arc<Health> {
        &self.watched.health
    }

    /// How long one read of the store may take now.
    pub fn reading_limit(&self) -> Duration {
        match self.state {
            RunState::Stopped => READ_AFTER_STOP.min(self.left_of_stop).max(LEAST_READ),
            _ => READ_AT_THE_END,
        }
    }

    /// Opens the store again, because the crawl's own sessions are closed.
    ///
    /// # Errors
    /// Those of its settings.
    pub fn open_store(&self) -> Result<Arc<dyn Store>, StoreError> {
        dragline_store::open(&self.settings.store.0, &self.settings.store_settings)
    }

    /// The result, with the numbers in `store`, and the verdict on the run, which it keeps there. Without these if the store
    /// doesn't answer.
    pub fn report(&self, store: &dyn Store, blocking: &Blocking) -> CrawlReport {
        let summary = self.summary(store, blocking).inspect_err(|error| {
            tracing::warn!("the report has no numbers from the store: {}", chain(error));
        });
        let mut judged = summary.as_ref().ok().map(|summary| {
            let columns = self.columns(store, blocking);
            self.judge(summary, columns)
        });
        if let Some((figures, verdict)) = &mut judged {
            self.keep_verdict(store, blocking, figures, verdict.as_ref());
            if let Some(verdict) = verdict
                && self.end_gone(blocking, figures, verdict)
            {
                self.keep_verdict(store, blocking, figures, Some(verdict));
            }
            self.metrics.measured(figures);
            warn_of(&figures.drops);
        }
        let (figures, verdict) = judged.unzip();
        let verdict = verdict.flatten();
        if let Some(verdict) = &verdict {
            self.metrics.judged(verdict);
            self.watched.health.judged(verdict);
        }
        self.report_with(summary.ok(), figures.unwrap_or_default(), verdict)
    }

    fn keep_verdict(
        &self,
        store: &dyn Store,
        blocking: &Blocking,
        figures: &EndFigures,
        verdict: Option<&RunVerdict>,
    ) {
        let kept = store.judge_run(&self.run.key, figures, verdict);
        let kept = blocking.wait(store, "keeping the verdict on the run", self.reading_limit(), kept);
        let _ = kept.inspect_err(|error| {
            tracing::warn!("the verdict on the run was not stored: {}", chain(error));
        });
    }

    /// Removes and marks the rows that the site no longer has, if the run may do that. Returns whether that has changed figures or
    /// verdict.
    fn end_gone(&self, blocking: &Blocking, figures: &mut EndFigures, verdict: &mut RunVerdict) -> bool {
        let settings = &self.settings.gone;
        let is_asked_for = settings.delete_gone.is_some() || settings.mark_gone.is_some();
        if !is_asked_for || self.run.key.kind != RunKind::Crawl {
            return false;
        }
        let mut ended = EndedRows::default();
        let opened = dragline_store::open_runs(&self.settings.store.0, &self.settings.store_settings);
        let done = opened.map_err(BlockingError::from).and_then(|admin| {
            blocking.wait(&*admin, "connect", self.reading_limit(), admin.reach())?;
            let rows = GoneRows::new(&*admin, blocking);
            let done = rows.end(self.run_id(), settings, &self.spider.items(), &mut ended);
            blocking.close(&*admin, self.reading_limit());
            done
        });
        if let Err(error) = done {
            tracing::warn!(
                "some rows that are gone may have been left, and the next complete run continues with them: {}",
                chain(&error)
            );
        }
        let EndedRows { removed, marked, problems } = ended;
        let is_changed = !removed.is_empty() || !marked.is_empty() || !problems.is_empty();
        (figures.gone, figures.marked) = (removed, marked);
        verdict.problems.extend(problems);
        is_changed
    }

    /// What the columns hold. A stop leaves no time for that, and its run goes on anyway.
    fn columns(&self, store: &dyn Store, blocking: &Blocking) -> ItemFigures {
        if self.state == RunState::Stopped {
            return ItemFigures::new();
        }
        let (items, limit) = (self.spider.items(), self.reading_limit());
        let figures = store.item_figures(self.run_id(), &items, limit);
        blocking.wait(store, "reading what the columns hold", limit + LEAST_READ, figures).unwrap_or_else(
            |error| {
                tracing::warn!("the columns of the run's rows were not looked at: {}", chain(&error));
                ItemFigures::new()
            },
        )
    }

    fn report_with(
        &self,
        summary: Option<RunSummary>,
        figures: EndFigures,
        verdict: Option<RunVerdict>,
    ) -> CrawlReport {
        let has = |kind: ProblemKind| {
            verdict.iter().flat_map(|verdict| &verdict.problems).any(|problem| problem.code == kind.code())
        };
        let is_fruitless = self.outcome == CrawlOutcome::Finished && has(ProblemKind::NoPageDone);
        // An operator who sets a rule wants the exit code of an error.
        let counts_as_failed = ProblemKind::FAILURES.into_iter().any(has);
        let outcome = match self.outcome {
            CrawlOutcome::Finished if counts_as_failed => CrawlOutcome::Failed,
            CrawlOutcome::Finished if verdict.as_ref().is_some_and(|verdict| !verdict.is_good()) => {
                CrawlOutcome::FinishedWithProblems
            }
            outcome => outcome,
        };
        let stats = self.stats.snapshot();
        CrawlReport {
            run_id: self.run_id(),
            run_name: self.settings.run_name(self.spider.name()),
            spider: self.spider.name().to_owned(),
            state: self.state,
            outcome,
            is_fruitless,
            verdict,
            columns: figures.columns,
            drops: figures.drops,
            gone: figures.gone,
            marked: figures.marked,
            reason: self.reason.clone(),
            elapsed: self.elapsed,
            summary,
            kind: self.run.key.kind,
            origins: self.stored.origins,
            rows_written: self.stored.items_before + self.stored.items,
            reparse: self.run.reparse.map(|counts| ReparseCounts {
                not_followed: counts.not_followed + stats.links_not_followed,
                ..counts
            }),
            pages_fetched: stats.pages_fetched,
            pages_read: stats.pages_read,
            pages_unchanged: stats.pages_unchanged,
            pages_fresh: stats.pages_fresh,
            kept: self.stored.kept,
            refused_links: stats.refused_links,
            drop_reasons: stats.drop_reasons,
            rules: self.stored.rules.clone(),
            look_ups: stats.look_ups,
            failures: stats.failures,
            stop: self.stop.clone(),
        }
    }

    /// What the run held when it ended, and the verdict on it if it is finished.
    fn judge(&self, summary: &RunSummary, columns: ItemFigures) -> (EndFigures, Option<RunVerdict>) {
        let stats = self.stats.snapshot();
        let mut figures = EndFigures {
            pages: summary.pages.clone(),
            items: summary.items.iter().cloned().collect(),
            dead_letters: summary.dead_letters,
            cut_by: self.cut_by(&summary.pages, &stats.refused_links),
            columns,
            drops: Vec::new(),
            gone: BTreeMap::new(),
            marked: BTreeMap::new(),
        };
        if self.state != RunState::Finished {
            return (figures, None);
        }
        // The rows that a reparse corrects still belong to the runs that fetched their pages.
        let is_reparse = self.run.key.kind == RunKind::Reparse;
        let declared = self.spider.items().into_iter().filter(|_| !is_reparse);
        let declared: Vec<String> = declared.map(|item| item.name().to_owned()).collect();
        let by_robots = stats.drop_reasons.get(NOINDEX).copied().unwrap_or_default();
        let pipelines_drop = stats.items_dropped > by_robots;
        let found =
            stats.items.iter().filter(|of_type| of_type.kept > 0 || (pipelines_drop && of_type.dropped > 0));
        let found: Vec<String> = found.map(|of_type| of_type.item_type.clone()).collect();
        let most_frequent = stats.failures.iter().max_by_key(|(_, failures)| failures.count);
        let mut verdict = judge(&Evidence {
            settings: &self.settings.verdict,
            max_failed_share: self.settings.engine.limits.failed_share,
            figures: &figures,
            failing_tags: &summary.failing_tags,
            declared: &declared,
            found: &found,
            rows_written: self.stored.items_before + self.stored.items,
            requests: self.stored.requests(),
            barren_pages: self.stored.barren_before + self.stored.barren_pages,
            rules: &self.stored.rules,
            max_invalid_share: self.settings.engine.limits.invalid_share,
            good: &self.run.earlier.good,
            most_frequent: most_frequent.map(|(kind, _)| kind.to_string()),
        });
        let watch = RowWatch {
            settings: &self.settings.watch,
            figures: &figures,
            good: &self.run.earlier.good,
            may_be_empty: &self.settings.verdict.may_be_empty,
        };
        if !is_reparse {
            verdict.problems.extend(watch.problems());
            let drops = watch.drops();
            figures.drops = drops;
        }
        (figures, Some(verdict))
    }

    /// The limits that kept the run from seeing the whole site. The refusals of earlier starts are not known, so a
    /// resumed run counts as cut by each limit that it may have reached.
    fn cut_by(&self, pages: &PageCounts, refused: &BTreeMap<LinkRefusal, u64>) -> BTreeMap<String, u64> {
        let (limits, links) = (&self.settings.engine.limits, &self.settings.engine.links);
        let (done, is_resumed) = (pages.of(PageState::Done), self.run.resumed.is_some());
        let refused = |reason| refused.contains_key(&reason);
        let full = |reason, limit: u64| refused(reason) || is_resumed && done >= limit;
        let ended_by = |reason: StopReason| self.reason == reason.to_string();
        let cuts = [
            ("limit", limits.pages.filter(|limit| done >= *limit)),
            ("max_items", limits.items.filter(|_| ended_by(StopReason::MaxItems))),
            (
                "max_duration",
                limits.duration.filter(|_| ended_by(StopReason::MaxDuration)).map(|limit| limit.as_secs()),
            ),
            (
                "max_depth",
                links.max_depth.filter(|_| is_resumed || refused(LinkRefusal::TooDeep)).map(u64::from),
            ),
            (
                "max_pages_per_host",
                links.max_pages_per_host.filter(|limit| full(LinkRefusal::HostFull, *limit)),
            ),
            (
                "max_pages_per_pattern",
                links.max_pages_per_pattern.filter(|limit| full(LinkRefusal::PatternFull, *limit)),
            ),
        ];
        cuts.into_iter().filter_map(|(name, limit)| Some((name.to_owned(), limit?))).collect()
    }

    fn summary(&self, store: &dyn Store, blocking: &Blocking) -> Result<RunSummary, BlockingError> {
        let limit = self.reading_limit();
        blocking.wait(store, "connect", limit, store.connect())?;
        let items = self.spider.items();
        blocking.wait(store, "reading the run's figures", limit, store.summary(self.run_id(), &items))
    }
}

fn warn_of(drops: &[FigureDrop]) {
    for drop in drops.iter().take(DROPS_LOGGED) {
        tracing::warn!(
            item = drop.item,
            column = drop.column,
            now = drop.now,
            usual = drop.usual,
            "the site may have changed: {}",
            drop.text()
        );
    }
    if let Some(more) = drops.len().checked_sub(DROPS_LOGGED).filter(|more| *more > 0) {
        tracing::warn!(
            more,
            "the site may have changed: there are more such columns; `dragline runs show` has them"
        );
    }
}
