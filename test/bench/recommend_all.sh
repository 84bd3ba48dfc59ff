#!/bin/bash
# Lists for all users of Gowalla at once, 25 places each, written to a table: by recommend_all, with and without a filter on the users'
# own events, and by a batch job for a part of them. A sample is compared with get_recommendations.
set -euo pipefail
source "$(dirname "$0")/bench.sh"
bench_open recommend_all gowalla/train.csv.gz gowalla/valid.csv.gz
sample=${SAMPLE:-2000}

sql >/dev/null <<'SQL'
SELECT recsys.create_dataset_group('places');
SELECT recsys.create_dataset('places', 'interactions');
CREATE TABLE train (user_id text, item_id text);
SQL
load gowalla/train.csv.gz train
load gowalla/valid.csv.gz train
sql -c "INSERT INTO places.interactions (user_id, item_id, event_type, \"timestamp\")
	SELECT user_id, item_id, 'visit', '2010-01-01' FROM train" -c 'VACUUM ANALYZE'
sql >/dev/null -c "SELECT recsys.create_solution('next', 'places', 'user-personalization')" \
	-c "SELECT recsys.create_solution_version('next', wait => true)" \
	-c "SELECT recsys.create_campaign('home', 'next')" \
	-c "SELECT recsys.create_filter('unseen', 'places', 'EXCLUDE ItemID WHERE Interactions.EVENT_TYPE IN (\"visit\")')" \
	-c "SELECT count(*) FROM recsys.get_recommendations('home', '1')"

# everyone TABLE ARGUMENTS: the users, and how many a second; the CPU time that a user took, on all threads
everyone() {
	sql -At -F ' ' <<-SQL
		CREATE FUNCTION pg_temp.ticks() RETURNS numeric LANGUAGE sql AS \$\$
		SELECT f[14]::numeric + f[15]::numeric FROM string_to_array(pg_read_file('/proc/self/stat'), ' ') AS f \$\$;
		SELECT pg_temp.ticks() AS ticks, clock_timestamp() AS start \gset
		SELECT recsys.recommend_all('next', '$1', $2) AS users \gset
		SELECT :users, round(:users / extract(epoch FROM clock_timestamp() - :'start')), round((pg_temp.ticks() - :ticks) * 10000 / :users);
	SQL
}
stopwatch
read -r users rate cpu < <(everyone plain '25')
measured "users" "$users"
measured "users a second" "$rate" '>=' 10000
measured "CPU time a user, microseconds" "$cpu"
read -r users rate cpu < <(everyone filtered "25, filter => 'unseen'")
measured "with a filter on own events: users a second" "$rate"
measured "with a filter: CPU time a user, microseconds" "$cpu"
sql -c 'CREATE INDEX ON plain (user_id)' -c 'CREATE INDEX ON filtered (user_id)' -c "CREATE TABLE who AS SELECT DISTINCT user_id FROM train ORDER BY 1 LIMIT $sample"
stopwatch
for list in "plain NULL" "filtered 'unseen'"; do
	set -- $list
	measured "$1: rows that differ from get_recommendations" "$(value -c "SELECT count(*) FROM who AS w,
		LATERAL (SELECT FROM recsys.get_recommendations('home', w.user_id, filter => $2) AS r
			FULL JOIN (SELECT * FROM $1 AS a WHERE a.user_id = w.user_id) AS a USING (rank)
			WHERE (r.item_id, r.score, r.reason) IS DISTINCT FROM (a.item_id, a.score, a.reason)) AS d")" '<=' 0
done
stopwatch
sql -c "SELECT recsys.create_batch_inference_job('some', 'next', 'who', 'some_out', wait => true)" >/dev/null
stopwatch
measured "batch job: lines a second" "$(awk -v n="$sample" -v s="$seconds" 'BEGIN { printf "%.0f", n / s }')"
exit "$failed"
