//! Where runs, frontiers and items are kept: Postgres for production, `SQLite` where nothing is installed.
//!
//! ```text
//!                  open(url)
//!                      │
//!        ┌─────────────┴─────────────┐        a flush, on both:
//!        v                           v        epoch ─► pages still queued ─► new requests
//!  postgres://…                  sqlite:…           ─► items, table by table ─► states ─► COMMIT
//!  COPY into staging,            one file,
//!  two flushes at once           one flush at a time
//! ```
//!
//! Both keep the same promises (the [`Store`] trait in core says which) and pass one conformance suite,
//! `tests/conformance`. This crate root is all that they share: which URL opens which store, the limits in
//! [`StoreSettings`], the check of the names that get into statements, the text forms of columns, and when a run is
//! given up. SQL is in `schema.sql` and in the two folders here, nowhere else in the repository.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let folder = tempfile::tempdir()?;
//! # let url = format!("sqlite:{}", folder.path().join("crawl.db").display());
//! use dragline_store::{StoreSettings, open};
//!
//! let store = open(&url, &StoreSettings::default())?; // reads the URL and reaches nothing
//! store.connect().await?; // makes the tables if there are none
//! assert!(store.find_run("quotes").await?.is_none());
//! store.close().await;
//! # Ok(())
//! # }
//! ```
//!
//! This crate does not decide what is fetched when (the engine does), does not collect or retry batches (the
//! persistence pipeline does), and does not keep rows in memory while a store is away.

mod children;
mod columns;
mod figures;
mod fruitless;
mod identifier;
mod item_figures;
mod kept_link;
mod key_digest;
mod merge;
mod missing_requests;
mod newest_rows;
mod page_items;
pub mod postgres;
mod relations;
mod reparse;
mod settings;
pub mod sqlite;
mod sqlite_url;
mod table_order;
mod views;

use std::path::PathBuf;
use std::sync::Arc;

use dragline_core::reparse::Reparse;
use dragline_core::runs::RunAdmin;
use dragline_core::schedules::ScheduleStore;
use dragline_core::sql_answers::SqlAnswers;
use dragline_core::sql_database::SqlDatabase;
use dragline_core::store::{BoxFuture, RunSpec, StoreResult};
use dragline_core::{ItemType, RunKind, Store, StoreError};
use serde_json::Value as Json;

pub use reparse::nothing_to_parse;
pub use settings::StoreSettings;

/// What an administrator does with the tables of a store. Every store implements it.
pub trait SchemaAdmin: Store {
    /// The statements that make the store's own tables and those of `items`.
    ///
    /// # Errors
    /// [`StoreError::Setup`] for an invalid name.
    fn ddl(&self, items: &[ItemType]) -> StoreResult<String>;

    /// Creates the missing tables, including those with `auto_create = false`, and upgrades an older schema.
    /// Returns one line for each thing that it did. It does not change existing item tables; [`SchemaAdmin::check`]
    /// says what must change in them.
    fn apply<'a>(&'a self, items: &'a [ItemType]) -> BoxFuture<'a, StoreResult<Vec<String>>>;

    /// Compares all tables with the database and changes nothing.
    ///
    /// # Errors
    /// [`StoreError::Schema`] with the statements that mend every difference.
    fn check<'a>(&'a self, items: &'a [ItemType]) -> BoxFuture<'a, StoreResult<()>>;
}

/// The store of a URL. This does not connect yet; [`Store::connect`] does.
///
/// # Errors
/// [`StoreError::Setup`] when the URL names no store.
pub fn open(url: &str, settings: &StoreSettings) -> Result<Arc<dyn Store>, StoreError> {
    Ok(match StoreKind::parse(url)? {
        StoreKind::Postgres => Arc::new(postgres::PostgresStore::new(url, settings)?),
        StoreKind::Sqlite(path) => Arc::new(sqlite::SqliteStore::new(&path, settings)?),
    })
}

/// The same, for `dragline schema`.
///
/// # Errors
/// [`StoreError::Setup`] when the URL names no store.
pub fn open_admin(url: &str, settings: &StoreSettings) -> Result<Box<dyn SchemaAdmin>, StoreError> {
    Ok(match StoreKind::parse(url)? {
        StoreKind::Postgres => Box::new(postgres::PostgresStore::new(url, settings)?),
        StoreKind::Sqlite(path) => Box::new(sqlite::SqliteStore::new(&path, settings)?),
    })
}

/// The same, for `dragline runs`.
///
/// # Errors
/// [`StoreError::Setup`] when the URL names no store.
pub fn open_runs(url: &str, settings: &StoreSettings) -> Result<Box<dyn RunAdmin>, StoreError> {
    Ok(match StoreKind::parse(url)? {
        StoreKind::Postgres => Box::new(postgres::PostgresStore::new(url, settings)?),
        StoreKind::Sqlite(path) => Box::new(sqlite::SqliteStore::new(&path, settings)?),
    })
}

/// The same, for `dragline serve` and `dragline schedule`.
///
/// # Errors
/// [`StoreError::Setup`] when the URL names no store.
pub fn open_schedules(url: &str, settings: &StoreSettings) -> Result<Arc<dyn ScheduleStore>, StoreError> {
    Ok(match StoreKind::parse(url)? {
        StoreKind::Postgres => Arc::new(postgres::PostgresStore::new(url, settings)?),
        StoreKind::Sqlite(path) => Arc::new(sqlite::SqliteStore::new(&path, settings)?),
    })
}

/// A database that look-ups ask, at this URL. This does not connect yet.
///
/// # Errors
/// [`StoreError::Setup`] when the URL names no database.
pub fn open_answers(database: &SqlDatabase, url: &str) -> Result<Arc<dyn SqlAnswers>, StoreError> {
    Ok(match StoreKind::parse(url)? {
        StoreKind::Postgres => Arc::new(postgres::sql_answers::PostgresAnswers::new(database, url)?),
        StoreKind::Sqlite(path) => Arc::new(sqlite::sql_answers::SqliteAnswers::new(database, path)),
    })
}

/// The error for a run that does not exist.
pub(crate) fn no_such_run(run_id: i64) -> StoreError {
    StoreError::Setup {
        problem: format!("there is no run {run_id}"),
        hint: "`dragline runs list` shows all runs".to_owned(),
    }
}

/// The error for reopening a run that has a successor.
pub(crate) fn not_the_newest(run_id: i64, name: &str, newer: i64) -> StoreError {
    StoreError::Setup {
        problem: format!("run {run_id} has ended, and run {newer} of the name {name:?} has begun since"),
        hint: format!(
            "the newer one has asked for the same pages: look at it with `dragline runs show {newer}`"
        ),
    }
}

/// The error for opening a run whose requests are gone.
pub(crate) fn is_pruned(run_id: i64) -> StoreError {
    StoreError::Setup {
        problem: format!("run {run_id} was pruned, so its requests are no longer in the store"),
        hint: "the next `dragline crawl` of its name starts a new run".to_owned(),
    }
}

/// The error for resuming the run of another spider. This spider could not parse its requests.
pub(crate) fn of_another_spider(spec: &RunSpec, spider: &str) -> StoreError {
    StoreError::Setup {
        problem: format!(
            "the unfinished run {:?} belongs to the spider {spider}, not to {}",
            spec.name, spec.spider
        ),
        hint: "choose another name with --run, or end that run with --fresh".to_owned(),
    }
}

/// The error for resuming a run as something else than it is.
pub(crate) fn of_another_kind(spec: &RunSpec, run_id: i64, kind: RunKind) -> StoreError {
    let name = &spec.name;
    let hint = match (kind, spec.kind) {
        (RunKind::Replay, RunKind::Crawl) => "add --replay to go on with it, or end it with --fresh",
        (_, RunKind::Replay) => "leave --replay out to go on with it, or choose another name with --run",
        (RunKind::Import, _) | (_, RunKind::Import) => {
            "choose another name with --run, or end that run with `dragline runs end`"
        }
        _ => "choose another name with --run, or end that run with --fresh",
    };
    StoreError::Setup {
        problem: format!(
            "the unfinished run {name:?} (id {run_id}) is of the kind {kind}, not {}",
            spec.kind
        ),
        hint: hint.to_owned(),
    }
}

/// The error for resuming a reparse of something else.
pub(crate) fn of_other_pages(spec: &RunSpec, run_id: i64) -> StoreError {
    StoreError::Setup {
        problem: format!(
            "the unfinished reparse {:?} (id {run_id}) reads other pages, or treats links differently",
            spec.name
        ),
        hint: "choose another name with --run, or end that run with --fresh".to_owned(),
    }
}

/// Whether the run of `spec` can go on as this unfinished one, which has these arguments.
pub(crate) fn check_same_kind(
    spec: &RunSpec,
    run_id: i64,
    kind: RunKind,
    args: &Json,
) -> Result<(), StoreError> {
    if kind != spec.kind {
        return Err(of_another_kind(spec, run_id, kind));
    }
    if spec.reparse != args.get(Reparse::ARGUMENT).and_then(Reparse::from_json) {
        return Err(of_other_pages(spec, run_id));
    }
    Ok(())
}

/// The error for a run with an unknown shard rule.
pub(crate) fn unknown_rule(location: &str, run_id: i64, rule: &str, shards: i16) -> StoreError {
    StoreError::Setup {
        problem: format!("{location}: run {run_id} has the unknown shard rule {rule:?} with {shards} shards"),
        hint: "use the dragline that began the run, or a newer one; --fresh gives the run up".to_owned(),
    }
}

/// The error for an upgrade during a crawl. A process of the older version would fail at its next flush.
pub(crate) fn crawl_is_running(location: &str, pid: i32, hostname: &str, run: &str) -> StoreError {
    StoreError::Setup {
        problem: format!("{location}: pid {pid} on {hostname} works on the run {run:?}"),
        hint: "stop every crawl in this database first; the new version resumes them".to_owned(),
    }
}

/// Describes a process that held the run when this process started, and has ended the run since. If two processes
/// start at once, only one of them crawls, however short the crawl is.
pub(crate) fn just_ended(pid: u32, hostname: &str, state: &str) -> String {
    format!("pid {pid} on {hostname}, which has just ended it as {state}; start again for a new run")
}

enum StoreKind {
    Postgres,
    Sqlite(PathBuf),
}

impl StoreKind {
    fn parse(url: &str) -> Result<Self, StoreError> {
        if postgres::is_keyword_form(url) {
            return Ok(Self::Postgres);
        }
        // The rest of a URL may hold a password: only its scheme is ever repeated.
        let Some((scheme, rest)) = url.split_once(':') else {
            return Err(wrong("the store's URL has no scheme", None));
        };
        match scheme {
            "postgres" | "postgresql" if rest.starts_with("//") => Ok(Self::Postgres),
            "postgres" | "postgresql" => {
                Err(wrong(&format!("the store's URL has no // after {scheme}:"), Some(KnownScheme::Postgres)))
            }
            "sqlite" => Ok(Self::Sqlite(sqlite_url::path(rest)?)),
            other => Err(wrong(&format!("no store is called {other:?}"), KnownScheme::like(other))),
        }
    }
}

/// The scheme that somebody probably meant.
#[derive(Clone, Copy)]
enum KnownScheme {
    Postgres,
    Sqlite,
}

impl KnownScheme {
    /// `SQLAlchemy` adds the driver (`postgresql+psycopg`), Java a prefix, and some write capital letters.
    fn like(scheme: &str) -> Option<Self> {
        let scheme = scheme.to_ascii_lowercase();
        let name = scheme.split('+').next().unwrap_or_default();
        match name {
            "postgres" | "postgresql" | "pgsql" | "pg" | "psql" => Some(Self::Postgres),
            "sqlite" | "sqlite3" | "file" => Some(Self::Sqlite),
            _ => None,
        }
    }
}

fn wrong(problem: &str, meant: Option<KnownScheme>) -> StoreError {
    let hint = match meant {
        Some(KnownScheme::Postgres) => "write postgres://USER@HOST:PORT/DATABASE",
        Some(KnownScheme::Sqlite) => "write sqlite:FILE",
        None => "use postgres://USER@HOST:PORT/DATABASE or sqlite:FILE",
    };
    StoreError::Setup { problem: problem.to_owned(), hint: hint.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_url_is_told_without_its_secrets() {
        for url in ["", "nonsense", "mysql://u:hunter2@h/d", "sqlite:", "postgres:u:hunter2@h/d"] {
            let error = open(url, &StoreSettings::default()).err().unwrap();
            assert!(matches!(error, StoreError::Setup { .. }) && error.hint().is_some(), "{url}");
            assert!(!error.to_string().contains("hunter2"), "{error}");
        }
        for (url, hint) in [
            ("sqlite:", "name one: sqlite:dragline.db"),
            ("sqlite+aiosqlite:///x.db", "write sqlite:FILE"),
            ("file:x.db", "write sqlite:FILE"),
            ("SQLite:x.db", "write sqlite:FILE"),
            ("postgresql+psycopg2://u:hunter2@h/d", "write postgres://USER@HOST:PORT/DATABASE"),
            ("Postgres://u:hunter2@h/d", "write postgres://USER@HOST:PORT/DATABASE"),
            ("postgres:/h/d", "write postgres://USER@HOST:PORT/DATABASE"),
        ] {
            let error = open(url, &StoreSettings::default()).err().unwrap();
            assert_eq!(error.hint(), Some(hint), "{url}: {error}");
        }
    }
}
