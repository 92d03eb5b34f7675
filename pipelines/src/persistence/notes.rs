//! What hosts were told to wait, on its way to the store: of each host the latest, whatever happened meanwhile.
//!
//! It is written as soon as it is there and at most once a second, by one task at a time, beside the flushes. In an
//! outage it waits here; the next second tries again.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use dragline_core::HostNote;
use dragline_core::host_note::MAX_HOST_NOTES;
use dragline_core::store::{RunKey, StoreError};
use tracing::debug;

use super::context::Context;
use super::outage::chain;

/// Between two writes.
pub(super) const NOTE_EVERY: Duration = Duration::from_secs(1);

/// Notes that wait to be written, by host. More hosts than a run is opened with are not kept.
#[derive(Debug, Default)]
pub(super) struct HostNotes(Mutex<BTreeMap<String, HostNote>>);

impl HostNotes {
    /// The newest note of a host takes the place of an older one.
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

    /// Notes that were not written, but for hosts of which there is news.
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

/// Writes what waits. A failure is no news, for the flushes tell of an outage; another owner of the run is.
pub(super) async fn write(context: Arc<Context>, run: Arc<RunKey>, notes: Arc<HostNotes>) {
    let mut unwritten = Unwritten { waiting: notes.take(), notes };
    if unwritten.waiting.is_empty() {
        return;
    }
    match context.store.note_hosts(&run, &unwritten.waiting).await {
        Ok(()) => unwritten.waiting.clear(),
        Err(error @ StoreError::Superseded { .. }) => context.fail(error),
        Err(error) => debug!(error = chain(&error), "what hosts were told to wait was not written"),
    }
}

/// Goes back to the others when the write fails or is aborted: the thread writes what is left when it closes.
struct Unwritten {
    waiting: Vec<HostNote>,
    notes: Arc<HostNotes>,
}

impl Drop for Unwritten {
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
