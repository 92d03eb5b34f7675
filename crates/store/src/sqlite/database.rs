//! The one connection: how it is opened, and how blocking work on it is kept out of the runtime's way.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use dragline_core::store::{PoolStatus, StoreResult};
use dragline_core::{Latency, StoreError};
use rusqlite::{Connection, OpenFlags};
use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::sync::Mutex;

use super::cancel::Cancel;
use super::fault::Fault;
use super::seen;
use crate::sqlite_url::url;

/// How long to wait for another process to finish its transaction. `SQLite` cannot be interrupted while it waits, and a stop
/// gives cancelled flushes only 2 seconds. So this wait is shorter, and the caller tries again.
const MAX_BUSY_WAIT: Duration = Duration::from_secs(1);
/// This is enough for a few statements of each item type, and a dozen of our own.
const STATEMENT_CACHE: usize = 64;
/// The size to which a write-ahead log is cut back after a burst.
const LOG_BYTES_KEPT: i64 = 64 << 20;

/// A database file and the connection to it, once there is one.
pub(super) struct Database {
    path: PathBuf,
    busy_wait: Duration,
    /// An async lock, so that a caller that waits for a hanging disk can have a timeout.
    open: Mutex<Option<OpenDatabase>>,
    wait: Latency,
    pub(super) cancel: Cancel,
}

struct OpenDatabase {
    connection: Connection,
    /// Identifies the opened file, because someone may delete or replace it, and `SQLite` would not notice.
    file: (u64, u64),
}

impl Database {
    pub(super) fn new(path: &Path, lock_timeout: Duration) -> Self {
        let busy_wait = lock_timeout.min(MAX_BUSY_WAIT);
        Self {
            path: path.to_owned(),
            busy_wait,
            open: Mutex::new(None),
            wait: Latency::default(),
            cancel: Cancel::default(),
        }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// For logs and errors.
    pub(super) fn location(&self) -> String {
        url(&self.path)
    }

    /// Opens the connection unless it is open, and works on it. Its errors count as a wrong set-up.
    pub(super) async fn connect<T>(
        &self,
        create: bool,
        work: impl FnOnce(&mut Connection) -> Result<T, Fault>,
    ) -> StoreResult<T> {
        let mut open = self.open.lock().await;
        blocking(|| {
            let done = match &mut *open {
                Some(open) => work(&mut open.connection),
                None => self.open(create).and_then(|new| {
                    self.cancel.set_interrupt(Some(new.connection.get_interrupt_handle()));
                    work(&mut open.insert(new).connection)
                }),
            };
            done.map_err(|fault| fault.at_open(&self.location()))
        })
    }

    /// Works on the connection.
    pub(super) async fn work<T>(
        &self,
        what: &str,
        work: impl FnOnce(&mut Connection) -> Result<T, Fault>,
    ) -> StoreResult<T> {
        let asked = Instant::now();
        let mut open = self.open.lock().await;
        self.wait.note(asked.elapsed());
        blocking(|| {
            let done = match &mut *open {
                Some(open) => self.same_file(open).and_then(|()| work(&mut open.connection)),
                None => Err(Fault::Other("the store is not connected".into())),
            };
            done.map_err(|fault| fault.into_error(&self.location(), what))
        })
    }

    /// The connection as a pool of one.
    pub(super) fn status(&self) -> PoolStatus {
        let (busy, idle) = self.open.try_lock().map_or((1, 0), |open| (0, usize::from(open.is_some())));
        PoolStatus { busy, idle, max: 1, wait: self.wait.snapshot() }
    }

    /// Closes the connection.
    pub(super) async fn close(&self) {
        let mut open = self.open.lock().await;
        blocking(|| {
            self.cancel.set_interrupt(None);
            let Some(open) = open.take() else { return };
            if let Err((_, error)) = open.connection.close() {
                // Everything committed is in the file or in its log file, which the next process reads.
                tracing::warn!(store = self.location(), %error, "the database did not close cleanly");
            }
        });
    }

    fn open(&self, create: bool) -> Result<OpenDatabase, Fault> {
        // The program has refused this spelling. Somebody who opens the store by a path may not have read that.
        if self.path == Path::new(":memory:") {
            return Err(setup("memory is not a store", "name a file: --store sqlite:dragline.db"));
        }
        let folder = self.path.parent().filter(|folder| !folder.as_os_str().is_empty());
        if let Some(folder) = folder.filter(|folder| !folder.is_dir()) {
            return Err(setup(
                &format!("there is no folder {}", folder.display()),
                "make it, or name another",
            ));
        }
        if !create && !self.path.exists() {
            let problem = format!("there is no database {}", self.path.display());
            return Err(setup(&problem, "`dragline schema apply` makes it, and so does the first crawl"));
        }
        self.check_links()?;
        // Without the URI flag, the text is always a path, whatever it contains.
        let mut flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        if create {
            flags |= OpenFlags::SQLITE_OPEN_CREATE;
        }
        let connection = Connection::open_with_flags(&self.path, flags)?;
        connection.busy_timeout(self.busy_wait)?;
        connection.set_prepared_statement_cache_capacity(STATEMENT_CACHE);
        if connection.is_readonly("main")? {
            let problem = format!("{}: this user may not write the database", self.path.display());
            return Err(setup(
                &problem,
                "change the file's owner or mode, or work on a copy: even a reader writes files next to the database",
            ));
        }
        let mode: String =
            connection.pragma_update_and_check(None, "journal_mode", "wal", |row| row.get(0))?;
        if !mode.eq_ignore_ascii_case("wal") {
            let problem = format!("{}: SQLite keeps no write-ahead log here", self.path.display());
            return Err(setup(&problem, "keep the database on a local disk"));
        }
        // With FULL, a COMMIT that was answered is on the disk, even if the machine loses power.
        connection.pragma_update(None, "synchronous", "full")?;
        connection.pragma_update(None, "foreign_keys", true)?;
        seen::register(&connection)?;
        connection.pragma_update_and_check(None, "journal_size_limit", LOG_BYTES_KEPT, |_| Ok(()))?;
        let file = std::fs::metadata(&self.path).map(|file| identity(&file))?;
        Ok(OpenDatabase { connection, file })
    }

    /// `SQLite` names its log after the path, so processes that open one file by two names write two logs and destroy the
    /// database. A symbolic link is fine, because `SQLite` follows it first. A folder always has several names.
    fn check_links(&self) -> Result<(), Fault> {
        match std::fs::metadata(&self.path) {
            Ok(file) if file.is_file() && file.nlink() > 1 => Err(setup(
                &format!(
                    "the database {} has {} names (hard links), and each name would have a log of its own",
                    self.path.display(),
                    file.nlink()
                ),
                "keep one name: `find -samefile FILE` lists all of them, and a copy of the file or a symbolic link is fine",
            )),
            _ => Ok(()),
        }
    }

    /// Rows written into a deleted file would be lost without an error.
    fn same_file(&self, open: &OpenDatabase) -> Result<(), Fault> {
        match std::fs::metadata(&self.path) {
            Ok(file) if identity(&file) == open.file => Ok(()),
            _ => Err(setup(
                &format!(
                    "the database {} was moved, deleted or replaced during the crawl",
                    self.path.display()
                ),
                "put it back with its -wal file, or start again with a new one",
            )),
        }
    }
}

/// Runs blocking work where it holds up no other task. On a runtime with several threads, the other tasks continue.
fn blocking<T>(work: impl FnOnce() -> T) -> T {
    match Handle::try_current().map(|handle| handle.runtime_flavor()) {
        Ok(RuntimeFlavor::MultiThread) => tokio::task::block_in_place(work),
        _ => work(),
    }
}

fn identity(file: &Metadata) -> (u64, u64) {
    (file.dev(), file.ino())
}

fn setup(problem: &str, hint: &str) -> Fault {
    StoreError::Setup { problem: problem.to_owned(), hint: hint.to_owned() }.into()
}
