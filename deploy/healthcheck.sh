#!/bin/sh
# The image's health check: one line, and 0 (healthy) or 1 (unhealthy). Docker reserves all other codes, and one that
# takes longer than this is an answer too: whatever hangs, the orchestrator is told.
set -u

line=$(timeout --kill-after=1 5 dragline healthcheck 2>&1 </dev/null)
code=$?
case $code in
    124 | 137) line="unhealthy: the health check itself did not end within 5 s" ;;
esac
printf '%s\n' "${line:-no answer (exit code $code)}" | paste -s -d ' ' -
[ "$code" -eq 0 ]
