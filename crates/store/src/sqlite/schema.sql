-- The tables of a SQLite store: the twin of schema.sql at the top of the repository, which has the same names
-- and columns for Postgres. Types are mapped to what STRICT tables know: jsonb is TEXT that is valid JSON, bytea
-- is BLOB, timestamptz is TEXT in RFC 3339, UTC, by this database's clock (its milliseconds are written as the
-- microseconds that all moments have).

CREATE TABLE IF NOT EXISTS crawl_schema (
    version    INTEGER PRIMARY KEY,
    applied_at TEXT    NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%f000Z', 'now'))
) STRICT;

CREATE TABLE IF NOT EXISTS crawl_runs (
    -- AUTOINCREMENT: the id of a deleted run is never given to another.
    run_id           INTEGER PRIMARY KEY AUTOINCREMENT,
    name             TEXT    NOT NULL,
    spider           TEXT    NOT NULL,
    args             TEXT    NOT NULL CHECK (json_valid(args)),
    -- Counts the starts. A flush applies only under the epoch that its process was given.
    epoch            INTEGER NOT NULL DEFAULT 1,
    state            TEXT    NOT NULL CHECK (state IN ('running', 'stopped', 'finished', 'failed')),
    stop_reason      TEXT,
    started_at       TEXT    NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%f000Z', 'now')),
    finished_at      TEXT,
    heartbeat_at     TEXT    NOT NULL,
    stats            TEXT    NOT NULL DEFAULT '{}' CHECK (json_valid(stats)),
    -- The process of the last start.
    pid              INTEGER NOT NULL,
    hostname         TEXT    NOT NULL,
    -- When it was started last, how many requests were not queued any more then, and how many starts in a row
    -- before that one have added none.
    last_start_at    TEXT    NOT NULL,
    ended_at_start   INTEGER NOT NULL DEFAULT 0,
    fruitless_starts INTEGER NOT NULL DEFAULT 0
) STRICT;

-- At most one unfinished run for each name.
CREATE UNIQUE INDEX IF NOT EXISTS crawl_runs_unfinished
    ON crawl_runs (name) WHERE state IN ('running', 'stopped');

CREATE TABLE IF NOT EXISTS crawl_requests (
    run_id        INTEGER NOT NULL REFERENCES crawl_runs (run_id),
    fingerprint   BLOB    NOT NULL CHECK (length(fingerprint) = 16),
    url           TEXT    NOT NULL,
    method        TEXT    NOT NULL,
    -- [[name, value], …]
    headers       TEXT    NOT NULL CHECK (json_valid(headers)),
    body          BLOB,
    tag           TEXT    NOT NULL,
    meta          TEXT    NOT NULL CHECK (json_valid(meta)),
    priority      INTEGER NOT NULL,
    depth         INTEGER NOT NULL,
    -- host:port
    host          TEXT    NOT NULL,
    state         TEXT    NOT NULL DEFAULT 'queued'
                  CHECK (state IN ('queued', 'done', 'failed', 'skipped', 'dead')),
    attempts      INTEGER NOT NULL DEFAULT 0,
    status        INTEGER,
    error         TEXT,
    discovered_at TEXT    NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%f000Z', 'now')),
    done_at       TEXT,
    -- The URLs that redirected here, first to last.
    redirects     TEXT    NOT NULL CHECK (json_valid(redirects)),
    dont_filter   INTEGER NOT NULL CHECK (dont_filter IN (0, 1)),
    PRIMARY KEY (run_id, fingerprint)
) STRICT;

-- The frontier: what is queued, by host, in fetch order.
CREATE INDEX IF NOT EXISTS crawl_requests_frontier
    ON crawl_requests (run_id, host, priority DESC, depth, fingerprint) WHERE state = 'queued';

-- What ended without being done: for people who ask why, and for what they put back. A crawl pays for it with
-- each such request alone.
CREATE INDEX IF NOT EXISTS crawl_requests_not_done ON crawl_requests (run_id, state, fingerprint)
    WHERE state = 'failed' OR state = 'skipped' OR state = 'dead';

CREATE TABLE IF NOT EXISTS crawl_items (
    item_id      INTEGER PRIMARY KEY,
    spider       TEXT    NOT NULL,
    item_type    TEXT    NOT NULL,
    -- Null for a type without a key: its items are appended once per page.
    item_key     TEXT,
    -- The last run that saw it.
    run_id       INTEGER NOT NULL REFERENCES crawl_runs (run_id),
    url          TEXT    NOT NULL,
    data         TEXT    NOT NULL CHECK (json_valid(data)),
    content_hash TEXT    NOT NULL,
    scraped_at   TEXT    NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%f000Z', 'now'))
) STRICT;

CREATE UNIQUE INDEX IF NOT EXISTS crawl_items_key ON crawl_items (spider, item_type, item_key);
CREATE INDEX IF NOT EXISTS crawl_items_run ON crawl_items (run_id, item_type);

CREATE TABLE IF NOT EXISTS crawl_dead_letters (
    letter_id   INTEGER PRIMARY KEY,
    run_id      INTEGER NOT NULL REFERENCES crawl_runs (run_id),
    fingerprint BLOB    NOT NULL,
    url         TEXT    NOT NULL,
    item_type   TEXT    NOT NULL,
    payload     TEXT    NOT NULL CHECK (json_valid(payload)),
    error       TEXT    NOT NULL,
    -- SQLite's extended result code, if it was the database that refused.
    sqlstate    TEXT,
    created_at  TEXT    NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%f000Z', 'now'))
) STRICT;

CREATE INDEX IF NOT EXISTS crawl_dead_letters_page ON crawl_dead_letters (run_id, fingerprint);

-- The cookies of runs that have not ended; secrets, deleted with the run's end.
CREATE TABLE IF NOT EXISTS crawl_cookies (
    run_id  INTEGER NOT NULL REFERENCES crawl_runs (run_id),
    session TEXT    NOT NULL,
    domain  TEXT    NOT NULL,
    path    TEXT    NOT NULL,
    name    TEXT    NOT NULL,
    -- NULL when it has ended.
    cookie  TEXT    CHECK (json_valid(cookie)),
    version INTEGER NOT NULL,
    PRIMARY KEY (run_id, session, domain, path, name)
) STRICT, WITHOUT ROWID;

-- What hosts have asked of runs that have not ended, or made necessary; deleted with the run's end.
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
