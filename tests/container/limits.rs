//! Within the limits of a cgroup, of either version, that are not the machine's.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use dragline_testkit::{Asked, Dragline, Running, Site, ask, wait_for, wait_until};

use super::not_tested;
use crate::health::address;
use crate::stored::{Stored, dragline};

const SOON: Duration = Duration::from_secs(30);
const MEMORY: u64 = 512 << 20;

/// A cgroup of the test's own; it is gone when dropped.
struct Cgroup(PathBuf);

impl Cgroup {
    /// One with a limit of one of these files; `None` where none can be made, and then `what` could not be tested.
    fn new(what: &str, limits: &[(&str, &str, &str)]) -> Option<Self> {
        for (controller, file, limit) in limits {
            let folder = Path::new("/sys/fs/cgroup").join(controller);
            let cgroup = Self(folder.join(format!("dragline-test-{what}-{}", std::process::id())));
            if fs::create_dir(&cgroup.0).is_ok() && fs::write(cgroup.0.join(file), limit).is_ok() {
                return Some(cgroup);
            }
        }
        not_tested(
            &format!("a limit on {what}"),
            "No cgroup could be made: run the tests as root on the machine.",
        );
        None
    }

    /// A crawl in it that waits for its site, and where it listens.
    fn crawl(&self, site: &Site, stored: &Stored) -> Running {
        site.hold();
        let enter = format!("echo $$ > {}/cgroup.procs && exec \"$@\"", self.0.display());
        let crawl = Dragline::new("/bin/sh").args(["-c", &enter, "sh"]).arg(dragline().program());
        let crawl = crawl.args(["crawl", "site", "--start-url", &site.url("/"), "--store", &stored.url()]);
        let running = crawl.args(["--listen", "127.0.0.1:0"]).spawn();
        wait_until("the start page is asked for", SOON, || site.waiting() == 1);
        running
    }
}

impl Drop for Cgroup {
    fn drop(&mut self) {
        // Empty once its processes are gone, which they are: the tests end them first.
        let _ = fs::remove_dir(&self.0);
    }
}

fn status(running: &Running) -> Asked {
    // The log may be a moment late.
    let address = wait_for("it listens", SOON, || address(&running.stderr()));
    ask(address, "/status").unwrap()
}

#[test]
fn memory_follows_the_container() {
    let limit = MEMORY.to_string();
    let files = [("memory", "memory.limit_in_bytes", &*limit), ("", "memory.max", &limit)];
    let Some(cgroup) = Cgroup::new("memory", &files) else { return };
    let (site, stored) = (Site::generated(20, 3), Stored::sqlite());
    let running = cgroup.crawl(&site, &stored);
    let body: serde_json::Value = serde_json::from_str(&status(&running).body).unwrap();
    let told = body["memory"]["limit_bytes"].as_u64().unwrap();
    assert!(told.abs_diff(MEMORY / 5 * 4) < 10, "80 % of it: {body}");
    assert_eq!(body["memory"]["fetching_pauses"], false, "{body}");
    running.kill9();
}

#[test]
fn crawl_threads_follow_the_container() {
    // One of the machine's processors, of which it has more for this to show anything.
    let files = [("cpu", "cpu.cfs_quota_us", "100000"), ("", "cpu.max", "100000 100000")];
    let Some(cgroup) = Cgroup::new("cpu", &files) else { return };
    let (site, stored) = (Site::generated(20, 3), Stored::sqlite());
    let running = cgroup.crawl(&site, &stored);
    let threads = fs::read_dir(format!("/proc/{}/task", running.pid())).unwrap().flatten();
    let names = threads.filter_map(|thread| fs::read_to_string(thread.path().join("comm")).ok());
    let crawl: Vec<_> = names.filter(|name| name.starts_with("crawl-") && !name.contains("super")).collect();
    assert_eq!(crawl, ["crawl-0\n"]);
    running.kill9();
}
