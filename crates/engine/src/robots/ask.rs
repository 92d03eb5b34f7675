//! Fetches a robots.txt (RFC 9309 §2.3).

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use bytes::Bytes;
use dragline_core::Request;
use dragline_core::worker::panic_message;
use futures_util::FutureExt;

use super::RobotsSettings;
use super::lines::whole_lines;
use super::rules::RobotsFile;
use crate::downloader::{Fault, Proof};
use crate::fetch::{FetchError, HttpDownloader};
use crate::pace::says_not_well;
use crate::redirect::location;
use crate::retry::{is_retryable_status, retry_after};

/// Most files are smaller and take a millisecond to read. The largest take forty.
const READ_AT_ONCE_BYTES: usize = 16 << 10;

/// The result of a fetch of robots.txt.
#[derive(Debug)]
pub(crate) enum RobotsAnswer {
    /// Rules, possibly none.
    Rules(RobotsFile),
    /// The file is not available now.
    NotNow(NotNow),
}

/// A fetch of robots.txt that has ended.
#[derive(Debug)]
pub(crate) struct RobotsFetch {
    pub(crate) answer: RobotsAnswer,
    /// What it says about the way to the host, or who is at fault if no answer came.
    pub(crate) heard: Result<Proof, Fault>,
}

/// Why the file is not available now.
#[derive(Debug)]
pub(crate) struct NotNow {
    /// The reason as text.
    pub(crate) reason: String,
    /// How long the server asks us to wait.
    pub(crate) retry_after: Option<Duration>,
    /// Whether the file counts as missing if this persists (429 and other 4xx).
    pub(crate) is_unavailable: bool,
    /// What is at fault.
    pub(crate) fault: RobotsFault,
}

/// What is at fault if a robots.txt is not available.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RobotsFault {
    /// The host. It does not answer, or says that it is not well, so its pages would fail too.
    Host,
    /// Only this file. The host answers.
    File,
    /// The proxy that the page's request names.
    Proxy,
    /// Neither. Another attempt would fail too, for example because of an untrusted certificate or a forbidden address.
    Nobody,
}

/// Fetches the robots.txt of the origin of `page`, and reads the rules for the agent of the settings.
pub(crate) async fn ask(http: &HttpDownloader, page: &Request, settings: &RobotsSettings) -> RobotsFetch {
    let mut heard = Ok(Proof::Nothing);
    // A panic makes only this attempt fail, not the crawl.
    let answer = AssertUnwindSafe(fetch(http, page, settings, &mut heard))
        .catch_unwind()
        .await
        .unwrap_or_else(|panic| not_now(format!("panic: {}", panic_message(&*panic)), RobotsFault::File));
    RobotsFetch { answer, heard }
}

async fn fetch(
    http: &HttpDownloader,
    page: &Request,
    settings: &RobotsSettings,
    heard: &mut Result<Proof, Fault>,
) -> RobotsAnswer {
    let nothing = RobotsAnswer::Rules(RobotsFile::default());
    let Ok(mut url) = page.url().join("/robots.txt") else { return nothing };
    for _ in 0..=settings.max_redirects {
        // One byte more shows whether the file is longer.
        let answer = match http.file(url.clone(), settings.max_bytes.saturating_add(1), page).await {
            Ok(answer) => answer,
            Err(error) => {
                *heard = Err(error.fault());
                return not_now(error.to_string(), fault_of(&error));
            }
        };
        *heard = Ok(answer.proof);
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
    // After too many hops, the file counts as missing.
    nothing
}

fn fault_of(error: &FetchError) -> RobotsFault {
    match error {
        error if error.fault() == Fault::NamedProxy => RobotsFault::Proxy,
        error if error.is_of_the_body() => RobotsFault::File,
        error if error.is_retryable() => RobotsFault::Host,
        _ => RobotsFault::Nobody,
    }
}

fn not_now(reason: String, fault: RobotsFault) -> RobotsAnswer {
    RobotsAnswer::NotNow(NotNow { reason, retry_after: None, is_unavailable: false, fault })
}

/// Reads as much of a robots.txt as the settings allow.
pub(crate) fn read_text(settings: &RobotsSettings, text: &[u8]) -> RobotsFile {
    match text.get(..settings.max_bytes) {
        Some(beginning) if beginning.len() < text.len() => {
            RobotsFile::read(settings.agent(), whole_lines(beginning))
        }
        _ => RobotsFile::read(settings.agent(), text),
    }
}

/// The scheduler shares this thread and must not wait, so a large file is read on another thread.
async fn read(settings: &RobotsSettings, text: Bytes) -> RobotsFile {
    if text.len() <= READ_AT_ONCE_BYTES {
        return read_text(settings, &text);
    }
    let settings = settings.clone();
    let read = move || read_text(&settings, &text);
    match tokio::task::spawn_blocking(read).await {
        Ok(rules) => rules,
        // This can only be a panic, because the task is never cancelled.
        Err(problem) => std::panic::resume_unwind(problem.into_panic()),
    }
}
