//! The hosts of [`slow_server`](crate::slow_server), in a separate process.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use crate::measured;
use crate::slow_server::{HOSTS, host};

/// See the module.
pub(crate) struct Server {
    process: Child,
    stdout: BufReader<ChildStdout>,
    port: u16,
}

impl Server {
    /// Starts a server whose hosts answer after this delay.
    pub(crate) fn start(delay: Duration) -> Self {
        let mut command = measured::this();
        command.args(["slow-server", &delay.as_millis().to_string()]);
        let mut process =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("this program again");
        let mut stdout = BufReader::new(process.stdout.take().expect("its output"));
        let mut said = String::new();
        stdout.read_line(&mut said).expect("its port");
        Self { process, stdout, port: said.trim().parse().expect("its port") }
    }

    /// A crawl of all its hosts, without the politeness settings.
    pub(crate) fn crawl(&self, store: &str) -> Command {
        let mut crawl = Command::new(env!("CARGO_BIN_EXE_dragline"));
        crawl.args(["crawl", "site", "--log", "warn", "--crawl-threads", "2", "--store", store]);
        for number in 0..HOSTS {
            crawl.args(["--start-url", &format!("http://{}:{}/", host(number), self.port)]);
        }
        crawl
    }

    /// Ends the server. Returns, for each host, the gaps between requests as they arrived.
    pub(crate) fn end(mut self) -> Vec<Vec<Duration>> {
        // The server ends when its standard input ends.
        drop(self.process.stdin.take());
        let mut said = String::new();
        self.stdout.read_to_string(&mut said).expect("its last words");
        let _ = self.process.wait();
        let gap = |micros: &str| Duration::from_micros(micros.parse().unwrap_or_default());
        said.lines().map(|line| line.split(' ').skip(1).map(gap).collect()).collect()
    }
}
