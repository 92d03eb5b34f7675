//! A named thread that can be joined with a deadline.
//!
//! A `JoinHandle` has no timed join, and a thread that is stuck in user code must not hold up a stop. So a worker reports
//! its end over a channel, and a join has a deadline.

use std::any::Any;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread::Builder;
use std::time::Instant;

use crossbeam_channel::{Receiver, RecvTimeoutError, bounded};

/// A running thread.
#[derive(Debug)]
pub struct Worker<T> {
    name: String,
    end: Receiver<std::thread::Result<T>>,
}

/// Why a join returned no value.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum JoinError {
    /// The deadline came first. The thread is left behind.
    #[error("thread {0} is still running")]
    StillRunning(String),
    /// The thread panicked.
    #[error("thread {name} panicked: {message}")]
    Panicked {
        /// The thread.
        name: String,
        /// The panic's message.
        message: String,
    },
}

impl<T: Send + 'static> Worker<T> {
    /// Starts a thread.
    ///
    /// # Errors
    /// If the system gives no more threads.
    pub fn spawn(name: impl Into<String>, work: impl FnOnce() -> T + Send + 'static) -> io::Result<Self> {
        let name = name.into();
        let (sender, end) = bounded(1);
        Builder::new().name(name.clone()).spawn(move || {
            // Without a receiver, nobody waits any more.
            let _ = sender.send(catch_unwind(AssertUnwindSafe(work)));
        })?;
        Ok(Self { name, end })
    }

    /// Waits for the thread's end, until `deadline`.
    ///
    /// # Errors
    /// [`JoinError`] if the thread panicked or still runs.
    pub fn join_until(&self, deadline: Instant) -> Result<T, JoinError> {
        match self.end.recv_deadline(deadline) {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(panic)) => {
                Err(JoinError::Panicked { name: self.name.clone(), message: panic_message(panic.as_ref()) })
            }
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
                Err(JoinError::StillRunning(self.name.clone()))
            }
        }
    }

    /// A channel for `select!` that is ready when the thread has ended. Do not receive from it: the join takes the value.
    pub fn ended(&self) -> &Receiver<std::thread::Result<T>> {
        &self.end
    }

    /// The thread's name.
    pub fn name(&self) -> &str {
        &self.name
    }
}

/// The message of a panic.
pub fn panic_message(panic: &(dyn Any + Send)) -> String {
    panic
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "no message".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_join_brings_the_value_the_panic_or_the_deadline() {
        let later = || Instant::now() + Duration::from_secs(5);
        assert_eq!(Worker::spawn("ok", || 7).unwrap().join_until(later()), Ok(7));
        let panicked = Worker::spawn("bad", || -> u8 { panic!("no luck") }).unwrap().join_until(later());
        assert_eq!(
            panicked,
            Err(JoinError::Panicked { name: "bad".to_owned(), message: "no luck".to_owned() })
        );
        let (_keep, never) = bounded::<()>(0);
        let stuck = Worker::spawn("stuck", move || never.recv().is_ok()).unwrap();
        assert_eq!(stuck.join_until(Instant::now()), Err(JoinError::StillRunning("stuck".to_owned())));
    }
}
