//! Tells somebody how a run ended: one JSON POST to each address, after everything is stored.
//!
//! A message is only news. It never changes how a crawl ends, and it never holds up the end for longer than its limit. An
//! address is a secret, because someone who knows the webhook of a chat may write there. So only its host is ever shown.

mod shapes;

use std::fmt;
use std::time::Duration;

use dragline_core::secrets;
use dragline_engine::{ClientSettings, Poster};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout_at};
use url::Url;

pub use self::shapes::{Notice, NotifyFormat};
use crate::blocking::Blocking;
use crate::error_chain::chain;

/// Before the second attempt. The wait doubles each time.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
/// The longest wait.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// An attempt may take this part of the limit, so that a server that hangs once is asked again.
const ATTEMPTS_IN_THE_LIMIT: u32 = 2;
/// A part of a path is at least this long if it is a token. A shorter one may be a word.
const LEAST_TOKEN_CHARS: usize = 16;

/// Whom to tell, and how long that may take.
#[derive(Clone, Debug)]
pub struct NotifySettings {
    /// The addresses.
    pub addresses: Vec<NotifyAddress>,
    /// The time for all of them together, with all attempts.
    pub timeout: Duration,
}

impl NotifySettings {
    /// The time that a notification may take without being told otherwise.
    pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(10);
}

/// Where to send a message. `Debug` doesn't show the address.
#[derive(Clone, PartialEq, Eq)]
pub struct NotifyAddress {
    url: Url,
    format: NotifyFormat,
}

impl NotifyAddress {
    /// An address, and the format of its messages if its host doesn't decide that.
    ///
    /// # Errors
    /// A description of the problem, without the address.
    pub fn parse(text: &str, format: Option<NotifyFormat>) -> Result<Self, String> {
        let wrong = "write https://host/path, as the chat or the service shows it";
        let url = Url::parse(text.trim()).map_err(|error| format!("it is not a URL ({error}); {wrong}"))?;
        if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
            return Err(format!("it is not a URL of http or https; {wrong}"));
        }
        remember(&url);
        let format = format.unwrap_or_else(|| NotifyFormat::of_host(url.host_str().unwrap_or_default()));
        Ok(Self { url, format })
    }

    /// How people may know it.
    fn host(&self) -> &str {
        self.url.host_str().unwrap_or_default()
    }
}

impl fmt::Debug for NotifyAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NotifyAddress({}, {:?})", self.host(), self.format)
    }
}

/// From now on, the address and its tokens are hidden wherever they turn up.
fn remember(url: &Url) {
    let path = url.path().trim_start_matches('/');
    secrets::remember(url.as_str());
    secrets::remember(url.as_str().trim_end_matches('/'));
    if path.chars().count() >= LEAST_TOKEN_CHARS {
        secrets::remember(path);
    }
    let parts = path.split('/').filter(|part| part.chars().count() >= LEAST_TOKEN_CHARS);
    parts.for_each(secrets::remember);
    url.query().into_iter().for_each(secrets::remember);
    url.query_pairs().for_each(|(_, value)| secrets::remember(&value));
    url.password().into_iter().for_each(secrets::remember);
}

/// Sends the notice to every address, for at most `limit`. If that fails, it is a warning.
pub fn send(
    settings: &NotifySettings,
    client: &ClientSettings,
    notice: &Notice<'_>,
    limit: Duration,
    blocking: &Blocking,
) {
    if settings.addresses.is_empty() {
        return;
    }
    let poster = match Poster::new(client) {
        Ok(poster) => poster,
        Err(error) => return tracing::warn!("no notification was sent: {}", chain(&error)),
    };
    let limit = limit.min(settings.timeout);
    let messages: Vec<_> =
        settings.addresses.iter().map(|address| (address.clone(), notice.message(address.format))).collect();
    if blocking.unless_cut(deliver_all(poster, messages, limit)).is_none() {
        tracing::warn!("the notification was cut off");
    }
}

async fn deliver_all(poster: Poster, messages: Vec<(NotifyAddress, String)>, limit: Duration) {
    let mut deliveries = JoinSet::new();
    for (address, message) in messages {
        let poster = poster.clone();
        deliveries.spawn(async move {
            let began = Instant::now();
            match deliver(&poster, &address, &message, limit).await {
                Ok(attempts) => {
                    let elapsed_ms = began.elapsed().as_millis();
                    tracing::info!(
                        host = address.host(),
                        attempts,
                        elapsed_ms,
                        "the notification was delivered"
                    );
                }
                Err(problem) => tracing::warn!(
                    host = address.host(),
                    elapsed_ms = began.elapsed().as_millis(),
                    "the notification was not delivered: {problem}"
                ),
            }
        });
    }
    // Each of them has ended within its limit.
    while deliveries.join_next().await.is_some() {}
}

/// Tries until the message is taken, for at most `limit`. Returns the number of attempts, or what went wrong last.
async fn deliver(
    poster: &Poster,
    address: &NotifyAddress,
    message: &str,
    limit: Duration,
) -> Result<u32, String> {
    let until = Instant::now() + limit;
    let (mut pause, mut attempts) = (FIRST_PAUSE, 0);
    loop {
        attempts += 1;
        let patience = (Instant::now() + limit / ATTEMPTS_IN_THE_LIMIT).min(until);
        let (problem, wait) =
            match timeout_at(patience, poster.post_json(&address.url, message.to_owned())).await {
                Ok(Ok(answer)) if (200..300).contains(&answer.status) => return Ok(attempts),
                Ok(Ok(answer)) if answer.is_retryable => {
                    let problem = format!("the server answers HTTP {}", answer.status);
                    (problem, pause.max(answer.retry_after.unwrap_or_default()))
                }
                Ok(Ok(answer)) => return Err(refusal(answer.status)),
                Ok(Err(problem)) => (problem, pause),
                // This attempt has already taken its time.
                Err(_) => ("the server does not answer".to_owned(), Duration::ZERO),
            };
        if Instant::now() + wait >= until {
            return Err(format!("{problem} ({attempts} attempts in {:.1} s)", limit.as_secs_f64()));
        }
        sleep(wait).await;
        pause = (2 * pause).min(LONGEST_PAUSE);
    }
}

fn refusal(status: u16) -> String {
    let meaning = match status {
        300..=399 => "the address has moved; give the new one",
        401 | 403 => "it refuses the address",
        404 | 410 => "nobody listens at this address",
        _ => "it refuses the message; is the format right? See --notify-format",
    };
    format!("the server answers HTTP {status}: {meaning}")
}

#[cfg(test)]
mod tests;
