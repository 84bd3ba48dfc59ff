-- recsys.check over mapped relations: indexes, what their owner changed, times and ids as they are in other people's tables; and who may ask.
\pset format unaligned
\pset fieldsep ' | '
SET TIME ZONE 'UTC';
CREATE SCHEMA ops_shop;
CREATE TABLE ops_shop.orders (customer bigint, sku integer, "Placed" timestamptz, kind text);
CREATE TABLE ops_shop.products (sku integer, "Colour" text, price numeric, updated timestamptz, doc xml);
CREATE TABLE ops_shop.people (id bigint, age int);
INSERT INTO ops_shop.orders SELECT i % 100, i % 60, date_trunc('hour', now()) - i * interval '1 minute', 'buy' FROM generate_series(1, 20000) AS i;
INSERT INTO ops_shop.products SELECT i, 'red', i, now() FROM generate_series(0, 59) AS i;
INSERT INTO ops_shop.people SELECT i, i FROM generate_series(0, 99) AS i;
ANALYZE ops_shop.orders, ops_shop.products, ops_shop.people;
SELECT recsys.create_dataset_group('ops_mapped');
SELECT recsys.create_dataset('ops_mapped', 'interactions', source => 'ops_shop.orders', columns => '{"user_id": "customer", "item_id": "sku", "timestamp": "Placed", "event_type": "kind"}');
SELECT recsys.create_dataset('ops_mapped', 'items', source => 'ops_shop.products', columns => '{"item_id": "sku", "colour": "Colour"}');
SELECT recsys.create_dataset('ops_mapped', 'users', source => 'ops_shop.people', columns => '{"user_id": "id", "age": "age"}');
CREATE VIEW pg_temp.faults AS SELECT severity, object, finding, evidence, advice FROM recsys.check('ops_mapped') WHERE severity <> 'ok';
-- indexes: the statement to run, and its run
SELECT severity, object, evidence, advice FROM pg_temp.faults WHERE finding = 'missing index' AND (advice NOT LIKE '%("Placed")%');
SELECT replace(substring(advice FROM 'CREATE.*;'), 'CONCURRENTLY ', '') FROM pg_temp.faults WHERE finding = 'missing index' \gexec
SELECT count(*) FROM pg_temp.faults WHERE finding = 'missing index';
-- an index on less, on something else, on a part, of another kind
DROP INDEX ops_shop.products_sku_idx;
CREATE INDEX ON ops_shop.products (sku) WHERE price > 0;
CREATE INDEX ON ops_shop.products (price, sku);
CREATE INDEX ON ops_shop.products USING hash (sku);
SELECT object, evidence FROM pg_temp.faults WHERE finding = 'missing index';
ALTER TABLE ops_shop.products ADD PRIMARY KEY (sku);
SELECT * FROM pg_temp.faults;
-- a partitioned table is indexed without CONCURRENTLY; a view is asked what it costs
CREATE TABLE ops_shop.clicks (customer bigint, sku integer, at timestamptz) PARTITION BY RANGE (at);
CREATE TABLE ops_shop.clicks_all PARTITION OF ops_shop.clicks DEFAULT;
INSERT INTO ops_shop.clicks SELECT customer, sku, "Placed" FROM ops_shop.orders;
SELECT recsys.add_dataset_source('ops_mapped', 'interactions', 'ops_shop.clicks', '{"user_id": "customer", "item_id": "sku", "timestamp": "at"}');
SELECT object, evidence, substring(advice FROM 'CREATE.*') AS statement FROM pg_temp.faults WHERE finding = 'missing index' AND advice NOT LIKE '%(at)%';
CREATE TABLE ops_shop.old_clicks AS SELECT * FROM ops_shop.clicks;
ANALYZE ops_shop.old_clicks, ops_shop.clicks;
CREATE VIEW ops_shop.history AS SELECT * FROM ops_shop.old_clicks;
SELECT recsys.add_dataset_source('ops_mapped', 'interactions', 'ops_shop.history', '{"user_id": "customer", "item_id": "sku", "timestamp": "at"}');
SELECT severity, object, finding, regexp_replace(evidence, '\d[\d,]*\d', 'N', 'g') AS evidence, advice FROM pg_temp.faults WHERE object = 'ops_shop.history';
CREATE INDEX ON ops_shop.old_clicks (customer, at);
SELECT count(*) FROM pg_temp.faults WHERE object = 'ops_shop.history';
-- all of it was loaded three times
SELECT severity, object, finding, evidence FROM pg_temp.faults WHERE finding = 'repeated events';
SELECT recsys.delete_dataset('ops_mapped', 'interactions');
SELECT recsys.create_dataset('ops_mapped', 'interactions', source => 'ops_shop.orders', columns => '{"user_id": "customer", "item_id": "sku", "timestamp": "Placed", "event_type": "kind"}');

-- ids: NULL, twice, of something else
INSERT INTO ops_shop.orders VALUES (NULL, 1, now(), 'buy'), (1, NULL, now(), 'buy'), (1, 1, NULL, 'buy'), (1, 777, now(), 'buy'), (4711, 1, now(), 'buy');
ALTER TABLE ops_shop.products DROP CONSTRAINT products_pkey;
INSERT INTO ops_shop.products VALUES (1, 'blue', 1, now()), (1, 'green', 1, now());
DROP INDEX ops_shop.people_id_idx;
INSERT INTO ops_shop.people VALUES (7, 8);
SELECT severity, object, finding, evidence FROM pg_temp.faults WHERE finding <> 'missing index';
DELETE FROM ops_shop.orders WHERE customer IS NULL OR sku IS NULL OR "Placed" IS NULL OR sku = 777 OR customer = 4711;
DELETE FROM ops_shop.products WHERE "Colour" <> 'red';
DELETE FROM ops_shop.people WHERE age <> id;

-- what the owner changed
ALTER TABLE ops_shop.products RENAME "Colour" TO color;
SELECT * FROM pg_temp.faults WHERE severity = 'error';
ALTER TABLE ops_shop.products RENAME color TO "Colour";
ALTER TABLE ops_shop.orders ALTER sku TYPE bigint;
SELECT * FROM pg_temp.faults WHERE severity = 'error';
ALTER TABLE ops_shop.orders ALTER sku TYPE integer;
ALTER TABLE ops_shop.orders RENAME TO purchases;
SELECT * FROM pg_temp.faults WHERE severity = 'error';
DROP TABLE ops_shop.people;
SELECT severity, object, finding, regexp_replace(evidence, '\d+', 'N') AS evidence, advice FROM pg_temp.faults WHERE severity = 'error';
SELECT recsys.delete_dataset('ops_mapped', 'users');

-- seconds read as milliseconds, and the other way round
CREATE TABLE ops_shop.seconds AS SELECT customer, sku, extract(epoch FROM "Placed")::bigint AS t FROM ops_shop.purchases;
SELECT recsys.delete_dataset('ops_mapped', 'interactions');
SELECT recsys.create_dataset('ops_mapped', 'interactions', source => 'ops_shop.seconds', columns => '{"user_id": "customer", "item_id": "sku", "timestamp": {"column": "t", "epoch": "ms"}}');
SELECT severity, object, finding, evidence, advice FROM pg_temp.faults WHERE finding LIKE 'timestamps%';
UPDATE ops_shop.seconds SET t = t * 1000;
SELECT recsys.update_dataset('ops_mapped', 'interactions', columns => '{"timestamp": {"column": "t", "epoch": "s"}}');
SELECT severity, object, finding, regexp_replace(evidence, 'to \d+-\d\d-\d\d', 'to DATE') AS evidence FROM pg_temp.faults WHERE finding LIKE 'timestamps%';
SELECT recsys.update_dataset('ops_mapped', 'interactions', columns => '{"timestamp": {"column": "t", "epoch": "ms"}}');
SELECT count(*) FROM pg_temp.faults WHERE finding LIKE 'timestamps%';
-- a value that cannot be read ends the check of its dataset only
CREATE VIEW ops_shop.broken AS SELECT sku, (1 / (sku - sku))::text AS "Colour" FROM ops_shop.products;
SELECT recsys.delete_dataset('ops_mapped', 'items');
SELECT recsys.create_dataset('ops_mapped', 'items', source => 'ops_shop.broken', columns => '{"item_id": "sku", "colour": "Colour"}');
SELECT severity, object, finding, evidence, advice FROM pg_temp.faults WHERE object = 'items';
SELECT count(*) FROM recsys.check('ops_mapped') WHERE object = 'fit';
\set VERBOSITY terse
SELECT count(*) FROM recsys.get_data_insights('ops_mapped');

-- no interactions, nothing at all, no group
SELECT recsys.delete_dataset('ops_mapped', 'interactions');
SELECT severity, object, finding, advice FROM pg_temp.faults WHERE severity = 'error' AND object <> 'items';
SELECT recsys.create_dataset_group('ops_nothing');
SELECT * FROM recsys.check('ops_nothing');
SELECT * FROM recsys.get_data_insights('ops_nothing');
SELECT * FROM recsys.check('no_such_group');
SELECT * FROM recsys.check(NULL);

-- Who may ask, and what he sees: with the rights and the rows that he has.
CREATE ROLE regress_ops_reader;
CREATE ROLE regress_ops_stranger;
SELECT recsys.create_dataset_group('ops_rights');
SELECT recsys.create_dataset('ops_rights', 'interactions');
SELECT recsys.create_dataset('ops_rights', 'items', '{"secret": "categorical"}');
SELECT recsys.create_dataset('ops_rights', 'users', '{"name": "categorical"}');
INSERT INTO ops_rights.interactions (user_id, item_id, "timestamp") SELECT 'u' || i % 60, 'i' || i % 60, now() - i * interval '1 hour' FROM generate_series(1, 2000) AS i;
INSERT INTO ops_rights.items (item_id, secret) SELECT 'i' || i, 's' || i % 2 FROM generate_series(0, 59) AS i;
INSERT INTO ops_rights.users SELECT 'u' || i, false, 'n' || i % 2 FROM generate_series(0, 59) AS i;
GRANT USAGE ON SCHEMA ops_rights TO regress_ops_reader;
GRANT SELECT ON ops_rights.interactions, ops_rights.items, ops_rights.user_aliases TO regress_ops_reader;
ALTER TABLE ops_rights.interactions ENABLE ROW LEVEL SECURITY;
CREATE POLICY few ON ops_rights.interactions USING (user_id IN ('u1', 'u2', 'u3'));
SET ROLE regress_ops_reader;
SELECT severity, object, finding, evidence FROM recsys.check('ops_rights') WHERE severity <> 'ok' AND object <> 'items';
SELECT count(*) FROM recsys.get_data_insights('ops_rights');
SHOW work_mem;
SHOW jit;
SHOW search_path;
SET ROLE regress_ops_stranger;
SELECT * FROM recsys.check('ops_rights');
SELECT * FROM recsys.get_data_insights('ops_rights');
RESET ROLE;
-- cancelled: an error, not a finding
CREATE FUNCTION ops_shop.slow(text) RETURNS text LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(1); RETURN $1; END $$;
CREATE VIEW ops_shop.slow_view AS SELECT ops_shop.slow(i::text) AS user_id, i::text AS item_id, now() AS "timestamp" FROM generate_series(1, 1000) AS i;
SELECT recsys.create_dataset('ops_nothing', 'interactions', source => 'ops_shop.slow_view');
SET statement_timeout = '300ms';
SELECT * FROM recsys.check('ops_nothing');
RESET statement_timeout;
-- in a read-only transaction
BEGIN READ ONLY;
SELECT count(*) > 5 AS checked FROM recsys.check('ops_rights');
COMMIT;

SELECT recsys.delete_dataset_group(name, cascade => true) FROM recsys.dataset_groups WHERE name LIKE 'ops\_%' ORDER BY name;
DROP SCHEMA ops_shop CASCADE;
DROP ROLE regress_ops_reader, regress_ops_stranger;
