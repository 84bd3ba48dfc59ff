#!/bin/bash
# A bank's calls: does the client say yes? Quality and calibration of recipe/propensity, without a server (test/bench/bank.cpp).
set -euo pipefail
source "$(dirname "$0")/bench.sh"
bench=bank
if [ ! -r "$data/bank/bank.csv.gz" ]; then
	echo "bench-bank: skipped, bank/bank.csv.gz is not in $data (set RECSYS_DATA)"
	exit 0
fi
make -s -C "$root" build/unit/bank-bench
csv=$(mktemp)
trap 'rm -f "$csv"' EXIT
zcat "$data/bank/bank.csv.gz" >"$csv"
figures=$("$root/build/unit/bank-bench" "$csv" "$(nproc)")
figure() { awk -v name="$1" '$1 == name { print $2 }' <<<"$figures"; }
measured "area under the ROC curve" "$(figure auc)" '>=' 0.804
measured "log-loss" "$(figure log_loss)" '<=' 0.270
measured "expected calibration error, 10 bins" "$(figure ece)" '<=' 0.010
measured "five trainings, seconds" "$(figure seconds)" '<=' 60
exit "$failed"
