-- Filters as resources: what may be made, who may, what becomes of them when datasets change.
SET client_min_messages = warning;
SELECT recsys.create_dataset_group('catalog_filters');
SELECT recsys.create_filter('early', 'catalog_filters', 'INCLUDE ItemID WHERE Items.PRICE < 10');
SELECT recsys.create_dataset('catalog_filters', 'interactions', '{"user_id": "long"}');
SELECT recsys.create_dataset('catalog_filters', 'items', '{"genre": "categorical", "price": "float", "size": "int", "made": "timestamp", "brand": "string", "adult": "boolean", "plot": "textual"}');
SELECT recsys.create_filter('cheap', 'catalog_filters', 'include itemid where items.Price <= ($P) AND Items.Genre in ("a") if CurrentUser.Age > 18');
SELECT recsys.create_dataset('catalog_filters', 'users', '{"age": "int", "city": "categorical"}');
SELECT recsys.create_filter('cheap', 'catalog_filters', 'include itemid where items.Price <= ($P) AND Items.Genre in ("a") if CurrentUser.Age > 18');
SELECT recsys.create_filter(dataset_group => 'catalog_filters', name => 'bought', filter_expression => 'EXCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("Purchase") AND Interactions.TIMESTAMP > $SINCE');
SELECT recsys.create_filter('people', 'catalog_filters', 'INCLUDE UserID WHERE Users.CITY IN ("Rome") | EXCLUDE UserID WHERE Interactions.EVENT_TYPE IN ("*")');
SELECT recsys.create_filter('fixed', 'catalog_filters', 'INCLUDE ItemID WHERE Items.ITEM_ID IN ("a") OR Items.CREATION_TIMESTAMP > "2024-01-01" OR Items.MADE > 1700000000 OR Items.SIZE != 0.5');

-- names, groups, nulls
SELECT recsys.create_filter('cheap', 'catalog_filters', 'INCLUDE ItemID WHERE Items.PRICE < 10');
SELECT recsys.create_filter('not a name', 'catalog_filters', 'INCLUDE ItemID WHERE Items.PRICE < 10');
SELECT recsys.create_filter('x', 'catalog_nothing', 'INCLUDE ItemID WHERE Items.PRICE < 10');
SELECT recsys.create_filter('x', 'catalog_filters', NULL);
-- mistakes: where, what was found, what was expected, how to write it
CREATE FUNCTION pg_temp.fault(expression text) RETURNS TABLE (error text, detail text, hint text) LANGUAGE plpgsql AS $$
BEGIN
	PERFORM recsys.create_filter('x', 'catalog_filters', expression);
	RETURN NEXT;
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
	error := SQLSTATE || ' ' || SQLERRM;
	RETURN NEXT;
END $$;
\x on
SELECT expression, f.* FROM unnest(ARRAY['', 'INCLUDE ItemID WHERE Items.COLOUR IN ("x")', 'INCLUDE ItemID WHERE Items.STREAMED = 1', 'INCLUDE ItemID WHERE Items.PRICE LIKE 1',
	'INCLUDE ItemID WHERE Items.GENRE NOT IN ($G)', 'INCLUDE ItemID WHERE Items.ADULT = 1', 'INCLUDE ItemID WHERE Items.PLOT IN ("x")',
	'INCLUDE ActionID WHERE Actions.VALUE > 1', 'EXCLUDE ItemID WHERE Interactions.EVENT_VALUE > 3', 'INCLUDE ItemID WHERE Items.BRAND < "M"',
	'INCLUDE ItemID WHERE Items.PRICE < 10 |', 'EXCLUDE ItemID WHERE Items.GÉNRE IN ("x")']) AS expression, pg_temp.fault(expression) AS f;
SELECT length(e), f.* FROM (SELECT 'INCLUDE ItemID WHERE Items.BRAND IN ("' || repeat('x', 2501 - 40) || '")') AS e (e), pg_temp.fault(e) AS f;
\x off
SELECT count(*) FROM recsys.filters WHERE name = 'x';
SELECT recsys.create_filter('longest', 'catalog_filters', 'INCLUDE ItemID WHERE Items.BRAND IN ("' || repeat('ü', 2500 - 40) || '")');
SELECT recsys.delete_filter('longest');

-- what a filter is
SELECT name, dataset_group, filter_expression, target, placeholders, status, failure_reason FROM recsys.filters ORDER BY name;
\pset format unaligned
SELECT jsonb_pretty(recsys.describe_filter('catalog_filters.cheap') - 'created_at');
\pset format aligned
-- its statements are what an administrator can explain
SELECT format('PREPARE candidates (%s) AS %s', string_agg(p ->> 'type', ', ' ORDER BY n), sql) AS statement FROM (
	SELECT s ->> 'sql' AS sql, substr(key, 2)::int AS n, value AS p FROM (SELECT recsys.describe_filter('cheap') #> '{statements,catalogue}') AS d (s), jsonb_each(s -> 'parameters')) AS parameter
GROUP BY sql \gset
:statement;
INSERT INTO catalog_filters.items (item_id, genre, price) VALUES ('i1', 'a', 5), ('i2', 'b|a', 50), ('i3', 'b', 5);
INSERT INTO catalog_filters.users (user_id, age) VALUES (1, 20), (2, 10);
EXECUTE candidates ('{none}', 1, 18, 10, '{a}');
EXECUTE candidates ('{none}', 2, 18, 10, '{a}');
DEALLOCATE candidates;

-- G4: no function alters a filter, and what is in use stays
SELECT proname FROM pg_proc WHERE pronamespace = 'recsys'::regnamespace AND proname LIKE '%filter%' ORDER BY 1;
INSERT INTO recsys_internal.job (group_id, kind, name, config) SELECT id, 'batch', 'nightly', '{"filter": "cheap"}' FROM recsys_internal.dataset_group WHERE name = 'catalog_filters';
SELECT recsys.delete_filter('cheap');
UPDATE recsys_internal.job SET status = 'SUCCEEDED' WHERE name = 'nightly';
BEGIN;
SELECT recsys.delete_filter('cheap');
SELECT recsys.delete_filter('cheap');
ROLLBACK;
SELECT recsys.describe_filter('nothing');

-- datasets change: the filter says what is missing, and is well again when that is back
SELECT recsys.delete_dataset('catalog_filters', 'users');
SELECT name, status, failure_reason FROM recsys.filters ORDER BY name;
SELECT recsys.describe_filter('cheap') -> 'statements' AS statements;
SELECT recsys.create_dataset('catalog_filters', 'users', '{"age": "string", "city": "categorical"}');
SELECT name, failure_reason FROM recsys.filters WHERE failure_reason IS NOT NULL ORDER BY name;

-- the service's limits, when asked for
SET recsys.service_limits = on;
SELECT detail FROM pg_temp.fault('INCLUDE ItemID WHERE Interactions.TIMESTAMP > 1');
SELECT f.error, f.detail FROM pg_temp.fault((SELECT 'INCLUDE ItemID WHERE ' || string_agg('Items.BRAND = $p' || i, ' OR ') FROM generate_series(1, 26) AS i)) AS f;
SELECT count(recsys.create_filter('many' || i, 'catalog_filters', 'INCLUDE ItemID WHERE Items.PRICE < ' || i)) FROM generate_series(1, 26) AS i;
SELECT f.* FROM pg_temp.fault('INCLUDE ItemID WHERE Items.PRICE < 0') AS f;
RESET recsys.service_limits;
SELECT count(recsys.delete_filter('many' || i)) FROM generate_series(1, 26) AS i;

-- rights are those of the group
CREATE ROLE catalog_filters_reader;
SET ROLE catalog_filters_reader;
SELECT count(*) FROM recsys.filters;
SELECT recsys.describe_filter('cheap');
RESET ROLE;
GRANT USAGE ON SCHEMA catalog_filters TO catalog_filters_reader;
GRANT SELECT ON ALL TABLES IN SCHEMA catalog_filters TO catalog_filters_reader;
SET ROLE catalog_filters_reader;
SELECT count(*) FROM recsys.filters;
SELECT recsys.describe_filter('cheap') ->> 'target' AS target;
SELECT recsys.delete_filter('cheap');
SELECT recsys.create_filter('x', 'catalog_filters', 'INCLUDE ItemID WHERE Items.PRICE < 10');
RESET ROLE;
-- filters go with their group
SELECT recsys.delete_dataset_group('catalog_filters', cascade => true);
SELECT count(*) FROM recsys.filters;
DROP OWNED BY catalog_filters_reader;
DROP ROLE catalog_filters_reader;
