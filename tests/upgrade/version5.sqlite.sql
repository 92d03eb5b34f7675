PRAGMA foreign_keys = OFF;
BEGIN TRANSACTION;
CREATE TABLE "attic_crates" (
    "path" TEXT NOT NULL,
    "weight" REAL NOT NULL,
    "run_id" INTEGER NOT NULL,
    "source_url" TEXT NOT NULL,
    "scraped_at" TEXT NOT NULL,
    UNIQUE ("path")
) STRICT;
INSERT INTO "attic_crates" VALUES('/',0.5,1,'http://127.55.0.6:8806/','2026-11-30T01:46:01.593000Z');
INSERT INTO "attic_crates" VALUES('/room/0',0.5,1,'http://127.55.0.6:8806/room/0','2026-11-30T01:46:01.622000Z');
INSERT INTO "attic_crates" VALUES('/room/1',0.5,1,'http://127.55.0.6:8806/room/1','2026-11-30T01:46:01.622000Z');
INSERT INTO "attic_crates" VALUES('/room/2',0.5,1,'http://127.55.0.6:8806/room/2','2026-11-30T01:46:01.622000Z');
INSERT INTO "attic_crates" VALUES('/room/4',0.5,1,'http://127.55.0.6:8806/room/4','2026-11-30T01:46:01.622000Z');
INSERT INTO "attic_crates" VALUES('/room/1 again',0.5,1,'http://127.55.0.6:8806/room/1','2026-11-30T01:46:01.663000Z');
INSERT INTO "attic_crates" VALUES('/room/3',0.5,1,'http://127.55.0.6:8806/room/3','2026-11-30T01:46:01.663000Z');
CREATE TABLE "attic_labels" (
    "path" TEXT NOT NULL,
    "run_id" INTEGER NOT NULL,
    "source_url" TEXT NOT NULL,
    "scraped_at" TEXT NOT NULL
) STRICT;
INSERT INTO "attic_labels" VALUES('/',1,'http://127.55.0.6:8806/','2026-11-30T01:46:01.593000Z');
INSERT INTO "attic_labels" VALUES('/room/1',1,'http://127.55.0.6:8806/room/1','2026-11-30T01:46:01.622000Z');
INSERT INTO "attic_labels" VALUES('/room/4',1,'http://127.55.0.6:8806/room/4','2026-11-30T01:46:01.622000Z');
INSERT INTO "attic_labels" VALUES('/room/0',1,'http://127.55.0.6:8806/room/0','2026-11-30T01:46:01.622000Z');
INSERT INTO "attic_labels" VALUES('/room/2',1,'http://127.55.0.6:8806/room/2','2026-11-30T01:46:01.622000Z');
INSERT INTO "attic_labels" VALUES('/room/1 again',1,'http://127.55.0.6:8806/room/1','2026-11-30T01:46:01.663000Z');
INSERT INTO "attic_labels" VALUES('/room/3',1,'http://127.55.0.6:8806/room/3','2026-11-30T01:46:01.663000Z');
CREATE TABLE crawl_cookies (
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
INSERT INTO "crawl_cookies" VALUES(1,'ann','127.55.0.6','/','door','{"raw_cookie":"door=open; Path=/","path":["/",true],"domain":{"HostOnly":"127.55.0.6"},"expires":"SessionEnd"}',1);
CREATE TABLE crawl_dead_letters (
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
INSERT INTO "crawl_dead_letters" VALUES(1,1,X'E156D4B4B64C2002373FB2A3763B45EB','http://127.55.0.6:8806/dead/0','exhibit','{"known":"","path":"/dead/0","seen":"a�b"}','exhibit.seen is text with a NUL character',NULL,'2026-11-30T01:46:01.622000Z');
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
CREATE TABLE crawl_items (
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
INSERT INTO "crawl_items" VALUES(1,'attic','exhibit','/',1,'http://127.55.0.6:8806/','{"known":"ann door -1 0","path":"/","seen":"GET none direct none"}','84c2ec5181c8b60ca495ce8d49edff5cf8c7626765cb635c489dd68e74b829cd','2026-11-30T01:46:01.593000Z');
INSERT INTO "crawl_items" VALUES(2,'attic','footnote',NULL,1,'http://127.55.0.6:8806/','{"number":1,"path":"/"}','94329d2786bed92590ba58c9e052af1a688d406fb7b52da71fc50a2ba8cb6705','2026-11-30T01:46:01.593000Z');
INSERT INTO "crawl_items" VALUES(3,'attic','footnote',NULL,1,'http://127.55.0.6:8806/','{"number":2,"path":"/"}','04d6015cdcbb4069a089c63e8e9621204b07fc1e1c5f6d89fc5510b6cae75449','2026-11-30T01:46:01.593000Z');
INSERT INTO "crawl_items" VALUES(4,'attic','exhibit','/room/0',1,'http://127.55.0.6:8806/room/0','{"known":"ann room 0 0","path":"/room/0","seen":"GET door=open direct none"}','3514bace8285240b76a22b54de7f1705dddbee7b1c373ff5ca3a7c640f179520','2026-11-30T01:46:01.622000Z');
INSERT INTO "crawl_items" VALUES(5,'attic','exhibit','/room/1',1,'http://127.55.0.6:8806/room/1','{"known":"ann room 1 0","path":"/room/1","seen":"GET door=open direct none"}','c6f42abac7c1e6b2f4e9365c2431b0651d2bc1582e8dce709241082e4ea7ddb7','2026-11-30T01:46:01.622000Z');
INSERT INTO "crawl_items" VALUES(6,'attic','exhibit','/room/2',1,'http://127.55.0.6:8806/room/2','{"known":"ann room 2 0","path":"/room/2","seen":"GET door=open direct none"}','a1a169da98d09da088080337f56d87b4f21ff2b1ca91024c9c2873a3715cdecc','2026-11-30T01:46:01.622000Z');
INSERT INTO "crawl_items" VALUES(7,'attic','exhibit','/room/4',1,'http://127.55.0.6:8806/room/4','{"known":"ann room 4 0","path":"/room/4","seen":"GET door=open direct none"}','c586c9a4cbc9450b76787bf1919a118028d0895f587b461267c89cb09542299e','2026-11-30T01:46:01.622000Z');
INSERT INTO "crawl_items" VALUES(8,'attic','footnote',NULL,1,'http://127.55.0.6:8806/room/1','{"number":1,"path":"/room/1"}','9b89dc01e12216323898c1a6791e847981137370b0335fca4b8cf89f1528900a','2026-11-30T01:46:01.622000Z');
INSERT INTO "crawl_items" VALUES(9,'attic','footnote',NULL,1,'http://127.55.0.6:8806/room/1','{"number":2,"path":"/room/1"}','8a017bfbdc9dafa95dc1c50801bfb02c6b3a9b9f4230bdee8756aed0f7972d3f','2026-11-30T01:46:01.622000Z');
INSERT INTO "crawl_items" VALUES(10,'attic','footnote',NULL,1,'http://127.55.0.6:8806/room/4','{"number":1,"path":"/room/4"}','70b9858e8b65bb9a159fc7f1a12735d7cf2c37a71a4f34735279e3c4ef7837fc','2026-11-30T01:46:01.622000Z');
INSERT INTO "crawl_items" VALUES(11,'attic','footnote',NULL,1,'http://127.55.0.6:8806/room/4','{"number":2,"path":"/room/4"}','c13254e2cfb868b47776a341ff3db611d47551bea32bdcf11bd4e957d44cf3d0','2026-11-30T01:46:01.622000Z');
INSERT INTO "crawl_items" VALUES(12,'attic','footnote',NULL,1,'http://127.55.0.6:8806/room/0','{"number":1,"path":"/room/0"}','59802291a86d6998cf100cfe3c79a799531387a65a3e7efef2d6c2d2892e1f21','2026-11-30T01:46:01.622000Z');
INSERT INTO "crawl_items" VALUES(13,'attic','footnote',NULL,1,'http://127.55.0.6:8806/room/0','{"number":2,"path":"/room/0"}','fad3809a235e439c4e8306b6899a0cb1ea2b8d8c715b78dc9a22f74375e0823c','2026-11-30T01:46:01.622000Z');
INSERT INTO "crawl_items" VALUES(14,'attic','footnote',NULL,1,'http://127.55.0.6:8806/room/2','{"number":1,"path":"/room/2"}','43fcd8d1ffeb56a5a2352be659451b91c1bdbbf3df24c55776908f311e0c82ea','2026-11-30T01:46:01.622000Z');
INSERT INTO "crawl_items" VALUES(15,'attic','footnote',NULL,1,'http://127.55.0.6:8806/room/2','{"number":2,"path":"/room/2"}','8117b457f95357001e28136846178015c7b4e204fa34039e5a7d9865473983b3','2026-11-30T01:46:01.622000Z');
INSERT INTO "crawl_items" VALUES(16,'attic','exhibit','/room/1 again',1,'http://127.55.0.6:8806/room/1','{"known":"ann again 0 0","path":"/room/1 again","seen":"GET door=open direct none"}','7235101a5b87ac0d35ad08472338b08bc57f5fb2ed1becb23ad4e3a767103616','2026-11-30T01:46:01.663000Z');
INSERT INTO "crawl_items" VALUES(17,'attic','exhibit','/room/3',1,'http://127.55.0.6:8806/room/3','{"known":"ann room 3 0","path":"/room/3","seen":"GET door=open direct none"}','94553403e9b658f51e274bc6e37f6ec85d08a08d11e98e35ff140a8ea0708286','2026-11-30T01:46:01.663000Z');
INSERT INTO "crawl_items" VALUES(18,'attic','footnote',NULL,1,'http://127.55.0.6:8806/room/1','{"number":1,"path":"/room/1 again"}','013a3c618293a0640a92146487c51d288454eace096841be01072bab94414d16','2026-11-30T01:46:01.663000Z');
INSERT INTO "crawl_items" VALUES(19,'attic','footnote',NULL,1,'http://127.55.0.6:8806/room/1','{"number":2,"path":"/room/1 again"}','e0ab244013ba6af8e0102350d3843740acef42fd52b7d9cd971e0b28d0f2e84c','2026-11-30T01:46:01.663000Z');
INSERT INTO "crawl_items" VALUES(20,'attic','footnote',NULL,1,'http://127.55.0.6:8806/room/3','{"number":1,"path":"/room/3"}','8c393bafc30c9f7d790dd42e7e9a39db48da70e2a11e6d128815caf1a3b083a4','2026-11-30T01:46:01.663000Z');
INSERT INTO "crawl_items" VALUES(21,'attic','footnote',NULL,1,'http://127.55.0.6:8806/room/3','{"number":2,"path":"/room/3"}','3ad2881e35a1b32a3f88b228c1cc3ca5c845152c951ee7e62053ce58d7874b70','2026-11-30T01:46:01.663000Z');
CREATE TABLE crawl_requests (
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
INSERT INTO "crawl_requests" VALUES(1,X'73C719292D44E27184C1ECDEBD8D0120','http://127.55.0.6:8806/','GET','[[":session","ann"]]',NULL,'door','{"n":-1}',0,0,'127.55.0.6:8806','done',1,200,NULL,'2026-11-30T01:46:01.514000Z','2026-11-30T01:46:01.593000Z','[]',0);
INSERT INTO "crawl_requests" VALUES(1,X'18A6A74BBC6C440FD363630FE1FCEEDF','http://127.55.0.6:8806/failing','GET','[[":session","ann"],[":retries","0"]]',NULL,'','{}',0,1,'127.55.0.6:8806','failed',1,500,'HTTP 500','2026-11-30T01:46:01.593000Z','2026-11-30T01:46:01.622000Z','[]',0);
INSERT INTO "crawl_requests" VALUES(1,X'2333B4E081F97B1132B8BA3D2B5E65F2','http://127.55.0.6:8806/moved','GET','[[":session","ann"]]',NULL,'odd','{}',0,1,'127.55.0.6:8806','skipped',1,301,'redirected to http://127.55.0.6:8806/new/1','2026-11-30T01:46:01.593000Z','2026-11-30T01:46:01.621000Z','[]',0);
INSERT INTO "crawl_requests" VALUES(1,X'3CB6104917100EC52D0039B2A9EF6535','http://127.55.0.6:8806/private','GET','[[":session","ann"],[":cookies","off"]]',NULL,'','{}',0,1,'127.55.0.6:8806','queued',0,NULL,NULL,'2026-11-30T01:46:01.593000Z',NULL,'[]',0);
INSERT INTO "crawl_requests" VALUES(1,X'4088F7D785365B57EB9076758DF52CC2','http://127.55.0.6:8806/room/3','GET','[[":session","ann"]]',NULL,'room','{"n":3}',0,1,'127.55.0.6:8806','done',1,200,NULL,'2026-11-30T01:46:01.593000Z','2026-11-30T01:46:01.663000Z','[]',0);
INSERT INTO "crawl_requests" VALUES(1,X'492AA718067108EF162382B2463A00E0','http://127.55.0.6:8806/dead/1','GET','[[":session","ann"]]',NULL,'odd','{}',0,1,'127.55.0.6:8806','queued',0,NULL,NULL,'2026-11-30T01:46:01.593000Z',NULL,'[]',0);
INSERT INTO "crawl_requests" VALUES(1,X'5190FEBA9C7CC366571209CEC5F3FE5D','http://127.55.0.6:8806/room/1','GET','[[":session","ann"]]',NULL,'again','{}',0,1,'127.55.0.6:8806','done',1,200,NULL,'2026-11-30T01:46:01.593000Z','2026-11-30T01:46:01.663000Z','[]',1);
INSERT INTO "crawl_requests" VALUES(1,X'56581A4CBA59ED9538AAEE7699764C6F','http://127.55.0.6:8806/proxied','GET','[[":session","ann"],[":proxy","http://127.55.0.6:8806/"],[":retries","7"]]',NULL,'','{}',0,1,'127.55.0.6:8806','queued',0,NULL,NULL,'2026-11-30T01:46:01.593000Z',NULL,'[]',0);
INSERT INTO "crawl_requests" VALUES(1,X'82ADBA6D5789D266A65835C0152F38C6','http://127.55.0.6:8806/room/5','GET','[[":session","ann"]]',NULL,'room','{"n":5}',2,1,'127.55.0.6:8806','queued',0,NULL,NULL,'2026-11-30T01:46:01.593000Z',NULL,'[]',0);
INSERT INTO "crawl_requests" VALUES(1,X'98F891B43893A2886724D0DED4885313','http://127.55.0.6:8806/room/1','GET','[[":session","ann"]]',NULL,'room','{"n":1}',1,1,'127.55.0.6:8806','done',1,200,NULL,'2026-11-30T01:46:01.593000Z','2026-11-30T01:46:01.622000Z','[]',0);
INSERT INTO "crawl_requests" VALUES(1,X'B907F764658EA62EEE0AAE9CF6731C65','http://127.55.0.6:8806/gone','GET','[[":session","ann"]]',NULL,'odd','{}',0,1,'127.55.0.6:8806','failed',1,404,'HTTP 404','2026-11-30T01:46:01.593000Z','2026-11-30T01:46:01.622000Z','[]',0);
INSERT INTO "crawl_requests" VALUES(1,X'B90E2E9F0406D49148E88C1467F27683','http://127.55.0.6:8806/room/7','GET','[[":session","ann"]]',NULL,'room','{"n":7}',1,1,'127.55.0.6:8806','queued',0,NULL,NULL,'2026-11-30T01:46:01.593000Z',NULL,'[]',0);
INSERT INTO "crawl_requests" VALUES(1,X'BF3E45F1D5D6F43C5F887E89FCC66DDC','http://127.55.0.6:8806/room/8','GET','[[":session","ann"]]',NULL,'room','{"n":8}',2,1,'127.55.0.6:8806','queued',0,NULL,NULL,'2026-11-30T01:46:01.593000Z',NULL,'[]',0);
INSERT INTO "crawl_requests" VALUES(1,X'C34F9D7EF8584D299F221B62ECF3604A','http://127.55.0.6:8806/room/2','GET','[[":session","ann"]]',NULL,'room','{"n":2}',2,1,'127.55.0.6:8806','done',1,200,NULL,'2026-11-30T01:46:01.593000Z','2026-11-30T01:46:01.622000Z','[]',0);
INSERT INTO "crawl_requests" VALUES(1,X'D287677D01E079AFAADF9663F2513368','http://127.55.0.6:8806/room/9','GET','[[":session","ann"]]',NULL,'room','{"n":9}',0,1,'127.55.0.6:8806','queued',0,NULL,NULL,'2026-11-30T01:46:01.593000Z',NULL,'[]',0);
INSERT INTO "crawl_requests" VALUES(1,X'E156D4B4B64C2002373FB2A3763B45EB','http://127.55.0.6:8806/dead/0','GET','[[":session","ann"]]',NULL,'odd','{}',0,1,'127.55.0.6:8806','dead',1,200,'exhibit.seen is text with a NUL character','2026-11-30T01:46:01.593000Z','2026-11-30T01:46:01.622000Z','[]',0);
INSERT INTO "crawl_requests" VALUES(1,X'E9C420189A011B7B228B22FE1E80C707','http://127.55.0.6:8806/room/6','GET','[[":session","ann"]]',NULL,'room','{"n":6}',0,1,'127.55.0.6:8806','queued',0,NULL,NULL,'2026-11-30T01:46:01.593000Z',NULL,'[]',0);
INSERT INTO "crawl_requests" VALUES(1,X'EC84E6E1990F742C0FDCD27AA3DE7DAE','http://127.55.0.6:8806/posted','POST','[["X-Own","a\tb"],[":session","ben"]]',X'610062','','{}',0,1,'127.55.0.6:8806','queued',0,NULL,NULL,'2026-11-30T01:46:01.593000Z',NULL,'[]',0);
INSERT INTO "crawl_requests" VALUES(1,X'FB0CB23729864DECCFD07F6C673CDAB1','http://127.55.0.6:8806/room/4','GET','[[":session","ann"]]',NULL,'room','{"n":4}',1,1,'127.55.0.6:8806','done',1,200,NULL,'2026-11-30T01:46:01.593000Z','2026-11-30T01:46:01.622000Z','[]',0);
INSERT INTO "crawl_requests" VALUES(1,X'FB7654ED05763EE7AF4250ACD617FA58','http://127.55.0.6:8806/room/0','GET','[[":session","ann"]]',NULL,'room','{"n":0}',0,1,'127.55.0.6:8806','done',1,200,NULL,'2026-11-30T01:46:01.593000Z','2026-11-30T01:46:01.622000Z','[]',0);
INSERT INTO "crawl_requests" VALUES(1,X'5053C0777293FB600110084FD766ED44','http://127.55.0.6:8806/new/1','GET','[[":session","ann"]]',NULL,'odd','{}',0,1,'127.55.0.6:8806','queued',0,NULL,NULL,'2026-11-30T01:46:01.621000Z',NULL,'["http://127.55.0.6:8806/moved"]',0);
INSERT INTO "crawl_requests" VALUES(1,X'8D7B4671043A13A595794BCF82EADA4D','http://127.55.0.6:8806/desk/0','GET','[[":session","ann"]]',NULL,'desk','{"n":0}',0,2,'127.55.0.6:8806','queued',0,NULL,NULL,'2026-11-30T01:46:01.622000Z',NULL,'[]',0);
INSERT INTO "crawl_requests" VALUES(1,X'9EF77F10597CB2AC5829E22867E3A40B','http://127.55.0.6:8806/desk/4','GET','[[":session","ann"]]',NULL,'desk','{"n":4}',0,2,'127.55.0.6:8806','queued',0,NULL,NULL,'2026-11-30T01:46:01.622000Z',NULL,'[]',0);
INSERT INTO "crawl_requests" VALUES(1,X'A4D65B4E0985155EF0F9B9D6AD5F5F83','http://127.55.0.6:8806/desk/1','GET','[[":session","ann"]]',NULL,'desk','{"n":1}',0,2,'127.55.0.6:8806','queued',0,NULL,NULL,'2026-11-30T01:46:01.622000Z',NULL,'[]',0);
INSERT INTO "crawl_requests" VALUES(1,X'D2E68EB6F132054C93743B3CA415D71C','http://127.55.0.6:8806/desk/2','GET','[[":session","ann"]]',NULL,'desk','{"n":2}',0,2,'127.55.0.6:8806','queued',0,NULL,NULL,'2026-11-30T01:46:01.622000Z',NULL,'[]',0);
INSERT INTO "crawl_requests" VALUES(1,X'426AFD026F665876D5A6D773F5CDC6E4','http://127.55.0.6:8806/desk/3','GET','[[":session","ann"]]',NULL,'desk','{"n":3}',0,2,'127.55.0.6:8806','queued',0,NULL,NULL,'2026-11-30T01:46:01.663000Z',NULL,'[]',0);
CREATE TABLE crawl_runs (
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
INSERT INTO "crawl_runs" VALUES(1,'attic-2f4a8dd0','attic','{"args":{"door":"http://127.55.0.6:8806/"},"start_urls":[]}',1,'running',NULL,'2026-11-30T01:46:01.514000Z',NULL,'2026-11-30T01:46:02.518000Z','{"dead_pages":1,"items":35,"pages_flushed":11,"pending_flushes":0,"rows_flushed":72,"rows_waiting":0,"run_items":35}',3649,'old-host','2026-11-30T01:46:01.514000Z',0,0);
CREATE TABLE crawl_schema (
    version    INTEGER PRIMARY KEY,
    applied_at TEXT    NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%f000Z', 'now'))
) STRICT;
INSERT INTO "crawl_schema" VALUES(5,'2026-11-30T01:46:01.482000Z');
CREATE UNIQUE INDEX crawl_runs_unfinished
    ON crawl_runs (name) WHERE state IN ('running', 'stopped');
CREATE INDEX crawl_requests_frontier
    ON crawl_requests (run_id, host, priority DESC, depth, fingerprint) WHERE state = 'queued';
CREATE INDEX crawl_requests_not_done ON crawl_requests (run_id, state, fingerprint)
    WHERE state = 'failed' OR state = 'skipped' OR state = 'dead';
CREATE UNIQUE INDEX crawl_items_key ON crawl_items (spider, item_type, item_key);
CREATE INDEX crawl_items_run ON crawl_items (run_id, item_type);
CREATE INDEX crawl_dead_letters_page ON crawl_dead_letters (run_id, fingerprint);
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('crawl_runs',1);
COMMIT;
