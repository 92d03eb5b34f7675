//! The errors of a store, and whether the same call may work later.

/// Why a store failed.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The store is away, busy or full. You can try again.
    #[error("{store} is not available ({what})")]
    Unavailable {
        /// Where the store is.
        store: String,
        /// What was tried.
        what: String,
        /// The database's code, if it answered.
        sqlstate: Option<String>,
        /// The cause.
        source: Source,
    },
    /// The store answers but gave up the operation, because of a deadlock, a conflict or a time limit. You can try again,
    /// and a smaller part may succeed.
    #[error("{store} gave up {what}")]
    GaveUp {
        /// Where the store is.
        store: String,
        /// What was tried.
        what: String,
        /// The database's code.
        sqlstate: Option<String>,
        /// The cause.
        source: Source,
    },
    /// A row is at fault. Without it, the others would be stored.
    #[error("the store refuses a row: {message}")]
    Refused {
        /// The store's message.
        message: String,
        /// The database's code.
        sqlstate: Option<String>,
    },
    /// Another process has taken over the run and raised its epoch.
    #[error("run {run_id} was taken over by another process (this one is epoch {epoch})")]
    Superseded {
        /// The run.
        run_id: i64,
        /// Our epoch.
        epoch: i64,
    },
    /// Another worker of a shared run has declared this one dead.
    #[error("worker {worker_id} of run {run_id} was declared dead, because its lease had expired")]
    Fenced {
        /// The run.
        run_id: i64,
        /// This worker.
        worker_id: i64,
    },
    /// Something that the run needs was deleted: its own row, or a request in hand.
    #[error("{what} of run {run_id} is no longer in the store")]
    Gone {
        /// The run.
        run_id: i64,
        /// What is missing.
        what: String,
    },
    /// Another process holds the run.
    #[error("run {name:?} is held by another process: {holder}")]
    Locked {
        /// The run's name.
        name: String,
        /// Pid, host and last heartbeat of the holder, as far as known.
        holder: String,
    },
    /// Tables differ from what the program needs.
    #[error("{problem}")]
    Schema {
        /// Table, column and difference.
        problem: String,
        /// The statements that fix it.
        remedy: String,
    },
    /// The store cannot be used as given: wrong URL, password, database, privilege.
    #[error("{problem}")]
    Setup {
        /// What is wrong.
        problem: String,
        /// What to do.
        hint: String,
    },
    /// The flush was cancelled from outside.
    #[error("the flush was cancelled")]
    Cancelled,
    /// A fault that does not go away by trying again.
    #[error("{what} failed in {store}")]
    Broken {
        /// Where the store is.
        store: String,
        /// What was tried.
        what: String,
        /// The cause.
        source: Source,
    },
}

/// The cause of a store's error.
pub type Source = Box<dyn std::error::Error + Send + Sync>;

/// `disk_full` of Postgres, and `SQLITE_FULL`.
const DISK_FULL: [&str; 2] = ["53100", "13"];

/// `SQLITE_BUSY`, and its variants for a recovery, a snapshot and a timeout.
const FILE_BUSY: [&str; 4] = ["5", "261", "517", "773"];

impl StoreError {
    /// The run's own row is gone.
    pub fn run_gone(run_id: i64) -> Self {
        Self::Gone { run_id, what: "the row".to_owned() }
    }

    /// The request of a page is gone.
    pub fn page_gone(run_id: i64, url: &str) -> Self {
        Self::Gone { run_id, what: format!("the request for {url}") }
    }

    /// Whether the same call may succeed later without anybody changing anything here.
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::Unavailable { .. } | Self::GaveUp { .. })
    }

    /// What to do about it.
    pub fn hint(&self) -> Option<&str> {
        match self {
            Self::Unavailable { sqlstate: Some(code), .. } if DISK_FULL.contains(&code.as_str()) => {
                Some("its disk is full: make room, and the crawl goes on by itself")
            }
            Self::Unavailable { sqlstate: Some(code), .. } if FILE_BUSY.contains(&code.as_str()) => {
                Some("another process is writing to the file, or upgrading it: try again when it is done")
            }
            Self::Unavailable { .. } => Some("is the database running, and can it be reached from here?"),
            Self::GaveUp { .. } => {
                Some("does a lock, a trigger or a time limit of the database stand in its way?")
            }
            Self::Locked { .. } => Some("wait for it, stop it, or name another run with --run"),
            Self::Superseded { .. } => Some("nothing is lost: the other process goes on from what is stored"),
            Self::Fenced { .. } => Some("nothing is lost: the other workers go on from what is stored"),
            Self::Gone { .. } => Some(
                "were rows of crawl_runs or crawl_requests deleted meanwhile? --fresh begins the run again",
            ),
            Self::Schema { remedy, .. } => Some(remedy),
            Self::Setup { hint, .. } => Some(hint),
            Self::Refused { .. } | Self::Cancelled | Self::Broken { .. } => None,
        }
    }
}
