//! Since when a request waits for its answer: from when the connection stands that was made for it, or from the
//! beginning where it took one that stood already.
//!
//! The client's connector does not know for which request it connects. But it begins to within the request's own task,
//! where a task-local value names the request.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::task_local;
use tokio::time::Instant;
use tower_layer::Layer;
use tower_service::Service;

task_local! {
    static CONNECTING: Connecting;
}

/// The connecting of one request. Clones share it.
#[derive(Clone, Debug, Default)]
pub(super) struct Connecting(Arc<Mutex<ConnectingState>>);

#[derive(Clone, Copy, Debug, Default)]
enum ConnectingState {
    /// Nobody connects for it.
    #[default]
    NotNeeded,
    /// Somebody does: name, TCP and TLS.
    Begun,
    /// It stands, or does not.
    Ended { at: Instant, after: Duration },
}

impl Connecting {
    /// Does work whose connecting this tells of.
    pub(super) async fn watch<T>(&self, work: impl Future<Output = T>) -> T {
        CONNECTING.scope(self.clone(), work).await
    }

    /// Since when work that began at `begun` waits for an answer; at `now` it may be connecting still.
    pub(super) fn waits_since(&self, begun: Instant, now: Instant) -> Instant {
        match self.state() {
            ConnectingState::NotNeeded => begun,
            ConnectingState::Begun => now,
            ConnectingState::Ended { at, .. } => at,
        }
    }

    /// How long connecting took, if it was done.
    pub(super) fn took(&self) -> Option<Duration> {
        match self.state() {
            ConnectingState::Ended { after, .. } => Some(after),
            ConnectingState::NotNeeded | ConnectingState::Begun => None,
        }
    }

    fn state(&self) -> ConnectingState {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, state: ConnectingState) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = state;
    }
}

/// Ends the connecting also when it is given up.
struct Begun {
    connecting: Connecting,
    at: Instant,
}

impl Begun {
    fn now(connecting: Connecting) -> Self {
        let at = Instant::now();
        connecting.set(ConnectingState::Begun);
        Self { connecting, at }
    }
}

impl Drop for Begun {
    fn drop(&mut self) {
        self.connecting.set(ConnectingState::Ended { at: Instant::now(), after: self.at.elapsed() });
    }
}

/// Watches the connector of a client.
#[derive(Clone, Copy, Debug)]
pub(super) struct WatchConnecting;

impl<S> Layer<S> for WatchConnecting {
    type Service = Watched<S>;

    fn layer(&self, connector: S) -> Watched<S> {
        Watched { connector }
    }
}

/// A connector that is watched.
#[derive(Clone, Debug)]
pub(super) struct Watched<S> {
    connector: S,
}

impl<S, R> Service<R> for Watched<S>
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
        let begun = CONNECTING.try_with(Clone::clone).ok().map(Begun::now);
        let connecting = self.connector.call(to);
        Box::pin(async move {
            let connected = connecting.await;
            drop(begun);
            connected
        })
    }
}
