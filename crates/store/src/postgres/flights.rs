//! Flushes that are under way, and how they are cancelled.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use dragline_core::StoreError;
use dragline_core::store::StoreResult;
use futures_util::future::join_all;
use tokio::sync::Notify;

use super::errors::is_cancel;
use super::tasks::{Canceller, cancel};

/// All flushes under way.
#[derive(Default)]
pub(super) struct Flights {
    under_way: Mutex<HashMap<u64, Arc<FlightState>>>,
    next: std::sync::atomic::AtomicU64,
}

#[derive(Default)]
struct FlightState {
    cancelled: AtomicBool,
    told: Notify,
    token: Mutex<Option<Canceller>>,
}

/// One flush under way. It ends when this is dropped.
pub(super) struct Flight<'a> {
    flights: &'a Flights,
    number: u64,
    state: Arc<FlightState>,
}

impl Flights {
    /// Registers a flush.
    pub(super) fn begin(&self) -> Flight<'_> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let state = Arc::<FlightState>::default();
        self.under_way().insert(number, Arc::clone(&state));
        Flight { flights: self, number, state }
    }

    /// Cancels all of them, here and at the server. Returns how many there were.
    pub(super) async fn cancel_all(&self) -> usize {
        let states: Vec<_> = self.under_way().values().cloned().collect();
        for state in &states {
            state.cancelled.store(true, Ordering::Release);
            state.told.notify_one();
        }
        let tokens = states.iter().filter_map(|state| state.token().clone());
        join_all(tokens.map(cancel)).await;
        states.len()
    }

    fn under_way(&self) -> std::sync::MutexGuard<'_, HashMap<u64, Arc<FlightState>>> {
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl FlightState {
    fn token(&self) -> std::sync::MutexGuard<'_, Option<Canceller>> {
        self.token.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Flight<'_> {
    /// Waits for something outside the server, unless the flush is cancelled first.
    pub(super) async fn unless_cancelled<T>(
        &self,
        work: impl Future<Output = StoreResult<T>>,
    ) -> StoreResult<T> {
        tokio::select! {
            biased;
            () = self.state.told.notified() => Err(StoreError::Cancelled),
            done = work => done,
        }
    }

    /// From now on, the server can cancel this flush.
    pub(super) fn cancel_with(&self, canceller: Canceller) {
        *self.state.token() = Some(canceller);
    }

    /// Call this between two statements, because a request to cancel may have arrived while no statement was
    /// running.
    pub(super) fn check(&self) -> StoreResult<()> {
        if self.is_cancelled() { Err(StoreError::Cancelled) } else { Ok(()) }
    }

    /// Whether it was cancelled.
    pub(super) fn is_cancelled(&self) -> bool {
        self.state.cancelled.load(Ordering::Acquire)
    }

    /// If we asked for it, the server's "canceling statement" is our cancellation. Otherwise it is the time limit
    /// of the statement.
    pub(super) fn explain(&self, error: StoreError) -> StoreError {
        if self.is_cancelled() && is_cancel(&error) { StoreError::Cancelled } else { error }
    }
}

impl Drop for Flight<'_> {
    fn drop(&mut self) {
        self.flights.under_way().remove(&self.number);
    }
}
