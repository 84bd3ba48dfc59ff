-- Batch segments: each line's users are those of get_user_segment; lines at fault; filters; what is refused.
SET client_min_messages = warning;
SELECT recsys.create_dataset_group('batch_segments');
SELECT recsys.create_dataset('batch_segments', 'interactions');
SELECT recsys.create_dataset('batch_segments', 'items', '{"genre": "categorical", "price": "float"}');
SELECT recsys.create_dataset('batch_segments', 'users', '{"plan": "categorical"}');
INSERT INTO batch_segments.items (item_id, genre, price)
SELECT 'i' || n, (ARRAY['Comedy', 'Drama', 'Comedy|Action', 'War'])[1 + n % 4], n % 5 FROM generate_series(0, 39) AS n;
INSERT INTO batch_segments.users (user_id, plan) SELECT 'u' || u, CASE u % 3 WHEN 0 THEN 'gold' ELSE 'basic' END FROM generate_series(0, 199) AS u;
INSERT INTO batch_segments.interactions (user_id, item_id, event_type, "timestamp")
SELECT 'u' || u, 'i' || (u % 4 + 4 * ((u * 7 + k * k * 3) % 10)), 'watch', timestamptz '2024-01-01' + k * interval '1 hour' + u * interval '1 second'
FROM generate_series(0, 199) AS u, generate_series(1, 8) AS k;
SELECT recsys.create_solution(name, 'batch_segments', recipe), recsys.create_solution_version(name, wait => true)
FROM (VALUES ('bs_item', 'item-affinity'), ('bs_genre', 'item-attribute-affinity'), ('bs_top', 'popularity-count')) AS s (name, recipe);
SELECT recsys.create_filter('bs_plan', 'batch_segments', 'INCLUDE UserID WHERE Users.PLAN IN ($PLAN)');
SELECT recsys.create_filter('bs_items', 'batch_segments', 'INCLUDE ItemID WHERE Items.PRICE > 1');

-- items from a relation into a relation
CREATE TABLE bs_in AS SELECT item_id, '{"PLAN": "gold"}'::json AS filter_values FROM batch_segments.items;
INSERT INTO bs_in VALUES ('unknown', '{"PLAN": "gold"}'), ('i1', NULL);
SELECT recsys.create_batch_segment_job('gold', 'bs_item', 'bs_in', 'bs_out', filter => 'bs_plan', num_results => 9, wait => true);
SELECT count(*), count(error), string_agg(error, '; ' ORDER BY line) AS errors FROM bs_out;
SELECT count(*) AS different FROM bs_out AS o WHERE error IS NULL AND o.output -> 'usersList' IS DISTINCT FROM (SELECT jsonb_agg(user_id ORDER BY rank)
	FROM recsys.get_user_segment('bs_item', o.input ->> 'itemId', num_results => 9, filter => 'bs_plan', filter_values => '{"PLAN": "gold"}'));
SELECT min(jsonb_array_length(output -> 'usersList')), max(jsonb_array_length(output -> 'usersList')) FROM bs_out;

-- attributes from a file into a file, to the byte
SELECT current_setting('data_directory') || '/batch_segments' AS folder \gset
\setenv FOLDER :folder
\! mkdir -p "$FOLDER/out"
\! printf '%s\n' '{"itemAttributes":"ITEMS.genre = \"Comedy\" AND ITEMS.genre = \"Action\""}' '{"itemAttributes":"Items.genre = \"Western\""}' '{"itemAttributes":"nonsense"}' '{"itemId":"i1"}' '{"itemAttributes":"Items.director = \"X\""}' > "$FOLDER/in.json"
SELECT recsys.create_batch_segment_job('attributes', 'bs_genre', :'folder' || '/in.json', :'folder' || '/out', num_results => 2, wait => true);
\! sed -E 's/"(u[0-9]+)"/U/g' "$FOLDER/out/in.json.out"
SELECT name, solution_version, num_results, status, lines, failed_lines FROM recsys.batch_segment_jobs WHERE dataset_group = 'batch_segments';
SELECT recsys.describe_batch_segment_job('gold') - 'created_at' - 'updated_at';
SELECT count(*) FROM recsys.batch_inference_jobs WHERE dataset_group = 'batch_segments';
SELECT resource, kind FROM recsys.jobs WHERE dataset_group = 'batch_segments' AND name = 'gold';

-- refused
\set VERBOSITY terse
SELECT recsys.create_batch_segment_job('gold', 'bs_item', 'bs_in', 'bs_out', wait => true);
SELECT recsys.create_batch_segment_job('x', 'bs_top', 'bs_in', 'bs_out', wait => true);
SELECT recsys.create_batch_inference_job('x', 'bs_item', 'bs_in', 'bs_out', wait => true);
SELECT recsys.create_batch_segment_job('x', 'bs_item', 'bs_in', 'bs_out', filter => 'bs_items', wait => true);
SELECT recsys.recommend_all('bs_item', 'bs_all');
SET recsys.service_limits = on;
SELECT recsys.create_batch_segment_job('x', 'bs_item', 'bs_in', 'bs_out', num_results => 5000001, wait => true);
INSERT INTO bs_in SELECT 'i1', NULL FROM generate_series(1, 459);
SELECT recsys.create_batch_segment_job('x', 'bs_item', 'bs_in', 'bs_out', wait => true);
RESET recsys.service_limits;
SELECT recsys.describe_batch_segment_job('x');
\! rm -r "$FOLDER"
SELECT recsys.delete_dataset_group('batch_segments', cascade => true);
DROP TABLE bs_in, bs_out;
