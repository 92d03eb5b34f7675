//! A board within the endpoints of a crawl. It has a thread of its own, which starts with the first page that somebody opens. The
//! thread of the endpoints only passes requests and bytes on, so no page can hold up a probe.

use std::io;
use std::sync::{OnceLock, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use http::{Request, Response, StatusCode};
use hyper::body::Incoming;
use tokio::runtime::Runtime;
use tokio::time::timeout;
use tower_service::Service as _;

use crate::Board;
use crate::answer::Refused;
use crate::guard::protect;
use crate::server::answered;

/// The time to give back the sessions of the store.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);

/// The body of an answer.
pub type WithinBody = Body;

/// See the module.
pub struct Within {
    board: Board,
    started: OnceLock<io::Result<Started>>,
}

struct Started {
    /// `None` only after the end.
    runtime: std::sync::Mutex<Option<Runtime>>,
    router: Router,
}

impl Within {
    /// A board that starts when it is needed.
    pub fn new(board: Board) -> Self {
        Self { board, started: OnceLock::new() }
    }

    /// Answers a request for one of the board's paths ([`is_page`](crate::is_page)).
    pub async fn answer(&self, request: Request<Incoming>) -> Response<WithinBody> {
        let task = {
            let started = self.started.get_or_init(|| start(&self.board));
            let Ok(started) = started else { return no_thread() };
            let runtime = started.runtime.lock().unwrap_or_else(PoisonError::into_inner);
            let Some(runtime) = runtime.as_ref() else { return no_thread() };
            let mut router = started.router.clone();
            runtime.spawn(async move { answered(router.call(request.map(Body::new)).await) })
        };
        task.await.unwrap_or_else(|_| no_thread())
    }

    /// Ends the thread, and gives back the sessions of the store. Not from within a runtime.
    pub fn close(&self) {
        let Some(Ok(started)) = self.started.get() else { return };
        let runtime = started.runtime.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(runtime) = runtime {
            let _ = runtime.block_on(async { timeout(CLOSE_TIMEOUT, self.board.close()).await });
            runtime.shutdown_background();
        }
    }
}

fn start(board: &Board) -> io::Result<Started> {
    // The store for SQLite blocks in place, so a runtime with one thread would not do.
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .max_blocking_threads(4)
        .thread_name("board")
        .enable_all()
        .build()?;
    Ok(Started { runtime: std::sync::Mutex::new(Some(runtime)), router: board.router() })
}

fn no_thread() -> Response<WithinBody> {
    let refused = Refused::new(StatusCode::SERVICE_UNAVAILABLE, "the page is not served now");
    let mut answer = refused.into_json();
    protect(&mut answer);
    answer
}
