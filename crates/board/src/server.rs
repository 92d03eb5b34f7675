//! A server for a board that has its own address.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::sync::Semaphore;
use tokio::time::sleep;
use tower_service::Service as _;

use crate::Board;
use crate::bound::Bound;
use crate::limits::{HEADER_TIMEOUT, MAX_CONNECTIONS};

/// Pause after a failed accept, for example when file descriptors have run out.
const ACCEPT_AGAIN_AFTER: Duration = Duration::from_millis(100);

/// Serves the board until the future is dropped. The runtime needs several threads.
pub async fn serve(listener: Bound, board: &Board) {
    let (router, connections) = (board.router(), Arc::new(Semaphore::new(MAX_CONNECTIONS)));
    loop {
        // Further connections wait in the operating system's queue.
        let Ok(permit) = Arc::clone(&connections).acquire_owned().await else { return };
        let (stream, caller) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::debug!(%error, "could not accept a connection");
                sleep(ACCEPT_AGAIN_AFTER).await;
                continue;
            }
        };
        let router = router.clone();
        tokio::spawn(async move {
            let service = service_fn(move |mut request: Request<Incoming>| {
                let mut router = router.clone();
                request.extensions_mut().insert(caller.clone());
                async move { Ok::<_, Infallible>(answered(router.call(request.map(Body::new)).await)) }
            });
            // Ignore clients that are too slow or send nonsense. A connection without a request ends after this time, too.
            let _ = http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(HEADER_TIMEOUT)
                .serve_connection(TokioIo::new(stream), service)
                .await;
            drop(permit);
        });
    }
}

/// A router always answers.
pub(crate) fn answered<T>(answer: Result<T, Infallible>) -> T {
    match answer {
        Ok(answer) => answer,
        Err(never) => match never {},
    }
}
