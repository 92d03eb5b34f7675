//! What each crawl thread does right now, for the diagnosis of a thread that does not end.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

/// One line per crawl thread. Clones share it.
#[derive(Clone, Debug)]
pub struct ActivityBoard(Arc<[Mutex<Option<Activity>>]>);

/// A page in user code.
#[derive(Clone, Debug)]
pub struct Activity {
    /// The page's URL.
    pub url: String,
    /// Since when.
    pub since: Instant,
}

impl ActivityBoard {
    /// A board for `threads` threads, all idle.
    pub fn new(threads: usize) -> Self {
        Self((0..threads).map(|_| Mutex::new(None)).collect())
    }

    /// Thread `index` begins (`Some(url)`) or ends (`None`) a page.
    pub fn set(&self, index: usize, url: Option<&str>) {
        let activity = url.map(|url| Activity { url: url.to_owned(), since: Instant::now() });
        if let Some(line) = self.0.get(index) {
            *line.lock().unwrap_or_else(PoisonError::into_inner) = activity;
        }
    }

    /// What thread `index` does.
    pub fn get(&self, index: usize) -> Option<Activity> {
        self.0.get(index).and_then(|line| line.lock().unwrap_or_else(PoisonError::into_inner).clone())
    }
}
