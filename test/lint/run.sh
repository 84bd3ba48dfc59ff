#!/bin/bash
# Runs every lint of this folder; each prints its findings as file:line: text and fails when there are any.
set -uo pipefail
source "$(dirname "$0")/../tools/scratch.sh"
cd "$root"
passed=0 failed=0
for lint in test/lint/*.pl test/lint/*.sh; do
	[ "$lint" != test/lint/run.sh ] || continue
	run=(bash)
	[[ $lint != *.pl ]] || run=(perl)
	if output=$("${run[@]}" "$lint" 2>&1); then
		passed=$((passed + 1))
		[ -z "$output" ] || echo "$output"
	else
		failed=$((failed + 1))
		printf '%s:\n%s\n' "$lint" "$output"
	fi
done
tally lint "$passed" "$failed"
((failed == 0))
