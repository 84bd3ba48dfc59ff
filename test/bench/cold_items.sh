#!/bin/bash
# New films on MovieLens-1M: the 310 films whose number 11 divides lose all their events and keep their metadata. For the users
# whose last film is one of them (else the last but one), those films are ranked, by what they are like. The same again with
# fewer fields, to tell what each brings, and what fields do to lists of known films. SQL only.
#   COLD_REST=3 COLD_LAST=valid    other films, and the last event left out altogether: for whoever changes the method
#   COLD_VARIANTS="all no_fields"  only these
set -euo pipefail
source "$(dirname "$0")/bench.sh"
bench_open cold_items ml-1m/train.csv.gz ml-1m/valid.csv ml-1m/test.csv ml-1m/items.csv.gz ml-1m/users.csv
rest=${COLD_REST:-0} newest=${COLD_LAST:-test}

sql >/dev/null <<'SQL'
SELECT recsys.create_dataset_group('ml');
SELECT recsys.create_dataset('ml', 'interactions');
SELECT recsys.create_dataset('ml', 'items', '{"title": "string", "year": "float", "genres": "categorical", "directors": "categorical",
	"actors": "categorical", "plot": {"type": "textual", "language": "english"}}');
SELECT recsys.create_dataset('ml', 'users', '{"gender": "categorical", "age_group": "categorical", "occupation": "categorical", "zip": "string"}');
CREATE TABLE event (user_id text, item_id text, event_type text, event_value float8, "timestamp" timestamptz, source text, place serial);
SQL
for part in train.csv.gz valid.csv test.csv; do
	load "ml-1m/$part" 'event (user_id, item_id, event_type, event_value, "timestamp", source)'
	[ "$newest" != "${part%%.*}" ] || break
done
load ml-1m/items.csv.gz 'ml.items (item_id, title, year, genres, directors, actors, plot)'
load ml-1m/users.csv 'ml.users (user_id, gender, age_group, occupation, zip)'
sql <<SQL
CREATE TABLE numbered AS SELECT *, item_id::int % 11 = $rest AS cold,
	row_number() OVER (PARTITION BY user_id ORDER BY place DESC) AS from_end FROM event;
CREATE TABLE question AS SELECT DISTINCT ON (user_id) user_id, item_id, from_end FROM numbered WHERE cold AND from_end <= 2
	ORDER BY user_id, from_end;
INSERT INTO ml.interactions (user_id, item_id, event_type, event_value, "timestamp")
	SELECT n.user_id, n.item_id, n.event_type, n.event_value, n."timestamp" FROM numbered n LEFT JOIN question q USING (user_id)
	WHERE NOT n.cold AND n.from_end > coalesce(q.from_end, CASE '$newest' WHEN 'test' THEN 2 ELSE 1 END);
CREATE TABLE film AS SELECT array_agg(DISTINCT item_id) AS items FROM numbered WHERE cold;
ANALYZE;
SQL
measured "users" "$(value -c 'SELECT count(*) FROM question')"
measured "new films" "$(value -c 'SELECT cardinality(items) FROM film')"

# variant NAME EXCLUDED [NDCG-LIMIT HR-LIMIT]
variant() {
	[[ " ${COLD_VARIANTS:-$1} " == *" $1 "* ]] || return 0
	sql -c "SELECT recsys.create_solution('$1', 'ml', 'user-personalization', excluded_columns => '$2')" \
		-c "SELECT recsys.create_solution_version('$1', wait => true)" -c "SELECT recsys.create_campaign('$1', '$1')" >/dev/null
	stopwatch
	measured "$1: training, seconds" "$seconds"
	read -r ndcg hr < <(value -F ' ' -c "SELECT round(avg(CASE WHEN r.rank <= 10 THEN 1 / log(2, r.rank + 1) ELSE 0 END)::numeric, 4),
		round(avg((r.rank <= 10)::int), 4) FROM question q, film f, LATERAL (SELECT rank, item_id FROM
		recsys.get_personalized_ranking('$1', q.user_id, f.items)) r WHERE r.item_id = q.item_id")
	measured "$1: NDCG@10 of new films" "$ndcg" ${3:+'>=' "$3"}
	measured "$1: HR@10 of new films" "$hr" ${4:+'>=' "$4"}
	measured "$1: NDCG@10, known films" "$(value -c "SELECT round((recsys.describe_solution_version('$1/1')->'metrics'->>'normalized_discounted_cumulative_gain_at_10')::numeric, 4)")"
}
stopwatch
if [ "$rest $newest" = '0 test' ]; then goal='.112 .21'; else goal=''; fi
# shellcheck disable=SC2086
variant all '{}' $goal
variant genres '{"items": ["year", "directors", "actors", "plot"]}'
variant genres_year '{"items": ["directors", "actors", "plot"]}'
variant no_text '{"items": ["plot"]}'
variant no_fields '{"items": ["year", "genres", "directors", "actors", "plot"], "users": ["gender", "age_group", "occupation"]}'
exit "$failed"
