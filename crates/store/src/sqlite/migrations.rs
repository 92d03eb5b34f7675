//! Upgrades older versions of Dragline's tables to the one that this program needs.
//!
//! `SQLite` can only add a column that may be null or has a constant as its default, and this rewrites no row. It cannot change
//! a CHECK or a primary key, so an older file keeps its own.

use std::path::Path;

use rusqlite::functions::FunctionFlags;
use rusqlite::{Connection, Transaction};

use super::fault::Fault;
use super::run_lock;
use crate::{crawl_is_running, key_digest};

/// The SQL function that gives the digest of an item's key.
const KEY_DIGEST: &str = "dragline_key_digest";

/// The steps from each version to the next: `(from, statements)`. New tables and indexes come from `schema.sql`, which creates
/// everything that is missing.
const MIGRATIONS: &[(i64, &str)] = &[
    (
        1,
        "ALTER TABLE crawl_runs RENAME COLUMN done_at_start TO ended_at_start;
         ALTER TABLE crawl_runs ADD COLUMN last_start_at TEXT;
         UPDATE crawl_runs SET last_start_at = heartbeat_at, stats = coalesce(stats, '{}');
         DROP INDEX IF EXISTS crawl_dead_letters_run;",
    ),
    (
        // The rows of a run that began before have the shard rule 'one', so none of them changes. Every row of crawl_items gets
        // its own digest. For rows without a key, the digests only have to differ.
        5,
        "ALTER TABLE crawl_runs ADD COLUMN shards INTEGER NOT NULL DEFAULT 1;
         ALTER TABLE crawl_runs ADD COLUMN shard_rule TEXT NOT NULL DEFAULT 'one';
         ALTER TABLE crawl_requests ADD COLUMN shard INTEGER NOT NULL DEFAULT 0;
         ALTER TABLE crawl_requests ADD COLUMN parent BLOB;
         ALTER TABLE crawl_requests ADD COLUMN options TEXT NOT NULL DEFAULT '{}';
         ALTER TABLE crawl_requests ADD COLUMN reason TEXT;
         DROP INDEX crawl_items_key;
         ALTER TABLE crawl_items ADD COLUMN fingerprint BLOB;
         ALTER TABLE crawl_items ADD COLUMN key_digest BLOB NOT NULL DEFAULT x'';
         UPDATE crawl_items SET key_digest = coalesce(dragline_key_digest(item_key), randomblob(16));",
    ),
    (
        // A run that ended before stays without a verdict. crawl_kept_pages is new.
        6,
        "ALTER TABLE crawl_runs ADD COLUMN figures TEXT CHECK (json_valid(figures));
         ALTER TABLE crawl_runs ADD COLUMN verdict TEXT CHECK (verdict IN ('good', 'problems'));
         ALTER TABLE crawl_runs ADD COLUMN problems TEXT NOT NULL DEFAULT '[]' CHECK (json_valid(problems));",
    ),
    (
        // The other tables of version 8 are new, and have not changed since. `crawl_item_keys` has.
        7,
        "ALTER TABLE crawl_runs ADD COLUMN incremental INTEGER NOT NULL DEFAULT 0 CHECK (incremental IN (0, 1));
         CREATE TABLE crawl_item_keys (
             spider     TEXT    NOT NULL,
             item_type  TEXT    NOT NULL,
             key_digest BLOB    NOT NULL,
             item_key   TEXT    NOT NULL,
             first_run  INTEGER NOT NULL,
             first_seen TEXT    NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%f000Z', 'now')),
             PRIMARY KEY (spider, item_type, key_digest)
         ) STRICT, WITHOUT ROWID;",
    ),
    (
        // A column cannot become one that may be null, so the kept pages go into a new table. A file of version 6 has none. A new
        // row refers to crawl_bodies, so that table must exist now.
        8,
        "ALTER TABLE crawl_runs ADD COLUMN kind TEXT NOT NULL DEFAULT 'crawl'
             CHECK (kind IN ('crawl', 'reparse', 'replay', 'import'));
         CREATE TABLE crawl_bodies (
             body_hash  BLOB    PRIMARY KEY CHECK (length(body_hash) = 32),
             body       BLOB    NOT NULL,
             body_bytes INTEGER NOT NULL
         ) STRICT;
         CREATE TABLE crawl_kept_answers (
             run_id      INTEGER NOT NULL REFERENCES crawl_runs (run_id) ON DELETE CASCADE,
             fingerprint BLOB    NOT NULL,
             url         TEXT    NOT NULL,
             status      INTEGER NOT NULL,
             headers     TEXT    NOT NULL CHECK (json_valid(headers)),
             body        BLOB,
             body_hash   BLOB    REFERENCES crawl_bodies (body_hash),
             body_bytes  INTEGER,
             fetched_at  TEXT,
             kept_at     TEXT    NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%f000Z', 'now')),
             PRIMARY KEY (run_id, fingerprint),
             CHECK ((body IS NULL) <> (body_hash IS NULL))
         ) STRICT;
         CREATE TABLE IF NOT EXISTS crawl_kept_pages (
             run_id INTEGER, fingerprint BLOB, url TEXT, status INTEGER, headers TEXT, body BLOB, body_bytes INTEGER,
             kept_at TEXT
         );
         INSERT INTO crawl_kept_answers (run_id, fingerprint, url, status, headers, body, body_bytes, kept_at)
             SELECT run_id, fingerprint, url, status, headers, body, body_bytes, kept_at FROM crawl_kept_pages;
         DROP TABLE crawl_kept_pages;
         ALTER TABLE crawl_kept_answers RENAME TO crawl_kept_pages;",
    ),
    (
        // What made the existing rows stays unknown.
        9,
        "ALTER TABLE crawl_item_keys ADD COLUMN made_by INTEGER;
         ALTER TABLE crawl_item_keys ADD COLUMN made_at TEXT;
         ALTER TABLE crawl_item_keys ADD COLUMN left_by INTEGER;",
    ),
    (
        11,
        "CREATE TABLE crawl_changes (
             position        INTEGER PRIMARY KEY AUTOINCREMENT,
             run_id          INTEGER NOT NULL,
             spider          TEXT    NOT NULL,
             item_type       TEXT    NOT NULL,
             table_name      TEXT    NOT NULL,
             item_key        TEXT    NOT NULL,
             kind            TEXT    NOT NULL CHECK (kind IN ('new', 'changed', 'gone')),
             data            TEXT    NOT NULL CHECK (json_valid(data)),
             changed_columns TEXT    CHECK (json_valid(changed_columns)),
             changed_at      TEXT    NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%f000Z', 'now'))
         ) STRICT;",
    ),
    (
        12,
        "CREATE TABLE IF NOT EXISTS crawl_ticks (
             schedule     TEXT    NOT NULL,
             due_at       TEXT    NOT NULL,
             kind         TEXT    NOT NULL CHECK (kind IN ('cron', 'catch_up', 'manual')),
             state        TEXT    NOT NULL CHECK (state IN ('waiting', 'running', 'done', 'failed', 'skipped')),
             reason       TEXT,
             server_id    INTEGER,
             attempts     INTEGER NOT NULL DEFAULT 0,
             failures     INTEGER NOT NULL DEFAULT 0,
             next_try_at  TEXT,
             run_name     TEXT    NOT NULL,
             run_id       INTEGER,
             exit_code    INTEGER,
             pid          INTEGER,
             started_at   TEXT,
             ended_at     TEXT,
             log_dir      TEXT,
             forced_kills INTEGER NOT NULL DEFAULT 0,
             cancel       TEXT,
             version      INTEGER NOT NULL DEFAULT 0,
             PRIMARY KEY (schedule, due_at),
             CHECK ((state IN ('done', 'failed', 'skipped')) = (ended_at IS NOT NULL))
         ) STRICT, WITHOUT ROWID;",
    ),
    (
        13,
        "CREATE TABLE crawl_suspects (
             run_id      INTEGER NOT NULL REFERENCES crawl_runs (run_id),
             shard       INTEGER NOT NULL,
             fingerprint BLOB    NOT NULL,
             url         TEXT    NOT NULL,
             marked_by   INTEGER,
             deaths      INTEGER NOT NULL DEFAULT 0,
             PRIMARY KEY (run_id, fingerprint)
         ) STRICT, WITHOUT ROWID;",
    ),
    (
        14,
        "CREATE TABLE crawl_item_shares (
             table_name  TEXT    NOT NULL,
             key_digest  BLOB    NOT NULL,
             spider      TEXT    NOT NULL,
             fingerprint BLOB    NOT NULL,
             item_key    TEXT    NOT NULL,
             run_id      INTEGER NOT NULL,
             shares      TEXT    NOT NULL CHECK (json_valid(shares)),
             PRIMARY KEY (table_name, key_digest, spider, fingerprint)
         ) STRICT, WITHOUT ROWID;
         CREATE INDEX crawl_item_shares_by_page ON crawl_item_shares (spider, fingerprint);",
    ),
    (15, "ALTER TABLE crawl_ticks ADD COLUMN after_run INTEGER;"),
];

/// Upgrades the tables of a version. The database is at `path`.
pub(super) fn raise(transaction: &Transaction<'_>, path: &Path, version: i64) -> Result<(), Fault> {
    refuse_while_crawling(transaction, path)?;
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
    transaction.create_scalar_function(KEY_DIGEST, 1, flags, |context| {
        Ok(context.get::<Option<String>>(0)?.map(|key| key_digest::of_key(&key)))
    })?;
    for (_, statements) in MIGRATIONS.iter().filter(|(from, _)| version <= *from) {
        transaction.execute_batch(statements)?;
    }
    transaction.remove_function(KEY_DIGEST, 1)?;
    Ok(())
}

fn refuse_while_crawling(connection: &Connection, path: &Path) -> Result<(), Fault> {
    let mut select = connection
        .prepare("SELECT name, pid, hostname FROM crawl_runs WHERE state IN ('running', 'stopped')")?;
    let mut rows = select.query([])?;
    while let Some(row) = rows.next()? {
        let (name, hostname): (String, String) = (row.get("name")?, row.get("hostname")?);
        if run_lock::is_held(path, &name)? {
            let location = crate::sqlite_url::url(path);
            return Err(crawl_is_running(&location, row.get("pid")?, &hostname, &name).into());
        }
    }
    Ok(())
}
