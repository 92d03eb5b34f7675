#!/bin/sh
# The image's health check. It prints one line and exits with 0 (healthy) or 1 (unhealthy). Docker reserves all other
# codes. A check that takes too long also counts as unhealthy, so the orchestrator gets an answer whatever hangs.
set -u

line=$(timeout --kill-after=1 5 dragline healthcheck 2>&1 </dev/null)
code=$?
case $code in
    124 | 137) line="unhealthy: the health check itself did not end within 5 s" ;;
esac
printf '%s\n' "${line:-no answer (exit code $code)}" | paste -s -d ' ' -
[ "$code" -eq 0 ]
