#!/usr/bin/env bash
# Tests a frontier larger than memory. Fills a run with queued requests, resumes it, and prints the time to the first
# fetch and the peak resident memory.
#
#   benches/large-frontier.sh postgres://USER@HOST/EMPTY_DATABASE [REQUESTS] [HOSTS, at most 1000]
#
# Needs psql, nginx, and the built program (DRAGLINE, default target/release/dragline).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

store=${1:?the URL of an empty database}
requests=${2:-10000000}
hosts=${3:-1000}
program=${DRAGLINE:-target/release/dragline}
port=8602
work=$(mktemp -d)
trap 'kill "$(cat "$work/pid" 2>/dev/null)" 2>/dev/null || true; rm -rf "$work"' EXIT

cat >"$work/nginx.conf" <<CONF
worker_processes 1; pid $work/pid; error_log $work/error;
events { worker_connections 4096; }
http {
    log_format moment '\$msec \$request_uri'; access_log $work/access moment; default_type text/html;
    server { listen $port; location = /robots.txt { return 404; } location / { return 200 "<title>t</title>"; } }
}
CONF
nginx -c "$work/nginx.conf" 2>/dev/null

crawl=("$program" crawl site --start-url "http://127.1.0.1:$port/" --store "$store" --rate 0 --host-concurrency 8
    --concurrency 128 --log warn)
"${crawl[@]}" --limit 1 >/dev/null
psql -q "$store" <<SQL
SET maintenance_work_mem = '1GB';
UPDATE crawl_runs SET state = 'stopped', finished_at = NULL, stop_reason = 'filled' WHERE run_id = 1;
INSERT INTO crawl_requests (run_id, fingerprint, url, method, headers, tag, meta, priority, depth, host, redirects, dont_filter)
SELECT 1, decode(md5(n::text), 'hex'), 'http://' || host || '/page/' || n, 'GET', '[]', '', '{}', 0, 1, host, '[]', false
FROM generate_series(1, $requests) n,
     LATERAL (SELECT '127.1.' || (n % $hosts) / 250 || '.' || 1 + n % 250 || ':$port') h (host);
SQL

: >"$work/access"
began=$(date +%s.%N)
"${crawl[@]}" --max-duration 30s >"$work/report" &
pid=$!
while kill -0 $pid 2>/dev/null; do
    peak=$(awk '/VmHWM/ { print $2 }' "/proc/$pid/status" 2>/dev/null || true)
    [[ -z $peak ]] || last=$peak
    sleep 0.2
done
wait $pid || true
cat "$work/report"
awk -v began="$began" 'NR == 1 { printf "first fetch   %.1f s after the start\n", $1 - began }' "$work/access"
printf 'peak memory   %d MiB\n' $((last / 1024))
