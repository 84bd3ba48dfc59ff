#!/bin/bash
# Segments of users. On MovieLens-1M, the oldest 80 % of each user's ratings are the log, and the newest 20 % tell who was right: the
# recall in the first 1 % of the users, mean over films (and over genres and other fields), beside that of the most active users. Then
# one million users with 25 events each, on generated data: what a segment takes, of which all users are scored. The goals are twice
# the recall of the most active users, and five seconds.
set -euo pipefail
source "$(dirname "$0")/bench.sh"
bench_open affinity ml-1m/train.csv.gz ml-1m/valid.csv ml-1m/test.csv ml-1m/items.csv.gz
began=$last

sql >/dev/null <<'SQL'
SELECT recsys.create_dataset_group('ml');
SELECT recsys.create_dataset('ml', 'interactions');
SELECT recsys.create_dataset('ml', 'items', '{"title": "string", "year": "float", "genres": "categorical", "directors": "categorical", "actors": "categorical", "plot": "string"}');
CREATE TABLE rating (user_id text, item_id text, event_type text, event_value float8, "timestamp" timestamptz, source text);
SQL
for part in train.csv.gz valid.csv test.csv; do load "ml-1m/$part" rating; done
load ml-1m/items.csv.gz 'ml.items (item_id, title, year, genres, directors, actors, plot)'
sql -c 'INSERT INTO ml.interactions (user_id, item_id, event_type, event_value, "timestamp")
	SELECT user_id, item_id, event_type, event_value, "timestamp" FROM rating' -c ANALYZE
for recipe in item-affinity item-attribute-affinity; do
	sql -c "SELECT recsys.create_solution('$recipe', 'ml', '$recipe')" -c "SELECT recsys.create_solution_version('$recipe', wait => true)" >/dev/null
	version_figures "$recipe/1"
	read -r hits recall active < <(value -F ' ' -c "SELECT round(max(value) FILTER (WHERE metric = 'hits_at_1_percent')::numeric, 3),
		round(max(value) FILTER (WHERE metric = 'recall_at_1_percent')::numeric, 4),
		round(max(value) FILTER (WHERE metric = 'recall_at_1_percent_of_most_active')::numeric, 4) FROM recsys.get_solution_metrics('$recipe/1')")
	measured "$recipe: hits@1%" "$hits"
	measured "$recipe: recall@1%, most active users" "$active"
	[ "$recipe" = item-affinity ] && limit=(">=" "$(awk -v a="$active" 'BEGIN { print 2 * a }')") || limit=()
	measured "$recipe: recall@1%" "$recall" "${limit[@]}"
done

sql >/dev/null <<'SQL'
SELECT recsys.create_dataset_group('many');
SELECT recsys.create_dataset('many', 'interactions', '{"user_id": "long", "item_id": "long"}');
INSERT INTO many.interactions (user_id, item_id, "timestamp") SELECT u, floor(20000 * random() ^ 3), now() - n * interval '1 hour'
	FROM generate_series(1, 1000000) AS u, generate_series(1, 25) AS n;
ANALYZE many.interactions;
SET recsys.train_memory_limit = '8GB';
SELECT recsys.create_solution('many', 'many', 'item-affinity');
SELECT recsys.create_solution_version('many', wait => true);
SQL
version_figures many/1
stopwatch
value -c "SELECT count(*) FROM recsys.get_user_segment('many', '100', num_results => 1000)" >/dev/null
stopwatch
measured "1 million users, first segment of 1,000, seconds" "$seconds" '<=' 5
read -r one many < <(value -F ' ' <<'SQL'
SELECT count(*) FROM recsys.get_user_segment('many', '100', num_results => 1000) \g /dev/null
SELECT extract(epoch FROM clock_timestamp()) AS t0 \gset
SELECT count(*) FROM recsys.get_user_segment('many', '100', num_results => 1000) \g /dev/null
SELECT extract(epoch FROM clock_timestamp()) AS t1 \gset
SELECT count(*) FROM recsys.get_user_segment('many', '100', num_results => 100000) \g /dev/null
SELECT round(:t1 - :t0, 3), round(extract(epoch FROM clock_timestamp()) - :t1, 3);
SQL
)
measured "1 million users, next segment of 1,000, seconds" "$one" '<=' 5
measured "1 million users, segment of 100,000, seconds" "$many" '<=' 5
last=$began && stopwatch
measured "everything, seconds" "$seconds"
exit "$failed"
