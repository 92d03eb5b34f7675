//! Tells open pages that something has changed, by server-sent events. The first event comes at once, so a page that was
//! disconnected is up to date again as soon as it is connected.

use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::Body;
use axum::extract::{RawQuery, State};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderValue, StatusCode};
use http_body::Frame;
use serde_json::{Value as Json, json};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep};

use super::read_overview;
use crate::answer::Refused;
use crate::limits::{EVENTS_UNREAD, LOOK_EVERY, SAY_EVERY, STREAM_TIMEOUT};
use crate::query::Query;
use crate::read::{Answer, RunSummary, shown};
use crate::shared::Shared;

pub(crate) async fn events(
    State(shared): State<Shared>,
    RawQuery(raw): RawQuery,
) -> Result<Response, Refused> {
    let query = Query::read(raw.as_deref(), &["run"])?;
    let run = query.number("run", &(1..=i64::MAX))?;
    // Before the stream begins, so that a run that does not exist is an error and not a stream.
    let first = state(&shared, run).await?;
    let Ok(permit) = std::sync::Arc::clone(&shared.streams).try_acquire_owned() else {
        return Err(Refused::new(StatusCode::SERVICE_UNAVAILABLE, "too many open pages")
            .hint("close some of them; this one can be reloaded by hand"));
    };
    let (sender, receiver) = mpsc::channel(EVENTS_UNREAD);
    tokio::spawn(async move {
        tell(&shared, run, first, &sender).await;
        drop(permit);
    });
    let mut answer = Body::new(Events(receiver)).into_response();
    let headers = answer.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    // Otherwise nginx keeps events back.
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    Ok(answer)
}

/// Sends an event for each change, until the reader has gone.
async fn tell(shared: &Shared, run: Option<i64>, first: Json, to: &mpsc::Sender<Bytes>) {
    let until = Instant::now() + STREAM_TIMEOUT;
    let (mut last, mut said) = (Json::Null, Instant::now());
    let mut now = Some(first);
    if to.send(Bytes::from_static(b"retry: 2000\n\n")).await.is_err() {
        return;
    }
    while Instant::now() < until {
        let message = match now.take() {
            Some(state) if state != last => {
                last = state;
                Some(format!("event: change\ndata: {last}\n\n"))
            }
            _ if said.elapsed() >= SAY_EVERY => Some(": still here\n\n".to_owned()),
            _ => None,
        };
        if let Some(message) = message {
            said = Instant::now();
            if to.send(Bytes::from(message)).await.is_err() {
                return;
            }
        }
        tokio::select! {
            () = to.closed() => return,
            () = sleep(LOOK_EVERY) => {}
        }
        // An outage of the store doesn't change anything. The page stays as it is until the store answers again.
        now = state(shared, run).await.ok();
    }
}

/// Seconds between two changes of the age that a page shows.
const AGE_STEP: f64 = 5.0;

/// What a page depends on: the runs without the moment of the answer, and what the crawl says.
async fn state(shared: &Shared, run: Option<i64>) -> Answer<Json> {
    let reader = &shared.board.reader;
    let mut state = match run {
        Some(run_id) => {
            let record = reader.run(run_id).await?;
            let live = reader.live(run_id).await;
            let counts = live.map(|live| {
                // A page says how old the figures of a crawl are that has stopped to answer.
                let age = (live.age_seconds / AGE_STEP).floor();
                json!({ "pages": live.status["pages"], "items": live.status["items"], "hosts": live.hosts, "age": age })
            });
            json!({ "runs": [shown(&RunSummary::of(&record))?], "live": counts })
        }
        None => {
            let overview = read_overview(reader).await?;
            json!({
                "runs": overview.running.iter().chain(&overview.recent).collect::<Vec<_>>(),
                "schedules": overview.schedules,
                "next": overview.next,
                "live": null,
            })
        }
    };
    for run in state["runs"].as_array_mut().into_iter().flatten() {
        forget_its_moment(run);
    }
    for schedule in state["schedules"].as_array_mut().into_iter().flatten() {
        forget_its_moment(&mut schedule["last_run"]);
    }
    dragline_core::secrets::hide_in_json(&mut state);
    Ok(state)
}

/// How long a run takes that goes on depends on the moment of the answer.
fn forget_its_moment(run: &mut Json) {
    if run["state"] == "running" {
        run["seconds"] = Json::Null;
    }
}

/// The body of a stream.
struct Events(mpsc::Receiver<Bytes>);

impl http_body::Body for Events {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        self.0.poll_recv(context).map(|bytes| bytes.map(|bytes| Ok(Frame::data(bytes))))
    }
}
