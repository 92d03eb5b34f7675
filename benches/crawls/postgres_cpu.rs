//! The CPU time that a Postgres server has used so far, with all of its processes.

use std::fs;
use std::time::Duration;

use dragline_testkit::OwnServer;

/// The kernel's unit of time.
const TICKS_PER_SECOND: f64 = 100.0;

/// The positions of the values in `/proc/PID/stat` after the name: parent, own user and system time, and those of
/// ended children.
const PARENT: usize = 1;
const TIMES: std::ops::Range<usize> = 11..15;

/// The CPU time of the server so far.
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

/// The numbers after the name. The state, which is a letter, is read as zero.
fn fields(pid: u64) -> Option<Vec<f64>> {
    let line = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, behind) = line.rsplit_once(')')?;
    Some(behind.split_whitespace().map(|field| field.parse().unwrap_or(0.0)).collect())
}
