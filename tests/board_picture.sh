#!/usr/bin/env bash
# Makes docs/board.png: the page of a run that goes on, as Chromium shows it. The pictures of all pages, light, dark and on a phone, are
# left in the folder that it names, to look at.
#
#   tests/board_picture.sh
#
# `./test --prepare` installs what it needs.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

folder=$(mktemp -d)
DRAGLINE_TEST_PICTURES=$folder cargo test --workspace --test dragline -- \
    board::browser::the_pages_are_accessible_in_light_dark_and_on_a_phone board::questions
cp "$folder/board.png" docs/board.png
printf 'the pictures are in %s\n' "$folder" >&2
