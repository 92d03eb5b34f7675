//! `dragline healthcheck`: asks the crawl of another process for its health, by its endpoint or its heartbeat
//! file. The answer is one line, and healthy or not.

use std::fs;
use std::io;
use std::path::Path;
use std::time::Duration;

use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::body::Bytes;
use hyper::header::HOST;
use hyper::{Request, StatusCode, client::conn::http1};
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use tokio::net::{TcpStream, UnixStream};

use dragline_board::Connection;
use dragline_runtime::health::{Beats, CLOCK_TOLERANCE_MS, ms_since_1970, unix_ms};
use dragline_runtime::listen::ListenAddr;

/// A healthy crawl answers in milliseconds. The whole health check ends within five seconds.
const ANSWER_WITHIN: Duration = Duration::from_secs(4);
/// An answer has about half a kilobyte, and a URL for each crawl thread.
const MAX_ANSWER: usize = 1 << 20;

/// Where to ask.
#[derive(Debug)]
pub(crate) struct Where<'a> {
    /// The endpoint of a crawl that listens.
    pub(crate) endpoint: Option<&'a ListenAddr>,
    /// The heartbeat file, and the age at which a beat counts as missing.
    pub(crate) file: Option<(&'a Path, Duration)>,
}

/// Why the check did not find a healthy crawl.
enum Unwell {
    /// Nothing listens at the address.
    Refused(String),
    /// Anything else.
    Told(String),
}

/// One line that says why the crawl is healthy, or why it isn't.
///
/// The endpoint decides if there is one. But if nothing listens there while a living process writes the file,
/// that process listens elsewhere or nowhere, because of a flag that this process can't see. Then the file
/// decides.
pub(crate) fn ask(place: &Where<'_>) -> Result<String, String> {
    let by_file = || place.file.map(|(file, max_age)| ask_file(file, max_age));
    let Some(address) = place.endpoint else {
        return by_file().unwrap_or_else(|| Err("neither an address nor a file is known".to_owned()));
    };
    match ask_at(address) {
        Ok(line) => Ok(line),
        Err(Unwell::Told(why)) => Err(why),
        Err(Unwell::Refused(why)) => match by_file() {
            Some(answer) if place.file.is_some_and(|(file, _)| is_kept(file)) => answer,
            _ => Err(why),
        },
    }
}

fn ask_at(address: &ListenAddr) -> Result<String, Unwell> {
    let address = &address.seen_from_here();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime =
        runtime.map_err(|error| Unwell::Told(format!("cannot run the health check itself: {error}")))?;
    let answered = runtime.block_on(async {
        tokio::time::timeout(ANSWER_WITHIN, ask_endpoint(address)).await.unwrap_or_else(|_| {
            Err(Unwell::Told(format!("{address} did not answer within {} s", ANSWER_WITHIN.as_secs())))
        })
    });
    // Don't wait for a name lookup that is still running.
    runtime.shutdown_background();
    answered
}

/// Whether the process that wrote the file is alive, as far as we know. A killed process leaves its file
/// behind.
fn is_kept(file: &Path) -> bool {
    let beats = fs::read(file).ok().and_then(|content| serde_json::from_slice::<Beats>(&content).ok());
    let processes = Path::new("/proc");
    beats.is_some_and(|beats| processes.join(beats.pid.to_string()).exists())
}

#[derive(Deserialize)]
struct Answer {
    status: String,
    why: String,
    pid: u32,
}

async fn ask_endpoint(address: &ListenAddr) -> Result<String, Unwell> {
    let stream = connect(address).await.map_err(|error| match error.kind() {
        io::ErrorKind::ConnectionRefused | io::ErrorKind::NotFound => {
            Unwell::Refused(format!("nothing listens at {address}, so no crawl is running"))
        }
        _ => Unwell::Told(format!("cannot reach {address}: {error}")),
    })?;
    let no_answer = |error: hyper::Error| Unwell::Told(format!("{address} did not answer: {error}"));
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(no_answer)?;
    let host = match address {
        ListenAddr::Tcp(address) => address.to_string(),
        ListenAddr::Unix(_) => "localhost".to_owned(),
    };
    let request = Request::get("/health").header(HOST, host).body(Empty::<Bytes>::new());
    let request =
        request.map_err(|error| Unwell::Told(format!("{address} is not a valid address: {error}")))?;
    // The connection runs alongside the request, and ends with the runtime.
    tokio::spawn(connection);
    let answer = sender.send_request(request).await.map_err(no_answer)?;
    let status = answer.status();
    let body = Limited::new(answer.into_body(), MAX_ANSWER).collect().await;
    let body = body.map_err(|error| Unwell::Told(format!("{address} sent an incomplete answer: {error}")))?;
    understood(&address.to_string(), status, &body.to_bytes()).map_err(Unwell::Told)
}

async fn connect(address: &ListenAddr) -> io::Result<Box<dyn Connection>> {
    Ok(match address {
        ListenAddr::Tcp(address) => Box::new(TcpStream::connect(address).await?),
        ListenAddr::Unix(path) => Box::new(UnixStream::connect(path).await?),
    })
}

fn understood(address: &str, status: StatusCode, body: &[u8]) -> Result<String, String> {
    let answer: Answer = serde_json::from_slice(body)
        .map_err(|_| format!("{address} answers {status}, but not like a crawl"))?;
    let line = format!("pid {} is {}: {}", answer.pid, answer.status, answer.why);
    // Another program may be listening there, and its answer goes to a terminal or a log. So remove control
    // characters.
    let line: String = line.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    if status.is_success() { Ok(line) } else { Err(line) }
}

fn ask_file(file: &Path, max_age: Duration) -> Result<String, String> {
    let name = file.display();
    if fs::metadata(file).is_ok_and(|found| !found.is_file()) {
        return Err(format!("{name} is not a regular file, so it cannot be a heartbeat file"));
    }
    let content = fs::read(file).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => format!("there is no heartbeat file {name}, so no crawl is running"),
        _ => format!("cannot read the heartbeat file {name}: {error}"),
    })?;
    let beats: Beats = serde_json::from_slice(&content)
        .map_err(|error| format!("{name} is not a heartbeat file: {error}"))?;
    // A killed process leaves its file behind, whatever state it was in.
    let written_ms = fs::metadata(file).and_then(|meta| meta.modified()).map_or(0, ms_since_1970);
    let now = unix_ms();
    if written_ms > now + CLOCK_TOLERANCE_MS {
        return Err(format!("{name} was written {} s in the future", (written_ms - now) / 1_000));
    }
    let age = Duration::from_millis(now.saturating_sub(written_ms));
    if age > max_age {
        let (age, limit) = (age.as_secs(), max_age.as_secs_f64());
        return Err(format!("the heartbeat file {name} is {age} s old (limit {limit} s)"));
    }
    let verdict = beats.verdict(now, max_age);
    let line = format!("pid {} is {verdict}", beats.pid);
    if verdict.state.is_alive() { Ok(line) } else { Err(line) }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Instant;

    use dragline_core::pulse::Pulse as _;
    use dragline_core::stop::Stop;

    use super::*;
    use dragline_runtime::health::{Health, Heartbeat};

    const LIMIT: Duration = Duration::from_secs(60);

    #[test]
    fn a_file_lives_as_long_as_its_crawl() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("beat");
        assert!(ask_file(&file, LIMIT).unwrap_err().contains("no heartbeat file"));
        let heartbeat = Arc::new(Heartbeat::start(Some(file.clone())).unwrap());
        let stop = Stop::new();
        let health = Health::new(&heartbeat, "spider", "run", LIMIT, &stop);
        assert!(ask_file(&file, LIMIT).unwrap().contains("is starting"));
        stop.request(dragline_core::stop::StopReason::MaxItems);
        assert!(ask_file(&file, LIMIT).unwrap().contains("is stopping"));
        drop(health);
        assert!(ask_file(&file, LIMIT).unwrap_err().contains("no crawl is running"));
        fs::write(&file, "garbage").unwrap();
        assert!(ask_file(&file, LIMIT).unwrap_err().contains("not a heartbeat file"));
    }

    #[test]
    fn what_was_killed_while_it_stopped_is_not_alive_for_ever() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("beat");
        let heartbeat = Heartbeat::start(Some(file.clone())).unwrap();
        heartbeat.degraded(Some(Instant::now()));
        heartbeat.stopping();
        assert!(ask_file(&file, LIMIT).is_ok());
        let old = std::time::SystemTime::now() - Duration::from_secs(61);
        fs::File::options().write(true).open(&file).unwrap().set_modified(old).unwrap();
        assert!(ask_file(&file, LIMIT).unwrap_err().contains("61 s old"));
    }
}
