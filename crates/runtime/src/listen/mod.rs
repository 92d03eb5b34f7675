//! The endpoints `/health`, `/ready`, `/status` and `/metrics`. They have their own thread and runtime, so they
//! answer whatever the other threads do.
//!
//! The page of the run is served at the same address. It has a thread and limits of its own (`dragline-board`): this thread only
//! passes its requests on. A connection counts as one of a page as soon as it has asked for a page.

mod address;
mod routes;

use std::collections::VecDeque;
use std::convert::Infallible;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use dragline_board::{Bound, Caller, Connection, Within, is_page};
use dragline_core::worker::Worker;
use http_body_util::Either;
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::sync::oneshot;
use tokio::task::AbortHandle;
use tokio::time::{sleep, timeout};

pub use self::address::{ListenAddr, MAX_SOCKET_PATH};
use crate::health::Health;
use crate::page;

/// Connections at once. A scraper and some probes need a handful. If there are more, the oldest is closed:
/// requests are answered within milliseconds, and an idle connection must not keep a probe waiting.
const MAX_CONNECTIONS: usize = 64;
/// Time limit of a connection, with one request and one answer.
const CONNECTION_TIMEOUT: Duration = Duration::from_secs(5);
/// The same for connections of pages, which do not count above. A browser has a few for each open page.
const MAX_PAGE_CONNECTIONS: usize = 64;
/// Time limit of a connection of a page. A page that stays up to date keeps one open, and its stream ends before.
const PAGE_CONNECTION_TIMEOUT: Duration = Duration::from_secs(3_700);
/// Pause after a failed accept, for example when file descriptors have run out.
const ACCEPT_AGAIN_AFTER: Duration = Duration::from_millis(100);

/// The answers. They wait for nobody.
pub trait Served: Send + Sync {
    /// How the process is.
    fn told(&self) -> Told;

    /// The metrics in the text format.
    fn metrics(&self) -> String;

    /// The page for people.
    fn page(&self) -> Option<&Within>;

    /// What only this process knows about its run, for a supervisor that asks.
    fn live(&self) -> Option<serde_json::Value> {
        None
    }
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
    /// The page of the run.
    pub(crate) page: Within,
}

impl Served for OfCrawl {
    fn told(&self) -> Told {
        told(&self.health)
    }

    fn metrics(&self) -> String {
        (self.metrics)()
    }

    fn page(&self) -> Option<&Within> {
        Some(&self.page)
    }
}

/// The answers of a crawl for the supervisor of its process, which has a page itself.
pub(crate) struct Supervised {
    pub(crate) health: Arc<Health>,
    /// The metrics in the text format.
    pub(crate) metrics: Box<dyn Fn() -> String + Send + Sync>,
}

impl Served for Supervised {
    fn told(&self) -> Told {
        told(&self.health)
    }

    fn metrics(&self) -> String {
        (self.metrics)()
    }

    fn page(&self) -> Option<&Within> {
        None
    }

    fn live(&self) -> Option<serde_json::Value> {
        page::live_run(&self.health).and_then(|live| serde_json::to_value(live).ok())
    }
}

fn told(health: &Health) -> Told {
    let verdict = health.verdict();
    Told {
        is_alive: verdict.state.is_alive(),
        is_ready: verdict.state.is_ready(),
        status: health.status(&verdict),
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
    /// When the address is taken, when its socket file cannot be made, and when the operating system gives no thread.
    pub fn start(address: &ListenAddr, served: impl Served + 'static) -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let listener = {
            let _inside = runtime.enter();
            address.bind()?
        };
        let address = listener.address()?;
        let (end, ended) = oneshot::channel();
        let is_for_people = served.page().is_some();
        let served: Arc<dyn Served> = Arc::new(served);
        let thread = Worker::spawn("listen", move || {
            runtime.block_on(async {
                tokio::select! {
                    () = accept(listener, Arc::clone(&served)) => {}
                    _ = ended => {}
                }
            });
            runtime.shutdown_background();
            if let Some(page) = served.page() {
                page.close();
            }
        })?;
        if is_for_people {
            tracing::info!(%address, "listening: /health /ready /status /metrics, and a page for people at /");
        }
        Ok(Self { _end: end, _thread: thread })
    }
}

/// An open connection.
struct Open {
    task: AbortHandle,
    is_page: Arc<AtomicBool>,
}

async fn accept(listener: Bound, served: Arc<dyn Served>) {
    let mut connections: VecDeque<Open> = VecDeque::new();
    loop {
        match listener.accept().await {
            Ok((stream, caller)) => {
                connections.retain(|open| !open.task.is_finished());
                end_oldest(&mut connections, true, MAX_PAGE_CONNECTIONS);
                end_oldest(&mut connections, false, MAX_CONNECTIONS);
                let is_page = Arc::new(AtomicBool::new(false));
                let task = tokio::spawn(serve(stream, caller, Arc::clone(&served), Arc::clone(&is_page)));
                connections.push_back(Open { task: task.abort_handle(), is_page });
            }
            Err(error) => {
                tracing::debug!(%error, "could not accept a connection");
                sleep(ACCEPT_AGAIN_AFTER).await;
            }
        }
    }
}

/// Ends the oldest connection of pages, or of others, if there are this many.
fn end_oldest(connections: &mut VecDeque<Open>, of_pages: bool, most: usize) {
    let is_one = |open: &Open| open.is_page.load(Ordering::Relaxed) == of_pages;
    if connections.iter().filter(|open| is_one(open)).count() >= most
        && let Some(oldest) = connections.iter().position(is_one)
        && let Some(open) = connections.remove(oldest)
    {
        open.task.abort();
    }
}

async fn serve(
    stream: Box<dyn Connection>,
    caller: Caller,
    served: Arc<dyn Served>,
    is_of_page: Arc<AtomicBool>,
) {
    let marked = Arc::clone(&is_of_page);
    let service = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(caller.clone());
        let (served, marked) = (Arc::clone(&served), Arc::clone(&marked));
        async move {
            let Some(page) = served.page().filter(|_| is_page(request.uri().path())) else {
                return Ok::<_, Infallible>(routes::answer(&*served, &request).map(Either::Left));
            };
            marked.store(true, Ordering::Relaxed);
            Ok(page.answer(request).await.map(Either::Right))
        }
    });
    let mut connection = pin!(
        http1::Builder::new()
            .timer(TokioTimer::new())
            .keep_alive(false)
            .serve_connection(TokioIo::new(stream), service)
    );
    // Ignore clients that are too slow or send nonsense.
    if timeout(CONNECTION_TIMEOUT, connection.as_mut()).await.is_err() && is_of_page.load(Ordering::Relaxed) {
        let _ = timeout(PAGE_CONNECTION_TIMEOUT, connection).await;
    }
}
