//! One writer per run: a lock on a file next to the database.
//!
//! The operating system releases the lock, however the process ends. The holder removes the file with the lock. So
//! a lock counts only if its file still has that name.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

/// A held lock.
#[derive(Debug)]
pub(super) struct RunLock {
    path: PathBuf,
    /// The lock lives as long as the open file.
    _file: File,
}

impl RunLock {
    /// Tries once. `None` if another process holds the lock.
    pub(super) fn try_take(database: &Path, run: &str) -> io::Result<Option<Self>> {
        let path = path_of(database, run)?;
        let file = OpenOptions::new().create(true).truncate(false).write(true).open(&path)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(None),
            Err(TryLockError::Error(error)) => return Err(error),
        }
        let still_there = std::fs::metadata(&path).is_ok_and(|named| {
            file.metadata().is_ok_and(|locked| (named.dev(), named.ino()) == (locked.dev(), locked.ino()))
        });
        Ok(still_there.then_some(Self { path, _file: file }))
    }
}

/// Whether a process holds the lock of a run. Unlike an attempt to take it, this creates no file.
pub(super) fn is_held(database: &Path, run: &str) -> io::Result<bool> {
    let file = match File::open(path_of(database, run)?) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        opened => opened?,
    };
    match file.try_lock_shared() {
        Ok(()) => Ok(false),
        Err(TryLockError::WouldBlock) => Ok(true),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

impl Drop for RunLock {
    fn drop(&mut self) {
        // A file that stays behind is harmless, because the lock on it is gone.
        let _ = std::fs::remove_file(&self.path);
    }
}

/// `DATABASE-run-DIGEST.lock`. Links are followed first, because two names of one database must give the same lock.
fn path_of(database: &Path, run: &str) -> io::Result<PathBuf> {
    let mut name = database.canonicalize()?.into_os_string();
    name.push("-run-");
    for byte in &Sha256::digest(run.as_bytes())[..8] {
        name.push(format!("{byte:02x}"));
    }
    name.push(".lock");
    Ok(name.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_has_one_holder_and_leaves_no_file() {
        let folder = tempfile::tempdir().unwrap();
        let database = folder.path().join("x.db");
        File::create(&database).unwrap();
        assert!(!is_held(&database, "one").unwrap());
        let held = RunLock::try_take(&database, "one").unwrap();
        assert!(held.is_some() && is_held(&database, "one").unwrap());
        assert!(RunLock::try_take(&database, "one").unwrap().is_none());
        let link = folder.path().join("link.db");
        std::os::unix::fs::symlink(&database, &link).unwrap();
        assert!(RunLock::try_take(&link, "one").unwrap().is_none());
        assert!(RunLock::try_take(&database, "other").unwrap().is_some());
        drop(held);
        assert!(!is_held(&database, "one").unwrap());
        assert!(RunLock::try_take(&database, "one").unwrap().is_some());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2);
    }
}
