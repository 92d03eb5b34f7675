//! A cgroup for each crawl, so that the kernel keeps its memory limit and kills nothing else. This needs version 2, and a cgroup that
//! was given to this process: a systemd unit with `Delegate=memory`, or a container that may write its own.
//!
//! The kernel allows a limit below a cgroup only while no process is in that cgroup itself. So the server moves into one below it, too.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// The server's own cgroup, next to those of the crawls.
const OF_THE_SERVER: &str = "dragline-serve";
/// The kernel's limit is so much above `max_memory`, as a share of it, so that the server can stop the crawl first.
const ABOVE: u64 = 8;
/// And at least so much.
const ABOVE_AT_LEAST: u64 = 32 << 20;

/// The cgroup in which those of the crawls are made.
#[derive(Debug)]
pub(crate) struct Cgroups {
    folder: PathBuf,
}

/// The cgroup of a crawl.
#[derive(Debug)]
pub(crate) struct CrawlCgroup {
    folder: PathBuf,
}

impl Cgroups {
    /// Prepares the cgroup of this process.
    ///
    /// # Errors
    /// Why that is not possible here, for people.
    pub(crate) fn set_up() -> Result<Self, String> {
        Self::below(Path::new("/"), std::process::id())
    }

    /// The same for a file system whose root is `root`.
    fn below(root: &Path, me: u32) -> Result<Self, String> {
        let folder = own_folder(root).ok_or("this machine has no cgroups of version 2")?;
        let controllers = fs::read_to_string(folder.join("cgroup.controllers")).unwrap_or_default();
        if !controllers.split_whitespace().any(|controller| controller == "memory") {
            return Err("its cgroup has no control of memory".to_owned());
        }
        // An earlier server may have moved this process there.
        let folder = match folder.file_name() {
            Some(name) if name == OF_THE_SERVER => folder.parent().unwrap_or(&folder).to_owned(),
            _ => folder,
        };
        let own = folder.join(OF_THE_SERVER);
        let refused = |error: io::Error| format!("its cgroup is not its own to change: {error}");
        match fs::create_dir(&own) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(refused(error)),
            _ => {}
        }
        let set = || -> io::Result<()> {
            fs::write(own.join("cgroup.procs"), me.to_string())?;
            fs::write(folder.join("cgroup.subtree_control"), "+memory")
        };
        set().map_err(|error| {
            let _ = fs::write(folder.join("cgroup.procs"), me.to_string());
            let _ = fs::remove_dir(&own);
            refused(error)
        })?;
        Ok(Self { folder })
    }

    /// Puts a crawl that has just started into a cgroup of its own.
    pub(crate) fn add(&self, pid: u32, max_memory: u64) -> io::Result<CrawlCgroup> {
        let folder = self.folder.join(format!("crawl-{pid}"));
        match fs::create_dir(&folder) {
            // An earlier process with this pid has left it, and nothing is in it.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            made => made?,
        }
        let crawl = CrawlCgroup { folder };
        let fill = || -> io::Result<()> {
            let limit = max_memory.saturating_add((max_memory / ABOVE).max(ABOVE_AT_LEAST));
            fs::write(crawl.folder.join("memory.max"), limit.to_string())?;
            // All of it or nothing: a crawl whose browser was killed would only fail its pages.
            fs::write(crawl.folder.join("memory.oom.group"), "1")?;
            fs::write(crawl.folder.join("cgroup.procs"), pid.to_string())
        };
        fill().inspect_err(|_| crawl.end())?;
        Ok(crawl)
    }
}

impl CrawlCgroup {
    /// How many of its processes the kernel has killed because memory ran out.
    pub(crate) fn oom_kills(&self) -> u64 {
        number_after(&self.folder.join("memory.events"), "oom_kill").unwrap_or_default()
    }

    /// Kills what is left in it, and removes it.
    pub(crate) fn end(&self) {
        let _ = fs::write(self.folder.join("cgroup.kill"), "1");
        let _ = fs::remove_dir(&self.folder);
    }
}

/// How many processes the kernel has killed in this container because memory ran out, if that is known.
pub(crate) fn oom_kills() -> Option<u64> {
    oom_kills_below(Path::new("/"))
}

fn oom_kills_below(root: &Path) -> Option<u64> {
    let own = own_folder(root).map(|folder| folder.join("memory.events"));
    let version_2 = own.into_iter().chain([root.join("sys/fs/cgroup/memory.events")]);
    let found = version_2.into_iter().find_map(|file| number_after(&file, "oom_kill"));
    found.or_else(|| {
        let cgroups = fs::read_to_string(root.join("proc/self/cgroup")).ok()?;
        let of_memory = |line: &str| {
            let (_, rest) = line.split_once(':')?;
            let (controllers, path) = rest.split_once(':')?;
            controllers.split(',').any(|it| it == "memory").then(|| path.to_owned())
        };
        let path = cgroups.lines().find_map(of_memory)?;
        let mount = root.join("sys/fs/cgroup/memory");
        // In a container, its own cgroup may be mounted as the root.
        [mount.join(path.trim_start_matches('/')), mount]
            .iter()
            .find_map(|folder| number_after(&folder.join("memory.oom_control"), "oom_kill"))
    })
}

/// The folder of this process in the tree of version 2.
fn own_folder(root: &Path) -> Option<PathBuf> {
    let cgroups = fs::read_to_string(root.join("proc/self/cgroup")).ok()?;
    let path = cgroups.lines().find_map(|line| line.strip_prefix("0::/"))?;
    let mount = root.join("sys/fs/cgroup");
    [mount.join(path), mount].into_iter().find(|folder| folder.join("cgroup.controllers").exists())
}

fn number_after(file: &Path, word: &str) -> Option<u64> {
    let text = fs::read_to_string(file).ok()?;
    let mut lines = text.lines().filter_map(|line| line.split_once(' '));
    lines.find(|(name, _)| *name == word)?.1.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file tree as the kernel shows it. It has no rules of its own, so it only shows what is written where.
    fn machine(files: &[(&str, &str)]) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        root
    }

    #[test]
    fn the_server_moves_aside_and_each_crawl_has_a_limit() {
        let unit = "sys/fs/cgroup/system.slice/dragline-serve.service";
        let root = machine(&[
            ("proc/self/cgroup", "0::/system.slice/dragline-serve.service\n"),
            (&format!("{unit}/cgroup.controllers"), "cpu memory pids\n"),
        ]);
        let cgroups = Cgroups::below(root.path(), 7).unwrap();
        let unit = root.path().join(unit);
        let read = |path: &str| fs::read_to_string(unit.join(path)).unwrap();
        assert_eq!(
            (read("dragline-serve/cgroup.procs"), read("cgroup.subtree_control")),
            ("7".into(), "+memory".into())
        );
        let crawl = cgroups.add(42, 512 << 20).unwrap();
        assert_eq!(read("crawl-42/cgroup.procs"), "42");
        assert_eq!(read("crawl-42/memory.max"), (576_u64 << 20).to_string());
        assert_eq!(crawl.oom_kills(), 0);
        fs::write(unit.join("crawl-42/memory.events"), "low 0\noom 2\noom_kill 3\noom_group_kill 1\n")
            .unwrap();
        assert_eq!(crawl.oom_kills(), 3);
        assert_eq!(
            cgroups.add(43, 1 << 20).map(|_| read("crawl-43/memory.max")).unwrap(),
            (33_u64 << 20).to_string()
        );
    }

    #[test]
    fn without_a_cgroup_of_its_own_it_says_why() {
        let none = machine(&[("proc/self/cgroup", "4:memory:/a\n")]);
        assert!(Cgroups::below(none.path(), 7).unwrap_err().contains("version 2"));
        let other =
            machine(&[("proc/self/cgroup", "0::/\n"), ("sys/fs/cgroup/cgroup.controllers", "cpu pids\n")]);
        assert!(Cgroups::below(other.path(), 7).unwrap_err().contains("no control of memory"));
    }

    #[test]
    fn the_kills_of_a_container_are_known_in_both_versions() {
        let two = machine(&[
            ("proc/self/cgroup", "0::/\n"),
            ("sys/fs/cgroup/cgroup.controllers", "memory\n"),
            ("sys/fs/cgroup/memory.events", "oom 1\noom_kill 4\n"),
        ]);
        assert_eq!(oom_kills_below(two.path()), Some(4));
        let one = machine(&[
            ("proc/self/cgroup", "9:pids:/\n4:memory:/a\n0::/\n"),
            ("sys/fs/cgroup/memory/a/memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 2\n"),
        ]);
        assert_eq!(oom_kills_below(one.path()), Some(2));
        assert_eq!(oom_kills_below(machine(&[]).path()), None);
    }
}
