//! Rows that are gone: the site no longer has them, so a crawl may remove them (`--delete-gone`) or mark them
//! (`--mark-gone`).
//!
//! A row counts as gone if none of the last complete runs saw it. A run is complete if it passes
//! [`tells_gone`] and its verdict is good. Only runs of the same name and spider count, and only
//! rows whose last run is one of these. So a row stays if a run of another name or spider saw it last.
//!
//! Small transactions remove or mark the rows. Each transaction checks once more whether its rows are still gone. So nothing waits
//! long for one of them, the process may end at any moment, and the next complete run continues.

use crate::diff::tells_gone;
use crate::run_verdict::{ProblemKind, RunVerdict};
use crate::runs::{RunFigures, RunRecord};

/// How many rows one transaction removes.
pub const ROWS_PER_BATCH: usize = 1_000;
/// How many rows of an item type one run removes at most. The next complete run continues.
pub const MAX_ROWS: usize = 1_000_000;
/// How many rows of an item type may be refused before the others stay, too.
pub const MAX_REFUSED: usize = 100;

/// Which rows are gone: those that neither the run `since` nor a later one saw.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GoneAsk {
    /// The spider of the runs.
    pub spider: String,
    /// Their name. The last run that saw a row must have it.
    pub name: String,
    /// The first of the complete runs that did not see the row.
    pub since: i64,
    /// The last of them, in whose name rows are removed.
    pub run_id: i64,
    /// What to do with them.
    pub action: GoneAction,
}

/// What to do with rows that are gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GoneAction {
    /// They are removed.
    Remove,
    /// They get the time in the column [`GONE_AT`](dragline_spider::item_extras::GONE_AT). Rows that have one already don't count.
    Mark,
}

/// Rows of an item type.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GoneCounts {
    /// Those whose last run has the name.
    pub rows: u64,
    /// Those among them that are gone.
    pub gone: u64,
}

impl GoneCounts {
    /// The share of the rows that are gone.
    #[allow(clippy::cast_precision_loss)] // for a limit, so the last digits don't matter
    pub fn share(self) -> f64 {
        self.gone as f64 / self.rows.max(1) as f64
    }
}

/// Where a row is. It stays the same until somebody changes the row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RowPlace {
    /// The part of the table that has the row, if the table has parts.
    pub part: u32,
    /// Its place there.
    pub place: u64,
}

/// Whether a run counts for `after`: it saw the whole site, and it is good. A run in which too many rows were gone may count, too,
/// because that problem is not about its pages.
///
/// # Errors
/// Why not, for people.
pub fn is_complete(run: &RunRecord, figures: &RunFigures) -> Result<(), String> {
    is_good(run)?;
    tells_gone(run, figures)
}

/// Whether nothing is wrong with what a run saw, as far as its row says.
///
/// # Errors
/// Why not, for people.
pub fn is_good(run: &RunRecord) -> Result<(), String> {
    let Some(RunVerdict { problems }) = &run.verdict else {
        return Err(format!("run {} was not judged", run.run_id));
    };
    match problems.iter().find(|problem| problem.code != ProblemKind::TooManyGone.code()) {
        Some(problem) => Err(format!("run {} has problems: {}", run.run_id, problem.text)),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_share_of_no_rows_is_none() {
        assert_eq!(GoneCounts::default().share().total_cmp(&0.0), std::cmp::Ordering::Equal);
        assert!(GoneCounts { rows: 8, gone: 2 }.share() > 0.24);
    }
}
