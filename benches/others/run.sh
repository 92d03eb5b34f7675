#!/usr/bin/env bash
# Compares Dragline with other crawlers over the same pages in one run: pages per second, CPU-milliseconds per page, peak
# memory. Each crawler follows every link in Debian's documentation of PostgreSQL and Python. It stores a row with URL and
# title for each page in Postgres.
#
#   benches/others/run.sh FOLDER [ROUNDS]
#
# The script installs the other crawlers into FOLDER, in the versions named below, and leaves them there. You need python3
# with venv, npm, cargo, nginx (nginx-light), Postgres, and the Debian packages postgresql-doc-15 and python3.11-doc.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
folder=$(realpath -m "${1:?a folder to install the other crawlers into}")
rounds=${2:-3}
mkdir -p "$folder"

[[ -x $folder/python/bin/scrapy ]] || {
    python3 -m venv "$folder/python"
    "$folder/python/bin/pip" install --quiet scrapy==2.19.0 'psycopg[binary]==3.3.9'
}
[[ -d $folder/node_modules/@crawlee/cheerio ]] ||
    npm install --silent --prefix "$folder" @crawlee/cheerio@3.18.1 pg@8
cp "$here/scrapy_spider.py" "$here/crawlee.mjs" "$folder"
for crate in spider-rs kumo; do
    # Outside this repository, so that they don't belong to its workspace.
    cp -r "$here/$crate" "$folder"
    CARGO_TARGET_DIR=$folder/target cargo build --quiet --release --manifest-path "$folder/$crate/Cargo.toml"
done

cd "$here/../.."
cargo bench --bench crawls -- others "$folder" --pairs "$rounds"
