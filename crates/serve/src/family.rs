//! The processes of a crawl: the crawl itself, and the programs that it has started, such as a browser.
//!
//! One look at the process table says which processes there are, who started them, and how much memory they take. The server
//! adopts processes whose parent has ended (it is the subreaper of its descendants, or process 1). A variable in their environment,
//! [`TOKEN`], says which crawl they come from.

use std::collections::{BTreeMap, BTreeSet};
#[cfg(target_os = "linux")]
use std::fs;
use std::sync::LazyLock;
use std::time::{SystemTime, UNIX_EPOCH};

use rustix::process::{Pid, Signal, kill_process};

/// The variable that a crawl and all its descendants have. Its value is different for each crawl.
pub(crate) const TOKEN: &str = "SERVED_BY_DRAGLINE";

/// The beginning of the tokens of this server.
static MINE: LazyLock<String> = LazyLock::new(|| {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    format!("{}-{}-", std::process::id(), now.as_nanos())
});

/// The token of this server's crawl with a number.
pub(crate) fn token(number: u64) -> String {
    format!("{}{number}", *MINE)
}

/// A process as the table shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) pid: u32,
    parent: u32,
    /// In ticks since the start of the machine. With the pid, it names a process for good.
    pub(crate) began: u64,
    pub(crate) is_zombie: bool,
    resident: u64,
}

/// One look at the process table.
#[derive(Debug, Default)]
pub(crate) struct Processes {
    by_pid: BTreeMap<u32, Seen>,
    children: BTreeMap<u32, Vec<u32>>,
}

impl Processes {
    fn new(all: impl Iterator<Item = Seen>) -> Self {
        let mut table = Self::default();
        for seen in all {
            table.children.entry(seen.parent).or_default().push(seen.pid);
            table.by_pid.insert(seen.pid, seen);
        }
        table
    }

    /// The processes at this moment.
    #[cfg(target_os = "linux")]
    pub(crate) fn look() -> Self {
        let all = procfs::process::all_processes().into_iter().flatten();
        // A process may end while it is looked at.
        let stats = all.filter_map(|process| process.ok()?.stat().ok());
        Self::new(stats.map(|stat| Seen {
            pid: stat.pid.unsigned_abs(),
            parent: stat.ppid.unsigned_abs(),
            began: stat.starttime,
            is_zombie: stat.state == 'Z',
            resident: stat.rss * procfs::page_size(),
        }))
    }

    /// Nothing is known about other systems.
    #[cfg(not(target_os = "linux"))]
    pub(crate) fn look() -> Self {
        Self::new(std::iter::empty())
    }

    /// The children of a process.
    pub(crate) fn children(&self, of: u32) -> impl Iterator<Item = &Seen> {
        self.children.get(&of).into_iter().flatten().filter_map(|pid| self.by_pid.get(pid))
    }

    /// These processes and all that come from them.
    pub(crate) fn families(&self, roots: &[u32]) -> Vec<&Seen> {
        let (mut found, mut known, mut open) = (Vec::new(), BTreeSet::new(), roots.to_vec());
        while let Some(pid) = open.pop() {
            if let Some(seen) = self.by_pid.get(&pid)
                && known.insert(pid)
            {
                found.push(seen);
                open.extend(self.children.get(&pid).into_iter().flatten());
            }
        }
        found
    }
}

/// The memory of these processes. Above `limit`, it is looked at more closely: memory that several of them share is counted once.
pub(crate) fn memory(of: &[&Seen], limit: Option<u64>) -> u64 {
    let resident: u64 = of.iter().map(|seen| seen.resident).sum();
    if of.len() < 2 || limit.is_none_or(|limit| resident <= limit) {
        return resident;
    }
    of.iter().map(|seen| share(seen.pid).unwrap_or(seen.resident)).sum()
}

/// The memory of a process, and its share of what it shares with others.
#[cfg(target_os = "linux")]
fn share(pid: u32) -> Option<u64> {
    let text = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("Pss:"))?;
    Some(line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()? << 10)
}

#[cfg(not(target_os = "linux"))]
fn share(_: u32) -> Option<u64> {
    None
}

/// The token of a process that comes from a crawl of this server.
#[cfg(target_os = "linux")]
pub(crate) fn token_of(pid: u32) -> Option<String> {
    let environment = fs::read(format!("/proc/{pid}/environ")).ok()?;
    let name = format!("{TOKEN}=");
    let own = environment.split(|byte| *byte == 0).find_map(|it| it.strip_prefix(name.as_bytes()))?;
    Some(String::from_utf8_lossy(own).into_owned()).filter(|token| token.starts_with(&*MINE))
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn token_of(_: u32) -> Option<String> {
    None
}

/// Kills a process. If it has ended, nothing happens, because only this server reaps it.
pub(crate) fn kill(pid: u32) {
    if let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) {
        let _ = kill_process(pid, Signal::KILL);
    }
}

/// From now on, this process is the parent of its descendants whose own parent has ended. Process 1 is that anyway.
#[cfg(target_os = "linux")]
pub(crate) fn adopt_orphans() {
    use rustix::process::{getpid, set_child_subreaper};

    if let Err(error) = set_child_subreaper(Some(getpid())) {
        tracing::warn!(%error, "programs that a crawl leaves behind are not found, because the system doesn't hand them over");
    }
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn adopt_orphans() {}

/// Reaps a child that has ended.
pub(crate) fn reap(pid: u32) {
    use rustix::process::{WaitOptions, waitpid};

    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw);
    let _ = pid.map(|pid| waitpid(Some(pid), WaitOptions::NOHANG));
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;
    use std::io::{BufRead as _, BufReader};
    use std::process::{Command, Stdio};

    fn seen(pid: u32, parent: u32, resident: u64) -> Seen {
        Seen { pid, parent, began: 1, is_zombie: false, resident }
    }

    #[test]
    fn a_family_is_a_process_and_all_that_come_from_it() {
        // No process has pids as large as these.
        let at = |pid| 900_000_000 + pid;
        let of = |pid, parent| seen(at(pid), at(parent), 10);
        let table = Processes::new([of(1, 0), of(2, 1), of(3, 2), of(4, 2), of(5, 1), of(6, 5)].into_iter());
        let pids = |roots: &[u32]| {
            let roots: Vec<u32> = roots.iter().map(|pid| at(*pid)).collect();
            let mut pids: Vec<u32> = table.families(&roots).iter().map(|it| it.pid - at(0)).collect();
            pids.sort_unstable();
            pids
        };
        assert_eq!(pids(&[2]), [2, 3, 4]);
        assert_eq!(pids(&[2, 5, 3]), [2, 3, 4, 5, 6]);
        assert_eq!(pids(&[9]), [0; 0]);
        assert_eq!(table.children(at(1)).count(), 2);
        assert_eq!(memory(&table.families(&[at(2)]), Some(20)), 30, "their shares are not known");
    }

    #[test]
    fn this_process_is_in_the_table_with_its_child_and_their_memory() {
        let mut shell = Command::new("sh");
        shell.args(["-c", "sleep 100 & echo $!; wait"]).env(TOKEN, token(7)).stdout(Stdio::piped());
        let mut shell = shell.spawn().unwrap();
        let mut line = String::new();
        BufReader::new(shell.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let grandchild: u32 = line.trim().parse().unwrap();
        let table = Processes::look();
        let family = table.families(&[shell.id()]);
        assert_eq!(family.iter().map(|it| it.pid).collect::<Vec<_>>(), [shell.id(), grandchild]);
        assert!(table.children(std::process::id()).any(|it| it.pid == shell.id()));
        assert_eq!(token_of(grandchild), Some(token(7)));
        let (resident, shared) = (memory(&family, None), memory(&family, Some(1)));
        assert!(resident > 100 << 10 && shared <= resident, "{resident} {shared}");
        kill(grandchild);
        shell.wait().unwrap();
    }
}
