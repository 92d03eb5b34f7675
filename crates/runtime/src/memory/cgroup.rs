//! How much memory the container may take: the smallest limit of its cgroup and of those above it, version 1 or 2.
//! (The number of CPUs needs no such care: the standard library follows a cgroup's quota.)

use std::fs;
use std::path::{Path, PathBuf};

/// Version 1 writes its "no limit" as a number of about this size: the largest multiple of a page in 63 bits.
const NO_LIMIT: u64 = 1 << 62;

/// The limit in bytes, if there is one.
pub(super) fn memory_limit() -> Option<u64> {
    memory_limit_below(Path::new("/"))
}

/// The same for a file system whose root is `root`.
fn memory_limit_below(root: &Path) -> Option<u64> {
    let cgroups = fs::read_to_string(root.join("proc/self/cgroup")).ok()?;
    cgroups.lines().filter_map(|line| limit_of(root, line)).min()
}

/// A line is `0::/path` (version 2) or `4:memory:/path` (version 1).
fn limit_of(root: &Path, line: &str) -> Option<u64> {
    let mut parts = line.splitn(3, ':');
    let (_, controllers, path) = (parts.next()?, parts.next()?, parts.next()?);
    let mounts = root.join("sys/fs/cgroup");
    let (mount, file) = if controllers.is_empty() {
        (mounts, "memory.max")
    } else if controllers.split(',').any(|controller| controller == "memory") {
        (mounts.join("memory"), "memory.limit_in_bytes")
    } else {
        return None;
    };
    // In a container the path may be that of the host, while its own cgroup is mounted as the root.
    let path = PathBuf::from(path.trim_start_matches('/'));
    let folders = path.ancestors().map(|path| mount.join(path));
    folders.filter_map(|folder| number(&folder.join(file))).min()
}

fn number(file: &Path) -> Option<u64> {
    let limit: u64 = fs::read_to_string(file).ok()?.trim().parse().ok()?;
    (limit < NO_LIMIT).then_some(limit)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn machine(cgroup: &str, files: &[(&str, &str)]) -> Option<u64> {
        let root = tempfile::tempdir().unwrap();
        for (path, text) in [("proc/self/cgroup", cgroup)].iter().chain(files) {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        memory_limit_below(root.path())
    }

    #[test]
    fn the_smallest_limit_counts_in_both_versions() {
        let pod = "sys/fs/cgroup/pod/memory.max";
        let two = "0::/pod/crawl\n";
        assert_eq!(
            machine(two, &[(pod, "536870912\n"), ("sys/fs/cgroup/pod/crawl/memory.max", "max\n")]),
            Some(512 << 20)
        );
        assert_eq!(machine(two, &[(pod, "max\n")]), None);
        // Seen from inside, where the host's path is not there.
        assert_eq!(machine(two, &[("sys/fs/cgroup/memory.max", "1048576\n")]), Some(1 << 20));
        let one = "9:name=systemd:/\n4:memory:/a/b\n0::/\n";
        let file = "sys/fs/cgroup/memory/a/b/memory.limit_in_bytes";
        assert_eq!(machine(one, &[(file, "268435456\n")]), Some(256 << 20));
        assert_eq!(machine(one, &[(file, "9223372036854771712\n")]), None);
        assert_eq!(machine("", &[]), None);
    }
}
