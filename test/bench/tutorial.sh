#!/bin/bash
# The tutorial (doc/tutorial.md), statement by statement on its data set: each must succeed.
set -euo pipefail
source "$(dirname "$0")/bench.sh"
bench_open tutorial ml-100k/interactions.csv.gz ml-100k/items.csv ml-100k/users.csv

sql -c 'DROP EXTENSION recsys'
for file in interactions.csv.gz items.csv users.csv; do
	zcat -f "$data/ml-100k/$file" >"$scratch/${file%.gz}"
done
((EUID != 0)) || chown postgres: "$scratch"/*.csv
sed -n '/^```sql$/,/^```$/p' "$root/doc/tutorial.md" | grep -v '^```' | sql -a >"$root/build/tutorial.out" 2>&1 || {
	tail -20 "$root/build/tutorial.out"
	measured "statements succeed" 0 '>=' 1
	exit 1
}
stopwatch
cat "$root/build/tutorial.out"
measured "statements succeed" 1 '>=' 1
measured "everything, seconds" "$seconds"
