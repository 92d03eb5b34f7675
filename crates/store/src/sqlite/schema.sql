-- The SQLite schema of Dragline, version 16. schema.sql at the top of the repository describes every table and column; this
-- file has the same names for SQLite. Types become what STRICT tables know: jsonb is TEXT with valid JSON, bytea is BLOB,
-- and timestamptz is TEXT in RFC 3339 and UTC, by the clock of this machine and to the millisecond.

CREATE TABLE IF NOT EXISTS crawl_schema (
    version    INTEGER PRIMARY KEY,
    applied_at TEXT    NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%f000Z', 'now'))
) STRICT;

CREATE TABLE IF NOT EXISTS crawl_runs (
    -- AUTOINCREMENT never gives the id of a deleted run to another one.
    run_id           INTEGER PRIMARY KEY AUTOINCREMENT,
    name             TEXT    NOT NULL,
    spider           TEXT    NOT NULL,
    kind             TEXT    NOT NULL DEFAULT 'crawl' CHECK (kind IN ('crawl', 'reparse', 'replay', 'import')),
    args             TEXT    NOT NULL CHECK (json_valid(args)),
    epoch            INTEGER NOT NULL DEFAULT 1,
    state            TEXT    NOT NULL CHECK (state IN ('running', 'stopped', 'finished', 'failed')),
    stop_reason      TEXT,
    started_at       TEXT    NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%f000Z', 'now')),
    finished_at      TEXT,
    heartbeat_at     TEXT    NOT NULL,
    stats            TEXT    NOT NULL DEFAULT '{}' CHECK (json_valid(stats)),
    pid              INTEGER NOT NULL,
    hostname         TEXT    NOT NULL,
    last_start_at    TEXT    NOT NULL,
    ended_at_start   INTEGER NOT NULL DEFAULT 0,
    fruitless_starts INTEGER NOT NULL DEFAULT 0,
    shards           INTEGER NOT NULL,
    shard_rule       TEXT    NOT NULL,
    incremental      INTEGER NOT NULL DEFAULT 0 CHECK (incremental IN (0, 1)),
    figures          TEXT    CHECK (json_valid(figures)),
    verdict          TEXT    CHECK (verdict IN ('good', 'problems')),
    problems         TEXT    NOT NULL DEFAULT '[]' CHECK (json_valid(problems))
) STRICT;

CREATE UNIQUE INDEX IF NOT EXISTS crawl_runs_unfinished
    ON crawl_runs (name) WHERE state IN ('running', 'stopped');
CREATE INDEX IF NOT EXISTS crawl_runs_by_name ON crawl_runs (name, run_id);

-- The shard is not part of the key here: only one process works on an SQLite file, so nobody looks for requests by shard,
-- and the fingerprint is unique within the run without it.
CREATE TABLE IF NOT EXISTS crawl_requests (
    run_id        INTEGER NOT NULL REFERENCES crawl_runs (run_id),
    shard         INTEGER NOT NULL,
    fingerprint   BLOB    NOT NULL CHECK (length(fingerprint) = 16),
    parent        BLOB,
    url           TEXT    NOT NULL,
    method        TEXT    NOT NULL,
    headers       TEXT    NOT NULL CHECK (json_valid(headers)),
    body          BLOB,
    tag           TEXT    NOT NULL,
    meta          TEXT    NOT NULL CHECK (json_valid(meta)),
    options       TEXT    NOT NULL DEFAULT '{}' CHECK (json_valid(options)),
    priority      INTEGER NOT NULL,
    depth         INTEGER NOT NULL,
    host          TEXT    NOT NULL,
    state         TEXT    NOT NULL DEFAULT 'queued'
                  CHECK (state IN ('queued', 'done', 'failed', 'skipped', 'dead')),
    attempts      INTEGER NOT NULL DEFAULT 0,
    status        INTEGER,
    reason        TEXT,
    error         TEXT,
    discovered_at TEXT    NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%f000Z', 'now')),
    done_at       TEXT,
    redirects     TEXT    NOT NULL CHECK (json_valid(redirects)),
    dont_filter   INTEGER NOT NULL CHECK (dont_filter IN (0, 1)),
    PRIMARY KEY (run_id, fingerprint)
) STRICT;

CREATE INDEX IF NOT EXISTS crawl_requests_frontier
    ON crawl_requests (run_id, host, priority DESC, depth, fingerprint) WHERE state = 'queued';

CREATE INDEX IF NOT EXISTS crawl_requests_not_done ON crawl_requests (run_id, state, fingerprint)
    WHERE state = 'failed' OR state = 'skipped' OR state = 'dead';

CREATE TABLE IF NOT EXISTS crawl_items (
    item_id      INTEGER PRIMARY KEY,
    spider       TEXT    NOT NULL,
    item_type    TEXT    NOT NULL,
    item_key     TEXT,
    key_digest   BLOB    NOT NULL,
    run_id       INTEGER NOT NULL REFERENCES crawl_runs (run_id),
    fingerprint  BLOB,
    url          TEXT    NOT NULL,
    data         TEXT    NOT NULL CHECK (json_valid(data)),
    content_hash TEXT    NOT NULL,
    scraped_at   TEXT    NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%f000Z', 'now'))
) STRICT;

CREATE UNIQUE INDEX IF NOT EXISTS crawl_items_key ON crawl_items (spider, item_type, key_digest);
CREATE INDEX IF NOT EXISTS crawl_items_run ON crawl_items (run_id, item_type);
CREATE INDEX IF NOT EXISTS crawl_items_without_key ON crawl_items (run_id, fingerprint) WHERE item_key IS NULL;

CREATE TABLE IF NOT EXISTS crawl_dead_letters (
    letter_id   INTEGER PRIMARY KEY,
    run_id      INTEGER NOT NULL REFERENCES crawl_runs (run_id),
    fingerprint BLOB    NOT NULL,
    url         TEXT    NOT NULL,
    item_type   TEXT    NOT NULL,
    payload     TEXT    NOT NULL CHECK (json_valid(payload)),
    error       TEXT    NOT NULL,
    -- The extended result code of SQLite, if SQLite refused the item.
    sqlstate    TEXT,
    created_at  TEXT    NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%f000Z', 'now'))
) STRICT;

CREATE INDEX IF NOT EXISTS crawl_dead_letters_page ON crawl_dead_letters (run_id, fingerprint);

CREATE TABLE IF NOT EXISTS crawl_cookies (
    run_id  INTEGER NOT NULL REFERENCES crawl_runs (run_id),
    session TEXT    NOT NULL,
    domain  TEXT    NOT NULL,
    path    TEXT    NOT NULL,
    name    TEXT    NOT NULL,
    cookie  TEXT    CHECK (json_valid(cookie)),
    version INTEGER NOT NULL,
    PRIMARY KEY (run_id, session, domain, path, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS crawl_hosts (
    run_id       INTEGER NOT NULL REFERENCES crawl_runs (run_id),
    host         TEXT    NOT NULL,
    paused_until TEXT,
    paused_ms    INTEGER,
    slowed_to_ms INTEGER,
    reason       TEXT,
    noted_at     TEXT    NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%f000Z', 'now')),
    PRIMARY KEY (run_id, host)
) STRICT, WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS crawl_suspects (
    run_id      INTEGER NOT NULL REFERENCES crawl_runs (run_id),
    shard       INTEGER NOT NULL,
    fingerprint BLOB    NOT NULL,
    url         TEXT    NOT NULL,
    marked_by   INTEGER,
    deaths      INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (run_id, fingerprint)
) STRICT, WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS crawl_bodies (
    body_hash  BLOB    PRIMARY KEY CHECK (length(body_hash) = 32),
    body       BLOB    NOT NULL,
    body_bytes INTEGER NOT NULL
) STRICT;

CREATE TABLE IF NOT EXISTS crawl_kept_pages (
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

CREATE INDEX IF NOT EXISTS crawl_kept_pages_by_page ON crawl_kept_pages (fingerprint, run_id)
    WHERE body_hash IS NOT NULL;
CREATE INDEX IF NOT EXISTS crawl_kept_pages_by_body ON crawl_kept_pages (body_hash) WHERE body_hash IS NOT NULL;

CREATE TABLE IF NOT EXISTS crawl_pages (
    spider        TEXT NOT NULL,
    fingerprint   BLOB NOT NULL CHECK (length(fingerprint) = 16),
    url           TEXT NOT NULL,
    tag           TEXT NOT NULL,
    etag          TEXT,
    last_modified TEXT,
    body_hash     BLOB NOT NULL,
    parser        BLOB NOT NULL,
    links         TEXT NOT NULL CHECK (json_valid(links)),
    parsed_at     TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%f000Z', 'now')),
    PRIMARY KEY (spider, fingerprint)
) STRICT;

CREATE TABLE IF NOT EXISTS crawl_page_visits (
    spider      TEXT    NOT NULL,
    fingerprint BLOB    NOT NULL,
    run_id      INTEGER NOT NULL REFERENCES crawl_runs (run_id),
    first_at    TEXT    NOT NULL,
    checked_at  TEXT    NOT NULL,
    checks      INTEGER NOT NULL,
    changes     INTEGER NOT NULL,
    PRIMARY KEY (spider, fingerprint)
) STRICT, WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS crawl_page_items (
    spider      TEXT NOT NULL,
    item_type   TEXT NOT NULL,
    key_digest  BLOB NOT NULL,
    fingerprint BLOB NOT NULL,
    item_hash   BLOB NOT NULL,
    PRIMARY KEY (spider, item_type, key_digest, fingerprint)
) STRICT, WITHOUT ROWID;

CREATE INDEX IF NOT EXISTS crawl_page_items_by_page ON crawl_page_items (spider, fingerprint);

CREATE TABLE IF NOT EXISTS crawl_item_keys (
    spider     TEXT    NOT NULL,
    item_type  TEXT    NOT NULL,
    key_digest BLOB    NOT NULL,
    item_key   TEXT    NOT NULL,
    first_run  INTEGER NOT NULL,
    first_seen TEXT    NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%f000Z', 'now')),
    made_by    INTEGER,
    made_at    TEXT,
    left_by    INTEGER,
    PRIMARY KEY (spider, item_type, key_digest)
) STRICT, WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS crawl_item_shares (
    table_name  TEXT    NOT NULL,
    key_digest  BLOB    NOT NULL,
    spider      TEXT    NOT NULL,
    fingerprint BLOB    NOT NULL,
    item_key    TEXT    NOT NULL,
    run_id      INTEGER NOT NULL,
    shares      TEXT    NOT NULL CHECK (json_valid(shares)),
    PRIMARY KEY (table_name, key_digest, spider, fingerprint)
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS crawl_item_shares_by_page ON crawl_item_shares (spider, fingerprint);

CREATE TABLE IF NOT EXISTS crawl_changes (
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
) STRICT;

CREATE TABLE IF NOT EXISTS crawl_servers (
    server_id    INTEGER PRIMARY KEY AUTOINCREMENT,
    hostname     TEXT    NOT NULL,
    pid          INTEGER NOT NULL,
    place        TEXT    NOT NULL,
    version      TEXT    NOT NULL,
    listen       TEXT,
    started_at   TEXT    NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%f000Z', 'now')),
    heartbeat_at TEXT    NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%f000Z', 'now')),
    ended_at     TEXT
) STRICT;

CREATE TABLE IF NOT EXISTS crawl_schedules (
    name          TEXT PRIMARY KEY,
    definition    TEXT NOT NULL CHECK (json_valid(definition)),
    paused_at     TEXT,
    paused_by     TEXT,
    first_seen_at TEXT NOT NULL,
    known_until   TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS crawl_ticks (
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
    after_run    INTEGER,
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
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX IF NOT EXISTS crawl_ticks_one_running ON crawl_ticks (schedule) WHERE state = 'running';
CREATE INDEX IF NOT EXISTS crawl_ticks_open ON crawl_ticks (due_at) WHERE state IN ('waiting', 'running');
CREATE INDEX IF NOT EXISTS crawl_ticks_by_due ON crawl_ticks (due_at);
CREATE INDEX IF NOT EXISTS crawl_ticks_by_run ON crawl_ticks (run_id) WHERE run_id IS NOT NULL;
