#!/usr/bin/env bash
# Runs every query of the dashboard and of the alerts during a real crawl. A real Prometheus scrapes the crawl, and a real
# node exporter reads the files of earlier runs. Each query of the dashboard must return data, and each rule must evaluate. A
# healthy crawl must raise no alert. A killed crawl and a crawl with few items must each raise their alert.
#
#   tests/dashboards.sh [BINARY]     without one, `cargo build` makes it
#
# Needs Debian's prometheus, prometheus-node-exporter, curl and jq, and PostgreSQL's programs. No part of ./test: it takes a minute.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# Until everything has answered: rates want some scrapes.
patience=90
work=$(mktemp -d)
chmod 755 "$work"
started=()

say() { printf '%s\n' "dashboards: $*" >&2; }
fail() { say "FAILED: $*"; exit 1; }

# Ends what was started here, and only that.
cleanup() {
    ((${#started[@]} == 0)) || kill -KILL "${started[@]}" 2>/dev/null || true
    [[ ! -d $work/pg ]] || as_server "$pg_bin/pg_ctl" -D "$work/pg" -m immediate stop >/dev/null 2>&1 || true
    rm -rf "$work"
}
trap cleanup EXIT

missing=()
for program in prometheus promtool prometheus-node-exporter curl jq; do
    command -v "$program" >/dev/null || missing+=("$program")
done
((${#missing[@]} == 0)) || fail "missing: ${missing[*]} (Debian: apt-get install prometheus prometheus-node-exporter curl jq)"

dragline=${1:-}
if [[ -z $dragline ]]; then
    cargo build --locked --bin dragline >&2
    dragline=${CARGO_TARGET_DIR:-target}/debug/dragline
fi
dragline=$(readlink -f "$dragline")

# --- a Postgres, a site, an exporter and a Prometheus on loopback ----------------------------------------------------

# Waits for this number of seconds until a command succeeds.
try() { # SECONDS COMMAND…
    local until=$((SECONDS + $1)); shift
    until "$@"; do
        ((SECONDS < until)) || return 1
        read -rt 0.2 <> <(:) || true
    done
}

port_from=20000
free_port() {
    while ! { ((port_from++)); ! (: <"/dev/tcp/127.0.0.1/$port_from"); } 2>/dev/null; do :; done
    port=$port_from
}

pg_bin=$(dirname "$(readlink -f "$(command -v postgres || ls /usr/lib/postgresql/*/bin/postgres)")")
as_server() { if [[ $EUID == 0 ]]; then runuser -u postgres -- "$@"; else "$@"; fi; }
mkdir "$work/pg"
[[ $EUID != 0 ]] || chown postgres "$work/pg"
free_port; pg_port=$port
as_server "$pg_bin/initdb" -D "$work/pg" -U dragline -A trust >/dev/null
as_server "$pg_bin/pg_ctl" -D "$work/pg" -w -o "-p $pg_port -h 127.0.0.1 -k ''" -l "$work/pg/log" start >/dev/null
export DATABASE_URL=postgres://dragline@127.0.0.1:$pg_port/postgres

"$dragline" demo --serve >"$work/site" & started+=($!)
has_site() { grep -q '^serving ' "$work/site"; }
try 10 has_site || fail "the site does not come up"
url=$(sed -n 's/^serving \([^ ]*\) .*/\1/p' "$work/site")

mkdir "$work/left"
free_port; exporter=127.0.0.1:$port
prometheus-node-exporter --collector.disable-defaults --collector.textfile --collector.textfile.directory="$work/left" \
    --web.listen-address="$exporter" 2>"$work/exporter.log" & started+=($!)

free_port; crawler=127.0.0.1:$port
free_port; server=127.0.0.1:$port
cat >"$work/prometheus.yml" <<YAML
global: {scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s}
rule_files: ["$PWD/deploy/prometheus/alerts.yml"]
scrape_configs:
  - {job_name: dragline, static_configs: [{targets: ["$crawler", "$server"]}]}
  - {job_name: dragline-textfile, static_configs: [{targets: ["$exporter"]}]}
YAML
free_port; prometheus=127.0.0.1:$port
prometheus --config.file="$work/prometheus.yml" --storage.tsdb.path="$work/tsdb" --web.listen-address="$prometheus" \
    --log.level=warn 2>"$work/prometheus.log" & started+=($!)
is_up() { curl -fs "http://$prometheus/-/ready" >/dev/null; }
try 30 is_up || { cat "$work/prometheus.log" >&2; fail "Prometheus does not come up"; }

# --- two runs that have ended, and one that is at it -----------------------------------------------------------------

crawl=("$dragline" crawl site --start-url "$url" --run nightly --metrics-textfile "$work/left/nightly.prom")
for number in 1 2; do
    "${crawl[@]}" --rate 0 >/dev/null 2>"$work/log$number" || { cat "$work/log$number" >&2; fail "run $number"; }
done
slow() { "${crawl[@]}" --rate 2 --listen "$crawler" >/dev/null 2>"$work/log3" & slow=$!; started+=("$slow"); }
slow
# On a busy machine it may have ended before it is needed.
slow_again() { kill -0 "$slow" 2>/dev/null || slow; }

# A server with a schedule that is due every minute, in a store of its own.
mkdir "$work/serve"
cat >"$work/serve/dragline.toml" <<TOML
[schedule.often]
spider = "site"
cron = "* * * * *"
start_urls = ["$url"]
rate = 0.5
max_memory = "1GiB"
TOML
(cd "$work/serve" && exec "$dragline" serve --store sqlite:serve.db --listen "$server" >"$work/serve/log" 2>&1) & started+=($!)
is_serving() { curl -fs "http://$server/ready" >/dev/null; }
try 30 is_serving || { cat "$work/serve/log" >&2; fail "the server does not come up"; }

# How many series with a number a query gives; nothing when it cannot be read.
answers() { # QUERY
    curl -s "http://$prometheus/api/v1/query" --data-urlencode "query=$1" |
        jq -r 'if .status == "success" then [.data.result[] | select(.value[1] != "NaN")] | length else "error: " + .error end'
}

# Queries as Grafana would ask them, with all spiders and runs chosen.
jq -r '[.panels[] | .title as $panel | .targets[]? | .expr] + [.templating.list[] | select(.type == "query") | .definition] | unique | .[]' \
    deploy/grafana/dragline.json |
    sed -E 's/\$__rate_interval/10s/g; s/\$(spider|run)/.*/g; s/^label_values\((.*), ([a-z]+)\)$/count by (\2) (\1)/' >"$work/queries"
total=$(wc -l <"$work/queries")
((total > 50)) || fail "the dashboard has only $total queries"

all_answer() {
    : >"$work/silent"
    while IFS= read -r query; do
        count=$(answers "$query")
        case $count in
            error:*) fail "$query: $count" ;;
            0) printf '%s\n' "$query" >>"$work/silent" ;;
        esac
    done <"$work/queries"
    [[ ! -s $work/silent ]] || { slow_again; return 1; }
}
try "$patience" all_answer || { cat "$work/silent" >&2; fail "these queries of the dashboard have no data"; }
say "ok: $total queries of the dashboard answer"

rules() { curl -fs "http://$prometheus/api/v1/rules"; }
evaluated() { [[ $(rules | jq '[.data.groups[].rules[] | select(.health != "ok")] | length') == 0 ]]; }
try 20 evaluated || { rules | jq '.data.groups[].rules[] | select(.health != "ok") | {name, lastError}' >&2; fail "rules that do not evaluate"; }
say "ok: $(rules | jq '[.data.groups[].rules[]] | length') alerts evaluate"

firing() { curl -fs "http://$prometheus/api/v1/alerts" | jq -r '.data.alerts[] | select(.state == "firing") | .labels.alertname' | sort -u; }
[[ -z $(firing) ]] || fail "a crawl that is well raises $(firing)"
say "ok: a crawl that is well raises none"

slow_again
is_crawling() { curl -fs "http://$crawler/ready" >/dev/null; }
try 20 is_crawling || { cat "$work/log3" >&2; fail "the crawl does not begin"; }
kill -KILL "$slow"; wait "$slow" 2>/dev/null || true
slow
is_told() { [[ $(firing) == DraglineForcedEnd ]]; }
try 30 is_told || { cat "$work/log3" >&2; fail "a crawl that was killed raises: $(firing)"; }
say "ok: one that was killed raises DraglineForcedEnd"

# The killed run ends, and the next one of its name brings five items: as from a site that has changed.
kill -TERM "$slow" 2>/dev/null || true; wait "$slow" 2>/dev/null || true
for limit in 0 5; do
    "${crawl[@]}" --rate 0 --limit "$limit" >/dev/null 2>"$work/log4" || { cat "$work/log4" >&2; fail "a run with --limit $limit"; }
done
is_told() { [[ $(firing) == DraglineFewItems ]]; }
try 30 is_told || fail "a run with few items raises: $(firing)"
say "ok: a run that brings far less than the one before raises DraglineFewItems"
