#!/bin/bash
# Places on Gowalla, LightGCN's split of check-ins (no times): train on train + valid, ask for 20 new places for every user, compare
# with the test part. R@20 and NDCG@20 as that paper counts them, against all places.
set -euo pipefail
source "$(dirname "$0")/bench.sh"
bench_open gowalla gowalla/train.csv.gz gowalla/valid.csv.gz gowalla/test.csv.gz

sql >/dev/null <<'SQL'
SELECT recsys.create_dataset_group('places');
SELECT recsys.create_dataset('places', 'interactions');
CREATE TABLE train (user_id text, item_id text);
CREATE TABLE test (LIKE train);
SQL
load gowalla/train.csv.gz train
load gowalla/valid.csv.gz train
load gowalla/test.csv.gz test
sql -c "INSERT INTO places.interactions (user_id, item_id, event_type, \"timestamp\")
	SELECT user_id, item_id, 'visit', '2010-01-01' FROM train" \
	-c "CREATE TABLE own AS SELECT user_id, array_agg(item_id) AS items FROM train GROUP BY user_id" -c ANALYZE
stopwatch
measured "loading, seconds" "$seconds"
sql -c "SELECT recsys.create_solution('next', 'places', 'user-personalization')" \
	-c "SELECT recsys.create_solution_version('next', wait => true)" \
	-c "SELECT recsys.create_campaign('home', 'next')" >/dev/null
stopwatch
measured "training call, seconds" "$seconds" '<=' 300
sql -c "CREATE TABLE answer AS SELECT u.user_id, r.rank, r.item_id FROM (SELECT DISTINCT user_id FROM test) u JOIN own USING (user_id),
	recsys.get_recommendations('home', user_id => u.user_id, num_results => 20, exclude_items => own.items) r"
stopwatch
measured "get_recommendations, users a second" "$(value -c "SELECT round(count(DISTINCT user_id) / $seconds) FROM test")"
read -r recall ndcg < <(value -F ' ' -c "
	WITH truth AS (SELECT user_id, count(*) AS n FROM test GROUP BY user_id),
	hit AS (SELECT user_id, count(*) AS hits, sum(1 / log(2, rank + 1)) AS dcg FROM answer JOIN test USING (user_id, item_id) GROUP BY user_id),
	ideal AS (SELECT n, sum(1 / log(2, i + 1)) AS dcg FROM generate_series(1, 20) AS n, generate_series(1, n) AS i GROUP BY n)
	SELECT round(avg(coalesce(hits, 0)::numeric / t.n), 4), round(avg(coalesce(hit.dcg, 0) / ideal.dcg)::numeric, 4)
	FROM truth t LEFT JOIN hit USING (user_id) JOIN ideal ON ideal.n = least(t.n, 20)")
measured "R@20" "$recall" '>=' .17
measured "NDCG@20" "$ndcg"
version_figures next/1
exit "$failed"
