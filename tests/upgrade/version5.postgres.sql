
SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;

SET default_tablespace = '';

SET default_table_access_method = heap;

CREATE TABLE public.attic_crates (
    path text NOT NULL,
    weight double precision NOT NULL,
    run_id bigint NOT NULL,
    source_url text NOT NULL,
    scraped_at timestamp with time zone DEFAULT now() NOT NULL
);

CREATE TABLE public.attic_labels (
    path text NOT NULL,
    run_id bigint NOT NULL,
    source_url text NOT NULL,
    scraped_at timestamp with time zone DEFAULT now() NOT NULL
);

CREATE TABLE public.crawl_cookies (
    run_id bigint NOT NULL,
    session text NOT NULL COLLATE pg_catalog."C",
    domain text NOT NULL COLLATE pg_catalog."C",
    path text NOT NULL COLLATE pg_catalog."C",
    name text NOT NULL COLLATE pg_catalog."C",
    cookie json,
    version bigint NOT NULL
);

CREATE TABLE public.crawl_dead_letters (
    letter_id bigint NOT NULL,
    run_id bigint NOT NULL,
    fingerprint bytea NOT NULL,
    url text NOT NULL,
    item_type text NOT NULL,
    payload jsonb NOT NULL,
    error text NOT NULL,
    sqlstate text,
    created_at timestamp with time zone DEFAULT now() NOT NULL
);

ALTER TABLE public.crawl_dead_letters ALTER COLUMN letter_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.crawl_dead_letters_letter_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.crawl_hosts (
    run_id bigint NOT NULL,
    host text NOT NULL COLLATE pg_catalog."C",
    paused_until timestamp with time zone,
    paused_ms bigint,
    slowed_to_ms bigint,
    reason text,
    noted_at timestamp with time zone DEFAULT now() NOT NULL
);

CREATE TABLE public.crawl_items (
    spider text NOT NULL COLLATE pg_catalog."C",
    item_type text NOT NULL COLLATE pg_catalog."C",
    item_key text COLLATE pg_catalog."C",
    run_id bigint NOT NULL,
    url text NOT NULL,
    data jsonb NOT NULL,
    content_hash text NOT NULL,
    scraped_at timestamp with time zone DEFAULT now() NOT NULL
);

CREATE TABLE public.crawl_requests (
    run_id bigint NOT NULL,
    fingerprint bytea NOT NULL,
    url text NOT NULL,
    method text NOT NULL,
    headers json NOT NULL,
    body bytea,
    tag text NOT NULL,
    meta json NOT NULL,
    priority integer NOT NULL,
    depth integer NOT NULL,
    host text NOT NULL COLLATE pg_catalog."C",
    redirects json NOT NULL,
    dont_filter boolean NOT NULL,
    state text DEFAULT 'queued'::text NOT NULL,
    attempts integer DEFAULT 0 NOT NULL,
    status integer,
    error text,
    discovered_at timestamp with time zone DEFAULT now() NOT NULL,
    done_at timestamp with time zone,
    CONSTRAINT crawl_requests_fingerprint_check CHECK ((octet_length(fingerprint) = 16)),
    CONSTRAINT crawl_requests_state_check CHECK ((state = ANY (ARRAY['queued'::text, 'done'::text, 'failed'::text, 'skipped'::text, 'dead'::text])))
)
WITH (autovacuum_vacuum_scale_factor='0.05', autovacuum_analyze_scale_factor='0.05');

CREATE TABLE public.crawl_runs (
    run_id bigint NOT NULL,
    name text NOT NULL,
    spider text NOT NULL,
    args jsonb DEFAULT '{}'::jsonb NOT NULL,
    epoch bigint DEFAULT 1 NOT NULL,
    state text DEFAULT 'running'::text NOT NULL,
    stop_reason text,
    started_at timestamp with time zone DEFAULT now() NOT NULL,
    finished_at timestamp with time zone,
    heartbeat_at timestamp with time zone DEFAULT now() NOT NULL,
    stats jsonb DEFAULT '{}'::jsonb NOT NULL,
    pid integer,
    hostname text,
    last_start_at timestamp with time zone DEFAULT now() NOT NULL,
    ended_at_start bigint DEFAULT 0 NOT NULL,
    fruitless_starts integer DEFAULT 0 NOT NULL,
    CONSTRAINT crawl_runs_check CHECK (((state = ANY (ARRAY['finished'::text, 'failed'::text])) = (finished_at IS NOT NULL))),
    CONSTRAINT crawl_runs_state_check CHECK ((state = ANY (ARRAY['running'::text, 'stopped'::text, 'finished'::text, 'failed'::text])))
);

ALTER TABLE public.crawl_runs ALTER COLUMN run_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.crawl_runs_run_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.crawl_schema (
    version integer NOT NULL,
    applied_at timestamp with time zone DEFAULT now() NOT NULL
);

INSERT INTO public.attic_crates VALUES ('/', 0.5, 1, 'http://127.55.0.6:8806/', '2026-11-30 01:46:06.640754+00');
INSERT INTO public.attic_crates VALUES ('/room/0', 0.5, 1, 'http://127.55.0.6:8806/room/0', '2026-11-30 01:46:06.686653+00');
INSERT INTO public.attic_crates VALUES ('/room/4', 0.5, 1, 'http://127.55.0.6:8806/room/4', '2026-11-30 01:46:06.686653+00');
INSERT INTO public.attic_crates VALUES ('/room/1', 0.5, 1, 'http://127.55.0.6:8806/room/1', '2026-11-30 01:46:06.683534+00');
INSERT INTO public.attic_crates VALUES ('/room/2', 0.5, 1, 'http://127.55.0.6:8806/room/2', '2026-11-30 01:46:06.683534+00');
INSERT INTO public.attic_crates VALUES ('/room/1 again', 0.5, 1, 'http://127.55.0.6:8806/room/1', '2026-11-30 01:46:06.719501+00');
INSERT INTO public.attic_crates VALUES ('/room/3', 0.5, 1, 'http://127.55.0.6:8806/room/3', '2026-11-30 01:46:06.719501+00');

INSERT INTO public.attic_labels VALUES ('/', 1, 'http://127.55.0.6:8806/', '2026-11-30 01:46:06.640754+00');
INSERT INTO public.attic_labels VALUES ('/room/4', 1, 'http://127.55.0.6:8806/room/4', '2026-11-30 01:46:06.686653+00');
INSERT INTO public.attic_labels VALUES ('/room/0', 1, 'http://127.55.0.6:8806/room/0', '2026-11-30 01:46:06.686653+00');
INSERT INTO public.attic_labels VALUES ('/room/2', 1, 'http://127.55.0.6:8806/room/2', '2026-11-30 01:46:06.683534+00');
INSERT INTO public.attic_labels VALUES ('/room/1', 1, 'http://127.55.0.6:8806/room/1', '2026-11-30 01:46:06.683534+00');
INSERT INTO public.attic_labels VALUES ('/room/1 again', 1, 'http://127.55.0.6:8806/room/1', '2026-11-30 01:46:06.719501+00');
INSERT INTO public.attic_labels VALUES ('/room/3', 1, 'http://127.55.0.6:8806/room/3', '2026-11-30 01:46:06.719501+00');

INSERT INTO public.crawl_cookies VALUES (1, 'ann', '127.55.0.6', '/', 'door', '{"raw_cookie":"door=open; Path=/","path":["/",true],"domain":{"HostOnly":"127.55.0.6"},"expires":"SessionEnd"}', 1);

INSERT INTO public.crawl_dead_letters OVERRIDING SYSTEM VALUE VALUES (1, 1, '\xe156d4b4b64c2002373fb2a3763b45eb', 'http://127.55.0.6:8806/dead/0', 'exhibit', '{"path": "/dead/0", "seen": "a�b", "known": ""}', 'exhibit.seen is text with a NUL character', NULL, '2026-11-30 01:46:06.686653+00');

INSERT INTO public.crawl_items VALUES ('attic', 'exhibit', '/', 1, 'http://127.55.0.6:8806/', '{"path": "/", "seen": "GET none direct none", "known": "ann door -1 0"}', '84c2ec5181c8b60ca495ce8d49edff5cf8c7626765cb635c489dd68e74b829cd', '2026-11-30 01:46:06.640754+00');
INSERT INTO public.crawl_items VALUES ('attic', 'footnote', NULL, 1, 'http://127.55.0.6:8806/', '{"path": "/", "number": 1}', '94329d2786bed92590ba58c9e052af1a688d406fb7b52da71fc50a2ba8cb6705', '2026-11-30 01:46:06.640754+00');
INSERT INTO public.crawl_items VALUES ('attic', 'footnote', NULL, 1, 'http://127.55.0.6:8806/', '{"path": "/", "number": 2}', '04d6015cdcbb4069a089c63e8e9621204b07fc1e1c5f6d89fc5510b6cae75449', '2026-11-30 01:46:06.640754+00');
INSERT INTO public.crawl_items VALUES ('attic', 'exhibit', '/room/0', 1, 'http://127.55.0.6:8806/room/0', '{"path": "/room/0", "seen": "GET door=open direct none", "known": "ann room 0 0"}', '3514bace8285240b76a22b54de7f1705dddbee7b1c373ff5ca3a7c640f179520', '2026-11-30 01:46:06.686653+00');
INSERT INTO public.crawl_items VALUES ('attic', 'exhibit', '/room/4', 1, 'http://127.55.0.6:8806/room/4', '{"path": "/room/4", "seen": "GET door=open direct none", "known": "ann room 4 0"}', 'c586c9a4cbc9450b76787bf1919a118028d0895f587b461267c89cb09542299e', '2026-11-30 01:46:06.686653+00');
INSERT INTO public.crawl_items VALUES ('attic', 'footnote', NULL, 1, 'http://127.55.0.6:8806/room/4', '{"path": "/room/4", "number": 1}', '70b9858e8b65bb9a159fc7f1a12735d7cf2c37a71a4f34735279e3c4ef7837fc', '2026-11-30 01:46:06.686653+00');
INSERT INTO public.crawl_items VALUES ('attic', 'footnote', NULL, 1, 'http://127.55.0.6:8806/room/4', '{"path": "/room/4", "number": 2}', 'c13254e2cfb868b47776a341ff3db611d47551bea32bdcf11bd4e957d44cf3d0', '2026-11-30 01:46:06.686653+00');
INSERT INTO public.crawl_items VALUES ('attic', 'footnote', NULL, 1, 'http://127.55.0.6:8806/room/0', '{"path": "/room/0", "number": 1}', '59802291a86d6998cf100cfe3c79a799531387a65a3e7efef2d6c2d2892e1f21', '2026-11-30 01:46:06.686653+00');
INSERT INTO public.crawl_items VALUES ('attic', 'footnote', NULL, 1, 'http://127.55.0.6:8806/room/0', '{"path": "/room/0", "number": 2}', 'fad3809a235e439c4e8306b6899a0cb1ea2b8d8c715b78dc9a22f74375e0823c', '2026-11-30 01:46:06.686653+00');
INSERT INTO public.crawl_items VALUES ('attic', 'exhibit', '/room/1', 1, 'http://127.55.0.6:8806/room/1', '{"path": "/room/1", "seen": "GET door=open direct none", "known": "ann room 1 0"}', 'c6f42abac7c1e6b2f4e9365c2431b0651d2bc1582e8dce709241082e4ea7ddb7', '2026-11-30 01:46:06.683534+00');
INSERT INTO public.crawl_items VALUES ('attic', 'exhibit', '/room/2', 1, 'http://127.55.0.6:8806/room/2', '{"path": "/room/2", "seen": "GET door=open direct none", "known": "ann room 2 0"}', 'a1a169da98d09da088080337f56d87b4f21ff2b1ca91024c9c2873a3715cdecc', '2026-11-30 01:46:06.683534+00');
INSERT INTO public.crawl_items VALUES ('attic', 'footnote', NULL, 1, 'http://127.55.0.6:8806/room/2', '{"path": "/room/2", "number": 1}', '43fcd8d1ffeb56a5a2352be659451b91c1bdbbf3df24c55776908f311e0c82ea', '2026-11-30 01:46:06.683534+00');
INSERT INTO public.crawl_items VALUES ('attic', 'footnote', NULL, 1, 'http://127.55.0.6:8806/room/2', '{"path": "/room/2", "number": 2}', '8117b457f95357001e28136846178015c7b4e204fa34039e5a7d9865473983b3', '2026-11-30 01:46:06.683534+00');
INSERT INTO public.crawl_items VALUES ('attic', 'footnote', NULL, 1, 'http://127.55.0.6:8806/room/1', '{"path": "/room/1", "number": 1}', '9b89dc01e12216323898c1a6791e847981137370b0335fca4b8cf89f1528900a', '2026-11-30 01:46:06.683534+00');
INSERT INTO public.crawl_items VALUES ('attic', 'footnote', NULL, 1, 'http://127.55.0.6:8806/room/1', '{"path": "/room/1", "number": 2}', '8a017bfbdc9dafa95dc1c50801bfb02c6b3a9b9f4230bdee8756aed0f7972d3f', '2026-11-30 01:46:06.683534+00');
INSERT INTO public.crawl_items VALUES ('attic', 'exhibit', '/room/1 again', 1, 'http://127.55.0.6:8806/room/1', '{"path": "/room/1 again", "seen": "GET door=open direct none", "known": "ann again 0 0"}', '7235101a5b87ac0d35ad08472338b08bc57f5fb2ed1becb23ad4e3a767103616', '2026-11-30 01:46:06.719501+00');
INSERT INTO public.crawl_items VALUES ('attic', 'exhibit', '/room/3', 1, 'http://127.55.0.6:8806/room/3', '{"path": "/room/3", "seen": "GET door=open direct none", "known": "ann room 3 0"}', '94553403e9b658f51e274bc6e37f6ec85d08a08d11e98e35ff140a8ea0708286', '2026-11-30 01:46:06.719501+00');
INSERT INTO public.crawl_items VALUES ('attic', 'footnote', NULL, 1, 'http://127.55.0.6:8806/room/1', '{"path": "/room/1 again", "number": 1}', '013a3c618293a0640a92146487c51d288454eace096841be01072bab94414d16', '2026-11-30 01:46:06.719501+00');
INSERT INTO public.crawl_items VALUES ('attic', 'footnote', NULL, 1, 'http://127.55.0.6:8806/room/1', '{"path": "/room/1 again", "number": 2}', 'e0ab244013ba6af8e0102350d3843740acef42fd52b7d9cd971e0b28d0f2e84c', '2026-11-30 01:46:06.719501+00');
INSERT INTO public.crawl_items VALUES ('attic', 'footnote', NULL, 1, 'http://127.55.0.6:8806/room/3', '{"path": "/room/3", "number": 1}', '8c393bafc30c9f7d790dd42e7e9a39db48da70e2a11e6d128815caf1a3b083a4', '2026-11-30 01:46:06.719501+00');
INSERT INTO public.crawl_items VALUES ('attic', 'footnote', NULL, 1, 'http://127.55.0.6:8806/room/3', '{"path": "/room/3", "number": 2}', '3ad2881e35a1b32a3f88b228c1cc3ca5c845152c951ee7e62053ce58d7874b70', '2026-11-30 01:46:06.719501+00');

INSERT INTO public.crawl_requests VALUES (1, '\x3cb6104917100ec52d0039b2a9ef6535', 'http://127.55.0.6:8806/private', 'GET', '[[":session","ann"],[":cookies","off"]]', NULL, '', '{}', 0, 1, '127.55.0.6:8806', '[]', false, 'queued', 0, NULL, NULL, '2026-11-30 01:46:06.640754+00', NULL);
INSERT INTO public.crawl_requests VALUES (1, '\x492aa718067108ef162382b2463a00e0', 'http://127.55.0.6:8806/dead/1', 'GET', '[[":session","ann"]]', NULL, 'odd', '{}', 0, 1, '127.55.0.6:8806', '[]', false, 'queued', 0, NULL, NULL, '2026-11-30 01:46:06.640754+00', NULL);
INSERT INTO public.crawl_requests VALUES (1, '\x56581a4cba59ed9538aaee7699764c6f', 'http://127.55.0.6:8806/proxied', 'GET', '[[":session","ann"],[":proxy","http://127.55.0.6:8806/"],[":retries","7"]]', NULL, '', '{}', 0, 1, '127.55.0.6:8806', '[]', false, 'queued', 0, NULL, NULL, '2026-11-30 01:46:06.640754+00', NULL);
INSERT INTO public.crawl_requests VALUES (1, '\x82adba6d5789d266a65835c0152f38c6', 'http://127.55.0.6:8806/room/5', 'GET', '[[":session","ann"]]', NULL, 'room', '{"n":5}', 2, 1, '127.55.0.6:8806', '[]', false, 'queued', 0, NULL, NULL, '2026-11-30 01:46:06.640754+00', NULL);
INSERT INTO public.crawl_requests VALUES (1, '\xb90e2e9f0406d49148e88c1467f27683', 'http://127.55.0.6:8806/room/7', 'GET', '[[":session","ann"]]', NULL, 'room', '{"n":7}', 1, 1, '127.55.0.6:8806', '[]', false, 'queued', 0, NULL, NULL, '2026-11-30 01:46:06.640754+00', NULL);
INSERT INTO public.crawl_requests VALUES (1, '\xbf3e45f1d5d6f43c5f887e89fcc66ddc', 'http://127.55.0.6:8806/room/8', 'GET', '[[":session","ann"]]', NULL, 'room', '{"n":8}', 2, 1, '127.55.0.6:8806', '[]', false, 'queued', 0, NULL, NULL, '2026-11-30 01:46:06.640754+00', NULL);
INSERT INTO public.crawl_requests VALUES (1, '\xd287677d01e079afaadf9663f2513368', 'http://127.55.0.6:8806/room/9', 'GET', '[[":session","ann"]]', NULL, 'room', '{"n":9}', 0, 1, '127.55.0.6:8806', '[]', false, 'queued', 0, NULL, NULL, '2026-11-30 01:46:06.640754+00', NULL);
INSERT INTO public.crawl_requests VALUES (1, '\xe9c420189a011b7b228b22fe1e80c707', 'http://127.55.0.6:8806/room/6', 'GET', '[[":session","ann"]]', NULL, 'room', '{"n":6}', 0, 1, '127.55.0.6:8806', '[]', false, 'queued', 0, NULL, NULL, '2026-11-30 01:46:06.640754+00', NULL);
INSERT INTO public.crawl_requests VALUES (1, '\xec84e6e1990f742c0fdcd27aa3de7dae', 'http://127.55.0.6:8806/posted', 'POST', '[["X-Own","a\tb"],[":session","ben"]]', '\x610062', '', '{}', 0, 1, '127.55.0.6:8806', '[]', false, 'queued', 0, NULL, NULL, '2026-11-30 01:46:06.640754+00', NULL);
INSERT INTO public.crawl_requests VALUES (1, '\x73c719292d44e27184c1ecdebd8d0120', 'http://127.55.0.6:8806/', 'GET', '[[":session","ann"]]', NULL, 'door', '{"n":-1}', 0, 0, '127.55.0.6:8806', '[]', false, 'done', 1, 200, NULL, '2026-11-30 01:46:06.586374+00', '2026-11-30 01:46:06.640754+00');
INSERT INTO public.crawl_requests VALUES (1, '\x5053c0777293fb600110084fd766ed44', 'http://127.55.0.6:8806/new/1', 'GET', '[[":session","ann"]]', NULL, 'odd', '{}', 0, 1, '127.55.0.6:8806', '["http://127.55.0.6:8806/moved"]', false, 'queued', 0, NULL, NULL, '2026-11-30 01:46:06.672497+00', NULL);
INSERT INTO public.crawl_requests VALUES (1, '\x2333b4e081f97b1132b8ba3d2b5e65f2', 'http://127.55.0.6:8806/moved', 'GET', '[[":session","ann"]]', NULL, 'odd', '{}', 0, 1, '127.55.0.6:8806', '[]', false, 'skipped', 1, 301, 'redirected to http://127.55.0.6:8806/new/1', '2026-11-30 01:46:06.640754+00', '2026-11-30 01:46:06.672497+00');
INSERT INTO public.crawl_requests VALUES (1, '\x8d7b4671043a13a595794bcf82eada4d', 'http://127.55.0.6:8806/desk/0', 'GET', '[[":session","ann"]]', NULL, 'desk', '{"n":0}', 0, 2, '127.55.0.6:8806', '[]', false, 'queued', 0, NULL, NULL, '2026-11-30 01:46:06.686653+00', NULL);
INSERT INTO public.crawl_requests VALUES (1, '\x9ef77f10597cb2ac5829e22867e3a40b', 'http://127.55.0.6:8806/desk/4', 'GET', '[[":session","ann"]]', NULL, 'desk', '{"n":4}', 0, 2, '127.55.0.6:8806', '[]', false, 'queued', 0, NULL, NULL, '2026-11-30 01:46:06.686653+00', NULL);
INSERT INTO public.crawl_requests VALUES (1, '\x18a6a74bbc6c440fd363630fe1fceedf', 'http://127.55.0.6:8806/failing', 'GET', '[[":session","ann"],[":retries","0"]]', NULL, '', '{}', 0, 1, '127.55.0.6:8806', '[]', false, 'failed', 1, 500, 'HTTP 500', '2026-11-30 01:46:06.640754+00', '2026-11-30 01:46:06.686653+00');
INSERT INTO public.crawl_requests VALUES (1, '\xb907f764658ea62eee0aae9cf6731c65', 'http://127.55.0.6:8806/gone', 'GET', '[[":session","ann"]]', NULL, 'odd', '{}', 0, 1, '127.55.0.6:8806', '[]', false, 'failed', 1, 404, 'HTTP 404', '2026-11-30 01:46:06.640754+00', '2026-11-30 01:46:06.686653+00');
INSERT INTO public.crawl_requests VALUES (1, '\xe156d4b4b64c2002373fb2a3763b45eb', 'http://127.55.0.6:8806/dead/0', 'GET', '[[":session","ann"]]', NULL, 'odd', '{}', 0, 1, '127.55.0.6:8806', '[]', false, 'dead', 1, 200, 'exhibit.seen is text with a NUL character', '2026-11-30 01:46:06.640754+00', '2026-11-30 01:46:06.686653+00');
INSERT INTO public.crawl_requests VALUES (1, '\xfb0cb23729864deccfd07f6c673cdab1', 'http://127.55.0.6:8806/room/4', 'GET', '[[":session","ann"]]', NULL, 'room', '{"n":4}', 1, 1, '127.55.0.6:8806', '[]', false, 'done', 1, 200, NULL, '2026-11-30 01:46:06.640754+00', '2026-11-30 01:46:06.686653+00');
INSERT INTO public.crawl_requests VALUES (1, '\xfb7654ed05763ee7af4250acd617fa58', 'http://127.55.0.6:8806/room/0', 'GET', '[[":session","ann"]]', NULL, 'room', '{"n":0}', 0, 1, '127.55.0.6:8806', '[]', false, 'done', 1, 200, NULL, '2026-11-30 01:46:06.640754+00', '2026-11-30 01:46:06.686653+00');
INSERT INTO public.crawl_requests VALUES (1, '\xa4d65b4e0985155ef0f9b9d6ad5f5f83', 'http://127.55.0.6:8806/desk/1', 'GET', '[[":session","ann"]]', NULL, 'desk', '{"n":1}', 0, 2, '127.55.0.6:8806', '[]', false, 'queued', 0, NULL, NULL, '2026-11-30 01:46:06.683534+00', NULL);
INSERT INTO public.crawl_requests VALUES (1, '\xd2e68eb6f132054c93743b3ca415d71c', 'http://127.55.0.6:8806/desk/2', 'GET', '[[":session","ann"]]', NULL, 'desk', '{"n":2}', 0, 2, '127.55.0.6:8806', '[]', false, 'queued', 0, NULL, NULL, '2026-11-30 01:46:06.683534+00', NULL);
INSERT INTO public.crawl_requests VALUES (1, '\x98f891b43893a2886724d0ded4885313', 'http://127.55.0.6:8806/room/1', 'GET', '[[":session","ann"]]', NULL, 'room', '{"n":1}', 1, 1, '127.55.0.6:8806', '[]', false, 'done', 1, 200, NULL, '2026-11-30 01:46:06.640754+00', '2026-11-30 01:46:06.683534+00');
INSERT INTO public.crawl_requests VALUES (1, '\xc34f9d7ef8584d299f221b62ecf3604a', 'http://127.55.0.6:8806/room/2', 'GET', '[[":session","ann"]]', NULL, 'room', '{"n":2}', 2, 1, '127.55.0.6:8806', '[]', false, 'done', 1, 200, NULL, '2026-11-30 01:46:06.640754+00', '2026-11-30 01:46:06.683534+00');
INSERT INTO public.crawl_requests VALUES (1, '\x426afd026f665876d5a6d773f5cdc6e4', 'http://127.55.0.6:8806/desk/3', 'GET', '[[":session","ann"]]', NULL, 'desk', '{"n":3}', 0, 2, '127.55.0.6:8806', '[]', false, 'queued', 0, NULL, NULL, '2026-11-30 01:46:06.719501+00', NULL);
INSERT INTO public.crawl_requests VALUES (1, '\x4088f7d785365b57eb9076758df52cc2', 'http://127.55.0.6:8806/room/3', 'GET', '[[":session","ann"]]', NULL, 'room', '{"n":3}', 0, 1, '127.55.0.6:8806', '[]', false, 'done', 1, 200, NULL, '2026-11-30 01:46:06.640754+00', '2026-11-30 01:46:06.719501+00');
INSERT INTO public.crawl_requests VALUES (1, '\x5190feba9c7cc366571209cec5f3fe5d', 'http://127.55.0.6:8806/room/1', 'GET', '[[":session","ann"]]', NULL, 'again', '{}', 0, 1, '127.55.0.6:8806', '[]', true, 'done', 1, 200, NULL, '2026-11-30 01:46:06.640754+00', '2026-11-30 01:46:06.719501+00');

INSERT INTO public.crawl_runs OVERRIDING SYSTEM VALUE VALUES (1, 'attic-2f4a8dd0', 'attic', '{"args": {"door": "http://127.55.0.6:8806/"}, "start_urls": []}', 1, 'running', NULL, '2026-11-30 01:46:06.586374+00', NULL, '2026-11-30 01:46:07.590982+00', '{"items": 35, "run_items": 35, "dead_pages": 1, "rows_flushed": 72, "rows_waiting": 0, "pages_flushed": 11, "pending_flushes": 0}', 3852, 'old-host', '2026-11-30 01:46:06.586374+00', 0, 0);

INSERT INTO public.crawl_schema VALUES (5, '2026-11-30 01:46:06.447419+00');

SELECT pg_catalog.setval('public.crawl_dead_letters_letter_id_seq', 1, true);

SELECT pg_catalog.setval('public.crawl_runs_run_id_seq', 1, true);

ALTER TABLE ONLY public.attic_crates
    ADD CONSTRAINT attic_crates_pkey PRIMARY KEY (path);

ALTER TABLE ONLY public.crawl_cookies
    ADD CONSTRAINT crawl_cookies_pkey PRIMARY KEY (run_id, session, domain, path, name);

ALTER TABLE ONLY public.crawl_dead_letters
    ADD CONSTRAINT crawl_dead_letters_pkey PRIMARY KEY (letter_id);

ALTER TABLE ONLY public.crawl_hosts
    ADD CONSTRAINT crawl_hosts_pkey PRIMARY KEY (run_id, host);

ALTER TABLE ONLY public.crawl_items
    ADD CONSTRAINT crawl_items_spider_item_type_item_key_key UNIQUE (spider, item_type, item_key);

ALTER TABLE ONLY public.crawl_requests
    ADD CONSTRAINT crawl_requests_pkey PRIMARY KEY (run_id, fingerprint);

ALTER TABLE ONLY public.crawl_runs
    ADD CONSTRAINT crawl_runs_pkey PRIMARY KEY (run_id);

ALTER TABLE ONLY public.crawl_schema
    ADD CONSTRAINT crawl_schema_pkey PRIMARY KEY (version);

CREATE INDEX attic_crates_run_id_idx ON public.attic_crates USING btree (run_id);

CREATE INDEX attic_labels_run_id_idx ON public.attic_labels USING btree (run_id);

CREATE INDEX crawl_dead_letters_by_page ON public.crawl_dead_letters USING btree (run_id, fingerprint);

CREATE INDEX crawl_items_by_run ON public.crawl_items USING btree (run_id, item_type);

CREATE INDEX crawl_requests_frontier ON public.crawl_requests USING btree (run_id, host, priority DESC, depth, fingerprint) WHERE (state = 'queued'::text);

CREATE INDEX crawl_requests_not_done ON public.crawl_requests USING btree (run_id, state, fingerprint) WHERE ((state = 'failed'::text) OR (state = 'skipped'::text) OR (state = 'dead'::text));

CREATE INDEX crawl_requests_start ON public.crawl_requests USING btree (run_id, host) WHERE (depth = 0);

CREATE INDEX crawl_runs_by_name ON public.crawl_runs USING btree (name, run_id);

CREATE UNIQUE INDEX crawl_runs_one_unfinished ON public.crawl_runs USING btree (name) WHERE (state = ANY (ARRAY['running'::text, 'stopped'::text]));

