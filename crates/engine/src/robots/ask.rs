//! Fetching a robots.txt (RFC 9309 §2.3).

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use bytes::Bytes;
use dragline_core::Request;
use dragline_core::worker::panic_message;
use futures_util::FutureExt;

use super::RobotsSettings;
use super::lines::whole_lines;
use super::rules::RobotsFile;
use crate::fetch::{FetchError, HttpDownloader};
use crate::pace::says_not_well;
use crate::redirect::location;
use crate::retry::{is_retryable_status, retry_after};

/// Most files are smaller, and read in a millisecond; the largest take forty.
const READ_AT_ONCE_BYTES: usize = 16 << 10;

/// What asking for a robots.txt brought.
#[derive(Debug)]
pub(crate) enum RobotsAnswer {
    /// Rules, possibly none.
    Rules(RobotsFile),
    /// The server cannot say now.
    NotNow(NotNow),
}

/// Why a server cannot say now.
#[derive(Debug)]
pub(crate) struct NotNow {
    /// In words.
    pub(crate) reason: String,
    /// How long it asks us to wait.
    pub(crate) retry_after: Option<Duration>,
    /// Whether it counts as one that has no robots.txt if it stays so (429 and other 4xx).
    pub(crate) is_unavailable: bool,
    /// Whose fault it is.
    pub(crate) fault: RobotsFault,
}

/// Whose fault it is that a robots.txt cannot be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RobotsFault {
    /// The host gives no answer, or says that it is not well: whatever waits for the file would fail as well.
    Host,
    /// The host answers, and cannot give this file now.
    File,
    /// Nobody: asking again would bring the same (a certificate that is not trusted, an address that is not reached).
    Nobody,
}

/// Fetches the robots.txt of the origin of `page`, and reads it with the eyes of the settings' agent.
pub(crate) async fn ask(http: &HttpDownloader, page: &Request, settings: &RobotsSettings) -> RobotsAnswer {
    // A panic on the way costs this attempt, not the crawl.
    AssertUnwindSafe(fetch(http, page, settings))
        .catch_unwind()
        .await
        .unwrap_or_else(|panic| not_now(format!("panic: {}", panic_message(&*panic)), RobotsFault::File))
}

async fn fetch(http: &HttpDownloader, page: &Request, settings: &RobotsSettings) -> RobotsAnswer {
    let nothing = RobotsAnswer::Rules(RobotsFile::default());
    let Ok(mut url) = page.url().join("/robots.txt") else { return nothing };
    for _ in 0..=settings.max_redirects {
        // One byte more, to see whether there is more.
        let answer = match http.file(url.clone(), settings.max_bytes.saturating_add(1), page).await {
            Ok(answer) => answer,
            Err(error) => return not_now(error.to_string(), fault_of(&error)),
        };
        if let Some(body) = answer.body {
            return RobotsAnswer::Rules(read(settings, body).await);
        }
        if answer.status >= 500 || is_retryable_status(answer.status) {
            return RobotsAnswer::NotNow(NotNow {
                reason: format!("HTTP {}", answer.status),
                retry_after: retry_after(&answer.headers),
                is_unavailable: answer.status < 500,
                fault: if says_not_well(answer.status) { RobotsFault::Host } else { RobotsFault::File },
            });
        }
        let target = location(answer.status, &answer.headers).and_then(|target| url.join(&target).ok());
        match target.filter(|target| matches!(target.scheme(), "http" | "https")) {
            Some(target) => url = target,
            None => return nothing,
        }
    }
    // Too many hops: as if the file were not there.
    nothing
}

fn fault_of(error: &FetchError) -> RobotsFault {
    match error {
        error if error.is_of_the_body() => RobotsFault::File,
        error if error.is_retryable() => RobotsFault::Host,
        _ => RobotsFault::Nobody,
    }
}

fn not_now(reason: String, fault: RobotsFault) -> RobotsAnswer {
    RobotsAnswer::NotNow(NotNow { reason, retry_after: None, is_unavailable: false, fault })
}

/// The scheduler shares this thread and never waits: a large file is read elsewhere.
async fn read(settings: &RobotsSettings, text: Bytes) -> RobotsFile {
    let (agent, max_bytes) = (settings.agent.clone(), settings.max_bytes);
    let is_small = text.len() <= READ_AT_ONCE_BYTES;
    let read = move || match text.get(..max_bytes) {
        Some(beginning) if beginning.len() < text.len() => RobotsFile::read(&agent, whole_lines(beginning)),
        _ => RobotsFile::read(&agent, &text),
    };
    if is_small {
        return read();
    }
    match tokio::task::spawn_blocking(read).await {
        Ok(rules) => rules,
        // What stays is a panic: nobody ends this runtime's tasks while they run.
        Err(problem) => std::panic::resume_unwind(problem.into_panic()),
    }
}
