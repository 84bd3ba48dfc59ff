#!/bin/bash
# unit.sh BINARY: runs the library's unit tests and adds their number to the total. The one of filters' SQL needs a server and has
# an empty one.
set -euo pipefail
source "$(dirname "$0")/scratch.sh"
scratch_open unit
scratch_start
export RECSYS_TEST_PSQL='psql -X -d postgres' TMPDIR=$scratch
out=$scratch/out
status=0
"$@" >"$out" 2>&1 || status=$?
cat "$out"
# [doctest] test cases: 68 | 68 passed | 0 failed | 0 skipped
read -r passed failed < <(sed -nE 's/.*test cases: *[0-9]+ \| *([0-9]+) passed \| *([0-9]+) failed.*/\1 \2/p' "$out") || true
passed=${passed:-0} failed=${failed:-0}
((status == 0 || failed)) || failed=1
tally unit "$passed" "$failed"
((failed == 0))
