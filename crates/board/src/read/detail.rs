//! Everything about one run.

use std::collections::BTreeMap;
use std::sync::Arc;

use dragline_core::PageState;
use dragline_core::runs::{BadPage, LargestGroups, RunFigures, RunRecord};
use dragline_core::value::timestamp_text;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::summary::silent;
use super::{Answer, Reader, RunSummary, TickView, TimelineView, shown};
use crate::live::LiveRun;

/// Everything about a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunDetail {
    /// The run in a few figures.
    pub run: RunSummary,
    /// Its arguments and start URLs.
    pub args: Json,
    /// The process id of its last process.
    pub pid: Option<u32>,
    /// The machine of that process.
    pub hostname: Option<String>,
    /// How long ago the last sign of life was.
    pub silent_seconds: f64,
    /// When its requests were removed from the store.
    pub pruned_at: Option<String>,
    /// Requests by state, with those that are queued.
    pub pages: BTreeMap<String, u64>,
    /// Rows by item type.
    pub items: Vec<ItemCount>,
    /// Items that the store refused.
    pub dead_letters: u64,
    /// Failed requests by the code of their reason.
    pub failed_by_reason: GroupsView,
    /// Failed requests by HTTP status.
    pub failed_by_status: GroupsView,
    /// Dead requests by the code of their reason.
    pub dead_by_reason: GroupsView,
    /// Skipped requests by the code of their reason.
    pub skipped_by_reason: GroupsView,
    /// Queued requests by host.
    pub queued_by_host: GroupsView,
    /// Some failed and dead pages.
    pub bad_pages: Vec<BadPageView>,
    /// What the columns of its rows held at its end.
    pub columns: Vec<ColumnView>,
    /// How it went over time.
    pub timeline: TimelineView,
    /// The tick of a schedule that it belongs to.
    pub tick: Option<TickView>,
    /// What the crawl itself says, if it is within reach.
    pub live: Option<LiveRun>,
    /// The time of this answer, by the store's clock.
    pub read_at: String,
}

/// The rows of an item type.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ItemCount {
    /// The item type.
    pub item: String,
    /// Rows that this run was the last to see. `null` if the table is missing.
    pub rows: Option<u64>,
}

/// Requests in groups, the largest first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupsView {
    /// How many groups there are.
    pub kinds: u64,
    /// The largest ones.
    pub largest: Vec<GroupView>,
}

/// A group of requests.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupView {
    /// What they have in common. `null` for requests without an answer.
    pub key: Option<String>,
    /// How many there are.
    pub requests: u64,
    /// The URL of one of them.
    pub example: Option<String>,
}

/// A failed or dead page.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BadPageView {
    /// Its URL.
    pub url: String,
    /// `failed` or `dead`.
    pub state: String,
    /// The code of its reason.
    pub reason: Option<String>,
    /// The last HTTP status.
    pub status: Option<u16>,
    /// The beginning of its error.
    pub error: Option<String>,
}

/// What a column held.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ColumnView {
    /// The item type.
    pub item: String,
    /// The column.
    pub column: String,
    /// Rows of the item type.
    pub rows: u64,
    /// Rows with a value.
    pub filled: u64,
    /// The share of filled values, from 0 to 1.
    pub filled_share: Option<f64>,
    /// The same in the last finished run of this name.
    pub filled_share_before: Option<f64>,
}

impl Reader {
    /// Everything about a run, without secrets.
    pub(crate) async fn detail(&self, run_id: i64) -> Answer<RunDetail> {
        let run = self.run(run_id).await?;
        let (figures, live, tick) =
            tokio::join!(self.figures(&run), self.live(run_id), self.tick_of(run_id, &run.name));
        shown(&detail(&run, &figures?, live, tick?))
    }
}

fn detail(
    run: &RunRecord,
    figures: &Arc<RunFigures>,
    live: Option<LiveRun>,
    tick: Option<TickView>,
) -> RunDetail {
    // The requests of a pruned run are gone.
    let at_end = run.figures.as_ref().filter(|_| run.pruned_at().is_some());
    let pages = at_end.map_or(&figures.pages, |ended| &ended.pages);
    let mut by_state: BTreeMap<String, u64> =
        PageState::ALL.iter().map(|state| (state.to_string(), pages.of(*state))).collect();
    by_state.insert("queued".to_owned(), pages.queued);
    let mut summary = RunSummary::of(run);
    if run.figures.is_none() {
        summary.pages = pages.ended.values().sum();
        summary.failed = pages.of(PageState::Failed) + pages.of(PageState::Dead);
    }
    RunDetail {
        run: summary,
        args: run.args.clone(),
        pid: run.process.as_ref().map(|process| process.pid),
        hostname: run.process.as_ref().map(|process| process.hostname.clone()),
        silent_seconds: silent(run).as_secs_f64(),
        pruned_at: run.pruned_at().as_ref().map(timestamp_text),
        pages: by_state,
        items: items(run, figures),
        dead_letters: figures.dead_letters,
        failed_by_reason: groups(&figures.failed_by_reason),
        failed_by_status: groups(&figures.failed_by_status),
        dead_by_reason: groups(&figures.dead_by_reason),
        skipped_by_reason: groups(&figures.skipped_by_reason),
        queued_by_host: groups(&figures.queued_by_host),
        bad_pages: figures.ended_badly.iter().map(bad_page).collect(),
        columns: columns(run),
        timeline: TimelineView::of(run),
        tick,
        live,
        read_at: timestamp_text(&run.read_at),
    }
}

/// As it was counted at the end, because a row belongs to the last run that saw it; before that, as it is now.
fn items(run: &RunRecord, figures: &RunFigures) -> Vec<ItemCount> {
    match &run.figures {
        Some(ended) => {
            let rows = ended.items.iter();
            rows.map(|(item, rows)| ItemCount { item: item.clone(), rows: Some(*rows) }).collect()
        }
        None => {
            let rows = figures.items.iter();
            rows.map(|(item, rows)| ItemCount { item: item.clone(), rows: *rows }).collect()
        }
    }
}

fn groups(groups: &LargestGroups) -> GroupsView {
    let group = groups.largest.iter().map(|group| GroupView {
        key: group.key.clone(),
        requests: group.count,
        example: group.example.clone(),
    });
    GroupsView { kinds: groups.kinds, largest: group.collect() }
}

fn bad_page(page: &BadPage) -> BadPageView {
    BadPageView {
        url: page.url.clone(),
        state: page.state.to_string(),
        reason: page.reason.clone(),
        status: page.status,
        error: page.error.clone(),
    }
}

fn columns(run: &RunRecord) -> Vec<ColumnView> {
    let Some(figures) = &run.figures else { return Vec::new() };
    let before =
        |item: &str, column: &str| run.before.as_ref()?.columns.get(item)?.get(column)?.filled_share();
    let of_type = figures.columns.iter().flat_map(|(item, columns)| {
        columns.iter().map(move |(column, figures)| ColumnView {
            item: item.clone(),
            column: column.clone(),
            rows: figures.rows,
            filled: figures.filled,
            filled_share: figures.filled_share(),
            filled_share_before: before(item, column),
        })
    });
    of_type.collect()
}
