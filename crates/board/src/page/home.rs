//! What runs now, and what ran.

use std::collections::BTreeSet;

use maud::{Markup, html};

use super::layout::{Page, Place};
use super::run_list::table;
use super::schedules::{coming, link, state as tick_state, ticks};
use super::words::{counted, duration, moment, rate, run_link, spider_address, state};
use crate::api::Overview;
use crate::plan::ComingRun;
use crate::read::{RunSummary, ScheduleView, TickView};

/// Ticks that wait, on this page.
const MAX_WAITING: usize = 20;
/// Runs that were not good, on this page.
const MAX_BAD: usize = 30;
/// Schedules that come next, on this page.
const MAX_NEXT: usize = 20;

pub(super) fn home(overview: &Overview) -> Markup {
    let bad = bad_runs(overview);
    let mut failed = ended_without_a_run(&overview.schedules);
    failed.retain(|tick| !bad.iter().any(|run| Some(run.run_id) == tick.run_id));
    let next = next_of_each(&overview.schedules);
    let open = overview.schedules.iter().flat_map(|schedule| &schedule.open);
    let waiting: Vec<TickView> =
        open.filter(|tick| tick.state == "waiting").take(MAX_WAITING).cloned().collect();
    let page = Page { title: "Now", events: Some("/api/v1/events".to_owned()), place: Place::Home };
    page.with(&html! {
        h1 { "Now" }
        section data-part="running" aria-labelledby="running" {
            h2 id="running" { "Running" }
            @if overview.running.is_empty() {
                p class="dim" { "No crawl is running." }
            } @else {
                ul class="cards" {
                    @for run in &overview.running { li { (card(run)) } }
                }
            }
        }
        section data-part="attention" aria-labelledby="attention" {
            h2 id="attention" { "Needs a look" }
            @if bad.is_empty() && failed.is_empty() {
                p class="dim" { "The last run of every name is good, or goes on." }
            } @else {
                ul class="plain" {
                    @for run in bad.iter().take(MAX_BAD) { li { (attention(run, &overview.schedules)) } }
                    @if bad.len() > MAX_BAD {
                        li { "And " (counted((bad.len() - MAX_BAD) as u64, "more run")) ". " a href="/runs" { "All runs" } }
                    }
                    @for tick in &failed {
                        li { p { "Schedule " (link(&tick.schedule)) ": the tick of " (moment(&tick.due_at)) " " (tick_state(tick))
                            @if let Some(run_id) = tick.run_id { " " a href={ "/runs/" (run_id) } { "#" (run_id) } }
                            @if let Some(reason) = &tick.reason { " · " (reason) } } }
                    }
                }
            }
        }
        @if !overview.schedules.is_empty() {
            section data-part="next" aria-labelledby="next" {
                h2 id="next" { "Next" }
                @if !waiting.is_empty() { h3 { "Waiting" } (ticks(&waiting, true)) h3 { "Later" } }
                @if next.is_empty() { p class="dim" { "No schedule comes next." } } @else { (coming(&next[..next.len().min(MAX_NEXT)])) }
                @if next.len() > MAX_NEXT {
                    p { "And " (counted((next.len() - MAX_NEXT) as u64, "more schedule")) ". " a href="/schedules" { "All schedules" } }
                }
                @for schedule in overview.schedules.iter().filter(|it| it.paused_at.is_some()) {
                    p { (link(&schedule.schedule)) " is paused by " (schedule.paused_by.as_deref().unwrap_or("somebody")) ". Its ticks are skipped." }
                }
            }
        }
        section data-part="recent" aria-labelledby="recent" {
            h2 id="recent" { "Ran" }
            @if overview.recent.is_empty() {
                p class="dim" { "No run has ended yet." }
            } @else {
                (table(&overview.recent))
            }
        }
        p class="dim" data-part="store" { "Store: " code { (overview.store) } }
    })
}

/// Schedules whose last tick did not bring a run: the list of runs does not show these.
fn ended_without_a_run(schedules: &[ScheduleView]) -> Vec<&TickView> {
    // The ticks of a paused schedule are skipped because somebody wants that.
    let at_work = schedules.iter().filter(|schedule| schedule.paused_at.is_none());
    let last = at_work.filter_map(|schedule| schedule.last.as_ref());
    last.filter(|tick| tick.state == "failed" || tick.state == "skipped").collect()
}

/// The next run of each schedule, the earliest first. One that is due each minute hides no other.
fn next_of_each(schedules: &[ScheduleView]) -> Vec<&ComingRun> {
    let mut next: Vec<&ComingRun> = schedules.iter().filter_map(|schedule| schedule.next.as_ref()).collect();
    next.sort_by(|one, other| one.due_at.cmp(&other.due_at));
    next
}

/// The newest run of each name, if it is over and was not good; the newest first. Several schedules may have one spider, so a good run
/// of one of them must not hide a bad run of another.
fn bad_runs(overview: &Overview) -> Vec<&RunSummary> {
    let of_schedules = overview.schedules.iter().filter_map(|schedule| schedule.last_run.as_ref());
    let mut runs: Vec<&RunSummary> =
        overview.running.iter().chain(&overview.recent).chain(of_schedules).collect();
    runs.sort_by_key(|run| std::cmp::Reverse(run.run_id));
    let mut names = BTreeSet::new();
    runs.retain(|run| names.insert(&run.name));
    runs.retain(|run| needs_attention(run));
    runs
}

fn needs_attention(run: &RunSummary) -> bool {
    let is_bad = matches!(run.state.as_str(), "killed" | "failed");
    is_bad || run.verdict.as_deref() == Some("problems") || !run.warnings.is_empty()
}

fn attention(run: &RunSummary, schedules: &[ScheduleView]) -> Markup {
    let told = run.problems.iter().map(|problem| &problem.text).chain(&run.warnings);
    let last = schedules.iter().filter_map(|schedule| schedule.last.as_ref());
    let tick = last.into_iter().find(|tick| tick.run_id == Some(run.run_id) && tick.state == "failed");
    html! {
        p { (run_link(run)) " " (state(run))
            @if let Some(reason) = &run.reason { " · " (reason) }
            span class="dim" { " · spider " a href=(spider_address(&run.spider)) { (run.spider) } ", began " (moment(&run.started_at)) }
        }
        ul {
            @for text in told { li { (text) } }
            @if let Some(reason) = tick.and_then(|tick| tick.reason.as_ref()) {
                li { "Schedule " (link(&run.name)) ": " (reason) }
            }
        }
    }
}

fn card(run: &RunSummary) -> Markup {
    #[allow(clippy::cast_precision_loss)] // it is shown with two digits
    let per_second = |count: u64| rate(if run.seconds > 0.0 { count as f64 / run.seconds } else { 0.0 });
    html! {
        article class="card" {
            h3 { (run_link(run)) " " (state(run)) }
            p { "Spider " a href=(spider_address(&run.spider)) { (run.spider) } ", for " (duration(run.seconds)) }
            dl class="figures" {
                div { dt { "Pages" } dd { (super::words::number(run.pages)) } }
                div { dt { "Items" } dd { (super::words::number(run.items)) } }
                div { dt { "Failed" } dd class=[(run.failed > 0).then_some("bad")] { (super::words::number(run.failed)) } }
                div { dt { "Pages per second" } dd { (per_second(run.pages)) } }
            }
            p class="dim" { "Began " (moment(&run.started_at))
                @if run.starts > 1 { ", " (counted(run.starts.unsigned_abs(), "start")) }
            }
        }
    }
}
