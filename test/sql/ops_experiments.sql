-- Experiments: who is in which arm, what the arms answer, and what came of it, from events alone.
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
SELECT recsys.create_dataset_group('ops_experiments');
SELECT recsys.create_dataset('ops_experiments', 'interactions');
INSERT INTO ops_experiments.interactions (user_id, item_id, event_type, "timestamp")
SELECT 'u' || n % 50, 'i' || 1 + n * n % 40, 'Click', '2024-01-01'::timestamptz + make_interval(mins => n) FROM generate_series(1, 1000) AS n;
SELECT recsys.create_solution('popular', 'ops_experiments', 'popularity-count');
SELECT recsys.create_solution_version('popular', wait => true);
SELECT recsys.create_campaign('home', 'popular');
-- the caller's own lists: a table by user number, and a function
CREATE TABLE ops_experiments.own_lists (user_id bigint, item_id text, rank integer, PRIMARY KEY (user_id, rank));
INSERT INTO ops_experiments.own_lists VALUES (7, 'x1', 1), (7, 'x2', 2), (7, 'x3', 3);
CREATE FUNCTION ops_experiments.own_function(user_id text, n integer) RETURNS TABLE (item text, more text) LANGUAGE sql STABLE AS $$
    SELECT user_id || '-' || i, 'x' FROM generate_series(1, n) AS i $$;

-- four kinds of arms
SELECT recsys.create_experiment('kinds', 'ops_experiments', '[{"name": "nothing"}, {"name": "campaign", "campaign": "home"},
    {"name": "table", "source": "ops_experiments.own_lists"}, {"name": "function", "function": "ops_experiments.own_function"}]', 'Purchase');
SELECT count(recsys.put_experiment_assignment('kinds', '7', arm)::text) FROM unnest('{nothing,campaign,table,function}'::text[]) AS arm;
SELECT recsys.get_experiment_arm('kinds', '7');
SELECT arm, rank, item_id, score FROM recsys.get_experiment_recommendations('kinds', '7', 2);
SELECT recsys.put_experiment_assignment('kinds', '7', 'table');
SELECT * FROM recsys.get_experiment_recommendations('kinds', '7', 2);
SELECT recsys.put_experiment_assignment('kinds', '7', 'campaign');
SELECT arm, rank, item_id = g.top, reason, recommendation_id IS NOT NULL FROM recsys.get_experiment_recommendations('kinds', '7', 1) AS r,
    LATERAL (SELECT g.item_id AS top FROM recsys.get_recommendations('home', '7', num_results => 1) AS g) AS g;
SELECT recsys.put_experiment_assignment('kinds', '7', 'nothing');
SELECT count(*) FROM recsys.get_experiment_recommendations('kinds', '7', 2);

-- the division: by weight, the same every time, and independent of other experiments
SELECT recsys.create_experiment('split', 'ops_experiments', '[{"name": "a", "weight": 60}, {"name": "b", "weight": 30}, {"name": "c", "weight": 10}]', 'Purchase');
CREATE TEMP TABLE before AS SELECT n, recsys.get_experiment_arm('split', 'u' || n) AS arm, recsys.get_experiment_arm('kinds', 'u' || n) AS other FROM generate_series(1, 20000) AS n;
SELECT arm, abs(count(*) - CASE arm WHEN 'a' THEN 12000 WHEN 'b' THEN 6000 ELSE 2000 END) < 250 FROM before GROUP BY arm ORDER BY arm;
SELECT abs(count(*) - 3000) < 200 FROM before WHERE arm = 'a' AND other = 'nothing';
-- other weights move as few as can be: from a to b, nobody else
SELECT recsys.update_experiment('split', '{"a": 50, "b": 40}');
CREATE TEMP TABLE after AS SELECT n, recsys.get_experiment_arm('split', 'u' || n) AS arm FROM generate_series(1, 20000) AS n;
SELECT b.arm, a.arm, abs(count(*) - 2000) < 200 FROM before AS b JOIN after AS a USING (n) WHERE a.arm <> b.arm GROUP BY 1, 2;
-- a feature flag: all or nothing, at once, and back
SELECT recsys.update_experiment('split', '{"a": 0, "b": 0, "c": 100}');
SELECT DISTINCT recsys.get_experiment_arm('split', 'u' || n) FROM generate_series(1, 500) AS n;
SELECT recsys.update_experiment('split', '{"a": 100, "b": 0, "c": 0}');
SELECT DISTINCT recsys.get_experiment_arm('split', 'u' || n) FROM generate_series(1, 500) AS n;
SELECT arms FROM recsys.experiments WHERE name = 'split';

-- results. Everybody sees something; of those in "better" 30 % buy, of the others 20 %; purchases before the list was seen do not count
SELECT recsys.create_experiment('test', 'ops_experiments', '[{"name": "before"}, {"name": "same"}, {"name": "better", "campaign": "home"}]', 'Purchase',
    exposure_event_type => 'Shown', measure_from => '2020-01-08');
SELECT * FROM recsys.get_experiment_results('test');
INSERT INTO ops_experiments.interactions (user_id, item_id, event_type, "timestamp")
SELECT 'v' || n, 'i1', 'Shown', '2020-01-10'::timestamptz + make_interval(mins => n) FROM generate_series(1, 6000) AS n;
INSERT INTO ops_experiments.interactions (user_id, item_id, event_type, event_value, "timestamp")
SELECT 'v' || n, 'i1', 'Purchase', 5, '2020-01-10'::timestamptz + make_interval(mins => n + 30) FROM generate_series(1, 6000) AS n
WHERE n % 10 < CASE recsys.get_experiment_arm('test', 'v' || n) WHEN 'better' THEN 3 ELSE 2 END;
-- in the run-in, before the exposure, without exposure: none of these count
INSERT INTO ops_experiments.interactions (user_id, item_id, event_type, "timestamp")
SELECT 'r' || n, 'i1', type, '2020-01-02' FROM generate_series(1, 500) AS n, unnest('{Shown,Purchase}'::text[]) AS type;
INSERT INTO ops_experiments.interactions (user_id, item_id, event_type, "timestamp") SELECT 'v' || n, 'i2', 'Purchase', '2020-01-09' FROM generate_series(1, 6000) AS n;
INSERT INTO ops_experiments.interactions (user_id, item_id, event_type, "timestamp") SELECT 'w' || n, 'i2', 'Purchase', '2020-01-20' FROM generate_series(1, 500) AS n;
CREATE TEMP TABLE result AS SELECT * FROM recsys.get_experiment_results('test');
SELECT arm, verdict, lift_low <= lift AND lift <= lift_high AS inside, lift_low > 0 AS surely, p_value < 0.05 AS significant FROM result;
SELECT sum(users) = 6000 FROM result;
-- by hand
SELECT bool_and(r.users = h.users AND r.converted = h.converted AND abs(r.mean - h.converted::float8 / h.users) < 1e-9) FROM result AS r JOIN
    (SELECT recsys.get_experiment_arm('test', 'v' || n) AS arm, count(*) AS users, count(*) FILTER (WHERE EXISTS (SELECT FROM ops_experiments.interactions AS i
        WHERE i.user_id = 'v' || n AND i.event_type = 'Purchase' AND i."timestamp" > '2020-01-10')) AS converted FROM generate_series(1, 6000) AS n GROUP BY 1) AS h USING (arm);
SELECT abs(r.lift - (r.mean / c.mean - 1)) < 1e-9 FROM result AS r, result AS c WHERE c.verdict = 'control' AND r.arm = 'better';
-- whoever was exposed stays in the arm of then when the weights change
SELECT recsys.update_experiment('test', '{"before": 100, "same": 0, "better": 0}');
SELECT count(*) FROM (SELECT * FROM recsys.get_experiment_results('test') EXCEPT SELECT * FROM result) AS changed;
-- an assignment from elsewhere is taken as it is
SELECT count(recsys.put_experiment_assignment('test', 'v' || n, 'same')::text) FROM generate_series(1, 100) AS n;
SELECT r.users >= o.users FROM recsys.get_experiment_results('test') AS r JOIN result AS o USING (arm) WHERE arm = 'same';
SELECT sum(users) FROM recsys.get_experiment_results('test');
-- two ids of one user are one user
INSERT INTO ops_experiments.user_aliases VALUES ('v2', 'v1');
SELECT sum(users) FROM recsys.get_experiment_results('test');
-- values, and events
SELECT recsys.create_experiment(m, 'ops_experiments', '[{"name": "x"}, {"name": "y", "weight": 0}]', 'Purchase', 'Shown', measure => m, measure_from => '2020-01-08') FROM unnest('{events,value}'::text[]) AS m;
SELECT v.mean = 5 * e.mean, e.mean > e.converted::float8 / e.users - 1e-9, v.users = e.users FROM recsys.get_experiment_results('value') AS v, recsys.get_experiment_results('events') AS e WHERE v.arm = 'x' AND e.arm = 'x';
-- later events do not count once it was stopped
SELECT recsys.stop_experiment('test');
INSERT INTO ops_experiments.interactions (user_id, item_id, event_type, "timestamp") SELECT 'z' || n, 'i1', 'Shown', '2040-01-01' FROM generate_series(1, 50) AS n;
SELECT sum(users) FROM recsys.get_experiment_results('test');
SELECT pg_temp.try($$SELECT recsys.stop_experiment('test')$$);
SELECT pg_temp.try($$SELECT recsys.update_experiment('test', '{"same": 1}')$$);
SELECT name, status, measure, stopped_at IS NOT NULL FROM recsys.experiments ORDER BY name;

-- how many users it takes
SELECT recsys.experiment_size(0.2), recsys.experiment_size(0.2, 0.2) < recsys.experiment_size(0.2) / 3, recsys.experiment_size(0.2, power => 0.9) > recsys.experiment_size(0.2);

-- refused
SELECT pg_temp.try($$SELECT recsys.create_experiment('kinds', 'ops_experiments', '[{"name": "a"}, {"name": "b"}]', 'Purchase')$$);
SELECT pg_temp.try($$SELECT recsys.create_experiment('bad', 'ops_experiments', '[{"name": "a"}]', 'Purchase')$$);
SELECT pg_temp.try($$SELECT recsys.create_experiment('bad', 'ops_experiments', '[{"name": "a"}, {"name": "a"}]', 'Purchase')$$);
SELECT pg_temp.try($$SELECT recsys.create_experiment('bad', 'ops_experiments', '[{"name": "a"}, {"weight": 2}]', 'Purchase')$$);
SELECT pg_temp.try($$SELECT recsys.create_experiment('bad', 'ops_experiments', '[{"name": "a", "weight": -1}, {"name": "b"}]', 'Purchase')$$);
SELECT pg_temp.try($$SELECT recsys.create_experiment('bad', 'ops_experiments', '[{"name": "a", "weight": 0}, {"name": "b", "weight": 0}]', 'Purchase')$$);
SELECT pg_temp.try($$SELECT recsys.create_experiment('bad', 'ops_experiments', '[{"name": "a", "campaign": "home", "source": "x"}, {"name": "b"}]', 'Purchase')$$);
SELECT pg_temp.try($$SELECT recsys.create_experiment('bad', 'ops_experiments', '[{"name": "a", "campaign": "nothing"}, {"name": "b"}]', 'Purchase')$$);
SELECT pg_temp.try($$SELECT recsys.create_experiment('bad', 'ops_experiments', '[{"name": "a", "source": "nothing"}, {"name": "b"}]', 'Purchase')$$);
SELECT pg_temp.try($$SELECT recsys.create_experiment('bad', 'ops_experiments', '[{"name": "a", "source": "ops_experiments.interactions"}, {"name": "b"}]', 'Purchase')$$);
SELECT pg_temp.try($$SELECT recsys.create_experiment('bad', 'ops_experiments', '[{"name": "a", "function": "pg_sleep"}, {"name": "b"}]', 'Purchase')$$);
SELECT pg_temp.try($$SELECT recsys.create_experiment('bad', 'ops_experiments', '[{"name": "a"}, {"name": "b"}]', 'Purchase', measure => 'money')$$);
SELECT pg_temp.try($$SELECT recsys.update_experiment('split', '{"d": 1}')$$);
SELECT pg_temp.try($$SELECT recsys.update_experiment('split', '{"a": 0}')$$);
SELECT pg_temp.try($$SELECT recsys.put_experiment_assignment('split', 'u1', 'd')$$);
SELECT pg_temp.try($$SELECT recsys.get_experiment_arm('nothing', 'u1')$$);
SELECT pg_temp.try($$SELECT recsys.get_experiment_arm('split', NULL)$$);
SELECT pg_temp.try($$SELECT * FROM recsys.get_experiment_recommendations('split', 'u1', 0)$$);
SELECT pg_temp.try($$SELECT recsys.experiment_size(2)$$);
-- an arm whose table is gone says so
DROP TABLE ops_experiments.own_lists;
SELECT recsys.put_experiment_assignment('kinds', '8', 'table');
SELECT pg_temp.try($$SELECT * FROM recsys.get_experiment_recommendations('kinds', '8')$$);
CREATE ROLE regress_ops_experiments NOLOGIN;
SET ROLE regress_ops_experiments;
SELECT count(*) FROM recsys.experiments;
SELECT pg_temp.try($$SELECT recsys.get_experiment_arm('split', 'u1')$$);
RESET ROLE;
DROP ROLE regress_ops_experiments;
SELECT recsys.delete_experiment('split');
SELECT recsys.delete_dataset_group('ops_experiments', cascade => true);
SELECT count(*) FROM recsys_internal.experiment_weights;
DROP FUNCTION ops_experiments.own_function;
DROP SCHEMA ops_experiments;
