-- The Postgres schema of Dragline, version 17.
--
-- The first crawl creates these tables, and so does `dragline schema apply`, which also upgrades the tables of an older
-- version. `dragline schema print` prints this file followed by the tables of your item types.
--
-- No statement names a schema, so your search_path decides where the tables are.

-- The version of these tables. The highest number counts.
CREATE TABLE crawl_schema (
    version     integer PRIMARY KEY,
    applied_at  timestamptz NOT NULL DEFAULT now()
);
INSERT INTO crawl_schema (version) VALUES (17);

-- One row per run. A run is one crawl with its frontier, and can be resumed until it is finished or failed.
CREATE TABLE crawl_runs (
    run_id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    -- The name that `--run` sets. At most one unfinished run has a given name.
    name             text NOT NULL,
    spider           text NOT NULL,
    -- crawl: it fetches its pages. replay: it reads kept pages and fetches the others. reparse: it parses kept pages once
    -- more. import: its pages come from a file.
    kind             text NOT NULL DEFAULT 'crawl' CHECK (kind IN ('crawl', 'reparse', 'replay', 'import')),
    -- The spider's arguments and start URLs, without secrets.
    args             jsonb NOT NULL DEFAULT '{}',
    -- Rises with every start. A process that was started earlier has a lower epoch and can write nothing more.
    epoch            bigint NOT NULL DEFAULT 1,
    -- running: a process works on it, or was killed while it did. stopped: the same crawl resumes it.
    -- finished and failed are final.
    state            text NOT NULL DEFAULT 'running'
                     CHECK (state IN ('running', 'stopped', 'finished', 'failed')),
    stop_reason      text,
    started_at       timestamptz NOT NULL DEFAULT now(),
    finished_at      timestamptz,
    -- The last sign of life of the process that works on the run.
    heartbeat_at     timestamptz NOT NULL DEFAULT now(),
    -- Figures for people. The process writes them with its heartbeat.
    stats            jsonb NOT NULL DEFAULT '{}',
    -- The last process that worked on the run.
    pid              integer,
    hostname         text,
    -- When that process started, and how many requests had left the state 'queued' by then. fruitless_starts counts
    -- the starts in a row, before this one, in which no further request did. After three of them the run fails.
    last_start_at    timestamptz NOT NULL DEFAULT now(),
    ended_at_start   bigint NOT NULL DEFAULT 0,
    fruitless_starts integer NOT NULL DEFAULT 0,
    -- How the run's requests are divided into shards; see crawl_requests.shard. Neither column changes while the run
    -- exists.
    --   sha256-host, 1024: the first two bytes of sha256('host:port') as a big-endian number, modulo 1024
    --   one, 1:            every request is in shard 0; runs that began before version 6 have this rule
    shards           smallint NOT NULL,
    shard_rule       text NOT NULL,
    -- Whether a start of the run had `--incremental`. Then an item row that is as it was keeps the run_id of the run that
    -- wrote it. It belongs to the last run that visited one of its pages, see crawl_page_items.
    incremental      boolean NOT NULL DEFAULT false,
    -- What the run held when it ended: pages by state, rows by item type … NULL before that, and in a run that ended
    -- before version 7.
    figures          jsonb,
    -- Whether a finished run is good. NULL for a run that is not finished, or whose process was killed before it could
    -- judge the run, and for a run that ended before version 7.
    verdict          text CHECK (verdict IN ('good', 'problems')),
    -- The problems, each with a short code to group by and a text for people: [{"code": …, "text": …}, …].
    problems         jsonb NOT NULL DEFAULT '[]',
    -- How many requests the run had when its present workers began to share it, and how many of them had left the state 'queued'. Their
    -- rows in crawl_workers count what came after. Only a run that several processes share has these.
    found            bigint NOT NULL DEFAULT 0,
    ended            bigint NOT NULL DEFAULT 0,
    CHECK ((state IN ('finished', 'failed')) = (finished_at IS NOT NULL))
);
CREATE UNIQUE INDEX crawl_runs_one_unfinished ON crawl_runs (name) WHERE state IN ('running', 'stopped');
CREATE INDEX crawl_runs_by_name ON crawl_runs (name, run_id);

-- Every request of a run: the frontier (state 'queued') and what became of the others. The primary key is also the
-- duplicate filter. It has no foreign key to crawl_runs, because every flush locks the row of its run anyway and the
-- database would check the key again for each request.
CREATE TABLE crawl_requests (
    run_id        bigint NOT NULL,
    -- The part of the run that the request belongs to. All requests of one host have the same shard.
    shard         smallint NOT NULL,
    -- Identifies the request within its run: a digest of method, URL, body and session.
    fingerprint   bytea NOT NULL CHECK (octet_length(fingerprint) = 16),
    -- The fingerprint of the page that the request was found on, or of the request that redirected to it. NULL for a
    -- start request, and for a request that was stored before version 6.
    parent        bytea,
    url           text NOT NULL,
    method        text NOT NULL,
    -- [[name, value], …]. This column and the next two are json, not jsonb, so that a resumed run reads exactly what
    -- was written.
    headers       json NOT NULL,
    body          bytea,
    -- Which kind of page it is; the spider decides by it how to parse the page.
    tag           text NOT NULL,
    -- Values that the spider passes on to the page.
    meta          json NOT NULL,
    -- How the request is sent where that differs from the run's settings: session, proxy, retries … {} for none.
    options       json NOT NULL DEFAULT '{}',
    -- Higher comes first.
    priority      integer NOT NULL,
    -- The number of links from a start request.
    depth         integer NOT NULL,
    -- host:port
    host          text COLLATE "C" NOT NULL,
    -- The URLs that redirected here, first to last.
    redirects     json NOT NULL,
    -- Whether the request is fetched even if the run has fetched the same one already.
    dont_filter   boolean NOT NULL,
    -- queued: not fetched yet. done: all its items and new requests are stored. failed: given up. skipped: not fetched
    -- or not parsed. dead: its items could not be stored and are in crawl_dead_letters.
    state         text NOT NULL DEFAULT 'queued'
                  CHECK (state IN ('queued', 'done', 'failed', 'skipped', 'dead')),
    -- How often it was fetched.
    attempts      integer NOT NULL DEFAULT 0,
    -- The HTTP status of the last answer; NULL if no answer came.
    status        integer,
    -- Why a request failed, was skipped or is dead: a short code to group by, and the same for people, in detail. For a
    -- page that is done it is NULL, or says why the page was not parsed: unchanged or fresh.
    reason        text,
    error         text,
    discovered_at timestamptz NOT NULL DEFAULT now(),
    -- When it left the state 'queued'.
    done_at       timestamptz,
    PRIMARY KEY (run_id, shard, fingerprint)
)
-- Every row is updated once. An early vacuum keeps the index of the frontier free of dead entries.
WITH (autovacuum_vacuum_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.05);
-- The frontier in the order in which each host's requests are fetched. A refill reads the first entries of each host.
CREATE INDEX crawl_requests_frontier ON crawl_requests (run_id, shard, host, priority DESC, depth, fingerprint)
    WHERE state = 'queued';
-- The hosts that a run began with.
CREATE INDEX crawl_requests_start ON crawl_requests (run_id, host) WHERE depth = 0;
-- Requests that ended without being done, for `runs show`, for `runs retry` and for your own queries.
CREATE INDEX crawl_requests_not_done ON crawl_requests (run_id, state, fingerprint)
    WHERE state = 'failed' OR state = 'skipped' OR state = 'dead';

-- The items of every type that has no table of its own. Of items with a key there is one row per key, and a later run
-- replaces it. Items without a key are added once per page.
CREATE TABLE crawl_items (
    spider       text COLLATE "C" NOT NULL,
    item_type    text COLLATE "C" NOT NULL,
    -- NULL for an item without a key.
    item_key     text COLLATE "C",
    -- Identifies the row. An index cannot hold a long key, so this is a digest of it:
    --   with a key:     the first 16 bytes of sha256(item_key)
    --   without a key:  a digest of run, page and place on the page
    -- To find the row of a key: WHERE key_digest = substring(sha256(convert_to('KEY', 'UTF8')) FROM 1 FOR 16)
    key_digest   bytea NOT NULL,
    -- The last run that found the item, and its page there: crawl_requests.fingerprint, and its URL. The fingerprint
    -- is NULL in a row that was stored before version 6.
    run_id       bigint NOT NULL,
    fingerprint  bytea,
    url          text NOT NULL,
    data         jsonb NOT NULL,
    -- SHA-256 of the item's JSON text.
    content_hash text NOT NULL,
    scraped_at   timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (spider, item_type, key_digest)
);
CREATE INDEX crawl_items_by_run ON crawl_items (run_id, item_type);
-- The items of a page that have no key. A reparse replaces them.
CREATE INDEX crawl_items_without_key ON crawl_items (run_id, fingerprint) WHERE item_key IS NULL;

-- Items that the database refused, or that an item pipeline put aside, with the reason. `dragline dead-letters` lists
-- them and stores them once the cause is mended.
CREATE TABLE crawl_dead_letters (
    letter_id   bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    -- The page that the item was found on.
    run_id      bigint NOT NULL,
    fingerprint bytea NOT NULL,
    url         text NOT NULL,
    item_type   text NOT NULL,
    -- The item's fields.
    payload     jsonb NOT NULL,
    error       text NOT NULL,
    -- The database's error code, if the database refused the item.
    sqlstate    text,
    created_at  timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX crawl_dead_letters_by_page ON crawl_dead_letters (run_id, fingerprint);

-- The cookies of runs that have not ended, so that a resumed run is still logged in. They are secrets: Dragline deletes
-- them when the run ends, and `--cookies memory` never stores them.
CREATE TABLE crawl_cookies (
    run_id  bigint NOT NULL,
    -- The session whose cookie it is; '' for requests without a session.
    session text COLLATE "C" NOT NULL,
    domain  text COLLATE "C" NOT NULL,
    path    text COLLATE "C" NOT NULL,
    name    text COLLATE "C" NOT NULL,
    -- Its value and attributes; NULL once the site has removed the cookie.
    cookie  json,
    -- Rises with every change of the cookie.
    version bigint NOT NULL,
    PRIMARY KEY (run_id, session, domain, path, name)
);

-- Hosts that asked for a pause, kept failing or refused requests, so that a resumed run still waits for them or asks
-- them more slowly. Dragline deletes these rows when the run ends.
CREATE TABLE crawl_hosts (
    run_id       bigint NOT NULL,
    -- host:port
    host         text COLLATE "C" NOT NULL,
    -- Dragline does not ask the host before this moment.
    paused_until timestamptz,
    -- The length of that pause, if the host is paused because it kept failing.
    paused_ms    bigint,
    -- The time between two requests, if the host has refused faster ones.
    slowed_to_ms bigint,
    -- Why, for people.
    reason       text,
    noted_at     timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (run_id, host)
);

-- Pages that a process has in hand, and pages that may have ended one. Dragline writes these rows only after a process has
-- ended without recording how, and deletes them when the run ends. A page that ends the process again and again is found
-- here, and given up.
CREATE TABLE crawl_suspects (
    run_id       bigint NOT NULL,
    -- The request of the page; see crawl_requests.
    shard        smallint NOT NULL,
    fingerprint  bytea NOT NULL,
    url          text NOT NULL,
    -- The epoch of the process that has the page in hand, or had it when it ended. NULL once it has put the page back.
    marked_by    bigint,
    -- How often a process ended while this page was the only one that it had in hand.
    deaths       integer NOT NULL DEFAULT 0,
    PRIMARY KEY (run_id, fingerprint)
);

-- The bodies of kept answers, each of them once, however many pages and runs have it. `dragline runs prune` removes those
-- that no kept answer refers to any more.
CREATE TABLE crawl_bodies (
    -- SHA-256 of the body.
    body_hash  bytea PRIMARY KEY CHECK (octet_length(body_hash) = 32),
    -- The body as the spider got it, in one zstd frame, which any program for zstd unpacks.
    body       bytea NOT NULL,
    -- The length of the unpacked body.
    body_bytes bigint NOT NULL
);
-- It can't be compressed once more.
ALTER TABLE crawl_bodies ALTER COLUMN body SET STORAGE EXTERNAL;

-- The answers that `--keep-pages` keeps, and the first bytes of the answers of failed pages that `--keep-failed` keeps.
-- `dragline pages` lists and prints them. They are deleted with their run.
CREATE TABLE crawl_kept_pages (
    run_id      bigint NOT NULL REFERENCES crawl_runs (run_id) ON DELETE CASCADE,
    -- The page: crawl_requests.fingerprint.
    fingerprint bytea NOT NULL,
    -- The URL that gave the answer.
    url         text NOT NULL,
    status      integer NOT NULL,
    -- [[name, value], …], without cookies and other secrets.
    headers     json NOT NULL,
    -- The first bytes of the body. Decompressed, but not decoded: as the spider got it. NULL if the whole body is kept.
    body        bytea,
    -- The whole body, in crawl_bodies.
    body_hash   bytea REFERENCES crawl_bodies (body_hash),
    -- The length of the whole body, if it is known.
    body_bytes  bigint,
    -- When the answer came. NULL in a row that was stored before version 9.
    fetched_at  timestamptz,
    -- As crawl_requests.shard, by the rule sha256-host, whatever the rule of the run is.
    shard       smallint,
    kept_at     timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (run_id, fingerprint),
    CHECK ((body IS NULL) <> (body_hash IS NULL))
);
-- The newest whole answer of a page.
CREATE INDEX crawl_kept_pages_by_page ON crawl_kept_pages (fingerprint, run_id) WHERE body_hash IS NOT NULL;
-- Whether a body is still needed.
CREATE INDEX crawl_kept_pages_by_body ON crawl_kept_pages (body_hash) WHERE body_hash IS NOT NULL;

-- What the crawls with `--incremental` know about the pages of a spider, across its runs. Each row is written in the
-- transaction that makes the page `done`. A crawl without `--incremental` removes the rows of the pages that it
-- fetches, because they no longer say what is stored.
CREATE TABLE crawl_pages (
    spider        text COLLATE "C" NOT NULL,
    -- As in crawl_requests.
    fingerprint   bytea NOT NULL CHECK (octet_length(fingerprint) = 16),
    url           text NOT NULL,
    tag           text NOT NULL,
    -- What the server said about the version of the page: the headers ETag and Last-Modified.
    etag          text,
    last_modified text,
    -- SHA-256 of the decompressed body.
    body_hash     bytea NOT NULL,
    -- A digest of what parsed the page: item types, version and arguments of the spider, tag and meta of the request.
    parser        bytea NOT NULL,
    -- The requests that the page leads to, before any rule of a run left something out. Like crawl_requests.meta, this is
    -- json, so that it is read exactly as it was written.
    links         json NOT NULL,
    -- When the page was parsed.
    parsed_at     timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (spider, fingerprint)
);

-- When the pages of crawl_pages were visited. A page that is unchanged only costs an update of its row here, so the rows
-- are short.
CREATE TABLE crawl_page_visits (
    spider      text COLLATE "C" NOT NULL,
    fingerprint bytea NOT NULL,
    -- The last run that found the page, whether or not it asked the server.
    run_id      bigint NOT NULL,
    -- When the server was asked for the page, for the first and for the last time.
    first_at    timestamptz NOT NULL,
    checked_at  timestamptz NOT NULL,
    -- How often the server was asked, and how often the body was another one than before.
    checks      integer NOT NULL,
    changes     integer NOT NULL,
    PRIMARY KEY (spider, fingerprint)
)
-- No index has a column that changes. With room on its page of the table, an update touches no index.
WITH (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.05);

-- The items with a key that each page of crawl_pages has. An item that is on several pages has several rows.
CREATE TABLE crawl_page_items (
    spider      text COLLATE "C" NOT NULL,
    item_type   text COLLATE "C" NOT NULL,
    -- As in crawl_items, also for items with a table of their own.
    key_digest  bytea NOT NULL,
    fingerprint bytea NOT NULL,
    -- A digest of the item as this page has it. Pages that have the same key with different values are always parsed, so
    -- that the row is that of a full crawl.
    item_hash   bytea NOT NULL,
    PRIMARY KEY (spider, item_type, key_digest, fingerprint)
);
CREATE INDEX crawl_page_items_by_page ON crawl_page_items (spider, fingerprint);

-- Every item with a key that a crawl with `--incremental` has stored, or whose type has a history, and when it was first seen.
-- To find out when an item of an incremental crawl was
-- last seen: SELECT max(checked_at) FROM crawl_page_items JOIN crawl_page_visits USING (spider, fingerprint) WHERE …
CREATE TABLE crawl_item_keys (
    spider     text COLLATE "C" NOT NULL,
    item_type  text COLLATE "C" NOT NULL,
    key_digest bytea NOT NULL,
    -- The key: a text as it is, other values and keys of several columns as JSON.
    item_key   text COLLATE "C" NOT NULL,
    first_run  bigint NOT NULL,
    first_seen timestamptz NOT NULL DEFAULT now(),
    -- The run that made the row that is there now, and when. NULL for a type without a history, and for a row that is older
    -- than its history.
    made_by    bigint,
    made_at    timestamptz,
    -- The last run with `--incremental` in which a page that had the item no longer has it.
    left_by    bigint,
    PRIMARY KEY (spider, item_type, key_digest)
);

-- The shares that pages have in the rows of item types with a column that is a sum (`#[item(merge = "add")]`). A page counts once, however
-- often it is parsed: its share replaces the one that it had before.
CREATE TABLE crawl_item_shares (
    table_name  text COLLATE "C" NOT NULL,
    -- As in crawl_items.
    key_digest  bytea NOT NULL,
    -- The page, and the spider that has parsed it.
    spider      text COLLATE "C" NOT NULL,
    fingerprint bytea NOT NULL,
    -- The key of the row: a text as it is, other values and keys of several columns as JSON.
    item_key    text COLLATE "C" NOT NULL,
    -- The last run that has found this on the page.
    run_id      bigint NOT NULL,
    -- The number for each column. A page that gives none has no row here.
    shares      jsonb NOT NULL,
    PRIMARY KEY (table_name, key_digest, spider, fingerprint)
);
CREATE INDEX crawl_item_shares_by_page ON crawl_item_shares (spider, fingerprint);

-- Changes of the rows of item types with a change feed (`#[item(changes)]`). The positions are in the order in which the changes
-- were committed, so a program that has read one of them has missed none before it. The numbers have gaps. Each COMMIT with
-- changes sends NOTIFY dragline_changes. `dragline runs prune --changes-older-than` removes old rows.
CREATE TABLE crawl_changes (
    position        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    -- The run that has changed the row, and its spider.
    run_id          bigint NOT NULL,
    spider          text COLLATE "C" NOT NULL,
    item_type       text COLLATE "C" NOT NULL,
    table_name      text COLLATE "C" NOT NULL,
    -- The key of the row: a text as it is, other values and keys of several columns as JSON.
    item_key        text COLLATE "C" NOT NULL,
    -- new: the row is there now. changed: it has other values. gone: it was removed, or marked as gone.
    kind            text NOT NULL CHECK (kind IN ('new', 'changed', 'gone')),
    -- The item's columns, as to_jsonb writes them: the new values, or the last ones of a row that is gone.
    data            jsonb NOT NULL,
    -- The columns that have other values than before; NULL for rows that are new or gone.
    changed_columns text[],
    changed_at      timestamptz NOT NULL DEFAULT now()
);

-- The servers (`dragline serve`) that execute schedules. Their moments are by the clock of the database.
CREATE TABLE crawl_servers (
    server_id    bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    hostname     text NOT NULL,
    pid          integer NOT NULL,
    -- The start of the machine and the process namespace. Where another server finds the same ones, it can tell at once whether
    -- this one is gone.
    place        text NOT NULL,
    version      text NOT NULL,
    -- The address of its endpoints.
    listen       text,
    started_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    -- The last sign of life. A server that is silent for longer than the lease loses its ticks to the others.
    heartbeat_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    -- When it ended, or when another server noticed that it had.
    ended_at     timestamptz
);

-- The schedules that servers have found in their settings files.
CREATE TABLE crawl_schedules (
    name          text COLLATE "C" PRIMARY KEY,
    -- Its spider, cron expressions, time zone and limits, without secrets.
    definition    jsonb NOT NULL,
    -- When and by whom it was paused; NULL if it is not.
    paused_at     timestamptz,
    paused_by     text,
    first_seen_at timestamptz NOT NULL,
    -- Up to this moment, all ticks of its cron expressions have a row in crawl_ticks.
    known_until   timestamptz NOT NULL
);

-- The moments at which schedules are due, a row for each. The primary key makes each of them happen once.
CREATE TABLE crawl_ticks (
    schedule     text COLLATE "C" NOT NULL,
    due_at       timestamptz NOT NULL,
    -- cron: the cron expression. catch_up: the same, at a moment when no server was there. manual: a person asked for it.
    kind         text NOT NULL CHECK (kind IN ('cron', 'catch_up', 'manual')),
    -- waiting: not started yet, or tried again later. running: a server executes it. The others are final. skipped: not executed.
    state        text NOT NULL CHECK (state IN ('waiting', 'running', 'done', 'failed', 'skipped')),
    -- Why, for people.
    reason       text,
    -- The server that executes it, or that has executed it last.
    server_id    bigint,
    -- How many processes were started for it, and how many of them failed.
    attempts     integer NOT NULL DEFAULT 0,
    failures     integer NOT NULL DEFAULT 0,
    -- When it may be started, if it waits.
    next_try_at  timestamptz,
    -- Its run: crawl_runs.name, and crawl_runs.run_id as soon as the run is open.
    run_name     text NOT NULL,
    run_id       bigint,
    -- Its run has a higher id than this. Noted before its first process is started, so that only one run is crawled for it.
    after_run    bigint,
    -- How its last process ended: the exit code, or 128 and the number of the signal.
    exit_code    integer,
    pid          integer,
    started_at   timestamptz,
    ended_at     timestamptz,
    -- The folder with the log files of its processes, on the machine of its server.
    log_dir      text,
    -- How many of its processes had to be killed.
    forced_kills integer NOT NULL DEFAULT 0,
    -- The person who asked to end it, and the reason. Its server then stops the process.
    cancel       text,
    -- Rises with every change, and a change names the version that it has seen.
    version      bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (schedule, due_at),
    CHECK ((state IN ('done', 'failed', 'skipped')) = (ended_at IS NOT NULL))
);
-- The run of a schedule has one process.
CREATE UNIQUE INDEX crawl_ticks_one_running ON crawl_ticks (schedule) WHERE state = 'running';
CREATE INDEX crawl_ticks_open ON crawl_ticks (due_at) WHERE state IN ('waiting', 'running');
CREATE INDEX crawl_ticks_by_due ON crawl_ticks (due_at);
CREATE INDEX crawl_ticks_by_run ON crawl_ticks (run_id) WHERE run_id IS NOT NULL;

-- The workers of the runs that several processes share. The row of a worker is its lease, and its moments are by the clock of the
-- database. A worker that lets its lease expire is declared dead by another one. Then it can store nothing more.
CREATE TABLE crawl_workers (
    worker_id  bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    run_id     bigint NOT NULL,
    -- The epoch of the run that the worker has joined.
    epoch      bigint NOT NULL,
    pid        integer NOT NULL,
    hostname   text NOT NULL,
    -- The start of the machine and the process namespace. A worker that finds the same ones can tell at once whether this one is gone.
    place      text NOT NULL,
    version    text NOT NULL,
    -- live: nobody has noticed the contrary. left: it has ended its work. dead: another worker has noticed its end.
    state      text NOT NULL DEFAULT 'live' CHECK (state IN ('live', 'left', 'dead')),
    -- How long the lease lasts from each renewal.
    lease_ms   integer NOT NULL CHECK (lease_ms > 0),
    joined_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    expires_at timestamptz NOT NULL,
    ended_at   timestamptz,
    -- How many requests the worker's flushes have added to the run, and how many have left the state 'queued' in them. The last two:
    -- how many of these became 'done', and the item rows that were written.
    found      bigint NOT NULL DEFAULT 0,
    ended      bigint NOT NULL DEFAULT 0,
    done       bigint NOT NULL DEFAULT 0,
    items      bigint NOT NULL DEFAULT 0,
    CHECK ((state = 'live') = (ended_at IS NULL))
)
-- No index has a column that a flush or a renewal changes. With room on its page of the table, an update touches no index.
WITH (fillfactor = 50);
CREATE INDEX crawl_workers_by_run ON crawl_workers (run_id, state);

-- The shards of the runs that several processes share, and their owners. Only the owner asks the hosts of a shard. The rows are there
-- from the moment at which the first worker joins until the run ends.
CREATE TABLE crawl_shards (
    run_id    bigint NOT NULL,
    -- As crawl_requests.shard.
    shard     smallint NOT NULL,
    -- NULL for a shard that a worker may claim.
    worker_id bigint,
    -- The last change of the owner.
    since     timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (run_id, shard)
)
WITH (fillfactor = 50);
