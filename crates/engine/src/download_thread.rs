//! The parts of a crawl that the download thread takes over.

use std::sync::Arc;

use crossbeam_channel::Sender;
use dragline_core::hold::Hold;
use dragline_core::pulse::Pulse;
use dragline_core::sql_answers::SqlAnswers;
use dragline_core::store::OpenedRun;

use crate::downloader::Downloaders;
use crate::job::WaitingJob;
use crate::parts::EngineParts;
use crate::receipts::ReceiptReceiver;

/// What the download thread needs.
pub struct DownloadThread<'a> {
    /// What it shares with the crawl threads.
    pub parts: EngineParts,
    /// The run as the store opened it.
    pub run: &'a OpenedRun,
    /// The downloaders that requests may choose, in addition to the built-in one.
    pub downloaders: Downloaders,
    /// The databases that look-ups ask.
    pub databases: Vec<Arc<dyn SqlAnswers>>,
    /// Where receipts and refills come from.
    pub receipts: ReceiptReceiver,
    /// Work for the crawl threads: a bounded channel that holds at least `settings.concurrency` jobs.
    pub pages: Sender<WaitingJob>,
    /// Receives the scheduler's heartbeat.
    pub pulse: Arc<dyn Pulse>,
    /// Pauses claiming.
    pub hold: Hold,
}
