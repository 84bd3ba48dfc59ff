-- Mapped datasets: tables, views and foreign tables as they are; native ids; epochs and constants; what breaks is named.
\set VERBOSITY terse
CREATE FUNCTION pg_temp.try(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE d text; h text;
BEGIN
    EXECUTE statement;
    RETURN 'ok';
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS d = PG_EXCEPTION_DETAIL, h = PG_EXCEPTION_HINT;
    RETURN concat_ws(' | ', SQLSTATE, SQLERRM, nullif(d, ''), nullif(h, ''));
END $$;
CREATE FUNCTION pg_temp.mapping(type text) RETURNS TABLE (relation text, columns jsonb, id_types jsonb, problems jsonb) LANGUAGE sql AS $$
SELECT s ->> 'relation', s -> 'columns', d -> 'id_types', d -> 'problems'
FROM recsys.describe_dataset('catalog_mapping', type) d, jsonb_array_elements(d -> 'sources') WITH ORDINALITY AS s(s, n) ORDER BY n $$;
CREATE FUNCTION pg_temp.fields(type text) RETURNS TABLE (name text, type text, role text) LANGUAGE sql AS $$
SELECT f ->> 'name', f ->> 'type', f ->> 'role' FROM jsonb_array_elements(recsys.describe_dataset('catalog_mapping', type) -> 'fields') f ORDER BY 1 $$;

CREATE SCHEMA catalog_mapping_app;
SET search_path = catalog_mapping_app;
CREATE TYPE colour AS ENUM ('red', 'green');
CREATE DOMAIN sku AS bigint CHECK (VALUE > 0);
CREATE TABLE products (id sku PRIMARY KEY, unit_price numeric(10, 2), added bigint, tags text[], colour colour, title varchar(50), live boolean,
    updated date, maker uuid, stock smallint, place point);
CREATE TABLE orders (customer uuid, product bigint, bought timestamptz, quantity integer, channel text);
CREATE TABLE clicks (customer uuid, product bigint, at_ms bigint, session uuid, channel text);
CREATE VIEW people AS SELECT customer AS user_id, 42 AS age FROM orders;
RESET search_path;

SELECT recsys.create_dataset_group('catalog_mapping');
SELECT recsys.create_dataset('catalog_mapping', 'items', source => 'catalog_mapping_app.products',
    columns => '{"item_id": "id", "creation_timestamp": {"column": "added", "epoch": "ms"}, "price": "unit_price", "tags": "tags", "colour": "colour",
        "title": "title", "live": "live", "updated": "updated", "maker": "maker", "stock": "stock", "origin": {"constant": "EU"}, "rank": {"constant": 1}}',
    fields => '{"title": "textual", "live": {"type": "boolean", "role": "availability"}, "stock": {"type": "int", "role": "stored"}}');
SELECT * FROM pg_temp.mapping('items');
SELECT * FROM pg_temp.fields('items');
SELECT attname, format_type(atttypid, atttypmod), attnotnull FROM pg_attribute WHERE attrelid = 'catalog_mapping.items'::regclass AND attnum > 0 ORDER BY attnum;
SELECT recsys.create_dataset('catalog_mapping', 'interactions', source => 'catalog_mapping_app.orders',
    columns => '{"user_id": "customer", "item_id": "product", "timestamp": "bought", "event_type": {"constant": "Purchase"}, "event_value": "quantity", "channel": "channel"}');
SELECT * FROM pg_temp.mapping('interactions');
-- a further source: the same ids, the same fields; its own constants and epochs
SELECT recsys.add_dataset_source('catalog_mapping', 'interactions', 'catalog_mapping_app.clicks',
    '{"user_id": "customer", "item_id": "product", "timestamp": {"column": "at_ms", "epoch": "ms"}, "event_type": {"constant": "Click"}, "session_id": "session"}');
SELECT * FROM pg_temp.mapping('interactions');
-- a view whose columns have the names of the dataset needs no mapping
SELECT recsys.create_dataset('catalog_mapping', 'users', source => 'catalog_mapping_app.people', columns => '{"age": "age"}');
SELECT * FROM pg_temp.mapping('users');
SELECT * FROM pg_temp.fields('users');
SELECT dataset_type, relation, mapped, sources, id_types FROM recsys.datasets WHERE dataset_group = 'catalog_mapping';

-- broken by its owner: named, and well again when repaired
ALTER TABLE catalog_mapping_app.products RENAME COLUMN unit_price TO price;
ALTER TABLE catalog_mapping_app.products ALTER COLUMN added TYPE text USING 'x';
SELECT problems FROM pg_temp.mapping('items');
ALTER TABLE catalog_mapping_app.products RENAME COLUMN price TO unit_price;
ALTER TABLE catalog_mapping_app.products ALTER COLUMN added TYPE bigint USING 0;
SELECT problems FROM pg_temp.mapping('items');
ALTER TABLE catalog_mapping_app.orders ALTER COLUMN product TYPE text;
SELECT DISTINCT problems FROM pg_temp.mapping('interactions');
DROP TABLE catalog_mapping_app.clicks;
SELECT DISTINCT regexp_replace(problems::text, '\d{4,}', 'N') FROM pg_temp.mapping('interactions');
ALTER TABLE catalog_mapping_app.orders ALTER COLUMN product TYPE bigint USING product::bigint;
SELECT recsys.create_solution('catalog_mapping', 'catalog_mapping', 'popularity-count');
SELECT regexp_replace(pg_temp.try($$SELECT recsys.estimate_training('catalog_mapping')$$), '\d{4,}', 'N', 'g');
-- what takes the place of a source that was dropped takes over its mapping
CREATE VIEW catalog_mapping_app.visits AS SELECT customer, product, extract(epoch FROM bought) * 1000 AS at_ms, channel, NULL::uuid AS visit FROM catalog_mapping_app.orders;
CREATE TEMP VIEW visits_here AS SELECT * FROM catalog_mapping_app.visits;
SELECT pg_temp.try($$SELECT recsys.update_dataset('catalog_mapping', 'interactions', source => 'visits_here')$$);
SELECT pg_temp.try($$SELECT recsys.update_dataset('catalog_mapping', 'interactions', source => 'catalog_mapping.interactions')$$);
SELECT pg_temp.try($$SELECT recsys.update_dataset('catalog_mapping', 'interactions', source => 'catalog_mapping_app.visits')$$);
SELECT recsys.update_dataset('catalog_mapping', 'interactions', source => 'catalog_mapping_app.visits', columns => '{"session_id": "visit"}');
SELECT * FROM pg_temp.mapping('interactions');
SELECT interactions = 2 * (SELECT count(*) FROM catalog_mapping_app.orders) AS both_read FROM recsys.estimate_training('catalog_mapping');
SELECT pg_temp.try($$SELECT recsys.update_dataset('catalog_mapping', 'interactions', source => 'pg_class')$$);
SELECT recsys.delete_solution('catalog_mapping');

-- a mapping can be changed: other columns, further fields; the ids keep their types
ALTER TABLE catalog_mapping_app.products RENAME COLUMN unit_price TO price;
SELECT recsys.update_dataset('catalog_mapping', 'items', columns => '{"price": "price", "weight": {"constant": 1.5}, "origin": null}');
SELECT pg_temp.try($$SELECT recsys.update_dataset('catalog_mapping', 'items', columns => '{"origin": {"constant": "US"}}')$$);
SELECT pg_temp.try($$SELECT recsys.update_dataset('catalog_mapping', 'items', columns => '{"item_id": "maker"}')$$);
SELECT pg_temp.try($$SELECT recsys.update_dataset('catalog_mapping', 'items', columns => '{"price": "nope"}')$$);
SELECT pg_temp.try($$SELECT recsys.update_dataset('catalog_mapping', 'items', columns => '{"price": "title"}')$$);
SELECT * FROM pg_temp.mapping('items');
SELECT * FROM pg_temp.fields('items') WHERE name IN ('origin', 'price', 'weight');
SELECT pg_temp.try($$SELECT recsys.update_dataset('catalog_mapping', 'users', source => 'pg_class')$$);

-- deleting the dataset leaves the source and drops recsys's own table
SELECT recsys.delete_dataset('catalog_mapping', 'interactions');
SELECT to_regclass('catalog_mapping.interactions') IS NULL AS own_gone, to_regclass('catalog_mapping_app.orders') IS NOT NULL AS source_there;

-- bad mappings
CREATE TABLE catalog_mapping_app.odd (u uuid, i bigint, f float8, t timestamptz, n numeric, j jsonb, p point, s text, c char(4));
CREATE TEMP TABLE catalog_mapping_temp (u uuid, i bigint, t timestamptz);
CREATE SEQUENCE catalog_mapping_app.seq;
SELECT n, pg_temp.try(format('SELECT recsys.create_dataset(''catalog_mapping'', ''interactions'', source => %L, columns => %L, fields => %L)', source, columns, fields)) FROM (VALUES
    (1, 'catalog_mapping_app.odd', '[]', NULL),
    (2, 'catalog_mapping_app.odd', '{}', NULL),
    (3, 'catalog_mapping_app.odd', '{"user_id": "u", "item_id": "i"}', NULL),
    (4, 'catalog_mapping_app.odd', '{"user_id": "u", "item_id": "nope", "timestamp": "t"}', NULL),
    (5, 'catalog_mapping_app.odd', '{"user_id": "f", "item_id": "i", "timestamp": "t"}', NULL),
    (6, 'catalog_mapping_app.odd', '{"user_id": "c", "item_id": "i", "timestamp": "t"}', NULL),
    (7, 'catalog_mapping_app.odd', '{"user_id": "u", "item_id": "i", "timestamp": "i"}', NULL),
    (8, 'catalog_mapping_app.odd', '{"user_id": "u", "item_id": "i", "timestamp": {"column": "t", "epoch": "s"}}', NULL),
    (9, 'catalog_mapping_app.odd', '{"user_id": "u", "item_id": "i", "timestamp": {"column": "i", "epoch": "min"}}', NULL),
    (10, 'catalog_mapping_app.odd', '{"user_id": "u", "item_id": "i", "timestamp": {"epoch": "s"}}', NULL),
    (11, 'catalog_mapping_app.odd', '{"user_id": {"constant": "x"}, "item_id": "i", "timestamp": "t"}', NULL),
    (12, 'catalog_mapping_app.odd', '{"user_id": "u", "item_id": "i", "timestamp": {"constant": "yesterdayish"}}', NULL),
    (13, 'catalog_mapping_app.odd', '{"user_id": "u", "item_id": "i", "timestamp": "t", "event_value": "s"}', NULL),
    (14, 'catalog_mapping_app.odd', '{"user_id": "u", "item_id": "i", "timestamp": "t", "event_value": {"constant": "x"}}', NULL),
    (15, 'catalog_mapping_app.odd', '{"user_id": "u", "item_id": "i", "timestamp": "t", "event_type": {"column": "s", "epoch": "s"}}', NULL),
    (16, 'catalog_mapping_app.odd', '{"user_id": "u", "item_id": "i", "timestamp": "t", "event_type": {"column": "s", "constant": "s"}}', NULL),
    (17, 'catalog_mapping_app.odd', '{"user_id": "u", "item_id": "i", "timestamp": "t", "event_type": 5}', NULL),
    (18, 'catalog_mapping_app.odd', '{"user_id": "u", "item_id": "i", "timestamp": null}', NULL),
    (19, 'catalog_mapping_app.odd', '{"user_id": "u", "item_id": "i", "timestamp": "t", "place": "p"}', NULL),
    (20, 'catalog_mapping_app.odd', '{"user_id": "u", "item_id": "i", "timestamp": "t", "place": "p"}', '{"place": "float"}'),
    (21, 'catalog_mapping_app.odd', '{"user_id": "u", "item_id": "i", "timestamp": "t"}', '{"colour": "categorical"}'),
    (22, 'catalog_mapping_app.odd', '{"user_id": "u", "item_id": "i", "timestamp": "t", "USER_ID": "u"}', NULL),
    (23, 'catalog_mapping_app.odd', '{"user_id": "u", "item_id": "i", "timestamp": "t", "bad name": "s"}', NULL),
    (24, 'catalog_mapping_app.odd', '{"user_id": "u", "item_id": "i", "timestamp": "t", "event_type": {"column": "s", "unit": "s"}}', NULL),
    (25, 'catalog_mapping_temp', '{"user_id": "u", "item_id": "i", "timestamp": "t"}', NULL),
    (26, 'catalog_mapping_app.seq', '{"user_id": "u", "item_id": "i", "timestamp": "t"}', NULL),
    (27, 'catalog_mapping_app.odd', '{"user_id": "u", "item_id": "s", "timestamp": "t"}', NULL),
    (28, 'catalog_mapping_app.odd', '{"user_id": "u", "item_id": "i", "timestamp": "t", "s": null}', '{"s": "string"}'),
    (30, 'catalog_mapping_app.odd', '{"user_id": "u", "item_id": "i", "timestamp": "t", "place": "p", "doc": "j"}', '{"place": "string", "doc": "string", "n": "double"}')
) AS t(n, source, columns, fields) ORDER BY n;
SELECT * FROM pg_temp.mapping('interactions');
SELECT * FROM pg_temp.fields('interactions');
SELECT n, pg_temp.try('SELECT recsys.add_dataset_source(''catalog_mapping'', ' || arguments || ')') FROM (VALUES
    (1, '''interactions'', ''catalog_mapping_app.odd'''),
    (2, '''items'', ''catalog_mapping_app.odd'''),
    (3, '''interactions'', ''catalog_mapping_app.orders'', ''{"user_id": "customer", "item_id": "channel", "timestamp": "bought"}'''),
    (4, '''interactions'', ''catalog_mapping_app.orders'', ''{"user_id": "customer", "item_id": "product", "timestamp": "bought", "channel": "channel"}'''),
    (5, '''interactions'', ''catalog_mapping.interactions'''),
    (6, '''interactions'', ''catalog_mapping_app.orders'', ''{"user_id": "customer", "item_id": "product", "timestamp": "bought"}''')
) AS t(n, arguments) ORDER BY n;
SELECT pg_temp.try($$SELECT recsys.create_dataset('catalog_mapping', 'actions', source => 'catalog_mapping_app.odd', avro_schema => 'x')$$);
SELECT recsys.delete_dataset_group('catalog_mapping', cascade => true);

-- domains want their fields mapped; reserved names have their roles
SELECT recsys.create_dataset_group('catalog_mapping', 'VIDEO_ON_DEMAND');
CREATE TABLE catalog_mapping_app.films (id integer PRIMARY KEY, genres text, released date, text text);
SELECT pg_temp.try($$SELECT recsys.create_dataset('catalog_mapping', 'items', source => 'catalog_mapping_app.films', columns => '{"item_id": "id", "genres": "genres"}')$$);
SELECT pg_temp.try($$SELECT recsys.create_dataset('catalog_mapping', 'items', source => 'catalog_mapping_app.films', columns => '{"item_id": "id", "creation_timestamp": "released"}')$$);
SELECT recsys.create_dataset('catalog_mapping', 'items', source => 'catalog_mapping_app.films',
    columns => '{"item_id": "id", "creation_timestamp": "released", "genres": "genres", "product_description": "text"}');
SELECT * FROM pg_temp.fields('items');
SELECT recsys.delete_dataset_group('catalog_mapping', true);

-- foreign tables
CREATE EXTENSION file_fdw;
CREATE SERVER catalog_mapping_files FOREIGN DATA WRAPPER file_fdw;
CREATE FOREIGN TABLE catalog_mapping_app.events (user_id text, item_id text, "timestamp" timestamptz) SERVER catalog_mapping_files OPTIONS (filename '/dev/null');
SELECT recsys.create_dataset_group('catalog_mapping');
SELECT recsys.create_dataset('catalog_mapping', 'interactions', source => 'catalog_mapping_app.events');
SELECT * FROM pg_temp.mapping('interactions');
SELECT recsys.delete_dataset_group('catalog_mapping', true);

-- the source must be readable for the group's owner
CREATE ROLE catalog_mapping_owner;
GRANT CREATE ON DATABASE :"DBNAME" TO catalog_mapping_owner;
GRANT USAGE ON SCHEMA catalog_mapping_app TO catalog_mapping_owner;
SET ROLE catalog_mapping_owner;
SELECT recsys.create_dataset_group('catalog_mapping');
SELECT pg_temp.try($$SELECT recsys.create_dataset('catalog_mapping', 'interactions', source => 'catalog_mapping_app.events')$$);
RESET ROLE;
SELECT pg_temp.try($$SELECT recsys.create_dataset('catalog_mapping', 'interactions', source => 'catalog_mapping_app.events')$$);
GRANT SELECT ON catalog_mapping_app.events TO catalog_mapping_owner;
SET ROLE catalog_mapping_owner;
SELECT recsys.create_dataset('catalog_mapping', 'interactions', source => 'catalog_mapping_app.events');
RESET ROLE;
SELECT relname, pg_get_userbyid(relowner) FROM pg_class WHERE relnamespace = 'catalog_mapping'::regnamespace AND relkind = 'r' ORDER BY 1;
SELECT recsys.delete_dataset_group('catalog_mapping', true);
DROP OWNED BY catalog_mapping_owner;
DROP ROLE catalog_mapping_owner;
SET client_min_messages = warning;
DROP SCHEMA catalog_mapping_app CASCADE;
DROP EXTENSION file_fdw CASCADE;
