#!/bin/bash
# Next film on MovieLens-1M, leave-one-out. Train on all but the last two events of each user; put the last but one as an event
# (history only, no training); ask for 10 films the user has not rated; look for the last one among them. Ranked against all
# films, no sampling. SQL only. Limits: NDCG@10 of .200 and HR@10 of .335, within three minutes for everything.
set -euo pipefail
source "$(dirname "$0")/bench.sh"
bench_open ml-1m ml-1m/train.csv.gz ml-1m/valid.csv ml-1m/test.csv ml-1m/items.csv.gz ml-1m/users.csv
began=$last

sql >/dev/null <<'SQL'
SELECT recsys.create_dataset_group('ml');
SELECT recsys.create_dataset('ml', 'interactions');
SELECT recsys.create_dataset('ml', 'items', '{"title": "string", "year": "float", "genres": "categorical", "directors": "categorical", "actors": "categorical", "plot": "textual"}');
SELECT recsys.create_dataset('ml', 'users', '{"gender": "categorical", "age_group": "float", "occupation": "categorical", "zip": "string"}');
SELECT recsys.create_event_tracker('web', 'ml');
CREATE TABLE train (user_id text, item_id text, event_type text, event_value float8, "timestamp" timestamptz, source text);
CREATE TABLE valid (LIKE train);
CREATE TABLE test (LIKE train);
SQL
for part in train.csv.gz valid.csv test.csv; do load "ml-1m/$part" "${part%%.*}"; done
load ml-1m/items.csv.gz 'ml.items (item_id, title, year, genres, directors, actors, plot)'
load ml-1m/users.csv 'ml.users (user_id, gender, age_group, occupation, zip)'
sql -c 'INSERT INTO ml.interactions (user_id, item_id, event_type, event_value, "timestamp")
	SELECT user_id, item_id, event_type, event_value, "timestamp" FROM train' -c ANALYZE
stopwatch
measured "loading, seconds" "$seconds"

sql -c "SELECT recsys.create_solution('next', 'ml', 'user-personalization')" \
	-c "SELECT recsys.create_solution_version('next', wait => true)" \
	-c "SELECT recsys.create_campaign('home', 'next', exploration_weight => 0)" \
	-c "SELECT recsys.create_campaign('exploring', 'next')" >/dev/null
stopwatch
measured "training call, seconds" "$seconds"

tracker=$(value -c "SELECT recsys.describe_event_tracker('web')->>'tracking_id'")
sql >/dev/null <<SQL
SELECT sum(recsys.put_events('$tracker', 'valid', jsonb_build_array(jsonb_build_object('eventType', event_type, 'itemId', item_id,
	'sentAt', "timestamp")), user_id)) FROM valid;
CREATE TABLE own AS SELECT user_id, array_agg(item_id) AS items FROM (TABLE train UNION ALL TABLE valid) AS e GROUP BY user_id;
SQL
stopwatch
measured "put_events, events a second" "$(value -c "SELECT round(count(*) / $seconds) FROM valid")"

# judge CAMPAIGN: the lists of all users, and $ndcg, $hr, $rows
judge() {
	sql -c "CREATE TABLE answer_$1 AS SELECT t.user_id, r.rank, r.item_id FROM test t JOIN own USING (user_id),
		recsys.get_recommendations('$1', user_id => t.user_id, num_results => 10, exclude_items => own.items) r"
	read -r ndcg hr rows < <(value -F ' ' -c "SELECT round((sum(1 / log(2, rank + 1)) FILTER (WHERE a.item_id = t.item_id) / count(DISTINCT t.user_id))::numeric, 4),
		round(count(*) FILTER (WHERE a.item_id = t.item_id) / count(DISTINCT t.user_id)::numeric, 4), count(a.item_id)
		FROM test t LEFT JOIN answer_$1 a USING (user_id)")
}
judge home
stopwatch
measured "get_recommendations, users a second" "$(value -c "SELECT round(count(*) / $seconds) FROM test")"
measured "rows in all answers" "$rows" '>=' 60400
measured "NDCG@10" "$ndcg" '>=' .200
measured "HR@10" "$hr" '>=' .335
last=$began && stopwatch
measured "everything, seconds" "$seconds" '<=' 180
# Films that nobody had rated count as new: what it costs to show them.
judge exploring
measured "NDCG@10 with the default exploration" "$ndcg"
version_figures next/1
sql -c "SELECT metric, round(value::numeric, 4) AS value FROM recsys.get_solution_metrics('next/1')"
exit "$failed"
