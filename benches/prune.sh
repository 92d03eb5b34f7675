#!/usr/bin/env bash
# Removes the requests of an ended run in three ways, and prints seconds, write-ahead log and sizes: `dragline runs prune`, one
# DELETE, and the drop of a partition.
#
#   benches/prune.sh postgres://SUPERUSER@HOST/EMPTY_DATABASE [REQUESTS]
#
# Needs psql, bc, and the built program (DRAGLINE, default target/release/dragline). A checkpoint comes before each measurement.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

store=${1:?the URL of an empty database}
requests=${2:-10000000}
program=${DRAGLINE:-target/release/dragline}
out=$(mktemp)
trap 'rm -f "$out"' EXIT

sql() { psql -v ON_ERROR_STOP=1 -qAt "$store" "$@"; }
size() { sql -c "SELECT pg_size_pretty(pg_table_size('crawl_requests')) || ', indexes ' || pg_size_pretty(pg_indexes_size('crawl_requests'))"; }

# LABEL COMMAND…
timed() {
    sql -c CHECKPOINT
    local before began
    before=$(sql -c 'SELECT pg_current_wal_insert_lsn()')
    began=$(date +%s.%N)
    "${@:2}" >"$out" 2>&1 || { cat "$out"; exit 1; }
    printf '%-24s %7.1f s, log %s\n' "$1" "$(echo "$(date +%s.%N) - $began" | bc)" \
        "$(sql -c "SELECT pg_size_pretty(pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '$before'))")"
}

# A site of 2,000 hosts whose pages are all done. The rows are not in the order of their fingerprints, as in a crawl.
fill() {
    sql -c "INSERT INTO $1 (run_id, shard, fingerprint, parent, url, method, headers, tag, meta, priority, depth, host,
                redirects, dont_filter, state, attempts, status, done_at)
            SELECT $2, (n % 2000) * 7 % 1024, decode(md5(n::text), 'hex'), decode(md5((n / 10)::text), 'hex'),
                'https://shop-' || n % 2000 || '.example/catalogue/products/item-' || n || '.html', 'GET', '[]', 'product',
                '{}', 0, 5, 'shop-' || n % 2000 || '.example:443', '[]', false, 'done', 1, 200, now()
            FROM generate_series(1, $requests) AS n"
}

ended_run() {
    sql -c "INSERT INTO crawl_runs (name, spider, state, stop_reason, finished_at, shards, shard_rule, figures)
            VALUES ('old', 'shop', 'finished', 'finished', now() - interval '100 days', 1024, 'sha256-host', '{}')
            RETURNING run_id"
}

sql -f schema.sql
sql -c 'SELECT version()'
for way in 'runs prune' 'one DELETE'; do
    run=$(ended_run)
    timed 'fill' fill crawl_requests "$run"
    sql -c 'VACUUM ANALYZE crawl_requests'
    echo "table $(size)"
    case $way in
        'runs prune') timed "$way" "$program" runs prune --older-than 90d --store "$store" ;;
        *) timed "$way" sql -c "DELETE FROM crawl_requests WHERE run_id = $run" ;;
    esac
    timed "VACUUM after $way" sql -c 'VACUUM crawl_requests'
    echo "table $(size)"
    sql -c 'TRUNCATE crawl_requests'
done
sql -c 'CREATE TABLE parted (LIKE crawl_requests INCLUDING ALL) PARTITION BY LIST (run_id)' \
    -c 'CREATE TABLE parted_1 PARTITION OF parted FOR VALUES IN (1)'
timed 'fill a partition' fill parted 1
timed 'drop the partition' sql -c 'DROP TABLE parted_1'
