#!/usr/bin/env bash
# Dragline beside other crawlers, over the same pages in one run: pages a second, CPU-milliseconds a page, peak memory.
# Each follows every link of Debian's documentation of PostgreSQL and Python and stores a row for each page, its URL and
# title, in Postgres.
#
#   benches/others/run.sh FOLDER [ROUNDS]
#
# What the others need is installed into FOLDER, in the versions named here, and kept there. Needs python3 with venv, npm,
# cargo, nginx (nginx-light), Postgres, and the Debian packages postgresql-doc-15 and python3.11-doc.
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
    # Outside of this repository, so that its workspace knows nothing of them.
    cp -r "$here/$crate" "$folder"
    CARGO_TARGET_DIR=$folder/target cargo build --quiet --release --manifest-path "$folder/$crate/Cargo.toml"
done

cd "$here/../.."
cargo bench --bench crawls -- others "$folder" --pairs "$rounds"
