#!/bin/bash
# What counting every request costs: the share of a request's time (sampled) that lies in stats::CampaignCall, which alone does it.
#
#   test/bench/statistics.sh CONNECTION CAMPAIGN [REQUESTS]      needs perf, and a server that may be observed
#
# Runs REQUESTS requests in one session under `perf record` and prints the share.
set -euo pipefail
connection=$1 campaign=$2 requests=${3:-20000}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkfifo "$work/in"
psql -X -q -At "$connection" -v campaign="$campaign" <"$work/in" >"$work/out" &
client=$!
exec 3>"$work/in"
echo 'SELECT pg_backend_pid();' >&3
until [ -s "$work/out" ]; do sleep 0.1; done
backend=$(head -1 "$work/out")
perf record -q -e cpu-clock:u -F 5000 -o "$work/perf" -p "$backend" &
recorder=$!
sleep 1
echo "SELECT count(*) FROM generate_series(1, $requests) AS n, LATERAL recsys.get_recommendations('$campaign', (n % 1000)::text, num_results => 10) AS r;" >&3
exec 3>&-
wait "$client"
kill -INT "$recorder" 2>/dev/null || true
wait "$recorder" || true
perf report -i "$work/perf" --no-children --sort symbol --stdio 2>/dev/null | grep -E 'CampaignCall|count_in_period|monotonic_us|slot_of'
