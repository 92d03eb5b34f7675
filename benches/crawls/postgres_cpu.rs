//! The CPU time that a Postgres server has taken so far, with all of its processes.

use std::fs;
use std::time::Duration;

use dragline_testkit::OwnServer;

/// The kernel counts in these.
const TICKS_PER_SECOND: f64 = 100.0;

/// Where the counts stand in `/proc/PID/stat`, after the name: parent, own user and system time, that of
/// children which have ended.
const PARENT: usize = 1;
const TIMES: std::ops::Range<usize> = 11..15;

/// What the server has taken.
pub(crate) fn taken(server: &OwnServer) -> Duration {
    let rows = server.query("SELECT split_part(pg_read_file('postmaster.pid'), chr(10), 1)");
    let postmaster: u64 = rows[0][0].parse().expect("a process id");
    let processes = fs::read_dir("/proc").expect("/proc").flatten();
    let pids = processes.filter_map(|entry| entry.file_name().to_str()?.parse::<u64>().ok());
    let ticks: f64 = pids
        .filter_map(|pid| {
            let fields = fields(pid)?;
            (pid == postmaster || fields.get(PARENT) == Some(&(postmaster as f64)))
                .then(|| fields.get(TIMES).unwrap_or_default().iter().sum::<f64>())
        })
        .sum();
    Duration::from_secs_f64(ticks / TICKS_PER_SECOND)
}

/// The numbers behind the name; the state, a letter, counts as zero.
fn fields(pid: u64) -> Option<Vec<f64>> {
    let line = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, behind) = line.rsplit_once(')')?;
    Some(behind.split_whitespace().map(|field| field.parse().unwrap_or(0.0)).collect())
}
