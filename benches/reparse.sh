#!/usr/bin/env bash
# How fast kept pages are parsed once more: pages per second and CPU time per page, compared with the crawl that kept them.
#
#   createdb reparse && benches/reparse.sh postgres://me@localhost/reparse
#   benches/reparse.sh sqlite:reparse.db
#
# The store must be empty. Needs python3, and for Postgres also psql. PAGES sets the number of pages. The time of the database
# server is not part of the CPU time.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
store=${1:?name an empty store}
pages=${PAGES:-100000} per_list=250 port=25802
dragline=${DRAGLINE:-target/release/dragline}

python3 - "$port" "$pages" "$per_list" <<'PYTHON' &
import http.server, sys
port, pages, per_list = map(int, sys.argv[1:])
text = "<p>A paragraph of a page as shops have them, with <a href=/>a link home</a> and some words.</p>" * 60

class Site(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_GET(self):
        kind, _, number = self.path.strip("/").partition("/")
        if kind == "page":
            body = f"<title>Page {number}</title><h1>Page {number}</h1>{text}<p>{number} is a number.</p>"
        elif kind == "list":
            first = int(number) * per_list
            body = "".join(f"<a href=/page/{page}>x</a>" for page in range(first, min(first + per_list, pages)))
        else:
            body = "".join(f"<a href=/list/{n}>x</a>" for n in range((pages + per_list - 1) // per_list))
        body = body.encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

http.server.ThreadingHTTPServer(("127.0.0.1", port), Site).serve_forever()
PYTHON
site=$!
trap 'kill $site 2>/dev/null || true' EXIT
until (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; do sleep 0.1; done

change() {
    case $store in
    postgres*) psql -X -q "$store" -c "$1" ;;
    sqlite:*) python3 -c 'import sqlite3, sys; db = sqlite3.connect(sys.argv[1]); db.execute(sys.argv[2]); db.commit()' "${store#sqlite:}" "$1" ;;
    esac
}

measured() {
    local what=$1 report
    shift
    report=$(mktemp)
    /usr/bin/env bash -c 'TIMEFORMAT="%R %U %S"; time "$@" >"$0" 2>/dev/null' "$report" "$dragline" "$@" --store "$store" --log error 2>"$report.time"
    python3 - "$what" "$report" "$report.time" <<'PYTHON'
import re, sys
what, report, times = sys.argv[1], open(sys.argv[2]).read(), open(sys.argv[3]).read().split()[-3:]
done = int(re.search(r"done (\d+)", report)[1])
wall, user, system = map(float, times)
rows = re.search(r"^rows +(\d+)", report, re.M)
print(f"{what:<40} {done / wall:8.0f} pages/s  {1000 * (user + system) / done:6.2f} ms CPU per page"
      + (f"  {rows[1]} rows written" if rows else ""))
PYTHON
}

crawl=(crawl site --start-url "http://127.0.0.1:$port/" --rate 0 --host-concurrency 32 --robots false --max-pages-per-pattern 0)
measured "crawl --keep-pages" "${crawl[@]}" --keep-pages --run kept
kill "$site"
measured "reparse, rows as they were" reparse kept
change "UPDATE crawl_items SET content_hash = ''"
measured "reparse, every row differs" reparse kept
measured "crawl --replay" "${crawl[@]}" --replay
