//! Runs in a table.

use maud::{Markup, html};

use super::layout::{Page, Place};
use super::words::{change, duration, encoded, moment, number, run_link, spider_address, state};
use crate::query::Query;
use crate::read::{RunList, RunSummary};

const STATES: [&str; 4] = ["running", "stopped", "finished", "failed"];

pub(super) fn runs(list: &RunList, query: &Query) -> Markup {
    let asked = |name: &str| query.text(name).unwrap_or_default();
    let page = Page { title: "Runs", events: None, place: Place::Runs };
    page.with(&html! {
        h1 { "Runs" }
        form class="filter" method="get" action="/runs" {
            label { "Spider" input name="spider" value=(asked("spider")) autocomplete="off"; }
            label { "Name" input name="name" value=(asked("name")) autocomplete="off"; }
            label { "State"
                select name="state" {
                    option value="" { "any" }
                    @for state in STATES { option value=(state) selected[asked("state") == state] { (state) } }
                }
            }
            button type="submit" { "Show" }
        }
        @if list.runs.is_empty() {
            p class="dim" { "There are no such runs." }
        } @else {
            (table(&list.runs))
        }
        @if let Some(before) = list.next_before {
            p { a href={ "/runs?" (rest(query)) "before=" (before) } rel="next" { "Earlier runs" } }
        }
    })
}

/// The other parameters of the next part.
fn rest(query: &Query) -> String {
    let given = ["spider", "name", "state", "kind", "limit"];
    given.iter().filter_map(|name| Some(format!("{name}={}&", encoded(query.text(name)?)))).collect()
}

/// A table of runs.
pub(super) fn table(runs: &[RunSummary]) -> Markup {
    html! {
        div class="wide" tabindex="0" role="region" aria-label="Runs" {
            table {
                thead {
                    tr {
                        th scope="col" { "Run" }
                        th scope="col" { "State" }
                        th scope="col" { "Began" }
                        th scope="col" class="number" { "Took" }
                        th scope="col" class="number" { "Pages" }
                        th scope="col" class="number" { "Failed" }
                        th scope="col" class="number" { "Items" }
                        th scope="col" { "Since the last run" }
                    }
                }
                tbody { @for run in runs { (row(run)) } }
            }
        }
    }
}

fn row(run: &RunSummary) -> Markup {
    html! {
        tr {
            th scope="row" { (run_link(run)) br; a class="dim" href=(spider_address(&run.spider)) { (run.spider) }
                @if run.kind != "crawl" { span class="dim" { " · " (run.kind) } }
            }
            td { (state(run)) @if let Some(reason) = &run.reason { br; span class="dim" { (reason) } } }
            td { (moment(&run.started_at)) }
            td class="number" { (duration(run.seconds)) }
            td class="number" { (number(run.pages)) }
            td class={ "number" @if run.failed > 0 { " bad" } } { (number(run.failed)) }
            td class="number" { (number(run.items)) }
            td { @if let Some(difference) = &run.change { (change(difference)) } }
        }
    }
}
