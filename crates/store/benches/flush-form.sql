-- Two forms of a flush's steps 2 and 5, on batches of 500 pages of a run with 600,000 requests.
--
--   locked: as crates/store/src/postgres/flush.rs has it, with FOR UPDATE and an update by ctid
--   joined: the form that a distributed Postgres accepts: no row locks, and an update by join with unnest
--
-- $ createdb forms; psql forms -f schema.sql -f crates/store/benches/flush-form.sql
-- With `-v analyze=1` the statistics know the run. Without it they do not, as in the first minutes of a real crawl.
\set ON_ERROR_STOP on
SET client_min_messages=notice; SET jit=off; SET plan_cache_mode = force_custom_plan;
-- A finished run that ANALYZE has seen, and a run that began after it.
INSERT INTO crawl_requests (run_id, shard, fingerprint, url, method, headers, tag, meta, priority, depth, host, redirects, dont_filter, state)
SELECT 1, n % 1024, decode(md5('o'||n),'hex'), 'http://h/'||n, 'GET','[]','','{}',0,1,'h'||n%200||':80','[]',false,'done' FROM generate_series(1,20000) n;
ANALYZE crawl_requests;
INSERT INTO crawl_requests (run_id, shard, fingerprint, url, method, headers, tag, meta, priority, depth, host, redirects, dont_filter)
SELECT 2, n % 1024, decode(md5(n::text),'hex'), 'http://h/catalogue/department/'||n, 'GET','[]','','{}',0,1,'h'||n%200||':80','[]',false FROM generate_series(1,600000) n;
CHECKPOINT;
CREATE PROCEDURE locked(sh smallint[], fp bytea[]) LANGUAGE plpgsql AS $$
DECLARE k int; BEGIN
 EXECUTE 'SELECT count(*) FROM (SELECT page.fingerprint, page.state FROM unnest($2::smallint[], $3::bytea[]) AS batch (shard, fingerprint) CROSS JOIN LATERAL (SELECT fingerprint, state FROM crawl_requests WHERE run_id = $1 AND shard = batch.shard AND fingerprint = batch.fingerprint FOR UPDATE) page) x' INTO k USING 2::bigint, sh, fp;
 IF k <> cardinality(fp) THEN RAISE 'lost'; END IF;
 EXECUTE 'UPDATE crawl_requests page SET state = new.state, attempts = 1, status = 200, reason = NULL, error = NULL, done_at = now() FROM unnest($2::smallint[], $3::bytea[], $4::text[]) AS new (shard, fingerprint, state) CROSS JOIN LATERAL (SELECT ctid AS place FROM crawl_requests WHERE run_id = $1 AND shard = new.shard AND fingerprint = new.fingerprint OFFSET 0) locked WHERE page.ctid = locked.place' USING 2::bigint, sh, fp, array_fill('done'::text, ARRAY[cardinality(fp)]);
 GET DIAGNOSTICS k = ROW_COUNT; IF k <> cardinality(fp) THEN RAISE 'lost'; END IF;
END $$;
CREATE PROCEDURE joined(sh smallint[], fp bytea[]) LANGUAGE plpgsql AS $$
DECLARE k int; BEGIN
 SET LOCAL enable_seqscan=off; SET LOCAL enable_hashjoin=off; SET LOCAL enable_mergejoin=off;
 EXECUTE 'SELECT count(*) FROM (SELECT page.fingerprint, page.state FROM (SELECT $1::bigint AS run_id, shard, fingerprint FROM unnest($2::smallint[], $3::bytea[]) AS batch (shard, fingerprint) OFFSET 0) batch JOIN crawl_requests page USING (run_id, shard, fingerprint)) x' INTO k USING 2::bigint, sh, fp;
 IF k <> cardinality(fp) THEN RAISE 'lost'; END IF;
 EXECUTE 'UPDATE crawl_requests page SET state = new.state, attempts = 1, status = 200, reason = NULL, error = NULL, done_at = now() FROM (SELECT $1::bigint AS run_id, * FROM unnest($2::smallint[], $3::bytea[], $4::text[]) AS new (shard, fingerprint, state) OFFSET 0) new WHERE page.run_id = new.run_id AND page.shard = new.shard AND page.fingerprint = new.fingerprint AND page.state = ''queued''' USING 2::bigint, sh, fp, array_fill('done'::text, ARRAY[cardinality(fp)]);
 GET DIAGNOSTICS k = ROW_COUNT; IF k <> cardinality(fp) THEN RAISE 'lost'; END IF;
END $$;
CREATE TABLE timing (form text, round int, ms float8);
CREATE PROCEDURE round(r int, form text) LANGUAGE plpgsql AS $$
DECLARE sh smallint[]; fp bytea[]; t timestamptz; total float8 := 0; b int; base int; BEGIN
 FOR b IN 0..9 LOOP
  base := r * 10000 + (CASE form WHEN 'locked' THEN 0 ELSE 5000 END) + b * 500;
  SELECT array_agg((n % 1024)::smallint ORDER BY decode(md5(n::text),'hex')), array_agg(decode(md5(n::text),'hex') ORDER BY decode(md5(n::text),'hex')) INTO sh, fp FROM generate_series(base+1, base + 500) n;
  t := clock_timestamp(); EXECUTE format('CALL %I($1,$2)', form) USING sh, fp; total := total + extract(epoch from clock_timestamp()-t)*1000; COMMIT;
 END LOOP;
 INSERT INTO timing VALUES (form, r, total/10); COMMIT;
END $$;

\if :{?analyze}
ANALYZE crawl_requests;
\endif
SET statement_timeout = '60s';
SELECT format('CALL round(%s, %L)', round, form)
FROM generate_series(1, 14) AS round
CROSS JOIN LATERAL (VALUES ('locked', 0), ('joined', 1)) AS forms (form, place)
ORDER BY round, (place + round) % 2 \gexec
SELECT form, count(*) AS rounds, percentile_cont(0.5) WITHIN GROUP (ORDER BY ms) AS median_ms FROM timing GROUP BY form;
SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY joined.ms / locked.ms) AS median_ratio
FROM timing joined JOIN timing locked USING (round) WHERE joined.form = 'joined' AND locked.form = 'locked';
