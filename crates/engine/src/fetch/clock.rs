//! How long connecting takes: name, TCP and TLS, timed around the client's own connector. For a fetch that a
//! person looks at; a crawl does without.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use tower_layer::Layer;
use tower_service::Service;

/// The time of the last connection that was made. Clones share it.
#[derive(Clone, Debug, Default)]
pub(crate) struct ConnectClock(Arc<Mutex<Option<Duration>>>);

impl ConnectClock {
    /// What it shows; it shows nothing then until the next connection.
    pub(crate) fn take(&self) -> Option<Duration> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl<S> Layer<S> for ConnectClock {
    type Service = Timed<S>;

    fn layer(&self, connector: S) -> Timed<S> {
        Timed { connector, clock: self.clone() }
    }
}

/// A connector with a clock.
#[derive(Clone, Debug)]
pub(crate) struct Timed<S> {
    connector: S,
    clock: ConnectClock,
}

impl<S, R> Service<R> for Timed<S>
where
    S: Service<R>,
    S::Future: Send + 'static,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<S::Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.connector.poll_ready(context)
    }

    fn call(&mut self, to: R) -> Self::Future {
        let (begun, clock) = (Instant::now(), self.clock.clone());
        let connecting = self.connector.call(to);
        Box::pin(async move {
            let connected = connecting.await?;
            *clock.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(begun.elapsed());
            Ok(connected)
        })
    }
}
