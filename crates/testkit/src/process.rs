//! The real binary as a child process, with its output kept, a time limit on everything, and real signals.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::wait::{patience, try_wait_for, wait_until};

/// How long [`Dragline::run`] and [`Running::finish`] wait unless told otherwise.
const DEFAULT_LIMIT: Duration = Duration::from_secs(60);
/// The time for a process to stand still after SIGSTOP.
const STOPPED: Duration = Duration::from_secs(10);

/// A command line of the program. It can be run many times: for a resume, run it again.
///
/// It starts in a folder of its own, without the settings of whoever runs the tests.
#[derive(Clone, Debug)]
pub struct Dragline {
    binary: PathBuf,
    args: Vec<OsString>,
    env: Vec<(OsString, OsString)>,
    folder: Arc<TempDir>,
    cwd: Option<PathBuf>,
    limit: Duration,
}

/// A child process.
#[derive(Debug)]
pub struct Running {
    child: Child,
    command: String,
    started: Instant,
    limit: Duration,
    output: TempDir,
    /// Kept until the process ends, because it is the child's working directory.
    _folder: Arc<TempDir>,
}

/// A child process that has ended.
#[derive(Clone, Debug)]
pub struct Finished {
    /// The exit code; `None` when a signal ended it.
    pub code: Option<i32>,
    /// What it wrote to stdout.
    pub stdout: String,
    /// What it wrote to stderr.
    pub stderr: String,
    /// From its start until its end was noticed.
    pub elapsed: Duration,
    command: String,
}

impl Dragline {
    /// The program at this path: `env!("CARGO_BIN_EXE_dragline")`.
    pub fn new(binary: impl Into<PathBuf>) -> Self {
        let folder = tempfile::Builder::new().prefix("dragline-test-").tempdir().expect("a temporary folder");
        Self {
            binary: binary.into(),
            args: Vec::new(),
            env: Vec::new(),
            folder: Arc::new(folder),
            cwd: None,
            limit: DEFAULT_LIMIT,
        }
    }

    /// One more argument.
    #[must_use]
    pub fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.args.push(arg.as_ref().to_owned());
        self
    }

    /// More arguments.
    #[must_use]
    pub fn args<A: AsRef<OsStr>>(mut self, args: impl IntoIterator<Item = A>) -> Self {
        self.args.extend(args.into_iter().map(|arg| arg.as_ref().to_owned()));
        self
    }

    /// An environment variable.
    #[must_use]
    pub fn env(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        self.env.push((name.as_ref().to_owned(), value.as_ref().to_owned()));
        self
    }

    /// Sets a working directory other than its own folder.
    #[must_use]
    pub fn cwd(mut self, folder: impl Into<PathBuf>) -> Self {
        self.cwd = Some(folder.into());
        self
    }

    /// Sets how long it may take.
    #[must_use]
    pub fn limit(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    /// The path of the program, for a test that starts it differently.
    pub fn program(&self) -> &Path {
        &self.binary
    }

    /// Its working directory.
    pub fn folder(&self) -> &Path {
        self.cwd.as_deref().unwrap_or_else(|| self.folder.path())
    }

    /// Starts it and waits for its end.
    ///
    /// # Panics
    /// When it takes longer than its limit; its output is shown.
    pub fn run(&self) -> Finished {
        self.spawn().finish()
    }

    /// Starts it.
    pub fn spawn(&self) -> Running {
        let output = tempfile::tempdir().expect("a temporary folder for the output");
        let file = |name: &str| File::create(output.path().join(name)).expect("a file for the output");
        let mut command = self.command();
        for (name, _) in std::env::vars_os() {
            let text = name.to_string_lossy();
            let ours = text.starts_with("DRAGLINE_") || text.starts_with("PG");
            if ours || ["DATABASE_URL", "SHUTDOWN_TIMEOUT_SECONDS"].contains(&&*text) {
                command.env_remove(&name);
            }
        }
        command
            .args(&self.args)
            .envs(self.env.iter().map(|(name, value)| (name, value)))
            .current_dir(self.folder())
            .stdin(Stdio::null())
            .stdout(file("stdout"))
            .stderr(file("stderr"));
        let words: Vec<_> = self.args.iter().map(|arg| arg.to_string_lossy()).collect();
        let shown = format!("{} {}", self.binary.display(), words.join(" "));
        let child = command.spawn().unwrap_or_else(|error| panic!("{shown}: {error}"));
        Running {
            child,
            command: shown,
            started: Instant::now(),
            limit: self.limit,
            output,
            _folder: Arc::clone(&self.folder),
        }
    }

    /// Tests may run in the background of a script, where a shell makes everything ignore these signals.
    fn command(&self) -> Command {
        if !ignores_signals() {
            return Command::new(&self.binary);
        }
        let mut command = Command::new("env");
        command.arg("--default-signal=INT,QUIT,HUP").arg(&self.binary);
        command
    }
}

/// Whether this process ignores SIGHUP, SIGINT or SIGQUIT, and its children with it.
fn ignores_signals() -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.is_some_and(|mask| u64::from_str_radix(mask.trim(), 16).unwrap_or_default() & 0b111 != 0)
}

impl Running {
    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// What it wrote to stdout so far.
    pub fn stdout(&self) -> String {
        self.read("stdout")
    }

    /// What it wrote to stderr so far.
    pub fn stderr(&self) -> String {
        self.read("stderr")
    }

    /// Whether it still runs.
    pub fn is_running(&mut self) -> bool {
        self.status().is_none()
    }

    /// Sends a signal by its name: `TERM`, `INT`, `STOP` … After `STOP` it stands still.
    pub fn signal(&self, name: &str) {
        if name == "STOP" {
            suspend(self.pid());
        } else {
            kill(name, self.pid()).unwrap_or_else(|error| panic!("kill -{name} {}: {error}", self.pid()));
        }
    }

    /// Kills it on the spot and waits for its end.
    pub fn kill9(mut self) -> Finished {
        self.child.kill().expect("kill -9");
        let status = self.child.wait().expect("the status of a killed child");
        self.finished(status)
    }

    /// Checks again and again until `condition` holds.
    ///
    /// # Panics
    /// If it does not within `limit`, or if the process ends before. The message shows its output.
    pub fn wait_until(&mut self, what: &str, limit: Duration, mut condition: impl FnMut(&Self) -> bool) {
        let held = try_wait_for(limit, || {
            // Look at the status first: a process may make the condition true and then end, which is fine.
            let ended = self.status().is_some();
            if condition(self) { Some(true) } else { ended.then_some(false) }
        });
        match held {
            Some(true) => {}
            Some(false) => panic!("{what}: the process ended before\n{}", self.shown()),
            None => panic!("{what}: not within {:?}\n{}", patience(limit), self.shown()),
        }
    }

    /// Waits for its end, within the limit of its command line.
    ///
    /// # Panics
    /// When it takes longer; its output is shown.
    pub fn finish(self) -> Finished {
        let limit = self.limit;
        self.finish_within(limit)
    }

    /// Waits for its end.
    ///
    /// # Panics
    /// When it takes longer than `limit`; its output is shown.
    pub fn finish_within(mut self, limit: Duration) -> Finished {
        self.end_within(limit)
    }

    /// The same for one that is still to be asked about.
    ///
    /// # Panics
    /// When it takes longer than `limit`; its output is shown.
    pub fn end_within(&mut self, limit: Duration) -> Finished {
        match try_wait_for(limit, || self.status()) {
            Some(status) => self.finished(status),
            None => panic!("still running after {:?}\n{}", patience(limit), self.shown()),
        }
    }

    fn status(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().expect("the status of a child")
    }

    fn read(&self, name: &str) -> String {
        let bytes = fs::read(self.output.path().join(name)).expect("the output of a child");
        String::from_utf8_lossy(&bytes).into_owned()
    }

    fn finished(&self, status: ExitStatus) -> Finished {
        Finished {
            code: status.code(),
            stdout: self.stdout(),
            stderr: self.stderr(),
            elapsed: self.started.elapsed(),
            command: self.command.clone(),
        }
    }

    fn shown(&self) -> String {
        show(&self.command, "running or just ended", &self.stdout(), &self.stderr())
    }
}

/// A test that fails leaves no process behind.
impl Drop for Running {
    fn drop(&mut self) {
        // Both fail if it has already ended, which is fine.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Finished {
    /// Fails with everything known unless the exit code is `code`.
    ///
    /// # Panics
    /// When it is another.
    #[track_caller]
    pub fn assert_code(&self, code: i32) -> &Self {
        assert_eq!(self.code, Some(code), "unexpected exit code\n{self}");
        self
    }

    /// Fails with everything known unless `condition` holds.
    ///
    /// # Panics
    /// When it does not.
    #[track_caller]
    pub fn assert(&self, what: &str, condition: bool) -> &Self {
        assert!(condition, "{what}\n{self}");
        self
    }

    /// Fails with everything known unless stderr has `text`.
    ///
    /// # Panics
    /// When it does not.
    #[track_caller]
    pub fn assert_stderr(&self, text: &str) -> &Self {
        assert!(self.stderr.contains(text), "no {text:?} in stderr\n{self}");
        self
    }

    /// Fails with everything known unless stdout has `text`.
    ///
    /// # Panics
    /// When it does not.
    #[track_caller]
    pub fn assert_stdout(&self, text: &str) -> &Self {
        assert!(self.stdout.contains(text), "no {text:?} in stdout\n{self}");
        self
    }
}

impl std::fmt::Display for Finished {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let end = match self.code {
            Some(code) => format!("exit code {code} after {:?}", self.elapsed),
            None => format!("ended by a signal after {:?}", self.elapsed),
        };
        f.write_str(&show(&self.command, &end, &self.stdout, &self.stderr))
    }
}

/// Sends a signal by its name.
pub(crate) fn kill(name: &str, pid: u32) -> Result<(), String> {
    let kill = Command::new("kill").arg(format!("-{name}")).arg(pid.to_string()).output();
    let kill = kill.expect("the program `kill`");
    if kill.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&kill.stderr).into_owned()) }
}

/// Suspends a process, and waits until it stands still.
pub(crate) fn suspend(pid: u32) {
    kill("STOP", pid).unwrap_or_else(|error| panic!("kill -STOP {pid}: {error}"));
    // The kernel stops one thread after the other, and on a busy machine some go on for a while.
    wait_until("every thread is stopped", STOPPED, || is_suspended(pid));
}

/// The children of a process.
pub(crate) fn children(pid: u32) -> Vec<u32> {
    let threads = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    let lines = threads.filter_map(|thread| fs::read_to_string(thread.path().join("children")).ok());
    lines
        .flat_map(|line| line.split_whitespace().filter_map(|pid| pid.parse().ok()).collect::<Vec<_>>())
        .collect()
}

/// Whether all of its threads have stopped. Without `/proc`, nobody can tell.
fn is_suspended(pid: u32) -> bool {
    let Ok(threads) = fs::read_dir(format!("/proc/{pid}/task")) else { return true };
    threads.flatten().all(|thread| {
        let stat = fs::read_to_string(thread.path().join("stat")).unwrap_or_default();
        // `pid (name) state …`, and a name may have parentheses.
        stat.rsplit_once(") ").is_none_or(|(_, rest)| rest.starts_with('T'))
    })
}

fn show(command: &str, end: &str, stdout: &str, stderr: &str) -> String {
    format!("$ {command}\n({end})\n--- stdout ---\n{stdout}\n--- stderr ---\n{stderr}\n---")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Dragline {
        Dragline::new("/bin/sh").args(["-c", script])
    }

    #[test]
    fn output_code_and_environment_are_seen() {
        let finished = shell("echo $GREETING; echo bad >&2; exit 3").env("GREETING", "hi").run();
        finished.assert_code(3).assert_stdout("hi").assert_stderr("bad");
    }

    #[test]
    fn a_signal_reaches_the_process() {
        let script = "trap 'echo heard; exit 75' TERM; echo ready; while :; do sleep 0.05; done";
        let mut running = shell(script).spawn();
        running.wait_until("ready", Duration::from_secs(10), |running| running.stdout().contains("ready"));
        running.signal("TERM");
        running.finish().assert_code(75).assert_stdout("heard");
    }

    #[test]
    fn a_killed_process_has_no_code() {
        assert_eq!(shell("sleep 60").spawn().kill9().code, None);
    }
}
