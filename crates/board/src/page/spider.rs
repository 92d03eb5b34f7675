//! The history of a spider.

use maud::{Markup, html};

use super::chart::{Bar, bars};
use super::layout::{Page, Place};
use super::run_list::table;
use super::words::{counted, day, duration, item_address, moment, number, run_link, spider_address, state};
use crate::api::Overview;
use crate::read::{Compared, Odd, RunSummary, SpiderView};

pub(super) fn spiders(overview: &Overview) -> Markup {
    let page = Page { title: "Spiders", events: None, place: Place::Spiders };
    page.with(&html! {
        h1 { "Spiders" }
        div class="wide" tabindex="0" role="region" aria-label="Spiders" {
            table {
                thead { tr { th scope="col" { "Spider" } th scope="col" { "Newest run" } th scope="col" { "State" } th scope="col" { "Began" } } }
                tbody {
                    @for spider in &overview.spiders {
                        tr {
                            th scope="row" { a href=(spider_address(&spider.spider)) { (spider.spider) } }
                            @match &spider.last {
                                Some(run) => { td { (run_link(run)) } td { (state(run)) } td { (moment(&run.started_at)) } }
                                None => td colspan="3" class="dim" { "not among the newest runs" },
                            }
                        }
                    }
                }
            }
        }
    })
}

pub(super) fn spider(view: &SpiderView) -> Markup {
    let page = Page { title: &view.spider, events: Some("/api/v1/events".to_owned()), place: Place::Spiders };
    page.with(&html! {
        h1 { (view.spider) }
        @if !view.is_known { p class="dim" { "This program doesn't have the spider, so it doesn't know its items." } }
        @if !view.items.is_empty() {
            p { "Items: "
                @for (at, item) in view.items.iter().enumerate() {
                    @if at > 0 { ", " }
                    a href=(item_address(item, &view.spider)) { (item) }
                }
            }
        }
        @if !view.compared.is_empty() {
            section data-part="compared" aria-labelledby="compared" {
                h2 id="compared" { "Compared with earlier runs" }
                @for it in &view.compared { (compared(it, view)) }
            }
        }
        section data-part="odd" aria-labelledby="odd" {
            h2 id="odd" { "Odd runs" }
            @if view.odd.is_empty() {
                p class="dim" { "No finished run is far from the usual. A run is compared with the ten before it that have its name, once there are three." }
            } @else {
                ul class="plain" { @for odd in &view.odd { li { (odd_line(odd, view)) } } }
            }
        }
        section data-part="history" aria-labelledby="history" {
            h2 id="history" { "History" }
            @if view.runs.is_empty() {
                p class="dim" { "This spider has not run yet." }
            } @else {
                div class="charts" {
                    (chart(view, "Duration", "seconds", |run| run.seconds, duration))
                    (chart(view, "Items", "items", items_of, whole))
                    (chart(view, "Failed pages", "failed", failed_of, whole))
                }
                p class="dim" { "A bar is a run. " span class="key odd" { "Odd" } " bars are far from the usual, and "
                    span class="key bad" { "bad" } " ones are runs that failed or have problems." }
                (table(&view.runs))
            }
        }
    })
}

#[allow(clippy::cast_precision_loss)] // a bar is drawn of it
fn items_of(run: &RunSummary) -> f64 {
    run.items as f64
}

#[allow(clippy::cast_precision_loss)]
fn failed_of(run: &RunSummary) -> f64 {
    run.failed as f64
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // it was whole
fn whole(value: f64) -> String {
    number(value.max(0.0) as u64)
}

fn chart(
    view: &SpiderView,
    title: &str,
    what: &str,
    value: fn(&RunSummary) -> f64,
    text: fn(f64) -> String,
) -> Markup {
    let is_odd = |run: &RunSummary| view.odd.iter().any(|odd| odd.run_id == run.run_id && odd.what == what);
    let bar = |run: &RunSummary| Bar {
        value: value(run),
        told: format!("#{}, {}: {}", run.run_id, run.started_at, text(value(run))),
        is_odd: is_odd(run),
        is_bad: matches!(run.state.as_str(), "failed" | "killed")
            || run.verdict.as_deref() == Some("problems"),
    };
    let drawn: Vec<Bar> = view.runs.iter().rev().map(bar).collect();
    let most = drawn.iter().map(|bar| bar.value).fold(0.0, f64::max);
    let summary = format!(
        "{title} of {} runs, oldest first, at most {}. The table below has the values.",
        drawn.len(),
        text(most)
    );
    let day_of = |run: Option<&RunSummary>| run.map(|run| day(&run.started_at)).unwrap_or_default();
    let ends = [day_of(view.runs.last()), day_of(view.runs.first())];
    bars(title, &text(most), &summary, &ends, &drawn)
}

/// A finished run next to earlier ones, so that nobody has to look for the one of last week.
fn compared(compared: &Compared, view: &SpiderView) -> Markup {
    let run_of = |run_id: i64| view.runs.iter().find(|run| run.run_id == run_id);
    let (Some(newest), usual) = (run_of(compared.run_id), compared.usual) else { return html! {} };
    let week_before = compared.week_before.and_then(run_of);
    html! {
        div class="wide" tabindex="0" role="region" aria-label={ "The newest finished run of " (compared.name) } {
            table {
                thead {
                    tr {
                        th scope="col" { (compared.name) }
                        th scope="col" class="number" { "Took" }
                        th scope="col" class="number" { "Items" }
                        th scope="col" class="number" { "Failed pages" }
                    }
                }
                tbody {
                    (line(&html! { "Newest finished run, " (run_number(newest)) " of " (moment(&newest.started_at)) }, figures_of(newest)))
                    @if let Some(usual) = usual {
                        (line(&html! { "Usual, of the " (counted(usual.runs, "finished run")) " before it" }, [usual.seconds, usual.items, usual.failed]))
                    }
                    @match week_before {
                        Some(run) => (line(&html! { "A week before, " (run_number(run)) " of " (moment(&run.started_at)) }, figures_of(run))),
                        None => tr { th scope="row" { "A week before" } td colspan="3" class="dim" { "no finished run that is shown here" } },
                    }
                }
            }
        }
    }
}

fn run_number(run: &RunSummary) -> Markup {
    html! { a href={ "/runs/" (run.run_id) } { "#" (run.run_id) } }
}

fn figures_of(run: &RunSummary) -> [f64; 3] {
    [run.seconds, items_of(run), failed_of(run)]
}

fn line(what: &Markup, [seconds, items, failed]: [f64; 3]) -> Markup {
    html! {
        tr {
            th scope="row" { (what) }
            td class="number" { (duration(seconds)) }
            td class="number" { (whole(items)) }
            td class="number" { (whole(failed)) }
        }
    }
}

fn odd_line(odd: &Odd, view: &SpiderView) -> Markup {
    let (now, usual) = match odd.what.as_str() {
        "seconds" => (duration(odd.now), duration(odd.usual)),
        "failed" => (format!("{} failed pages", whole(odd.now)), whole(odd.usual)),
        _ => (format!("{} items", whole(odd.now)), whole(odd.usual)),
    };
    let name = view.runs.iter().find(|run| run.run_id == odd.run_id);
    html! {
        @if let Some(run) = name { (run_link(run)) " of " (moment(&run.started_at)) }
        ": " strong { (now) } ", usually " (usual)
    }
}
