-- Solutions: creation with every argument, refusals, rights, description, deletion.
SELECT count(*) AS solutions FROM recsys_internal.solution \gset
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
SELECT recsys.create_dataset_group('train_solutions');
SELECT recsys.create_dataset('train_solutions', 'interactions');

SELECT recsys.create_solution('popular', 'train_solutions', 'aws-popularity-count');
SELECT recsys.create_solution(name => 'bought', dataset_group => 'train_solutions', recipe => 'sims', event_type => 'Purchase',
    event_value_threshold => 4, negative_event_types => '{Return,Complaint}',
    hyperparameters => '{"popularity_discount_factor": "0.25", "min_cointeraction_count": 2}');
SELECT * FROM (SELECT dataset_group, name, recipe, status, event_type, event_value_threshold, negative_event_types,
    hyperparameters, latest_version FROM recsys.solutions WHERE dataset_group = 'train_solutions') AS s ORDER BY name;
SELECT recsys.describe_solution('train_solutions.bought') - '{created_at,updated_at}'::text[];

-- refused: names, recipes, hyperparameters, event types
SELECT pg_temp.try($$SELECT recsys.create_solution('popular', 'train_solutions', 'sims')$$);
SELECT pg_temp.try($$SELECT recsys.create_solution('no such name', 'train_solutions', 'sims')$$);
SELECT pg_temp.try($$SELECT recsys.create_solution('s', 'no_such_group', 'sims')$$);
SELECT pg_temp.try($$SELECT recsys.create_solution('s', 'train_solutions', 'no-such-recipe')$$);
SELECT pg_temp.try($$SELECT recsys.create_solution('s', 'train_solutions', 'popularity-count', hyperparameters => '{"bptt": 3}')$$);
SELECT pg_temp.try($$SELECT recsys.create_solution('s', 'train_solutions', 'sims', hyperparameters => '{"popularity_discount_factor": 2}')$$);
SELECT pg_temp.try($$SELECT recsys.create_solution('s', 'train_solutions', 'sims', hyperparameters => '{"popularity_discount_factor": "much"}')$$);
SELECT pg_temp.try($$SELECT recsys.create_solution('s', 'train_solutions', 'sims', hyperparameters => '{"popularity_discount_factor": [1]}')$$);
SELECT pg_temp.try($$SELECT recsys.create_solution('s', 'train_solutions', 'sims', hyperparameters => '[1]')$$);
SELECT pg_temp.try($$SELECT recsys.create_solution('s', 'train_solutions', 'sims', event_type => '')$$);
SELECT pg_temp.try($$SELECT recsys.create_solution('s', 'train_solutions', 'sims', event_value_threshold => 'NaN')$$);
SELECT pg_temp.try($$SELECT recsys.create_solution('s', 'train_solutions', 'sims', event_type => 'a', negative_event_types => '{a}')$$);
SELECT pg_temp.try($$SELECT recsys.create_solution('s', 'train_solutions', 'sims', negative_event_types => '{a,a}')$$);
SELECT pg_temp.try($$SELECT recsys.create_solution('s', 'train_solutions', 'sims', negative_event_types => '{a,NULL}')$$);
SELECT pg_temp.try($$SELECT recsys.create_solution(NULL, 'train_solutions', 'sims')$$);

-- what does not exist yet is refused, never ignored
SELECT pg_temp.try($$SELECT recsys.create_solution('s', 'train_solutions', 'sims', optimization_objective => '{"itemAttribute": "price"}')$$);
SELECT pg_temp.try($$SELECT recsys.create_solution('s', 'train_solutions', 'sims', auto_training_interval => '10 seconds')$$);
SELECT count(*) FROM recsys.solutions WHERE dataset_group = 'train_solutions';

-- a name in two groups needs the group
SELECT recsys.create_dataset_group('train_solutions_2');
SELECT recsys.create_solution('popular', 'train_solutions_2', 'popularity-count');
SELECT pg_temp.try($$SELECT recsys.describe_solution('popular')$$);
SELECT recsys.describe_solution('train_solutions_2.popular')->>'dataset_group';
SELECT pg_temp.try($$SELECT recsys.describe_solution('train_solutions.nothing')$$);

-- who does not own the schema sees and changes nothing; a member of the owner does
CREATE ROLE regress_train_nobody;
SET ROLE regress_train_nobody;
SELECT count(*) FROM recsys.solutions;
SELECT pg_temp.try($$SELECT recsys.create_solution('s', 'train_solutions', 'sims')$$);
SELECT pg_temp.try($$SELECT recsys.describe_solution('bought')$$);
SELECT pg_temp.try($$SELECT recsys.delete_solution('bought')$$);
SELECT pg_temp.try($$SELECT * FROM recsys_internal.solution$$);
RESET ROLE;
GRANT USAGE ON SCHEMA train_solutions TO regress_train_nobody;
GRANT SELECT ON ALL TABLES IN SCHEMA train_solutions TO regress_train_nobody;
SET ROLE regress_train_nobody;
SELECT name FROM recsys.solutions ORDER BY name;
SELECT recsys.describe_solution('bought')->>'recipe';
SELECT pg_temp.try($$SELECT recsys.create_solution('s', 'train_solutions', 'sims')$$);
SELECT pg_temp.try($$SELECT recsys.create_solution_version('bought', wait => true)$$);
SELECT pg_temp.try($$SELECT recsys.delete_solution('bought')$$);
RESET ROLE;
REVOKE ALL ON ALL TABLES IN SCHEMA train_solutions FROM regress_train_nobody;
REVOKE ALL ON SCHEMA train_solutions FROM regress_train_nobody;
DROP ROLE regress_train_nobody;

-- quota of the service
SET recsys.service_limits = on;
SELECT recsys.create_solution('s' || i, 'train_solutions_2', 'sims') FROM generate_series(1, 9) AS i;
SELECT pg_temp.try($$SELECT recsys.create_solution('one_more', 'train_solutions_2', 'sims')$$);
RESET recsys.service_limits;

-- deletion; a failing call changes nothing
SELECT recsys.delete_solution('bought');
SELECT pg_temp.try($$SELECT recsys.delete_solution('bought')$$);
BEGIN READ ONLY;
SELECT pg_temp.try($$SELECT recsys.delete_solution('train_solutions.popular')$$);
ROLLBACK;
SELECT name FROM recsys.solutions WHERE dataset_group = 'train_solutions';
SELECT recsys.delete_dataset_group('train_solutions', cascade => true);
SELECT recsys.delete_dataset_group('train_solutions_2', cascade => true);
SELECT count(*) - :solutions FROM recsys_internal.solution;
