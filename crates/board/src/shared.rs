//! What all requests share: the board, and how many may be answered at once.

use std::sync::Arc;

use tokio::sync::Semaphore;

use crate::Board;
use crate::control::Controlled;
use crate::limits::{MAX_EVENT_STREAMS, MAX_REQUESTS};

/// See the module.
#[derive(Clone)]
pub(crate) struct Shared {
    pub(crate) board: Board,
    pub(crate) controlled: Option<Arc<Controlled>>,
    pub(crate) streams: Arc<Semaphore>,
    pub(crate) requests: Arc<Semaphore>,
}

impl Shared {
    pub(crate) fn of(board: &Board) -> Self {
        Self {
            board: board.clone(),
            controlled: board.controlled.clone(),
            streams: Arc::new(Semaphore::new(MAX_EVENT_STREAMS)),
            requests: Arc::new(Semaphore::new(MAX_REQUESTS)),
        }
    }
}
