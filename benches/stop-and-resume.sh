#!/usr/bin/env bash
# Measures how long a crawl under load takes to end after SIGTERM, and how long its resume takes until the first page.
# Prints median and maximum, on Postgres and on SQLite. The same run is stopped and resumed again and again.
#
#   benches/stop-and-resume.sh postgres://USER@HOST/EMPTY_DATABASE [TIMES] [SECONDS to crawl each time]
#
# Needs nginx and the built program (DRAGLINE, default target/release/dragline).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

postgres=${1:?the URL of an empty database}
times=${2:-50}
crawls=${3:-1.5}
program=${DRAGLINE:-target/release/dragline}
port=8603
work=$(mktemp -d)
trap 'kill "$(cat "$work/pid" 2>/dev/null)" 2>/dev/null || true; rm -rf "$work"' EXIT

# An endless tree: every page has ten links to other pages.
links=$(for n in 0 1 2 3 4 5 6 7 8 9; do printf '<a href=$uri/%s>%s</a> ' "$n" "$n"; done)
cat >"$work/nginx.conf" <<CONF
worker_processes 1; pid $work/pid; error_log $work/error;
events { worker_connections 4096; }
http {
    log_format moment '\$msec \$request_uri'; access_log $work/access moment; default_type text/html;
    server { listen $port; location = /robots.txt { return 404; }
        location / { return 200 "<title>t</title><h1>\$uri</h1>$links"; } }
}
CONF
nginx -c "$work/nginx.conf" 2>/dev/null

first_page() { awk '$2 != "/robots.txt" { print $1; exit }' "$work/access"; }
elapsed() { awk -v from="$1" -v to="$2" 'BEGIN { printf "%.3f\n", to - from }'; }
show() {
    sort -n "$2" | awk -v what="$1" '{ all[NR] = $1 }
        END { printf "  %-34s median %.2f s   maximum %.2f s   (%d)\n", what, all[int((NR + 1) / 2)], all[NR], NR }'
}

for store in "$postgres" "sqlite:$work/crawl.db"; do
    : >"$work/stops"
    : >"$work/starts"
    for ((n = 0; n <= times; n++)); do
        : >"$work/access"
        began=$EPOCHREALTIME
        "$program" crawl site --start-url "http://127.0.0.1:$port/t" --store "$store" --run stop-and-resume \
            --rate 0 --host-concurrency 32 --max-pages-per-pattern 0 --log warn >"$work/report" 2>"$work/log" &
        pid=$!
        for ((wait = 0; wait < 1000; wait++)); do
            [[ -z $(first_page) ]] || break
            sleep 0.02
        done
        # Skip the first start, because it isn't a resume.
        ((n == 0)) || elapsed "$began" "$(first_page)" >>"$work/starts"
        sleep "$crawls"
        stopped=$EPOCHREALTIME
        kill -TERM $pid
        code=0
        wait $pid || code=$?
        ended=$EPOCHREALTIME
        [[ $code == 75 ]] || { echo "exit $code instead of 75" >&2; cat "$work/log" "$work/report" >&2; exit 1; }
        ((n == 0)) || elapsed "$stopped" "$ended" >>"$work/stops"
    done
    echo "${store%%:*}, $(awk '/^pages/ { print $3 + 0 }' "$work/report") pages done in the end"
    show "from SIGTERM to the exit" "$work/stops"
    show "from the start to the first page" "$work/starts"
done
