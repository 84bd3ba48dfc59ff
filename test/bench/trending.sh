#!/bin/bash
# What is trending, at ten million events of a year: what one count costs, by the length of the interval, and what a kept one does.
# A request may count at any time (after its own writes, it must), so a count in the default interval has to be as cheap as a page
# can bear: 20 ms. The longest interval holds 55,000 events of two days here; it may take 250 ms, once in ten seconds a session.
# Then a stream is replayed: at every step the answer must be that of a plain SQL count over the events until then, and what
# trends is compared with what was popular in the last week by the share of the next interval's events that each foresees by 25 items.
set -euo pipefail
source "$(dirname "$0")/bench.sh"
bench_open trending
events=${EVENTS:-10000000} items=20000

sql >/dev/null <<SQL
SELECT recsys.create_dataset_group('shop');
SELECT recsys.create_dataset('shop', 'interactions');
CREATE TABLE setting (name text, frequency text);
INSERT INTO setting VALUES ('m30', '30 minutes'), ('h1', '1 hour'), ('h2', '2 hours'), ('h3', '3 hours'), ('d1', '1 day');
-- The models behind are trained on the first few events: what trends needs no training.
INSERT INTO shop.interactions (user_id, item_id, "timestamp") SELECT 'u' || e % 100, 'i' || e, '2024-01-01' FROM generate_series(1, 5000) AS e;
SELECT recsys.create_solution(name, 'shop', 'trending-now', hyperparameters => jsonb_build_object('trend_discovery_frequency', frequency)) FROM setting;
SELECT recsys.create_solution_version(name, wait => true) FROM setting;
SELECT recsys.create_campaign(name, name) FROM setting;
SQL
stopwatch
# Events come in order of time, as they do in life; a quarter of each hour's goes to favourites of that hour.
sql -c "INSERT INTO shop.interactions (user_id, item_id, event_type, \"timestamp\")
	SELECT 'u' || (hashint8(e) & 2147483647) % 200000, 'i' || CASE WHEN e % 4 = 0 THEN (hashint8(e::bigint * 8760 / $events) & 2147483647) % $items + e / 4 % 7
		ELSE (power(random(), 3) * $items)::int END, CASE WHEN e % 10 = 0 THEN 'purchase' ELSE 'view' END,
		'2024-01-01'::timestamptz + e * (interval '365 days' / $events) FROM generate_series(1, $events) AS e" -c 'VACUUM ANALYZE shop.interactions'
stopwatch
measured "loading, seconds" "$seconds"

# request CAMPAIGN CACHE: median milliseconds of 21 requests in one session
request() {
	local script
	script=$(printf "SELECT count(*) FROM recsys.get_recommendations('%s');\n%.0s" $(yes "$1" | head -22))
	sql -c "SET recsys.trending_cache = $2" -c '\timing on' -f <(echo "$script") | awk '/^Time:/ { print $2 }' | tail -21 | sort -n | sed -n 11p
}
for name in m30 h1 h2 h3 d1; do
	limit=250
	[ "$name" = d1 ] || limit=60
	[ "$name" != m30 ] || limit=20
	measured "$name: a count, ms" "$(request "$name" 0)" '<=' "$limit"
done
measured "m30: counts kept, ms" "$(request m30 10)" '<=' 10
sql -c "SET max_parallel_workers_per_gather = 0" -c "SET enable_indexscan = off" -c "SET enable_bitmapscan = off" \
	-c "SET recsys.trending_cache = 0" -c '\timing on' -c "SELECT count(*) FROM recsys.get_recommendations('m30')" >"$scratch/without"
measured "m30: without the index, ms" "$(awk '/^Time:/ { print $2 }' "$scratch/without" | tail -1)"

# ---- a replayed stream: two days, hour by hour
sql >/dev/null <<'SQL'
CREATE TABLE stream AS SELECT user_id, item_id, event_type, "timestamp" FROM shop.interactions WHERE "timestamp" > '2024-12-26';
CREATE INDEX ON stream ("timestamp");
DELETE FROM shop.interactions WHERE "timestamp" > '2024-12-26';
CREATE TABLE popular (item_id text);
CREATE TABLE step (name text, step integer, wrong bigint, foreseen_trending float8, foreseen_popular float8);
VACUUM ANALYZE shop.interactions;
SET recsys.trending_cache = 0;
DO $$
DECLARE upto timestamptz; width interval; s record; newest timestamptz;
BEGIN
	FOR i IN 1 .. 48 LOOP
		upto := '2024-12-26'::timestamptz + i * interval '1 hour';
		INSERT INTO shop.interactions (user_id, item_id, event_type, "timestamp") SELECT * FROM stream
		WHERE "timestamp" > upto - interval '1 hour' AND "timestamp" <= upto;
		SELECT max("timestamp") INTO newest FROM shop.interactions;
		TRUNCATE popular;
		INSERT INTO popular SELECT item_id FROM shop.interactions WHERE "timestamp" > newest - interval '7 days' GROUP BY 1 ORDER BY count(*) DESC LIMIT 25;
		FOR s IN SELECT * FROM setting LOOP
			width := s.frequency::interval;
			INSERT INTO step
			WITH answer AS MATERIALIZED (SELECT * FROM recsys.get_recommendations(s.name)),
			growth AS MATERIALIZED (SELECT item_id, count(*) FILTER (WHERE "timestamp" > newest - width)
				- count(*) FILTER (WHERE "timestamp" <= newest - width) AS n FROM shop.interactions
				WHERE "timestamp" > newest - 2 * width GROUP BY 1),
			best AS (SELECT row_number() OVER (ORDER BY n DESC) AS rank, n FROM growth),
			next AS MATERIALIZED (SELECT item_id FROM stream WHERE "timestamp" > newest AND "timestamp" <= newest + width)
			SELECT s.name, i, (SELECT count(*) FROM answer AS a JOIN best USING (rank) LEFT JOIN growth AS g USING (item_id)
					WHERE best.n > 0 AND best.n IS DISTINCT FROM g.n OR best.n > 0 AND a.reason <> 'trending'),
				(SELECT avg((item_id IN (SELECT item_id FROM answer))::int) FROM next),
				(SELECT avg((item_id IN (SELECT item_id FROM popular))::int) FROM next);
		END LOOP;
	END LOOP;
END $$;
SQL
stopwatch
measured "replaying 48 hours, seconds" "$seconds"
measured "replay: answers that differ from SQL" "$(value -c 'SELECT sum(wrong) FROM step')" '<=' 0
for name in m30 h1 h2 h3 d1; do
	measured "$name: next interval foreseen, of 1" "$(value -c "SELECT round(avg(foreseen_trending)::numeric, 4) FROM step WHERE name = '$name'")"
	measured "$name: by what is popular" "$(value -c "SELECT round(avg(foreseen_popular)::numeric, 4) FROM step WHERE name = '$name'")"
done
exit "$failed"
