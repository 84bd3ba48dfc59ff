-- Who may do what: the roles of a group against the functions; and two tenants: B learns nothing of what A has, not even
-- whether a name exists. Every call is undone, so none changes what the next one meets.
\set VERBOSITY terse
SET client_min_messages = warning;
CREATE FUNCTION pg_temp.attempt(role name, statement text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('SET LOCAL ROLE %I', role);
    EXECUTE statement;
    RAISE EXCEPTION USING ERRCODE = 'ZZ000';
EXCEPTION
    WHEN SQLSTATE 'ZZ000' THEN RETURN 'ok';
    WHEN OTHERS THEN RETURN SQLSTATE || ' ' || SQLERRM;
END $$;

-- Tenant A: a group with everything in it under one and the same name, and its four roles. Tenant B has nothing.
CREATE ROLE security_matrix_owner CREATEROLE;
CREATE ROLE security_matrix_b;
GRANT CREATE ON DATABASE :"DBNAME" TO security_matrix_owner, security_matrix_b;
SET ROLE security_matrix_owner;
SELECT recsys.create_dataset_group('security_matrix_a');
SELECT recsys.create_dataset('security_matrix_a', 'interactions');
SELECT recsys.create_dataset('security_matrix_a', 'items', '{"genres": "categorical"}');
SELECT count(*) > 0 AS set_up FROM recsys.setup_roles('security_matrix_a', 'security_matrix');
-- made after the roles, and covered by them all the same
SELECT recsys.create_dataset('security_matrix_a', 'users', '{"age": "int"}');
SELECT recsys.create_dataset('security_matrix_a', 'actions', '{"kind": "categorical"}');
SELECT recsys.create_dataset('security_matrix_a', 'action_interactions');
SELECT recsys.create_schema('security_matrix_a', '{"type": "record", "name": "Users", "version": "1.0", "fields": [{"name": "USER_ID", "type": "string"}, {"name": "AGE", "type": "int"}]}');
SELECT set_config('security_matrix.tracker', recsys.create_event_tracker('security_matrix_a', 'security_matrix_a')::text, false) <> '' AS tracked;
INSERT INTO security_matrix_a.interactions (user_id, item_id, event_type, "timestamp") VALUES ('u', 'i', 'Click', '2024-01-01');
INSERT INTO security_matrix_a.items (item_id) VALUES ('i');
RESET ROLE;
-- a solution with a version and a campaign, as they are in the catalog: what matters here is who may name them
WITH g AS (SELECT id FROM recsys_internal.dataset_group WHERE name = 'security_matrix_a'),
s AS (INSERT INTO recsys_internal.solution (group_id, name, recipe, last_version) SELECT id, 'security_matrix_a', 'sims', 1 FROM g RETURNING id, group_id),
v AS (INSERT INTO recsys_internal.solution_version (solution_id, number, status) SELECT id, 1, 'ACTIVE' FROM s RETURNING id, solution_id)
INSERT INTO recsys_internal.campaign (group_id, name, solution_id, version_id)
SELECT s.group_id, 'security_matrix_a', s.id, v.id FROM s, v;

-- roles × functions
CREATE TEMP TABLE call (n integer, statement text);
INSERT INTO call VALUES
    (10, $$SELECT recsys.describe_dataset_group('security_matrix_a')$$),
    (11, $$SELECT recsys.list_tags('security_matrix_a')$$),
    (12, $$SELECT recsys.tag_resource('security_matrix_a', '{"k": "v"}')$$),
    (13, $$SELECT recsys.untag_resource('security_matrix_a', '{k}')$$),
    (14, $$SELECT recsys.delete_dataset_group('security_matrix_a', cascade => true)$$),
    (15, $$SELECT recsys.setup_roles('security_matrix_a', 'security_matrix')$$),
    (20, $$SELECT recsys.describe_dataset('security_matrix_a', 'items')$$),
    (21, $$SELECT recsys.delete_dataset('security_matrix_a', 'actions')$$),
    (22, $$SELECT recsys.create_dataset('security_matrix_a', 'items', '{"a": "int"}')$$),
    (23, $$SELECT recsys.add_dataset_source('security_matrix_a', 'interactions', 'pg_class')$$),
    (24, $$SELECT recsys.update_dataset('security_matrix_a', 'users', '{"city": "categorical"}')$$),
    (30, $$SELECT recsys.describe_schema('security_matrix_a')$$),
    (31, $$SELECT recsys.delete_schema('security_matrix_a')$$),
    (40, $$SELECT recsys.describe_event_tracker('security_matrix_a')$$),
    (41, $$SELECT recsys.delete_event_tracker('security_matrix_a')$$),
    (42, $$SELECT recsys.create_event_tracker('another', 'security_matrix_a')$$),
    (50, format('SELECT recsys.put_events(%L, ''s'', ''[{"eventType": "Click", "itemId": "i", "sentAt": 1700000000}]'', ''u'')', current_setting('security_matrix.tracker'))),
    (51, $$SELECT recsys.put_items('security_matrix_a', '[{"itemId": "i", "properties": {"genres": "Drama"}}]')$$),
    (52, $$SELECT recsys.put_users('security_matrix_a', '[{"userId": "u", "properties": {"age": 1}}]')$$),
    (53, $$SELECT recsys.put_actions('security_matrix_a', '[{"actionId": "a", "properties": {"kind": "x"}}]')$$),
    (54, $$SELECT recsys.put_action_interactions('security_matrix_a', '[{"actionId": "a", "userId": "u", "sessionId": "s", "timestamp": 1700000000, "eventType": "Taken"}]')$$),
    (55, $$SELECT recsys.create_data_deletion_job('another', 'security_matrix_a', 'security_matrix_a.users', wait => true)$$),
    (60, $$SELECT recsys.create_solution('another', 'security_matrix_a', 'sims')$$),
    (61, $$SELECT recsys.describe_solution('security_matrix_a')$$),
    (62, $$SELECT recsys.delete_solution('security_matrix_a')$$),
    (63, $$SELECT recsys.create_solution_version('security_matrix_a')$$),
    (64, $$SELECT recsys.describe_solution_version('security_matrix_a/1')$$),
    (65, $$SELECT recsys.get_solution_metrics('security_matrix_a/1')$$),
    (66, $$SELECT recsys.stop_solution_version_creation('security_matrix_a/1')$$),
    (67, $$SELECT recsys.delete_solution_version('security_matrix_a/1')$$),
    (68, $$SELECT recsys.wait_for('security_matrix_a/1')$$),
    (69, $$SELECT recsys.estimate_training('security_matrix_a')$$),
    (70, $$SELECT recsys.create_recommender('another', 'security_matrix_a', 'ecomm-popular-items-by-views')$$),
    (71, $$SELECT recsys.describe_recommender('security_matrix_a')$$),
    (72, $$SELECT recsys.stop_recommender('security_matrix_a')$$),
    (73, $$SELECT recsys.delete_recommender('security_matrix_a')$$),
    (74, $$SELECT recsys.update_solution('security_matrix_a', '1 day')$$),
    (75, $$SELECT recsys.run_automatic_training('security_matrix_a')$$),
    (76, $$SELECT recsys.cancel_job(0)$$),
    (77, $$SELECT recsys.pause_schedule(0)$$),
    (78, $$SELECT recsys.create_batch_inference_job('another', 'security_matrix_a/1', 'security_matrix_a.users', 'security_matrix_a.out')$$),
    (79, $$SELECT recsys.describe_batch_inference_job('security_matrix_a')$$),
    (80, $$SELECT recsys.recommend_all('security_matrix_a/1', 'pg_temp.out')$$),
    (81, $$SELECT recsys.get_user_segment('security_matrix_a/1', 'i')$$),
    (82, $$SELECT recsys.get_action_recommendations('security_matrix_a', 'u')$$),
    (83, $$SELECT recsys.create_batch_segment_job('another', 'security_matrix_a/1', 'security_matrix_a.users', 'security_matrix_a.out')$$),
    (84, $$SELECT recsys.create_metric_attribution('another', 'security_matrix_a', '[{"metricName": "n", "eventType": "Click", "expression": "SAMPLECOUNT()"}]')$$),
    (90, $$SELECT 1 / count(*) FROM recsys.dataset_groups WHERE name = 'security_matrix_a'$$),
    (91, $$SELECT 1 / count(*) FROM recsys.datasets WHERE dataset_group = 'security_matrix_a'$$),
    (92, $$SELECT 1 / count(*) FROM recsys.event_trackers WHERE dataset_group = 'security_matrix_a'$$),
    (93, $$SELECT 1 / count(*) FROM recsys.solutions WHERE dataset_group = 'security_matrix_a'$$);
CREATE FUNCTION pg_temp.code(role name, statement text) RETURNS text LANGUAGE sql AS $$
SELECT left(pg_temp.attempt(role, statement), 5) $$;
SELECT left(replace(statement, current_setting('security_matrix.tracker'), 'tracker'), 60) AS statement, pg_temp.code('security_matrix_owner', statement) AS owner,
    pg_temp.code('security_matrix_admin', statement) AS admin, pg_temp.code('security_matrix_trainer', statement) AS trainer,
    pg_temp.code('security_matrix_reader', statement) AS reader, pg_temp.code('security_matrix_event_writer', statement) AS writer,
    pg_temp.code('security_matrix_b', statement) AS tenant_b
FROM call ORDER BY n;

-- Tenant B. Each function is called with A's names and with names that do not exist; the answers must be the same but for the
-- name itself. The calls are made up from the signatures, so functions that come later are covered by themselves.
CREATE FUNCTION pg_temp.argument(parameter text, type regtype, world text) RETURNS text LANGUAGE sql AS $$
SELECT CASE
    WHEN parameter = 'tracking_id' AND world = 'security_matrix_a' THEN quote_literal(current_setting('security_matrix.tracker'))
    WHEN type = 'uuid'::regtype THEN quote_literal('00000000-0000-4000-8000-000000000000')
    WHEN parameter = 'dataset_type' THEN quote_literal('interactions')
    WHEN parameter LIKE '%version%' AND type = 'text'::regtype THEN quote_literal(world || '/1')
    WHEN type = 'text'::regtype THEN quote_literal(world)
    WHEN type = 'text[]'::regtype THEN quote_literal('{i}')
    WHEN type = 'jsonb'::regtype THEN quote_literal('[{"itemId": "i", "userId": "u", "actionId": "a", "eventType": "Taken", "sentAt": 1700000000, "timestamp": 1700000000, "sessionId": "s"}]')
    WHEN type = 'regclass'::regtype THEN quote_literal('pg_class')
    WHEN type = 'boolean'::regtype THEN 'true'
    ELSE format('''1''::%s', type)
END $$;
-- only the required arguments
CREATE FUNCTION pg_temp.generated(f pg_proc, world text) RETURNS text LANGUAGE sql AS $$
SELECT format('SELECT recsys.%I(%s)', f.proname, string_agg(pg_temp.argument(f.proargnames[i], f.proargtypes[i - 1]::regtype, world), ', ' ORDER BY i))
FROM generate_series(1, f.pronargs - f.pronargdefaults) i $$;
CREATE TEMP VIEW probe AS
SELECT p.oid::regprocedure AS function, pg_temp.generated(p, 'security_matrix_a') AS theirs, pg_temp.generated(p, 'security_matrix_x') AS absent
FROM pg_proc p WHERE pronamespace = 'recsys'::regnamespace AND prokind = 'f' AND pronargs > pronargdefaults;
-- That a group's name is taken is no secret: like the name of a schema, it is unique in the database.
SELECT function, theirs, a, x FROM probe, LATERAL (SELECT pg_temp.attempt('security_matrix_b', theirs) AS a,
    replace(pg_temp.attempt('security_matrix_b', absent), 'security_matrix_x', 'security_matrix_a') AS x) AS r
WHERE a <> replace(x, '00000000-0000-4000-8000-000000000000', current_setting('security_matrix.tracker'))
  AND function::text NOT LIKE 'recsys.create_dataset_group(%' ORDER BY 1;
-- the probe is not blind: to the owner the two worlds differ
SELECT count(*) > 10 AS differs FROM probe
WHERE pg_temp.attempt('security_matrix_owner', theirs) <> replace(pg_temp.attempt('security_matrix_owner', absent), 'security_matrix_x', 'security_matrix_a');
-- no view shows B a row of A
CREATE FUNCTION pg_temp.rows_of_a(role name, view regclass) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE n bigint;
BEGIN
    EXECUTE format('SET LOCAL ROLE %I', role);
    EXECUTE format('SELECT count(*) FROM %s AS v WHERE v::text LIKE ''%%security_matrix_a%%''', view) INTO n;
    RESET ROLE;
    RETURN n;
END $$;
CREATE TEMP VIEW public_view AS
SELECT oid::regclass AS view FROM pg_class WHERE relnamespace = 'recsys'::regnamespace AND relkind = 'v';
SELECT view FROM public_view WHERE pg_temp.rows_of_a('security_matrix_b', view) > 0 ORDER BY 1::text;
SELECT count(*) > 3 AS owner_sees_them FROM public_view WHERE pg_temp.rows_of_a('security_matrix_owner', view) > 0;
-- the internal tables are closed to everyone
SELECT c.oid::regclass FROM pg_class c WHERE c.relnamespace = 'recsys_internal'::regnamespace AND c.relkind IN ('r', 'v', 'm')
  AND pg_temp.attempt('security_matrix_owner', format('SELECT FROM %s', c.oid::regclass)) NOT LIKE '42501%' ORDER BY 1::text;

-- B's own things are as good as A's, under the same names where names are B's own
SET ROLE security_matrix_b;
SELECT recsys.create_dataset_group('security_matrix_b');
SELECT recsys.create_schema('security_matrix_a', '{"type": "record", "name": "Users", "version": "1.0", "fields": [{"name": "USER_ID", "type": "string"}, {"name": "AGE", "type": "int"}]}');
SELECT recsys.create_dataset('security_matrix_b', 'interactions');
SELECT recsys.create_event_tracker('security_matrix_a', 'security_matrix_b') IS NOT NULL AS tracked;
SELECT recsys.describe_event_tracker('security_matrix_a') ->> 'dataset_group' AS dataset_group;
SELECT recsys.delete_schema('security_matrix_a');
SELECT recsys.delete_dataset_group('security_matrix_b', cascade => true);
RESET ROLE;

SELECT recsys.delete_dataset_group('security_matrix_a', cascade => true);
DROP OWNED BY security_matrix_owner, security_matrix_b, security_matrix_admin, security_matrix_trainer, security_matrix_reader, security_matrix_event_writer;
SELECT recsys.delete_schema('security_matrix_a');
DROP ROLE security_matrix_owner, security_matrix_b, security_matrix_admin, security_matrix_trainer, security_matrix_reader, security_matrix_event_writer;
