#!/bin/bash
# check.sh PART…: makes every part, also after a failure, and ends with one line: "N passed, M failed".
set -uo pipefail
cd "$(dirname "$0")/../.."
export RECSYS_TALLY
RECSYS_TALLY=$(mktemp)
trap 'rm -f "$RECSYS_TALLY" "$RECSYS_TALLY.log"' EXIT
echo "== build"
began=$SECONDS
"${MAKE:-make}" --no-print-directory -s -j"$(nproc)" check-build >"$RECSYS_TALLY.log" 2>&1 || {
	tail -40 "$RECSYS_TALLY.log"
	echo "0 passed, 1 failed"
	exit 1
}
grep -A4 'warning:' "$RECSYS_TALLY.log"
echo "== build: $((SECONDS - began)) s"
for part in "$@"; do
	echo "== $part"
	began=$SECONDS
	timeout --kill-after=30 "${PART_TIMEOUT:-1200}" "${MAKE:-make}" --no-print-directory "$part"
	status=$?
	# A part that could not even count its tests is itself a failure.
	if ((status)) && ! awk -v p="${part%-check}" '$1 == p && $3 > 0 { f = 1 } END { exit !f }' "$RECSYS_TALLY"; then
		echo "${part%-check} 0 1" >>"$RECSYS_TALLY"
	fi
	echo "== $part: $((SECONDS - began)) s"
done
awk '{ printf "%-10s %5d passed %5d failed\n", $1, $2, $3 }' "$RECSYS_TALLY"
awk '{ p += $2; f += $3 } END { printf "%d passed, %d failed\n", p, f; exit f > 0 || p == 0 }' "$RECSYS_TALLY"
