//! The way back: from the persistence thread to the scheduler.

use dragline_core::{ReceiptSink, StoreEvent};
use tokio::sync::mpsc;

/// Events that may wait for the scheduler, which takes all that wait in one turn. Flushes are few and large.
const CAPACITY: usize = 64;

/// The persistence thread's end. Dropping it tells the scheduler that this thread is gone.
#[derive(Debug)]
pub struct ReceiptSender(mpsc::Sender<StoreEvent>);

/// The scheduler's end.
#[derive(Debug)]
pub struct ReceiptReceiver(pub(crate) mpsc::Receiver<StoreEvent>);

/// A bounded channel for receipts and refills.
pub fn receipt_channel() -> (ReceiptSender, ReceiptReceiver) {
    let (sender, receiver) = mpsc::channel(CAPACITY);
    (ReceiptSender(sender), ReceiptReceiver(receiver))
}

impl ReceiptSink for ReceiptSender {
    /// Delivers an event; after the scheduler's end it is dropped, for then nobody needs it.
    ///
    /// # Panics
    /// When called from within a tokio runtime: it is meant for a plain thread, which may wait.
    fn deliver(&self, event: StoreEvent) {
        // An error means that the scheduler has ended.
        let _ = self.0.blocking_send(event);
    }
}
