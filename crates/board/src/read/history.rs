//! The runs of a spider next to each other, so that an odd one is obvious.

use std::collections::BTreeSet;

use chrono::TimeDelta;
use dragline_core::run_kind::RunKind;
use dragline_core::runs::RunRecord;
use serde::{Deserialize, Serialize};

use super::{Answer, Reader, RunSummary, shown};
use crate::answer::Refused;

/// The number of finished runs that a run is compared with. They are the last ones before it.
const COMPARED: usize = 10;
/// With fewer, nobody knows what is usual.
const FEWEST: usize = 3;
/// More than this multiple of the usual is odd, and less than its inverse.
const ODD_FACTOR: f64 = 1.5;
/// Differences of so few seconds or items say nothing.
const SMALL: f64 = 5.0;
/// A run of the same night a week ago may have begun a little later.
const ABOUT_A_WEEK: TimeDelta = TimeDelta::hours(156);
/// How many names of runs are compared on the page of a spider.
const MAX_COMPARED: usize = 10;

/// A spider and its runs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SpiderView {
    /// Its name.
    pub spider: String,
    /// Whether this program has it.
    pub is_known: bool,
    /// Its item types, if this program has it.
    pub items: Vec<String>,
    /// Its runs, the newest first.
    pub runs: Vec<RunSummary>,
    /// What is odd about some of the runs.
    pub odd: Vec<Odd>,
    /// The newest finished run of each name, next to earlier ones.
    pub compared: Vec<Compared>,
}

/// What is odd about a finished run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Odd {
    /// The run.
    pub run_id: i64,
    /// `seconds`, `items` or `failed`.
    pub what: String,
    /// Its value.
    pub now: f64,
    /// The median of the finished runs before it.
    pub usual: f64,
}

/// A finished run next to earlier ones of its name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Compared {
    /// The name of the runs.
    pub name: String,
    /// The newest finished run.
    pub run_id: i64,
    /// What is usual: the medians of the finished runs before it. `null` with fewer than three.
    pub usual: Option<Usual>,
    /// The last finished run that began at least six and a half days before it.
    pub week_before: Option<i64>,
}

/// Medians of some runs.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Usual {
    /// Of how many runs.
    pub runs: u64,
    /// From start to end.
    pub seconds: f64,
    /// Item rows.
    pub items: f64,
    /// Failed and dead pages.
    pub failed: f64,
}

impl Reader {
    /// A spider and its runs, without secrets.
    pub(crate) async fn spider(&self, spider: &str) -> Answer<SpiderView> {
        let runs = self.history(spider).await?;
        let known = self.items_of(spider);
        if runs.is_empty() && known.is_none() {
            return Err(Refused::missing("there is no such spider, and no run of it")
                .hint("the spiders are listed at /spiders"));
        }
        let items = known.unwrap_or_default().iter().map(|item| item.name().to_owned()).collect();
        shown(&SpiderView {
            spider: spider.to_owned(),
            is_known: known.is_some(),
            items,
            runs: runs.iter().map(RunSummary::of).collect(),
            odd: odd(&runs),
            compared: compared(&runs),
        })
    }
}

/// Whether a run can be compared with others.
fn is_whole(run: &RunRecord) -> bool {
    run.figures.is_some() && run.kind == RunKind::Crawl && run.state.is_final()
}

/// The finished runs of this name before the one at this place. The runs come newest first.
fn before(runs: &[RunRecord], at: usize) -> impl Iterator<Item = &RunRecord> {
    runs[at + 1..].iter().filter(move |earlier| is_whole(earlier) && earlier.name == runs[at].name)
}

/// What is usual before the run at this place, once that can be said.
fn usual(runs: &[RunRecord], at: usize) -> Option<Usual> {
    let compared: Vec<RunSummary> = before(runs, at).take(COMPARED).map(RunSummary::of).collect();
    let of = |measure: Measure| median(compared.iter().map(measure).collect());
    let [seconds, items, failed] = MEASURES.map(|(_, measure)| of(measure));
    (compared.len() >= FEWEST).then_some(Usual { runs: compared.len() as u64, seconds, items, failed })
}

/// What is odd. The runs come newest first. Only finished crawls of one name are compared with each other.
fn odd(runs: &[RunRecord]) -> Vec<Odd> {
    let mut found = Vec::new();
    for (at, run) in runs.iter().enumerate().filter(|(_, run)| is_whole(run)) {
        let Some(usual) = usual(runs, at) else { continue };
        let now = RunSummary::of(run);
        for ((what, value), usual) in MEASURES.into_iter().zip([usual.seconds, usual.items, usual.failed]) {
            if is_odd(value(&now), usual) {
                found.push(Odd { run_id: run.run_id, what: what.to_owned(), now: value(&now), usual });
            }
        }
    }
    found
}

/// The newest finished run of each name, if there is an earlier one to compare it with. The runs come newest first.
fn compared(runs: &[RunRecord]) -> Vec<Compared> {
    let mut names = BTreeSet::new();
    let newest = runs.iter().enumerate().filter(|(_, run)| is_whole(run) && names.insert(&run.name));
    let compared = newest.map(|(at, run)| Compared {
        name: run.name.clone(),
        run_id: run.run_id,
        usual: usual(runs, at),
        week_before: before(runs, at)
            .find(|earlier| run.started_at - earlier.started_at >= ABOUT_A_WEEK)
            .map(|earlier| earlier.run_id),
    });
    compared.filter(|it| it.usual.is_some() || it.week_before.is_some()).take(MAX_COMPARED).collect()
}

type Measure = fn(&RunSummary) -> f64;

#[allow(clippy::cast_precision_loss)] // nobody looks at the last digits
const MEASURES: [(&str, Measure); 3] =
    [("seconds", |run| run.seconds), ("items", |run| run.items as f64), ("failed", |run| run.failed as f64)];

fn is_odd(now: f64, usual: f64) -> bool {
    (now - usual).abs() > SMALL && (now > usual * ODD_FACTOR || now < usual / ODD_FACTOR)
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() {
        0 => 0.0,
        len if len % 2 == 1 => values[middle],
        _ => f64::midpoint(values[middle - 1], values[middle]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_large_differences_are_odd() {
        assert!(is_odd(120.0, 60.0) && is_odd(0.0, 60.0) && is_odd(39.0, 60.0));
        assert!(!is_odd(80.0, 60.0) && !is_odd(41.0, 60.0) && !is_odd(3.0, 0.5) && !is_odd(0.0, 0.0));
        assert!((median(vec![3.0, 1.0, 2.0]) - 2.0).abs() < 1e-9);
        assert!((median(vec![4.0, 1.0, 2.0, 3.0]) - 2.5).abs() < 1e-9);
    }
}
