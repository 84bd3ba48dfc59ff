-- When there is too little, or too much, to train on. A failed training leaves nothing behind.
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
SELECT recsys.create_dataset_group('train_limits');
SELECT recsys.create_solution('no_dataset', 'train_limits', 'popularity-count');
SELECT pg_temp.try($$SELECT recsys.create_solution_version('no_dataset', wait => true)$$);
SELECT pg_temp.try($$SELECT * FROM recsys.estimate_training('no_dataset')$$);
SELECT recsys.create_dataset('train_limits', 'interactions');
SELECT recsys.create_solution('all', 'train_limits', 'popularity-count', keep_versions => 0);
SELECT recsys.create_solution('clicks', 'train_limits', 'popularity-count', event_type => 'Click');
SELECT recsys.create_solution('rated', 'train_limits', 'popularity-count', event_value_threshold => 4.5);
SELECT recsys.create_solution('rated_clicks', 'train_limits', 'popularity-count', event_type => 'Click', event_value_threshold => 4);
SELECT recsys.create_solution('disliked', 'train_limits', 'popularity-count', event_type => 'like', negative_event_types => '{click}');

-- the technical minimum: one usable event. The error names what took everything
SELECT pg_temp.try($$SELECT recsys.create_solution_version('all', wait => true)$$);
INSERT INTO train_limits.interactions (user_id, item_id, event_type, event_value, "timestamp") VALUES
    ('u1', 'i1', 'click', 3, '2024-01-01'), ('u1', 'i2', 'click', NULL, '2024-01-02'), ('u2', 'i1', 'view', 4, '2024-01-03');
SELECT pg_temp.try($$SELECT recsys.create_solution_version('clicks', wait => true)$$);
SELECT pg_temp.try($$SELECT recsys.create_solution_version('rated', wait => true)$$);
SELECT pg_temp.try($$SELECT recsys.create_solution_version('rated_clicks', wait => true)$$);
SELECT pg_temp.try($$SELECT recsys.create_solution_version('disliked', wait => true)$$);
SELECT recsys.create_solution_version('all', wait => true);
SELECT count(*) FROM recsys.solution_versions WHERE dataset_group = 'train_limits';

-- infinite times and values
INSERT INTO train_limits.interactions (user_id, item_id, "timestamp") VALUES ('u9', 'i9', 'infinity');
SELECT pg_temp.try($$SELECT recsys.create_solution_version('all', wait => true)$$);
DELETE FROM train_limits.interactions WHERE user_id = 'u9';
INSERT INTO train_limits.interactions (user_id, item_id, event_value, "timestamp") VALUES ('u9', 'i9', 'infinity', '2024-01-01');
SELECT pg_temp.try($$SELECT recsys.create_solution_version('all', wait => true)$$);
DELETE FROM train_limits.interactions;

-- the service's minima and maxima, only under recsys.service_limits: 999 interactions of a type
INSERT INTO train_limits.interactions (user_id, item_id, event_type, "timestamp")
SELECT 'u' || n % 40, 'i' || n % 37, CASE WHEN n <= 999 THEN 'Click' ELSE 'View' END, '2024-01-01'::timestamptz + make_interval(mins => n)
FROM generate_series(1, 1500) AS n;
SET recsys.service_limits = on;
SELECT pg_temp.try($$SELECT recsys.create_solution_version('clicks', wait => true)$$);
SELECT recsys.create_solution_version('all', wait => true);
RESET recsys.service_limits;
SELECT recsys.create_solution_version('clicks', wait => true);
SET recsys.service_limits = on;
-- an event that is stored twice counts once, so it is still one too few; an event id cannot be stored twice
UPDATE train_limits.interactions SET event_type = 'View' WHERE "timestamp" = '2024-01-01'::timestamptz + interval '1 minute';
INSERT INTO train_limits.interactions (user_id, item_id, event_type, "timestamp") VALUES
    ('u0', 'i0', 'Click', '2024-02-01'), ('u0', 'i0', 'Click', '2024-02-01');
INSERT INTO train_limits.interactions (user_id, item_id, event_type, event_id, "timestamp") VALUES
    ('u0', 'i0', 'View', 'e1', '2024-02-01'), ('u0', 'i0', 'View', 'e1', '2024-02-01');
SELECT pg_temp.try($$SELECT recsys.create_solution_version('clicks', wait => true)$$);
INSERT INTO train_limits.interactions (user_id, item_id, event_type, event_id, "timestamp") VALUES ('u0', 'i0', 'Click', 'e2', '2024-02-02');
SELECT recsys.create_solution_version('clicks', wait => true);
-- 24 users with two interactions, then 25
UPDATE train_limits.interactions SET user_id = 'u' || substr(user_id, 2)::int % 24;
SELECT pg_temp.try($$SELECT recsys.create_solution_version('all', wait => true)$$);
INSERT INTO train_limits.interactions (user_id, item_id, event_type, "timestamp") VALUES ('u25', 'i1', 'Click', '2024-03-01');
SELECT pg_temp.try($$SELECT recsys.create_solution_version('all', wait => true)$$);
INSERT INTO train_limits.interactions (user_id, item_id, event_type, "timestamp") VALUES ('u25', 'i2', 'Click', '2024-03-01');
SELECT recsys.create_solution_version('all', wait => true);
-- 10 event types, then 11; events without a type have none
INSERT INTO train_limits.interactions (user_id, item_id, event_type, "timestamp") SELECT 'u1', 'i1', 'type ' || n, '2024-04-01' FROM generate_series(3, 10) AS n;
SELECT recsys.create_solution_version('all', wait => true);
INSERT INTO train_limits.interactions (user_id, item_id, event_type, "timestamp") VALUES ('u1', 'i1', 'type 11', '2024-04-01');
SELECT pg_temp.try($$SELECT recsys.create_solution_version('all', wait => true)$$);
SELECT recsys.create_solution_version('clicks', wait => true);
-- 2 % of the users with two interactions, then less than 1 %
INSERT INTO train_limits.interactions (user_id, item_id, "timestamp") SELECT 'once' || n, 'i1', '2024-05-01' FROM generate_series(1, 3000) AS n;
DELETE FROM train_limits.interactions WHERE event_type LIKE 'type %';
SELECT pg_temp.try($$SELECT recsys.create_solution_version('all', wait => true)$$);
RESET recsys.service_limits;
SELECT recsys.create_solution_version('all', wait => true);

-- the memory limit
SET recsys.train_memory_limit = '1MB';
INSERT INTO train_limits.interactions (user_id, item_id, "timestamp") SELECT 'u' || n % 999, 'i' || n % 777, '2024-06-01' FROM generate_series(1, 100000) AS n;
SELECT pg_temp.try($$SELECT recsys.create_solution_version('all', wait => true)$$);
RESET recsys.train_memory_limit;

-- failures used no number
SELECT name, status FROM recsys.solution_versions WHERE dataset_group = 'train_limits' ORDER BY solution, number;
SELECT recsys.delete_dataset_group('train_limits', cascade => true);
