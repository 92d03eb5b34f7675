//! The pages for people. They show the values of `read`, and `maud` escapes every text in them.

mod actions;
mod chart;
mod home;
mod items;
mod layout;
mod problem;
mod run;
mod run_list;
mod run_parts;
mod schedules;
mod spider;
mod words;

pub(crate) use self::actions::{action, actions, login};
use axum::extract::{Path, RawQuery, State};
use axum::response::Response;
use http::StatusCode;
use maud::Markup;

use crate::answer::{Refused, typed};
use crate::api::{read_overview, read_rows, read_runs, run_id};
use crate::query::{Query, path_part};
use crate::read::Answer;
use crate::shared::Shared;

/// Log lines on the page of a run.
const LOG_LINES: usize = 40;
/// Ticks on the page of a schedule.
const TICKS: usize = 100;

pub(crate) async fn home(State(shared): State<Shared>, RawQuery(raw): RawQuery) -> Response {
    page(async {
        Query::read(raw.as_deref(), &[])?;
        Ok(home::home(&read_overview(&shared.board.reader).await?))
    })
    .await
}

pub(crate) async fn runs(State(shared): State<Shared>, RawQuery(raw): RawQuery) -> Response {
    page(async {
        let query = Query::read(raw.as_deref(), &["spider", "name", "state", "kind", "before", "limit"])?;
        Ok(run_list::runs(&read_runs(&shared.board.reader, raw.as_deref()).await?, &query))
    })
    .await
}

pub(crate) async fn run(
    State(shared): State<Shared>,
    Path(id): Path<String>,
    RawQuery(raw): RawQuery,
) -> Response {
    page(async {
        Query::read(raw.as_deref(), &[])?;
        let (reader, id) = (&shared.board.reader, run_id(&id)?);
        let (detail, log) = (reader.detail(id).await?, reader.log(id, LOG_LINES).await?);
        Ok(run::run(&detail, &log, reader.items_of(&detail.run.spider).is_some()))
    })
    .await
}

pub(crate) async fn spiders(State(shared): State<Shared>, RawQuery(raw): RawQuery) -> Response {
    page(async {
        Query::read(raw.as_deref(), &[])?;
        Ok(spider::spiders(&read_overview(&shared.board.reader).await?))
    })
    .await
}

pub(crate) async fn spider(
    State(shared): State<Shared>,
    Path(name): Path<String>,
    RawQuery(raw): RawQuery,
) -> Response {
    page(async {
        Query::read(raw.as_deref(), &[])?;
        Ok(spider::spider(&shared.board.reader.spider(path_part(&name)?).await?))
    })
    .await
}

pub(crate) async fn schedules(State(shared): State<Shared>, RawQuery(raw): RawQuery) -> Response {
    page(async {
        Query::read(raw.as_deref(), &[])?;
        Ok(schedules::schedules(&shared.board.reader.schedules().await?))
    })
    .await
}

pub(crate) async fn schedule(
    State(shared): State<Shared>,
    Path(name): Path<String>,
    RawQuery(raw): RawQuery,
) -> Response {
    page(async {
        Query::read(raw.as_deref(), &[])?;
        let detail = shared.board.reader.schedule(path_part(&name)?, TICKS).await?;
        Ok(schedules::schedule(&detail))
    })
    .await
}

pub(crate) async fn item_kinds(State(shared): State<Shared>, RawQuery(raw): RawQuery) -> Response {
    page(async {
        Query::read(raw.as_deref(), &[])?;
        Ok(items::kinds(&shared.board.reader.item_kinds()))
    })
    .await
}

pub(crate) async fn items(
    State(shared): State<Shared>,
    Path(item): Path<String>,
    RawQuery(raw): RawQuery,
) -> Response {
    page(async {
        let query = Query::read(raw.as_deref(), &["spider", "contains", "after", "limit"])?;
        Ok(items::items(&read_rows(&shared.board.reader, &item, raw.as_deref()).await?, &query))
    })
    .await
}

/// The page for a question without an answer.
pub(crate) fn refused(refused: &Refused) -> Response {
    html(refused.status, problem::problem(refused))
}

pub(crate) async fn page(read: impl Future<Output = Answer<Markup>>) -> Response {
    match read.await {
        Ok(page) => html(StatusCode::OK, page),
        Err(error) => refused(&error),
    }
}

fn html(status: StatusCode, page: Markup) -> Response {
    typed(status, "text/html; charset=utf-8", page.into_string().into_bytes())
}
