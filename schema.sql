-- The Postgres schema of Dragline, version 5.
--
-- Names carry no schema: search_path decides where the tables are. `dragline schema apply` makes them, so does
-- the first crawl; `dragline schema print` shows them together with the tables of the item types.

-- Which version of this file the tables are.
CREATE TABLE crawl_schema (
    version     integer PRIMARY KEY,
    applied_at  timestamptz NOT NULL DEFAULT now()
);
INSERT INTO crawl_schema (version) VALUES (5);

-- One crawl with its frontier, resumable until it is finished or failed.
CREATE TABLE crawl_runs (
    run_id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name             text NOT NULL,
    spider           text NOT NULL,
    args             jsonb NOT NULL DEFAULT '{}',
    -- Counts the starts. A flush whose epoch is not this one writes nothing.
    epoch            bigint NOT NULL DEFAULT 1,
    state            text NOT NULL DEFAULT 'running'
                     CHECK (state IN ('running', 'stopped', 'finished', 'failed')),
    stop_reason      text,
    started_at       timestamptz NOT NULL DEFAULT now(),
    finished_at      timestamptz,
    heartbeat_at     timestamptz NOT NULL DEFAULT now(),
    stats            jsonb NOT NULL DEFAULT '{}',
    -- The process that runs it, or ran it last.
    pid              integer,
    hostname         text,
    -- When it was started last, how many requests were not queued any more then, and how many starts in a row
    -- before that one have added none.
    last_start_at    timestamptz NOT NULL DEFAULT now(),
    ended_at_start   bigint NOT NULL DEFAULT 0,
    fruitless_starts integer NOT NULL DEFAULT 0,
    CHECK ((state IN ('finished', 'failed')) = (finished_at IS NOT NULL))
);
CREATE UNIQUE INDEX crawl_runs_one_unfinished ON crawl_runs (name) WHERE state IN ('running', 'stopped');
CREATE INDEX crawl_runs_by_name ON crawl_runs (name, run_id);

-- The frontier and what became of it. The primary key is the duplicate filter. There is no foreign key to
-- crawl_runs: every flush holds its run's row anyway, and a trigger per request would be paid for nothing.
CREATE TABLE crawl_requests (
    run_id        bigint NOT NULL,
    fingerprint   bytea NOT NULL CHECK (octet_length(fingerprint) = 16),
    url           text NOT NULL,
    method        text NOT NULL,
    -- json, not jsonb: what a resumed run reads must be what was written.
    headers       json NOT NULL,
    body          bytea,
    tag           text NOT NULL,
    meta          json NOT NULL,
    priority      integer NOT NULL,
    depth         integer NOT NULL,
    host          text COLLATE "C" NOT NULL,
    redirects     json NOT NULL,
    dont_filter   boolean NOT NULL,
    state         text NOT NULL DEFAULT 'queued'
                  CHECK (state IN ('queued', 'done', 'failed', 'skipped', 'dead')),
    attempts      integer NOT NULL DEFAULT 0,
    status        integer,
    error         text,
    discovered_at timestamptz NOT NULL DEFAULT now(),
    done_at       timestamptz,
    PRIMARY KEY (run_id, fingerprint)
)
-- Every row is updated once: without an early vacuum the frontier's index fills with the dead.
WITH (autovacuum_vacuum_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.05);
-- Fetch order, per host: refills read it from the front and stop.
CREATE INDEX crawl_requests_frontier ON crawl_requests (run_id, host, priority DESC, depth, fingerprint)
    WHERE state = 'queued';
-- The hosts a run began with, without reading the whole of it.
CREATE INDEX crawl_requests_start ON crawl_requests (run_id, host) WHERE depth = 0;
-- What ended without being done: for people who ask why, and for what they put back. A crawl pays for it with
-- each such request alone.
CREATE INDEX crawl_requests_not_done ON crawl_requests (run_id, state, fingerprint)
    WHERE state = 'failed' OR state = 'skipped' OR state = 'dead';

-- Every item type without a table of its own. Keyed ones are kept across runs, the others are appended.
CREATE TABLE crawl_items (
    spider       text COLLATE "C" NOT NULL,
    item_type    text COLLATE "C" NOT NULL,
    item_key     text COLLATE "C",
    run_id       bigint NOT NULL,
    url          text NOT NULL,
    data         jsonb NOT NULL,
    content_hash text NOT NULL,
    scraped_at   timestamptz NOT NULL DEFAULT now(),
    UNIQUE (spider, item_type, item_key)
);
CREATE INDEX crawl_items_by_run ON crawl_items (run_id, item_type);

-- Items that could not be stored where they belong, with the reason.
CREATE TABLE crawl_dead_letters (
    letter_id   bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    run_id      bigint NOT NULL,
    fingerprint bytea NOT NULL,
    url         text NOT NULL,
    item_type   text NOT NULL,
    payload     jsonb NOT NULL,
    error       text NOT NULL,
    sqlstate    text,
    created_at  timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX crawl_dead_letters_by_page ON crawl_dead_letters (run_id, fingerprint);

-- The cookies of runs that have not ended, so that a resumed one is still logged in: secrets, deleted with the
-- run's end. `--cookies memory` keeps them out.
CREATE TABLE crawl_cookies (
    run_id  bigint NOT NULL,
    -- The jar: '' is that of requests without a session.
    session text COLLATE "C" NOT NULL,
    domain  text COLLATE "C" NOT NULL,
    path    text COLLATE "C" NOT NULL,
    name    text COLLATE "C" NOT NULL,
    -- With its value and attributes; NULL when it has ended.
    cookie  json,
    -- Of two states of a cookie, the higher one is the later.
    version bigint NOT NULL,
    PRIMARY KEY (run_id, session, domain, path, name)
);

-- What hosts have asked of runs that have not ended, or made necessary, so that a resumed one waits as well.
-- Deleted with the run's end.
CREATE TABLE crawl_hosts (
    run_id       bigint NOT NULL,
    -- host:port
    host         text COLLATE "C" NOT NULL,
    -- Until when it is left alone.
    paused_until timestamptz,
    -- If it is left alone because it keeps failing: how long it will have been by then.
    paused_ms    bigint,
    -- It is asked once in this time, because it has refused.
    slowed_to_ms bigint,
    -- Why, for people.
    reason       text,
    noted_at     timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (run_id, host)
);
