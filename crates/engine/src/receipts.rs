//! The way back, from the persistence thread to the scheduler.
//!
//! The two ends differ. The sender may be a plain thread or a task of another runtime, and the receiver is a task that must not
//! block. So it is a crossbeam channel with a bell.

use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::{Receiver, SendTimeoutError, Sender, TryRecvError, bounded};
use dragline_core::{ReceiptSink, StoreEvent};
use tokio::sync::Notify;

/// Events that may wait for the scheduler. It takes all of them in one turn, and flushes are few and large.
const CAPACITY: usize = 64;
/// A turn of the scheduler takes milliseconds. If one takes this long, the scheduler is stuck, and it must not hold up the
/// stop of the persistence thread as well.
const PATIENCE: Duration = Duration::from_secs(5);

/// The persistence thread's end. Dropping it tells the scheduler that this thread is gone.
#[derive(Debug)]
pub struct ReceiptSender {
    /// Present until the drop.
    events: Option<Sender<StoreEvent>>,
    bell: Arc<Notify>,
}

/// The scheduler's end.
#[derive(Debug)]
pub struct ReceiptReceiver {
    events: Receiver<StoreEvent>,
    bell: Arc<Notify>,
}

/// A bounded channel for receipts and refills.
pub fn receipt_channel() -> (ReceiptSender, ReceiptReceiver) {
    let (sender, receiver) = bounded(CAPACITY);
    let bell = Arc::new(Notify::new());
    (
        ReceiptSender { events: Some(sender), bell: Arc::clone(&bell) },
        ReceiptReceiver { events: receiver, bell },
    )
}

impl ReceiptSink for ReceiptSender {
    /// Delivers an event. If the channel is full, this waits for the scheduler's next turn. After the end of the scheduler the
    /// event is dropped, because nobody needs it then.
    fn deliver(&self, event: StoreEvent) {
        let Some(events) = &self.events else { return };
        if let Err(SendTimeoutError::Timeout(_)) = events.send_timeout(event, PATIENCE) {
            tracing::error!(
                waited_ms = PATIENCE.as_millis(),
                "the scheduler takes no receipts; nothing is lost, but the crawl will not end by itself"
            );
        }
        self.bell.notify_one();
    }
}

impl Drop for ReceiptSender {
    fn drop(&mut self) {
        self.events = None;
        self.bell.notify_one();
    }
}

impl ReceiptReceiver {
    /// The next event, or `None` when the sender is gone.
    ///
    /// # Cancel safety
    /// An event is taken only when it is returned.
    pub(crate) async fn recv(&self) -> Option<StoreEvent> {
        loop {
            match self.events.try_recv() {
                Ok(event) => return Some(event),
                Err(TryRecvError::Disconnected) => return None,
                // If the bell rang in between, that is remembered.
                Err(TryRecvError::Empty) => self.bell.notified().await,
            }
        }
    }

    /// The next event, if it is there already.
    pub(crate) fn try_recv(&self) -> Option<StoreEvent> {
        self.events.try_recv().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use dragline_core::worker::Worker;
    use dragline_core::{Receipt, Refilled};
    use std::time::Instant;

    #[test]
    fn events_come_in_order_from_a_thread_and_from_within_a_runtime() {
        let (sender, receiver) = receipt_channel();
        let worker = Worker::spawn("delivers", move || {
            for items in 0..1000 {
                sender.deliver(StoreEvent::Receipt(Receipt { items, ..Receipt::default() }));
            }
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            runtime.block_on(async { sender.deliver(StoreEvent::Refilled(Refilled::default())) });
        })
        .unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            for expected in 0..1000 {
                let event = receiver.recv().await;
                assert!(
                    matches!(event, Some(StoreEvent::Receipt(Receipt { items, .. })) if items == expected)
                );
            }
            assert!(matches!(receiver.recv().await, Some(StoreEvent::Refilled(_))));
            assert!(receiver.recv().await.is_none());
        });
        worker.join_until(Instant::now() + Duration::from_secs(10)).unwrap();
    }
}
