//! The last lines of a crawl: what the run contains, how long it took, and what is left.

use std::fmt::{Display, Write as _};

use bytesize::ByteSize;
use dragline_core::counted::counted;
use dragline_core::reparse::ReparseCounts;
use dragline_core::run_kind::RunKind;
use dragline_core::store::{PageOrigins, RunState};
use dragline_core::{BrokenRule, PageState, Reason, RuleCounts};
use dragline_runtime::{CrawlReport, StopReport};

use crate::paint::Paint;

/// How many reasons a line names. `runs show` has all of them.
const MAX_REASONS: usize = 3;

/// How many broken rules have a line. `runs show --json` has all of them.
const MAX_RULES: usize = 10;

/// How many drops have a line. `runs show` has all of them.
const MAX_DROPS: usize = 10;

/// The report as text, one fact per line. Problems are in red if `paint` is for a terminal.
pub(crate) fn render(report: &CrawlReport, paint: Paint) -> String {
    let mut text = String::new();
    let mut line = |name: &str, value: String| {
        let _ = writeln!(text, "{name:<9} {value}");
    };
    let (run, state) = (report.run_name(), report.state().as_str());
    line("run", format!("{run} (id {}) {state}: {}", report.run_id(), report.reason()));
    if let Some(verdict) = report.verdict() {
        let name = if verdict.is_good() { "good" } else { "problems" };
        line("verdict", if verdict.is_good() { name.to_owned() } else { paint.red(name) });
        verdict.problems.iter().for_each(|problem| line("", paint.red(&problem.text)));
    } else if report.state() == RunState::Finished {
        line("verdict", paint.red("unknown, because the run could not be counted in time"));
    }
    for drop in report.drops().iter().take(MAX_DROPS) {
        line("warning", paint.red(&drop.text()));
    }
    if let Some(more) = report.drops().len().checked_sub(MAX_DROPS).filter(|more| *more > 0) {
        line("", format!("… and {more} more; `dragline runs show {}` shows them", report.run_id()));
    }
    figure_lines(report, &mut line);
    for (rows, what) in [(report.gone(), "removed"), (report.marked(), "marked")] {
        let rows: Vec<String> = rows.iter().map(|(name, rows)| format!("{name} {rows}")).collect();
        if !rows.is_empty() {
            line("gone", format!("{} {what}, which the last complete runs did not see", rows.join(", ")));
        }
    }
    if report.kind() != RunKind::Crawl {
        line("from", origins(report.origins()));
    }
    if let Some(counts) = report.reparse() {
        reparse_lines(counts, &mut line);
    }
    if report.pages_unchanged() > 0 {
        line("unchanged", format!("{}, not parsed again", counted(report.pages_unchanged(), "page")));
    }
    if report.pages_fresh() > 0 {
        line("fresh", format!("{}, not fetched again", counted(report.pages_fresh(), "page")));
    }
    if report.pages_kept() > 0 {
        let bytes = ByteSize(report.bytes_kept()).display().iec();
        line("kept", format!("{}, {bytes} of new bodies", counted(report.pages_kept(), "page")));
    }
    if !report.failures().is_empty() {
        let failures = most_frequent(report.failures().iter().map(|(kind, count)| (kind, count.count)));
        line("failed", format!("{failures}; `dragline runs show {}` shows URLs", report.run_id()));
    }
    for (_, killers) in report.failures().iter().filter(|(kind, _)| kind.reason == Reason::KillsTheProcess) {
        let pages = counted(killers.count, "page");
        let such = if killers.count == 1 { "" } else { ", such as this one" };
        line("given up", format!("{pages}{such}: {}", killers.example));
    }
    if !report.drop_reasons().is_empty() {
        let drops = report.drop_reasons().iter().map(|(reason, count)| (reason, *count));
        line("dropped", format!("items: {}", most_frequent(drops)));
    }
    rule_lines(report.rules(), &mut |name, value| line(name, value.to_owned()));
    for (step, counts) in report.look_ups().iter().filter(|(_, counts)| counts.asked + counts.failed > 0) {
        let named = counts.named().map(|(name, count)| format!("{} {count}", name.replace('_', " ")));
        line("look-ups", format!("{step}: {}", named.join(", ")));
    }
    let refused: Vec<String> =
        report.refused_links().iter().map(|(reason, count)| format!("{} {count}", reason.as_str())).collect();
    if !refused.is_empty() {
        line("refused", format!("links: {}", refused.join(", ")));
    }
    let (seconds, fetched, read) =
        (report.elapsed().as_secs_f64(), report.pages_fetched(), report.pages_read());
    // A rate for people, so the lost precision doesn't matter.
    #[allow(clippy::cast_precision_loss)]
    let rate = (fetched + read) as f64 / seconds.max(0.001);
    let read = if read > 0 { format!(", {read} read") } else { String::new() };
    line("took", format!("{seconds:.1} s, {} fetched{read}, {rate:.1} pages/s", counted(fetched, "page")));
    if report.state() == RunState::Stopped {
        stop_lines(report.stop(), &mut line);
    }
    line("left", left(report));
    text
}

/// Where the pages of a run came from that reads kept pages.
pub(crate) fn origins(of: PageOrigins) -> String {
    format!("{} read from kept pages, {} fetched", counted(of.read, "page"), of.fetched)
}

/// The rules that items broke, the most frequent ones.
pub(crate) fn rule_lines(counts: &RuleCounts, line: &mut dyn FnMut(&str, &str)) {
    if counts.is_empty() {
        return;
    }
    let (checked, invalid) = (counted(counts.checked, "item"), counts.invalid);
    line("rules", &format!("{checked} checked, {invalid} invalid"));
    let mut broken: Vec<(&BrokenRule, u64)> = counts.iter().collect();
    broken.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    for (BrokenRule { item, rule, consequence }, count) in broken.iter().take(MAX_RULES) {
        line("", &format!("{item}: {rule}: {count} {}", consequence.as_str()));
    }
    if let Some(more) = broken.len().checked_sub(MAX_RULES).filter(|more| *more > 0) {
        line("", &format!("… and {more} more"));
    }
}

/// What became of the requests that a reparse did not parse.
fn reparse_lines(counts: &ReparseCounts, line: &mut dyn FnMut(&str, String)) {
    let ReparseCounts { not_kept, fetched_later, not_followed, .. } = *counts;
    if not_kept > 0 {
        line(
            "left out",
            format!("{} of which nothing is kept (crawl with --keep-pages)", counted(not_kept, "page")),
        );
    }
    if fetched_later > 0 {
        line("left out", format!("{} that a later run has fetched", counted(fetched_later, "page")));
    }
    if not_followed > 0 {
        line("links", format!("{not_followed} new, not followed (--follow queues and fetches them)"));
    }
}

/// The numbers of the whole run.
fn figure_lines(report: &CrawlReport, line: &mut dyn FnMut(&str, String)) {
    let Some(queued) = report.queued() else {
        return line("pages", "the store could not be read; see the table crawl_requests".to_owned());
    };
    let ended = PageState::ALL.map(|state| format!("{state} {}", report.pages(state).unwrap_or_default()));
    line("pages", format!("{}, queued {queued}", ended.join(", ")));
    if report.kind() == RunKind::Reparse {
        let rows = counted(report.rows_written(), "row");
        line("rows", format!("{rows} new or changed; they belong to the runs that fetched their pages"));
    }
    let items = report.items().unwrap_or_default();
    let items: Vec<String> = items.iter().map(|(name, count)| format!("{name} {count}")).collect();
    if report.kind() != RunKind::Reparse {
        line("items", if items.is_empty() { "none".to_owned() } else { items.join(", ") });
    }
    if let Some(letters) = report.dead_letters().filter(|letters| *letters > 0) {
        line("letters", format!("{letters} in crawl_dead_letters"));
    }
}

fn stop_lines(stop: &StopReport, line: &mut dyn FnMut(&str, String)) {
    let steps = stop.steps().iter().map(|(name, took)| format!("{name} {:.2} s", took.as_secs_f64()));
    line("stop", steps.collect::<Vec<_>>().join(", "));
    if stop.tasks_cancelled() > 0 {
        let tasks = counted(stop.tasks_cancelled(), "flush task");
        let pages = counted(stop.pages_unknown(), "page");
        line("cancelled", format!("{tasks}; {pages} unknown, the resume decides"));
    }
    if stop.pages_left() > 0 {
        let pages = counted(stop.pages_left(), "page");
        line("in hand", format!("{pages} not stored, with their requests as they were"));
    }
    if let Some(error) = stop.error() {
        line("close", error.to_owned());
    }
    for stuck in stop.stuck() {
        line("stuck", stuck.clone());
    }
}

fn left(report: &CrawlReport) -> String {
    let Some(left) = report.queued() else {
        let next = if report.state().is_final() { "" } else { "; the same command resumes this run" };
        return format!("unknown, because the store could not be read{next}");
    };
    let queued = counted(left, "request");
    match report.state() {
        _ if report.stop().is_refused() => {
            format!("{queued}; this process has lost the run, see the error above")
        }
        RunState::Finished | RunState::Failed if left == 0 => "nothing".to_owned(),
        RunState::Finished | RunState::Failed => {
            format!("{queued}, which this run no longer needs")
        }
        RunState::Stopped | RunState::Running => {
            format!("{queued}; the same command resumes this run")
        }
    }
}

/// The most frequent reasons, each with its count.
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
