-- Managed datasets: tables from short fields, id types, domains, adoption, deletion, bad input.
\set VERBOSITY terse
CREATE FUNCTION pg_temp.try(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE d text;
BEGIN
    EXECUTE statement;
    RETURN 'ok';
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS d = PG_EXCEPTION_DETAIL;
    RETURN concat_ws(' | ', SQLSTATE, SQLERRM, nullif(d, ''));
END $$;
CREATE FUNCTION pg_temp.shape(relation regclass) RETURNS TABLE (name name, type text, required boolean, "default" text) LANGUAGE sql AS $$
SELECT attname, format_type(atttypid, atttypmod), attnotnull, pg_get_expr(adbin, adrelid)
FROM pg_attribute LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
WHERE attrelid = relation AND attnum > 0 AND NOT attisdropped ORDER BY attnum $$;

SELECT recsys.create_dataset_group('catalog_datasets');
SELECT recsys.create_dataset('catalog_datasets', 'Interactions', '{"device": "categorical", "price_seen": {"type": "float", "nullable": true}}');
SELECT * FROM pg_temp.shape('catalog_datasets.interactions');
SELECT * FROM pg_temp.shape('catalog_datasets.user_aliases');
SELECT pg_get_indexdef(indexrelid) FROM pg_index WHERE indrelid IN ('catalog_datasets.interactions'::regclass, 'catalog_datasets.user_aliases'::regclass) ORDER BY 1;
SELECT recsys.create_dataset('catalog_datasets', 'ITEMS', '{"Genres": "categorical", "title": "string", "plot": "textual", "price": "float", "weight": "double",
    "pages": "int", "sold": "long", "fragile": "boolean", "published": "timestamp", "in_stock": {"type": "boolean", "role": "availability", "nullable": false},
    "shop": {"type": "int", "role": "categorical"}, "note": {"type": "string", "role": "stored"}, "creation_timestamp": "timestamp"}');
SELECT * FROM pg_temp.shape('catalog_datasets.items');
SELECT recsys.create_dataset('catalog_datasets', 'users', '{"age": "int"}');
SELECT recsys.create_dataset('catalog_datasets', 'actions', '{"kind": "categorical", "type": "string"}');
SELECT * FROM pg_temp.shape('catalog_datasets.actions');
SELECT recsys.create_dataset('catalog_datasets', 'Action_Interactions');
SELECT * FROM pg_temp.shape('catalog_datasets.action_interactions');
SELECT jsonb_pretty(recsys.describe_dataset('catalog_datasets', 'items') - 'created_at' - 'updated_at');
SELECT dataset_type, relation, mapped, sources, id_types FROM recsys.datasets WHERE dataset_group = 'catalog_datasets';
-- one of each type
SELECT type, pg_temp.try(format('SELECT recsys.create_dataset(''catalog_datasets'', %L, ''{"a": "int"}'')', type))
FROM unnest(ARRAY['interactions', 'items', 'users', 'actions', 'action_interactions']) type;

-- plain SQL writes it; an event id counts once
INSERT INTO catalog_datasets.interactions (user_id, item_id, "timestamp", event_id) VALUES ('u', 'i', '2024-01-01', 'e1'), ('u', 'i', '2024-01-01', NULL), ('u', 'i', '2024-01-01', NULL);
INSERT INTO catalog_datasets.interactions (user_id, item_id, "timestamp", event_id) VALUES ('u', 'i', '2024-01-01', 'e1');
ANALYZE catalog_datasets.interactions;
SELECT recsys.describe_dataset('catalog_datasets', 'interactions') -> 'table';

-- bad input
SELECT recsys.delete_dataset('catalog_datasets', 'items');
SELECT n, pg_temp.try(format('SELECT recsys.create_dataset(''catalog_datasets'', ''items'', %L)', fields)) FROM (VALUES
    (1, '[]'), (2, '{"a": "text"}'), (3, '{"a": 1}'), (4, '{"a": {}}'), (5, '{"a": {"type": "string", "rolle": "stored"}}'),
    (6, '{"a": {"type": 1}}'), (7, '{"a": {"type": "string", "role": "main"}}'), (8, '{"a": {"type": "string", "role": "numeric"}}'),
    (9, '{"a": {"type": "float", "role": "categorical"}}'), (10, '{"a": {"type": "string", "role": "availability"}}'),
    (11, '{"a": {"type": "boolean", "role": "availability"}, "b": {"type": "boolean", "role": "availability"}}'),
    (12, '{"a": "textual", "b": "textual"}'), (13, '{"a": {"type": "int", "nullable": "no"}}'), (14, '{"a b": "int"}'),
    (15, '{"streamed": "boolean"}'), (16, '{"creation_timestamp": "string"}'), (17, '{"genres_1": "string", "genres1": "string"}'),
    (18, '{"ctid": "int"}'), (19, '{"item_id": "float"}'), (20, '{"itemid": "string"}'), (21, '{"a": {"type": "boolean", "role": "textual"}}'),
    (22, '{"a": 1e400}'), (23, '{"a": null}'), (24, '{"item_id": "uuid", "a": "int"}')
) AS t(n, fields) ORDER BY n;
SELECT n, pg_temp.try('SELECT recsys.create_dataset(' || arguments || ')') FROM (VALUES
    (1, '''catalog_datasets'', ''songs'''), (2, '''nothing'', ''items'''), (3, 'NULL, ''items'''), (4, '''catalog_datasets'', NULL'),
    (5, '''catalog_datasets'', ''items'', columns => ''{}'''), (6, '''catalog_datasets'', ''users'', ''{"bio": "textual"}''')
) AS t(n, arguments) ORDER BY n;

-- domains want their fields; they are NOT NULL
SELECT recsys.create_dataset_group('catalog_datasets_shop', 'ECOMMERCE');
SELECT n, pg_temp.try(format('SELECT recsys.create_dataset(''catalog_datasets_shop'', %L, %L)', type, fields)) FROM (VALUES
    (1, 'items', NULL), (2, 'items', '{"price": "float"}'), (3, 'items', '{"price": "float", "category_l1": {"type": "string", "role": "stored"}}'),
    (4, 'items', '{"price": "string", "category_l1": "categorical"}'), (5, 'items', '{"price": {"type": "float", "nullable": true}, "category_l1": "categorical"}'),
    (6, 'actions', NULL), (7, 'items', '{"price": "double", "category_l1": "categorical", "product_description": "textual"}'), (8, 'interactions', NULL)
) AS t(n, type, fields) ORDER BY n;
SELECT * FROM pg_temp.shape('catalog_datasets_shop.items');
SELECT * FROM pg_temp.shape('catalog_datasets_shop.interactions') WHERE name = 'event_type';
SELECT recsys.delete_dataset_group('catalog_datasets_shop', true);

-- ids of other types: given once, they hold for the group
SELECT recsys.create_dataset_group('catalog_datasets_ids');
SELECT recsys.create_dataset('catalog_datasets_ids', 'interactions', '{"user_id": "long", "item_id": "uuid"}');
SELECT recsys.create_dataset('catalog_datasets_ids', 'items', '{"a": "int"}'), recsys.create_dataset('catalog_datasets_ids', 'users', '{"age": "int"}');
SELECT c.relname, a.attname, a.atttypid::regtype FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
WHERE c.relnamespace = 'catalog_datasets_ids'::regnamespace AND c.relkind = 'r' AND a.attname IN ('user_id', 'item_id', 'alias_id') ORDER BY 1, 2;
SELECT recsys.delete_dataset('catalog_datasets_ids', 'users');
SELECT pg_temp.try($$SELECT recsys.create_dataset('catalog_datasets_ids', 'users', '{"user_id": "string", "age": "int"}')$$);
SELECT recsys.delete_dataset_group('catalog_datasets_ids', true);

-- a table that is there already is adopted when it has the right shape, and stays
SELECT recsys.create_dataset_group('catalog_datasets_adopt');
CREATE TABLE catalog_datasets_adopt.items (item_id text PRIMARY KEY, creation_timestamp timestamptz, streamed boolean NOT NULL DEFAULT false, genres text, price real);
INSERT INTO catalog_datasets_adopt.items VALUES ('i1', now(), false, 'Drama|Comedy', 1);
SELECT pg_temp.try($$SELECT recsys.create_dataset('catalog_datasets_adopt', 'items', '{"colour": "categorical"}')$$);
SELECT pg_temp.try($$SELECT recsys.create_dataset('catalog_datasets_adopt', 'items', '{"price": "double"}')$$);
SELECT recsys.create_dataset('catalog_datasets_adopt', 'items');
SELECT recsys.describe_dataset('catalog_datasets_adopt', 'items') -> 'fields' AS fields, recsys.describe_dataset('catalog_datasets_adopt', 'items') #> '{table,adopted}' AS adopted;
SELECT recsys.delete_dataset('catalog_datasets_adopt', 'items');
SELECT count(*) FROM catalog_datasets_adopt.items;
ALTER TABLE catalog_datasets_adopt.items DROP CONSTRAINT items_pkey;
SELECT pg_temp.try($$SELECT recsys.create_dataset('catalog_datasets_adopt', 'items')$$);
ALTER TABLE catalog_datasets_adopt.items ADD PRIMARY KEY (item_id), ADD COLUMN shape point;
SELECT pg_temp.try($$SELECT recsys.create_dataset('catalog_datasets_adopt', 'items')$$);
ALTER TABLE catalog_datasets_adopt.items DROP COLUMN streamed;
SELECT pg_temp.try($$SELECT recsys.create_dataset('catalog_datasets_adopt', 'items', '{"genres": "categorical"}')$$);
CREATE VIEW catalog_datasets_adopt.users AS SELECT 'u'::text AS user_id;
SELECT pg_temp.try($$SELECT recsys.create_dataset('catalog_datasets_adopt', 'users')$$);
-- the extension can go without CASCADE, the data stays, and is adopted again
SELECT recsys.create_dataset('catalog_datasets_adopt', 'interactions', '{"device": "categorical"}');
INSERT INTO catalog_datasets_adopt.interactions (user_id, item_id, "timestamp", device) VALUES ('u', 'i1', now(), 'phone');
BEGIN;
DROP EXTENSION recsys;
SELECT count(*) FROM catalog_datasets_adopt.interactions;
ROLLBACK;
DROP SCHEMA catalog_datasets_adopt CASCADE;
SELECT recsys.delete_dataset_group('catalog_datasets_adopt');

-- updates add nullable fields and change nothing else
SELECT recsys.create_dataset('catalog_datasets', 'items', '{"price": "float"}');
INSERT INTO catalog_datasets.items (item_id, price) VALUES ('i', 1);
SELECT recsys.update_dataset('catalog_datasets', 'items', '{"price": "float", "genres": "categorical"}');
SELECT item_id, price, genres FROM catalog_datasets.items;
SELECT recsys.describe_dataset('catalog_datasets', 'items') -> 'fields';
SELECT n, pg_temp.try('SELECT recsys.update_dataset(''catalog_datasets'', ' || arguments || ')') FROM (VALUES
    (1, $$'items', '{"price": "double"}'$$), (2, $$'items', '{"price": {"type": "float", "role": "stored"}}'$$),
    (3, $$'items', '{"x": {"type": "float", "nullable": false}}'$$), (4, $$'items', '{"GENRES_": "string"}'$$),
    (5, $$'items', columns => '{}'$$), (6, $$'items', source => 'pg_class'$$), (7, $$'items', '{"x": "int"}', 'nothing'$$),
    (8, $$'items', avro_schema => 'nothing'$$), (9, $$'songs'$$), (11, $$'items'$$), (10, $$'interactions', '{"user_id": "string"}'$$)
) AS t(n, arguments) ORDER BY n;
SELECT recsys.create_schema('catalog_datasets', '{"type": "record", "name": "Items", "version": "1.0", "fields": [{"name": "ITEM_ID", "type": "string"},
    {"name": "PRICE", "type": ["null", "float"]}, {"name": "GENRES", "type": ["null", "string"], "categorical": true}, {"name": "YEAR", "type": ["int", "null"]}]}');
SELECT recsys.update_dataset('catalog_datasets', 'items', avro_schema => 'catalog_datasets');
SELECT recsys.describe_dataset('catalog_datasets', 'items') #> '{fields,2}' AS year, recsys.describe_dataset('catalog_datasets', 'items') -> 'avro_schema' AS avro_schema;
SELECT recsys.update_dataset('catalog_datasets', 'items', '{"colour": "categorical", "in_stock": "availability"}');
SELECT recsys.describe_dataset('catalog_datasets', 'items') -> 'availability', recsys.describe_dataset('catalog_datasets', 'items') #> '{fields,4}';
SELECT pg_temp.try($$SELECT recsys.update_dataset('catalog_datasets', 'items', avro_schema => 'catalog_datasets')$$);
SELECT recsys.delete_dataset('catalog_datasets', 'items');
SELECT recsys.delete_schema('catalog_datasets');

-- its table dropped
BEGIN;
SELECT recsys.create_solution('catalog_datasets', 'catalog_datasets', 'popularity-count');
DROP TABLE catalog_datasets.interactions;
SELECT pg_temp.try($$SELECT recsys.estimate_training('catalog_datasets')$$);
SELECT recsys.describe_dataset('catalog_datasets', 'interactions') -> 'problems';
ROLLBACK;

-- deletion
SELECT pg_temp.try($$SELECT recsys.delete_dataset('catalog_datasets', 'items')$$);
SELECT recsys.delete_dataset('catalog_datasets', 'interactions');
SELECT relname FROM pg_class WHERE relnamespace = 'catalog_datasets'::regnamespace AND relkind = 'r' ORDER BY 1;
SELECT recsys.delete_dataset_group('catalog_datasets', cascade => true);
