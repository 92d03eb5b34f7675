#!/usr/bin/env bash
# Checks with warcio that an export of kept pages is a WARC file, and that a file of warcio can be imported.
#
#   tests/warc.sh [DRAGLINE]   the program to check (target/debug/dragline)
#
# Needs python3, and the network for `pip install warcio`. So it is not a part of ./test, which reads the files by itself.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

dragline=$(realpath "${1:-${CARGO_TARGET_DIR:-target}/debug/dragline}")
work=$(mktemp -d)
trap '[[ -z ${site:-} ]] || kill "$site" 2>/dev/null || true; rm -rf "$work"' EXIT
fail() { printf 'warc: FAILED: %s\n' "$*" >&2; exit 1; }

python3 -m venv "$work/venv"
"$work/venv/bin/pip" --quiet install warcio
cd "$work"

"$dragline" demo --serve > url & site=$!
until [[ -s url ]]; do kill -0 "$site" || fail "the site did not start"; read -rt 0.1 <> <(:) || true; done
url=$(grep -o 'http://[^ ]*' url)
export DRAGLINE_STORE=sqlite:kept.db
"$dragline" crawl site --start-url "$url" --keep-pages --run kept --rate 0 > report 2> log || fail "$(cat report log)"

for name in kept.warc.gz kept.warc; do
    "$dragline" pages export kept -o "$name"
    venv/bin/warcio check -v "$name" > check || fail "$name: $(cat check)"
    ! grep -q 'digest fail' check || fail "$name: $(cat check)"
    pages=$(venv/bin/warcio index "$name" -f warc-type | grep -c response)
    listed=$("$dragline" pages list kept --json | wc -l)
    [[ $pages == "$listed" ]] || fail "$name has $pages pages, and $listed are kept"
done

venv/bin/warcio recompress kept.warc again.warc.gz > recompress || fail "$(cat recompress)"
"$dragline" pages import again.warc.gz --spider site > imported
grep -q "has $listed pages: $listed imported now, 0 B of new bodies" imported || fail "$(cat imported)"
printf 'warc: %s pages are as they should be\n' "$listed" >&2
