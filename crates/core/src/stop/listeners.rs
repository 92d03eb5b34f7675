//! Tells others that a level is raised: it calls listeners and wakes tasks.
//!
//! One lock covers both steps of raising (raise the level, see who listens) and both steps of registering
//! (register, look at the level). So a level that is raised at the same moment always reaches the newcomer. Nobody
//! is called while the lock is held: a listener may use the stop.

use std::collections::HashMap;
use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use super::level::Level;

type Listener = Arc<dyn Fn() + Send + Sync>;

/// Everybody who listens to one stop.
#[derive(Default)]
pub(super) struct Listeners(Mutex<Registered>);

#[derive(Default)]
struct Registered {
    listeners: Vec<Listener>,
    /// The tasks that await a level, by the number of their future.
    wakers: HashMap<u64, Waker>,
    last_number: u64,
}

/// Resolves when a level of a [`Stop`](super::Stop) is raised. Dropping it unregisters the task.
#[must_use = "a future does nothing unless it is awaited"]
pub struct UntilRaised<'a> {
    listeners: &'a Listeners,
    level: &'a Level,
    number: Option<u64>,
}

impl Listeners {
    /// Raises `level`, once, and tells everybody.
    pub(super) fn raise(&self, level: &Level) {
        let mut registered = self.lock();
        if !level.raise() {
            return;
        }
        let listeners = registered.listeners.clone();
        let wakers = std::mem::take(&mut registered.wakers);
        drop(registered);
        wakers.into_values().for_each(Waker::wake);
        for listener in listeners {
            listener();
        }
    }

    /// Registers `listener`. Calls it once now if `first_level` is raised.
    pub(super) fn add(&self, listener: impl Fn() + Send + Sync + 'static, first_level: &Level) {
        let listener: Listener = Arc::new(listener);
        let mut registered = self.lock();
        registered.listeners.push(Arc::clone(&listener));
        let is_late = first_level.is_raised();
        drop(registered);
        if is_late {
            listener();
        }
    }

    /// A future that resolves when `level` is raised.
    pub(super) fn until<'a>(&'a self, level: &'a Level) -> UntilRaised<'a> {
        UntilRaised { listeners: self, level, number: None }
    }

    fn lock(&self) -> MutexGuard<'_, Registered> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Future for UntilRaised<'_> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let mut registered = self.listeners.lock();
        if self.level.is_raised() {
            return Poll::Ready(());
        }
        let number = self.number.unwrap_or_else(|| {
            registered.last_number += 1;
            registered.last_number
        });
        registered.wakers.insert(number, context.waker().clone());
        drop(registered);
        self.number = Some(number);
        Poll::Pending
    }
}

impl Drop for UntilRaised<'_> {
    fn drop(&mut self) {
        if let Some(number) = self.number {
            self.listeners.lock().wakers.remove(&number);
        }
    }
}

impl fmt::Debug for UntilRaised<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "UntilRaised({})", self.level.is_raised())
    }
}
