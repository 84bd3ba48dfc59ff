-- The search for settings (perform_hpo) and for a recipe (perform_auto_ml): what is searched, what is found, and that it can be used again.
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
SELECT recsys.create_dataset_group('train_tuning');
SELECT recsys.create_dataset('train_tuning', 'interactions');
-- 400 users with one of eight tastes: eight items out of ten that they share with their kind, some of everything
INSERT INTO train_tuning.interactions (user_id, item_id, event_type, "timestamp")
SELECT 'u' || u, 'i' || CASE WHEN hashint4(u * 100 + e) % 4 = 0 THEN abs(hashint4(e * 1000 + u)) % 80 ELSE u % 8 * 10 + abs(hashint4(u * 31 + e)) % 10 END,
    'Click', '2024-01-01'::timestamptz + make_interval(hours => u + e * 10)
FROM generate_series(1, 400) AS u, generate_series(1, 12) AS e;

-- settings: found, readable, and not worse than those as given
SELECT recsys.create_solution('searched', 'train_tuning', 'sims', hyperparameters => '{"min_cointeraction_count": 10, "popularity_discount_factor": 1}',
    perform_hpo => true, hpo_config => '{"max_training_jobs": 8, "ranges": {"min_cointeraction_count": {"min": 0, "max": 10}}}');
SELECT d->'perform_hpo', d->'perform_auto_ml', d->'hpo_config', d->'tuned' FROM recsys.describe_solution('searched') AS d;
SELECT recsys.create_solution_version('searched', wait => true);
CREATE VIEW pg_temp.trial AS
SELECT t.*, t.trial = (d->'tuning'->>'best')::int AS best FROM recsys.describe_solution_version('searched') AS d,
    jsonb_to_recordset(d->'tuning'->'trials') AS t(trial integer, recipe text, hyperparameters jsonb, users integer, value float8);
SELECT count(*), count(DISTINCT hyperparameters), min(users) = max(users), bool_and(value BETWEEN 0 AND 1), count(*) FILTER (WHERE best) FROM pg_temp.trial;
SELECT value = (SELECT max(value) FROM pg_temp.trial), value > (SELECT value FROM pg_temp.trial WHERE trial = 1), hyperparameters->'popularity_discount_factor'
FROM pg_temp.trial WHERE best;
SELECT hyperparameters->'min_cointeraction_count' FROM pg_temp.trial WHERE trial = 1;
SELECT d->'tuned_hpo_params' = (SELECT jsonb_build_object('min_cointeraction_count', hyperparameters->'min_cointeraction_count') FROM pg_temp.trial WHERE best),
    d->'config'->'hyperparameters' = (SELECT hyperparameters FROM pg_temp.trial WHERE best), d->'tuning'->>'objective'
FROM recsys.describe_solution_version('searched') AS d;
SELECT d->'tuned'->>'solution_version', d->'tuned'->'tuned_hpo_params' = recsys.describe_solution_version('searched')->'tuned_hpo_params'
FROM recsys.describe_solution('searched') AS d;
-- used again as they are, they make the same model without a search
SELECT recsys.create_solution('again', 'train_tuning', 'sims', hyperparameters => recsys.describe_solution_version('searched')->'tuned_hpo_params' || '{"popularity_discount_factor": 1}');
SELECT recsys.create_solution_version('again', wait => true);
SELECT count(DISTINCT content_hash) FROM recsys.solution_versions WHERE dataset_group = 'train_tuning';
SELECT recsys.describe_solution_version('again')->'tuning', recsys.describe_solution_version('again')->'tuned_hpo_params';
-- and the search itself finds the same again
SELECT recsys.create_solution_version('searched', wait => true);
SELECT count(DISTINCT content_hash) FROM recsys.solution_versions WHERE dataset_group = 'train_tuning';
SELECT recsys.describe_solution_version('searched/1')->'tuning' = recsys.describe_solution_version('searched/2')->'tuning';
-- without ranges whatever is tunable is searched
SELECT recsys.create_solution('all', 'train_tuning', 'sims', perform_hpo => true, hpo_config => '{"max_training_jobs": 3}');
SELECT recsys.create_solution_version('all', wait => true);
SELECT k FROM jsonb_object_keys(recsys.describe_solution_version('all')->'tuned_hpo_params') AS k ORDER BY 1;

-- recipes
SELECT recsys.create_solution('best', 'train_tuning', NULL, perform_auto_ml => true);
SELECT recsys.describe_solution('best')->'hpo_config'->'recipes';
SELECT recsys.create_solution_version('best', wait => true);
SELECT t->>'recipe', (t->>'value')::float8 > 0 FROM jsonb_array_elements(recsys.describe_solution_version('best')->'tuning'->'trials') AS t;
SELECT d->>'recipe', d->'tuned'->>'recipe', d->'tuned'->'tuned_hpo_params' FROM recsys.describe_solution('best') AS d;
SELECT recipe FROM recsys.solution_versions WHERE name = 'best/1';
SELECT recsys.create_campaign('front', 'best');
SELECT count(*), min(reason) FROM recsys.get_recommendations('front', 'u7', num_results => 5);
-- an update takes what was found
SELECT recsys.create_solution_version('best', 'UPDATE', wait => true);
SELECT recsys.describe_solution_version('best/2')->'tuning';
-- related items among themselves, and the settings of the best
SELECT recsys.create_solution('related', 'train_tuning', NULL, perform_auto_ml => true, perform_hpo => true,
    hpo_config => '{"recipes": ["sims", "aws-sims"], "max_training_jobs": 3}');
SELECT recsys.create_solution('related', 'train_tuning', NULL, perform_auto_ml => true, perform_hpo => true,
    hpo_config => '{"recipes": ["sims", "frequently-bought-together"], "max_training_jobs": 4, "ranges": {"popularity_discount_factor": {"values": [0, 0.25]}}}');
SELECT recsys.create_solution_version('related', wait => true);
SELECT count(*), count(DISTINCT t->'recipe') FROM jsonb_array_elements(recsys.describe_solution_version('related')->'tuning'->'trials') AS t;

-- refused
SELECT pg_temp.try($$SELECT recsys.create_solution('bad', 'train_tuning', 'popularity-count', perform_hpo => true)$$);
SELECT pg_temp.try($$SELECT recsys.create_solution('bad', 'train_tuning', 'sims', hpo_config => '{}')$$);
SELECT pg_temp.try($$SELECT recsys.create_solution('bad', 'train_tuning', 'sims', perform_hpo => true, hpo_config => '[]')$$);
SELECT pg_temp.try($$SELECT recsys.create_solution('bad', 'train_tuning', 'sims', perform_hpo => true, hpo_config => '{"trials": 5}')$$);
SELECT pg_temp.try($$SELECT recsys.create_solution('bad', 'train_tuning', 'sims', perform_hpo => true, hpo_config => '{"max_training_jobs": 0}')$$);
SELECT pg_temp.try($$SELECT recsys.create_solution('bad', 'train_tuning', 'sims', perform_hpo => true, hpo_config => '{"max_training_jobs": 100000}')$$);
SELECT pg_temp.try($$SELECT recsys.create_solution('bad', 'train_tuning', 'sims', perform_hpo => true, hpo_config => '{"ranges": {"hidden_dimension": {"min": 1}}}')$$);
SELECT pg_temp.try($$SELECT recsys.create_solution('bad', 'train_tuning', 'sims', perform_hpo => true, hpo_config => '{"ranges": {"min_cointeraction_count": {"min": 1, "max": 99}}}')$$);
SELECT pg_temp.try($$SELECT recsys.create_solution('bad', 'train_tuning', 'sims', perform_hpo => true, hpo_config => '{"ranges": {"min_cointeraction_count": {"min": 5, "max": 2}}}')$$);
SELECT pg_temp.try($$SELECT recsys.create_solution('bad', 'train_tuning', 'sims', perform_hpo => true, hpo_config => '{"ranges": {"min_cointeraction_count": [1, 2]}}')$$);
SELECT pg_temp.try($$SELECT recsys.create_solution('bad', 'train_tuning', 'sims', perform_hpo => true, hpo_config => '{"ranges": {"min_cointeraction_count": {"values": [1, 2.5]}}}')$$);
SELECT pg_temp.try($$SELECT recsys.create_solution('bad', 'train_tuning', 'user-personalization', perform_hpo => true, hpo_config => '{"ranges": {"recency_mask": {"min": 0, "max": 1}}}')$$);
SELECT pg_temp.try($$SELECT recsys.create_solution('bad', 'train_tuning', 'sims', perform_hpo => true, hpo_config => '{"recipes": ["sims"]}')$$);
SELECT pg_temp.try($$SELECT recsys.create_solution('bad', 'train_tuning', 'sims', perform_auto_ml => true)$$);
SELECT pg_temp.try($$SELECT recsys.create_solution('bad', 'train_tuning', NULL)$$);
SELECT pg_temp.try($$SELECT recsys.create_solution('bad', 'train_tuning', NULL, perform_auto_ml => true, hyperparameters => '{"bptt": 3}')$$);
SELECT pg_temp.try($$SELECT recsys.create_solution('bad', 'train_tuning', NULL, perform_auto_ml => true, hpo_config => '{"recipes": ["sims", "popularity-count"]}')$$);
SELECT pg_temp.try($$SELECT recsys.create_solution('bad', 'train_tuning', NULL, perform_auto_ml => true, hpo_config => '{"recipes": ["trending-now"]}')$$);
SELECT pg_temp.try($$SELECT recsys.create_solution('bad', 'train_tuning', NULL, perform_auto_ml => true, hpo_config => '{"recipes": ["nothing"]}')$$);
SET recsys.service_limits = on;
SELECT pg_temp.try($$SELECT recsys.create_solution('bad', 'train_tuning', 'sims', perform_hpo => true, hpo_config => '{"max_training_jobs": 41}')$$);
RESET recsys.service_limits;
-- too little to compare by: one error, no version
DELETE FROM train_tuning.interactions WHERE item_id <> 'i3';
DELETE FROM train_tuning.interactions AS a USING train_tuning.interactions AS b WHERE a.user_id = b.user_id AND a.ctid > b.ctid;
SELECT pg_temp.try($$SELECT recsys.create_solution_version('searched', wait => true)$$);
SELECT recsys.delete_dataset_group('train_tuning', cascade => true);
