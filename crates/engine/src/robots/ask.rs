//! Fetching a robots.txt.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use bytes::Bytes;
use dragline_core::Request;
use dragline_core::worker::panic_message;
use futures_util::FutureExt;

use super::Rules;
use crate::fetch::Fetcher;
use crate::redirect::location;
use crate::retry::{is_retryable_status, retry_after};

/// RFC 9309 §2.5: at least so much is read; the rest is left out.
const MAX_BYTES: usize = 500 << 10;
/// Most files are smaller; a larger one may hold thousands of patterns that take a while to compile.
const READ_AT_ONCE_BYTES: usize = 16 << 10;
/// RFC 9309 §2.3.1.2.
const MAX_REDIRECTS: usize = 5;

/// What asking for a robots.txt brought.
#[derive(Debug)]
pub(crate) enum RobotsAnswer {
    /// Rules, possibly none.
    Rules(Rules),
    /// The server cannot say now.
    NotNow {
        /// Why.
        reason: String,
        /// How long it asks us to wait.
        retry_after: Option<Duration>,
    },
}

/// Fetches the robots.txt of the origin of `page`, and reads it with the eyes of `agent`.
pub(crate) async fn ask(fetcher: &Fetcher, page: &Request, agent: &str) -> RobotsAnswer {
    // The parser is not ours: a file that makes it panic counts as one that cannot be had.
    AssertUnwindSafe(fetch(fetcher, page, agent)).catch_unwind().await.unwrap_or_else(|panic| {
        RobotsAnswer::NotNow { reason: format!("panic: {}", panic_message(&*panic)), retry_after: None }
    })
}

async fn fetch(fetcher: &Fetcher, page: &Request, agent: &str) -> RobotsAnswer {
    let nothing = RobotsAnswer::Rules(Rules::default());
    let Ok(mut url) = page.url().join("/robots.txt") else { return nothing };
    for _ in 0..=MAX_REDIRECTS {
        let answer = match fetcher.file(url.clone(), MAX_BYTES, page).await {
            Ok(answer) => answer,
            Err(error) => return RobotsAnswer::NotNow { reason: error.to_string(), retry_after: None },
        };
        if let Some(body) = answer.body {
            return RobotsAnswer::Rules(read(agent.to_owned(), body).await);
        }
        if answer.status >= 500 || is_retryable_status(answer.status) {
            let reason = format!("HTTP {}", answer.status);
            return RobotsAnswer::NotNow { reason, retry_after: retry_after(&answer.headers) };
        }
        let target = location(answer.status, &answer.headers).and_then(|target| url.join(&target).ok());
        match target.filter(|target| matches!(target.scheme(), "http" | "https")) {
            Some(target) => url = target,
            None => return nothing,
        }
    }
    // More hops than the RFC asks for: as if the file were not there.
    nothing
}

/// The scheduler shares this thread and never waits: a large file is read elsewhere.
async fn read(agent: String, text: Bytes) -> Rules {
    if text.len() <= READ_AT_ONCE_BYTES {
        return Rules::read(&agent, &text);
    }
    match tokio::task::spawn_blocking(move || Rules::read(&agent, &text)).await {
        Ok(rules) => rules,
        Err(problem) => {
            // The parser is not ours.
            tracing::warn!(%problem, "a robots.txt cannot be read and is taken as empty");
            Rules::default()
        }
    }
}
