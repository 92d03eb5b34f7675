#!/usr/bin/env bash
# Tests the API of the board with schemathesis, which makes thousands of requests from openapi.json, right ones and wrong ones, and
# compares each answer with the description. It crawls the demo first. Arguments go to schemathesis:
#
#   tests/board_api.sh                        100 requests for each operation and phase
#   tests/board_api.sh --max-examples 1000
#
# It needs Python 3, and installs schemathesis from PyPI into a folder of its own.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

folder=$(mktemp -d)
board=
trap '[[ -z $board ]] || kill "$board"; rm -rf "$folder"' EXIT

python3 -m venv "$folder/python"
"$folder/python/bin/pip" install --quiet 'schemathesis>=4,<5'

cargo build --workspace --bins --examples
dragline=${CARGO_TARGET_DIR:-target}/debug/dragline
store=sqlite:$folder/demo.db
"$dragline" demo --store "$store" --log-dir "$folder/logs" >"$folder/demo.out"
printf '[schedule.nightly]\nspider = "quotes"\ncron = "30 3 * * *"\n' >"$folder/dragline.toml"
: >"$folder/board.out"
token=schemathesis-and-nobody-else
DRAGLINE_CONTROL_TOKEN=$token "$dragline" board --store "$store" --log-dir "$folder/logs" --config "$folder/dragline.toml" --allow-control \
    --listen 127.0.0.1:0 >"$folder/board.out" 2>"$folder/board.err" &
board=$!
until grep -q 'until Ctrl-C' "$folder/board.out"; do
    kill -0 "$board"
    sleep 0.1
done
address=$(sed -n 's,.*\(http://[^/]*\)/.*,\1,p' "$folder/board.out")

# A stream of events has no end, so it isn't asked for here. tests/board/live.rs reads it. Wrong tokens are refused for a minute after
# the first ten, so tests/board/control.rs tries them.
cd "$folder"
"$folder/python/bin/schemathesis" run "$address/api/v1/openapi.json" --checks all --exclude-checks ignored_auth \
    --header "Authorization: Bearer $token" --exclude-path /api/v1/events \
    --max-examples 100 --seed 1 "$@"
