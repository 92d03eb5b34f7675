//! The page of a run.

use maud::{Markup, html};
use serde_json::Value as Json;

use super::actions::of_run;
use super::chart::{Of, rates};
use super::layout::{Page, Place};
use super::run_parts::{bad_pages, columns, groups, hosts, log};
use super::schedules::{link, state as tick_state};
use super::words::{
    change, counted, duration, item_address, moment, number, rate, spider_address, state, url,
};
use crate::live::LiveRun;
use crate::read::{LogTail, RunDetail};

/// `knows_spider`: whether this program has the spider, and so the tables of its items.
pub(super) fn run(detail: &RunDetail, log_tail: &LogTail, knows_spider: bool) -> Markup {
    let run = &detail.run;
    let title = format!("{} #{}", run.name, run.run_id);
    let is_over = run.finished_at.is_some();
    let events = (!is_over).then(|| format!("/api/v1/events?run={}", run.run_id));
    let page = Page { title: &title, events, place: Place::Runs };
    page.with(&html! {
        div data-part="head" {
            h1 { (run.name) " " span class="dim" { "#" (run.run_id) } " " (state(run)) }
            (head(detail))
            (of_run(detail))
        }
        section data-part="progress" aria-labelledby="progress" {
            h2 id="progress" { "Progress" }
            (progress(detail))
        }
        section data-part="charts" aria-labelledby="charts" {
            h2 id="charts" { "Over time" }
            @match (rates(&detail.timeline, Of::Pages), rates(&detail.timeline, Of::Items)) {
                (Some(pages), Some(items)) => div class="charts" { (pages) (items) },
                _ => p class="dim" { "There are too few moments to draw yet." },
            }
        }
        section data-part="items" aria-labelledby="items" {
            h2 id="items" { "Items" }
            (items(detail, knows_spider))
        }
        section data-part="hosts" aria-labelledby="hosts" {
            h2 id="hosts" { "Hosts" }
            (hosts(detail))
        }
        section data-part="errors" aria-labelledby="errors" {
            h2 id="errors" { "Failed, dead and skipped pages" }
            @if detail.run.failed == 0 && detail.skipped_by_reason.largest.is_empty() {
                p class="dim" { "No page failed, and none was skipped." }
            }
            (groups("Failed, by reason", "Reason", &detail.failed_by_reason))
            (groups("Failed, by HTTP status", "Status", &detail.failed_by_status))
            (groups("Dead, by reason", "Reason", &detail.dead_by_reason))
            (groups("Skipped, by reason", "Reason", &detail.skipped_by_reason))
            (bad_pages(detail))
        }
        section data-part="columns" aria-labelledby="columns" {
            h2 id="columns" { "Filled columns" }
            (columns(detail))
        }
        section data-part="log" aria-labelledby="log" {
            h2 id="log" { "Last log lines" }
            (log(log_tail))
        }
    })
}

fn head(detail: &RunDetail) -> Markup {
    let run = &detail.run;
    html! {
        @if let Some(reason) = &run.reason { p { "Reason: " (reason) } }
        @if run.state == "killed" {
            p class="problem" { "Its process did not record how it ended, so it was killed or crashed. The same crawl command resumes it." }
        }
        @if !run.problems.is_empty() || !run.warnings.is_empty() {
            ul class="problems" {
                @for problem in &run.problems { li { (problem.text) " " code { (problem.code) } } }
                @for warning in &run.warnings { li { (warning) } }
            }
        }
        dl class="facts" {
            div { dt { "Spider" } dd { a href=(spider_address(&run.spider)) { (run.spider) } } }
            @if let Some(tick) = &detail.tick {
                div { dt { "Schedule" } dd { (link(&tick.schedule)) ", due " (moment(&tick.due_at)) " " (tick_state(tick))
                    @if let Some(reason) = &tick.reason { br; span class="dim" { (reason) } } } }
            }
            @if run.kind != "crawl" { div { dt { "Kind" } dd { (run.kind) } } }
            div { dt { "Began" } dd { (moment(&run.started_at)) } }
            @if run.last_start_at != run.started_at { div { dt { "Resumed" } dd { (moment(&run.last_start_at)) } } }
            @match &run.finished_at {
                Some(end) => div { dt { "Ended" } dd { (moment(end)) } },
                None => div { dt { "Last sign of life" } dd { (duration(detail.silent_seconds)) " ago" } },
            }
            div { dt { "Took" } dd { (duration(run.seconds)) @if run.starts > 1 { ", " (counted(run.starts.unsigned_abs(), "start")) } } }
            @if let Some(verdict) = &run.verdict { div { dt { "Verdict" } dd { (verdict) } } }
            @if let Some(difference) = &run.change { div { dt { "Since the last run" } dd { (change(difference)) } } }
            @if let (Some(pid), Some(hostname)) = (detail.pid, &detail.hostname) {
                div { dt { "Process" } dd { "pid " (pid) " on " (hostname) } }
            }
            @for start in detail.args["start_urls"].as_array().into_iter().flatten().filter_map(Json::as_str) {
                div { dt { "Start URL" } dd { (url(start)) } }
            }
            @for (name, value) in detail.args["args"].as_object().into_iter().flatten() {
                div { dt { "Argument " (name) } dd { @match value { Json::String(text) => (text), other => (other.to_string()) } } }
            }
            @if let Some(at) = &detail.pruned_at {
                div { dt { "Pruned" } dd { (moment(at)) ". Its requests are no longer in the store." } }
            }
        }
    }
}

const STATES: [(&str, &str); 5] =
    [("done", "Done"), ("failed", "Failed"), ("skipped", "Skipped"), ("dead", "Dead"), ("queued", "Queued")];

fn progress(detail: &RunDetail) -> Markup {
    let of = |state: &str| detail.pages.get(state).copied().unwrap_or_default();
    let all: u64 = detail.pages.values().sum();
    let ended = all - of("queued");
    #[allow(clippy::cast_precision_loss)] // it is shown with two digits
    let per_second =
        |count: u64| rate(if detail.run.seconds > 0.0 { count as f64 / detail.run.seconds } else { 0.0 });
    html! {
        label class="meter" {
            span { (number(ended)) " of " (counted(all, "known page")) @if all == 1 { " has ended" } @else { " have ended" } }
            progress value=(ended) max=(all.max(1)) { (number(ended)) " of " (number(all)) }
        }
        dl class="figures" {
            @for (state, name) in STATES {
                div { dt { (name) }
                    dd class=[(matches!(state, "failed" | "dead") && of(state) > 0).then_some("bad")] { (number(of(state))) }
                }
            }
            div { dt { "Dead letters" } dd class=[(detail.dead_letters > 0).then_some("bad")] { (number(detail.dead_letters)) } }
            div { dt { "Pages per second" } dd { (per_second(detail.run.pages)) } }
        }
        @if let Some(live) = &detail.live { (live_lines(live)) }
    }
}

/// If the figures of the crawl itself are older, the page says so.
const FRESH_SECONDS: f64 = 5.0;

/// What the crawl itself says.
fn live_lines(live: &LiveRun) -> Markup {
    let status = &live.status;
    let text = |path: &str| status.pointer(path).and_then(Json::as_str).unwrap_or_default();
    let count = |path: &str| status.pointer(path).and_then(Json::as_u64).unwrap_or_default();
    html! {
        @if live.age_seconds > FRESH_SECONDS {
            p class="problem" { "The process has not answered for " (duration(live.age_seconds)) ". These are its last known figures." }
        }
        p { "The process is " strong { (text("/status")) } ": " (text("/why")) "." }
        dl class="figures" {
            div { dt { "In flight" } dd { (number(count("/tasks/in_flight"))) } }
            div { dt { "In the window" } dd { (number(count("/queues/window_requests"))) } }
            div { dt { "Waiting to be parsed" } dd { (number(count("/queues/waiting_pages"))) } }
            div { dt { "Rows to flush" } dd { (number(count("/queues/batch_rows") + count("/tasks/pending_rows"))) } }
            div { dt { "Retries" } dd { (number(count("/retries"))) } }
        }
    }
}

fn items(detail: &RunDetail, knows_spider: bool) -> Markup {
    html! {
        @if detail.items.is_empty() { p class="dim" { "No rows yet." } }
        dl class="figures" {
            @for count in &detail.items {
                div {
                    dt { @if knows_spider {
                        a href=(item_address(&count.item, &detail.run.spider)) { (count.item) }
                    } @else { (count.item) } }
                    dd { @match count.rows { Some(rows) => (counted(rows, "row")), None => "its table is missing" } }
                }
            }
        }
    }
}
