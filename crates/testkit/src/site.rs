//! Test sites: HTTP/1.1 on loopback with plain threads. Answers can be slow, stalled, cut off or wrong, and each site has
//! a log of its requests.
//!
//! ```
//! use dragline_testkit::{Answer, Site};
//!
//! let site = Site::builder()
//!     .page("/", Answer::html("<a href='/next'>next</a>"))
//!     .page("/old", Answer::redirect(301, "/"))
//!     .start();
//! assert_eq!(site.hits("/"), 0);
//! assert!(site.url("/next").starts_with("http://127.0.0.1:"));
//! ```

mod answer;
pub mod bookshop;
mod generated;
mod members;
pub mod mixwiki;
mod serve;
mod wire;

use std::collections::{BTreeMap, HashMap};
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

pub use answer::Answer;
pub use members::MEMBER;
pub use wire::Received;

/// A running site. It ends when dropped.
#[derive(Debug)]
pub struct Site {
    address: SocketAddr,
    shared: Arc<SiteShared>,
    truth: BTreeMap<String, String>,
    accept: Option<serve::Accept>,
}

/// Builds a site.
#[derive(Default)]
pub struct SiteBuilder {
    pages: HashMap<String, Vec<Answer>>,
    handler: Option<Handler>,
    delay: Duration,
    bind: Option<String>,
    titles: BTreeMap<String, String>,
}

/// Answers requests for paths that are not listed. `None` means 404.
type Handler = Box<dyn Fn(&Received) -> Option<Answer> + Send + Sync>;

/// The state that all connections of a site share.
struct SiteShared {
    state: Mutex<SiteState>,
    /// Signals that the gate opens or that a request arrives at it.
    gate: Condvar,
    handler: Option<Handler>,
    delay: Duration,
}

/// Which requests wait at the gate.
#[derive(Default, PartialEq, Eq)]
enum Held {
    #[default]
    Nobody,
    /// Requests for one path.
    Path(String),
    /// All requests after the first ones, of which this number is left.
    After(usize),
    Everybody,
}

#[derive(Default)]
struct SiteState {
    pages: HashMap<String, Vec<Answer>>,
    received: Vec<Received>,
    hits: HashMap<String, usize>,
    held: Held,
    appended: String,
    waiting: usize,
    busiest: usize,
    busy: usize,
    closed: bool,
}

impl Site {
    /// Begins a site.
    pub fn builder() -> SiteBuilder {
        SiteBuilder::default()
    }

    /// A site of `pages` pages with known truth: see [`Site::truth`]. Every page is reached from `/`.
    pub fn generated(pages: usize, links_per_page: usize) -> Self {
        Self::builder().generated(pages, links_per_page).start()
    }

    /// The URL of a path.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// `host:port`, the unit of politeness.
    pub fn host(&self) -> String {
        self.address.to_string()
    }

    /// URL → title of every page of a generated site.
    pub fn truth(&self) -> &BTreeMap<String, String> {
        &self.truth
    }

    /// How often this path was requested, including its query.
    pub fn hits(&self, path: &str) -> usize {
        self.shared.lock().hits.get(path).copied().unwrap_or_default()
    }

    /// The number of all requests, without robots.txt.
    pub fn total_hits(&self) -> usize {
        let state = self.shared.lock();
        state.hits.iter().filter(|(path, _)| *path != "/robots.txt").map(|(_, hits)| hits).sum()
    }

    /// All requests, in the order of arrival.
    pub fn received(&self) -> Vec<Received> {
        self.shared.lock().received.clone()
    }

    /// The largest number of requests that were under way at the same time.
    pub fn busiest(&self) -> usize {
        self.shared.lock().busiest
    }

    /// Sets what a path answers from now on.
    pub fn set(&self, path: &str, answer: Answer) {
        self.shared.lock().pages.insert(path.to_owned(), vec![answer]);
    }

    /// Sets the answers of a path from now on, one after the other. The last one is repeated.
    pub fn set_answers(&self, path: &str, answers: impl IntoIterator<Item = Answer>) {
        let mut state = self.shared.lock();
        state.pages.insert(path.to_owned(), answers.into_iter().collect());
        state.hits.remove(path);
    }

    /// From now on, every page that exists ends with this text, until you set another one.
    pub fn append(&self, text: &str) {
        text.clone_into(&mut self.shared.lock().appended);
    }

    /// Closes the gate. Requests are logged, and then wait for their answers.
    pub fn hold(&self) {
        self.shared.lock().held = Held::Everybody;
    }

    /// Closes the gate for only one path. A crawl that needs its page goes on, but cannot end.
    pub fn hold_page(&self, path: &str) {
        self.shared.lock().held = Held::Path(path.to_owned());
        // Wakes the requests that wait for another path.
        self.shared.gate.notify_all();
    }

    /// Lets this number of further requests pass and then closes the gate. So a crawl always gets exactly this far, on any
    /// machine. Requests that already wait also pass and do not count. A request for robots.txt does count.
    pub fn hold_after(&self, more: usize) {
        let mut state = self.shared.lock();
        state.held = Held::After(state.received.len() + more);
        self.shared.gate.notify_all();
    }

    /// Opens the gate, and waits until every request has passed it. So a later [`hold`](Self::hold) finds nobody there whose
    /// client may be gone.
    pub fn release(&self) {
        let mut state = self.shared.lock();
        state.held = Held::Nobody;
        self.shared.gate.notify_all();
        let passed = self.shared.gate.wait_while(state, |state| state.waiting > 0);
        drop(passed.unwrap_or_else(PoisonError::into_inner));
    }

    /// How many requests wait at the gate.
    pub fn waiting(&self) -> usize {
        self.shared.lock().waiting
    }
}

impl SiteBuilder {
    /// Sets the answer of a path.
    #[must_use]
    pub fn page(self, path: &str, answer: Answer) -> Self {
        self.answers(path, [answer])
    }

    /// Sets the answers of a path, one after the other. The last one is repeated.
    #[must_use]
    pub fn answers(mut self, path: &str, answers: impl IntoIterator<Item = Answer>) -> Self {
        self.pages.insert(path.to_owned(), answers.into_iter().collect());
        self
    }

    /// Sets the site's robots.txt. Without it, the answer is 404.
    #[must_use]
    pub fn robots(self, text: &str) -> Self {
        self.page("/robots.txt", Answer::text(text))
    }

    /// Sets the answers for paths that are not listed. `None` means 404.
    #[must_use]
    pub fn handler(mut self, handler: impl Fn(&Received) -> Option<Answer> + Send + Sync + 'static) -> Self {
        self.handler = Some(Box::new(handler));
        self
    }

    /// Sets a delay before every answer.
    #[must_use]
    pub fn delay(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }

    /// Sets another address than 127.0.0.1. Linux answers on all of 127.0.0.0/8, so a test can have many hosts. You may
    /// also give a port.
    #[must_use]
    pub fn bind(mut self, address: &str) -> Self {
        self.bind = Some(address.to_owned());
        self
    }

    /// Starts it.
    ///
    /// # Panics
    /// If no port is free.
    pub fn start(self) -> Site {
        let bind = self.bind.unwrap_or_else(|| "127.0.0.1".to_owned());
        let bind = if bind.contains(':') { bind } else { format!("{bind}:0") };
        let listener = TcpListener::bind(&bind).unwrap_or_else(|error| panic!("{bind}: {error}"));
        let address = listener.local_addr().expect("the site's address");
        let shared = Arc::new(SiteShared {
            state: Mutex::new(SiteState { pages: self.pages, ..SiteState::default() }),
            gate: Condvar::new(),
            handler: self.handler,
            delay: self.delay,
        });
        let truth =
            self.titles.into_iter().map(|(path, title)| (format!("http://{address}{path}"), title)).collect();
        let accept = Some(serve::Accept::start(listener, address, Arc::clone(&shared)));
        Site { address, shared, truth, accept }
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        self.shared.lock().closed = true;
        self.shared.gate.notify_all();
        if let Some(accept) = self.accept.take() {
            accept.end(self.address);
        }
    }
}

impl SiteState {
    /// Whether a request for this path waits that came as this number.
    fn holds(&self, path: &str, number: usize) -> bool {
        match &self.held {
            Held::Nobody => false,
            Held::Path(held) => held == path,
            Held::After(first) => number > *first,
            Held::Everybody => true,
        }
    }
}

impl SiteShared {
    fn lock(&self) -> MutexGuard<'_, SiteState> {
        // A panic in a test's handler must not hide behind a poisoned lock.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for SiteShared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SiteShared").field("received", &self.lock().received.len()).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for SiteBuilder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SiteBuilder").field("pages", &self.pages.len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
