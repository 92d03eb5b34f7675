//! The limits of the board. A page is worth less than a crawl, so it never takes much of anything.

use std::time::Duration;

/// Requests that are answered at once. More get a 503 at once.
pub const MAX_REQUESTS: usize = 16;
/// Pages that stay up to date at once. More have to be reloaded by hand.
pub const MAX_EVENT_STREAMS: usize = 32;
/// The time for one answer.
pub const REQUEST_TIMEOUT: Duration = Duration::from_secs(15);

/// Connections at once of a board that has its own address.
pub(crate) const MAX_CONNECTIONS: usize = 128;
/// The time until a request has arrived.
pub(crate) const HEADER_TIMEOUT: Duration = Duration::from_secs(5);
/// The longest target of a request, in bytes.
pub(crate) const MAX_TARGET_BYTES: usize = 4_096;

/// The time for one read of the store.
pub(crate) const READ_TIMEOUT: Duration = Duration::from_secs(10);
/// The time for reading rows of items and counting them.
pub(crate) const ROWS_TIMEOUT: Duration = Duration::from_secs(3);
/// A read is repeated after this time at the earliest.
pub(crate) const FRESH_FOR: Duration = Duration::from_secs(1);
/// A read that takes long is repeated after this multiple of its time, so that the board never takes more than a share of the
/// store's time.
pub(crate) const COST_FACTOR: u32 = 10;
/// How many different questions are remembered with their answers.
pub(crate) const MAX_REMEMBERED: usize = 64;

/// How often an open page asks whether something has changed.
pub(crate) const LOOK_EVERY: Duration = Duration::from_secs(2);
/// An idle stream says this often that it is still there.
pub(crate) const SAY_EVERY: Duration = Duration::from_secs(15);
/// After this time, a stream ends, and the browser opens a new one.
pub(crate) const STREAM_TIMEOUT: Duration = Duration::from_secs(3_600);
/// Events that a slow reader may leave unread.
pub(crate) const EVENTS_UNREAD: usize = 4;

/// Runs on one page of a list.
pub(crate) const MAX_RUNS: usize = 100;
/// Runs that come next.
pub(crate) const MAX_COMING: usize = 10;
/// Ticks of a schedule on its page.
pub(crate) const MAX_TICKS: usize = 200;
/// Ticks of a schedule that wait or run, in a list of schedules.
pub(crate) const MAX_OPEN_SHOWN: usize = 20;
/// The newest ticks of all schedules, among which the last one of most schedules is found.
pub(crate) const NEWEST_TICKS: usize = 300;
/// Schedules whose last tick is not among them are asked for one by one, and this many at most.
pub(crate) const MAX_ASKED_ALONE: usize = 50;
/// Runs in the history of a spider.
pub(crate) const MAX_HISTORY: usize = 60;
/// Rows on one page of items.
pub(crate) const MAX_ROWS: usize = 200;
/// Lines of a log.
pub(crate) const MAX_LOG_LINES: usize = 200;
/// Bytes at the end of a log file that are read.
pub(crate) const MAX_LOG_BYTES: u64 = 128 << 10;
/// Bytes of one line of a log.
pub(crate) const MAX_LINE_BYTES: usize = 2_000;
/// Files in the folder of logs that are looked at.
pub(crate) const MAX_LOG_FILES: usize = 10_000;
