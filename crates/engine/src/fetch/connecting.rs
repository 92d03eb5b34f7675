//! Finds out since when a request has waited for its answer: since its new connection was ready, or from the beginning if it
//! used an open connection.
//!
//! The client's connector doesn't know which request it connects for. But it starts in the task of that request, so a
//! task-local value can name the request.

use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
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

/// How far the connection for one request is. Clones share it.
#[derive(Clone, Debug, Default)]
pub(super) struct Connecting(Arc<Mutex<ConnectingState>>);

#[derive(Clone, Copy, Debug, Default)]
enum ConnectingState {
    /// No new connection was needed.
    #[default]
    NotNeeded,
    /// The name is being resolved, or TCP or TLS is being set up.
    Begun,
    /// The connection is ready, or it failed.
    Ended { at: Instant, after: Duration },
}

impl Connecting {
    /// Runs `work` and watches the connections that it makes.
    pub(super) async fn watch<T>(&self, work: impl Future<Output = T>) -> T {
        CONNECTING.scope(self.clone(), work).await
    }

    /// Since when work that began at `begun` has waited for an answer. If it is still connecting, the wait starts `now`.
    pub(super) fn waits_since(&self, begun: Instant, now: Instant) -> Instant {
        match self.state() {
            ConnectingState::NotNeeded => begun,
            ConnectingState::Begun => now,
            ConnectingState::Ended { at, .. } => at,
        }
    }

    /// Whether a new connection was made, or tried, since `begun`. If not, the request used an open one.
    pub(super) fn has_connected_since(&self, begun: Instant) -> bool {
        match self.state() {
            ConnectingState::NotNeeded => false,
            ConnectingState::Begun => true,
            ConnectingState::Ended { at, .. } => at >= begun,
        }
    }

    /// How long connecting took, if a new connection was made.
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

/// Notes the end of connecting, even if the attempt is dropped.
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

/// How many connections a client has opened so far. Clones share the number.
#[derive(Clone, Debug, Default)]
pub(super) struct Opened(Arc<AtomicUsize>);

impl Opened {
    pub(super) fn count(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }

    pub(super) fn note(&self, more: usize) {
        self.0.fetch_add(more, Ordering::Relaxed);
    }
}

/// Watches the connector of a client.
#[derive(Clone, Debug)]
pub(super) struct WatchConnecting {
    opened: Opened,
}

impl WatchConnecting {
    /// Counts the connections there.
    pub(super) fn new(opened: &Opened) -> Self {
        Self { opened: opened.clone() }
    }
}

impl<S> Layer<S> for WatchConnecting {
    type Service = Watched<S>;

    fn layer(&self, connector: S) -> Watched<S> {
        Watched { connector, opened: self.opened.clone() }
    }
}

/// A connector whose connections are noted.
#[derive(Clone, Debug)]
pub(super) struct Watched<S> {
    connector: S,
    opened: Opened,
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
        let opened = self.opened.clone();
        Box::pin(async move {
            let connected = connecting.await;
            drop(begun);
            if connected.is_ok() {
                opened.note(1);
            }
            connected
        })
    }
}
