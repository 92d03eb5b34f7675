#!/usr/bin/env bash
# Builds the image and checks in it what the Dockerfile promises: a crawl into both stores, every state of health, stop and
# resume, as process 1, as nobody in particular, on a root file system that cannot be written to.
#
#   tests/image.sh             builds, then checks
#   tests/image.sh --no-build  checks the image as it was built last
#
# With Docker where its engine answers, else with a tool that has `build`, `run` and `health` (named by BUILD_IMAGE; as root).
# Needs python3 for the site and PostgreSQL's programs for the second store. No part of ./test: a build takes minutes.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

tag=dragline
pages=120
tool=${BUILD_IMAGE:-../shared/tools/build-image}
work=$(mktemp -d)
chmod 755 "$work"

say() { printf '%s\n' "image: $*" >&2; }
fail() {
    say "FAILED: $*"
    for name in "$work"/*.log; do [[ ! -s $name ]] || { say "$name"; cat "$name" >&2; }; done
    exit 1
}
pause() { read -rt "$1" <> <(:) || true; }

# Ends what was started here, and only that.
cleanup() {
    local name
    for name in ${begun[@]+"${begun[@]}"}; do end "$name" >/dev/null 2>&1 || true; done
    [[ -z ${site_pid:-} ]] || kill "$site_pid" 2>/dev/null || true
    [[ ! -d $work/pg ]] || as_server "$pg_bin/pg_ctl" -D "$work/pg" -m immediate stop >/dev/null 2>&1 || true
    rm -rf "$work"
}
begun=()
trap cleanup EXIT

# --- the engine: Docker, or the tool ---------------------------------------------------------------------------------
#
# run IMAGE ENV=VALUE… -- SHELL-SCRIPT    a script in a container, to its end
# health ENV=VALUE…                       the image's HEALTHCHECK, beside a container on the same network
# begin NAME ENV=VALUE… -- ARGUMENTS…     the image as people start it, in the background, read-only
# tell NAME SIGNAL · await NAME (its exit code is in `code`) · inside NAME SHELL-SCRIPT · end NAME

if docker info >/dev/null 2>&1; then
    build() { docker build -t "$tag" --build-arg REVISION="$revision" . >&2 && docker image inspect -f '{{json .Config}}' "$tag"; }
    run() {
        local image=$1 env=(); shift
        while [[ $1 != -- ]]; do env+=(-e "$1"); shift; done
        docker run --rm --network host --read-only --tmpfs /tmp ${env[@]+"${env[@]}"} --entrypoint sh "$image" -c "$2"
    }
    health() {
        local pair env=()
        for pair in "$@"; do env+=(-e "$pair"); done
        docker run --rm --network host ${env[@]+"${env[@]}"} --entrypoint dragline-healthcheck "$tag"
    }
    begin() {
        local name=$1 env=(); shift
        while [[ $1 != -- ]]; do env+=(-e "$1"); shift; done; shift
        docker run -d --name "dragline-test-$name" --network host --read-only --tmpfs /tmp --cap-drop ALL \
            --security-opt no-new-privileges "${env[@]}" "$tag" "$@" >/dev/null
        begun+=("$name")
    }
    tell() { docker kill --signal "$2" "dragline-test-$1" >/dev/null; }
    await() {
        code=$(docker wait "dragline-test-$1")
        docker logs "dragline-test-$1" >"$work/$1.out" 2>"$work/$1.log"
    }
    inside() { docker exec "dragline-test-$1" sh -c "$2"; }
    end() { docker rm -f "dragline-test-$1"; }
elif [[ -x $tool ]]; then
    # The configuration is the last JSON object that the build prints.
    build() { "$tool" build Dockerfile . "$tag" | tee /dev/stderr | awk '/^\{$/ { text = "" } { text = text $0 } END { print text }'; }
    run() {
        local image=$1 env=(); shift
        while [[ $1 != -- ]]; do env+=("$1"); shift; done
        "$tool" run "$image" ${env[@]+"${env[@]}"} -- sh -c "$2"
    }
    health() { "$tool" health "$tag" "$@"; }
    # The tool's containers share the machine's processes and may write anywhere. So the image is unpacked, and run as an
    # engine would: its own process table, a root file system that is read-only, its user without any privilege.
    unpack() {
        [[ ! -d $work/root ]] || return 0
        mkdir "$work/root"
        # What its user may not read stays behind.
        "$tool" run "$tag" -- sh -c 'tar -C / -cf - --exclude=./proc --exclude=./sys --exclude=./dev --exclude=./run --exclude=./tmp . || true' \
            2>/dev/null | tar -C "$work/root" -xf -
        mkdir -p "$work/root"/{proc,dev,tmp,run,sys}
        run "$tag" -- env | grep -E '^(PATH|DRAGLINE_[A-Z_]*)=' >"$work/env"
    }
    declare -A pids
    begin() {
        local name=$1 env=(); shift
        unpack
        mapfile -t env <"$work/env"
        while [[ $1 != -- ]]; do env+=("$1"); shift; done; shift
        # shellcheck disable=SC2016 # it is for that shell
        unshare --pid --mount --fork --kill-child sh -euc '
            root=$1; shift
            mount --bind "$root" "$root"; mount -o remount,bind,ro "$root"
            mount -t proc proc "$root/proc"; mount --rbind /dev "$root/dev"
            mount -t tmpfs -o mode=1777 tmpfs "$root/tmp"
            mount -t tmpfs -o uid=10001,gid=10001 tmpfs "$root/var/lib/dragline"
            exec chroot --userspec=10001:10001 --groups= "$root" sh -c "cd /var/lib/dragline && exec \"\$@\"" sh "$@"
        ' sh "$work/root" env -i "${env[@]}" dragline "$@" >"$work/$name.out" 2>"$work/$name.log" &
        pids[$name]=$!
        begun+=("$name")
    }
    first() { cat "/proc/${pids[$1]}/task/${pids[$1]}/children"; }
    tell() { kill "-$2" $(first "$1"); }
    await() { code=0; wait "${pids[$1]}" || code=$?; }
    inside() { nsenter --target "$(first "$1" | tr -d ' ')" --pid --mount --root --wd=/ sh -c "$2"; }
    end() { kill -KILL "${pids[$1]}"; }
else
    fail "neither a Docker engine nor $tool"
fi

if [[ ${1:-} != --no-build ]]; then
    say "building"
    revision=$(git rev-parse HEAD 2>/dev/null || echo unknown)
    config=$(build)
    grep -q '"User": *"10001:10001"' <<<"$config" || fail "the user is not a number: $config"
    grep -q '"StopSignal": *"SIGTERM"' <<<"$config" || fail "no STOPSIGNAL: $config"
    grep -qE '"Entrypoint": *\[ *"dragline" *\]' <<<"$config" || fail "the entry point is not in exec form: $config"
    grep -q '"Healthcheck"' <<<"$config" || fail "no HEALTHCHECK: $config"
    for label in title description version revision licenses; do
        grep -q "\"org.opencontainers.image.$label\": *\"[^\"]" <<<"$config" || fail "no label $label: $config"
    done
    # What is not one of these could be a secret, and would be in every copy of the image.
    python3 - "$config" <<'PY' || fail "the image's environment has more than it should: $config"
import json, sys
names = {pair.split("=")[0] for pair in json.loads(sys.argv[1])["Env"]}
sys.exit(any(name != "PATH" and not name.startswith("DRAGLINE_") for name in names))
PY
fi

size() { run "$1" -- 'du -smx --exclude=/proc --exclude=/sys --exclude=/dev --exclude=/run / 2>/dev/null | cut -f1 || true'; }
added=$(($(size "$tag") - $(size docker.io/library/debian:bookworm-slim)))
((added < 60)) || fail "the image is $added MB larger than its base"
say "ok: $added MB beside its base"

own=$(run "$tag" -- 'find /usr/local /usr/share/doc/dragline /var/lib/dragline /home /opt /srv /src -type f 2>/dev/null | sort | tr "\n" " "')
[[ $own == "/usr/local/bin/dragline /usr/local/bin/dragline-healthcheck /usr/share/doc/dragline/LICENSE-APACHE /usr/share/doc/dragline/LICENSE-MIT " ]] \
    || fail "more or less in it than was put there: $own"
say "ok: nothing in it but the program, its health check, its licences"

# --- a site and a Postgres on loopback -------------------------------------------------------------------------------

mkdir "$work/site"
for ((page = 0; page < pages; page++)); do
    printf '<!doctype html><title>Page %d</title><a href=%d.html>next</a> <a href=%d.html>jump</a>' \
        "$page" $(((page + 1) % pages)) $(((page * 2) % pages)) >"$work/site/$page.html"
done
# It stalls while there is a file named `stall`.
python3 -u - "$work/site" "$work/stall" >"$work/port" 2>/dev/null <<'PY' &
import functools, http.server, os, sys, time
class Handler(http.server.SimpleHTTPRequestHandler):
    def do_GET(self):
        while os.path.exists(sys.argv[2]):
            time.sleep(0.05)
        super().do_GET()
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler, directory=sys.argv[1]))
print(server.server_address[1])
server.serve_forever()
PY
site_pid=$!

pg_bin=$(dirname "$(readlink -f "$(command -v postgres || ls /usr/lib/postgresql/*/bin/postgres)")")
as_server() { if [[ $EUID == 0 ]]; then runuser -u postgres -- "$@"; else "$@"; fi; }
free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
pg_port=$(free_port)
mkdir "$work/pg" && printf 'secret' >"$work/password"
[[ $EUID != 0 ]] || chown postgres "$work/pg"
as_server "$pg_bin/initdb" -D "$work/pg" -U dragline -A scram-sha-256 --pwfile="$work/password" >/dev/null
pg() { as_server "$pg_bin/pg_ctl" -D "$work/pg" -w -o "-p $pg_port -h 127.0.0.1 -k ''" -l "$work/pg/server.log" "$@" >/dev/null; }
pg start
postgres=postgres://dragline:secret@127.0.0.1:$pg_port/postgres
sql() { PGPASSWORD=secret "$pg_bin/psql" -h 127.0.0.1 -p "$pg_port" -U dragline -d postgres -Atc "$1"; }
for ((try = 0; try < 50; try++)); do [[ -s $work/port ]] && break; pause 0.1; done
url=http://127.0.0.1:$(<"$work/port")/0.html

# --- what is checked: every state, on Postgres -----------------------------------------------------------------------

run "$tag" -- dragline\ list >/dev/null || fail "dragline list"
say "ok: dragline list"
line=$(health) && fail "the image's HEALTHCHECK is content without a crawl"
say "ok: unhealthy without a crawl: $line"

http_port=$(free_port)
# What an endpoint answers: its status, and the state that it tells.
probe() {
    python3 - "http://127.0.0.1:$http_port$1" <<'PY'
import json, sys, urllib.error, urllib.request
try:
    try:
        answer = urllib.request.urlopen(sys.argv[1], timeout=5)
    except urllib.error.HTTPError as error:
        answer = error
    print(answer.status, json.load(answer)["status"])
except OSError:
    print("nobody")
PY
}
# Waits until the endpoints tell a state, with these statuses for health and readiness.
is() { # STATE HEALTH READY
    local told until=$((SECONDS + 25))
    while told=$(probe /health); [[ $told != "$2 $1" ]] && ((SECONDS < until)); do pause 0.05; done
    [[ $told == "$2 $1" && $(probe /ready) == "$3 $1" ]] || fail "not $1 ($2, $3): $told, $(probe /ready)"
}
# What the HEALTHCHECK makes of it.
well() { line=$(health "PORT=$http_port") || fail "unhealthy while $1: $line"; [[ $line == *" is $1: "* ]] || fail "$line"; say "ok: $line"; }
unwell() { line=$(health "PORT=$http_port") && fail "healthy though $1: $line"; say "ok: $1: $line"; }
crawl=(crawl site --run image --start-url "$url" --host-concurrency 4 --rate 0 --flush-interval 200ms)

# The image crawls the site of this test only if a flag allows it.
nearby=DRAGLINE_DENY_PRIVATE_NETWORKS=false
run "$tag" "PORT=$http_port" DATABASE_URL=sqlite:/tmp/denied.db -- "dragline crawl site --start-url $url" >"$work/denied.out" 2>"$work/denied.log" \
    && fail "it crawls its own machine"
say "ok: private networks are not reached"

mute_port=$(free_port)
# The port is taken and nobody answers: as a database that hangs when the crawl starts.
python3 -c '
import socket, sys, time
s = socket.socket(); s.bind(("127.0.0.1", int(sys.argv[1]))); s.listen(); time.sleep(60)' "$mute_port" &
mute_pid=$!
begin starting "PORT=$http_port" "DATABASE_URL=postgres://me@127.0.0.1:$mute_port/db" -- "${crawl[@]}"
is starting 200 503
well starting
tell starting TERM
await starting
[[ $code == 75 ]] || fail "SIGTERM while it starts gave $code"
kill "$mute_pid"

begin first "PORT=$http_port" "DATABASE_URL=$postgres" "$nearby" -- "${crawl[@]}"
for ((try = 0; try < 200; try++)); do [[ $(sql "select count(*) from crawl_requests where state = 'done'" 2>/dev/null) -gt 5 ]] && break; pause 0.02; done
touch "$work/stall"
is running 200 200
well running
[[ $(inside first 'tr "\0" " " </proc/1/cmdline') == "dragline crawl site "* ]] || fail "dragline is not process 1"
[[ $(inside first 'grep ^Uid: /proc/1/status') == *10001* ]] || fail "it does not run as user 10001"
inside first '(: >/usr/local/bin/written) 2>/dev/null' && fail "the root file system can be written to"
inside first 'sleep 0.2 & sleep 0.4 &'
for ((try = 0; try < 100; try++)); do
    # shellcheck disable=SC2016
    left=$(inside first 'for it in /proc/[0-9]*/comm; do read -r name <"$it" && [ "$name" = sleep ] && echo "$it"; done; true')
    [[ -n $left ]] || break
    pause 0.1
done
[[ -z $left ]] || fail "orphans are not reaped: $left"
say "ok: process 1, user 10001, a read-only root, orphans are reaped"

pg stop -m immediate
is degraded 200 200
well degraded
pg start
is running 200 200

tell first STOP
unwell "it hangs as a whole"
tell first CONT
is running 200 200

began=$(date +%s%N)
tell first TERM
is stopping 200 503
await first
[[ $code == 75 ]] || fail "SIGTERM gave $code"
took=$((($(date +%s%N) - began) / 1000000))
((took < 10000)) || fail "the stop took $took ms"
unwell "it has ended"
[[ $(sql "select count(*) from pg_stat_activity where backend_type = 'client backend' and pid <> pg_backend_pid()") == 0 ]] || fail "sessions are left behind"
[[ $(sql 'select state from crawl_runs') == stopped ]] || fail "the run is not stopped"
say "ok: stopped with 75 in $took ms, no session left"

rm "$work/stall"
begin second "PORT=$http_port" "DATABASE_URL=$postgres" "$nearby" -- "${crawl[@]}"
await second
[[ $code == 0 ]] || fail "the resume gave $code"
grep -q resuming "$work/second.log" || fail "it did not resume"
rows=$(sql "select count(*) from crawl_items where item_type = 'page'")
[[ $rows == "$pages" && $(sql 'select state from crawl_runs') == finished ]] || fail "$rows rows instead of $pages"
say "ok: resumed to its end, $pages pages"

# --- what is checked: by the file, on SQLite -------------------------------------------------------------------------

# shellcheck disable=SC2016 # it is for the shell in the container
scenario='
set -u
fail() { echo "FAILED: $*" >&2; cat log* >&2; exit 1; }
try() { n=0; while ! "$@"; do n=$((n + 1)); [ "$n" -lt 100 ] || return 1; sleep 0.1; done; }
cd "$(mktemp -d)"
[ -s /etc/ssl/certs/ca-certificates.crt ] || fail "no certificates"
# It does not listen where the health check asks, so that its file must tell.
crawl() { exec dragline crawl site --run check --start-url "$SITE" --host-concurrency 8 --listen 127.0.0.1:0 "$@"; }

dragline fetch "$SITE" >out0 2>&1 && fail "the image reaches loopback"
grep -q "forbids private networks" out0 || fail "no reason: $(cat out0)"
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
run "$tag" "PORT=$(free_port)" "SITE=$url" "PAGES=$pages" DATABASE_URL=sqlite:/var/lib/dragline/check.db -- "$scenario" || fail "SQLite"
say "ok: SQLite: by its file healthy, hanging, stopped with 75, resumed, $pages pages"
