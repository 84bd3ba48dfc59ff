-- Versions trained here (wait => true): results, determinism, what is read, descriptions, deletion.
SELECT count(*) AS revisions FROM recsys_internal.model_revision \gset
SELECT count(*) AS chunks FROM recsys_internal.model_chunk \gset
\set SHOW_CONTEXT never
\pset format unaligned
\pset tuples_only on
CREATE FUNCTION pg_temp.try(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE d text; h text;
BEGIN
    EXECUTE statement;
    RETURN 'ok';
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS d = PG_EXCEPTION_DETAIL, h = PG_EXCEPTION_HINT;
    RETURN concat_ws(' | ', SQLSTATE, SQLERRM, nullif(d, ''), nullif(h, ''));
END $$;
SELECT recsys.create_dataset_group('train_versions');
SELECT recsys.create_dataset('train_versions', 'interactions');
SELECT recsys.create_dataset('train_versions', 'items');
-- 60 users, 40 items; item i is chosen by about 60 / i users
INSERT INTO train_versions.interactions (user_id, item_id, event_type, event_value, "timestamp")
SELECT 'u' || u, 'i' || i, CASE WHEN (u + i) % 3 = 0 THEN 'Purchase' ELSE 'Click' END, (u * i) % 5 + 1,
    '2024-01-01'::timestamptz + make_interval(hours => (u * 7919 + i * 104729) % 5000)
FROM generate_series(1, 60) AS u, generate_series(1, 40) AS i WHERE u % i = 0 OR (u * i) % 11 = 0;
INSERT INTO train_versions.items (item_id, creation_timestamp)
SELECT 'i' || i, '2023-12-01'::timestamptz FROM generate_series(1, 45) AS i;
SELECT recsys.create_solution('popular', 'train_versions', 'popularity-count', keep_versions => 0);
SELECT recsys.create_solution('similar', 'train_versions', 'sims', hyperparameters => '{"min_cointeraction_count": 1}', keep_versions => 0);
SELECT recsys.create_solution('liked', 'train_versions', 'popularity-count', event_type => 'Purchase', event_value_threshold => 3,
    negative_event_types => '{Click}');

SELECT recsys.create_solution_version('popular', wait => true);
SELECT recsys.create_solution_version('train_versions.similar', 'FULL', true);
SELECT recsys.create_solution_version('liked', wait => true);
SELECT solution, name, number, recipe, status, failure_reason, training_mode, training_type, wall_seconds > 0, training_hours >= 0,
    peak_memory > 0, model_bytes > 0, length(content_hash), created_at <= started_at, started_at < finished_at
FROM recsys.solution_versions WHERE dataset_group = 'train_versions' ORDER BY name;
SELECT recsys.describe_solution('popular')->'latest_solution_version'->'name';

-- what was read, and what was left out and why
SELECT jsonb_pretty(recsys.describe_solution_version('popular/1')->'data_summary');
SELECT jsonb_pretty(recsys.describe_solution_version('liked')->'data_summary');
SELECT recsys.describe_solution_version('liked/1')->'config';
SELECT k FROM jsonb_object_keys(recsys.describe_solution_version('liked/1')) AS k ORDER BY 1;

-- metrics: the same in both places, in order, between 0 and 1
SELECT metric, value BETWEEN 0 AND 1 FROM recsys.get_solution_metrics('similar/1');
SELECT jsonb_object_agg(metric, value) = recsys.describe_solution_version('similar/1')->'metrics' FROM recsys.get_solution_metrics('similar/1');

-- equal rows make equal models: with one thread and two, whatever the order of the rows, and with rows that come twice
SET recsys.train_threads = 1;
SELECT recsys.create_solution_version('similar', wait => true);
SET recsys.train_threads = 2;
SELECT recsys.create_solution_version('similar', wait => true);
CREATE TEMP TABLE shuffled AS SELECT * FROM train_versions.interactions;
DELETE FROM train_versions.interactions;
INSERT INTO train_versions.interactions SELECT * FROM shuffled ORDER BY md5(user_id || item_id);
INSERT INTO train_versions.interactions SELECT * FROM shuffled LIMIT 50;
SELECT recsys.create_solution_version('similar', wait => true);
SELECT count(DISTINCT content_hash), count(*) FROM recsys.solution_versions WHERE solution = 'similar' AND dataset_group = 'train_versions';
SELECT recsys.describe_solution_version('similar/1')->'data_summary'->'interactions' = recsys.describe_solution_version('similar/4')->'data_summary'->'interactions';
SELECT recsys.describe_solution_version('similar/4')->'metrics' = recsys.describe_solution_version('similar/1')->'metrics';
-- one more event makes another model
INSERT INTO train_versions.interactions (user_id, item_id, "timestamp") VALUES ('u1', 'i40', '2024-08-01');
SELECT recsys.create_solution_version('similar', wait => true);
SELECT count(DISTINCT content_hash) FROM recsys.solution_versions WHERE solution = 'similar' AND dataset_group = 'train_versions';

-- rows of this transaction count; a rollback takes version and model back; the number stays free
BEGIN;
INSERT INTO train_versions.interactions (user_id, item_id, "timestamp") VALUES ('new', 'i1', '2024-08-01'), ('new', 'i2', '2024-08-02');
SELECT recsys.create_solution_version('popular', wait => true);
SELECT (recsys.describe_solution_version('popular')->'data_summary'->>'users')::int;
ROLLBACK;
SELECT recsys.describe_solution_version('popular')->>'name', recsys.describe_solution_version('popular')->'data_summary'->>'users';
SELECT count(*) = (SELECT count(*) FROM recsys_internal.solution_version) FROM recsys_internal.model_revision;

-- aliases: events of two ids are one user's
INSERT INTO train_versions.user_aliases VALUES ('u60', 'u59'), ('u58', 'u57');
SELECT recsys.create_solution_version('popular', wait => true);
SELECT recsys.describe_solution_version('popular/2')->'data_summary'->>'users', (recsys.describe_solution_version('popular/2')->'data_summary'->>'rows_of_aliases')::int
    = (SELECT count(*) FROM train_versions.interactions WHERE user_id IN ('u60', 'u58'));

-- estimates count what the filter leaves
SELECT interactions = (SELECT count(*) FROM train_versions.interactions WHERE event_type = 'Click' OR event_type = 'Purchase' AND event_value >= 3),
    users, items, wall_seconds > 0, cpu_hours > 0, peak_memory > 0 FROM recsys.estimate_training('liked');

-- a model is stored in chunks of at most 1 MB that make up its sections
SELECT bool_and(length(c.data) <= 1048576), count(*) > 0 FROM recsys_internal.model_chunk AS c;
SELECT count(*) FROM (SELECT r.version_id, s->>'hash' AS hash, (s->>'size')::bigint AS size FROM recsys_internal.model_revision AS r, jsonb_array_elements(r.sections) AS s) AS s
WHERE size <> coalesce((SELECT sum(length(data)) FROM recsys_internal.model_chunk AS c WHERE c.version_id = s.version_id AND c.section_hash = s.hash), 0);

-- refused
SELECT pg_temp.try($$SELECT recsys.create_solution_version('popular', 'UPDATE', true)$$);
SELECT pg_temp.try($$SELECT recsys.create_solution_version('popular', 'SOMETIMES', true)$$);
SELECT pg_temp.try($$SELECT recsys.create_solution_version('nothing', wait => true)$$);
SELECT pg_temp.try($$SELECT recsys.create_solution_version('popular', NULL)$$);
SELECT pg_temp.try($$SELECT recsys.describe_solution_version('popular/99')$$);
SELECT pg_temp.try($$SELECT recsys.describe_solution_version('popular/x')$$);
SELECT pg_temp.try($$SELECT * FROM recsys.get_solution_metrics('popular/99')$$);
SELECT pg_temp.try($$SELECT recsys.stop_solution_version_creation('popular/1')$$);
SELECT pg_temp.try($$SELECT recsys.stop_solution_version_creation('popular/99')$$);
SELECT recsys.wait_for('popular/1', '1 second');

-- a campaign holds its version and its solution
INSERT INTO recsys_internal.campaign (group_id, name, solution_id, version_id)
SELECT s.group_id, 'c', s.id, v.id FROM recsys_internal.solution AS s JOIN recsys_internal.solution_version AS v ON v.solution_id = s.id
WHERE s.name = 'popular' AND v.number = 1;
SELECT pg_temp.try($$SELECT recsys.delete_solution_version('popular/1')$$);
SELECT pg_temp.try($$SELECT recsys.delete_solution('popular')$$);
DELETE FROM recsys_internal.campaign;

-- a version that is trained while a campaign waits for it, or follows its solution, is deployed at once
INSERT INTO recsys_internal.campaign (group_id, name, solution_id, version_id, sync_with_latest)
SELECT s.group_id, 'follows' || b, s.id, v.id, b FROM recsys_internal.solution AS s JOIN recsys_internal.solution_version AS v ON v.solution_id = s.id,
    unnest('{true,false}'::boolean[]) AS b WHERE s.name = 'popular' AND v.number = 1;
SELECT recsys.create_solution_version('popular', wait => true);
SELECT c.name, v.number, c.status FROM recsys_internal.campaign AS c JOIN recsys_internal.solution_version AS v ON v.id = c.version_id ORDER BY 1;
DELETE FROM recsys_internal.campaign;

-- deletion takes the model along; numbers are not used again
SELECT recsys.delete_solution_version('popular/3');
SELECT recsys.create_solution_version('popular', wait => true);
SELECT recsys.delete_solution('similar');
SELECT name FROM recsys.solution_versions WHERE dataset_group = 'train_versions' ORDER BY 1;
SELECT recsys.delete_dataset_group('train_versions', cascade => true);
SELECT count(*) - :revisions FROM recsys_internal.model_revision;
SELECT count(*) - :chunks FROM recsys_internal.model_chunk;
