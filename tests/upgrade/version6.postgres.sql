
SET statement_timeout = 0;
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
    source_fingerprint bytea,
    scraped_at timestamp with time zone DEFAULT now() NOT NULL
);

CREATE TABLE public.attic_labels (
    path text NOT NULL,
    run_id bigint NOT NULL,
    source_url text NOT NULL,
    source_fingerprint bytea,
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
    key_digest bytea NOT NULL,
    run_id bigint NOT NULL,
    fingerprint bytea,
    url text NOT NULL,
    data jsonb NOT NULL,
    content_hash text NOT NULL,
    scraped_at timestamp with time zone DEFAULT now() NOT NULL
);

CREATE TABLE public.crawl_requests (
    run_id bigint NOT NULL,
    shard smallint NOT NULL,
    fingerprint bytea NOT NULL,
    parent bytea,
    url text NOT NULL,
    method text NOT NULL,
    headers json NOT NULL,
    body bytea,
    tag text NOT NULL,
    meta json NOT NULL,
    options json DEFAULT '{}'::json NOT NULL,
    priority integer NOT NULL,
    depth integer NOT NULL,
    host text NOT NULL COLLATE pg_catalog."C",
    redirects json NOT NULL,
    dont_filter boolean NOT NULL,
    state text DEFAULT 'queued'::text NOT NULL,
    attempts integer DEFAULT 0 NOT NULL,
    status integer,
    reason text,
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
    shards smallint NOT NULL,
    shard_rule text NOT NULL,
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

INSERT INTO public.attic_crates VALUES ('/', 0.5, 1, 'http://127.55.0.6:8806/', '\x73c719292d44e27184c1ecdebd8d0120', '2026-11-30 04:53:10.441447+00');
INSERT INTO public.attic_crates VALUES ('/room/1', 0.5, 1, 'http://127.55.0.6:8806/room/1', '\x98f891b43893a2886724d0ded4885313', '2026-11-30 04:53:10.462146+00');
INSERT INTO public.attic_crates VALUES ('/room/2', 0.5, 1, 'http://127.55.0.6:8806/room/2', '\xc34f9d7ef8584d299f221b62ecf3604a', '2026-11-30 04:53:10.462146+00');
INSERT INTO public.attic_crates VALUES ('/room/4', 0.5, 1, 'http://127.55.0.6:8806/room/4', '\xfb0cb23729864deccfd07f6c673cdab1', '2026-11-30 04:53:10.462146+00');
INSERT INTO public.attic_crates VALUES ('/room/8', 0.5, 1, 'http://127.55.0.6:8806/room/8', '\xbf3e45f1d5d6f43c5f887e89fcc66ddc', '2026-11-30 04:53:10.462146+00');
INSERT INTO public.attic_crates VALUES ('/room/6', 0.5, 1, 'http://127.55.0.6:8806/room/6', '\xe9c420189a011b7b228b22fe1e80c707', '2026-11-30 04:53:10.470348+00');
INSERT INTO public.attic_crates VALUES ('/desk/2', 0.5, 1, 'http://127.55.0.6:8806/desk/2', '\xd2e68eb6f132054c93743b3ca415d71c', '2026-11-30 04:53:10.475433+00');
INSERT INTO public.attic_crates VALUES ('/room/5', 0.5, 1, 'http://127.55.0.6:8806/room/5', '\x82adba6d5789d266a65835c0152f38c6', '2026-11-30 04:53:10.49914+00');
INSERT INTO public.attic_crates VALUES ('/room/3', 0.5, 1, 'http://127.55.0.6:8806/room/3', '\x4088f7d785365b57eb9076758df52cc2', '2026-11-30 04:53:10.504684+00');
INSERT INTO public.attic_crates VALUES ('/room/0', 0.5, 1, 'http://127.55.0.6:8806/room/0', '\xfb7654ed05763ee7af4250acd617fa58', '2026-11-30 04:53:10.50367+00');
INSERT INTO public.attic_crates VALUES ('/room/1 again', 0.5, 1, 'http://127.55.0.6:8806/room/1', '\x5190feba9c7cc366571209cec5f3fe5d', '2026-11-30 04:53:10.50367+00');
INSERT INTO public.attic_crates VALUES ('/new/1', 0.5, 1, 'http://127.55.0.6:8806/new/1', '\x5053c0777293fb600110084fd766ed44', '2026-11-30 04:53:10.514941+00');
INSERT INTO public.attic_crates VALUES ('/desk/1', 0.5, 1, 'http://127.55.0.6:8806/desk/1', '\xa4d65b4e0985155ef0f9b9d6ad5f5f83', '2026-11-30 04:53:10.518939+00');

INSERT INTO public.attic_labels VALUES ('/', 1, 'http://127.55.0.6:8806/', '\x73c719292d44e27184c1ecdebd8d0120', '2026-11-30 04:53:10.441447+00');
INSERT INTO public.attic_labels VALUES ('/room/4', 1, 'http://127.55.0.6:8806/room/4', '\xfb0cb23729864deccfd07f6c673cdab1', '2026-11-30 04:53:10.462146+00');
INSERT INTO public.attic_labels VALUES ('/room/8', 1, 'http://127.55.0.6:8806/room/8', '\xbf3e45f1d5d6f43c5f887e89fcc66ddc', '2026-11-30 04:53:10.462146+00');
INSERT INTO public.attic_labels VALUES ('/room/2', 1, 'http://127.55.0.6:8806/room/2', '\xc34f9d7ef8584d299f221b62ecf3604a', '2026-11-30 04:53:10.462146+00');
INSERT INTO public.attic_labels VALUES ('/room/1', 1, 'http://127.55.0.6:8806/room/1', '\x98f891b43893a2886724d0ded4885313', '2026-11-30 04:53:10.462146+00');
INSERT INTO public.attic_labels VALUES ('/room/6', 1, 'http://127.55.0.6:8806/room/6', '\xe9c420189a011b7b228b22fe1e80c707', '2026-11-30 04:53:10.470348+00');
INSERT INTO public.attic_labels VALUES ('/desk/2', 1, 'http://127.55.0.6:8806/desk/2', '\xd2e68eb6f132054c93743b3ca415d71c', '2026-11-30 04:53:10.475433+00');
INSERT INTO public.attic_labels VALUES ('/room/5', 1, 'http://127.55.0.6:8806/room/5', '\x82adba6d5789d266a65835c0152f38c6', '2026-11-30 04:53:10.49914+00');
INSERT INTO public.attic_labels VALUES ('/room/3', 1, 'http://127.55.0.6:8806/room/3', '\x4088f7d785365b57eb9076758df52cc2', '2026-11-30 04:53:10.504684+00');
INSERT INTO public.attic_labels VALUES ('/room/0', 1, 'http://127.55.0.6:8806/room/0', '\xfb7654ed05763ee7af4250acd617fa58', '2026-11-30 04:53:10.50367+00');
INSERT INTO public.attic_labels VALUES ('/room/1 again', 1, 'http://127.55.0.6:8806/room/1', '\x5190feba9c7cc366571209cec5f3fe5d', '2026-11-30 04:53:10.50367+00');
INSERT INTO public.attic_labels VALUES ('/new/1', 1, 'http://127.55.0.6:8806/new/1', '\x5053c0777293fb600110084fd766ed44', '2026-11-30 04:53:10.514941+00');
INSERT INTO public.attic_labels VALUES ('/desk/1', 1, 'http://127.55.0.6:8806/desk/1', '\xa4d65b4e0985155ef0f9b9d6ad5f5f83', '2026-11-30 04:53:10.518939+00');

INSERT INTO public.crawl_cookies VALUES (1, 'ann', '127.55.0.6', '/', 'door', '{"raw_cookie":"door=open; Path=/","path":["/",true],"domain":{"HostOnly":"127.55.0.6"},"expires":"SessionEnd"}', 1);

INSERT INTO public.crawl_dead_letters OVERRIDING SYSTEM VALUE VALUES (1, 1, '\xe156d4b4b64c2002373fb2a3763b45eb', 'http://127.55.0.6:8806/dead/0', 'exhibit', '{"path": "/dead/0", "seen": "a�b", "known": ""}', 'exhibit.seen is text with a NUL character', NULL, '2026-11-30 04:53:10.478214+00');

INSERT INTO public.crawl_items VALUES ('attic', 'exhibit', '/', '\x8a5edab282632443219e051e4ade2d1d', 1, '\x73c719292d44e27184c1ecdebd8d0120', 'http://127.55.0.6:8806/', '{"path": "/", "seen": "GET none direct none", "known": "ann door -1 0"}', '84c2ec5181c8b60ca495ce8d49edff5cf8c7626765cb635c489dd68e74b829cd', '2026-11-30 04:53:10.441447+00');
INSERT INTO public.crawl_items VALUES ('attic', 'footnote', NULL, '\xd077704b2892adf901c19dd114c89ff2', 1, '\x73c719292d44e27184c1ecdebd8d0120', 'http://127.55.0.6:8806/', '{"path": "/", "number": 2}', '04d6015cdcbb4069a089c63e8e9621204b07fc1e1c5f6d89fc5510b6cae75449', '2026-11-30 04:53:10.441447+00');
INSERT INTO public.crawl_items VALUES ('attic', 'footnote', NULL, '\xe1d3e4b306d0cff287833696b98e19ce', 1, '\x73c719292d44e27184c1ecdebd8d0120', 'http://127.55.0.6:8806/', '{"path": "/", "number": 1}', '94329d2786bed92590ba58c9e052af1a688d406fb7b52da71fc50a2ba8cb6705', '2026-11-30 04:53:10.441447+00');
INSERT INTO public.crawl_items VALUES ('attic', 'exhibit', '/room/4', '\x8a3b4df806dae3103c5b879c15a88472', 1, '\xfb0cb23729864deccfd07f6c673cdab1', 'http://127.55.0.6:8806/room/4', '{"path": "/room/4", "seen": "GET door=open direct none", "known": "ann room 4 0"}', 'c586c9a4cbc9450b76787bf1919a118028d0895f587b461267c89cb09542299e', '2026-11-30 04:53:10.462146+00');
INSERT INTO public.crawl_items VALUES ('attic', 'exhibit', '/room/1', '\x8afe23cb5b5b4921ee13a12335ecc992', 1, '\x98f891b43893a2886724d0ded4885313', 'http://127.55.0.6:8806/room/1', '{"path": "/room/1", "seen": "GET door=open direct none", "known": "ann room 1 0"}', 'c6f42abac7c1e6b2f4e9365c2431b0651d2bc1582e8dce709241082e4ea7ddb7', '2026-11-30 04:53:10.462146+00');
INSERT INTO public.crawl_items VALUES ('attic', 'exhibit', '/room/8', '\xc3b38e565f4cfd99d6f3125b20dab38c', 1, '\xbf3e45f1d5d6f43c5f887e89fcc66ddc', 'http://127.55.0.6:8806/room/8', '{"path": "/room/8", "seen": "GET door=open direct none", "known": "ann room 8 0"}', '9f6f58901495a231a53cb85c7c8ae036976b3dd8f27b45e4657b04bb3262fce6', '2026-11-30 04:53:10.462146+00');
INSERT INTO public.crawl_items VALUES ('attic', 'exhibit', '/room/2', '\xc49af0082478e6aa6811a01eb2abb9d8', 1, '\xc34f9d7ef8584d299f221b62ecf3604a', 'http://127.55.0.6:8806/room/2', '{"path": "/room/2", "seen": "GET door=open direct none", "known": "ann room 2 0"}', 'a1a169da98d09da088080337f56d87b4f21ff2b1ca91024c9c2873a3715cdecc', '2026-11-30 04:53:10.462146+00');
INSERT INTO public.crawl_items VALUES ('attic', 'footnote', NULL, '\x2c10687448b203e263ee43239f6a89c3', 1, '\xc34f9d7ef8584d299f221b62ecf3604a', 'http://127.55.0.6:8806/room/2', '{"path": "/room/2", "number": 1}', '43fcd8d1ffeb56a5a2352be659451b91c1bdbbf3df24c55776908f311e0c82ea', '2026-11-30 04:53:10.462146+00');
INSERT INTO public.crawl_items VALUES ('attic', 'footnote', NULL, '\x39e5292341d33622f23064e6350f16c3', 1, '\x98f891b43893a2886724d0ded4885313', 'http://127.55.0.6:8806/room/1', '{"path": "/room/1", "number": 2}', '8a017bfbdc9dafa95dc1c50801bfb02c6b3a9b9f4230bdee8756aed0f7972d3f', '2026-11-30 04:53:10.462146+00');
INSERT INTO public.crawl_items VALUES ('attic', 'footnote', NULL, '\x4c147a43b00b9f6f988f88f0621e198f', 1, '\xbf3e45f1d5d6f43c5f887e89fcc66ddc', 'http://127.55.0.6:8806/room/8', '{"path": "/room/8", "number": 2}', 'eaf4392e2d927ee5d5d62672a0db7216e83249ed75e5e561aefbaeb7d62e2a6f', '2026-11-30 04:53:10.462146+00');
INSERT INTO public.crawl_items VALUES ('attic', 'footnote', NULL, '\x8ae606b464247ad6a77929cff41365a6', 1, '\xfb0cb23729864deccfd07f6c673cdab1', 'http://127.55.0.6:8806/room/4', '{"path": "/room/4", "number": 2}', 'c13254e2cfb868b47776a341ff3db611d47551bea32bdcf11bd4e957d44cf3d0', '2026-11-30 04:53:10.462146+00');
INSERT INTO public.crawl_items VALUES ('attic', 'footnote', NULL, '\xa4246b1254dc2e966e2ccdd0197a4808', 1, '\xfb0cb23729864deccfd07f6c673cdab1', 'http://127.55.0.6:8806/room/4', '{"path": "/room/4", "number": 1}', '70b9858e8b65bb9a159fc7f1a12735d7cf2c37a71a4f34735279e3c4ef7837fc', '2026-11-30 04:53:10.462146+00');
INSERT INTO public.crawl_items VALUES ('attic', 'footnote', NULL, '\xb7b3cb1ed6f8bdb5fe478939f924d5d7', 1, '\x98f891b43893a2886724d0ded4885313', 'http://127.55.0.6:8806/room/1', '{"path": "/room/1", "number": 1}', '9b89dc01e12216323898c1a6791e847981137370b0335fca4b8cf89f1528900a', '2026-11-30 04:53:10.462146+00');
INSERT INTO public.crawl_items VALUES ('attic', 'footnote', NULL, '\xf7e5157ea4e75a236b9e922a7c41e428', 1, '\xc34f9d7ef8584d299f221b62ecf3604a', 'http://127.55.0.6:8806/room/2', '{"path": "/room/2", "number": 2}', '8117b457f95357001e28136846178015c7b4e204fa34039e5a7d9865473983b3', '2026-11-30 04:53:10.462146+00');
INSERT INTO public.crawl_items VALUES ('attic', 'footnote', NULL, '\xfa9f15fd5d6b55b786a6fbee7f3db1a4', 1, '\xbf3e45f1d5d6f43c5f887e89fcc66ddc', 'http://127.55.0.6:8806/room/8', '{"path": "/room/8", "number": 1}', '58789acffa689cc82fab2eae6b29f8dc5791fcb05d2fb94fbe37a87cbbb38d7c', '2026-11-30 04:53:10.462146+00');
INSERT INTO public.crawl_items VALUES ('attic', 'exhibit', '/room/6', '\x6700baad5619ed4be8ce6c89fcc9aed7', 1, '\xe9c420189a011b7b228b22fe1e80c707', 'http://127.55.0.6:8806/room/6', '{"path": "/room/6", "seen": "GET door=open direct none", "known": "ann room 6 0"}', 'ed63bb80c6185d7215963af8ffe6c78fc173ef7ed52c16b54a7fae579ef16cdd', '2026-11-30 04:53:10.470348+00');
INSERT INTO public.crawl_items VALUES ('attic', 'footnote', NULL, '\x0b70ca48b381c3c5ed929dd16d96c010', 1, '\xe9c420189a011b7b228b22fe1e80c707', 'http://127.55.0.6:8806/room/6', '{"path": "/room/6", "number": 1}', '7622756c0275bb8ba17a4f839975c5436567bff1c317ca1607d460e7f62db90a', '2026-11-30 04:53:10.470348+00');
INSERT INTO public.crawl_items VALUES ('attic', 'footnote', NULL, '\xab0708fed3153c054dcd7fa7faa92ea6', 1, '\xe9c420189a011b7b228b22fe1e80c707', 'http://127.55.0.6:8806/room/6', '{"path": "/room/6", "number": 2}', '81527cb18d82ce97c691a3d839e5588e5af08f63d1764e0e12ce6621c91c9f50', '2026-11-30 04:53:10.470348+00');
INSERT INTO public.crawl_items VALUES ('attic', 'exhibit', '/desk/2', '\xa031c64ebdf7623cbb43efe96530dcfb', 1, '\xd2e68eb6f132054c93743b3ca415d71c', 'http://127.55.0.6:8806/desk/2', '{"path": "/desk/2", "seen": "GET door=open direct none", "known": "ann desk 2 0"}', '6b900257e6f28ff45d9fa7681f2f4746f9cc31e9ec336e443beaafbb6c50d19c', '2026-11-30 04:53:10.475433+00');
INSERT INTO public.crawl_items VALUES ('attic', 'footnote', NULL, '\x1447e7b64a1b8dc525cd0f8f60e7ad1b', 1, '\xd2e68eb6f132054c93743b3ca415d71c', 'http://127.55.0.6:8806/desk/2', '{"path": "/desk/2", "number": 2}', '5224a0fa148a10f93fc5b7a0f51626209aa4c97b3d74ee6383cfa3937cf8c197', '2026-11-30 04:53:10.475433+00');
INSERT INTO public.crawl_items VALUES ('attic', 'footnote', NULL, '\xe71704e355172878d7700e4837a92b96', 1, '\xd2e68eb6f132054c93743b3ca415d71c', 'http://127.55.0.6:8806/desk/2', '{"path": "/desk/2", "number": 1}', 'a6e5060ef69d437f7def68ceb91ab61665c6ea923667eb36d9b92373f3a2cbcb', '2026-11-30 04:53:10.475433+00');
INSERT INTO public.crawl_items VALUES ('attic', 'exhibit', '/room/5', '\x278e7cd0c73f21e6d1f9d0a573ddc7a3', 1, '\x82adba6d5789d266a65835c0152f38c6', 'http://127.55.0.6:8806/room/5', '{"path": "/room/5", "seen": "GET door=open direct none", "known": "ann room 5 0"}', 'dde47edbc03270f058997e9b1c6b9be5c487e83ab3208a019412cb4494981e79', '2026-11-30 04:53:10.49914+00');
INSERT INTO public.crawl_items VALUES ('attic', 'footnote', NULL, '\xf262456328a2d3efdb3484382fbb1ab8', 1, '\x82adba6d5789d266a65835c0152f38c6', 'http://127.55.0.6:8806/room/5', '{"path": "/room/5", "number": 2}', 'c6f22b154c53703d934be12cf2fe26a4ea45b0967d89b0e398f7fb40b0ce0c7b', '2026-11-30 04:53:10.49914+00');
INSERT INTO public.crawl_items VALUES ('attic', 'footnote', NULL, '\xf6ca45c7b8a142055d7a9cc15f701292', 1, '\x82adba6d5789d266a65835c0152f38c6', 'http://127.55.0.6:8806/room/5', '{"path": "/room/5", "number": 1}', 'b4f657ad99c372aacb4c33c271a577abad3b9492b1766f31b1aa542f997e0e32', '2026-11-30 04:53:10.49914+00');
INSERT INTO public.crawl_items VALUES ('attic', 'exhibit', '/room/3', '\xd609cde2d15bf0c3cfedd0ec83160038', 1, '\x4088f7d785365b57eb9076758df52cc2', 'http://127.55.0.6:8806/room/3', '{"path": "/room/3", "seen": "GET door=open direct none", "known": "ann room 3 0"}', '94553403e9b658f51e274bc6e37f6ec85d08a08d11e98e35ff140a8ea0708286', '2026-11-30 04:53:10.504684+00');
INSERT INTO public.crawl_items VALUES ('attic', 'footnote', NULL, '\x37e9a76422ec2c6a40ea3e9cdbafba1a', 1, '\x4088f7d785365b57eb9076758df52cc2', 'http://127.55.0.6:8806/room/3', '{"path": "/room/3", "number": 1}', '8c393bafc30c9f7d790dd42e7e9a39db48da70e2a11e6d128815caf1a3b083a4', '2026-11-30 04:53:10.504684+00');
INSERT INTO public.crawl_items VALUES ('attic', 'footnote', NULL, '\xda7c53065d070179519cd74ae3ce06e7', 1, '\x4088f7d785365b57eb9076758df52cc2', 'http://127.55.0.6:8806/room/3', '{"path": "/room/3", "number": 2}', '3ad2881e35a1b32a3f88b228c1cc3ca5c845152c951ee7e62053ce58d7874b70', '2026-11-30 04:53:10.504684+00');
INSERT INTO public.crawl_items VALUES ('attic', 'exhibit', '/room/0', '\x0d65cb38cd0788b670c4f7d273ee3778', 1, '\xfb7654ed05763ee7af4250acd617fa58', 'http://127.55.0.6:8806/room/0', '{"path": "/room/0", "seen": "GET door=open direct none", "known": "ann room 0 0"}', '3514bace8285240b76a22b54de7f1705dddbee7b1c373ff5ca3a7c640f179520', '2026-11-30 04:53:10.50367+00');
INSERT INTO public.crawl_items VALUES ('attic', 'exhibit', '/room/1 again', '\x80c0182e5628a901087f8aefcb4e45c2', 1, '\x5190feba9c7cc366571209cec5f3fe5d', 'http://127.55.0.6:8806/room/1', '{"path": "/room/1 again", "seen": "GET door=open direct none", "known": "ann again 0 0"}', '7235101a5b87ac0d35ad08472338b08bc57f5fb2ed1becb23ad4e3a767103616', '2026-11-30 04:53:10.50367+00');
INSERT INTO public.crawl_items VALUES ('attic', 'footnote', NULL, '\x09422e1d18de5c6d7459de251ba85563', 1, '\x5190feba9c7cc366571209cec5f3fe5d', 'http://127.55.0.6:8806/room/1', '{"path": "/room/1 again", "number": 1}', '013a3c618293a0640a92146487c51d288454eace096841be01072bab94414d16', '2026-11-30 04:53:10.50367+00');
INSERT INTO public.crawl_items VALUES ('attic', 'footnote', NULL, '\x7ba3b4bf45b5c0a17d6e18b5c5f03f95', 1, '\x5190feba9c7cc366571209cec5f3fe5d', 'http://127.55.0.6:8806/room/1', '{"path": "/room/1 again", "number": 2}', 'e0ab244013ba6af8e0102350d3843740acef42fd52b7d9cd971e0b28d0f2e84c', '2026-11-30 04:53:10.50367+00');
INSERT INTO public.crawl_items VALUES ('attic', 'footnote', NULL, '\xb7e349dd04d4b039d2bf35bccc91abc8', 1, '\xfb7654ed05763ee7af4250acd617fa58', 'http://127.55.0.6:8806/room/0', '{"path": "/room/0", "number": 1}', '59802291a86d6998cf100cfe3c79a799531387a65a3e7efef2d6c2d2892e1f21', '2026-11-30 04:53:10.50367+00');
INSERT INTO public.crawl_items VALUES ('attic', 'footnote', NULL, '\xc506435d8c6a297f4603b0e85da31bce', 1, '\xfb7654ed05763ee7af4250acd617fa58', 'http://127.55.0.6:8806/room/0', '{"path": "/room/0", "number": 2}', 'fad3809a235e439c4e8306b6899a0cb1ea2b8d8c715b78dc9a22f74375e0823c', '2026-11-30 04:53:10.50367+00');
INSERT INTO public.crawl_items VALUES ('attic', 'exhibit', '/desk/1', '\x9734e360d249edc048cdcc900f545009', 1, '\xa4d65b4e0985155ef0f9b9d6ad5f5f83', 'http://127.55.0.6:8806/desk/1', '{"path": "/desk/1", "seen": "GET door=open direct none", "known": "ann desk 1 0"}', '221a992b70c31ac66c35d88b150691e13d5194d760f0eba29e951d8989be86c4', '2026-11-30 04:53:10.518939+00');
INSERT INTO public.crawl_items VALUES ('attic', 'footnote', NULL, '\xc743fc4739177bbf7b23a81332c52633', 1, '\xa4d65b4e0985155ef0f9b9d6ad5f5f83', 'http://127.55.0.6:8806/desk/1', '{"path": "/desk/1", "number": 1}', 'd38c001ac3b377438b6ead165eee9f34ba1eeca58c6ff3497fa017e3688b11d0', '2026-11-30 04:53:10.518939+00');
INSERT INTO public.crawl_items VALUES ('attic', 'footnote', NULL, '\xc983e99cb17c66a24c1f0e7bf930aac8', 1, '\xa4d65b4e0985155ef0f9b9d6ad5f5f83', 'http://127.55.0.6:8806/desk/1', '{"path": "/desk/1", "number": 2}', 'e0e2c052971930e64c3ea2086bae9f516414e060f4c5f88f8956b4be118082ff', '2026-11-30 04:53:10.518939+00');
INSERT INTO public.crawl_items VALUES ('attic', 'exhibit', '/new/1', '\x9e1de2c4e073d09133452d93f48feb19', 1, '\x5053c0777293fb600110084fd766ed44', 'http://127.55.0.6:8806/new/1', '{"path": "/new/1", "seen": "GET door=open direct none", "known": "ann odd 0 1"}', 'abd79a3d18d9377d10fadc84523c13d804600de184665d618ba7d6f896e6edc7', '2026-11-30 04:53:10.514941+00');
INSERT INTO public.crawl_items VALUES ('attic', 'footnote', NULL, '\x2705ca20c437dacabeb6757b9e3bf5e1', 1, '\x5053c0777293fb600110084fd766ed44', 'http://127.55.0.6:8806/new/1', '{"path": "/new/1", "number": 1}', 'f8194397949ce16051819d27266355a85b9c6367d0106adac56900e7c0d8a538', '2026-11-30 04:53:10.514941+00');
INSERT INTO public.crawl_items VALUES ('attic', 'footnote', NULL, '\x664226fe83eae4efbe43db82318a5e5d', 1, '\x5053c0777293fb600110084fd766ed44', 'http://127.55.0.6:8806/new/1', '{"path": "/new/1", "number": 2}', 'ff73a31ff05df6d406a2744317d3a6f518828c3282357861041bafbbe2665486', '2026-11-30 04:53:10.514941+00');

INSERT INTO public.crawl_requests VALUES (1, 296, '\x3cb6104917100ec52d0039b2a9ef6535', '\x73c719292d44e27184c1ecdebd8d0120', 'http://127.55.0.6:8806/private', 'GET', '[]', NULL, '', '{}', '{"session":"ann","cookies":false,"is_link":true}', 0, 1, '127.55.0.6:8806', '[]', false, 'queued', 0, NULL, NULL, NULL, '2026-11-30 04:53:10.441447+00', NULL);
INSERT INTO public.crawl_requests VALUES (1, 296, '\x492aa718067108ef162382b2463a00e0', '\x73c719292d44e27184c1ecdebd8d0120', 'http://127.55.0.6:8806/dead/1', 'GET', '[]', NULL, 'odd', '{}', '{"session":"ann","is_link":true}', 0, 1, '127.55.0.6:8806', '[]', false, 'queued', 0, NULL, NULL, NULL, '2026-11-30 04:53:10.441447+00', NULL);
INSERT INTO public.crawl_requests VALUES (1, 296, '\x56581a4cba59ed9538aaee7699764c6f', '\x73c719292d44e27184c1ecdebd8d0120', 'http://127.55.0.6:8806/proxied', 'GET', '[]', NULL, '', '{}', '{"session":"ann","proxy":"http://127.55.0.6:8806/","max_retries":7,"is_link":true}', 0, 1, '127.55.0.6:8806', '[]', false, 'queued', 0, NULL, NULL, NULL, '2026-11-30 04:53:10.441447+00', NULL);
INSERT INTO public.crawl_requests VALUES (1, 296, '\xb90e2e9f0406d49148e88c1467f27683', '\x73c719292d44e27184c1ecdebd8d0120', 'http://127.55.0.6:8806/room/7', 'GET', '[]', NULL, 'room', '{"n":7}', '{"session":"ann","is_link":true}', 1, 1, '127.55.0.6:8806', '[]', false, 'queued', 0, NULL, NULL, NULL, '2026-11-30 04:53:10.441447+00', NULL);
INSERT INTO public.crawl_requests VALUES (1, 296, '\xd287677d01e079afaadf9663f2513368', '\x73c719292d44e27184c1ecdebd8d0120', 'http://127.55.0.6:8806/room/9', 'GET', '[]', NULL, 'room', '{"n":9}', '{"session":"ann","is_link":true}', 0, 1, '127.55.0.6:8806', '[]', false, 'queued', 0, NULL, NULL, NULL, '2026-11-30 04:53:10.441447+00', NULL);
INSERT INTO public.crawl_requests VALUES (1, 296, '\xec84e6e1990f742c0fdcd27aa3de7dae', '\x73c719292d44e27184c1ecdebd8d0120', 'http://127.55.0.6:8806/posted', 'POST', '[["X-Own","a\tb"]]', '\x610062', '', '{}', '{"session":"ben"}', 0, 1, '127.55.0.6:8806', '[]', false, 'queued', 0, NULL, NULL, NULL, '2026-11-30 04:53:10.441447+00', NULL);
INSERT INTO public.crawl_requests VALUES (1, 296, '\x73c719292d44e27184c1ecdebd8d0120', NULL, 'http://127.55.0.6:8806/', 'GET', '[]', NULL, 'door', '{"n":-1}', '{"session":"ann"}', 0, 0, '127.55.0.6:8806', '[]', false, 'done', 1, 200, NULL, NULL, '2026-11-30 04:53:10.383189+00', '2026-11-30 04:53:10.441447+00');
INSERT INTO public.crawl_requests VALUES (1, 296, '\x9ef77f10597cb2ac5829e22867e3a40b', '\xfb0cb23729864deccfd07f6c673cdab1', 'http://127.55.0.6:8806/desk/4', 'GET', '[]', NULL, 'desk', '{"n":4}', '{"session":"ann","is_link":true}', 0, 2, '127.55.0.6:8806', '[]', false, 'queued', 0, NULL, NULL, NULL, '2026-11-30 04:53:10.462146+00', NULL);
INSERT INTO public.crawl_requests VALUES (1, 296, '\xf0b7be4363c79c37eb64bee69299bd60', '\xbf3e45f1d5d6f43c5f887e89fcc66ddc', 'http://127.55.0.6:8806/desk/8', 'GET', '[]', NULL, 'desk', '{"n":8}', '{"session":"ann","is_link":true}', 0, 2, '127.55.0.6:8806', '[]', false, 'queued', 0, NULL, NULL, NULL, '2026-11-30 04:53:10.462146+00', NULL);
INSERT INTO public.crawl_requests VALUES (1, 296, '\x18a6a74bbc6c440fd363630fe1fceedf', '\x73c719292d44e27184c1ecdebd8d0120', 'http://127.55.0.6:8806/failing', 'GET', '[]', NULL, '', '{}', '{"session":"ann","max_retries":0,"is_link":true}', 0, 1, '127.55.0.6:8806', '[]', false, 'failed', 1, 500, 'http_status', 'HTTP 500', '2026-11-30 04:53:10.441447+00', '2026-11-30 04:53:10.462146+00');
INSERT INTO public.crawl_requests VALUES (1, 296, '\x2333b4e081f97b1132b8ba3d2b5e65f2', '\x73c719292d44e27184c1ecdebd8d0120', 'http://127.55.0.6:8806/moved', 'GET', '[]', NULL, 'odd', '{}', '{"session":"ann","is_link":true}', 0, 1, '127.55.0.6:8806', '[]', false, 'skipped', 1, 301, 'redirected', 'redirected to http://127.55.0.6:8806/new/1', '2026-11-30 04:53:10.441447+00', '2026-11-30 04:53:10.462146+00');
INSERT INTO public.crawl_requests VALUES (1, 296, '\x98f891b43893a2886724d0ded4885313', '\x73c719292d44e27184c1ecdebd8d0120', 'http://127.55.0.6:8806/room/1', 'GET', '[]', NULL, 'room', '{"n":1}', '{"session":"ann","is_link":true}', 1, 1, '127.55.0.6:8806', '[]', false, 'done', 1, 200, NULL, NULL, '2026-11-30 04:53:10.441447+00', '2026-11-30 04:53:10.462146+00');
INSERT INTO public.crawl_requests VALUES (1, 296, '\xbf3e45f1d5d6f43c5f887e89fcc66ddc', '\x73c719292d44e27184c1ecdebd8d0120', 'http://127.55.0.6:8806/room/8', 'GET', '[]', NULL, 'room', '{"n":8}', '{"session":"ann","is_link":true}', 2, 1, '127.55.0.6:8806', '[]', false, 'done', 1, 200, NULL, NULL, '2026-11-30 04:53:10.441447+00', '2026-11-30 04:53:10.462146+00');
INSERT INTO public.crawl_requests VALUES (1, 296, '\xc34f9d7ef8584d299f221b62ecf3604a', '\x73c719292d44e27184c1ecdebd8d0120', 'http://127.55.0.6:8806/room/2', 'GET', '[]', NULL, 'room', '{"n":2}', '{"session":"ann","is_link":true}', 2, 1, '127.55.0.6:8806', '[]', false, 'done', 1, 200, NULL, NULL, '2026-11-30 04:53:10.441447+00', '2026-11-30 04:53:10.462146+00');
INSERT INTO public.crawl_requests VALUES (1, 296, '\xfb0cb23729864deccfd07f6c673cdab1', '\x73c719292d44e27184c1ecdebd8d0120', 'http://127.55.0.6:8806/room/4', 'GET', '[]', NULL, 'room', '{"n":4}', '{"session":"ann","is_link":true}', 1, 1, '127.55.0.6:8806', '[]', false, 'done', 1, 200, NULL, NULL, '2026-11-30 04:53:10.441447+00', '2026-11-30 04:53:10.462146+00');
INSERT INTO public.crawl_requests VALUES (1, 296, '\x350c3ad65caa0e4b0d9a6ce40b4ce5e4', '\xe9c420189a011b7b228b22fe1e80c707', 'http://127.55.0.6:8806/desk/6', 'GET', '[]', NULL, 'desk', '{"n":6}', '{"session":"ann","is_link":true}', 0, 2, '127.55.0.6:8806', '[]', false, 'queued', 0, NULL, NULL, NULL, '2026-11-30 04:53:10.470348+00', NULL);
INSERT INTO public.crawl_requests VALUES (1, 296, '\xe9c420189a011b7b228b22fe1e80c707', '\x73c719292d44e27184c1ecdebd8d0120', 'http://127.55.0.6:8806/room/6', 'GET', '[]', NULL, 'room', '{"n":6}', '{"session":"ann","is_link":true}', 0, 1, '127.55.0.6:8806', '[]', false, 'done', 1, 200, NULL, NULL, '2026-11-30 04:53:10.441447+00', '2026-11-30 04:53:10.470348+00');
INSERT INTO public.crawl_requests VALUES (1, 296, '\xd2e68eb6f132054c93743b3ca415d71c', '\xc34f9d7ef8584d299f221b62ecf3604a', 'http://127.55.0.6:8806/desk/2', 'GET', '[]', NULL, 'desk', '{"n":2}', '{"session":"ann","is_link":true}', 0, 2, '127.55.0.6:8806', '[]', false, 'done', 1, 200, NULL, NULL, '2026-11-30 04:53:10.462146+00', '2026-11-30 04:53:10.475433+00');
INSERT INTO public.crawl_requests VALUES (1, 296, '\xb907f764658ea62eee0aae9cf6731c65', '\x73c719292d44e27184c1ecdebd8d0120', 'http://127.55.0.6:8806/gone', 'GET', '[]', NULL, 'odd', '{}', '{"session":"ann","is_link":true}', 0, 1, '127.55.0.6:8806', '[]', false, 'failed', 1, 404, 'http_status', 'HTTP 404', '2026-11-30 04:53:10.441447+00', '2026-11-30 04:53:10.478214+00');
INSERT INTO public.crawl_requests VALUES (1, 296, '\xe156d4b4b64c2002373fb2a3763b45eb', '\x73c719292d44e27184c1ecdebd8d0120', 'http://127.55.0.6:8806/dead/0', 'GET', '[]', NULL, 'odd', '{}', '{"session":"ann","is_link":true}', 0, 1, '127.55.0.6:8806', '[]', false, 'dead', 1, 200, 'item_refused', 'exhibit.seen is text with a NUL character', '2026-11-30 04:53:10.441447+00', '2026-11-30 04:53:10.478214+00');
INSERT INTO public.crawl_requests VALUES (1, 296, '\x25c100fae8a6f13be577bd7e08ac9e16', '\x82adba6d5789d266a65835c0152f38c6', 'http://127.55.0.6:8806/desk/5', 'GET', '[]', NULL, 'desk', '{"n":5}', '{"session":"ann","is_link":true}', 0, 2, '127.55.0.6:8806', '[]', false, 'queued', 0, NULL, NULL, NULL, '2026-11-30 04:53:10.49914+00', NULL);
INSERT INTO public.crawl_requests VALUES (1, 296, '\x82adba6d5789d266a65835c0152f38c6', '\x73c719292d44e27184c1ecdebd8d0120', 'http://127.55.0.6:8806/room/5', 'GET', '[]', NULL, 'room', '{"n":5}', '{"session":"ann","is_link":true}', 2, 1, '127.55.0.6:8806', '[]', false, 'done', 1, 200, NULL, NULL, '2026-11-30 04:53:10.441447+00', '2026-11-30 04:53:10.49914+00');
INSERT INTO public.crawl_requests VALUES (1, 296, '\x426afd026f665876d5a6d773f5cdc6e4', '\x4088f7d785365b57eb9076758df52cc2', 'http://127.55.0.6:8806/desk/3', 'GET', '[]', NULL, 'desk', '{"n":3}', '{"session":"ann","is_link":true}', 0, 2, '127.55.0.6:8806', '[]', false, 'queued', 0, NULL, NULL, NULL, '2026-11-30 04:53:10.504684+00', NULL);
INSERT INTO public.crawl_requests VALUES (1, 296, '\x4088f7d785365b57eb9076758df52cc2', '\x73c719292d44e27184c1ecdebd8d0120', 'http://127.55.0.6:8806/room/3', 'GET', '[]', NULL, 'room', '{"n":3}', '{"session":"ann","is_link":true}', 0, 1, '127.55.0.6:8806', '[]', false, 'done', 1, 200, NULL, NULL, '2026-11-30 04:53:10.441447+00', '2026-11-30 04:53:10.504684+00');
INSERT INTO public.crawl_requests VALUES (1, 296, '\x8d7b4671043a13a595794bcf82eada4d', '\xfb7654ed05763ee7af4250acd617fa58', 'http://127.55.0.6:8806/desk/0', 'GET', '[]', NULL, 'desk', '{"n":0}', '{"session":"ann","is_link":true}', 0, 2, '127.55.0.6:8806', '[]', false, 'queued', 0, NULL, NULL, NULL, '2026-11-30 04:53:10.50367+00', NULL);
INSERT INTO public.crawl_requests VALUES (1, 296, '\x5190feba9c7cc366571209cec5f3fe5d', '\x73c719292d44e27184c1ecdebd8d0120', 'http://127.55.0.6:8806/room/1', 'GET', '[]', NULL, 'again', '{}', '{"session":"ann","is_link":true}', 0, 1, '127.55.0.6:8806', '[]', true, 'done', 1, 200, NULL, NULL, '2026-11-30 04:53:10.441447+00', '2026-11-30 04:53:10.50367+00');
INSERT INTO public.crawl_requests VALUES (1, 296, '\xfb7654ed05763ee7af4250acd617fa58', '\x73c719292d44e27184c1ecdebd8d0120', 'http://127.55.0.6:8806/room/0', 'GET', '[]', NULL, 'room', '{"n":0}', '{"session":"ann","is_link":true}', 0, 1, '127.55.0.6:8806', '[]', false, 'done', 1, 200, NULL, NULL, '2026-11-30 04:53:10.441447+00', '2026-11-30 04:53:10.50367+00');
INSERT INTO public.crawl_requests VALUES (1, 296, '\x5053c0777293fb600110084fd766ed44', '\x2333b4e081f97b1132b8ba3d2b5e65f2', 'http://127.55.0.6:8806/new/1', 'GET', '[]', NULL, 'odd', '{}', '{"session":"ann","is_link":true}', 0, 1, '127.55.0.6:8806', '["http://127.55.0.6:8806/moved"]', false, 'done', 1, 200, NULL, NULL, '2026-11-30 04:53:10.462146+00', '2026-11-30 04:53:10.514941+00');
INSERT INTO public.crawl_requests VALUES (1, 296, '\xa4d65b4e0985155ef0f9b9d6ad5f5f83', '\x98f891b43893a2886724d0ded4885313', 'http://127.55.0.6:8806/desk/1', 'GET', '[]', NULL, 'desk', '{"n":1}', '{"session":"ann","is_link":true}', 0, 2, '127.55.0.6:8806', '[]', false, 'done', 1, 200, NULL, NULL, '2026-11-30 04:53:10.462146+00', '2026-11-30 04:53:10.518939+00');

INSERT INTO public.crawl_runs OVERRIDING SYSTEM VALUE VALUES (1, 'attic-2f4a8dd0', 'attic', '{"args": {"door": "http://127.55.0.6:8806/"}, "start_urls": []}', 1, 'running', NULL, '2026-11-30 04:53:10.383189+00', NULL, '2026-11-30 04:53:16.390178+00', '{"items": 65, "run_items": 65, "dead_pages": 1, "rows_flushed": 111, "rows_waiting": 0, "pages_flushed": 17, "pending_flushes": 0}', 14885, 'vm', '2026-11-30 04:53:10.383189+00', 0, 0, 1024, 'sha256-host');

INSERT INTO public.crawl_schema VALUES (6, '2026-11-30 04:53:10.357388+00');

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
    ADD CONSTRAINT crawl_items_pkey PRIMARY KEY (spider, item_type, key_digest);

ALTER TABLE ONLY public.crawl_requests
    ADD CONSTRAINT crawl_requests_pkey PRIMARY KEY (run_id, shard, fingerprint);

ALTER TABLE ONLY public.crawl_runs
    ADD CONSTRAINT crawl_runs_pkey PRIMARY KEY (run_id);

ALTER TABLE ONLY public.crawl_schema
    ADD CONSTRAINT crawl_schema_pkey PRIMARY KEY (version);

CREATE INDEX attic_crates_run_id_idx ON public.attic_crates USING btree (run_id);

CREATE INDEX attic_labels_run_id_idx ON public.attic_labels USING btree (run_id);

CREATE INDEX crawl_dead_letters_by_page ON public.crawl_dead_letters USING btree (run_id, fingerprint);

CREATE INDEX crawl_items_by_run ON public.crawl_items USING btree (run_id, item_type);

CREATE INDEX crawl_requests_frontier ON public.crawl_requests USING btree (run_id, shard, host, priority DESC, depth, fingerprint) WHERE (state = 'queued'::text);

CREATE INDEX crawl_requests_not_done ON public.crawl_requests USING btree (run_id, state, fingerprint) WHERE ((state = 'failed'::text) OR (state = 'skipped'::text) OR (state = 'dead'::text));

CREATE INDEX crawl_requests_start ON public.crawl_requests USING btree (run_id, host) WHERE (depth = 0);

CREATE INDEX crawl_runs_by_name ON public.crawl_runs USING btree (name, run_id);

CREATE UNIQUE INDEX crawl_runs_one_unfinished ON public.crawl_runs USING btree (name) WHERE (state = ANY (ARRAY['running'::text, 'stopped'::text]));

