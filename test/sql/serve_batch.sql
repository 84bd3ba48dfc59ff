-- Batch inference: the lines' forms, each recipe, equality with answers in real time, what is refused and what fails a line alone.
SET client_min_messages = warning;
SELECT recsys.create_dataset_group('serve_batch');
SELECT recsys.create_dataset('serve_batch', 'interactions', '{"user_id": "long"}');
SELECT recsys.create_dataset('serve_batch', 'items', '{"genre": "categorical", "price": "double"}');
INSERT INTO serve_batch.items (item_id, genre, price)
SELECT 'i' || i, (ARRAY['a', 'b', 'a|c', 'd'])[1 + i * 7 % 4], i * 31 % 1000 FROM generate_series(1, 400) AS i;
INSERT INTO serve_batch.interactions (user_id, item_id, event_type, "timestamp")
SELECT u, 'i' || 1 + (u * u * 13 + n * n * 7 + u * n * 5) % 380, (ARRAY['view', 'purchase'])[1 + (u + n) % 2],
	'2024-02-01'::timestamptz + u * interval '1 hour' + n * interval '1 minute'
FROM generate_series(1, 120) AS u, generate_series(1, 20) AS n;
SELECT recsys.create_solution(name, 'serve_batch', recipe), recsys.create_solution_version(name, wait => true), recsys.create_campaign(name, name)
FROM (VALUES ('sb_home', 'user-personalization'), ('sb_like', 'sims'), ('sb_alike', 'similar-items'), ('sb_top', 'popularity-count'), ('sb_rank', 'personalized-ranking'),
	('sb_now', 'trending-now')) AS c (name, recipe);
SELECT recsys.create_filter('sb_genre', 'serve_batch', 'INCLUDE ItemID WHERE Items.GENRE IN ($GENRE)');
SELECT recsys.create_filter('sb_bought', 'serve_batch', 'EXCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("purchase")');
SELECT name FROM recsys.recipes WHERE NOT (capabilities ->> 'batch')::boolean AND name NOT LIKE 'vod-%' AND name NOT LIKE 'ecomm-%' ORDER BY 1;

-- A relation of users, into a relation that is made: each answer is the one in real time; users nobody knows get theirs as well.
CREATE TABLE sb_users AS SELECT u AS user_id, 'x' AS note FROM generate_series(1, 130) AS u;
SELECT recsys.create_batch_inference_job('users', 'sb_home', 'sb_users', 'sb_out', wait => true);
SELECT count(*), count(error), min(line), max(line) FROM sb_out;
CREATE FUNCTION pg_temp.listed(output jsonb) RETURNS SETOF record LANGUAGE sql AS $$
SELECT rank::integer, item, (output -> 'scores' ->> (rank::integer - 1))::float8
FROM jsonb_array_elements_text(output -> 'recommendedItems') WITH ORDINALITY AS l (item, rank) $$;
CREATE FUNCTION pg_temp.differences(campaign text, filter text DEFAULT NULL) RETURNS TABLE (user_id text, n bigint) LANGUAGE sql AS $$
SELECT o.input ->> 'userId', count(*) FROM sb_out AS o,
	LATERAL (SELECT rank, item_id, score FROM recsys.get_recommendations(campaign, o.input ->> 'userId', filter => filter)) AS r
	FULL JOIN LATERAL pg_temp.listed(o.output) AS l (rank integer, item_id text, score float8) USING (rank)
WHERE r.item_id IS DISTINCT FROM l.item_id OR r.score IS DISTINCT FROM l.score GROUP BY 1 ORDER BY 1 $$;
SELECT * FROM pg_temp.differences('sb_home');
-- added to, and with a filter
SELECT recsys.create_batch_inference_job('again', 'sb_home/1', 'sb_users', 'sb_out', wait => true);
SELECT count(*) FROM sb_out;
TRUNCATE sb_out;
SELECT recsys.create_batch_inference_job('bought', 'sb_home', 'sb_users', 'sb_out', filter => 'sb_bought', wait => true);
SELECT * FROM pg_temp.differences('sb_home', 'sb_bought');
SELECT count(*) AS bought FROM sb_out AS o, LATERAL pg_temp.listed(o.output) AS l (rank integer, item_id text, score float8)
JOIN serve_batch.interactions AS e USING (item_id) WHERE e.user_id = (o.input ->> 'userId')::bigint AND e.event_type = 'purchase';

-- related items, and the popular list
CREATE TABLE sb_items AS SELECT item_id FROM serve_batch.items UNION ALL VALUES ('unknown');
SELECT recsys.create_batch_inference_job('related_' || name, name, 'sb_items', 'sb_related_' || name, num_results => 6, wait => true)
FROM unnest('{sb_like,sb_alike,sb_top}'::text[]) AS name;
SELECT name, count(*), count(*) FILTER (WHERE output ->> 'scores' IS NOT NULL) AS scored, count(*) FILTER (WHERE output -> 'recommendedItems' IS DISTINCT FROM (SELECT jsonb_agg(item_id ORDER BY rank)
	FROM recsys.get_recommendations(name, item_id => input ->> 'itemId', num_results => 6))) AS different
FROM (SELECT 'sb_like' AS name, * FROM sb_related_sb_like UNION ALL SELECT 'sb_alike', * FROM sb_related_sb_alike UNION ALL SELECT 'sb_top', * FROM sb_related_sb_top) AS r
GROUP BY name ORDER BY name;
DROP TABLE sb_items, sb_related_sb_like, sb_related_sb_alike, sb_related_sb_top;

-- Files: JSON lines of each recipe, with lines that are at fault among them.
SELECT current_setting('data_directory') || '/serve_batch' AS folder \gset
\setenv FOLDER :folder
\! mkdir -p "$FOLDER/in" "$FOLDER/out" "$FOLDER/empty"
\! printf '%s\n' '{"userId": "1"}' 'broken' '' '{"itemId":"i5"}' '{"userId":7, "filterValues":{"GENRE":"\"a\""}}' '{"userId":"nobody"}' > "$FOLDER/in/home.json"
\! printf '%s\r\n%s' '{"userId":"9"}' '{"userId":"10"}' > "$FOLDER/in/more.json"
SELECT recsys.create_batch_inference_job('folder', 'sb_home', :'folder' || '/in', :'folder' || '/out', num_results => 2, wait => true);
\! ls "$FOLDER/out"; sed -E 's/"(i[0-9]+)"/I/g; s/[0-9.]+(e-[0-9]+)?([],])/N\2/g' "$FOLDER/out/home.json.out"; sed -E 's/"recommendedItems.*\}/…}/' "$FOLDER/out/more.json.out"
\! printf '%s\n' '{"itemId":"i5"}' '{"itemId":"unknown"}' '{"userId":"1"}' '{"itemId":"i6","userId":"1"}' > "$FOLDER/like.json"
SELECT recsys.create_batch_inference_job('like', 'sb_like', :'folder' || '/like.json', :'folder' || '/out/', num_results => 3, wait => true);
\! sed -E 's/"(i[0-9]+)"([],])/I\2/g' "$FOLDER/out/like.json.out"
SELECT recsys.create_batch_inference_job('top', 'sb_top', :'folder' || '/in/more.json', :'folder' || '/out', num_results => 3, wait => true);
\! sed -E 's/"(i[0-9]+)"/I/g' "$FOLDER/out/more.json.out"
\! printf '%s\n' '{"userId":"3","itemList":["i7","i8","zz","i7"]}' '{"userId":"3"}' '{"userId":"3","itemList":[]}' '{"userId":"3","itemList":7}' > "$FOLDER/rank.json"
SELECT recsys.create_batch_inference_job('rank', 'sb_rank', :'folder' || '/rank.json', :'folder' || '/out', wait => true);
\! sed -E 's/[0-9]\.[0-9]+/N/g; s/"i[78]","i[78]"/I,I/' "$FOLDER/out/rank.json.out"
-- placeholders of a filter: values line by line; without one an error of that line
\! printf '%s\n' '{"userId":"1","filterValues":{"GENRE":"\"d\",\"c\""}}' '{"userId":"1","filterValues":{"GENRE":"\"nothing\""}}' '{"userId":"1"}' '{"userId":"1","filterValues":{"OTHER":"\"d\""}}' '{"userId":"1","filterValues":[]}' > "$FOLDER/values.json"
SELECT recsys.create_batch_inference_job('values', 'sb_home', :'folder' || '/values.json', 'sb_values', filter => 'serve_batch.sb_genre', wait => true);
SELECT v.line, v.error, jsonb_array_length(v.output -> 'recommendedItems') AS items, i.genres
FROM sb_values AS v, LATERAL (SELECT string_agg(DISTINCT genre, ' ' ORDER BY genre) AS genres FROM serve_batch.items
	WHERE item_id IN (SELECT jsonb_array_elements_text(v.output -> 'recommendedItems'))) AS i ORDER BY v.line;
-- a relation of lines, to a file; a view gives the order; arrays; numbers
CREATE VIEW sb_lines AS SELECT input FROM (VALUES (2, '{"userId":"2"}'), (1, E'{"userId":\n"1"}'), (3, NULL), (4, ' ')) AS l (n, input) ORDER BY n;
SELECT recsys.create_batch_inference_job('lines', 'sb_top', 'sb_lines', :'folder' || '/out', num_results => 1, wait => true);
\! sed -E 's/"(i[0-9]+)"/I/g' "$FOLDER/out/lines.out"
CREATE TABLE sb_lists AS SELECT 5::smallint AS user_id, '{i1,i2,i3}'::varchar[] AS item_list, NULL::text AS filter_values;
SELECT recsys.create_batch_inference_job('lists', 'sb_rank', 'sb_lists', 'sb_list_out', wait => true);
SELECT input, jsonb_array_length(output -> 'recommendedItems') AS items, error FROM sb_list_out;
-- a list that is too long is that line's fault
CREATE TABLE sb_long AS SELECT 5 AS user_id, (SELECT array_agg('i' || i) FROM generate_series(1, n) AS i) AS item_list FROM unnest('{10001,2}'::integer[]) AS n;
SELECT recsys.create_batch_inference_job('long', 'sb_rank', 'sb_long', 'sb_list_out', wait => true);
SELECT line, jsonb_array_length(output -> 'recommendedItems') AS items, error FROM sb_list_out ORDER BY line, items;
DROP TABLE sb_long;
-- large answers: a line a part
SELECT recsys.create_batch_inference_job('large', 'sb_top', 'sb_users', 'sb_large', num_results => 2000000, wait => true);
SELECT count(*), min(jsonb_array_length(output -> 'recommendedItems')) FROM sb_large;
DROP TABLE sb_large;
CREATE TABLE sb_nobody (user_id bigint);
SELECT recsys.create_batch_inference_job('nobody', 'sb_home', 'sb_nobody', 'sb_nobody_out', wait => true);
SELECT count(*) FROM sb_nobody_out;
\! ls -A "$FOLDER/out" | tr '\n' ' '; stat -c %a "$FOLDER/out/lines.out"

-- What they did.
SELECT name, solution_version, regexp_replace(input, '^.*/', '…/') AS input, replace(output, :'folder', '') AS output, filter, num_results, status, failure_reason, lines, failed_lines
FROM recsys.batch_inference_jobs WHERE name IN ('users', 'values', 'lists', 'lines');
SELECT recsys.describe_batch_inference_job('serve_batch.values') - 'created_at' - 'updated_at' - 'input';
SELECT resource, kind, status, result FROM recsys.jobs WHERE name = 'values' AND kind = 'batch_inference';
SELECT count(*) AS kept_lines FROM recsys_internal.batch_part;
SELECT recsys.describe_batch_inference_job('absent');

-- Refused, and nothing is done.
\set VERBOSITY terse
SELECT recsys.create_batch_inference_job('users', 'sb_home', 'sb_users', 'sb_out', wait => true);
SELECT recsys.create_batch_inference_job('bad name', 'sb_home', 'sb_users', 'sb_out', wait => true);
SELECT recsys.create_batch_inference_job('x', 'absent', 'sb_users', 'sb_out', wait => true);
SELECT recsys.create_batch_inference_job('x', 'sb_now', 'sb_users', 'sb_out', wait => true);
SELECT recsys.create_batch_inference_job('x', 'sb_home', 'absent', 'sb_out', wait => true);
SELECT recsys.create_batch_inference_job('x', 'sb_home', 'sb_users', 'a.b.c.d', wait => true);
SELECT recsys.create_batch_inference_job('x', 'sb_home', 'sb_users', 'nowhere.t', wait => true);
SELECT recsys.create_batch_inference_job('x', 'sb_home', 'sb_users', 'sb_users', wait => true);
CREATE TABLE sb_types (line bigint, input bigint, output jsonb, error text);
SELECT recsys.create_batch_inference_job('x', 'sb_home', 'sb_users', 'sb_types', wait => true);
CREATE TABLE sb_other (name text);
SELECT recsys.create_batch_inference_job('x', 'sb_home', 'sb_other', 'sb_out', wait => true);
SELECT recsys.create_batch_inference_job('x', 'sb_home', 'sb_users', 'sb_out', filter => 'absent', wait => true);
SELECT recsys.create_batch_inference_job('x', 'sb_home', 'sb_users', 'sb_out', num_results => 0, wait => true);
SELECT recsys.create_batch_inference_job('x', 'sb_top', 'sb_users', 'sb_out', exploration_weight => 0.7, wait => true);
SELECT recsys.create_batch_inference_job('x', 'sb_home', 'sb_users', 'sb_out', exploration_weight => 7, wait => true);
SELECT recsys.create_batch_inference_job('x', 'sb_home', :'folder' || '/in', :'folder' || '/in/', wait => true);
SELECT recsys.create_batch_inference_job('x', 'sb_home', :'folder' || '/in/home.json', :'folder' || '/in', wait => true);
SELECT recsys.create_batch_inference_job('x', 'sb_home', '/absent', 'sb_out', wait => true);
DO $$ BEGIN PERFORM recsys.create_batch_inference_job('x', 'sb_home', 'sb_users', current_setting('data_directory') || '/serve_batch/absent', wait => true);
EXCEPTION WHEN OTHERS THEN RAISE WARNING '% %', SQLSTATE, replace(SQLERRM, current_setting('data_directory'), ''); END $$;
DO $$ BEGIN PERFORM recsys.create_batch_inference_job('x', 'sb_home', current_setting('data_directory') || '/serve_batch/empty', 'sb_out', wait => true);
EXCEPTION WHEN OTHERS THEN RAISE WARNING '% %', SQLSTATE, replace(SQLERRM, current_setting('data_directory'), ''); END $$;
SET recsys.service_limits = on;
SELECT recsys.create_batch_inference_job('x', 'sb_home', 'sb_users', 'sb_out', num_results => 501, wait => true);
RESET recsys.service_limits;
CREATE ROLE serve_batch_reader;
GRANT USAGE ON SCHEMA serve_batch TO serve_batch_reader;
GRANT SELECT ON ALL TABLES IN SCHEMA serve_batch TO serve_batch_reader;
SET ROLE serve_batch_reader;
SELECT recsys.create_batch_inference_job('x', 'sb_home', 'sb_users', 'sb_out', wait => true);
RESET ROLE;
SELECT count(*) FROM recsys.jobs WHERE name = 'x';
SELECT count(*) AS untouched FROM sb_out;

-- While a job is waiting, its filter and its version stay.
INSERT INTO recsys_internal.job (group_id, kind, name, resource_id, config)
SELECT group_id, kind, 'waiting', resource_id, config FROM recsys_internal.job WHERE name = 'values';
SELECT recsys.delete_filter('sb_genre');
SELECT recsys.delete_campaign('sb_home');
SELECT recsys.delete_solution_version('sb_home/1');
DELETE FROM recsys_internal.job WHERE name = 'waiting';
SELECT recsys.delete_solution_version('sb_home/1');

\! rm -r "$FOLDER"
SELECT recsys.delete_dataset_group('serve_batch', cascade => true);
DROP TABLE sb_users, sb_out, sb_values, sb_lists, sb_list_out, sb_nobody, sb_nobody_out, sb_types, sb_other;
DROP VIEW sb_lines;
DROP OWNED BY serve_batch_reader;
DROP ROLE serve_batch_reader;
