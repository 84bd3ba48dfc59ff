-- recommend_where: any SQL predicate over the rows of the items dataset, as the caller.
SET client_min_messages = warning;
SELECT recsys.create_dataset_group('serve_where');
SELECT recsys.create_dataset('serve_where', 'interactions');
SELECT recsys.create_dataset('serve_where', 'items', '{"kind": "categorical", "price": "float", "in_stock": {"type": "boolean", "role": "availability"}}');
INSERT INTO serve_where.items (item_id, creation_timestamp, kind, price)
SELECT 'i' || i, '2024-01-01'::timestamptz + i * interval '1 day', CASE WHEN i % 2 = 0 THEN 'even' ELSE 'odd' END, NULLIF(i, 40) FROM generate_series(10, 69) AS i;
INSERT INTO serve_where.interactions (user_id, item_id, event_type, "timestamp")
SELECT u, 'i' || 10 + (u * 7 + n * (1 + u % 5)) % 60, 'click', '2024-02-01'::timestamptz + u * interval '1 hour' + n * interval '1 minute'
FROM generate_series(1, 150) AS u, generate_series(1, 14) AS n;
SELECT recsys.create_solution('sw', 'serve_where', 'user-personalization');
SELECT recsys.create_solution_version('sw', wait => true);
SELECT recsys.create_campaign('sw', 'sw');
SELECT recsys.create_filter('sw_even', 'serve_where', 'INCLUDE ItemID WHERE Items.KIND IN ("even")');

-- The answer is the list without the items that do not meet it, in both plans; what is NULL does not meet it.
CREATE FUNCTION pg_temp.same(predicate text, allowed text[]) RETURNS boolean LANGUAGE sql AS $$
	SELECT (SELECT array_agg(item_id ORDER BY rank) FROM recsys.recommend_where('sw', 7, predicate, num_results => 100)) IS NOT DISTINCT FROM
		(SELECT array_agg(item_id ORDER BY rank) FROM recsys.get_recommendations('sw', 7, num_results => 100) WHERE item_id = ANY (allowed)) $$;
SELECT plan, set_config('recsys.filter_plan', plan, false) IS NOT NULL AS set,
	pg_temp.same('price < 30', (SELECT array_agg('i' || i) FROM generate_series(10, 29) AS i)) AS comparison,
	pg_temp.same('price >= 0', (SELECT array_agg('i' || i) FROM generate_series(10, 69) AS i WHERE i <> 40)) AS null_fails,
	pg_temp.same('kind = ''odd'' AND items.creation_timestamp > ''2024-02-20'' -- late', (SELECT array_agg('i' || i) FROM generate_series(51, 69, 2) AS i)) AS comment,
	pg_temp.same('true', (SELECT array_agg('i' || i) FROM generate_series(10, 69) AS i)) AS everything,
	pg_temp.same('false', '{}') AS nothing, pg_temp.same('NULL', '{}') AS unknown
FROM unnest(ARRAY['post', 'pre', 'auto']) AS plan;
-- Tables of the caller's own, a filter beside it, and what may not come back.
CREATE TABLE serve_where_cart (visitor int, product text);
INSERT INTO serve_where_cart SELECT 7, item_id FROM recsys.get_recommendations('sw', 7, num_results => 5);
SELECT count(*), count(*) FILTER (WHERE item_id IN (SELECT product FROM serve_where_cart)) AS in_cart, bool_and(substr(item_id, 2)::int % 2 = 0) AS even, bool_or(item_id = 'i12') AS i12
FROM recsys.recommend_where('sw', 7, 'NOT EXISTS (SELECT FROM serve_where_cart AS c WHERE c.visitor = 7 AND c.product = items.item_id)',
	num_results => 100, filter => 'sw_even', exclude_items => '{i12}');
-- Rows of this very transaction count, also of items that the model does not know.
BEGIN;
INSERT INTO serve_where.items (item_id, kind, price) VALUES ('fresh', 'even', 1000);
UPDATE serve_where.items SET price = 1000 WHERE item_id = 'i33';
SELECT rank, item_id, score IS NULL AS unscored, reason FROM recsys.recommend_where('sw', '7', 'price = 1000');
UPDATE serve_where.items SET in_stock = false WHERE item_id IN ('fresh', 'i33');
SELECT count(*) FROM recsys.recommend_where('sw', '7', 'price = 1000');
ROLLBACK;
SELECT count(*) FROM recsys.recommend_where('sw', '7', 'price = 1000');

-- One expression, and nothing that could be more.
CREATE FUNCTION pg_temp.outcome(predicate text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	RETURN (SELECT count(*) FROM recsys.recommend_where('sw', 7, predicate, num_results => 100));
EXCEPTION WHEN OTHERS THEN
	RETURN SQLSTATE || ' ' || SQLERRM;
END $$;
SELECT p AS predicate, pg_temp.outcome(p) AS outcome FROM unnest(ARRAY['', ' ', '-- nothing', 'true) OR (true', 'true; DROP TABLE serve_where_cart', 'true;', 'true; --',
	'true /* ', 'true, true', 'true AS t', '*', 'items.*', 'true FROM pg_class', 'true WHERE true', 'true ORDER BY 1', 'true LIMIT 1', 'true UNION SELECT true', 'DISTINCT true',
	'true FOR UPDATE', 'true INTO x', '$1 IS NOT NULL', 'EXISTS (SELECT $1)', 'price', '(SELECT true)', 'item_id IN (SELECT product FROM serve_where_cart)', 'absent > 1',
	'recsys_n > 0', 'price / (price - price) > 0', 'count(*) > 0', E'kind = ''o''''dd''', 'kind = ''even'' OR kind = ''odd''', 'streamed']) AS p;
SELECT pg_temp.outcome(NULL);
SELECT pg_temp.outcome('(SELECT count(*) FROM (INSERT INTO serve_where_cart VALUES (1) RETURNING 1) AS i) > 0');
SELECT pg_temp.outcome('EXISTS (WITH x AS (DELETE FROM serve_where_cart RETURNING 1) SELECT FROM x)');
SELECT count(*) FROM serve_where_cart;
SELECT count(*) FROM recsys.recommend_where('sw', 7, 'true', context => '{"device": "phone"}');
SELECT count(*) FROM recsys.recommend_where('absent', 7, 'true');

-- The caller's rights and row-level security.
CREATE ROLE serve_where_reader;
GRANT USAGE ON SCHEMA serve_where TO serve_where_reader;
GRANT SELECT ON ALL TABLES IN SCHEMA serve_where TO serve_where_reader;
ALTER TABLE serve_where.items ENABLE ROW LEVEL SECURITY;
CREATE POLICY odd ON serve_where.items TO serve_where_reader USING (kind = 'odd');
SELECT count(*) AS owner FROM recsys.recommend_where('sw', 7, 'price > 0', num_results => 100);
SET ROLE serve_where_reader;
SELECT count(*), bool_and(substr(item_id, 2)::int % 2 = 1) AS odd FROM recsys.recommend_where('sw', 7, 'price > 0', num_results => 100);
SELECT pg_temp.outcome('item_id IN (SELECT product FROM serve_where_cart)');
RESET ROLE;
ALTER TABLE serve_where.items DISABLE ROW LEVEL SECURITY;
-- The search path of the moment.
CREATE SCHEMA serve_where_a;
CREATE TABLE serve_where_a.wanted AS SELECT 'i20' AS id;
CREATE SCHEMA serve_where_b;
CREATE TABLE serve_where_b.wanted AS SELECT 'i21' AS id;
SET search_path = serve_where_a;
SELECT item_id FROM recsys.recommend_where('sw', 7, 'item_id IN (SELECT id FROM wanted)');
SET search_path = serve_where_b;
SELECT item_id FROM recsys.recommend_where('sw', 7, 'item_id IN (SELECT id FROM wanted)');
RESET search_path;
-- No items, no rows.
SELECT recsys.create_dataset_group('serve_where_bare');
SELECT recsys.create_dataset('serve_where_bare', 'interactions');
INSERT INTO serve_where_bare.interactions SELECT * FROM serve_where.interactions;
SELECT recsys.create_solution('sw_bare', 'serve_where_bare', 'popularity-count');
SELECT recsys.create_solution_version('sw_bare', wait => true);
SELECT recsys.create_campaign('sw_bare', 'sw_bare');
SELECT count(*) FROM recsys.recommend_where('sw_bare', 7, 'true');

SELECT recsys.delete_dataset_group('serve_where', cascade => true);
SELECT recsys.delete_dataset_group('serve_where_bare', cascade => true);
DROP TABLE serve_where_cart, serve_where_a.wanted, serve_where_b.wanted;
DROP SCHEMA serve_where_a, serve_where_b;
DROP ROLE serve_where_reader;
