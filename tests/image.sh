#!/usr/bin/env bash
# Builds the image and checks in it what the Dockerfile promises: a crawl into both stores, health, stop and resume.
#
#   tests/image.sh             builds, then checks
#   tests/image.sh --no-build  checks the image as it was built last
#
# With Docker where its engine answers, else with a tool that has `build`, `run` and `health` (named by BUILD_IMAGE). Needs
# python3 for the site and PostgreSQL's programs for the second store. No part of ./test: a build takes minutes.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

tag=dragline
pages=120
tool=${BUILD_IMAGE:-../shared/tools/build-image}
work=$(mktemp -d)
chmod 755 "$work"

say() { printf '%s\n' "image: $*" >&2; }
fail() { say "FAILED: $*"; exit 1; }

# Ends what was started here, and only that.
cleanup() {
    [[ -z ${site_pid:-} ]] || kill "$site_pid" 2>/dev/null || true
    [[ ! -d $work/pg ]] || as_server "$pg_bin/pg_ctl" -D "$work/pg" -m immediate stop >/dev/null 2>&1 || true
    rm -rf "$work"
}
trap cleanup EXIT

# --- the engine: Docker, or the tool ---------------------------------------------------------------------------------

if docker info >/dev/null 2>&1; then
    build() { docker build -t "$tag" . >&2 && docker image inspect -f '{{json .Config}}' "$tag"; }
    run() { # IMAGE ENV=VALUE… -- SHELL-SCRIPT
        local image=$1 env=(); shift
        while [[ $1 != -- ]]; do env+=(-e "$1"); shift; done
        docker run --rm --network host --read-only --tmpfs /tmp ${env[@]+"${env[@]}"} --entrypoint sh "$image" -c "$2"
    }
    health() { docker run --rm --network host --entrypoint dragline-healthcheck "$tag"; }
elif [[ -x $tool ]]; then
    # The configuration is the last JSON object that the build prints.
    build() { "$tool" build Dockerfile . "$tag" | tee /dev/stderr | awk '/^\{$/ { text = "" } { text = text $0 } END { print text }'; }
    run() {
        local image=$1 env=(); shift
        while [[ $1 != -- ]]; do env+=("$1"); shift; done
        "$tool" run "$image" ${env[@]+"${env[@]}"} -- sh -c "$2"
    }
    health() { "$tool" health "$tag"; }
else
    fail "neither a Docker engine nor $tool"
fi

if [[ ${1:-} != --no-build ]]; then
    say "building"
    config=$(build)
    grep -q '"User": *"10001:10001"' <<<"$config" || fail "the user is not a number: $config"
    grep -q '"StopSignal": *"SIGTERM"' <<<"$config" || fail "no STOPSIGNAL: $config"
    grep -qE '"Entrypoint": *\[ *"dragline" *\]' <<<"$config" || fail "the entry point is not in exec form: $config"
    grep -q '"Healthcheck"' <<<"$config" || fail "no HEALTHCHECK: $config"
fi

size() { run "$1" -- 'du -smx --exclude=/proc --exclude=/sys --exclude=/dev --exclude=/run / 2>/dev/null | cut -f1 || true'; }
added=$(($(size "$tag") - $(size docker.io/library/debian:bookworm-slim)))
((added < 60)) || fail "the image is $added MB larger than its base"
say "ok: $added MB beside its base"

# --- a site and a Postgres on loopback -------------------------------------------------------------------------------

mkdir "$work/site"
for ((page = 0; page < pages; page++)); do
    printf '<!doctype html><title>Page %d</title><a href=%d.html>next</a> <a href=%d.html>jump</a>' \
        "$page" $(((page + 1) % pages)) $(((page * 2) % pages)) >"$work/site/$page.html"
done
python3 -u - "$work/site" >"$work/port" 2>/dev/null <<'PY' &
import functools, http.server, sys
handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=sys.argv[1])
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
print(server.server_address[1])
server.serve_forever()
PY
site_pid=$!

pg_bin=$(dirname "$(readlink -f "$(command -v postgres || ls /usr/lib/postgresql/*/bin/postgres)")")
as_server() { if [[ $EUID == 0 ]]; then runuser -u postgres -- "$@"; else "$@"; fi; }
pg_port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
mkdir "$work/pg" && printf 'secret' >"$work/password"
[[ $EUID != 0 ]] || chown postgres "$work/pg"
as_server "$pg_bin/initdb" -D "$work/pg" -U dragline -A scram-sha-256 --pwfile="$work/password" >/dev/null
as_server "$pg_bin/pg_ctl" -D "$work/pg" -w -o "-p $pg_port -h 127.0.0.1 -k ''" -l "$work/pg/log" start >/dev/null
postgres=postgres://dragline:secret@127.0.0.1:$pg_port/postgres
for ((try = 0; try < 50; try++)); do [[ -s $work/port ]] && break; read -rt 0.1 <> <(:) || true; done
url=http://127.0.0.1:$(<"$work/port")/0.html

# --- what is checked -------------------------------------------------------------------------------------------------

# shellcheck disable=SC2016 # it is for the shell in the container
# In the container, for each store: a crawl that is healthy, hangs, goes on, is stopped with 75, and is resumed to its end.
scenario='
set -u
fail() { echo "FAILED: $*" >&2; cat log* >&2; exit 1; }
try() { n=0; while ! "$@"; do n=$((n + 1)); [ "$n" -lt 100 ] || return 1; sleep 0.1; done; }
cd "$(mktemp -d)"
[ "$(id -u)" = 10001 ] || fail "runs as $(id -u)"
[ -s /etc/ssl/certs/ca-certificates.crt ] || fail "no certificates"
crawl() { exec dragline crawl site --run check --start-url "$SITE" --host-concurrency 8 "$@"; }

dragline fetch "$SITE" >out0 2>&1 && fail "the image reaches loopback"
grep -q "private networks are not to be reached" out0 || fail "no reason: $(cat out0)"
export DRAGLINE_DENY_PRIVATE_NETWORKS=false

line=$(dragline-healthcheck) && fail "healthy without a crawl: $line"
[ "$(echo "$line" | wc -l)" = 1 ] || fail "more than a line: $line"

(crawl --rate 10) >out1 2>log1 & pid=$!
try dragline-healthcheck >/dev/null || fail "not healthy while crawling: $(dragline-healthcheck)"
sleep 2
kill -STOP "$pid"
touch -d "2 minutes ago" "$DRAGLINE_HEARTBEAT_FILE"
dragline-healthcheck && fail "healthy though it hangs"
kill -CONT "$pid"
try dragline-healthcheck >/dev/null || fail "not healthy again: $(dragline-healthcheck)"
kill -TERM "$pid"; began=$(date +%s); wait "$pid"; code=$?
[ "$code" = 75 ] || fail "SIGTERM gave $code"
[ $(($(date +%s) - began)) -lt 10 ] || fail "the stop took too long"
dragline-healthcheck && fail "healthy after the end"

(crawl --rate 0) >out2 2>log2 || fail "the resume gave $?"
rows=$(dragline export check --item page 2>log3 | wc -l)
[ "$rows" = "$PAGES" ] || fail "$rows rows instead of $PAGES"
grep "^pages" out1 out2
'
run "$tag" -- dragline\ list >/dev/null || fail "dragline list"
say "ok: dragline list"
for store in sqlite:/var/lib/dragline/check.db "$postgres"; do
    run "$tag" "SITE=$url" "PAGES=$pages" "DATABASE_URL=$store" -- "$scenario" || fail "${store%%:*}"
    say "ok: ${store%%:*}: healthy, hanging, stopped with 75, resumed, $pages pages"
done
line=$(health) && fail "the image's HEALTHCHECK is content without a crawl"
say "ok: unhealthy without a crawl: $line"
