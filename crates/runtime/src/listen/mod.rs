//! The endpoints `/health`, `/ready`, `/status` and `/metrics`. They have their own thread and runtime, so they
//! answer whatever the other threads do.

mod address;
mod routes;

use std::collections::VecDeque;
use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use dragline_core::worker::Worker;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::AbortHandle;
use tokio::time::{sleep, timeout};

pub use self::address::ListenAddr;
use crate::health::Health;

/// Connections at once. A scraper and some probes need a handful. If there are more, the oldest is closed:
/// requests are answered within milliseconds, and an idle connection must not keep a probe waiting.
const MAX_CONNECTIONS: usize = 64;
/// Time limit of a connection, with one request and one answer.
const CONNECTION_TIMEOUT: Duration = Duration::from_secs(5);
/// Pause after a failed accept, for example when file descriptors have run out.
const ACCEPT_AGAIN_AFTER: Duration = Duration::from_millis(100);

/// The answers. They wait for nobody.
pub trait Served: Send + Sync {
    /// How the process is.
    fn told(&self) -> Told;

    /// The metrics in the text format.
    fn metrics(&self) -> String;
}

/// How a process is.
#[derive(Clone, Debug)]
pub struct Told {
    /// Whether it is alive. If not, a new start helps.
    pub is_alive: bool,
    /// Whether it does its work now.
    pub is_ready: bool,
    /// All details.
    pub status: serde_json::Value,
}

/// The answers of a crawl.
pub(crate) struct OfCrawl {
    pub(crate) health: Arc<Health>,
    /// The metrics in the text format.
    pub(crate) metrics: Box<dyn Fn() -> String + Send + Sync>,
}

impl Served for OfCrawl {
    fn told(&self) -> Told {
        let verdict = self.health.verdict();
        Told {
            is_alive: verdict.state.is_alive(),
            is_ready: verdict.state.is_ready(),
            status: self.health.status(&verdict),
        }
    }

    fn metrics(&self) -> String {
        (self.metrics)()
    }
}

/// Listens until dropped.
pub struct Listener {
    _end: oneshot::Sender<()>,
    _thread: Worker<()>,
}

impl Listener {
    /// Starts to listen.
    ///
    /// # Errors
    /// When the address is taken, or the operating system gives no thread.
    pub fn start(address: ListenAddr, served: impl Served + 'static) -> io::Result<Self> {
        let socket = std::net::TcpListener::bind(address.socket())?;
        socket.set_nonblocking(true)?;
        let address = socket.local_addr()?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let listener = {
            let _inside = runtime.enter();
            TcpListener::from_std(socket)?
        };
        let (end, ended) = oneshot::channel();
        let thread = Worker::spawn("listen", move || {
            runtime.block_on(async {
                tokio::select! {
                    () = accept(listener, Arc::new(served)) => {}
                    _ = ended => {}
                }
            });
            runtime.shutdown_background();
        })?;
        tracing::info!(%address, "listening: /health /ready /status /metrics");
        Ok(Self { _end: end, _thread: thread })
    }
}

async fn accept(listener: TcpListener, served: Arc<dyn Served>) {
    let mut connections: VecDeque<AbortHandle> = VecDeque::new();
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                connections.retain(|connection| !connection.is_finished());
                if connections.len() >= MAX_CONNECTIONS
                    && let Some(oldest) = connections.pop_front()
                {
                    oldest.abort();
                }
                connections.push_back(tokio::spawn(serve(stream, Arc::clone(&served))).abort_handle());
            }
            Err(error) => {
                tracing::debug!(%error, "could not accept a connection");
                sleep(ACCEPT_AGAIN_AFTER).await;
            }
        }
    }
}

async fn serve(stream: TcpStream, served: Arc<dyn Served>) {
    let service = service_fn(move |request| {
        let answer = routes::answer(&*served, &request);
        async move { Ok::<_, Infallible>(answer) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .keep_alive(false)
        .serve_connection(TokioIo::new(stream), service);
    // Ignore clients that are too slow or send nonsense.
    let _ = timeout(CONNECTION_TIMEOUT, connection).await;
}
