//! What was done, by whom, and how it ended. The last actions of this process are kept in memory; the log has all of them.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::Utc;
use dragline_core::value::timestamp_text;
use dragline_core::worker::Worker;
use serde::{Deserialize, Serialize};
use tokio::sync::{Semaphore, oneshot};
use tokio::time::timeout;

use super::action::{Action, ActionRefused, Control};
use crate::answer::Refused;
use crate::read::{Answer, shown};

/// Actions that are remembered.
const MAX_KEPT: usize = 50;
/// Actions that may be under way at once.
const MAX_AT_ONCE: usize = 4;
/// A request waits for its action for this long. After that, the action goes on, and its page says how it ends.
const WAIT: Duration = Duration::from_secs(8);

/// The actions.
pub(crate) struct Journal {
    entries: Arc<Mutex<Entries>>,
    at_once: Arc<Semaphore>,
}

#[derive(Default)]
struct Entries {
    next: u64,
    kept: VecDeque<Entry>,
}

struct Entry {
    view: ActionView,
    action: Action,
    /// Requests with the same key are the same request.
    key: Option<String>,
}

/// An action, and what became of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ActionView {
    /// Its number in this process.
    pub(crate) id: u64,
    /// What was asked for.
    pub(crate) action: String,
    /// The schedule that it is about.
    pub(crate) schedule: Option<String>,
    /// The run that it is about.
    pub(crate) run_id: Option<i64>,
    /// The person or program that asked.
    pub(crate) who: String,
    /// When.
    pub(crate) at: String,
    /// `running`, `done` or `refused`.
    pub(crate) state: String,
    /// What was done, or why not.
    pub(crate) text: Option<String>,
    /// What to do about it.
    pub(crate) hint: Option<String>,
}

impl Default for Journal {
    fn default() -> Self {
        Self { entries: Arc::default(), at_once: Arc::new(Semaphore::new(MAX_AT_ONCE)) }
    }
}

impl Journal {
    /// Does it, unless a request with this key has done it already. Returns how it stands after a moment.
    pub(crate) async fn act(
        &self,
        control: &Arc<dyn Control>,
        action: Action,
        who: &str,
        key: Option<String>,
    ) -> Answer<ActionView> {
        let (id, permit) = {
            let mut entries = lock(&self.entries);
            let same = |entry: &&Entry| key.is_some() && entry.key == key && entry.view.who == who;
            if let Some(earlier) = entries.kept.iter().find(same) {
                if earlier.action != action {
                    return Err(Refused::new(
                        http::StatusCode::CONFLICT,
                        "this key was used for another action",
                    )
                    .hint("use a new Idempotency-Key for each action"));
                }
                return shown(&earlier.view);
            }
            let Ok(permit) = Arc::clone(&self.at_once).try_acquire_owned() else {
                let refused = Refused::new(
                    http::StatusCode::SERVICE_UNAVAILABLE,
                    format!("{MAX_AT_ONCE} actions are under way"),
                );
                return Err(refused.hint("try it again when one of them has ended"));
            };
            (entries.begin(&action, who, key), permit)
        };
        tracing::info!(
            who,
            action = action.name(),
            schedule = action.schedule(),
            run_id = action.run_id(),
            "asked for on the page"
        );
        let (sender, ended) = oneshot::channel();
        let (entries, control, asked_by) = (Arc::clone(&self.entries), Arc::clone(control), who.to_owned());
        let started = Worker::spawn("action", move || {
            let done = control.act(&action, &asked_by);
            tell(&action, &asked_by, &done);
            lock(&entries).end(id, done);
            drop(permit);
            let _ = sender.send(());
        });
        if let Err(error) = started {
            let what = format!("the operating system refuses a thread: {error}");
            lock(&self.entries).end(id, Err(ActionRefused { what, hint: None }));
        }
        let _ = timeout(WAIT, ended).await;
        self.find(id)
    }

    pub(crate) fn find(&self, id: u64) -> Answer<ActionView> {
        let entries = lock(&self.entries);
        let found = entries.kept.iter().find(|entry| entry.view.id == id);
        let found = found.ok_or_else(|| {
            Refused::missing("there is no such action").hint("the last actions are listed at /actions")
        })?;
        shown(&found.view)
    }

    /// The last actions, the newest first.
    pub(crate) fn list(&self) -> Answer<Vec<ActionView>> {
        let entries = lock(&self.entries);
        shown(&entries.kept.iter().rev().map(|entry| entry.view.clone()).collect::<Vec<_>>())
    }
}

impl Entries {
    fn begin(&mut self, action: &Action, who: &str, key: Option<String>) -> u64 {
        self.next += 1;
        let view = ActionView {
            id: self.next,
            action: action.name().to_owned(),
            schedule: action.schedule().map(str::to_owned),
            run_id: action.run_id(),
            who: who.to_owned(),
            at: timestamp_text(&Utc::now()),
            state: "running".to_owned(),
            text: None,
            hint: None,
        };
        if self.kept.len() >= MAX_KEPT {
            self.kept.pop_front();
        }
        self.kept.push_back(Entry { view, action: action.clone(), key });
        self.next
    }

    fn end(&mut self, id: u64, done: Result<String, ActionRefused>) {
        let Some(entry) = self.kept.iter_mut().find(|entry| entry.view.id == id) else { return };
        let (state, text, hint) = match done {
            Ok(text) => ("done", text, None),
            Err(refused) => ("refused", refused.what, refused.hint),
        };
        (entry.view.state, entry.view.text, entry.view.hint) =
            (state.to_owned(), Some(text.trim().to_owned()), hint);
    }
}

fn tell(action: &Action, who: &str, done: &Result<String, ActionRefused>) {
    let (name, schedule, run_id) = (action.name(), action.schedule(), action.run_id());
    match done {
        Ok(text) => {
            let text = text.trim().replace('\n', "; ");
            tracing::info!(who, action = name, schedule, run_id, "done: {text}");
        }
        Err(refused) => {
            tracing::warn!(
                who,
                action = name,
                schedule,
                run_id,
                hint = refused.hint,
                "refused: {}",
                refused.what
            );
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    /// Counts what it is asked for.
    #[derive(Default)]
    struct Counts(AtomicUsize);

    impl Control for Counts {
        fn act(&self, action: &Action, _who: &str) -> Result<String, ActionRefused> {
            self.0.fetch_add(1, Ordering::Relaxed);
            match action {
                Action::RunNow { .. } => Ok("done\n".to_owned()),
                _ => Err(ActionRefused { what: "no".to_owned(), hint: None }),
            }
        }
    }

    #[tokio::test]
    async fn the_same_request_is_done_once() {
        let (journal, counts) = (Journal::default(), Arc::new(Counts::default()));
        let control: Arc<dyn Control> = counts.clone();
        let run = || Action::RunNow { schedule: "n".to_owned() };
        let key = || Some("k".to_owned());
        let first = journal.act(&control, run(), "ann", key()).await.unwrap();
        assert_eq!((first.state.as_str(), first.text.as_deref()), ("done", Some("done")));
        assert_eq!(journal.act(&control, run(), "ann", key()).await.unwrap(), first);
        let other = Action::Cancel { run_id: 1 };
        assert_eq!(journal.act(&control, other.clone(), "ann", key()).await.unwrap_err().status, 409);
        assert_eq!(counts.0.load(Ordering::Relaxed), 1);
        // Another person may have the same key, and without a key, each request counts.
        assert_eq!(journal.act(&control, other, "bob", key()).await.unwrap().state, "refused");
        for _ in 0..2 * MAX_KEPT {
            journal.act(&control, run(), "ann", None).await.unwrap();
        }
        assert_eq!(journal.list().unwrap().len(), MAX_KEPT);
        assert!(journal.find(first.id).is_err());
    }
}
