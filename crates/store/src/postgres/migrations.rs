//! Upgrades older versions of Dragline's tables to the one that this program needs.
//!
//! All steps are one transaction without a time limit, because a large `crawl_requests` gets new indexes, and a large
//! `crawl_items` is rewritten (from version 5). No other table is rewritten. For a new column that may be null, or that has a constant as its
//! default, Postgres only changes the catalog.

use dragline_core::StoreError;
use dragline_core::store::StoreResult;

use super::connections::Connections;
use super::run_lock::is_held;
use super::schema::{LOCK, VERSION, version};
use super::session::Session;
use crate::crawl_is_running;

/// The steps from each version to the next: `(from, statements)`.
const MIGRATIONS: &[(i32, &str)] = &[
    (
        1,
        "ALTER TABLE crawl_runs RENAME COLUMN done_at_start TO ended_at_start;
         ALTER TABLE crawl_runs ADD COLUMN last_start_at timestamptz NOT NULL DEFAULT now();
         CREATE INDEX crawl_dead_letters_by_page ON crawl_dead_letters (run_id, fingerprint);
         DROP INDEX crawl_dead_letters_by_run;",
    ),
    (
        2,
        "CREATE INDEX crawl_requests_not_done ON crawl_requests (run_id, state, fingerprint)
             WHERE state = 'failed' OR state = 'skipped' OR state = 'dead'",
    ),
    (
        3,
        "CREATE TABLE crawl_cookies (
             run_id  bigint NOT NULL,
             session text COLLATE \"C\" NOT NULL,
             domain  text COLLATE \"C\" NOT NULL,
             path    text COLLATE \"C\" NOT NULL,
             name    text COLLATE \"C\" NOT NULL,
             cookie  json,
             version bigint NOT NULL,
             PRIMARY KEY (run_id, session, domain, path, name)
         )",
    ),
    (
        4,
        "CREATE TABLE crawl_hosts (
             run_id       bigint NOT NULL,
             host         text COLLATE \"C\" NOT NULL,
             paused_until timestamptz,
             paused_ms    bigint,
             slowed_to_ms bigint,
             reason       text,
             noted_at     timestamptz NOT NULL DEFAULT now(),
             PRIMARY KEY (run_id, host)
         )",
    ),
    (
        // The rows of a run that began before have the shard rule 'one', so none of them changes.
        5,
        "ALTER TABLE crawl_runs
             ADD COLUMN shards smallint NOT NULL DEFAULT 1,
             ADD COLUMN shard_rule text NOT NULL DEFAULT 'one';
         ALTER TABLE crawl_runs ALTER COLUMN shards DROP DEFAULT, ALTER COLUMN shard_rule DROP DEFAULT;

         ALTER TABLE crawl_requests
             ADD COLUMN shard smallint NOT NULL DEFAULT 0,
             ADD COLUMN parent bytea,
             ADD COLUMN options json NOT NULL DEFAULT '{}',
             ADD COLUMN reason text;
         ALTER TABLE crawl_requests ALTER COLUMN shard DROP DEFAULT;
         CREATE UNIQUE INDEX crawl_requests_with_shard ON crawl_requests (run_id, shard, fingerprint);
         ALTER TABLE crawl_requests
             DROP CONSTRAINT crawl_requests_pkey,
             ADD CONSTRAINT crawl_requests_pkey PRIMARY KEY USING INDEX crawl_requests_with_shard;
         DROP INDEX crawl_requests_frontier;
         CREATE INDEX crawl_requests_frontier
             ON crawl_requests (run_id, shard, host, priority DESC, depth, fingerprint) WHERE state = 'queued';

         -- Every row gets a value of its own, so this table is rewritten. Rows without a key only need different values.
         ALTER TABLE crawl_items DROP CONSTRAINT crawl_items_spider_item_type_item_key_key;
         ALTER TABLE crawl_items ADD COLUMN fingerprint bytea, ADD COLUMN key_digest bytea;
         ALTER TABLE crawl_items
             ALTER COLUMN key_digest TYPE bytea USING substring(
                 sha256(convert_to(coalesce(item_key, 'row ' || random() || ' ' || clock_timestamp()), 'UTF8'))
                 FROM 1 FOR 16),
             ALTER COLUMN key_digest SET NOT NULL;
         ALTER TABLE crawl_items ADD PRIMARY KEY (spider, item_type, key_digest);",
    ),
    (
        // A run that ended before stays without a verdict. No row is rewritten.
        6,
        "ALTER TABLE crawl_runs
             ADD COLUMN figures jsonb,
             ADD COLUMN verdict text CHECK (verdict IN ('good', 'problems')),
             ADD COLUMN problems jsonb NOT NULL DEFAULT '[]';
         CREATE TABLE crawl_kept_pages (
             run_id      bigint NOT NULL REFERENCES crawl_runs (run_id) ON DELETE CASCADE,
             fingerprint bytea NOT NULL,
             url         text NOT NULL,
             status      integer NOT NULL,
             headers     json NOT NULL,
             body        bytea NOT NULL,
             body_bytes  bigint,
             kept_at     timestamptz NOT NULL DEFAULT now(),
             PRIMARY KEY (run_id, fingerprint)
         )",
    ),
    (
        // Only new tables, and a column with a constant default. No row is rewritten.
        7,
        "ALTER TABLE crawl_runs ADD COLUMN incremental boolean NOT NULL DEFAULT false;
         CREATE TABLE crawl_pages (
             spider        text COLLATE \"C\" NOT NULL,
             fingerprint   bytea NOT NULL CHECK (octet_length(fingerprint) = 16),
             url           text NOT NULL,
             tag           text NOT NULL,
             etag          text,
             last_modified text,
             body_hash     bytea NOT NULL,
             parser        bytea NOT NULL,
             links         json NOT NULL,
             parsed_at     timestamptz NOT NULL DEFAULT now(),
             PRIMARY KEY (spider, fingerprint)
         );
         CREATE TABLE crawl_page_visits (
             spider      text COLLATE \"C\" NOT NULL,
             fingerprint bytea NOT NULL,
             run_id      bigint NOT NULL,
             first_at    timestamptz NOT NULL,
             checked_at  timestamptz NOT NULL,
             checks      integer NOT NULL,
             changes     integer NOT NULL,
             PRIMARY KEY (spider, fingerprint)
         )
         WITH (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.05);
         CREATE TABLE crawl_page_items (
             spider      text COLLATE \"C\" NOT NULL,
             item_type   text COLLATE \"C\" NOT NULL,
             key_digest  bytea NOT NULL,
             fingerprint bytea NOT NULL,
             item_hash   bytea NOT NULL,
             PRIMARY KEY (spider, item_type, key_digest, fingerprint)
         );
         CREATE INDEX crawl_page_items_by_page ON crawl_page_items (spider, fingerprint);
         CREATE TABLE crawl_item_keys (
             spider     text COLLATE \"C\" NOT NULL,
             item_type  text COLLATE \"C\" NOT NULL,
             key_digest bytea NOT NULL,
             item_key   text COLLATE \"C\" NOT NULL,
             first_run  bigint NOT NULL,
             first_seen timestamptz NOT NULL DEFAULT now(),
             PRIMARY KEY (spider, item_type, key_digest)
         )",
    ),
    (
        // Columns that may be null or have a constant default. No row is rewritten.
        8,
        "ALTER TABLE crawl_runs ADD COLUMN kind text NOT NULL DEFAULT 'crawl'
             CHECK (kind IN ('crawl', 'reparse', 'replay', 'import'));
         CREATE TABLE crawl_bodies (
             body_hash  bytea PRIMARY KEY CHECK (octet_length(body_hash) = 32),
             body       bytea NOT NULL,
             body_bytes bigint NOT NULL
         );
         ALTER TABLE crawl_bodies ALTER COLUMN body SET STORAGE EXTERNAL;
         ALTER TABLE crawl_kept_pages
             ALTER COLUMN body DROP NOT NULL,
             ADD COLUMN body_hash bytea REFERENCES crawl_bodies (body_hash),
             ADD COLUMN fetched_at timestamptz,
             ADD COLUMN shard smallint,
             ADD CHECK ((body IS NULL) <> (body_hash IS NULL));
         CREATE INDEX crawl_kept_pages_by_page ON crawl_kept_pages (fingerprint, run_id) WHERE body_hash IS NOT NULL;
         CREATE INDEX crawl_kept_pages_by_body ON crawl_kept_pages (body_hash) WHERE body_hash IS NOT NULL",
    ),
    (
        // What made the existing rows stays unknown.
        9,
        "ALTER TABLE crawl_item_keys
             ADD COLUMN made_by bigint, ADD COLUMN made_at timestamptz, ADD COLUMN left_by bigint",
    ),
    (
        // It has only the rows of items without a key.
        10,
        "CREATE INDEX crawl_items_without_key ON crawl_items (run_id, fingerprint) WHERE item_key IS NULL",
    ),
    (
        11,
        "CREATE TABLE crawl_changes (
             position        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
             run_id          bigint NOT NULL,
             spider          text COLLATE \"C\" NOT NULL,
             item_type       text COLLATE \"C\" NOT NULL,
             table_name      text COLLATE \"C\" NOT NULL,
             item_key        text COLLATE \"C\" NOT NULL,
             kind            text NOT NULL CHECK (kind IN ('new', 'changed', 'gone')),
             data            jsonb NOT NULL,
             changed_columns text[],
             changed_at      timestamptz NOT NULL DEFAULT now()
         )",
    ),
    (
        // Only new tables.
        12,
        "CREATE TABLE crawl_servers (
             server_id    bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
             hostname     text NOT NULL,
             pid          integer NOT NULL,
             place        text NOT NULL,
             version      text NOT NULL,
             listen       text,
             started_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
             heartbeat_at timestamptz NOT NULL DEFAULT clock_timestamp(),
             ended_at     timestamptz
         );
         CREATE TABLE crawl_schedules (
             name          text COLLATE \"C\" PRIMARY KEY,
             definition    jsonb NOT NULL,
             paused_at     timestamptz,
             paused_by     text,
             first_seen_at timestamptz NOT NULL,
             known_until   timestamptz NOT NULL
         );
         CREATE TABLE crawl_ticks (
             schedule     text COLLATE \"C\" NOT NULL,
             due_at       timestamptz NOT NULL,
             kind         text NOT NULL CHECK (kind IN ('cron', 'catch_up', 'manual')),
             state        text NOT NULL CHECK (state IN ('waiting', 'running', 'done', 'failed', 'skipped')),
             reason       text,
             server_id    bigint,
             attempts     integer NOT NULL DEFAULT 0,
             failures     integer NOT NULL DEFAULT 0,
             next_try_at  timestamptz,
             run_name     text NOT NULL,
             run_id       bigint,
             exit_code    integer,
             pid          integer,
             started_at   timestamptz,
             ended_at     timestamptz,
             log_dir      text,
             forced_kills integer NOT NULL DEFAULT 0,
             cancel       text,
             version      bigint NOT NULL DEFAULT 0,
             PRIMARY KEY (schedule, due_at),
             CHECK ((state IN ('done', 'failed', 'skipped')) = (ended_at IS NOT NULL))
         );
         CREATE UNIQUE INDEX crawl_ticks_one_running ON crawl_ticks (schedule) WHERE state = 'running';
         CREATE INDEX crawl_ticks_open ON crawl_ticks (due_at) WHERE state IN ('waiting', 'running');
         CREATE INDEX crawl_ticks_by_due ON crawl_ticks (due_at);
         CREATE INDEX crawl_ticks_by_run ON crawl_ticks (run_id) WHERE run_id IS NOT NULL",
    ),
    (
        13,
        "CREATE TABLE crawl_suspects (
             run_id       bigint NOT NULL,
             shard        smallint NOT NULL,
             fingerprint  bytea NOT NULL,
             url          text NOT NULL,
             marked_by    bigint,
             deaths       integer NOT NULL DEFAULT 0,
             PRIMARY KEY (run_id, fingerprint)
         )",
    ),
    (
        14,
        "CREATE TABLE crawl_item_shares (
             table_name  text COLLATE \"C\" NOT NULL,
             key_digest  bytea NOT NULL,
             spider      text COLLATE \"C\" NOT NULL,
             fingerprint bytea NOT NULL,
             item_key    text COLLATE \"C\" NOT NULL,
             run_id      bigint NOT NULL,
             shares      jsonb NOT NULL,
             PRIMARY KEY (table_name, key_digest, spider, fingerprint)
         );
         CREATE INDEX crawl_item_shares_by_page ON crawl_item_shares (spider, fingerprint)",
    ),
    (15, "ALTER TABLE crawl_ticks ADD COLUMN after_run bigint"),
    (
        // New tables, and columns with a constant default. No row is rewritten.
        16,
        "ALTER TABLE crawl_runs ADD COLUMN found bigint NOT NULL DEFAULT 0, ADD COLUMN ended bigint NOT NULL DEFAULT 0;
         CREATE TABLE crawl_workers (
             worker_id  bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
             run_id     bigint NOT NULL,
             epoch      bigint NOT NULL,
             pid        integer NOT NULL,
             hostname   text NOT NULL,
             place      text NOT NULL,
             version    text NOT NULL,
             state      text NOT NULL DEFAULT 'live' CHECK (state IN ('live', 'left', 'dead')),
             lease_ms   integer NOT NULL CHECK (lease_ms > 0),
             joined_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
             expires_at timestamptz NOT NULL,
             ended_at   timestamptz,
             found      bigint NOT NULL DEFAULT 0,
             ended      bigint NOT NULL DEFAULT 0,
             done       bigint NOT NULL DEFAULT 0,
             items      bigint NOT NULL DEFAULT 0,
             CHECK ((state = 'live') = (ended_at IS NULL))
         )
         WITH (fillfactor = 50);
         CREATE INDEX crawl_workers_by_run ON crawl_workers (run_id, state);
         CREATE TABLE crawl_shards (
             run_id    bigint NOT NULL,
             shard     smallint NOT NULL,
             worker_id bigint,
             since     timestamptz NOT NULL DEFAULT clock_timestamp(),
             PRIMARY KEY (run_id, shard)
         )
         WITH (fillfactor = 50)",
    ),
];

/// Upgrades the tables, and returns what it did.
pub(super) async fn raise(
    connections: &Connections,
    session: &Session,
    older: i32,
) -> StoreResult<Vec<String>> {
    session.run("BEGIN").await?;
    session.rows(LOCK, &[]).await?;
    // Another process may have been faster.
    let mut at = version(session).await?.unwrap_or(older);
    let mut done = Vec::new();
    if at < VERSION {
        refuse_while_crawling(connections, session).await?;
    }
    while let Some((from, statements)) = MIGRATIONS.iter().find(|(from, _)| *from == at) {
        session.run_unhurried(statements).await?;
        at = from + 1;
        session.change("INSERT INTO crawl_schema (version) VALUES ($1)", &[&at]).await?;
        done.push(format!("upgraded Dragline's tables to version {at}"));
    }
    if at != VERSION {
        return Err(StoreError::Setup {
            problem: format!(
                "{}: the tables are version {at}, and this program knows no way from there to {VERSION}",
                connections.target().location
            ),
            hint: if at > VERSION {
                "use a newer dragline, or another database".to_owned()
            } else {
                "drop all crawl_ tables, or use another database".to_owned()
            },
        });
    }
    session.run("COMMIT").await?;
    Ok(done)
}

/// A crawl of the older version would fail at its next flush.
async fn refuse_while_crawling(connections: &Connections, session: &Session) -> StoreResult<()> {
    let held = format!(
        "SELECT name, coalesce(pid, 0) AS pid, coalesce(hostname, 'an unknown host') AS hostname
         FROM crawl_runs run
         WHERE state IN ('running', 'stopped') AND EXISTS (SELECT FROM pg_locks held WHERE {}) LIMIT 1",
        is_held("run.name")
    );
    let Some(row) = session.row(&held, &[]).await? else { return Ok(()) };
    Err(crawl_is_running(
        &connections.target().location,
        row.get::<_, i32>("pid"),
        row.get("hostname"),
        row.get("name"),
    ))
}
