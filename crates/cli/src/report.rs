//! The last lines of a crawl: what the run holds, what it took, what is left.

use std::collections::BTreeMap;
use std::fmt::{Display, Write as _};
use std::time::Duration;

use dragline_core::store::RunSummary;
use dragline_core::{PageState, store::RunState};

use dragline_engine::{FailureCount, FailureKind, LinkRefusal};

use dragline_runtime::stopping::StopReport;

/// Reasons that a line names; `runs show` has all of them.
const MAX_REASONS: usize = 3;

/// Everything that the report tells. What it took, what was refused and why pages failed is of this start; the rest is of
/// the run.
pub(crate) struct Report<'a> {
    pub(crate) run_name: &'a str,
    pub(crate) run_id: i64,
    pub(crate) state: RunState,
    pub(crate) reason: &'a str,
    /// The run as the store has it; absent when the store could not be read any more.
    pub(crate) summary: Option<&'a RunSummary>,
    pub(crate) elapsed: Duration,
    pub(crate) pages_fetched: u64,
    pub(crate) refused_links: BTreeMap<LinkRefusal, u64>,
    /// Why items were dropped by item pipelines.
    pub(crate) drop_reasons: BTreeMap<String, u64>,
    /// Why pages failed or died.
    pub(crate) failures: BTreeMap<FailureKind, FailureCount>,
    pub(crate) stop: &'a StopReport,
}

impl Report<'_> {
    /// The report as text, one fact a line.
    pub(crate) fn render(&self) -> String {
        let mut text = String::new();
        let mut line = |name: &str, value: String| {
            let _ = writeln!(text, "{name:<9} {value}");
        };
        line(
            "run",
            format!("{} (id {}) {}: {}", self.run_name, self.run_id, self.state.as_str(), self.reason),
        );
        match self.summary {
            Some(summary) => {
                let ended = PageState::ALL.map(|state| format!("{state} {}", summary.pages.of(state)));
                line("pages", format!("{}, queued {}", ended.join(", "), summary.pages.queued));
                let items: Vec<String> =
                    summary.items.iter().map(|(name, count)| format!("{name} {count}")).collect();
                line("items", if items.is_empty() { "none".to_owned() } else { items.join(", ") });
                if summary.dead_letters > 0 {
                    line("letters", format!("{} in crawl_dead_letters", summary.dead_letters));
                }
            }
            None => line("pages", "the store could not be read; see crawl_requests".to_owned()),
        }
        if !self.failures.is_empty() {
            let failures = most_frequent(self.failures.iter().map(|(kind, count)| (kind, count.count)));
            line("failed", format!("{failures}; `dragline runs show {}` has URLs", self.run_id));
        }
        if !self.drop_reasons.is_empty() {
            let drops = self.drop_reasons.iter().map(|(reason, count)| (reason, *count));
            line("dropped", format!("items: {}", most_frequent(drops)));
        }
        let refused: Vec<String> =
            self.refused_links.iter().map(|(reason, count)| format!("{} {count}", reason.as_str())).collect();
        if !refused.is_empty() {
            line("refused", format!("links: {}", refused.join(", ")));
        }
        let seconds = self.elapsed.as_secs_f64();
        // A rate for people: the precision that a float loses does not matter.
        #[allow(clippy::cast_precision_loss)]
        let rate = self.pages_fetched as f64 / seconds.max(0.001);
        line("took", format!("{seconds:.1} s, {} pages fetched, {rate:.1} pages/s", self.pages_fetched));
        self.stop_lines(&mut line);
        line("left", self.left());
        text
    }

    fn stop_lines(&self, line: &mut dyn FnMut(&str, String)) {
        if self.state != RunState::Stopped {
            return;
        }
        let steps: Vec<String> = self
            .stop
            .steps
            .iter()
            .map(|(name, took)| format!("{name} {:.2} s", took.as_secs_f64()))
            .collect();
        line("stop", steps.join(", "));
        let close = &self.stop.close;
        if close.tasks_cancelled > 0 {
            let pages = close.pages_unknown;
            line(
                "cancelled",
                format!("{} flush tasks; {pages} pages unknown, the resume decides", close.tasks_cancelled),
            );
        }
        if close.pages_left_unflushed > 0 {
            line(
                "in hand",
                format!(
                    "{} pages that were not stored; their requests are as they were",
                    close.pages_left_unflushed
                ),
            );
        }
        if let Some(error) = &close.error {
            line("close", error.clone());
        }
        for stuck in &self.stop.stuck {
            line("stuck", stuck.clone());
        }
    }

    fn left(&self) -> String {
        let Some(summary) = self.summary else {
            return "not known, for the store could not be read; the same command resumes".to_owned();
        };
        let queued = summary.pages.queued;
        match self.state {
            _ if self.stop.close.end_refused => {
                format!("{queued} requests; this process has the run no longer, see the error above")
            }
            RunState::Finished | RunState::Failed if queued == 0 => "nothing".to_owned(),
            RunState::Finished | RunState::Failed => {
                format!("{queued} requests, not wanted by this run any more")
            }
            RunState::Stopped | RunState::Running => {
                format!("{queued} requests; the same command resumes this run")
            }
        }
    }
}

/// The most frequent reasons, each with its number.
fn most_frequent<T: Ord + Display>(reasons: impl Iterator<Item = (T, u64)>) -> String {
    let mut sorted: Vec<(T, u64)> = reasons.collect();
    sorted.sort_by(|(a, some), (b, others)| others.cmp(some).then_with(|| a.cmp(b)));
    let mut told: Vec<String> =
        sorted.iter().take(MAX_REASONS).map(|(reason, count)| format!("{count} × {reason}")).collect();
    let others: u64 = sorted.iter().skip(MAX_REASONS).map(|(_, count)| *count).sum();
    if others > 0 {
        told.push(format!("{others} for other reasons"));
    }
    told.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_frequent_reasons_come_first_and_the_others_together() {
        let reasons = [("b", 2), ("c", 9), ("a", 2), ("d", 1), ("e", 1)];
        assert_eq!(most_frequent(reasons.into_iter()), "9 × c, 2 × a, 2 × b, 2 for other reasons");
        assert_eq!(most_frequent([("c", 9)].into_iter()), "9 × c");
    }
}
