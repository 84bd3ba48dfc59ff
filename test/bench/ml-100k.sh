#!/bin/bash
# From CSV files to the first answer, with the default settings, on MovieLens-100K. Limit: 30 seconds.
set -euo pipefail
source "$(dirname "$0")/bench.sh"
bench_open ml-100k ml-100k/interactions.csv.gz ml-100k/items.csv ml-100k/users.csv

sql >/dev/null <<'SQL'
SELECT recsys.create_dataset_group('ml');
SELECT recsys.create_dataset('ml', 'interactions');
SELECT recsys.create_dataset('ml', 'items', '{"title": "textual", "year": "float", "genres": "categorical"}');
SELECT recsys.create_dataset('ml', 'users', '{"age": "float", "gender": "categorical", "occupation": "categorical", "zip": "string"}');
CREATE TABLE film (item_id text, title text, year text, genres text); -- one year is not a number
SQL
load ml-100k/interactions.csv.gz 'ml.interactions (user_id, item_id, event_type, event_value, "timestamp")'
load ml-100k/items.csv film
load ml-100k/users.csv 'ml.users (user_id, age, gender, occupation, zip)'
sql >/dev/null <<'SQL'
INSERT INTO ml.items (item_id, title, year, genres) SELECT item_id, title, CASE WHEN year ~ '^\d+$' THEN year::real END, genres FROM film;
ANALYZE;
SELECT recsys.create_solution('films', 'ml', 'user-personalization');
SELECT recsys.create_solution_version('films', wait => true);
SELECT recsys.create_campaign('home', 'films');
SQL
answer=$(value -c "SELECT count(*) FROM recsys.get_recommendations('home', user_id => '1', num_results => 25)")
stopwatch
measured "items in the first answer" "$answer" '>=' 25
measured "CSV to first answer, seconds" "$seconds" '<=' 30
version_figures films/1
sql -c "SELECT metric, round(value::numeric, 4) AS value FROM recsys.get_solution_metrics('films/1')"
exit "$failed"
