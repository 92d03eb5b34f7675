//! A crawl as a process of its own.
//!
//! A thread waits for its end and reports it. Only that thread reaps the process, and it does so with the lock held that every
//! signal takes. So no signal ever goes to another process that has got the pid since.
//!
//! It leads a process group of its own: a Ctrl-C in a terminal goes to the server only, and when the crawl has ended, programs that it
//! left behind in the group are killed.
//!
//! The process has a pipe as its stdin and stops when that closes (`--stop-with-stdin`). It closes with this process, however
//! this process ends.

use std::collections::VecDeque;
use std::io::{self, BufRead as _, BufReader, Read};
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use crossbeam_channel::Sender;
use dragline_core::worker::Worker;
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process, kill_process_group, waitid};

use crate::ending::ProcessEnd;

/// How many lines are kept to find out what a process said last.
const LINES_KEPT: usize = 20;
/// A longer line is passed on in pieces.
const MAX_LINE: u64 = 64 << 10;
/// How much of an error is kept with the tick.
const MAX_ERROR_CHARS: usize = 400;

/// From -1000 to 1000. The server has 0, or what its own supervisor gave it.
const OOM_SCORE: &str = "500";

/// A running process. Dropping it closes its stdin.
pub(crate) struct CrawlProcess {
    pub(crate) pid: u32,
    pub(crate) began: Instant,
    has_ended: Arc<Mutex<bool>>,
    lines: Arc<Mutex<VecDeque<String>>>,
    _stdin: Option<ChildStdin>,
    _threads: Vec<Worker<()>>,
}

/// Takes the lines that a process writes.
pub(crate) type OnLine = Arc<dyn Fn(&[u8]) + Send + Sync>;

impl CrawlProcess {
    /// Starts the process. Its end is sent as `key` with how it ended.
    pub(crate) fn start<K: Send + 'static>(
        mut command: Command,
        key: K,
        ended: Sender<(K, ProcessEnd)>,
        on_line: &OnLine,
    ) -> io::Result<Self> {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
        let mut child = command.spawn()?;
        prefer_to_the_server(child.id());
        let (pid, stdin) = (child.id(), child.stdin.take());
        let lines = Arc::<Mutex<VecDeque<String>>>::default();
        let has_ended = Arc::<Mutex<bool>>::default();
        let mut threads = Vec::new();
        if let Some(stdout) = child.stdout.take() {
            threads.push(read(pid, stdout, &lines, on_line)?);
        }
        if let Some(stderr) = child.stderr.take() {
            threads.push(read(pid, stderr, &lines, on_line)?);
        }
        let is_reaped = Arc::clone(&has_ended);
        threads.push(Worker::spawn(format!("wait-{pid}"), move || {
            let end = wait(&mut child, &is_reaped);
            // Without a receiver, the server has ended.
            let _ = ended.send((key, end));
        })?);
        Ok(Self { pid, began: Instant::now(), has_ended, lines, _stdin: stdin, _threads: threads })
    }

    /// Sends a signal, unless the process has ended.
    pub(crate) fn signal(&self, signal: Signal) {
        let has_ended = lock(&self.has_ended);
        if !*has_ended && let Some(pid) = pid(self.pid) {
            let _ = kill_process(pid, signal);
        }
    }

    /// Asks it to stop. A process that stands still (SIGSTOP) goes on, or it could not hear that.
    pub(crate) fn stop(&self) {
        self.signal(Signal::TERM);
        self.signal(Signal::CONT);
    }

    /// The last error that it has told, for people.
    pub(crate) fn last_error(&self) -> Option<String> {
        let lines = lock(&self.lines);
        let is_error = |line: &&String| line.starts_with("error: ") || line.contains("\"level\":\"ERROR\"");
        let line = lines.iter().rev().find(is_error)?;
        let text = line.strip_prefix("error: ").unwrap_or(line);
        Some(text.chars().take(MAX_ERROR_CHARS).collect())
    }
}

/// Waits for the end without reaping first, so that nobody signals a pid that is free.
fn wait(child: &mut Child, is_reaped: &Mutex<bool>) -> ProcessEnd {
    if let Some(pid) = pid(child.id()) {
        while matches!(
            waitid(WaitId::Pid(pid), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT),
            Err(rustix::io::Errno::INTR)
        ) {}
    }
    // Until it is reaped, no other group can have its number.
    let _ = pid(child.id()).map(|pid| kill_process_group(pid, Signal::KILL));
    let mut is_reaped = lock(is_reaped);
    *is_reaped = true;
    // If somebody else has reaped it, its status is lost.
    child.wait().map_or(ProcessEnd::Code(1), end_of)
}

/// If memory runs out, the kernel shall kill a crawl and not the server. A process may always raise this.
fn prefer_to_the_server(pid: u32) {
    let _ = std::fs::write(format!("/proc/{pid}/oom_score_adj"), OOM_SCORE);
}

fn end_of(status: ExitStatus) -> ProcessEnd {
    match (status.code(), status.signal()) {
        (Some(code), _) => ProcessEnd::Code(code),
        (None, signal) => ProcessEnd::Signal(signal.unwrap_or_default()),
    }
}

fn read(
    pid: u32,
    from: impl Read + Send + 'static,
    lines: &Arc<Mutex<VecDeque<String>>>,
    on_line: &OnLine,
) -> io::Result<Worker<()>> {
    let (lines, on_line) = (Arc::clone(lines), Arc::clone(on_line));
    Worker::spawn(format!("lines-{pid}"), move || {
        let mut from = BufReader::new(from);
        loop {
            let mut line = Vec::new();
            match from.by_ref().take(MAX_LINE).read_until(b'\n', &mut line) {
                Ok(0) | Err(_) => return,
                Ok(_) => {}
            }
            on_line(&line);
            let mut kept = lock(&lines);
            kept.push_back(String::from_utf8_lossy(&line).trim_end().to_owned());
            if kept.len() > LINES_KEPT {
                kept.pop_front();
            }
        }
    })
}

fn pid(pid: u32) -> Option<Pid> {
    i32::try_from(pid).ok().and_then(Pid::from_raw)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    const LIMIT: Duration = Duration::from_secs(20);

    #[test]
    fn an_end_is_reported_with_the_last_error() {
        let (sender, ended) = crossbeam_channel::bounded(1);
        let seen = Arc::<Mutex<Vec<u8>>>::default();
        let into = Arc::clone(&seen);
        let on_line: OnLine = Arc::new(move |line| lock(&into).extend_from_slice(line));
        let mut shell = Command::new("sh");
        shell.args(["-c", "echo out; echo 'error: no luck' >&2; exit 7"]);
        let process = CrawlProcess::start(shell, 12, sender, &on_line).unwrap();
        assert_eq!(ended.recv_timeout(LIMIT).unwrap(), (12, ProcessEnd::Code(7)));
        // Its lines may come after its end.
        let since = Instant::now();
        let all = "out\nerror: no luck\n".len();
        while lock(&seen).len() < all || process.last_error().is_none() {
            assert!(since.elapsed() < LIMIT, "{:?}", lock(&seen));
            let _ = ended.recv_timeout(Duration::from_millis(10));
        }
        assert_eq!((process.last_error().as_deref(), lock(&seen).len()), (Some("no luck"), all));
        // It has ended, so this goes to nobody.
        process.signal(Signal::KILL);
    }

    #[test]
    fn a_process_that_stands_still_hears_a_stop() {
        let (sender, ended) = crossbeam_channel::bounded(1);
        let mut cat = Command::new("cat");
        cat.arg("-");
        let process = CrawlProcess::start(cat, (), sender, &(Arc::new(|_: &[u8]| {}) as OnLine)).unwrap();
        process.signal(Signal::STOP);
        process.stop();
        assert_eq!(ended.recv_timeout(LIMIT).unwrap(), ((), ProcessEnd::Signal(15)));
    }

    #[test]
    fn what_it_leaves_behind_in_its_group_ends_with_it() {
        let (sender, ended) = crossbeam_channel::bounded(1);
        let (lines, line) = crossbeam_channel::bounded(1);
        let on_line: OnLine = Arc::new(move |line| lines.send(String::from_utf8_lossy(line).into()).unwrap());
        let mut shell = Command::new("sh");
        shell.args(["-c", "sleep 1000 >/dev/null 2>&1 & echo $!"]);
        let _process = CrawlProcess::start(shell, (), sender, &on_line).unwrap();
        let left: String = line.recv_timeout(LIMIT).unwrap();
        assert_eq!(ended.recv_timeout(LIMIT).unwrap(), ((), ProcessEnd::Code(0)));
        let stat = format!("/proc/{}/stat", left.trim());
        let is_alive = || std::fs::read_to_string(&stat).is_ok_and(|stat| !stat.contains(") Z"));
        let since = Instant::now();
        while is_alive() {
            assert!(since.elapsed() < LIMIT, "pid {left} is still there");
            let _ = ended.recv_timeout(Duration::from_millis(10));
        }
    }

    #[test]
    fn its_stdin_closes_with_it() {
        let (sender, ended) = crossbeam_channel::bounded(1);
        let process =
            CrawlProcess::start(Command::new("cat"), (), sender, &(Arc::new(|_: &[u8]| {}) as OnLine))
                .unwrap();
        assert!(ended.recv_timeout(Duration::from_millis(200)).is_err());
        drop(process);
        assert_eq!(ended.recv_timeout(LIMIT).unwrap(), ((), ProcessEnd::Code(0)));
    }
}
