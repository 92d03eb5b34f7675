//! A process that is asked for its state in every possible way. Its answers must be correct.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use super::record::Record;
use crate::ask::ask;
use crate::process::{Dragline, Finished, Running};
use crate::wait::{patience, try_wait_for};

/// `--health-max-age`: a loop without a sign of life for longer is stuck.
pub(super) fn max_age() -> Duration {
    patience(Duration::from_secs(4))
}
/// How long a started process may need to log that it listens, on a busy machine.
const SAYS_SO: Duration = Duration::from_secs(20);
/// How long it may take until the heartbeat file is written again, on a busy machine.
const WRITTEN: Duration = Duration::from_secs(2);
/// How long the health check may take in any state, doubled for a busy machine.
const HEALTH_CHECK: Duration = Duration::from_secs(10);

/// A process and everything that watches it.
pub(super) struct Watched {
    running: Running,
    command: Dragline,
    address: String,
    file: PathBuf,
    _folder: TempDir,
    /// The current point of the watch, for the message of a failure.
    pub(super) scene: String,
}

/// The states, and whether each is alive and ready.
const STATES: [(&str, bool, bool); 5] = [
    ("starting", true, false),
    ("running", true, true),
    ("degraded", true, true),
    ("stopping", true, false),
    ("stuck", false, false),
];

impl Watched {
    /// Starts the process, and waits until it listens.
    pub(super) fn start(command: &Dragline, scene: String) -> Self {
        let folder = tempfile::tempdir().expect("a folder for the heartbeat file");
        let file = folder.path().join("heartbeat");
        let crawl = command.clone().arg("--heartbeat-file").arg(&file).args(["--listen", "127.0.0.1:0"]);
        let mut running = crawl.args(["--health-max-age", &format!("{}s", max_age().as_secs())]).spawn();
        running.wait_until("it listens", SAYS_SO, |it| listens_at(&it.stderr()).is_some());
        let address = listens_at(&running.stderr()).unwrap_or_default();
        Self { running, command: command.clone(), address, file, _folder: folder, scene }
    }

    /// The state that the process reports. `None` if nobody answers.
    pub(super) fn look(&self, record: &mut Record) -> Option<String> {
        let path = if record.answers.times.is_multiple_of(2) { "/health" } else { "/ready" };
        let begun = Instant::now();
        let Ok(asked) = ask(&self.address, path) else { return None };
        record.answered(begun.elapsed());
        let body: Value = serde_json::from_str(&asked.body).unwrap_or_default();
        let status = body["status"].as_str().unwrap_or_default().to_owned();
        let known = STATES.iter().find(|(state, ..)| *state == status);
        let Some((_, alive, ready)) = known else { self.fail(&format!("{path} says {asked:?}")) };
        let well = if path == "/health" { *alive } else { *ready };
        if asked.status != if well { 200 } else { 503 } {
            self.fail(&format!("{path} answers {} and says {status}", asked.status));
        }
        if body["pid"] != self.running.pid() {
            self.fail(&format!("{path} answers for another process: {body}"));
        }
        Some(status)
    }

    /// Waits until the process reports `state`, and then checks it in every other way.
    pub(super) fn becomes(&mut self, state: &'static str, within: Duration, record: &mut Record) {
        let begun = Instant::now();
        let mut last = None;
        let told = try_wait_for(within, || {
            last = self.look(record);
            (last.as_deref() == Some(state)).then_some(())
        });
        if told.is_none() {
            self.fail(&format!("not {state} within {within:?}, but {last:?}"));
        }
        record.told.entry(state).or_default().add(begun.elapsed());
        let (_, alive, _) = STATES.iter().find(|(known, ..)| *known == state).expect("a state");
        let words = format!(
            "{}: pid {} is {state}: ",
            if *alive { "healthy" } else { "unhealthy" },
            self.running.pid()
        );
        // The file is written twice a second, so it may be slightly out of date.
        for (check, within) in [(self.by_endpoint(), Duration::ZERO), (self.by_file(), WRITTEN)] {
            let mut last = None;
            let right = try_wait_for(within, || {
                let checked = last.insert(self.checked(&check, record));
                let is_right = checked.code == Some(i32::from(!alive)) && checked.stdout.starts_with(&words);
                (is_right && checked.stdout.lines().count() == 1).then_some(())
            });
            if right.is_none() {
                self.fail(&format!("it is {state}, and the health check says\n{}", last.expect("an answer")));
            }
        }
    }

    /// Keeps asking for that long. The process must be in `state` each time.
    pub(super) fn stays(&mut self, state: &str, duration: Duration, record: &mut Record) {
        let _ = try_wait_for(duration, || {
            let told = self.look(record);
            if told.as_deref() != Some(state) {
                self.fail(&format!("it is {state} and says {told:?}"));
            }
            None::<()>
        });
    }

    /// Checks that its log does not contain this word.
    pub(super) fn never_said(&self, word: &str) {
        if self.running.stderr().contains(word) {
            self.fail(&format!("it says {word}"));
        }
    }

    /// The whole process hangs. No check may find it healthy.
    pub(super) fn is_silent(&mut self, record: &mut Record) {
        let checked = self.checked(&self.by_endpoint(), record);
        if checked.code != Some(1) || !checked.stdout.contains("did not answer within") {
            self.fail(&format!("it is suspended, and the health check by the endpoint says\n{checked}"));
        }
        let file = try_wait_for(max_age() + HEALTH_CHECK, || {
            (self.checked(&self.by_file(), record).code == Some(1)).then_some(())
        });
        if file.is_none() {
            self.fail("it is suspended, and the heartbeat file stays healthy");
        }
    }

    /// The process has ended. No check may find it healthy. If it was killed, its file is still there, and must grow too old.
    pub(super) fn is_gone(&self, took_its_file: bool, record: &mut Record) {
        let checked = self.checked(&self.by_endpoint(), record);
        if checked.code != Some(1) || !checked.stdout.contains("no crawl is running") {
            self.fail(&format!("it is gone, and the health check by the endpoint says\n{checked}"));
        }
        let limit = if took_its_file { Duration::ZERO } else { max_age() + HEALTH_CHECK };
        let file =
            try_wait_for(limit, || (self.checked(&self.by_file(), record).code == Some(1)).then_some(()));
        if file.is_none() {
            self.fail("it is gone, and its heartbeat file says that it is healthy");
        }
    }

    /// Waits for its end.
    pub(super) fn ends(&mut self, within: Duration) -> Finished {
        self.running.end_within(within)
    }

    pub(super) fn is_running(&mut self) -> bool {
        self.running.is_running()
    }

    pub(super) fn signal(&self, name: &str) {
        self.running.signal(name);
    }

    /// Fails with all that is known.
    pub(super) fn fail(&self, what: &str) -> ! {
        let mut text = format!("{what}\nin the scene: {}\n", self.scene);
        if let Ok(file) = std::fs::read_to_string(&self.file) {
            let _ = writeln!(text, "its heartbeat file: {file}");
        }
        panic!("{text}{}", self.running.stderr())
    }

    fn checked(&self, check: &Dragline, record: &mut Record) -> Finished {
        let checked = check.run();
        record.health_checks.add(checked.elapsed);
        if checked.elapsed > patience(HEALTH_CHECK) {
            self.fail(&format!("the health check took too long\n{checked}"));
        }
        checked
    }

    fn by_endpoint(&self) -> Dragline {
        self.health_check().args(["--listen", &self.address])
    }

    fn by_file(&self) -> Dragline {
        let max_age = format!("{}s", max_age().as_secs());
        self.health_check().args(["--max-age", &max_age, "--heartbeat-file"]).arg(&self.file)
    }

    fn health_check(&self) -> Dragline {
        Dragline::new(self.command.program()).arg("healthcheck")
    }
}

/// Where the log says that it listens.
fn listens_at(stderr: &str) -> Option<String> {
    let line = stderr.lines().find(|line| line.contains("listening: /health"))?;
    let (_, rest) = line.split_once("address=")?;
    Some(rest.split_whitespace().next()?.to_owned())
}
