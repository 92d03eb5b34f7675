//! The tables on the page of a run.

use maud::{Markup, html};

use super::words::{counted, duration, number, percent, rate, url};
use crate::live::{LiveHost, LiveRun};
use crate::read::{ColumnView, GroupsView, LogTail, RunDetail};

/// Requests in groups, with an example of each.
pub(super) fn groups(title: &str, key: &str, groups: &GroupsView) -> Markup {
    let untold = groups.kinds.saturating_sub(groups.largest.len() as u64);
    let has_examples = groups.largest.iter().any(|group| group.example.is_some());
    html! {
        @if !groups.largest.is_empty() {
            h3 { (title) }
            div class="wide" tabindex="0" role="region" aria-label=(title) {
                table {
                    thead { tr { th scope="col" { (key) } th scope="col" class="number" { "Pages" }
                        @if has_examples { th scope="col" { "For example" } } } }
                    tbody {
                        @for group in &groups.largest {
                            tr {
                                th scope="row" { @match &group.key { Some(key) => (key), None => "no answer" } }
                                td class="number" { (number(group.requests)) }
                                @if has_examples { td { @if let Some(example) = &group.example { (url(example)) } } }
                            }
                        }
                    }
                }
            }
            @if untold > 0 { p class="dim" { "And " (number(untold)) " more." } }
        }
    }
}

/// Some failed and dead pages with their errors.
pub(super) fn bad_pages(detail: &RunDetail) -> Markup {
    html! {
        @if !detail.bad_pages.is_empty() {
            details data-key="bad-pages" {
                summary { "Some of these pages, with their errors (" (detail.bad_pages.len()) ")" }
                ul class="plain" {
                    @for page in &detail.bad_pages {
                        li {
                            (url(&page.url)) " "
                            span class="state bad" { (page.state) }
                            @if let Some(status) = page.status { " HTTP " (status) }
                            @if let Some(reason) = &page.reason { " " code { (reason) } }
                            @if let Some(error) = &page.error { br; span class="dim" { (error) } }
                        }
                    }
                }
            }
        }
    }
}

/// Hosts with their pace and queue, from the crawl itself; or else their queue, from the store.
pub(super) fn hosts(detail: &RunDetail) -> Markup {
    match &detail.live {
        Some(live) if !live.hosts.is_empty() => busy(live),
        _ if detail.queued_by_host.largest.is_empty() => {
            html! { p class="dim" { "No host has queued pages." } }
        }
        _ => html! { (groups("Queued pages by host", "Host", &detail.queued_by_host)) },
    }
}

fn busy(live: &LiveRun) -> Markup {
    html! {
        div class="wide" tabindex="0" role="region" aria-label="Table of hosts" {
            table {
                thead {
                    tr {
                        th scope="col" { "Host" }
                        th scope="col" class="number" { "In flight" }
                        th scope="col" class="number" { "In the window" }
                        th scope="col" { "Pace" }
                        th scope="col" { "Rests" }
                    }
                }
                tbody {
                    @for host in &live.hosts {
                        tr {
                            th scope="row" { (host.host) }
                            td class="number" { (number(host.in_flight)) " of " (number(host.slots)) }
                            td class="number" { (number(host.queued)) }
                            td { (pace(host)) }
                            td { (rest(host)) }
                        }
                    }
                }
            }
        }
        @if live.other_hosts > 0 { p class="dim" { "And " (counted(live.other_hosts, "other host")) "." } }
    }
}

fn pace(host: &LiveHost) -> String {
    if host.pace_seconds > 0.0 {
        format!("at most {} per second", rate(1.0 / host.pace_seconds))
    } else {
        "no limit".to_owned()
    }
}

fn rest(host: &LiveHost) -> String {
    let why = match host.rests_because.as_deref() {
        Some("pace") => "its next page is not due",
        Some("asked") => "it asked for a rest",
        Some("failing") => "it keeps failing",
        Some("robots") => "its robots.txt cannot be read",
        _ => return String::new(),
    };
    host.rests_seconds.map_or_else(String::new, |seconds| format!("for {}: {why}", duration(seconds)))
}

/// The fill rates, next to those of the last run.
pub(super) fn columns(detail: &RunDetail) -> Markup {
    html! {
        @if detail.columns.is_empty() {
            p class="dim" { "The columns are counted when a run ends." }
        } @else if detail.columns.iter().all(|column| column.rows == 0 && column.filled_share_before.is_none()) {
            p class="dim" { "This run has not stored any rows, and it has no earlier run to compare with." }
        } @else {
            div class="wide" tabindex="0" role="region" aria-label="Table of columns" {
                table {
                    thead {
                        tr {
                            th scope="col" { "Column" }
                            th scope="col" class="number" { "Filled" }
                            th scope="col" class="number" { "Rows" }
                            th scope="col" class="number" { "Last run" }
                            th scope="col" { "Change" }
                        }
                    }
                    tbody {
                        @for column in &detail.columns {
                            tr {
                                th scope="row" { span class="dim" { (column.item) "." } (column.column) }
                                td class="number" { @if let Some(share) = column.filled_share { (percent(share)) } }
                                td class="number" { (number(column.rows)) }
                                td class="number" { @if let Some(share) = column.filled_share_before { (percent(share)) } }
                                td { (difference(column)) }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// A smaller difference between two shares does not count as a change.
const SAME: f64 = 0.01;

fn difference(column: &ColumnView) -> Markup {
    let (Some(now), Some(before)) = (column.filled_share, column.filled_share_before) else {
        return html! {};
    };
    let points = (now - before) * 100.0;
    html! {
        @if now < before - SAME { span class="bad" { (format!("{:.1} points less", -points)) } }
        @else if now > before + SAME { (format!("{points:.1} points more")) }
        @else { span class="dim" { "the same" } }
    }
}

/// The last lines of the log.
pub(super) fn log(tail: &LogTail) -> Markup {
    html! {
        @match (&tail.file, &tail.missing_because) {
            (Some(file), _) => {
                p class="dim" { code { (file) } }
                pre tabindex="0" role="region" aria-label="Log" { @for line in &tail.lines { (line) "\n" } }
            }
            (None, Some(because)) => p class="dim" { "Not shown: " (because) "." },
            (None, None) => p class="dim" { "None." },
        }
    }
}
