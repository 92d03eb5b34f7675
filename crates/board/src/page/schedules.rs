//! Schedules and their ticks.

use maud::{Markup, html};

use super::actions::of_schedule;
use super::layout::{Page, Place};
use super::words::{counted, encoded, moment, number, spider_address, state as run_state};
use crate::plan::ComingRun;
use crate::read::{RunSummary, ScheduleDetail, ScheduleView, TickView};

pub(super) fn schedules(schedules: &[ScheduleView]) -> Markup {
    let page =
        Page { title: "Schedules", events: Some("/api/v1/events".to_owned()), place: Place::Schedules };
    page.with(&html! {
        h1 { "Schedules" }
        section data-part="schedules" {
            @if schedules.is_empty() {
                p class="dim" { "Neither the settings file of this process nor the store has a schedule." }
            } @else {
                div class="wide" tabindex="0" role="region" aria-label="Schedules" {
                    table {
                        thead { tr { th scope="col" { "Schedule" } th scope="col" { "When" } th scope="col" { "Next" } th scope="col" { "Now" } th scope="col" { "Last tick" } th scope="col" { "Last run" } } }
                        tbody { @for schedule in schedules { (row(schedule)) } }
                    }
                }
            }
        }
    })
}

pub(super) fn schedule(detail: &ScheduleDetail) -> Markup {
    let schedule = &detail.schedule;
    let page = Page {
        title: &schedule.schedule,
        events: Some("/api/v1/events".to_owned()),
        place: Place::Schedules,
    };
    page.with(&html! {
        div data-part="head" {
            h1 { (schedule.schedule) @if schedule.paused_at.is_some() { " " (paused_badge()) } }
            dl class="facts" {
                div { dt { "Spider" } dd { a href=(spider_address(&schedule.spider)) { (schedule.spider) } } }
                div { dt { "When" } dd { (when(schedule)) } }
                div { dt { "Next" } dd { (next(schedule)) } }
                @if let Some(run) = &schedule.last_run { div { dt { "Last run" } dd { (last_run(run)) } } }
                @if let Some(at) = &schedule.paused_at {
                    div { dt { "Paused" } dd { (moment(at)) " by " (schedule.paused_by.as_deref().unwrap_or("somebody")) ". Its ticks are skipped." } }
                }
                div { dt { "Its runs" } dd { a href={ "/runs?name=" (encoded(&schedule.schedule)) } { "all of them" } } }
            }
        }
        div data-part="actions" { (of_schedule(schedule)) }
        section data-part="ticks" aria-labelledby="ticks" {
            h2 id="ticks" { "Ticks" }
            @if detail.ticks.is_empty() { p class="dim" { "It has not been due yet." } }
            @else { (ticks(&detail.ticks, false)) }
        }
    })
}

fn row(schedule: &ScheduleView) -> Markup {
    html! {
        tr {
            th scope="row" {
                (link(&schedule.schedule)) br;
                a class="dim" href=(spider_address(&schedule.spider)) { (schedule.spider) }
            }
            td { (when(schedule)) }
            td { (next(schedule)) }
            td class=[(!schedule.open.is_empty()).then_some("told")] {
                @for tick in &schedule.open { p { (state(tick)) " " (told(tick)) } }
                @if schedule.open_count > schedule.open.len() as u64 {
                    p class="dim" { "And " (number(schedule.open_count - schedule.open.len() as u64)) " more." }
                }
            }
            td class=[schedule.last.as_ref().map(|_| "told")] { @if let Some(last) = &schedule.last { (moment(&last.due_at)) div { (state(last)) " " (told(last)) } } }
            td { @if let Some(run) = &schedule.last_run { (last_run(run)) } }
        }
    }
}

/// The newest run of a schedule: how it is or was, when it began, and what a person should look at.
fn last_run(run: &RunSummary) -> Markup {
    html! {
        a href={ "/runs/" (run.run_id) } { "#" (run.run_id) } " " (run_state(run))
        div { (moment(&run.started_at)) }
        @if let Some(problem) = run.problems.first() { div { (problem.text) } }
        @else if let Some(reason) = &run.reason { div class="dim" { (reason) } }
    }
}

/// The cron expressions with their zone.
fn when(schedule: &ScheduleView) -> Markup {
    html! {
        @for cron in &schedule.cron { code { (cron) } " " }
        @if !schedule.cron.is_empty() { span class="dim" { (schedule.time_zone) } }
        @if !schedule.enabled { " " span class="dim" { "disabled" } }
    }
}

fn next(schedule: &ScheduleView) -> Markup {
    html! {
        @match (&schedule.next, &schedule.paused_at) {
            (Some(next), _) => { (next.local) br; (moment(&next.due_at)) }
            (None, Some(_)) => { (paused_badge()) " by " (schedule.paused_by.as_deref().unwrap_or("somebody")) }
            (None, None) if !schedule.is_in_file => span class="dim" { "not in the settings file of this process" },
            (None, None) => span class="dim" { "only when somebody asks for it" },
        }
    }
}

fn paused_badge() -> Markup {
    html! { span class="state waits" { "paused" } }
}

/// A schedule as a link.
pub(super) fn link(schedule: &str) -> Markup {
    html! { a href={ "/schedules/" (encoded(schedule)) } { (schedule) } }
}

/// Ticks in a table.
pub(super) fn ticks(ticks: &[TickView], with_schedule: bool) -> Markup {
    html! {
        div class="wide" tabindex="0" role="region" aria-label="Table of ticks" {
            table {
                thead {
                    tr {
                        @if with_schedule { th scope="col" { "Schedule" } }
                        th scope="col" { "Due" }
                        th scope="col" { "State" }
                        th scope="col" { "Why" }
                        th scope="col" { "Run" }
                        th scope="col" class="number" { "Processes" }
                        th scope="col" class="number" { "Failed" }
                    }
                }
                tbody {
                    @for tick in ticks {
                        tr {
                            @if with_schedule { th scope="row" { (link(&tick.schedule)) } }
                            td { (moment(&tick.due_at)) @if tick.kind != "cron" { div class="dim" { (kind(&tick.kind)) } } }
                            td { (state(tick)) }
                            td class=[(tick.reason.is_some() || tick.state == "waiting").then_some("told")] { (told(tick)) }
                            td { @if let Some(run_id) = tick.run_id { a href={ "/runs/" (run_id) } { "#" (run_id) } } }
                            td class="number" { (tick.attempts) }
                            td class="number" { (tick.failures)
                                @if tick.forced_kills > 0 { br; span class="bad" { (counted(tick.forced_kills.into(), "forced kill")) } }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn kind(kind: &str) -> &'static str {
    match kind {
        "manual" => "asked for by a person",
        _ => "made up for",
    }
}

pub(super) fn state(tick: &TickView) -> Markup {
    let class = match tick.state.as_str() {
        "running" => "state running",
        "done" => "state good",
        "failed" => "state bad",
        _ => "state waits",
    };
    html! { span class=(class) { (tick.state) } }
}

/// The reason, and when it goes on.
fn told(tick: &TickView) -> Markup {
    html! {
        @if let Some(reason) = &tick.reason { (reason) }
        @if let Some(cancel) = &tick.cancel { @if tick.reason.as_ref() != Some(cancel) { " " (cancel) } }
        @if tick.state == "waiting" {
            @if let Some(at) = &tick.next_try_at { " " span class="dim" { "not before " (moment(at)) } }
        }
    }
}

/// Runs that come next.
pub(super) fn coming(coming: &[&ComingRun]) -> Markup {
    html! {
        div class="wide" tabindex="0" role="region" aria-label="Runs that come next" {
            table {
                thead { tr { th scope="col" { "Due" } th scope="col" { "In the zone of its schedule" } th scope="col" { "Schedule" } th scope="col" { "Spider" } } }
                tbody {
                    @for run in coming {
                        tr {
                            td { (moment(&run.due_at)) }
                            td { (run.local) }
                            td { (link(&run.schedule)) }
                            td { a href=(spider_address(&run.spider)) { (run.spider) } }
                        }
                    }
                }
            }
        }
    }
}
