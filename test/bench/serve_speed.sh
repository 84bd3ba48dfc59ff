#!/bin/bash
# Latency and throughput of answers on MovieLens-1M: one user's top 25 through get_recommendations, beside two things that a database
# does with 25 rows, by turns in the same run: it looks 25 items up by their primary keys, and it reads 25 rows that lie side by side
# in a table of answers computed before, which is as fast as any statement gets. Two clients, prepared statements.
# Limits: median < 1 ms, p99 < 5 ms, a third of the lookup's transactions per second, < 20 ms for a connection's first answer.
set -euo pipefail
source "$(dirname "$0")/bench.sh"
bench_open serve ml-1m/train.csv.gz ml-1m/items.csv.gz
clients=2 rounds=${ROUNDS:-3} seconds_a_round=${SECONDS_A_ROUND:-10}

sql >/dev/null <<'SQL'
SELECT recsys.create_dataset_group('ml');
SELECT recsys.create_dataset('ml', 'interactions');
SELECT recsys.create_dataset('ml', 'items', '{"title": "string", "year": "float", "genres": "categorical", "directors": "categorical", "actors": "categorical", "plot": "textual"}');
CREATE TABLE train (user_id text, item_id text, event_type text, event_value float8, "timestamp" timestamptz, source text);
SQL
load ml-1m/train.csv.gz train
load ml-1m/items.csv.gz 'ml.items (item_id, title, year, genres, directors, actors, plot)'
sql -c 'INSERT INTO ml.interactions (user_id, item_id, event_type, event_value, "timestamp")
	SELECT user_id, item_id, event_type, event_value, "timestamp" FROM train'
sql -c "SELECT recsys.create_solution('next', 'ml', 'user-personalization')" \
	-c "SELECT recsys.create_solution_version('next', wait => true)" \
	-c "SELECT recsys.create_campaign('home', 'next')" >/dev/null
sql >/dev/null <<'SQL'
CREATE TABLE answer AS SELECT u.id, r.* FROM (SELECT DISTINCT user_id::int AS id FROM train) AS u,
	recsys.get_recommendations('home', u.id) AS r;
ALTER TABLE answer ADD PRIMARY KEY (id, rank);
SQL
sql >/dev/null <<'SQL'
CREATE TABLE picked AS SELECT id, array_agg(item_id ORDER BY rank) AS items FROM answer GROUP BY id;
ALTER TABLE picked ADD PRIMARY KEY (id);
SQL
sql -c 'VACUUM ANALYZE'
users=$(value -c 'SELECT max(id) FROM answer')

mkdir -p "$scratch/pgbench"
printf '\\set u random(1, %s)\nSELECT rank, item_id, score, reason, promotion_name, metadata, recommendation_id FROM recsys.get_recommendations($q$home$q$, :u::bigint);\n' \
	"$users" >"$scratch/pgbench/request.sql"
printf '\\set u random(1, %s)\nSELECT rank, item_id, score, reason, promotion_name, metadata, recommendation_id FROM answer WHERE id = :u;\n' \
	"$users" >"$scratch/pgbench/neighbours.sql"
printf '\\set u random(1, %s)\nSELECT item_id, title, year, genres FROM ml.items WHERE item_id = ANY((SELECT items FROM picked WHERE id = :u)::text[]);\n' \
	"$users" >"$scratch/pgbench/lookup.sql"
chmod -R a+rwX "$scratch/pgbench"

# turn SCRIPT: one round; appends the latencies in microseconds to SCRIPT.us and the transactions per second to SCRIPT.tps
turn() {
	as_user bash -c "cd '$scratch/pgbench' && rm -f log.* && pgbench -n -M prepared -c $clients -j $clients -T $seconds_a_round \
		-l --log-prefix=log -f $1.sql postgres" | awk '/^tps/ { print $3 }' >>"$scratch/pgbench/$1.tps"
	cat "$scratch"/pgbench/log.* | awk '{ print $3 }' >>"$scratch/pgbench/$1.us"
}
for ((round = 0; round < rounds; ++round)); do
	turn lookup
	turn neighbours
	turn request
done
percentile() {
	sort -n "$scratch/pgbench/$1.us" | awk -v p="$2" '{ v[NR] = $1 } END { i = int(NR * p) + 1; if (i > NR) i = NR; printf "%.3f", v[i] / 1000 }'
}
mean() { awk '{ sum += $1 } END { printf "%.0f", sum / NR }' "$scratch/pgbench/$1.tps"; }
for script in lookup neighbours request; do
	measured "$script: transactions a second" "$(mean $script)"
done
measured "request: median, ms" "$(percentile request .5)" '<=' 1
measured "request: p99, ms" "$(percentile request .99)" '<=' 5
measured "lookup: median, ms" "$(percentile lookup .5)"
ratio() { awk -v r="$(mean request)" -v l="$(mean "$1")" 'BEGIN { printf "%.3f", r / l }'; }
measured "requests for one lookup of 25 keys" "$(ratio lookup)" '>=' .333
measured "requests for 25 neighbouring rows read" "$(ratio neighbours)"
first=$(sql -c '\timing on' -c "SELECT count(*) FROM recsys.get_recommendations('home', 42)" | awk '/^Time:/ { print $2 }')
measured "first answer of a connection, ms" "$first" '<=' 20
exit "$failed"
