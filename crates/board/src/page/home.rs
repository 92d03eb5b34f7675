//! What runs now, and what ran.

use maud::{Markup, html};

use super::layout::{Page, Place};
use super::run_list::table;
use super::words::{counted, duration, moment, rate, run_link, spider_address, state};
use crate::ComingRun;
use crate::api::{Overview, SpiderLine};
use crate::read::RunSummary;

pub(super) fn home(overview: &Overview) -> Markup {
    let odd: Vec<&SpiderLine> = overview.spiders.iter().filter(|spider| needs_attention(spider)).collect();
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
            @if odd.is_empty() {
                p class="dim" { "The last run of every spider is good, or goes on." }
            } @else {
                ul class="plain" {
                    @for spider in &odd {
                        @if let Some(run) = &spider.last { li { (attention(run)) } }
                    }
                }
            }
        }
        @if !overview.next.is_empty() {
            section data-part="next" aria-labelledby="next" {
                h2 id="next" { "Next" }
                (next(&overview.next))
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

fn next(coming: &[ComingRun]) -> Markup {
    html! {
        div class="wide" tabindex="0" role="region" aria-label="Runs that come next" {
            table {
                thead { tr { th scope="col" { "Due" } th scope="col" { "In the zone of its schedule" } th scope="col" { "Schedule" } th scope="col" { "Spider" } } }
                tbody {
                    @for run in coming {
                        tr {
                            td { (moment(&run.due_at)) }
                            td { (run.local) }
                            td { (run.schedule) }
                            td { a href=(spider_address(&run.spider)) { (run.spider) } }
                        }
                    }
                }
            }
        }
    }
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
