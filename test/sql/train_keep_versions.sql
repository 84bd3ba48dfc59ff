-- Versions do not pile up: what a training deletes, what it never deletes, and the way back to an older version.
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
SELECT recsys.create_dataset_group('train_keep');
SELECT recsys.create_dataset('train_keep', 'interactions');
SELECT recsys.create_dataset('train_keep', 'items');
INSERT INTO train_keep.interactions (user_id, item_id, event_type, "timestamp")
SELECT 'u' || u, 'i' || i, 'Click', '2024-01-01'::timestamptz + make_interval(hours => (u * 7919 + i * 104729) % 5000)
FROM generate_series(1, 60) AS u, generate_series(1, 20) AS i WHERE u % i = 0;
INSERT INTO train_keep.items (item_id) SELECT 'i' || i FROM generate_series(1, 20) AS i;
CREATE VIEW pg_temp.left_over AS SELECT solution, string_agg(number || ' ' || status, ', ' ORDER BY number) AS versions
FROM recsys.solution_versions WHERE dataset_group = 'train_keep' GROUP BY 1;

-- three by default: the fourth training deletes the first version, with its model
SELECT recsys.create_solution('popular', 'train_keep', 'popularity-count');
SELECT recsys.describe_solution('popular')->'keep_versions';
SELECT recsys.create_solution_version('popular', wait => true) FROM generate_series(1, 3);
SELECT recsys.create_solution_version('popular', wait => true);
SELECT * FROM pg_temp.left_over;
SELECT count(*) FROM recsys_internal.model_revision AS r JOIN recsys_internal.solution_version AS v ON v.id = r.version_id
JOIN recsys_internal.solution AS s ON s.id = v.solution_id WHERE s.name = 'popular';

-- what serves stays, however old it is, and the campaign goes back to an older version by one call
SELECT recsys.create_campaign('front', 'popular/2');
SELECT recsys.update_solution('popular', keep_versions => 1);
SELECT recsys.create_solution_version('popular', wait => true);
SELECT * FROM pg_temp.left_over;
SELECT recsys.update_campaign('front', 'popular');
SELECT recsys.describe_campaign('front')->>'solution_version';
SELECT recsys.update_campaign('front', 'popular/2');
SELECT recsys.describe_campaign('front')->>'solution_version';
SELECT item_id FROM recsys.get_recommendations('front', num_results => 1);
-- once it no longer serves, the next training deletes it
SELECT recsys.update_campaign('front', 'popular');
SELECT recsys.create_solution_version('popular', wait => true);
SELECT * FROM pg_temp.left_over;

-- failed versions go when they are older than all that are kept; those that failed since stay and can be read
INSERT INTO recsys_internal.solution_version (solution_id, number, status, failure_reason)
SELECT id, n, 'CREATE FAILED', 'for the test' FROM recsys_internal.solution, unnest('{100,101}'::integer[]) AS n WHERE name = 'popular';
UPDATE recsys_internal.solution_version SET number = 4 WHERE number = 100;
UPDATE recsys_internal.solution SET last_version = 101 WHERE name = 'popular';
SELECT * FROM pg_temp.left_over;
SELECT recsys.update_solution('popular', keep_versions => 2);
SELECT recsys.create_solution_version('popular', wait => true);
SELECT * FROM pg_temp.left_over;

-- 0 keeps all
SELECT recsys.update_solution('popular', keep_versions => 0);
SELECT recsys.create_solution_version('popular', wait => true) FROM generate_series(1, 4);
SELECT * FROM pg_temp.left_over;

-- an update keeps the version that it came from, and the newest that was trained in full
SELECT recsys.create_solution('for_you', 'train_keep', 'user-personalization', keep_versions => 1);
SELECT recsys.create_solution_version('for_you', wait => true);
SELECT recsys.create_solution_version('for_you', 'UPDATE', wait => true);
SELECT recsys.create_solution_version('for_you', 'UPDATE', wait => true);
SELECT versions FROM pg_temp.left_over WHERE solution = 'for_you';
SELECT recsys.create_solution_version('for_you', wait => true);
SELECT versions FROM pg_temp.left_over WHERE solution = 'for_you';

-- refused
SELECT pg_temp.try($$SELECT recsys.create_solution('bad', 'train_keep', 'popularity-count', keep_versions => -1)$$);
SELECT pg_temp.try($$SELECT recsys.create_solution('bad', 'train_keep', 'popularity-count', keep_versions => NULL)$$);
SELECT pg_temp.try($$SELECT recsys.update_solution('popular', keep_versions => -1)$$);
SELECT pg_temp.try($$SELECT recsys.update_solution('popular', '1 day', perform_auto_training => false)$$);
SELECT recsys.describe_solution('popular')->'keep_versions';
SELECT recsys.delete_dataset_group('train_keep', cascade => true);
