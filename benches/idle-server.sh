#!/usr/bin/env bash
# Measures the processor time of `dragline serve` while nothing is due. Once a second, it looks at its store and at the process table.
#
#   benches/idle-server.sh [MORE_PROCESSES] [SECONDS]
#
# MORE_PROCESSES are started first, and only sleep. Needs Linux, and the built program (DRAGLINE, default target/release/dragline).
set -euo pipefail

more=${1:-0}
seconds=${2:-60}
program=$(readlink -f "${DRAGLINE:-target/release/dragline}")
work=$(mktemp -d)
started=()
trap '((${#started[@]} == 0)) || kill "${started[@]}" 2>/dev/null || true; rm -rf "$work"' EXIT
cd "$work"

printf '[schedule.yearly]\nspider = "quotes"\ncron = "0 0 1 1 *"\n' >dragline.toml
for ((number = 0; number < more; number++)); do
    sleep $((seconds + 60)) & started+=($!)
done
: >log
"$program" serve --store sqlite:idle.db >out 2>log & server=$!
started+=("$server")
until grep -q 'serving: ' log; do
    kill -0 "$server"
    sleep 0.1
done

# In hundredths of a second, of the system and of the program.
spent() { awk '{ print $14 + $15 }' "/proc/$server/stat"; }
before=$(spent)
sleep "$seconds"
after=$(spent)
processes=(/proc/[0-9]*)
awk -v ticks=$((after - before)) -v seconds="$seconds" -v processes=${#processes[@]} 'BEGIN {
    printf "%d processes: %.1f ms of processor time per second\n", processes, ticks * 10 / seconds
}'
