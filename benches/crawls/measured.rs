//! A child process, and the resources that it used.

use std::io::{Read, Write};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use wait4::Wait4;

/// The resources that a process used.
#[derive(Clone, Debug)]
pub(crate) struct Measured {
    pub(crate) wall: Duration,
    /// User and kernel time of all threads.
    pub(crate) cpu: Duration,
    /// Peak resident memory.
    pub(crate) peak_bytes: u64,
    /// Its standard output.
    pub(crate) printed: String,
}

/// Runs a command with `input` on its standard input. Panics if the command fails.
pub(crate) fn run(command: &mut Command, input: &str) -> Measured {
    let began = Instant::now();
    let spawned = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
    let mut child = spawned.unwrap_or_else(|error| panic!("{command:?}: {error}"));
    if let Some(mut stdin) = child.stdin.take() {
        stdin.write_all(input.as_bytes()).expect("the child reads its input");
    }
    let mut printed = String::new();
    if let Some(mut stdout) = child.stdout.take() {
        stdout.read_to_string(&mut printed).expect("the child prints text");
    }
    let used = child.wait4().expect("the end of the child");
    assert!(used.status.success(), "{command:?} ended with {}:\n{printed}", used.status);
    let (wall, cpu) = (began.elapsed(), used.rusage.utime + used.rusage.stime);
    Measured { wall, cpu, peak_bytes: used.rusage.maxrss, printed }
}

/// A command that starts this program again.
pub(crate) fn this() -> Command {
    Command::new(std::env::current_exe().expect("the path of this program"))
}
