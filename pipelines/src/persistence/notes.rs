//! Notes of how long not to ask hosts, on their way to the store. Only the latest note of each host is kept.
//!
//! One task at a time writes the notes, at most once a second, in parallel with the flushes. During an outage the notes
//! wait here and are tried again a second later.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use dragline_core::HostNote;
use dragline_core::host_note::MAX_HOST_NOTES;
use dragline_core::store::{RunKey, StoreError};
use tracing::debug;

use super::context::PersistenceContext;
use super::outage::chain;

/// The time between two writes.
pub(super) const NOTE_EVERY: Duration = Duration::from_secs(1);

/// Notes that wait to be written, by host. It keeps no more hosts than a run is opened with.
#[derive(Debug, Default)]
pub(super) struct HostNotes(Mutex<BTreeMap<String, HostNote>>);

impl HostNotes {
    /// Adds a note. It replaces an older note of the same host.
    pub(super) fn put(&self, note: HostNote) {
        let mut notes = self.lock();
        if notes.len() < MAX_HOST_NOTES as usize || notes.contains_key(&note.host) {
            notes.insert(note.host.clone(), note);
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.lock().is_empty()
    }

    fn take(&self) -> Vec<HostNote> {
        std::mem::take(&mut *self.lock()).into_values().collect()
    }

    /// Puts back notes that were not written, except for hosts that have a newer one.
    fn put_back(&self, unwritten: Vec<HostNote>) {
        let mut notes = self.lock();
        for note in unwritten {
            if let Entry::Vacant(place) = notes.entry(note.host.clone()) {
                place.insert(note);
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, HostNote>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Writes the notes that wait. A failure is not reported, because the flushes report an outage. It does end the crawl if
/// another process owns the run.
pub(super) async fn write(context: Arc<PersistenceContext>, run: Arc<RunKey>, notes: Arc<HostNotes>) {
    let mut unwritten = UnwrittenNotes { waiting: notes.take(), notes };
    if unwritten.waiting.is_empty() {
        return;
    }
    match context.store.note_hosts(&run, &unwritten.waiting).await {
        Ok(()) => unwritten.waiting.clear(),
        Err(error @ StoreError::Superseded { .. }) => context.fail(error),
        Err(error) => debug!(error = chain(&error), "the pauses of hosts were not written"),
    }
}

/// Puts its notes back when the write fails or is aborted. The thread writes the remaining notes when it closes.
struct UnwrittenNotes {
    waiting: Vec<HostNote>,
    notes: Arc<HostNotes>,
}

impl Drop for UnwrittenNotes {
    fn drop(&mut self) {
        self.notes.put_back(std::mem::take(&mut self.waiting));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn note(host: &str, seconds: u64) -> HostNote {
        HostNote::kept(host.to_owned(), None, None, Some(Duration::from_secs(seconds)), None)
    }

    #[test]
    fn of_each_host_the_latest_is_kept() {
        let notes = HostNotes::default();
        notes.put(note("a:80", 1));
        notes.put(note("a:80", 2));
        let taken = notes.take();
        assert_eq!(taken, [note("a:80", 2)]);
        notes.put(note("b:80", 1));
        notes.put_back(vec![note("a:80", 2), note("b:80", 9)]);
        assert_eq!(notes.take(), [note("a:80", 2), note("b:80", 1)]);
        assert!(notes.is_empty());
    }
}
