//! A private folder for the sockets of crawls. A server locks its folder, so another one can tell that it is gone, and removes what
//! it has left.

use std::fs::{self, DirBuilder, File, TryLockError};
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

/// The beginning of the names of such folders.
const PREFIX: &str = "dragline-serve-";
/// The same before a folder is locked.
const UNLOCKED_PREFIX: &str = ".dragline-serve-";
/// Bytes that the rest of a socket's path takes: the number of the crawl, and the name of the socket.
const ROOM: usize = 32;
/// The longest path of a socket, in bytes, on every Unix.
const MAX_SOCKET_PATH: usize = 103;
/// Names that are looked at to find what others have left.
const MAX_NAMES: usize = 10_000;
/// How many names are tried.
const TRIES: u32 = 100;

/// See the module.
pub(super) struct PrivateFolder {
    path: PathBuf,
    _lock: File,
}

impl PrivateFolder {
    /// A folder in the one for temporary files, or in `/tmp` if its path is too long for a socket.
    pub(super) fn new() -> io::Result<Self> {
        let usual = std::env::temp_dir();
        let is_short = usual.as_os_str().as_bytes().len() + PREFIX.len() + 2 * ROOM <= MAX_SOCKET_PATH;
        Self::within(if is_short { &usual } else { Path::new("/tmp") })
    }

    fn within(base: &Path) -> io::Result<Self> {
        remove_left_ones(base);
        let mut tried = 0;
        let name = loop {
            let name = format!("{}-{:08x}", std::process::id(), random());
            let path = base.join(format!("{UNLOCKED_PREFIX}{name}"));
            match DirBuilder::new().mode(0o700).create(&path) {
                Ok(()) => break name,
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists && tried < TRIES => tried += 1,
                Err(error) => return Err(error),
            }
        };
        let unlocked = base.join(format!("{UNLOCKED_PREFIX}{name}"));
        let lock = File::open(&unlocked)?;
        lock.try_lock()?;
        // Others look only at names that are locked from the beginning.
        let path = base.join(format!("{PREFIX}{name}"));
        fs::rename(&unlocked, &path)?;
        Ok(Self { path, _lock: lock })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for PrivateFolder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.path);
    }
}

/// Removes the folders of servers that were killed.
fn remove_left_ones(base: &Path) {
    let me = rustix::process::geteuid().as_raw();
    let Ok(names) = fs::read_dir(base) else { return };
    for entry in names.take(MAX_NAMES).flatten() {
        if !entry.file_name().as_bytes().starts_with(PREFIX.as_bytes()) {
            continue;
        }
        let path = entry.path();
        let is_own = fs::symlink_metadata(&path).is_ok_and(|found| found.is_dir() && found.uid() == me);
        let Some(folder) = is_own.then(|| File::open(&path).ok()).flatten() else { continue };
        match folder.try_lock() {
            Ok(()) => drop(fs::remove_dir_all(&path)),
            Err(TryLockError::WouldBlock | TryLockError::Error(_)) => {}
        }
    }
}

/// A number that differs between processes and calls.
fn random() -> u32 {
    use std::hash::{BuildHasher as _, RandomState};

    #[allow(clippy::cast_possible_truncation)] // any bits will do
    let number = RandomState::new().hash_one(0) as u32;
    number
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_killed_server_has_left_is_removed_and_the_rest_stays() {
        let base = tempfile::tempdir().unwrap();
        let living = PrivateFolder::within(base.path()).unwrap();
        let left = base.path().join(format!("{PREFIX}7-0"));
        fs::create_dir_all(left.join("1/endpoint")).unwrap();
        let other = base.path().join("something-else");
        fs::create_dir(&other).unwrap();
        let second = PrivateFolder::within(base.path()).unwrap();
        assert!(!left.exists() && other.exists() && living.path().exists());
        assert_eq!(fs::metadata(second.path()).unwrap().mode() & 0o777, 0o700);
        let path = second.path().to_owned();
        drop(second);
        assert!(!path.exists());
    }
}
