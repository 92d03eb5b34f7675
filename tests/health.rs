//! The endpoints and the heartbeat file report every state correctly, for as long as it lasts.

use std::net::TcpListener;
use std::path::PathBuf;
use std::time::Duration;

use dragline_testkit::{Answer, Asked, Dragline, Running, Site, SiteBuilder, ask, ask_with, wait_for};
use tempfile::TempDir;

use crate::stored::{Stored, crawl_nasty, crawl_site, dragline, example};

mod endpoints;
mod states;

const SOON: Duration = Duration::from_secs(30);
/// When a beat is missed. Loops beat once a second, and later where the machine is loaded.
const MAX_AGE: &str = "6s";

/// A crawl that is watched in both ways.
struct Watched {
    running: Running,
    address: String,
    file: PathBuf,
    _folder: TempDir,
}

impl Watched {
    fn start(crawl: Dragline) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("heartbeat");
        let mut running = crawl.arg("--heartbeat-file").arg(&file).args(["--listen", "127.0.0.1:0"]).spawn();
        running.wait_until("it listens", SOON, |it| address(&it.stderr()).is_some());
        let address = address(&running.stderr()).unwrap();
        Self { running, address, file, _folder: folder }
    }

    fn ask(&self, path: &str) -> Asked {
        ask(&self.address, path).unwrap_or_else(|error| panic!("{path}: {error}\n{}", self.running.stderr()))
    }

    /// Waits for a state, and compares everything that reports it.
    fn is(&mut self, state: &str, alive: bool, ready: bool) -> serde_json::Value {
        let asked = wait_for(&format!("it is {state}"), SOON, || {
            let asked = self.ask("/health");
            asked.body.contains(&format!("\"status\": \"{state}\"")).then_some(asked)
        });
        assert_eq!(asked.status, if alive { 200 } else { 503 }, "{asked:?}");
        assert_eq!(self.ask("/ready").status, if ready { 200 } else { 503 });
        assert_eq!(self.ask("/status").status, 200);
        for check in [self.check_endpoint(), self.check_file()] {
            let words = if alive { "healthy: pid " } else { "unhealthy: pid " };
            let health = check.run();
            health
                .assert_code(i32::from(!alive))
                .assert_stdout(words)
                .assert_stdout(&format!(" is {state}: "));
            health.assert("one line", health.stdout.lines().count() == 1);
        }
        serde_json::from_str(&asked.body).unwrap()
    }

    fn check_endpoint(&self) -> Dragline {
        dragline().args(["healthcheck", "--listen", &self.address])
    }

    fn check_file(&self) -> Dragline {
        dragline().args(["healthcheck", "--max-age", MAX_AGE, "--heartbeat-file"]).arg(&self.file)
    }
}

/// An endless site: page n links to pages 2n + 1 and 2n + 2. So a crawl stays busy for as long as a test needs it.
fn endless_site() -> SiteBuilder {
    Site::builder().handler(|asked| {
        let number: u64 =
            if asked.path == "/" { 0 } else { asked.path.trim_start_matches('/').parse().ok()? };
        let links = [2 * number + 1, 2 * number + 2].map(|next| format!("<a href=/{next}>x</a>"));
        Some(Answer::html(format!("<title>{number}</title>{}", links.concat())))
    })
}

/// Where the log says that it listens.
pub(crate) fn address(stderr: &str) -> Option<String> {
    let line = stderr.lines().find(|line| line.contains("listening: /health"))?;
    let rest = line.split_once("address=")?.1;
    Some(rest.split_whitespace().next()?.to_owned())
}
