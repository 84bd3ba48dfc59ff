-- Filters run as whoever asks: what row-level security hides from him never passes, and does for the owner, on managed and on
-- mapped datasets; and a mapping that its owner breaks is named, also to a session that has served through it.
SET client_min_messages = warning;
CREATE SCHEMA security_filters_app;
CREATE TABLE security_filters_app.products (sku integer PRIMARY KEY, kind text, cost numeric(8, 2), added date, tenant text);
CREATE TABLE security_filters_app.orders (who text, sku integer, at timestamptz);
CREATE TABLE security_filters_app.people (who text PRIMARY KEY, years integer);
INSERT INTO security_filters_app.products SELECT i, (ARRAY['a', 'b', 'a|c'])[1 + i % 3], i / 2.0, '2024-01-01'::date + i, (ARRAY['x', 'y'])[1 + i % 2] FROM generate_series(1, 60) AS i;
INSERT INTO security_filters_app.orders SELECT 'u' || u, 1 + (u * 7 + n * n) % 50, '2024-02-01'::timestamptz + u * interval '1 hour' + n * interval '1 minute'
FROM generate_series(1, 60) AS u, generate_series(1, 8) AS n;
INSERT INTO security_filters_app.people SELECT 'u' || u, u FROM generate_series(1, 60) AS u;
CREATE INDEX ON security_filters_app.orders (who, sku);

SELECT recsys.create_dataset_group('security_filters_map');
SELECT recsys.create_dataset('security_filters_map', 'interactions', source => 'security_filters_app.orders',
	columns => '{"user_id": "who", "item_id": "sku", "event_type": {"constant": "Purchase"}, "timestamp": "at"}');
SELECT recsys.create_dataset('security_filters_map', 'items', source => 'security_filters_app.products',
	columns => '{"item_id": "sku", "kind": "kind", "price": "cost", "creation_timestamp": "added"}', fields => '{"kind": "categorical", "price": "double"}');
SELECT recsys.create_dataset('security_filters_map', 'users', source => 'security_filters_app.people', columns => '{"user_id": "who", "age": "years"}');
SELECT recsys.create_dataset_group('security_filters_own');
SELECT recsys.create_dataset('security_filters_own', 'interactions', '{"item_id": "int"}');
SELECT recsys.create_dataset('security_filters_own', 'items', '{"kind": "categorical", "price": "double", "tenant": "string"}');
SELECT recsys.create_dataset('security_filters_own', 'users', '{"age": "int"}');
INSERT INTO security_filters_own.items (item_id, kind, price, creation_timestamp, tenant) SELECT * FROM security_filters_app.products;
INSERT INTO security_filters_own.interactions (user_id, item_id, "timestamp", event_type) SELECT *, 'Purchase' FROM security_filters_app.orders;
INSERT INTO security_filters_own.users (user_id, age) SELECT * FROM security_filters_app.people;
SELECT recsys.create_solution(g, g, 'popularity-count'), recsys.create_solution_version(g, wait => true), recsys.create_campaign(g, g),
	recsys.create_filter('cheap', g, 'INCLUDE ItemID WHERE Items.PRICE < $P'), recsys.create_filter('bought', g, 'EXCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("purchase")'),
	recsys.create_filter('again', g, 'INCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("purchase")'), recsys.create_filter('grown', g, 'EXCLUDE ItemID WHERE Items.KIND IN ("c") IF CurrentUser.AGE < 18')
FROM unnest('{security_filters_map,security_filters_own}'::text[]) AS g;

CREATE FUNCTION pg_temp.answer(g text, who text, filter text, given jsonb DEFAULT '{}') RETURNS text LANGUAGE sql AS $$
	SELECT coalesce(string_agg(item_id, ' ' ORDER BY item_id::int), '-') FROM recsys.get_recommendations(g, who, num_results => 100, filter => g || '.' || filter, filter_values => given) $$;
CREATE FUNCTION pg_temp.answers() RETURNS TABLE (g text, cheap text, again text, bought bigint, grown bigint) LANGUAGE sql AS $$
	SELECT g, pg_temp.answer(g, 'u3', 'cheap', '{"P": 5}'), pg_temp.answer(g, 'u3', 'again'),
		(SELECT count(*) FROM recsys.get_recommendations(g, 'u3', num_results => 100, filter => 'bought')),
		(SELECT count(*) FROM recsys.get_recommendations(g, 'u3', num_results => 100, filter => 'grown'))
	FROM unnest('{security_filters_map,security_filters_own}'::text[]) AS g $$;
SELECT * FROM pg_temp.answers();

-- a tenant: half of the products, a quarter of the events, and of the users not the first nine
CREATE ROLE security_filters_tenant;
GRANT USAGE ON SCHEMA security_filters_app, security_filters_map, security_filters_own TO security_filters_tenant;
GRANT SELECT ON ALL TABLES IN SCHEMA security_filters_app, security_filters_map, security_filters_own TO security_filters_tenant;
CREATE POLICY half ON security_filters_app.products TO security_filters_tenant USING (tenant = 'x');
CREATE POLICY half ON security_filters_own.items TO security_filters_tenant USING (tenant = 'x');
CREATE POLICY even ON security_filters_app.orders TO security_filters_tenant USING (sku % 4 = 0);
CREATE POLICY even ON security_filters_own.interactions TO security_filters_tenant USING (item_id % 4 = 0);
CREATE POLICY old ON security_filters_app.people TO security_filters_tenant USING (length(who) > 2);
CREATE POLICY old ON security_filters_own.users TO security_filters_tenant USING (length(user_id) > 2);
ALTER TABLE security_filters_app.products ENABLE ROW LEVEL SECURITY;
ALTER TABLE security_filters_own.items ENABLE ROW LEVEL SECURITY;
ALTER TABLE security_filters_app.orders ENABLE ROW LEVEL SECURITY;
ALTER TABLE security_filters_own.interactions ENABLE ROW LEVEL SECURITY;
ALTER TABLE security_filters_app.people ENABLE ROW LEVEL SECURITY;
ALTER TABLE security_filters_own.users ENABLE ROW LEVEL SECURITY;
SELECT * FROM pg_temp.answers();
SET ROLE security_filters_tenant;
SELECT * FROM pg_temp.answers();
SET recsys.filter_plan = pre;
SELECT * FROM pg_temp.answers();
RESET ROLE;
SELECT * FROM pg_temp.answers();
RESET recsys.filter_plan;
-- users are read only by filters that ask for them
REVOKE SELECT ON security_filters_own.users FROM security_filters_tenant;
SET ROLE security_filters_tenant;
SELECT pg_temp.answer('security_filters_own', 'u3', 'cheap', '{"P": 5}');
SELECT pg_temp.answer('security_filters_own', 'u3', 'grown');
RESET ROLE;

-- the owner alters his tables: the next call says which mapping broke
CREATE FUNCTION pg_temp.after(alteration text) RETURNS TABLE (cheap text, grown text, detail text, hint text) LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE alteration;
	BEGIN
		cheap := pg_temp.answer('security_filters_map', 'u3', 'cheap', '{"P": 5}');
	EXCEPTION WHEN OTHERS THEN
		GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
		cheap := SQLSTATE || ' ' || SQLERRM;
	END;
	BEGIN
		grown := length(pg_temp.answer('security_filters_map', 'u3', 'grown'));
	EXCEPTION WHEN OTHERS THEN
		GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
		grown := SQLSTATE || ' ' || SQLERRM;
	END;
	detail := regexp_replace(detail, 'OID \d+', 'OID N');
	RETURN NEXT;
END $$;
\x on
SELECT * FROM pg_temp.after('ALTER TABLE security_filters_app.products RENAME cost TO price');
SELECT * FROM pg_temp.after('ALTER TABLE security_filters_app.products RENAME price TO cost');
SELECT * FROM pg_temp.after('ALTER TABLE security_filters_app.people DROP years');
SELECT * FROM pg_temp.after($$SELECT recsys.update_dataset('security_filters_map', 'users', columns => '{"age": null}')$$);
SELECT * FROM pg_temp.after('ALTER TABLE security_filters_app.products ALTER cost TYPE text');
SELECT * FROM pg_temp.after('ALTER TABLE security_filters_app.products RENAME TO wares');
SELECT * FROM pg_temp.after('DROP TABLE security_filters_app.people');
SELECT * FROM pg_temp.after('DROP TABLE security_filters_app.wares');
\x off
RESET ROLE;
SELECT recsys.delete_dataset_group(g, cascade => true) FROM unnest('{security_filters_map,security_filters_own}'::text[]) AS g;
DROP SCHEMA security_filters_app CASCADE;
DROP ROLE security_filters_tenant;
