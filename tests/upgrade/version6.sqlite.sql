PRAGMA foreign_keys=OFF;
BEGIN TRANSACTION;
CREATE TABLE crawl_schema (
    version    INTEGER PRIMARY KEY,
    applied_at TEXT    NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%f000Z', 'now'))
) STRICT;
INSERT INTO crawl_schema VALUES(6,'2026-11-30T04:53:02.347000Z');
CREATE TABLE crawl_runs (
    -- AUTOINCREMENT never gives the id of a deleted run to another one.
    run_id           INTEGER PRIMARY KEY AUTOINCREMENT,
    name             TEXT    NOT NULL,
    spider           TEXT    NOT NULL,
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
    shard_rule       TEXT    NOT NULL
) STRICT;
INSERT INTO crawl_runs VALUES(1,'attic-2f4a8dd0','attic','{"args":{"door":"http://127.55.0.6:8806/"},"start_urls":[]}',1,'running',NULL,'2026-11-30T04:53:02.352000Z',NULL,'2026-11-30T04:53:08.354000Z','{"dead_pages":1,"items":65,"pages_flushed":17,"pending_flushes":0,"rows_flushed":111,"rows_waiting":0,"run_items":65}',14846,'vm','2026-11-30T04:53:02.352000Z',0,0,1024,'sha256-host');
CREATE TABLE crawl_requests (
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
INSERT INTO crawl_requests VALUES(1,296,X'73c719292d44e27184c1ecdebd8d0120',NULL,'http://127.55.0.6:8806/','GET','[]',NULL,'door','{"n":-1}','{"session":"ann"}',0,0,'127.55.0.6:8806','done',1,200,NULL,NULL,'2026-11-30T04:53:02.352000Z','2026-11-30T04:53:02.417000Z','[]',0);
INSERT INTO crawl_requests VALUES(1,296,X'18a6a74bbc6c440fd363630fe1fceedf',X'73c719292d44e27184c1ecdebd8d0120','http://127.55.0.6:8806/failing','GET','[]',NULL,'','{}','{"session":"ann","max_retries":0,"is_link":true}',0,1,'127.55.0.6:8806','failed',1,500,'http_status','HTTP 500','2026-11-30T04:53:02.416000Z','2026-11-30T04:53:02.432000Z','[]',0);
INSERT INTO crawl_requests VALUES(1,296,X'2333b4e081f97b1132b8ba3d2b5e65f2',X'73c719292d44e27184c1ecdebd8d0120','http://127.55.0.6:8806/moved','GET','[]',NULL,'odd','{}','{"session":"ann","is_link":true}',0,1,'127.55.0.6:8806','skipped',1,301,'redirected','redirected to http://127.55.0.6:8806/new/1','2026-11-30T04:53:02.416000Z','2026-11-30T04:53:02.432000Z','[]',0);
INSERT INTO crawl_requests VALUES(1,296,X'3cb6104917100ec52d0039b2a9ef6535',X'73c719292d44e27184c1ecdebd8d0120','http://127.55.0.6:8806/private','GET','[]',NULL,'','{}','{"session":"ann","cookies":false,"is_link":true}',0,1,'127.55.0.6:8806','queued',0,NULL,NULL,NULL,'2026-11-30T04:53:02.416000Z',NULL,'[]',0);
INSERT INTO crawl_requests VALUES(1,296,X'4088f7d785365b57eb9076758df52cc2',X'73c719292d44e27184c1ecdebd8d0120','http://127.55.0.6:8806/room/3','GET','[]',NULL,'room','{"n":3}','{"session":"ann","is_link":true}',0,1,'127.55.0.6:8806','done',1,200,NULL,NULL,'2026-11-30T04:53:02.416000Z','2026-11-30T04:53:02.471000Z','[]',0);
INSERT INTO crawl_requests VALUES(1,296,X'492aa718067108ef162382b2463a00e0',X'73c719292d44e27184c1ecdebd8d0120','http://127.55.0.6:8806/dead/1','GET','[]',NULL,'odd','{}','{"session":"ann","is_link":true}',0,1,'127.55.0.6:8806','queued',0,NULL,NULL,NULL,'2026-11-30T04:53:02.416000Z',NULL,'[]',0);
INSERT INTO crawl_requests VALUES(1,296,X'5190feba9c7cc366571209cec5f3fe5d',X'73c719292d44e27184c1ecdebd8d0120','http://127.55.0.6:8806/room/1','GET','[]',NULL,'again','{}','{"session":"ann","is_link":true}',0,1,'127.55.0.6:8806','done',1,200,NULL,NULL,'2026-11-30T04:53:02.416000Z','2026-11-30T04:53:02.478000Z','[]',1);
INSERT INTO crawl_requests VALUES(1,296,X'56581a4cba59ed9538aaee7699764c6f',X'73c719292d44e27184c1ecdebd8d0120','http://127.55.0.6:8806/proxied','GET','[]',NULL,'','{}','{"session":"ann","proxy":"http://127.55.0.6:8806/","max_retries":7,"is_link":true}',0,1,'127.55.0.6:8806','queued',0,NULL,NULL,NULL,'2026-11-30T04:53:02.416000Z',NULL,'[]',0);
INSERT INTO crawl_requests VALUES(1,296,X'82adba6d5789d266a65835c0152f38c6',X'73c719292d44e27184c1ecdebd8d0120','http://127.55.0.6:8806/room/5','GET','[]',NULL,'room','{"n":5}','{"session":"ann","is_link":true}',2,1,'127.55.0.6:8806','done',1,200,NULL,NULL,'2026-11-30T04:53:02.416000Z','2026-11-30T04:53:02.467000Z','[]',0);
INSERT INTO crawl_requests VALUES(1,296,X'98f891b43893a2886724d0ded4885313',X'73c719292d44e27184c1ecdebd8d0120','http://127.55.0.6:8806/room/1','GET','[]',NULL,'room','{"n":1}','{"session":"ann","is_link":true}',1,1,'127.55.0.6:8806','done',1,200,NULL,NULL,'2026-11-30T04:53:02.416000Z','2026-11-30T04:53:02.430000Z','[]',0);
INSERT INTO crawl_requests VALUES(1,296,X'b907f764658ea62eee0aae9cf6731c65',X'73c719292d44e27184c1ecdebd8d0120','http://127.55.0.6:8806/gone','GET','[]',NULL,'odd','{}','{"session":"ann","is_link":true}',0,1,'127.55.0.6:8806','failed',1,404,'http_status','HTTP 404','2026-11-30T04:53:02.416000Z','2026-11-30T04:53:02.435000Z','[]',0);
INSERT INTO crawl_requests VALUES(1,296,X'b90e2e9f0406d49148e88c1467f27683',X'73c719292d44e27184c1ecdebd8d0120','http://127.55.0.6:8806/room/7','GET','[]',NULL,'room','{"n":7}','{"session":"ann","is_link":true}',1,1,'127.55.0.6:8806','queued',0,NULL,NULL,NULL,'2026-11-30T04:53:02.416000Z',NULL,'[]',0);
INSERT INTO crawl_requests VALUES(1,296,X'bf3e45f1d5d6f43c5f887e89fcc66ddc',X'73c719292d44e27184c1ecdebd8d0120','http://127.55.0.6:8806/room/8','GET','[]',NULL,'room','{"n":8}','{"session":"ann","is_link":true}',2,1,'127.55.0.6:8806','done',1,200,NULL,NULL,'2026-11-30T04:53:02.416000Z','2026-11-30T04:53:02.427000Z','[]',0);
INSERT INTO crawl_requests VALUES(1,296,X'c34f9d7ef8584d299f221b62ecf3604a',X'73c719292d44e27184c1ecdebd8d0120','http://127.55.0.6:8806/room/2','GET','[]',NULL,'room','{"n":2}','{"session":"ann","is_link":true}',2,1,'127.55.0.6:8806','done',1,200,NULL,NULL,'2026-11-30T04:53:02.416000Z','2026-11-30T04:53:02.432000Z','[]',0);
INSERT INTO crawl_requests VALUES(1,296,X'd287677d01e079afaadf9663f2513368',X'73c719292d44e27184c1ecdebd8d0120','http://127.55.0.6:8806/room/9','GET','[]',NULL,'room','{"n":9}','{"session":"ann","is_link":true}',0,1,'127.55.0.6:8806','queued',0,NULL,NULL,NULL,'2026-11-30T04:53:02.416000Z',NULL,'[]',0);
INSERT INTO crawl_requests VALUES(1,296,X'e156d4b4b64c2002373fb2a3763b45eb',X'73c719292d44e27184c1ecdebd8d0120','http://127.55.0.6:8806/dead/0','GET','[]',NULL,'odd','{}','{"session":"ann","is_link":true}',0,1,'127.55.0.6:8806','dead',1,200,'item_refused','exhibit.seen is text with a NUL character','2026-11-30T04:53:02.416000Z','2026-11-30T04:53:02.436000Z','[]',0);
INSERT INTO crawl_requests VALUES(1,296,X'e9c420189a011b7b228b22fe1e80c707',X'73c719292d44e27184c1ecdebd8d0120','http://127.55.0.6:8806/room/6','GET','[]',NULL,'room','{"n":6}','{"session":"ann","is_link":true}',0,1,'127.55.0.6:8806','done',1,200,NULL,NULL,'2026-11-30T04:53:02.416000Z','2026-11-30T04:53:02.438000Z','[]',0);
INSERT INTO crawl_requests VALUES(1,296,X'ec84e6e1990f742c0fdcd27aa3de7dae',X'73c719292d44e27184c1ecdebd8d0120','http://127.55.0.6:8806/posted','POST','[["X-Own","a\tb"]]',X'610062','','{}','{"session":"ben"}',0,1,'127.55.0.6:8806','queued',0,NULL,NULL,NULL,'2026-11-30T04:53:02.416000Z',NULL,'[]',0);
INSERT INTO crawl_requests VALUES(1,296,X'fb0cb23729864deccfd07f6c673cdab1',X'73c719292d44e27184c1ecdebd8d0120','http://127.55.0.6:8806/room/4','GET','[]',NULL,'room','{"n":4}','{"session":"ann","is_link":true}',1,1,'127.55.0.6:8806','done',1,200,NULL,NULL,'2026-11-30T04:53:02.416000Z','2026-11-30T04:53:02.430000Z','[]',0);
INSERT INTO crawl_requests VALUES(1,296,X'fb7654ed05763ee7af4250acd617fa58',X'73c719292d44e27184c1ecdebd8d0120','http://127.55.0.6:8806/room/0','GET','[]',NULL,'room','{"n":0}','{"session":"ann","is_link":true}',0,1,'127.55.0.6:8806','done',1,200,NULL,NULL,'2026-11-30T04:53:02.416000Z','2026-11-30T04:53:02.475000Z','[]',0);
INSERT INTO crawl_requests VALUES(1,296,X'f0b7be4363c79c37eb64bee69299bd60',X'bf3e45f1d5d6f43c5f887e89fcc66ddc','http://127.55.0.6:8806/desk/8','GET','[]',NULL,'desk','{"n":8}','{"session":"ann","is_link":true}',0,2,'127.55.0.6:8806','queued',0,NULL,NULL,NULL,'2026-11-30T04:53:02.427000Z',NULL,'[]',0);
INSERT INTO crawl_requests VALUES(1,296,X'9ef77f10597cb2ac5829e22867e3a40b',X'fb0cb23729864deccfd07f6c673cdab1','http://127.55.0.6:8806/desk/4','GET','[]',NULL,'desk','{"n":4}','{"session":"ann","is_link":true}',0,2,'127.55.0.6:8806','queued',0,NULL,NULL,NULL,'2026-11-30T04:53:02.429000Z',NULL,'[]',0);
INSERT INTO crawl_requests VALUES(1,296,X'a4d65b4e0985155ef0f9b9d6ad5f5f83',X'98f891b43893a2886724d0ded4885313','http://127.55.0.6:8806/desk/1','GET','[]',NULL,'desk','{"n":1}','{"session":"ann","is_link":true}',0,2,'127.55.0.6:8806','done',1,200,NULL,NULL,'2026-11-30T04:53:02.430000Z','2026-11-30T04:53:02.479000Z','[]',0);
INSERT INTO crawl_requests VALUES(1,296,X'5053c0777293fb600110084fd766ed44',X'2333b4e081f97b1132b8ba3d2b5e65f2','http://127.55.0.6:8806/new/1','GET','[]',NULL,'odd','{}','{"session":"ann","is_link":true}',0,1,'127.55.0.6:8806','done',1,200,NULL,NULL,'2026-11-30T04:53:02.431000Z','2026-11-30T04:53:02.441000Z','["http://127.55.0.6:8806/moved"]',0);
INSERT INTO crawl_requests VALUES(1,296,X'd2e68eb6f132054c93743b3ca415d71c',X'c34f9d7ef8584d299f221b62ecf3604a','http://127.55.0.6:8806/desk/2','GET','[]',NULL,'desk','{"n":2}','{"session":"ann","is_link":true}',0,2,'127.55.0.6:8806','done',1,200,NULL,NULL,'2026-11-30T04:53:02.431000Z','2026-11-30T04:53:02.440000Z','[]',0);
INSERT INTO crawl_requests VALUES(1,296,X'350c3ad65caa0e4b0d9a6ce40b4ce5e4',X'e9c420189a011b7b228b22fe1e80c707','http://127.55.0.6:8806/desk/6','GET','[]',NULL,'desk','{"n":6}','{"session":"ann","is_link":true}',0,2,'127.55.0.6:8806','queued',0,NULL,NULL,NULL,'2026-11-30T04:53:02.438000Z',NULL,'[]',0);
INSERT INTO crawl_requests VALUES(1,296,X'25c100fae8a6f13be577bd7e08ac9e16',X'82adba6d5789d266a65835c0152f38c6','http://127.55.0.6:8806/desk/5','GET','[]',NULL,'desk','{"n":5}','{"session":"ann","is_link":true}',0,2,'127.55.0.6:8806','queued',0,NULL,NULL,NULL,'2026-11-30T04:53:02.467000Z',NULL,'[]',0);
INSERT INTO crawl_requests VALUES(1,296,X'426afd026f665876d5a6d773f5cdc6e4',X'4088f7d785365b57eb9076758df52cc2','http://127.55.0.6:8806/desk/3','GET','[]',NULL,'desk','{"n":3}','{"session":"ann","is_link":true}',0,2,'127.55.0.6:8806','queued',0,NULL,NULL,NULL,'2026-11-30T04:53:02.470000Z',NULL,'[]',0);
INSERT INTO crawl_requests VALUES(1,296,X'8d7b4671043a13a595794bcf82eada4d',X'fb7654ed05763ee7af4250acd617fa58','http://127.55.0.6:8806/desk/0','GET','[]',NULL,'desk','{"n":0}','{"session":"ann","is_link":true}',0,2,'127.55.0.6:8806','queued',0,NULL,NULL,NULL,'2026-11-30T04:53:02.474000Z',NULL,'[]',0);
CREATE TABLE crawl_items (
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
INSERT INTO crawl_items VALUES(1,'attic','exhibit','/',X'8a5edab282632443219e051e4ade2d1d',1,X'73c719292d44e27184c1ecdebd8d0120','http://127.55.0.6:8806/','{"known":"ann door -1 0","path":"/","seen":"GET none direct none"}','84c2ec5181c8b60ca495ce8d49edff5cf8c7626765cb635c489dd68e74b829cd','2026-11-30T04:53:02.417000Z');
INSERT INTO crawl_items VALUES(2,'attic','footnote',NULL,X'e1d3e4b306d0cff287833696b98e19ce',1,X'73c719292d44e27184c1ecdebd8d0120','http://127.55.0.6:8806/','{"number":1,"path":"/"}','94329d2786bed92590ba58c9e052af1a688d406fb7b52da71fc50a2ba8cb6705','2026-11-30T04:53:02.417000Z');
INSERT INTO crawl_items VALUES(3,'attic','footnote',NULL,X'd077704b2892adf901c19dd114c89ff2',1,X'73c719292d44e27184c1ecdebd8d0120','http://127.55.0.6:8806/','{"number":2,"path":"/"}','04d6015cdcbb4069a089c63e8e9621204b07fc1e1c5f6d89fc5510b6cae75449','2026-11-30T04:53:02.417000Z');
INSERT INTO crawl_items VALUES(4,'attic','exhibit','/room/8',X'c3b38e565f4cfd99d6f3125b20dab38c',1,X'bf3e45f1d5d6f43c5f887e89fcc66ddc','http://127.55.0.6:8806/room/8','{"known":"ann room 8 0","path":"/room/8","seen":"GET door=open direct none"}','9f6f58901495a231a53cb85c7c8ae036976b3dd8f27b45e4657b04bb3262fce6','2026-11-30T04:53:02.427000Z');
INSERT INTO crawl_items VALUES(5,'attic','footnote',NULL,X'fa9f15fd5d6b55b786a6fbee7f3db1a4',1,X'bf3e45f1d5d6f43c5f887e89fcc66ddc','http://127.55.0.6:8806/room/8','{"number":1,"path":"/room/8"}','58789acffa689cc82fab2eae6b29f8dc5791fcb05d2fb94fbe37a87cbbb38d7c','2026-11-30T04:53:02.427000Z');
INSERT INTO crawl_items VALUES(6,'attic','footnote',NULL,X'4c147a43b00b9f6f988f88f0621e198f',1,X'bf3e45f1d5d6f43c5f887e89fcc66ddc','http://127.55.0.6:8806/room/8','{"number":2,"path":"/room/8"}','eaf4392e2d927ee5d5d62672a0db7216e83249ed75e5e561aefbaeb7d62e2a6f','2026-11-30T04:53:02.427000Z');
INSERT INTO crawl_items VALUES(7,'attic','exhibit','/room/1',X'8afe23cb5b5b4921ee13a12335ecc992',1,X'98f891b43893a2886724d0ded4885313','http://127.55.0.6:8806/room/1','{"known":"ann room 1 0","path":"/room/1","seen":"GET door=open direct none"}','c6f42abac7c1e6b2f4e9365c2431b0651d2bc1582e8dce709241082e4ea7ddb7','2026-11-30T04:53:02.430000Z');
INSERT INTO crawl_items VALUES(8,'attic','exhibit','/room/4',X'8a3b4df806dae3103c5b879c15a88472',1,X'fb0cb23729864deccfd07f6c673cdab1','http://127.55.0.6:8806/room/4','{"known":"ann room 4 0","path":"/room/4","seen":"GET door=open direct none"}','c586c9a4cbc9450b76787bf1919a118028d0895f587b461267c89cb09542299e','2026-11-30T04:53:02.430000Z');
INSERT INTO crawl_items VALUES(9,'attic','footnote',NULL,X'b7b3cb1ed6f8bdb5fe478939f924d5d7',1,X'98f891b43893a2886724d0ded4885313','http://127.55.0.6:8806/room/1','{"number":1,"path":"/room/1"}','9b89dc01e12216323898c1a6791e847981137370b0335fca4b8cf89f1528900a','2026-11-30T04:53:02.430000Z');
INSERT INTO crawl_items VALUES(10,'attic','footnote',NULL,X'39e5292341d33622f23064e6350f16c3',1,X'98f891b43893a2886724d0ded4885313','http://127.55.0.6:8806/room/1','{"number":2,"path":"/room/1"}','8a017bfbdc9dafa95dc1c50801bfb02c6b3a9b9f4230bdee8756aed0f7972d3f','2026-11-30T04:53:02.430000Z');
INSERT INTO crawl_items VALUES(11,'attic','footnote',NULL,X'a4246b1254dc2e966e2ccdd0197a4808',1,X'fb0cb23729864deccfd07f6c673cdab1','http://127.55.0.6:8806/room/4','{"number":1,"path":"/room/4"}','70b9858e8b65bb9a159fc7f1a12735d7cf2c37a71a4f34735279e3c4ef7837fc','2026-11-30T04:53:02.430000Z');
INSERT INTO crawl_items VALUES(12,'attic','footnote',NULL,X'8ae606b464247ad6a77929cff41365a6',1,X'fb0cb23729864deccfd07f6c673cdab1','http://127.55.0.6:8806/room/4','{"number":2,"path":"/room/4"}','c13254e2cfb868b47776a341ff3db611d47551bea32bdcf11bd4e957d44cf3d0','2026-11-30T04:53:02.430000Z');
INSERT INTO crawl_items VALUES(13,'attic','exhibit','/room/2',X'c49af0082478e6aa6811a01eb2abb9d8',1,X'c34f9d7ef8584d299f221b62ecf3604a','http://127.55.0.6:8806/room/2','{"known":"ann room 2 0","path":"/room/2","seen":"GET door=open direct none"}','a1a169da98d09da088080337f56d87b4f21ff2b1ca91024c9c2873a3715cdecc','2026-11-30T04:53:02.431000Z');
INSERT INTO crawl_items VALUES(14,'attic','footnote',NULL,X'2c10687448b203e263ee43239f6a89c3',1,X'c34f9d7ef8584d299f221b62ecf3604a','http://127.55.0.6:8806/room/2','{"number":1,"path":"/room/2"}','43fcd8d1ffeb56a5a2352be659451b91c1bdbbf3df24c55776908f311e0c82ea','2026-11-30T04:53:02.431000Z');
INSERT INTO crawl_items VALUES(15,'attic','footnote',NULL,X'f7e5157ea4e75a236b9e922a7c41e428',1,X'c34f9d7ef8584d299f221b62ecf3604a','http://127.55.0.6:8806/room/2','{"number":2,"path":"/room/2"}','8117b457f95357001e28136846178015c7b4e204fa34039e5a7d9865473983b3','2026-11-30T04:53:02.431000Z');
INSERT INTO crawl_items VALUES(16,'attic','exhibit','/room/6',X'6700baad5619ed4be8ce6c89fcc9aed7',1,X'e9c420189a011b7b228b22fe1e80c707','http://127.55.0.6:8806/room/6','{"known":"ann room 6 0","path":"/room/6","seen":"GET door=open direct none"}','ed63bb80c6185d7215963af8ffe6c78fc173ef7ed52c16b54a7fae579ef16cdd','2026-11-30T04:53:02.438000Z');
INSERT INTO crawl_items VALUES(17,'attic','footnote',NULL,X'0b70ca48b381c3c5ed929dd16d96c010',1,X'e9c420189a011b7b228b22fe1e80c707','http://127.55.0.6:8806/room/6','{"number":1,"path":"/room/6"}','7622756c0275bb8ba17a4f839975c5436567bff1c317ca1607d460e7f62db90a','2026-11-30T04:53:02.438000Z');
INSERT INTO crawl_items VALUES(18,'attic','footnote',NULL,X'ab0708fed3153c054dcd7fa7faa92ea6',1,X'e9c420189a011b7b228b22fe1e80c707','http://127.55.0.6:8806/room/6','{"number":2,"path":"/room/6"}','81527cb18d82ce97c691a3d839e5588e5af08f63d1764e0e12ce6621c91c9f50','2026-11-30T04:53:02.438000Z');
INSERT INTO crawl_items VALUES(19,'attic','exhibit','/desk/2',X'a031c64ebdf7623cbb43efe96530dcfb',1,X'd2e68eb6f132054c93743b3ca415d71c','http://127.55.0.6:8806/desk/2','{"known":"ann desk 2 0","path":"/desk/2","seen":"GET door=open direct none"}','6b900257e6f28ff45d9fa7681f2f4746f9cc31e9ec336e443beaafbb6c50d19c','2026-11-30T04:53:02.440000Z');
INSERT INTO crawl_items VALUES(20,'attic','footnote',NULL,X'e71704e355172878d7700e4837a92b96',1,X'd2e68eb6f132054c93743b3ca415d71c','http://127.55.0.6:8806/desk/2','{"number":1,"path":"/desk/2"}','a6e5060ef69d437f7def68ceb91ab61665c6ea923667eb36d9b92373f3a2cbcb','2026-11-30T04:53:02.440000Z');
INSERT INTO crawl_items VALUES(21,'attic','footnote',NULL,X'1447e7b64a1b8dc525cd0f8f60e7ad1b',1,X'd2e68eb6f132054c93743b3ca415d71c','http://127.55.0.6:8806/desk/2','{"number":2,"path":"/desk/2"}','5224a0fa148a10f93fc5b7a0f51626209aa4c97b3d74ee6383cfa3937cf8c197','2026-11-30T04:53:02.440000Z');
INSERT INTO crawl_items VALUES(22,'attic','exhibit','/new/1',X'9e1de2c4e073d09133452d93f48feb19',1,X'5053c0777293fb600110084fd766ed44','http://127.55.0.6:8806/new/1','{"known":"ann odd 0 1","path":"/new/1","seen":"GET door=open direct none"}','abd79a3d18d9377d10fadc84523c13d804600de184665d618ba7d6f896e6edc7','2026-11-30T04:53:02.441000Z');
INSERT INTO crawl_items VALUES(23,'attic','footnote',NULL,X'2705ca20c437dacabeb6757b9e3bf5e1',1,X'5053c0777293fb600110084fd766ed44','http://127.55.0.6:8806/new/1','{"number":1,"path":"/new/1"}','f8194397949ce16051819d27266355a85b9c6367d0106adac56900e7c0d8a538','2026-11-30T04:53:02.441000Z');
INSERT INTO crawl_items VALUES(24,'attic','footnote',NULL,X'664226fe83eae4efbe43db82318a5e5d',1,X'5053c0777293fb600110084fd766ed44','http://127.55.0.6:8806/new/1','{"number":2,"path":"/new/1"}','ff73a31ff05df6d406a2744317d3a6f518828c3282357861041bafbbe2665486','2026-11-30T04:53:02.441000Z');
INSERT INTO crawl_items VALUES(25,'attic','exhibit','/room/5',X'278e7cd0c73f21e6d1f9d0a573ddc7a3',1,X'82adba6d5789d266a65835c0152f38c6','http://127.55.0.6:8806/room/5','{"known":"ann room 5 0","path":"/room/5","seen":"GET door=open direct none"}','dde47edbc03270f058997e9b1c6b9be5c487e83ab3208a019412cb4494981e79','2026-11-30T04:53:02.467000Z');
INSERT INTO crawl_items VALUES(26,'attic','footnote',NULL,X'f6ca45c7b8a142055d7a9cc15f701292',1,X'82adba6d5789d266a65835c0152f38c6','http://127.55.0.6:8806/room/5','{"number":1,"path":"/room/5"}','b4f657ad99c372aacb4c33c271a577abad3b9492b1766f31b1aa542f997e0e32','2026-11-30T04:53:02.467000Z');
INSERT INTO crawl_items VALUES(27,'attic','footnote',NULL,X'f262456328a2d3efdb3484382fbb1ab8',1,X'82adba6d5789d266a65835c0152f38c6','http://127.55.0.6:8806/room/5','{"number":2,"path":"/room/5"}','c6f22b154c53703d934be12cf2fe26a4ea45b0967d89b0e398f7fb40b0ce0c7b','2026-11-30T04:53:02.467000Z');
INSERT INTO crawl_items VALUES(28,'attic','exhibit','/room/3',X'd609cde2d15bf0c3cfedd0ec83160038',1,X'4088f7d785365b57eb9076758df52cc2','http://127.55.0.6:8806/room/3','{"known":"ann room 3 0","path":"/room/3","seen":"GET door=open direct none"}','94553403e9b658f51e274bc6e37f6ec85d08a08d11e98e35ff140a8ea0708286','2026-11-30T04:53:02.470000Z');
INSERT INTO crawl_items VALUES(29,'attic','footnote',NULL,X'37e9a76422ec2c6a40ea3e9cdbafba1a',1,X'4088f7d785365b57eb9076758df52cc2','http://127.55.0.6:8806/room/3','{"number":1,"path":"/room/3"}','8c393bafc30c9f7d790dd42e7e9a39db48da70e2a11e6d128815caf1a3b083a4','2026-11-30T04:53:02.470000Z');
INSERT INTO crawl_items VALUES(30,'attic','footnote',NULL,X'da7c53065d070179519cd74ae3ce06e7',1,X'4088f7d785365b57eb9076758df52cc2','http://127.55.0.6:8806/room/3','{"number":2,"path":"/room/3"}','3ad2881e35a1b32a3f88b228c1cc3ca5c845152c951ee7e62053ce58d7874b70','2026-11-30T04:53:02.470000Z');
INSERT INTO crawl_items VALUES(31,'attic','exhibit','/room/0',X'0d65cb38cd0788b670c4f7d273ee3778',1,X'fb7654ed05763ee7af4250acd617fa58','http://127.55.0.6:8806/room/0','{"known":"ann room 0 0","path":"/room/0","seen":"GET door=open direct none"}','3514bace8285240b76a22b54de7f1705dddbee7b1c373ff5ca3a7c640f179520','2026-11-30T04:53:02.474000Z');
INSERT INTO crawl_items VALUES(32,'attic','footnote',NULL,X'b7e349dd04d4b039d2bf35bccc91abc8',1,X'fb7654ed05763ee7af4250acd617fa58','http://127.55.0.6:8806/room/0','{"number":1,"path":"/room/0"}','59802291a86d6998cf100cfe3c79a799531387a65a3e7efef2d6c2d2892e1f21','2026-11-30T04:53:02.474000Z');
INSERT INTO crawl_items VALUES(33,'attic','footnote',NULL,X'c506435d8c6a297f4603b0e85da31bce',1,X'fb7654ed05763ee7af4250acd617fa58','http://127.55.0.6:8806/room/0','{"number":2,"path":"/room/0"}','fad3809a235e439c4e8306b6899a0cb1ea2b8d8c715b78dc9a22f74375e0823c','2026-11-30T04:53:02.474000Z');
INSERT INTO crawl_items VALUES(34,'attic','exhibit','/desk/1',X'9734e360d249edc048cdcc900f545009',1,X'a4d65b4e0985155ef0f9b9d6ad5f5f83','http://127.55.0.6:8806/desk/1','{"known":"ann desk 1 0","path":"/desk/1","seen":"GET door=open direct none"}','221a992b70c31ac66c35d88b150691e13d5194d760f0eba29e951d8989be86c4','2026-11-30T04:53:02.478000Z');
INSERT INTO crawl_items VALUES(35,'attic','exhibit','/room/1 again',X'80c0182e5628a901087f8aefcb4e45c2',1,X'5190feba9c7cc366571209cec5f3fe5d','http://127.55.0.6:8806/room/1','{"known":"ann again 0 0","path":"/room/1 again","seen":"GET door=open direct none"}','7235101a5b87ac0d35ad08472338b08bc57f5fb2ed1becb23ad4e3a767103616','2026-11-30T04:53:02.478000Z');
INSERT INTO crawl_items VALUES(36,'attic','footnote',NULL,X'09422e1d18de5c6d7459de251ba85563',1,X'5190feba9c7cc366571209cec5f3fe5d','http://127.55.0.6:8806/room/1','{"number":1,"path":"/room/1 again"}','013a3c618293a0640a92146487c51d288454eace096841be01072bab94414d16','2026-11-30T04:53:02.478000Z');
INSERT INTO crawl_items VALUES(37,'attic','footnote',NULL,X'7ba3b4bf45b5c0a17d6e18b5c5f03f95',1,X'5190feba9c7cc366571209cec5f3fe5d','http://127.55.0.6:8806/room/1','{"number":2,"path":"/room/1 again"}','e0ab244013ba6af8e0102350d3843740acef42fd52b7d9cd971e0b28d0f2e84c','2026-11-30T04:53:02.478000Z');
INSERT INTO crawl_items VALUES(38,'attic','footnote',NULL,X'c743fc4739177bbf7b23a81332c52633',1,X'a4d65b4e0985155ef0f9b9d6ad5f5f83','http://127.55.0.6:8806/desk/1','{"number":1,"path":"/desk/1"}','d38c001ac3b377438b6ead165eee9f34ba1eeca58c6ff3497fa017e3688b11d0','2026-11-30T04:53:02.478000Z');
INSERT INTO crawl_items VALUES(39,'attic','footnote',NULL,X'c983e99cb17c66a24c1f0e7bf930aac8',1,X'a4d65b4e0985155ef0f9b9d6ad5f5f83','http://127.55.0.6:8806/desk/1','{"number":2,"path":"/desk/1"}','e0e2c052971930e64c3ea2086bae9f516414e060f4c5f88f8956b4be118082ff','2026-11-30T04:53:02.478000Z');
CREATE TABLE crawl_dead_letters (
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
INSERT INTO crawl_dead_letters VALUES(1,1,X'e156d4b4b64c2002373fb2a3763b45eb','http://127.55.0.6:8806/dead/0','exhibit','{"known":"","path":"/dead/0","seen":"a�b"}','exhibit.seen is text with a NUL character',NULL,'2026-11-30T04:53:02.436000Z');
CREATE TABLE crawl_cookies (
    run_id  INTEGER NOT NULL REFERENCES crawl_runs (run_id),
    session TEXT    NOT NULL,
    domain  TEXT    NOT NULL,
    path    TEXT    NOT NULL,
    name    TEXT    NOT NULL,
    cookie  TEXT    CHECK (json_valid(cookie)),
    version INTEGER NOT NULL,
    PRIMARY KEY (run_id, session, domain, path, name)
) STRICT, WITHOUT ROWID;
INSERT INTO crawl_cookies VALUES(1,'ann','127.55.0.6','/','door','{"raw_cookie":"door=open; Path=/","path":["/",true],"domain":{"HostOnly":"127.55.0.6"},"expires":"SessionEnd"}',1);
CREATE TABLE crawl_hosts (
    run_id       INTEGER NOT NULL REFERENCES crawl_runs (run_id),
    host         TEXT    NOT NULL,
    paused_until TEXT,
    paused_ms    INTEGER,
    slowed_to_ms INTEGER,
    reason       TEXT,
    noted_at     TEXT    NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%f000Z', 'now')),
    PRIMARY KEY (run_id, host)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS "attic_crates" (
    "path" TEXT NOT NULL,
    "weight" REAL NOT NULL,
    "run_id" INTEGER NOT NULL,
    "source_url" TEXT NOT NULL,
    "source_fingerprint" BLOB,
    "scraped_at" TEXT NOT NULL,
    UNIQUE ("path")
) STRICT;
INSERT INTO attic_crates VALUES('/',0.5,1,'http://127.55.0.6:8806/',X'73c719292d44e27184c1ecdebd8d0120','2026-11-30T04:53:02.417000Z');
INSERT INTO attic_crates VALUES('/room/8',0.5,1,'http://127.55.0.6:8806/room/8',X'bf3e45f1d5d6f43c5f887e89fcc66ddc','2026-11-30T04:53:02.427000Z');
INSERT INTO attic_crates VALUES('/room/1',0.5,1,'http://127.55.0.6:8806/room/1',X'98f891b43893a2886724d0ded4885313','2026-11-30T04:53:02.430000Z');
INSERT INTO attic_crates VALUES('/room/4',0.5,1,'http://127.55.0.6:8806/room/4',X'fb0cb23729864deccfd07f6c673cdab1','2026-11-30T04:53:02.430000Z');
INSERT INTO attic_crates VALUES('/room/2',0.5,1,'http://127.55.0.6:8806/room/2',X'c34f9d7ef8584d299f221b62ecf3604a','2026-11-30T04:53:02.432000Z');
INSERT INTO attic_crates VALUES('/room/6',0.5,1,'http://127.55.0.6:8806/room/6',X'e9c420189a011b7b228b22fe1e80c707','2026-11-30T04:53:02.438000Z');
INSERT INTO attic_crates VALUES('/desk/2',0.5,1,'http://127.55.0.6:8806/desk/2',X'd2e68eb6f132054c93743b3ca415d71c','2026-11-30T04:53:02.440000Z');
INSERT INTO attic_crates VALUES('/new/1',0.5,1,'http://127.55.0.6:8806/new/1',X'5053c0777293fb600110084fd766ed44','2026-11-30T04:53:02.441000Z');
INSERT INTO attic_crates VALUES('/room/5',0.5,1,'http://127.55.0.6:8806/room/5',X'82adba6d5789d266a65835c0152f38c6','2026-11-30T04:53:02.467000Z');
INSERT INTO attic_crates VALUES('/room/3',0.5,1,'http://127.55.0.6:8806/room/3',X'4088f7d785365b57eb9076758df52cc2','2026-11-30T04:53:02.471000Z');
INSERT INTO attic_crates VALUES('/room/0',0.5,1,'http://127.55.0.6:8806/room/0',X'fb7654ed05763ee7af4250acd617fa58','2026-11-30T04:53:02.474000Z');
INSERT INTO attic_crates VALUES('/desk/1',0.5,1,'http://127.55.0.6:8806/desk/1',X'a4d65b4e0985155ef0f9b9d6ad5f5f83','2026-11-30T04:53:02.478000Z');
INSERT INTO attic_crates VALUES('/room/1 again',0.5,1,'http://127.55.0.6:8806/room/1',X'5190feba9c7cc366571209cec5f3fe5d','2026-11-30T04:53:02.478000Z');
CREATE TABLE IF NOT EXISTS "attic_labels" (
    "path" TEXT NOT NULL,
    "run_id" INTEGER NOT NULL,
    "source_url" TEXT NOT NULL,
    "source_fingerprint" BLOB,
    "scraped_at" TEXT NOT NULL
) STRICT;
INSERT INTO attic_labels VALUES('/',1,'http://127.55.0.6:8806/',X'73c719292d44e27184c1ecdebd8d0120','2026-11-30T04:53:02.417000Z');
INSERT INTO attic_labels VALUES('/room/8',1,'http://127.55.0.6:8806/room/8',X'bf3e45f1d5d6f43c5f887e89fcc66ddc','2026-11-30T04:53:02.427000Z');
INSERT INTO attic_labels VALUES('/room/1',1,'http://127.55.0.6:8806/room/1',X'98f891b43893a2886724d0ded4885313','2026-11-30T04:53:02.430000Z');
INSERT INTO attic_labels VALUES('/room/4',1,'http://127.55.0.6:8806/room/4',X'fb0cb23729864deccfd07f6c673cdab1','2026-11-30T04:53:02.430000Z');
INSERT INTO attic_labels VALUES('/room/2',1,'http://127.55.0.6:8806/room/2',X'c34f9d7ef8584d299f221b62ecf3604a','2026-11-30T04:53:02.432000Z');
INSERT INTO attic_labels VALUES('/room/6',1,'http://127.55.0.6:8806/room/6',X'e9c420189a011b7b228b22fe1e80c707','2026-11-30T04:53:02.438000Z');
INSERT INTO attic_labels VALUES('/desk/2',1,'http://127.55.0.6:8806/desk/2',X'd2e68eb6f132054c93743b3ca415d71c','2026-11-30T04:53:02.440000Z');
INSERT INTO attic_labels VALUES('/new/1',1,'http://127.55.0.6:8806/new/1',X'5053c0777293fb600110084fd766ed44','2026-11-30T04:53:02.441000Z');
INSERT INTO attic_labels VALUES('/room/5',1,'http://127.55.0.6:8806/room/5',X'82adba6d5789d266a65835c0152f38c6','2026-11-30T04:53:02.467000Z');
INSERT INTO attic_labels VALUES('/room/3',1,'http://127.55.0.6:8806/room/3',X'4088f7d785365b57eb9076758df52cc2','2026-11-30T04:53:02.471000Z');
INSERT INTO attic_labels VALUES('/room/0',1,'http://127.55.0.6:8806/room/0',X'fb7654ed05763ee7af4250acd617fa58','2026-11-30T04:53:02.475000Z');
INSERT INTO attic_labels VALUES('/room/1 again',1,'http://127.55.0.6:8806/room/1',X'5190feba9c7cc366571209cec5f3fe5d','2026-11-30T04:53:02.478000Z');
INSERT INTO attic_labels VALUES('/desk/1',1,'http://127.55.0.6:8806/desk/1',X'a4d65b4e0985155ef0f9b9d6ad5f5f83','2026-11-30T04:53:02.478000Z');
DELETE FROM sqlite_sequence;
INSERT INTO sqlite_sequence VALUES('crawl_runs',1);
CREATE UNIQUE INDEX crawl_runs_unfinished
    ON crawl_runs (name) WHERE state IN ('running', 'stopped');
CREATE INDEX crawl_requests_frontier
    ON crawl_requests (run_id, host, priority DESC, depth, fingerprint) WHERE state = 'queued';
CREATE INDEX crawl_requests_not_done ON crawl_requests (run_id, state, fingerprint)
    WHERE state = 'failed' OR state = 'skipped' OR state = 'dead';
CREATE UNIQUE INDEX crawl_items_key ON crawl_items (spider, item_type, key_digest);
CREATE INDEX crawl_items_run ON crawl_items (run_id, item_type);
CREATE INDEX crawl_dead_letters_page ON crawl_dead_letters (run_id, fingerprint);
COMMIT;
