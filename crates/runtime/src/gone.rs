//! Removes or marks the rows that the site no longer has, at the end of a complete run (`--delete-gone`, `--mark-gone`).
//!
//! A broken site must not lead to deleted rows. So only complete and good runs count, and if too large a share of an item
//! type's rows would go, all of them stay.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use dragline_core::counted::counted;
use dragline_core::diff::saw_whole_site;
use dragline_core::gone::{
    GoneAction, GoneAsk, GoneCounts, MAX_REFUSED, MAX_ROWS, ROWS_PER_BATCH, RowPlace, is_complete, is_good,
};
use dragline_core::probe::reach;
use dragline_core::run_verdict::{Problem, ProblemKind};
use dragline_core::runs::{RunAdmin, RunAsk, RunRecord};
use dragline_core::store::RunState;
use dragline_core::{ItemType, RunKind, StoreError};
use dragline_engine::{GoneAfter, GoneSettings};

use crate::blocking::{Blocking, BlockingError};
use crate::error::CrawlError;

/// How many earlier runs are looked at, in addition to those that are asked for.
const MORE_RUNS: usize = 100;
/// For how many of these runs the requests are counted.
const MORE_INSPECTED: usize = 30;
/// The limit on one look at the runs, or at all rows of an item type.
const LOOK_LIMIT: Duration = Duration::from_secs(300);
/// The limit on one batch.
const BATCH_LIMIT: Duration = Duration::from_secs(60);
/// The limit on all batches of a run. The next complete run continues.
const REMOVE_LIMIT: Duration = Duration::from_secs(600);
/// How often the log says how far it is.
const TOLD_EVERY: Duration = Duration::from_secs(5);

/// Refuses a rule that can't apply to any of the spider's rows.
pub(crate) fn check(settings: &GoneSettings, items: &[ItemType]) -> Result<(), CrawlError> {
    let mut rules = settings.delete_gone.into_iter().chain(settings.mark_gone);
    let is_in_range = rules.all(|after| (1..=GoneAfter::MAX).contains(&after.0));
    if !is_in_range || !(0.0..=1.0).contains(&settings.max_gone_share) {
        return Err(CrawlError::Gone {
            problem: "--delete-gone, --mark-gone or --max-gone-share is out of range".to_owned(),
            hint: format!("the number of runs is from 1 to {}, and a share from 0 to 1", GoneAfter::MAX),
        });
    }
    if settings.mark_gone.is_some() && !items.iter().any(ItemType::marks_gone) {
        return Err(CrawlError::Gone {
            problem: "--mark-gone: no item type of the spider has a column for the mark".to_owned(),
            hint: "ask for it with #[item(gone_mark)]; in dragline.toml, a rule for one spider belongs in its own table \
                   [spider.NAME]"
                .to_owned(),
        });
    }
    if settings.delete_gone.is_none() || items.iter().any(ItemType::is_keyed) {
        return Ok(());
    }
    Err(CrawlError::Gone {
        problem: "--delete-gone: no item type of the spider has a key, so nobody can tell whether a row was seen again"
            .to_owned(),
        hint: "give an item type a key, #[item(key = \"…\")]; in dragline.toml, a rule for one spider belongs in its own table \
               [spider.NAME]"
            .to_owned(),
    })
}

/// The store, and how to wait for it.
#[derive(Clone, Copy)]
pub struct GoneRows<'a> {
    admin: &'a dyn RunAdmin,
    blocking: &'a Blocking,
}

/// What was done.
#[derive(Debug, Default)]
pub(crate) struct EndedRows {
    /// Removed rows by item type.
    pub(crate) removed: BTreeMap<String, u64>,
    /// Marked rows by item type.
    pub(crate) marked: BTreeMap<String, u64>,
    /// The item types of which too many rows would have gone.
    pub(crate) problems: Vec<Problem>,
}

/// The batches of one item type.
struct Batches<'a> {
    ask: &'a GoneAsk,
    item: &'a ItemType,
    until: Instant,
    ended: u64,
    refused: usize,
}

impl<'a> GoneRows<'a> {
    /// Works on the runs and rows of this store.
    pub fn new(admin: &'a dyn RunAdmin, blocking: &'a Blocking) -> Self {
        Self { admin, blocking }
    }

    fn wait<T>(
        self,
        what: &str,
        limit: Duration,
        work: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, BlockingError> {
        self.blocking.wait(self.admin, what, limit, work)
    }

    /// Which rows are gone at the end of this run: those that it and the complete runs before it did not see. If that is not
    /// known, it returns the reason, for people.
    ///
    /// # Errors
    /// Those of the store.
    pub fn ask(
        self,
        run: &RunRecord,
        action: GoneAction,
        after: GoneAfter,
    ) -> Result<Result<GoneAsk, String>, BlockingError> {
        if let Err(reason) = self.is_complete(run)? {
            return Ok(Err(reason));
        }
        let wanted = after.0 as usize;
        let (mut since, mut found) = (run.run_id, 1);
        let earlier = RunAsk {
            name: Some(run.name.clone()),
            spider: Some(run.spider.clone()),
            kind: Some(RunKind::Crawl),
            state: Some(RunState::Finished),
            older_than: Some(run.run_id),
            limit: wanted + MORE_RUNS,
            ..RunAsk::default()
        };
        let earlier = if wanted > 1 {
            self.wait("reading the runs", LOOK_LIMIT, self.admin.list_runs(&earlier))?
        } else {
            Vec::new()
        };
        let candidates = earlier.iter().filter(|run| is_good(run).is_ok() && saw_whole_site(run).is_ok());
        for run in candidates.take(wanted + MORE_INSPECTED) {
            if found == wanted {
                break;
            }
            if self.is_complete(run)?.is_ok() {
                (since, found) = (run.run_id, found + 1);
            }
        }
        if found < wanted {
            let runs = counted(found as u64, "complete run");
            return Ok(Err(format!("there is only {runs} of this name, and rows go after {wanted}")));
        }
        let (spider, name) = (run.spider.clone(), run.name.clone());
        Ok(Ok(GoneAsk { spider, name, since, run_id: run.run_id, action }))
    }

    fn is_complete(self, run: &RunRecord) -> Result<Result<(), String>, BlockingError> {
        // For most runs, their row is enough, and counting takes time.
        if let Err(reason) = saw_whole_site(run).and_then(|()| is_good(run)) {
            return Ok(Err(reason));
        }
        let inspected = self.admin.inspect_run(run.run_id, &[]);
        let figures = self.wait("looking at the run", LOOK_LIMIT, inspected)?;
        Ok(is_complete(run, &figures))
    }

    /// The item types with a key, in the order in which their rows can be removed.
    ///
    /// # Errors
    /// Those of the store.
    pub fn types(self, items: &[ItemType]) -> Result<Vec<ItemType>, BlockingError> {
        self.wait("reading the foreign keys", BATCH_LIMIT, self.admin.children_first(items))
    }

    /// Counts the rows of a type.
    ///
    /// # Errors
    /// Those of the store.
    pub fn count(self, ask: &GoneAsk, item: &ItemType) -> Result<GoneCounts, BlockingError> {
        let counting = self.admin.count_gone(ask, item, LOOK_LIMIT);
        self.wait("counting rows that are gone", LOOK_LIMIT + BATCH_LIMIT, counting)
    }

    /// The keys of some of the rows that are gone.
    ///
    /// # Errors
    /// Those of the store.
    pub fn keys(self, ask: &GoneAsk, item: &ItemType, max: usize) -> Result<Vec<String>, BlockingError> {
        let rows = self.find(ask, item, max)?;
        self.wait("reading keys", BATCH_LIMIT, self.admin.keys_of_rows(item, &rows))
    }

    fn find(self, ask: &GoneAsk, item: &ItemType, max: usize) -> Result<Vec<RowPlace>, BlockingError> {
        let finding = self.admin.find_gone(ask, item, max, LOOK_LIMIT);
        self.wait("looking for rows that are gone", LOOK_LIMIT + BATCH_LIMIT, finding)
    }

    /// Removes and marks the rows that are gone at the end of this run. `ended` has what was done, even if an error comes in between.
    pub(crate) fn end(
        self,
        run_id: i64,
        settings: &GoneSettings,
        items: &[ItemType],
        ended: &mut EndedRows,
    ) -> Result<(), BlockingError> {
        let asked = RunAsk { run_id: Some(run_id), limit: 1, ..RunAsk::default() };
        let found = self.wait("reading the run", LOOK_LIMIT, self.admin.list_runs(&asked))?;
        let Some(run) = found.first() else { return Ok(()) };
        let until = Instant::now() + REMOVE_LIMIT;
        let types = self.types(items)?;
        // Rows that are removed need no mark.
        let rules = [(GoneAction::Remove, settings.delete_gone), (GoneAction::Mark, settings.mark_gone)];
        for (action, after) in rules {
            let Some(after) = after else { continue };
            let ask = match self.ask(run, action, after)? {
                Ok(ask) => ask,
                Err(reason) => {
                    tracing::info!("no row counts as gone: {reason}");
                    continue;
                }
            };
            for item in types.iter().filter(|item| action == GoneAction::Remove || item.marks_gone()) {
                let counts = self.count(&ask, item)?;
                if counts.gone == 0 {
                    continue;
                }
                if counts.share() > settings.max_gone_share {
                    ended.problems.push(too_many(run, item, counts, after, settings.max_gone_share));
                    continue;
                }
                let mut batches = Batches { ask: &ask, item, until, ended: 0, refused: 0 };
                let done = self.end_type(&mut batches);
                if batches.ended > 0 {
                    let of_action = match action {
                        GoneAction::Remove => &mut ended.removed,
                        GoneAction::Mark => &mut ended.marked,
                    };
                    of_action.insert(item.name().to_owned(), batches.ended);
                    tracing::info!(
                        item = item.name(),
                        table = item.table().unwrap_or("crawl_items"),
                        rows = batches.ended,
                        not_seen_since = ask.since,
                        "{} the rows that the last complete runs did not see",
                        if action == GoneAction::Remove { "removed" } else { "marked" },
                    );
                }
                done?;
            }
        }
        Ok(())
    }

    fn end_type(self, batches: &mut Batches<'_>) -> Result<(), BlockingError> {
        let rows = self.find(batches.ask, batches.item, MAX_ROWS)?;
        let mut told_at = Instant::now();
        for batch in rows.chunks(ROWS_PER_BATCH) {
            if !self.end_batch(batches, batch)? {
                return Ok(());
            }
            if told_at.elapsed() >= TOLD_EVERY {
                told_at = Instant::now();
                tracing::info!(
                    item = batches.item.name(),
                    rows = batches.ended,
                    of = rows.len(),
                    "going through rows that are gone"
                );
            }
        }
        if batches.refused > 0 {
            tracing::warn!(
                item = batches.item.name(),
                rows = batches.refused,
                "rows that are gone were left, because others refer to them, or because the database refused a mark"
            );
        }
        Ok(())
    }

    /// Removes or marks these rows. A batch that is refused is cut in two until the row is found that another one refers to. Returns
    /// whether to go on.
    fn end_batch(self, batches: &mut Batches<'_>, batch: &[RowPlace]) -> Result<bool, BlockingError> {
        let mut pieces = vec![batch];
        while let Some(piece) = pieces.pop() {
            let name = batches.item.name();
            if self.blocking.is_cut() || Instant::now() >= batches.until {
                tracing::warn!(
                    item = name,
                    "some rows that are gone were left; the next complete run continues with them"
                );
                return Ok(false);
            }
            let removing = self.admin.end_gone(batches.ask, batches.item, piece);
            match self.wait("going through rows that are gone", BATCH_LIMIT, removing) {
                Ok(rows) => batches.ended += rows,
                Err(BlockingError::Store(StoreError::Refused { .. })) if piece.len() > 1 => {
                    let (first, second) = piece.split_at(piece.len() / 2);
                    pieces.extend([second, first]);
                }
                Err(BlockingError::Store(StoreError::Refused { message, .. })) => {
                    if batches.refused == 0 {
                        tracing::warn!(
                            item = name,
                            "a row that is gone can't be removed or marked: {message}"
                        );
                    }
                    batches.refused += 1;
                    if batches.refused >= MAX_REFUSED {
                        tracing::warn!(
                            item = name,
                            rows = batches.refused,
                            hint = "remove the rows that refer to them, or let the foreign key do it (ON DELETE …)",
                            "too many rows that are gone can't be removed, so the others are left as well"
                        );
                        return Ok(false);
                    }
                }
                Err(error) => return Err(error),
            }
            reach("gone: batch done");
        }
        Ok(true)
    }
}

/// The problem of a run after which too many rows would go.
fn too_many(run: &RunRecord, item: &ItemType, counts: GoneCounts, after: GoneAfter, max: f64) -> Problem {
    let GoneCounts { rows, gone } = counts;
    let text = format!(
        "{gone} of {} of {} were not seen in {}, which is more than a share of {max} (--max-gone-share), so none was removed or marked; \
         `dragline runs gone {} --after {}` shows them; if they are really gone, crawl once with --max-gone-share {}",
        counted(rows, "row"),
        item.name(),
        if after.0 == 1 { "the run".to_owned() } else { format!("{} complete runs", after.0) },
        run.run_id,
        after.0,
        // Rounded up, so that it is enough.
        (counts.share() * 100.0).ceil() / 100.0,
    );
    Problem::new(ProblemKind::TooManyGone, text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use dragline_core::ColumnType;

    #[test]
    fn a_rule_needs_a_key_and_a_sensible_number() {
        let note = |keyed: bool| {
            let note = ItemType::builder("note").with_column("text", ColumnType::Text);
            vec![if keyed { note.with_key(["text"]) } else { note }.build().unwrap()]
        };
        let rule = |after| GoneSettings { delete_gone: Some(GoneAfter(after)), ..GoneSettings::default() };
        assert!(
            check(&rule(3), &note(true)).is_ok() && check(&GoneSettings::default(), &note(false)).is_ok()
        );
        let told = check(&rule(3), &note(false)).unwrap_err();
        assert!(told.to_string().contains("has a key") && told.hint().is_some() && told.is_usage(), "{told}");
        for wrong in [rule(101), GoneSettings { max_gone_share: 1.5, ..rule(1) }] {
            assert!(check(&wrong, &note(true)).unwrap_err().to_string().contains("out of range"));
        }
    }
}
