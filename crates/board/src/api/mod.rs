//! The API for programs, and for the script of the pages. `openapi.json` describes it.

pub(crate) mod events;

use axum::extract::{Path, RawQuery, State};
use axum::response::Response;
use dragline_core::run_kind::RunKind;
use dragline_core::runs::RunAsk;
use dragline_core::store::RunState;
use dragline_core::value::timestamp_text;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::json;

pub(crate) use self::events::events;
use crate::answer::{Refused, json_answer, typed};
use crate::limits::{MAX_LOG_LINES, MAX_ROWS, MAX_RUNS, MAX_TICKS};
use crate::plan::ComingRun;
use crate::query::{Query, path_part, whole_number};
use crate::read::ItemsAsk;
use crate::read::{Answer, LogTail, Reader, RunList, RunSummary, ScheduleView, SpiderView, shown};
use crate::shared::Shared;

/// The description of the API.
const OPENAPI: &str = include_str!("openapi.json");
/// Log lines without a `limit`.
pub(crate) const LOG_LINES: usize = 40;
/// Rows of a list without a `limit`.
pub(crate) const LIST_ROWS: usize = 50;

/// What runs and what ran.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Overview {
    /// Runs that a process works on.
    pub(crate) running: Vec<RunSummary>,
    /// The other runs, the newest first.
    pub(crate) recent: Vec<RunSummary>,
    /// The runs that come next, the earliest first.
    pub(crate) next: Vec<ComingRun>,
    /// Schedules, and how they stand, by name.
    pub(crate) schedules: Vec<ScheduleView>,
    /// The newest run of each spider, by the spider's name.
    pub(crate) spiders: Vec<SpiderLine>,
    /// The store, without secrets.
    pub(crate) store: String,
    /// The time of this answer, by the store's clock. `null` without runs.
    pub(crate) read_at: Option<String>,
}

/// A spider in one line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct SpiderLine {
    /// Its name.
    pub(crate) spider: String,
    /// Its newest run among the newest runs of all spiders.
    pub(crate) last: Option<RunSummary>,
}

type Api = Result<Response, Refused>;

fn told(body: &impl Serialize) -> Response {
    json_answer(StatusCode::OK, body)
}

pub(crate) async fn openapi() -> Response {
    typed(StatusCode::OK, "application/json", OPENAPI.as_bytes().to_vec())
}

pub(crate) async fn overview(State(shared): State<Shared>, RawQuery(raw): RawQuery) -> Api {
    Query::read(raw.as_deref(), &[])?;
    Ok(told(&read_overview(&shared.board.reader).await?))
}

pub(crate) async fn runs(State(shared): State<Shared>, RawQuery(raw): RawQuery) -> Api {
    Ok(told(&read_runs(&shared.board.reader, raw.as_deref()).await?))
}

pub(crate) async fn run(
    State(shared): State<Shared>,
    Path(id): Path<String>,
    RawQuery(raw): RawQuery,
) -> Api {
    Query::read(raw.as_deref(), &[])?;
    Ok(told(&shared.board.reader.detail(run_id(&id)?).await?))
}

pub(crate) async fn log(
    State(shared): State<Shared>,
    Path(id): Path<String>,
    RawQuery(raw): RawQuery,
) -> Api {
    let query = Query::read(raw.as_deref(), &["limit"])?;
    let lines = query.limit(MAX_LOG_LINES, LOG_LINES)?;
    let tail: LogTail = shared.board.reader.log(run_id(&id)?, lines).await?;
    Ok(told(&tail))
}

pub(crate) async fn spiders(State(shared): State<Shared>, RawQuery(raw): RawQuery) -> Api {
    Query::read(raw.as_deref(), &[])?;
    let overview = read_overview(&shared.board.reader).await?;
    Ok(told(&json!({ "spiders": overview.spiders })))
}

pub(crate) async fn spider(
    State(shared): State<Shared>,
    Path(name): Path<String>,
    RawQuery(raw): RawQuery,
) -> Api {
    Query::read(raw.as_deref(), &[])?;
    let spider: SpiderView = shared.board.reader.spider(path_part(&name)?).await?;
    Ok(told(&spider))
}

pub(crate) async fn schedules(State(shared): State<Shared>, RawQuery(raw): RawQuery) -> Api {
    Query::read(raw.as_deref(), &[])?;
    let schedules = shared.board.reader.schedules().await?;
    Ok(told(&json!({ "schedules": schedules })))
}

pub(crate) async fn schedule(
    State(shared): State<Shared>,
    Path(name): Path<String>,
    RawQuery(raw): RawQuery,
) -> Api {
    let query = Query::read(raw.as_deref(), &["limit"])?;
    let limit = query.limit(MAX_TICKS, LIST_ROWS)?;
    Ok(told(&shared.board.reader.schedule(path_part(&name)?, limit).await?))
}

pub(crate) async fn item_kinds(State(shared): State<Shared>, RawQuery(raw): RawQuery) -> Api {
    Query::read(raw.as_deref(), &[])?;
    Ok(told(&json!({ "items": shared.board.reader.item_kinds() })))
}

pub(crate) async fn items(
    State(shared): State<Shared>,
    Path(item): Path<String>,
    RawQuery(raw): RawQuery,
) -> Api {
    Ok(told(&read_rows(&shared.board.reader, &item, raw.as_deref()).await?))
}

/// The number of a run.
pub(crate) fn run_id(text: &str) -> Answer<i64> {
    whole_number(text)
        .filter(|id| *id > 0)
        .ok_or_else(|| Refused::wrong("the id of a run is a number from 1 on"))
}

/// What runs and what ran.
pub(crate) async fn read_overview(reader: &Reader) -> Answer<Overview> {
    let newest = reader.newest().await?;
    let schedules = reader.schedules().await?;
    let (running, recent): (Vec<_>, Vec<_>) =
        newest.iter().map(RunSummary::of).partition(RunSummary::is_running);
    let last = |spider: &str| newest.iter().find(|run| run.spider == spider).map(RunSummary::of);
    let mut names: Vec<&str> = reader.spiders.iter().map(|spider| spider.name.as_str()).collect();
    names.extend(newest.iter().map(|run| run.spider.as_str()));
    names.sort_unstable();
    names.dedup();
    let spiders = names.into_iter().map(|name| SpiderLine { spider: name.to_owned(), last: last(name) });
    shown(&Overview {
        running,
        recent,
        next: reader.coming(&schedules),
        schedules,
        spiders: spiders.collect(),
        store: reader.location(),
        read_at: newest.first().map(|run| timestamp_text(&run.read_at)),
    })
}

/// Runs as the query asks.
pub(crate) async fn read_runs(reader: &Reader, raw: Option<&str>) -> Answer<RunList> {
    let query = Query::read(raw, &["spider", "name", "state", "kind", "before", "limit"])?;
    let limit = query.limit(MAX_RUNS, LIST_ROWS)?;
    let ask = RunAsk {
        spider: query.text("spider").map(str::to_owned),
        name: query.text("name").map(str::to_owned),
        state: query.one_of("state", "running, stopped, finished, failed", RunState::parse)?,
        kind: query.one_of("kind", "crawl, reparse, replay, import", RunKind::parse)?,
        older_than: query.number("before", &(1..=i64::MAX))?,
        limit: limit + 1,
        ..RunAsk::default()
    };
    let found = reader.runs(&ask).await?;
    let runs: Vec<RunSummary> = found.iter().take(limit).map(RunSummary::of).collect();
    let next_before = if found.len() > limit { runs.last().map(|run| run.run_id) } else { None };
    let read_at = found.first().map(|run| timestamp_text(&run.read_at));
    shown(&RunList { runs, next_before, read_at })
}

/// Rows as the query asks.
pub(crate) async fn read_rows(
    reader: &Reader,
    item: &str,
    raw: Option<&str>,
) -> Answer<crate::read::ItemsView> {
    let query = Query::read(raw, &["spider", "contains", "after", "limit"])?;
    let ask = ItemsAsk {
        item: path_part(item)?,
        spider: query.text("spider"),
        contains: query.text("contains"),
        after: query.text("after"),
        limit: query.limit(MAX_ROWS, LIST_ROWS)?,
    };
    reader.rows(&ask).await
}
