//! Opens connections. reqwest does it: names, proxies, TLS and time limits are its business.
//!
//! reqwest shows nobody the bytes of a connection, and its own client accepts any number of interim answers and cannot say which
//! header lines it has left out. But a layer of its connector sees each connection when it is ready. So a request of reqwest is
//! begun only to connect: the layer takes the connection away, and the request ends with an error that nobody sees.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use http::Uri;
use hyper::rt::{Read, Write};
use hyper_util::client::legacy::connect::Connection;
use tokio::task_local;
use tower_layer::Layer;
use tower_service::Service;

use super::connection::WatchedConnection;

pub(super) type BoxError = Box<dyn std::error::Error + Send + Sync>;
type Connecting<T, E> = Pin<Box<dyn Future<Output = Result<T, E>> + Send>>;

task_local! {
    /// Where the connection goes that this task opens.
    static PLACE: Place;
}

#[derive(Clone, Default)]
struct Place(Arc<Mutex<Option<WatchedConnection>>>);

impl Place {
    fn put(&self, connection: WatchedConnection) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(connection);
    }

    fn take(&self) -> Option<WatchedConnection> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// A connector that lets a reqwest client connect. The client needs the layer [`HandOver`].
#[derive(Clone, Debug)]
pub(super) struct Dialer(pub(super) reqwest::Client);

impl Service<Uri> for Dialer {
    type Response = WatchedConnection;
    type Error = BoxError;
    type Future = Connecting<WatchedConnection, BoxError>;

    fn poll_ready(&mut self, _context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, to: Uri) -> Self::Future {
        let (client, place) = (self.0.clone(), Place::default());
        Box::pin(async move {
            let ended = PLACE.scope(place.clone(), client.get(to.to_string()).send()).await;
            match (place.take(), ended) {
                (Some(connection), _) => Ok(connection),
                (None, Err(error)) => Err(error.into()),
                (None, Ok(_)) => Err("the client has kept its connection".into()),
            }
        })
    }
}

/// The layer of a client that only connects. It must be the last layer.
#[derive(Clone, Copy, Debug)]
pub(in crate::fetch) struct HandOver;

impl<S> Layer<S> for HandOver {
    type Service = HandingOver<S>;

    fn layer(&self, connector: S) -> HandingOver<S> {
        HandingOver { connector }
    }
}

/// The connector of such a client.
#[derive(Clone, Debug)]
pub(in crate::fetch) struct HandingOver<S> {
    connector: S,
}

#[derive(Debug, thiserror::Error)]
#[error("the connection was handed over")]
struct HandedOver;

impl<S, R> Service<R> for HandingOver<S>
where
    S: Service<R>,
    S::Response: Read + Write + Connection + Send + 'static,
    S::Error: Into<BoxError>,
    S::Future: Send + 'static,
{
    type Response = S::Response;
    type Error = BoxError;
    type Future = Connecting<S::Response, BoxError>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.connector.poll_ready(context).map_err(Into::into)
    }

    fn call(&mut self, to: R) -> Self::Future {
        let place = PLACE.try_with(Clone::clone).ok();
        let connecting = self.connector.call(to);
        Box::pin(async move {
            let connection = connecting.await.map_err(Into::into)?;
            match place {
                Some(place) => {
                    place.put(WatchedConnection::new(connection));
                    Err(HandedOver.into())
                }
                None => Ok(connection),
            }
        })
    }
}
