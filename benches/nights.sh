#!/usr/bin/env bash
# How much a night writes whose site has not changed: bytes of write-ahead log per item, for a plain and an incremental crawl.
#
#   createdb nights && benches/nights.sh postgres://me@localhost/nights
#
# The database must be empty, and nobody else may write into the server meanwhile. Turn autovacuum off and set
# checkpoint_timeout to 1h, or their writes are counted too. Needs psql and python3.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
store=${1:?name an empty Postgres database}
pages=400 items=20 port=25801

# The benchmark's program has the spider.
crawls=${CRAWLS:-$(cargo bench --bench crawls --no-run --message-format=json 2>/dev/null |
    sed -n 's/.*"executable":"\([^"]*\/crawls-[^"]*\)".*/\1/p' | tail -1)}

python3 - "$port" "$pages" "$items" <<'PYTHON' &
import http.server, sys
port, pages, items = map(int, sys.argv[1:])

class Site(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_GET(self):
        name = self.path.strip("/")
        if name:
            offer = '<article class=offer><a class=title data-sku="{0}-{1}">Offer {1}</a><span class=price>€{1}.50</span>' \
                "<span class=stock>{1}</span><p class=description>" + "A description of some length. " * 10 + "</p></article>"
            body = "".join(offer.format(name, item) for item in range(items))
        else:
            body = "<nav>" + "".join(f"<a href=/page{page}>x</a>" for page in range(pages)) + "</nav>"
        same = self.headers.get("If-None-Match") == '"1"'
        self.send_response(304 if same else 200)
        self.send_header("ETag", '"1"')
        self.send_header("Content-Type", "text/html")
        if not same:
            self.send_header("Content-Length", str(len(body.encode())))
        self.end_headers()
        if not same:
            self.wfile.write(body.encode())

http.server.ThreadingHTTPServer(("127.0.0.1", port), Site).serve_forever()
PYTHON
site=$!
trap 'kill $site' EXIT
until (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; do sleep 0.1; done

query() { psql -X -A -t -q "$store" -c "$1"; }

night() {
    local before after
    before=$(query "SELECT pg_current_wal_insert_lsn()")
    "$crawls" crawl shop --start-url "http://127.0.0.1:$port/" --store "$store" --rate 0 --host-concurrency 16 --robots false \
        --log error "${@:2}" >/dev/null
    after=$(query "SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '$before')")
    printf '%-45s %9d bytes, %5d per item\n' "$1" "$after" $((after / (pages * items)))
}

night "plain, first night"
night "plain, second night"
query "DROP TABLE offers"
night "incremental, first night" --incremental
night "incremental, every page 304" --incremental
night "incremental, every body as it was" --incremental --conditional-requests false
query "UPDATE crawl_pages SET body_hash = ''"
night "incremental, other bodies, items as they were" --incremental --conditional-requests false
night "incremental, every page fresh" --incremental --refresh-after 30d
