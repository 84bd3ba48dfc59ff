-- A shop's own tables, mapped, against a managed group that was filled with the same rows: equal models and equal answers.
-- Orders come through a view over two tables, clicks from a table directly; customers are numbers and products are texts.
\set VERBOSITY terse
SET client_min_messages = warning;
CREATE SCHEMA serve_mapped_shop;
SET search_path = serve_mapped_shop, public;
CREATE TABLE products (stock_code text PRIMARY KEY, department text, unit_price numeric(8, 2), added date);
CREATE TABLE orders (order_no bigint PRIMARY KEY, customer_no integer, ordered_at timestamp);
CREATE TABLE order_lines (order_no bigint REFERENCES orders, stock_code text REFERENCES products, quantity smallint, PRIMARY KEY (order_no, stock_code));
CREATE TABLE clicks (customer_no integer, stock_code text, clicked_at timestamptz);
INSERT INTO products SELECT 'P-' || p, 'D' || p % 5, p / 4.0, '2024-01-01'::date + p FROM generate_series(1, 80) AS p;
INSERT INTO orders SELECT o, 10000 + (o * 7) % 400, '2024-02-01'::timestamp + o * interval '11 minutes' FROM generate_series(1, 6000) AS o;
INSERT INTO order_lines SELECT o, 'P-' || 1 + (customer_no % 5 + 5 * ((o * (3 + n) + n * n) % 16)) % 80, n
FROM orders AS x (o), generate_series(1, 3) AS n ON CONFLICT DO NOTHING;
INSERT INTO clicks SELECT 10000 + c % 500, 'P-' || 1 + (c % 5 + 5 * (c * c % 16)) % 80, '2024-03-01'::timestamptz + c * interval '3 minutes'
FROM generate_series(1, 6000) AS c;
CREATE INDEX orders_customer ON orders (customer_no, ordered_at);
CREATE INDEX clicks_customer ON clicks (customer_no, clicked_at);
CREATE VIEW purchases AS SELECT customer_no, stock_code, ordered_at, quantity FROM orders JOIN order_lines USING (order_no);
VACUUM ANALYZE products, orders, order_lines, clicks;
RESET search_path;

SELECT recsys.create_dataset_group('serve_mapped');
SELECT recsys.create_dataset('serve_mapped', 'interactions', source => 'serve_mapped_shop.purchases', columns =>
	'{"user_id": "customer_no", "item_id": "stock_code", "timestamp": "ordered_at", "event_type": {"constant": "purchase"}, "event_value": "quantity"}');
SELECT recsys.add_dataset_source('serve_mapped', 'interactions', 'serve_mapped_shop.clicks',
	'{"user_id": "customer_no", "item_id": "stock_code", "timestamp": "clicked_at", "event_type": {"constant": "click"}}');
SELECT recsys.create_dataset('serve_mapped', 'items', source => 'serve_mapped_shop.products', columns =>
	'{"item_id": "stock_code", "creation_timestamp": "added", "department": "department", "price": "unit_price"}',
	fields => '{"department": "categorical", "price": "float"}');

SELECT recsys.create_dataset_group('serve_managed');
SELECT recsys.create_dataset('serve_managed', 'interactions');
SELECT recsys.create_dataset('serve_managed', 'items', '{"department": "categorical", "price": "float"}');
INSERT INTO serve_managed.items (item_id, creation_timestamp, department, price)
SELECT stock_code, added, department, unit_price FROM serve_mapped_shop.products ORDER BY random();
INSERT INTO serve_managed.interactions (user_id, item_id, event_type, event_value, "timestamp")
SELECT * FROM (SELECT customer_no, stock_code, 'purchase', quantity, ordered_at FROM serve_mapped_shop.purchases
	UNION ALL SELECT customer_no, stock_code, 'click', NULL, clicked_at FROM serve_mapped_shop.clicks) AS e ORDER BY random();

SELECT recsys.create_solution(s.name, g, s.recipe, event_type => s.event_type)
FROM unnest(ARRAY['serve_mapped', 'serve_managed']) AS g,
	(VALUES ('home', 'user-personalization', NULL), ('bought', 'user-personalization', 'purchase'), ('related', 'sims', NULL)) AS s (name, recipe, event_type);
SELECT recsys.create_solution_version(dataset_group || '.' || name, wait => true) FROM recsys.solutions WHERE dataset_group LIKE 'serve\_ma%ed' ORDER BY dataset_group, name;
SELECT recsys.create_campaign(name, dataset_group || '.' || name) FROM recsys.solutions WHERE dataset_group LIKE 'serve\_ma%ed' ORDER BY dataset_group, name;
-- one model each, made of the same bytes
SELECT solution, count(*), count(DISTINCT content_hash) FROM recsys.solution_versions WHERE dataset_group LIKE 'serve\_ma%ed' GROUP BY 1 ORDER BY 1;
-- nothing was copied
SELECT (SELECT count(*) FROM serve_mapped.interactions) AS interactions, (SELECT count(*) FROM serve_mapped.items) AS items;

-- row for row the same answers, for customers, for somebody nobody knows, and for products
CREATE FUNCTION pg_temp.answers(g text) RETURNS TABLE (asked text, rank integer, item_id text, score float8, reason text, metadata jsonb) LANGUAGE sql AS $$
	SELECT c || ' ' || u, r.rank, r.item_id, r.score, r.reason, r.metadata
	FROM unnest('{home,bought}'::text[]) AS c, generate_series(9990, 10500, 3) AS u,
		recsys.get_recommendations(g || '.' || c, u, num_results => 20, metadata_columns => '{department,price}') AS r
	UNION ALL
	SELECT c || ' ranks for ' || u, r.rank, r.item_id, r.score, r.reason, r.metadata
	FROM unnest('{home,bought}'::text[]) AS c, generate_series(9990, 10500, 7) AS u,
		recsys.get_personalized_ranking(g || '.' || c, u, '{P-3,P-80,none,P-41,P-7,P-12}', metadata_columns => '{price}') AS r
	UNION ALL
	SELECT 'like ' || p, r.rank, r.item_id, r.score, r.reason, r.metadata
	FROM generate_series(0, 81) AS p, recsys.get_recommendations(g || '.related', item_id => 'P-' || p, num_results => 10) AS r $$;
CREATE FUNCTION pg_temp.different() RETURNS TABLE (only_mapped bigint, only_managed bigint) LANGUAGE sql AS $$
	SELECT (SELECT count(*) FROM (SELECT * FROM pg_temp.answers('serve_mapped') EXCEPT ALL SELECT * FROM pg_temp.answers('serve_managed')) AS d),
		(SELECT count(*) FROM (SELECT * FROM pg_temp.answers('serve_managed') EXCEPT ALL SELECT * FROM pg_temp.answers('serve_mapped')) AS d) $$;
SELECT split_part(asked, ' ', 1) AS campaign, count(DISTINCT asked), count(*) > count(DISTINCT asked) AS lists,
	bool_or(reason IN ('personal', 'similar')) AS of_their_own FROM pg_temp.answers('serve_mapped') GROUP BY 1 ORDER BY 1;
SELECT * FROM pg_temp.different();

-- the owner's indexes are used, his tables are not read through
CREATE FUNCTION pg_temp.scans() RETURNS TABLE (relation text, by_index bigint, whole bigint) LANGUAGE sql AS $$
	SELECT i.indexrelname::text, i.idx_scan, t.seq_scan FROM pg_stat_user_indexes AS i JOIN pg_stat_user_tables AS t USING (relid)
	WHERE i.indexrelname IN ('orders_customer', 'clicks_customer') AND i.schemaname = 'serve_mapped_shop' $$;
SELECT pg_stat_force_next_flush();
CREATE TEMP TABLE before AS SELECT * FROM pg_temp.scans();
SELECT count(*) FROM generate_series(10001, 10010) AS u, recsys.get_recommendations('serve_mapped.home', u, num_results => 5);
SELECT pg_stat_force_next_flush();
SELECT relation, s.by_index - b.by_index >= 10 AS by_index, s.whole - b.whole AS whole
FROM pg_temp.scans() AS s JOIN before AS b USING (relation) ORDER BY relation;

-- what the owner writes counts at once, and not after a rollback
CREATE TEMP TABLE was AS SELECT * FROM pg_temp.answers('serve_mapped') WHERE asked = 'home 9990';
SELECT string_agg(DISTINCT reason, ',') FROM was;
BEGIN;
INSERT INTO serve_mapped_shop.orders VALUES (7000, 9990, '2024-06-01');
INSERT INTO serve_mapped_shop.order_lines VALUES (7000, 'P-6', 1), (7000, 'P-11', 2);
SELECT string_agg(DISTINCT reason, ',') FROM pg_temp.answers('serve_mapped') WHERE asked = 'home 9990';
SELECT count(*) > 0 AS changed FROM (SELECT * FROM pg_temp.answers('serve_mapped') WHERE asked = 'home 9990' EXCEPT SELECT * FROM was) AS d;
-- the same event in the other group: the same answers again
INSERT INTO serve_managed.interactions (user_id, item_id, event_type, event_value, "timestamp")
VALUES ('9990', 'P-6', 'purchase', 1, '2024-06-01'), ('9990', 'P-11', 'purchase', 2, '2024-06-01');
SELECT * FROM pg_temp.different();
ROLLBACK;
SELECT count(*) AS changed FROM (SELECT * FROM pg_temp.answers('serve_mapped') WHERE asked = 'home 9990' EXCEPT SELECT * FROM was) AS d;
-- a product that is deleted is not returned, one that changed department shows it
BEGIN;
DELETE FROM serve_mapped_shop.order_lines WHERE stock_code = 'P-2';
DELETE FROM serve_mapped_shop.products WHERE stock_code = 'P-2';
UPDATE serve_mapped_shop.products SET department = 'new';
SELECT count(*), count(*) FILTER (WHERE item_id = 'P-2') AS deleted, string_agg(DISTINCT metadata ->> 'department', ',') AS departments
FROM recsys.get_recommendations('serve_mapped.home', 10001, num_results => 80, metadata_columns => '{department}');
ROLLBACK;

-- what row-level security hides from the caller is not returned to him, and is no history of his customer's
CREATE ROLE serve_mapped_agent;
GRANT USAGE ON SCHEMA serve_mapped, serve_mapped_shop TO serve_mapped_agent;
GRANT SELECT ON ALL TABLES IN SCHEMA serve_mapped, serve_mapped_shop TO serve_mapped_agent;
SELECT string_agg(DISTINCT metadata ->> 'department', ',') FROM recsys.get_recommendations('serve_mapped.home', 10499, num_results => 80, metadata_columns => '{department}');
SELECT string_agg(DISTINCT reason, ',') FROM recsys.get_recommendations('serve_mapped.home', 10499, num_results => 5);
CREATE POLICY but_one ON serve_mapped_shop.products TO serve_mapped_agent USING (department <> 'D3');
ALTER TABLE serve_mapped_shop.products ENABLE ROW LEVEL SECURITY;
CREATE POLICY most ON serve_mapped_shop.clicks TO serve_mapped_agent USING (customer_no < 10450);
ALTER TABLE serve_mapped_shop.clicks ENABLE ROW LEVEL SECURITY;
SELECT string_agg(DISTINCT metadata ->> 'department', ',') FROM recsys.get_recommendations('serve_mapped.home', 10499, num_results => 80, metadata_columns => '{department}');
SET ROLE serve_mapped_agent;
SELECT count(*), string_agg(DISTINCT metadata ->> 'department', ',') FROM recsys.get_recommendations('serve_mapped.home', 10001, num_results => 80, metadata_columns => '{department}');
SELECT string_agg(item_id, ',' ORDER BY item_id) FROM recsys.get_personalized_ranking('serve_mapped.home', 10001, '{P-3,P-80,P-41,P-7}');
SELECT string_agg(DISTINCT reason, ',') FROM recsys.get_recommendations('serve_mapped.home', 10449, num_results => 5);
SELECT string_agg(DISTINCT reason, ',') FROM recsys.get_recommendations('serve_mapped.home', 10499, num_results => 5);
RESET ROLE;

SELECT recsys.delete_dataset_group('serve_mapped', cascade => true);
SELECT recsys.delete_dataset_group('serve_managed', cascade => true);
-- the owner's tables are his
SELECT count(*) FROM serve_mapped_shop.orders;
DROP OWNED BY serve_mapped_agent;
DROP ROLE serve_mapped_agent;
DROP SCHEMA serve_mapped_shop CASCADE;
