//! The last lines of a crawl: what the run holds, what it took, what is left.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use dragline_core::store::RunSummary;
use dragline_core::{PageState, store::RunState};

use dragline_engine::LinkRefusal;

use crate::stopping::StopReport;

/// Everything that the report tells.
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
                "dropped",
                format!("{} pages in hand, fetched again by the resume", close.pages_left_unflushed),
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
