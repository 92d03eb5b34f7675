//! Test sites: HTTP/1.1 on loopback with plain threads, answers that can be slow, stalled, cut off or wrong,
//! and a log of what was asked.
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
    shared: Arc<Shared>,
    truth: BTreeMap<String, String>,
    accept: Option<serve::Accept>,
}

/// Puts a site together.
#[derive(Default)]
pub struct SiteBuilder {
    pages: HashMap<String, Vec<Answer>>,
    handler: Option<Handler>,
    delay: Duration,
    bind: Option<String>,
    titles: BTreeMap<String, String>,
}

/// Answers requests for paths that are not listed; `None` is 404.
type Handler = Box<dyn Fn(&Received) -> Option<Answer> + Send + Sync>;

/// What all connections of a site share.
struct Shared {
    state: Mutex<State>,
    /// Told when the gate opens and when a request arrives at it.
    gate: Condvar,
    handler: Option<Handler>,
    delay: Duration,
}

/// Whom the gate keeps waiting.
#[derive(Default, PartialEq, Eq)]
enum Held {
    #[default]
    Nobody,
    /// Requests for one path.
    Path(String),
    /// All but so many requests, the first ones.
    After(usize),
    Everybody,
}

#[derive(Default)]
struct State {
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

    /// How often this path was asked for, query included.
    pub fn hits(&self, path: &str) -> usize {
        self.shared.lock().hits.get(path).copied().unwrap_or_default()
    }

    /// How many requests came in all, robots.txt aside.
    pub fn total_hits(&self) -> usize {
        let state = self.shared.lock();
        state.hits.iter().filter(|(path, _)| *path != "/robots.txt").map(|(_, hits)| hits).sum()
    }

    /// Everything that was asked, in order of arrival.
    pub fn received(&self) -> Vec<Received> {
        self.shared.lock().received.clone()
    }

    /// The most requests that were being answered at one time.
    pub fn busiest(&self) -> usize {
        self.shared.lock().busiest
    }

    /// Sets what a path answers from now on.
    pub fn set(&self, path: &str, answer: Answer) {
        self.shared.lock().pages.insert(path.to_owned(), vec![answer]);
    }

    /// Sets what a path answers from now on, one after the other; the last one from then on.
    pub fn set_answers(&self, path: &str, answers: impl IntoIterator<Item = Answer>) {
        let mut state = self.shared.lock();
        state.pages.insert(path.to_owned(), answers.into_iter().collect());
        state.hits.remove(path);
    }

    /// Every page that is found ends with this text from now on, until another is given.
    pub fn append(&self, text: &str) {
        text.clone_into(&mut self.shared.lock().appended);
    }

    /// Closes the gate: requests are noted, and then wait with their answers.
    pub fn hold(&self) {
        self.shared.lock().held = Held::Everybody;
    }

    /// Closes the gate for one path only: a crawl that needs its page goes on, and does not come to its end.
    pub fn hold_page(&self, path: &str) {
        self.shared.lock().held = Held::Path(path.to_owned());
        // Those who wait for another path.
        self.shared.gate.notify_all();
    }

    /// Lets so many more requests pass and closes the gate behind them: a crawl comes that far and no further, on
    /// any machine. Those who wait already pass, too, and do not count; robots.txt does.
    pub fn hold_after(&self, more: usize) {
        let mut state = self.shared.lock();
        state.held = Held::After(state.received.len() + more);
        self.shared.gate.notify_all();
    }

    /// Opens the gate.
    pub fn release(&self) {
        self.shared.lock().held = Held::Nobody;
        self.shared.gate.notify_all();
    }

    /// How many requests wait at the gate.
    pub fn waiting(&self) -> usize {
        self.shared.lock().waiting
    }
}

impl SiteBuilder {
    /// What a path answers, every time.
    #[must_use]
    pub fn page(self, path: &str, answer: Answer) -> Self {
        self.answers(path, [answer])
    }

    /// What a path answers, one after the other; the last one from then on.
    #[must_use]
    pub fn answers(mut self, path: &str, answers: impl IntoIterator<Item = Answer>) -> Self {
        self.pages.insert(path.to_owned(), answers.into_iter().collect());
        self
    }

    /// The site's robots.txt; without it the answer is 404.
    #[must_use]
    pub fn robots(self, text: &str) -> Self {
        self.page("/robots.txt", Answer::text(text))
    }

    /// Answers for paths that are not listed; `None` is 404.
    #[must_use]
    pub fn handler(mut self, handler: impl Fn(&Received) -> Option<Answer> + Send + Sync + 'static) -> Self {
        self.handler = Some(Box::new(handler));
        self
    }

    /// A delay before every answer.
    #[must_use]
    pub fn delay(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }

    /// Another address than 127.0.0.1: Linux answers on all of 127.0.0.0/8, so that a test can have many
    /// hosts. With a port it is that port.
    #[must_use]
    pub fn bind(mut self, address: &str) -> Self {
        self.bind = Some(address.to_owned());
        self
    }

    /// Starts it.
    ///
    /// # Panics
    /// When there is no free port.
    pub fn start(self) -> Site {
        let bind = self.bind.unwrap_or_else(|| "127.0.0.1".to_owned());
        let bind = if bind.contains(':') { bind } else { format!("{bind}:0") };
        let listener = TcpListener::bind(&bind).unwrap_or_else(|error| panic!("{bind}: {error}"));
        let address = listener.local_addr().expect("the site's address");
        let shared = Arc::new(Shared {
            state: Mutex::new(State { pages: self.pages, ..State::default() }),
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

impl State {
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

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        // A panic in a test's handler must not hide behind a poisoned lock.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared").field("received", &self.lock().received.len()).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for SiteBuilder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SiteBuilder").field("pages", &self.pages.len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
