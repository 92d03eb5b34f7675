//! How the rows of an item type changed from one run to another (`dragline diff`).
//!
//! New and changed rows are known from the history of the type. A row is gone if the runs before saw it and a run that saw the
//! whole site did not.

use serde_json::{Map, Value as Json};

use crate::outcome::PageState;
use crate::run_kind::RunKind;
use crate::runs::{RunFigures, RunRecord};
use crate::store::RunState;
use dragline_spider::counted::counted;
use dragline_spider::reason::Reason;

/// The reason of a run that has seen everything that it was to see.
const SAW_ALL: &str = "finished";

/// The HTTP statuses of a page that is not there any more. Its rows are gone with it.
const NOT_THERE: [&str; 2] = ["404", "410"];

/// Requests that were skipped for these reasons may have had rows. A page that the rules of the run forbid is left out on purpose,
/// and a redirect has a request of its own.
const HIDING: [Reason; 5] = [
    Reason::RobotsUnreachable,
    Reason::HostLimit,
    Reason::PatternLimit,
    Reason::TooManyRedirects,
    Reason::SitemapUnreadable,
];

/// Which rows to compare: those at the end of one run with those at the end of a later one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DiffAsk {
    /// The spider of the runs.
    pub spider: String,
    /// Their name. The runs of this name between the two count too.
    pub name: String,
    /// The id of the first run; 0 for the state before every run.
    pub from: i64,
    /// The id of the last run.
    pub to: i64,
    /// Rows that this run or a later one saw, and that the last run did not see, are gone. `None` if the last run cannot tell.
    /// It is the first run, or an earlier one if the runs since then could not tell either.
    pub gone_since: Option<i64>,
}

/// The fields of a row.
pub type RowFields = Map<String, Json>;

/// A row that differs.
#[derive(Clone, Debug, PartialEq)]
pub enum RowChange {
    /// It was made.
    New(RowFields),
    /// It has other values.
    Changed {
        /// Its values at the end of the first run.
        before: RowFields,
        /// Its values at the end of the last run.
        after: RowFields,
    },
    /// The site no longer has it. The row is still stored.
    Gone(RowFields),
}

impl RowChange {
    /// Whether both sides of a change are the same: a later run has taken an earlier one's change back.
    pub fn is_none(&self) -> bool {
        matches!(self, Self::Changed { before, after } if before == after)
    }
}

/// Whether a run went through the whole site, as far as its row says, so that the next one can be compared with it. Otherwise
/// why not, for people.
///
/// # Errors
/// The reason.
pub fn saw_whole_site(run: &RunRecord) -> Result<(), String> {
    let id = run.run_id;
    if run.kind != RunKind::Crawl {
        return Err(format!("run {id} did not ask the site for all pages (it is of the kind {})", run.kind));
    }
    if run.state != RunState::Finished {
        return Err(format!("run {id} is not finished (it is {})", run.state.as_str()));
    }
    let reason = run.stop_reason.as_deref().unwrap_or("no reason kept");
    if reason != SAW_ALL {
        return Err(format!("run {id} was cut off ({reason})"));
    }
    let Some(figures) = &run.figures else {
        return Err(format!("run {id} was killed before it could note whether a limit cut it off"));
    };
    if figures.cut_by.is_empty() {
        return Ok(());
    }
    let limits: Vec<String> = figures.cut_by.iter().map(|(name, value)| format!("{name} {value}")).collect();
    Err(format!("run {id} was limited ({})", limits.join(", ")))
}

/// Whether rows that a run did not see are gone. Otherwise why not, for people. A page that failed hides its rows, unless the
/// server said that the page is not there. `figures` is what the store still holds of the run.
///
/// # Errors
/// The reason.
pub fn tells_gone(run: &RunRecord, figures: &RunFigures) -> Result<(), String> {
    saw_whole_site(run)?;
    let id = run.run_id;
    let at_end = |state| run.figures.as_ref().map_or(0, |figures| figures.pages.of(state));
    let (failed, dead) = (at_end(PageState::Failed), at_end(PageState::Dead));
    if dead > 0 {
        return Err(format!("{} of run {id} died, so some rows were not stored", pages(dead)));
    }
    // An item that a pipeline puts aside leaves its row as it was.
    let letters = run.figures.as_ref().map_or(0, |figures| figures.dead_letters);
    if letters > 0 {
        return Err(format!(
            "run {id} has {}, so some rows were not stored",
            counted(letters, "dead letter")
        ));
    }
    let is_there = |status: &Option<String>| !status.as_deref().is_some_and(|it| NOT_THERE.contains(&it));
    let groups = &figures.failed_by_status;
    let known: u64 = groups.largest.iter().map(|group| group.count).sum();
    let hidden: u64 =
        groups.largest.iter().filter(|group| is_there(&group.key)).map(|group| group.count).sum();
    // The requests of a pruned run are no longer stored, so nobody knows why they failed.
    let hidden = hidden + failed.saturating_sub(known);
    if hidden > 0 {
        return Err(format!("{} of run {id} failed, whose rows may still be on the site", pages(hidden)));
    }
    let skipped = &figures.skipped_by_reason;
    for group in &skipped.largest {
        let reason = HIDING.iter().find(|reason| group.key.as_deref() == Some(reason.code()));
        if let Some(reason) = reason {
            return Err(format!(
                "run {id} skipped {} ({}), whose rows may still be on the site",
                pages(group.count),
                reason.code()
            ));
        }
    }
    let known: u64 = skipped.largest.iter().map(|group| group.count).sum();
    if at_end(PageState::Skipped) > known {
        return Err(format!("run {id} was pruned, so nobody knows why pages of it were skipped"));
    }
    Ok(())
}

fn pages(count: u64) -> String {
    if count == 1 { "1 page".to_owned() } else { format!("{count} pages") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run_verdict::EndFigures;
    use crate::runs::{GroupCount, LargestGroups};
    use crate::store::PageCounts;
    use chrono::DateTime;

    fn run(state: RunState, reason: &str, figures: Option<EndFigures>) -> RunRecord {
        RunRecord {
            run_id: 7,
            name: "books".to_owned(),
            spider: "books".to_owned(),
            kind: RunKind::Crawl,
            args: Json::Null,
            epoch: 1,
            state,
            stop_reason: Some(reason.to_owned()),
            started_at: DateTime::UNIX_EPOCH,
            last_start_at: DateTime::UNIX_EPOCH,
            heartbeat_at: DateTime::UNIX_EPOCH,
            finished_at: None,
            process: None,
            stats: Json::Null,
            figures,
            verdict: None,
            before: None,
            is_held: false,
            read_at: DateTime::UNIX_EPOCH,
        }
    }

    fn ended(state: PageState, count: u64) -> EndFigures {
        let pages = PageCounts { queued: 0, ended: [(state, count)].into() };
        EndFigures { pages, ..EndFigures::default() }
    }

    fn failed(groups: &[(Option<&str>, u64)]) -> RunFigures {
        let group = |(key, count): &(Option<&str>, u64)| GroupCount {
            key: key.map(str::to_owned),
            count: *count,
            example: None,
        };
        let largest = groups.iter().map(group).collect();
        let failed_by_status = LargestGroups { largest, kinds: groups.len() as u64 };
        RunFigures { failed_by_status, ..RunFigures::default() }
    }

    #[test]
    fn only_a_run_that_saw_everything_tells_what_is_gone() {
        let whole = || Some(EndFigures::default());
        let limited = EndFigures { cut_by: [("max_depth".to_owned(), 3)].into(), ..EndFigures::default() };
        for (run, told) in [
            (run(RunState::Finished, "finished", whole()), None),
            (run(RunState::Running, "", None), Some("not finished")),
            (run(RunState::Stopped, "signal", whole()), Some("not finished (it is stopped)")),
            (run(RunState::Failed, "superseded", whole()), Some("not finished")),
            (run(RunState::Finished, "limit", whole()), Some("cut off (limit)")),
            (run(RunState::Finished, "finished", None), Some("killed before")),
            (run(RunState::Finished, "finished", Some(limited)), Some("limited (max_depth 3)")),
            (
                run(RunState::Finished, "finished", Some(ended(PageState::Dead, 2))),
                Some("2 pages of run 7 died"),
            ),
            (
                run(
                    RunState::Finished,
                    "finished",
                    Some(EndFigures { dead_letters: 1, ..EndFigures::default() }),
                ),
                Some("1 dead letter, so some"),
            ),
        ] {
            let said = tells_gone(&run, &RunFigures::default()).err();
            let reparsed = RunRecord { kind: RunKind::Reparse, ..run.clone() };
            assert!(tells_gone(&reparsed, &RunFigures::default()).unwrap_err().contains("kind reparse"));
            assert_eq!(said.is_some(), told.is_some(), "{said:?}");
            assert!(said.as_deref().unwrap_or_default().contains(told.unwrap_or_default()), "{said:?}");
        }
    }

    #[test]
    fn a_page_that_is_not_there_hides_no_rows() {
        let run = run(RunState::Finished, "finished", Some(ended(PageState::Failed, 3)));
        assert_eq!(tells_gone(&run, &failed(&[(Some("404"), 2), (Some("410"), 1)])), Ok(()));
        let skipped = |code: &str| {
            let LargestGroups { largest, kinds } = failed(&[(Some(code), 2)]).failed_by_status;
            RunFigures { skipped_by_reason: LargestGroups { largest, kinds }, ..RunFigures::default() }
        };
        let skipping = self::run(RunState::Finished, "finished", Some(ended(PageState::Skipped, 2)));
        assert_eq!(tells_gone(&skipping, &skipped("redirected")), Ok(()));
        let told = tells_gone(&skipping, &skipped("robots_unreachable")).unwrap_err();
        assert!(told.starts_with("run 7 skipped 2 pages (robots_unreachable)"), "{told}");
        assert!(tells_gone(&skipping, &RunFigures::default()).unwrap_err().contains("pruned"));
        for groups in
            [&[(Some("404"), 2), (Some("503"), 1)][..], &[(Some("404"), 2), (None, 1)], &[(Some("404"), 2)]]
        {
            let told = tells_gone(&run, &failed(groups)).unwrap_err();
            assert!(told.starts_with("1 page of run 7 failed"), "{told}");
        }
    }
}
