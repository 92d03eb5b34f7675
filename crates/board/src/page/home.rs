//! What runs now, and what ran.

use maud::{Markup, html};

use super::layout::{Page, Place};
use super::run_list::table;
use super::schedules::{coming, link, state as tick_state, ticks};
use super::words::{counted, duration, moment, rate, run_link, spider_address, state};
use crate::api::{Overview, SpiderLine};
use crate::read::{RunSummary, ScheduleView, TickView};

/// Ticks that wait, on this page.
const MAX_WAITING: usize = 20;

pub(super) fn home(overview: &Overview) -> Markup {
    let odd: Vec<&SpiderLine> = overview.spiders.iter().filter(|spider| needs_attention(spider)).collect();
    let failed = ended_without_a_run(&overview.schedules);
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
            @if odd.is_empty() && failed.is_empty() {
                p class="dim" { "The last run of every spider is good, or goes on." }
            } @else {
                ul class="plain" {
                    @for spider in &odd {
                        @if let Some(run) = &spider.last { li { (attention(run)) } }
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
                @if overview.next.is_empty() { p class="dim" { "No schedule comes next." } } @else { (coming(&overview.next)) }
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

/// Whether the newest run of the spider is over, and was not good.
fn needs_attention(spider: &SpiderLine) -> bool {
    spider.last.as_ref().is_some_and(|run| {
        let is_bad = matches!(run.state.as_str(), "killed" | "failed");
        is_bad || run.verdict.as_deref() == Some("problems") || !run.warnings.is_empty()
    })
}

fn attention(run: &RunSummary) -> Markup {
    let told = run.problems.iter().map(|problem| &problem.text).chain(&run.warnings);
    html! {
        p { a href=(spider_address(&run.spider)) { (run.spider) } ": " (run_link(run)) " " (state(run))
            @if let Some(reason) = &run.reason { " · " (reason) }
        }
        ul { @for text in told { li { (text) } } }
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
