#!/bin/bash
# Related items: training SIMS from loaded tables. The limits are the times in which a well-known C++ library computes item-item
# neighbours (cosine, top 100) of the same data on two cores of this class.
set -euo pipefail
source "$(dirname "$0")/bench.sh"
bench_open sims ml-1m/train.csv.gz gowalla/train.csv.gz gowalla/valid.csv.gz

sql >/dev/null <<'SQL'
SELECT recsys.create_dataset_group('ml');
SELECT recsys.create_dataset('ml', 'interactions');
SELECT recsys.create_dataset_group('places');
SELECT recsys.create_dataset('places', 'interactions');
CREATE TABLE films (user_id text, item_id text, event_type text, event_value float8, "timestamp" timestamptz, source text);
CREATE TABLE visits (user_id text, item_id text);
SQL
load ml-1m/train.csv.gz films
load gowalla/train.csv.gz visits
load gowalla/valid.csv.gz visits
sql -c 'INSERT INTO ml.interactions (user_id, item_id, event_type, event_value, "timestamp")
	SELECT user_id, item_id, event_type, event_value, "timestamp" FROM films' \
	-c "INSERT INTO places.interactions (user_id, item_id, event_type, \"timestamp\") SELECT user_id, item_id, 'visit', '2010-01-01' FROM visits" \
	-c ANALYZE
for row in 'ml 0.82' 'places 1.33'; do
	read -r group limit <<<"$row"
	sql -c "SELECT recsys.create_solution('sims_$group', '$group', 'sims')" >/dev/null
	stopwatch
	sql -c "SELECT recsys.create_solution_version('sims_$group', wait => true)" >/dev/null
	stopwatch
	measured "sims of $group: the whole call, seconds" "$seconds"
	measured "sims of $group: training, seconds" \
		"$(value -c "SELECT round((recsys.describe_solution_version('sims_$group/1')->>'wall_seconds')::numeric, 2)")" '<=' "$limit"
done
exit "$failed"
