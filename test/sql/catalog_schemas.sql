-- Avro documents: every rule, one clear error each; and the role they belong to.
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
-- a document with these fields, given as a list of JSON objects
CREATE FUNCTION pg_temp.document(name text, fields text) RETURNS jsonb LANGUAGE sql AS $$
SELECT jsonb_build_object('type', 'record', 'name', name, 'namespace', 'com.example', 'fields', ('[' || fields || ']')::jsonb, 'version', '1.0')
$$;
-- creates it, tells what happened, and deletes it again
CREATE FUNCTION pg_temp.attempt(document jsonb, domain text DEFAULT NULL) RETURNS text LANGUAGE plpgsql AS $$
DECLARE r text;
BEGIN
    r := pg_temp.try(format('SELECT recsys.create_schema(''catalog_schemas'', %L, %L)', document, domain));
    IF r = 'ok' THEN PERFORM recsys.delete_schema('catalog_schemas'); END IF;
    RETURN r;
END $$;
\set user '{"name": "USER_ID", "type": "string"}'
\set item '{"name": "ITEM_ID", "type": "string"}'
\set time '{"name": "TIMESTAMP", "type": "long"}'

-- the envelope
SELECT n, pg_temp.attempt(d::jsonb) FROM (VALUES
    (1, '[]'), (2, '{}'), (3, '{"type": "enum", "name": "Items", "version": "1.0", "fields": [1]}'),
    (4, '{"type": "record", "name": "items", "version": "1.0", "fields": [1]}'),
    (5, '{"type": "record", "name": "Items", "version": "2.0", "fields": [1]}'),
    (6, '{"type": "record", "name": "Items", "version": "1.0", "fields": []}'),
    (7, '{"type": "record", "name": "Items", "version": "1.0", "fields": {}}'),
    (8, '{"type": "record", "name": "Items", "version": "1.0", "fields": [1]}'),
    (9, '{"type": "record", "name": "Items", "version": "1.0", "fields": [{"type": "string"}]}'),
    (10, '{"type": "record", "name": "Items", "version": "1.0", "fields": [{"name": "ITEM_ID"}]}'),
    (11, '{"type": "record", "name": "Items", "version": "1.0", "namespace": 1, "fields": [1]}'),
    (12, '{"type": "record", "name": "Items", "version": "1.0", "filds": 1, "fields": [1]}'),
    (13, '{"type": "record", "name": 7, "version": "1.0", "fields": [1]}')
) AS bad(n, d) ORDER BY n;

-- types, attributes and names of fields of items
SELECT n, pg_temp.attempt(pg_temp.document('Items', :'item' || ',' || fields)) FROM (VALUES
    (1, '{"name": "A", "type": "string"}'),
    (2, '{"name": "A", "type": ["null", "string"], "categorical": true}'),
    (3, '{"name": "A", "type": ["float", "null"]}'),
    (4, '{"name": "A", "type": "boolean"}, {"name": "B", "type": "int"}, {"name": "C", "type": "long"}, {"name": "D", "type": "double"}'),
    (5, '{"name": "A", "type": "string", "textual": true}'),
    (6, '{"name": "A", "type": "string", "itemName": true, "doc": "its name"}'),
    (7, '{"name": "CREATION_TIMESTAMP", "type": ["null", "long"]}'),
    (11, '{"name": "A", "type": "text"}'),
    (12, '{"name": "A", "type": "null"}'),
    (13, '{"name": "A", "type": ["string", "int"]}'),
    (14, '{"name": "A", "type": ["null", "string", "int"]}'),
    (15, '{"name": "A", "type": ["null", "null"]}'),
    (16, '{"name": "A", "type": ["string"]}'),
    (17, '{"name": "A", "type": {"type": "array", "items": "string"}}'),
    (18, '{"name": "A", "type": "float", "categorical": true}'),
    (19, '{"name": "A", "type": "int", "textual": true}'),
    (20, '{"name": "A", "type": "string", "categorical": true, "textual": true}'),
    (21, '{"name": "A", "type": "string", "categorical": "yes"}'),
    (22, '{"name": "A", "type": "string", "categorial": true}'),
    (23, '{"name": "A", "type": "string", "textual": true}, {"name": "B", "type": "string", "textual": true}'),
    (24, '{"name": "A", "type": "string", "itemName": true}, {"name": "B", "type": "string", "itemName": true}'),
    (25, '{"name": "1A", "type": "string"}'),
    (26, '{"name": "A-B", "type": "string"}'),
    (27, '{"name": "", "type": "string"}'),
    (28, '{"name": "' || repeat('A', 64) || '", "type": "string"}'),
    (29, '{"name": "XMIN", "type": "string"}'),
    (30, '{"name": "STREAMED", "type": "boolean"}'),
    (31, '{"name": "GENRES_1", "type": "string"}, {"name": "GENRES1", "type": "string"}'),
    (32, '{"name": "Genres", "type": "string"}, {"name": "GENRES", "type": "string"}'),
    (33, '{"name": "ITEMID", "type": "string"}'),
    (34, '{"name": "CREATION_TIMESTAMP", "type": "string"}'),
    (35, '{"name": "CREATION_TIMESTAMP", "type": "double"}'),
    (36, '{"name": "A", "type": 5}')
) AS t(n, fields) ORDER BY n;

-- what each dataset type requires and reserves
SELECT n, name, pg_temp.attempt(pg_temp.document(name, fields)) FROM (VALUES
    (1, 'Interactions', :'user' || ',' || :'item' || ',' || :'time'),
    (2, 'Interactions', :'user' || ',' || :'item'),
    (3, 'Interactions', :'user' || ',' || :'time'),
    (4, 'Interactions', :'user' || ',' || :'item' || ',{"name": "TIMESTAMP", "type": "string"}'),
    (5, 'Interactions', :'user' || ',' || :'item' || ',{"name": "TIMESTAMP", "type": ["null", "long"]}'),
    (6, 'Interactions', :'item' || ',' || :'time' || ',{"name": "USER_ID", "type": "string", "categorical": true}'),
    (7, 'Interactions', :'user' || ',' || :'item' || ',' || :'time' || ',{"name": "EVENT_TYPE", "type": "string"},{"name": "EVENT_VALUE", "type": ["null", "float"]},{"name": "IMPRESSION", "type": "string"}'),
    (8, 'Interactions', :'user' || ',' || :'item' || ',' || :'time' || ',{"name": "EVENT_TYPE", "type": "string", "categorical": true}'),
    (9, 'Interactions', :'user' || ',' || :'item' || ',' || :'time' || ',{"name": "EVENT_TYPE", "type": ["null", "string"]}'),
    (10, 'Interactions', :'user' || ',' || :'item' || ',' || :'time' || ',{"name": "EVENT_VALUE", "type": "int"}'),
    (11, 'Interactions', :'user' || ',' || :'item' || ',' || :'time' || ',{"name": "REVIEW", "type": "string", "textual": true}'),
    (12, 'Interactions', :'user' || ',' || :'item' || ',' || :'time' || ',{"name": "ANONYMOUS", "type": "boolean"}'),
    (20, 'Items', :'item'),
    (21, 'Items', '{"name": "GENRES", "type": "string"}'),
    (22, 'Items', '{"name": "ITEM_ID", "type": ["null", "string"]}, {"name": "A", "type": "int"}'),
    (30, 'Users', :'user'),
    (31, 'Users', :'user' || ',{"name": "AGE", "type": "int"}'),
    (32, 'Users', :'user' || ',{"name": "BIO", "type": "string", "textual": true}'),
    (40, 'Actions', '{"name": "ACTION_ID", "type": "string"}'),
    (41, 'Actions', '{"name": "ACTION_ID", "type": "string"}, {"name": "VALUE", "type": ["null", "long"]}, {"name": "TYPE", "type": "string"}, {"name": "ACTION_EXPIRATION_TIMESTAMP", "type": ["long", "null"]}, {"name": "REPEAT_FREQUENCY", "type": "long"}'),
    (42, 'Actions', '{"name": "ACTION_ID", "type": "string"}, {"name": "EXPIRATION_TIMESTAMP", "type": "long"}, {"name": "ACTION_EXPIRATION_TIMESTAMP", "type": "long"}'),
    (43, 'Actions', '{"name": "ACTION_ID", "type": "string"}, {"name": "VALUE", "type": "float"}'),
    (50, 'ActionInteractions', :'user' || ',{"name": "ACTION_ID", "type": "string"},{"name": "EVENT_TYPE", "type": "string"},' || :'time'),
    (51, 'ActionInteractions', :'user' || ',{"name": "ACTION_ID", "type": "string"},' || :'time')
) AS t(n, name, fields) ORDER BY n;

-- domains
SELECT n, pg_temp.attempt(pg_temp.document(name, fields), domain) FROM (VALUES
    (1, 'ECOMMERCE', 'Interactions', :'user' || ',' || :'item' || ',' || :'time'),
    (2, 'ECOMMERCE', 'Interactions', :'user' || ',' || :'item' || ',' || :'time' || ',{"name": "EVENT_TYPE", "type": "string"}'),
    (3, 'ECOMMERCE', 'Items', :'item' || ',{"name": "PRICE", "type": "float"},{"name": "CATEGORY_L1", "type": "string", "categorical": true},{"name": "PRODUCT_DESCRIPTION", "type": ["null", "string"], "textual": true},{"name": "CREATION_TIMESTAMP", "type": "float"}'),
    (4, 'ECOMMERCE', 'Items', :'item' || ',{"name": "CATEGORY_L1", "type": "string", "categorical": true}'),
    (5, 'ECOMMERCE', 'Items', :'item' || ',{"name": "PRICE", "type": "float"}'),
    (6, 'ECOMMERCE', 'Items', :'item' || ',{"name": "PRICE", "type": "float"},{"name": "CATEGORY_L1", "type": "string"}'),
    (7, 'ECOMMERCE', 'Items', :'item' || ',{"name": "PRICE", "type": "double"},{"name": "CATEGORY_L1", "type": "string", "categorical": true}'),
    (8, 'ECOMMERCE', 'Items', :'item' || ',{"name": "PRICE", "type": ["null", "float"]},{"name": "CATEGORY_L1", "type": "string", "categorical": true}'),
    (9, 'ECOMMERCE', 'Items', :'item' || ',{"name": "PRICE", "type": "float"},{"name": "CATEGORY_L1", "type": "string", "categorical": true},{"name": "PRODUCT_DESCRIPTION", "type": "string"}'),
    (10, 'ECOMMERCE', 'Users', :'user' || ',{"name": "MEMBERSHIP_STATUS", "type": "string", "categorical": true}'),
    (11, 'ECOMMERCE', 'Users', :'user' || ',{"name": "MEMBERSHIP_STATUS", "type": "string"}'),
    (12, 'ECOMMERCE', 'Actions', '{"name": "ACTION_ID", "type": "string"}'),
    (20, 'VIDEO_ON_DEMAND', 'Items', :'item' || ',{"name": "GENRES", "type": "string", "categorical": true},{"name": "CREATION_TIMESTAMP", "type": "long"},{"name": "DURATION", "type": ["null", "float"]}'),
    (21, 'VIDEO_ON_DEMAND', 'Items', :'item' || ',{"name": "GENRES", "type": "string", "categorical": true}'),
    (22, 'VIDEO_ON_DEMAND', 'Items', :'item' || ',{"name": "CREATION_TIMESTAMP", "type": "long"}'),
    (23, 'VIDEO_ON_DEMAND', 'Items', :'item' || ',{"name": "GENRES", "type": "string", "categorical": true},{"name": "CREATION_TIMESTAMP", "type": ["null", "long"]}'),
    (24, 'video_on_demand', 'Users', :'user' || ',{"name": "SUBSCRIPTION_MODEL", "type": "string", "categorical": true}'),
    (25, 'MUSIC', 'Users', :'user' || ',{"name": "AGE", "type": "int"}')
) AS t(n, domain, name, fields) ORDER BY n;

-- quotas: each side of each limit, on demand
CREATE FUNCTION pg_temp.columns(n integer) RETURNS text LANGUAGE sql AS $$
SELECT string_agg(format('{"name": "C%s", "type": "float"}', i), ',') FROM generate_series(1, n) i $$;
SELECT pg_temp.attempt(pg_temp.document('Items', :'item' || ',' || pg_temp.columns(101))) AS without_limits;
SET recsys.service_limits = on;
SELECT name, n, pg_temp.attempt(pg_temp.document(name, required || ',' || pg_temp.columns(n))) FROM (VALUES
    ('Items', :'item', 100), ('Items', :'item', 101), ('Users', :'user', 25), ('Users', :'user', 26),
    ('Interactions', :'user' || ',' || :'item' || ',' || :'time', 5), ('Interactions', :'user' || ',' || :'item' || ',' || :'time', 6),
    ('Actions', '{"name": "ACTION_ID", "type": "string"}', 10), ('Actions', '{"name": "ACTION_ID", "type": "string"}', 11)
) AS t(name, required, n) ORDER BY name, n;
SELECT pg_temp.attempt(pg_temp.document('Items', :'item' || ',{"name": "A", "type": "int", "doc": "' || repeat('x', 20000) || '"}'));
RESET recsys.service_limits;

-- life: stored as given, unique for its role, in use while a dataset was made from it
SELECT recsys.create_schema('catalog_schemas_items', pg_temp.document('Items', :'item' || ',{"name": "GENRES", "type": ["null", "string"], "categorical": true},{"name": "PRICE", "type": "float"}'));
SELECT pg_temp.try(format('SELECT recsys.create_schema(''catalog_schemas_items'', %L)', pg_temp.document('Users', :'user' || ',{"name": "AGE", "type": "int"}')));
SELECT pg_temp.try($$SELECT recsys.create_schema('no good', '{}')$$), pg_temp.try($$SELECT recsys.create_schema(NULL, '{}')$$);
SELECT pg_temp.try($$SELECT recsys.create_schema('x', '{"a": 1e999}')$$);
SELECT recsys.describe_schema('catalog_schemas_items') - 'created_at' - 'owner';
SELECT recsys.create_dataset_group('catalog_schemas');
SELECT recsys.create_dataset('catalog_schemas', 'items', avro_schema => 'catalog_schemas_items');
SELECT attname, format_type(atttypid, atttypmod), attnotnull FROM pg_attribute WHERE attrelid = 'catalog_schemas.items'::regclass AND attnum > 0 ORDER BY attnum;
SELECT recsys.describe_dataset('catalog_schemas', 'items') -> 'avro_schema' AS avro_schema;
SELECT pg_temp.try($$SELECT recsys.delete_schema('catalog_schemas_items')$$);
SELECT pg_temp.try($$SELECT recsys.create_dataset('catalog_schemas', 'users', avro_schema => 'catalog_schemas_items')$$);
SELECT pg_temp.try($$SELECT recsys.create_dataset('catalog_schemas', 'users', avro_schema => 'nothing')$$);
SELECT pg_temp.try($$SELECT recsys.create_dataset('catalog_schemas', 'users', '{"age": "int"}', avro_schema => 'catalog_schemas_items')$$);
SELECT recsys.create_schema('catalog_schemas_shop', pg_temp.document('Users', :'user' || ',{"name": "AGE", "type": "int"}'), 'ECOMMERCE');
SELECT pg_temp.try($$SELECT recsys.create_dataset('catalog_schemas', 'users', avro_schema => 'catalog_schemas_shop')$$);
SELECT recsys.delete_schema('catalog_schemas_shop');
SELECT recsys.delete_dataset_group('catalog_schemas', cascade => true);

-- another role neither sees nor reaches it; a member of the role does
CREATE ROLE catalog_schemas_a;
CREATE ROLE catalog_schemas_b;
CREATE ROLE catalog_schemas_c IN ROLE catalog_schemas_a;
SELECT set_config('test.document', pg_temp.document('Users', :'user' || ',{"name": "AGE", "type": "int"}')::text, false) IS NULL AS set;
SET ROLE catalog_schemas_a;
SELECT recsys.create_schema('catalog_schemas_mine', current_setting('test.document')::jsonb);
SET ROLE catalog_schemas_b;
SELECT name, owner FROM recsys.schemas ORDER BY 1;
SELECT recsys.describe_schema('catalog_schemas_mine');
SELECT recsys.delete_schema('catalog_schemas_mine');
SELECT recsys.describe_schema('catalog_schemas_absent');
-- nor does it stand in the way
SELECT recsys.create_schema('catalog_schemas_mine', current_setting('test.document')::jsonb);
SELECT recsys.delete_schema('catalog_schemas_mine');
SET ROLE catalog_schemas_c;
SELECT name, owner, dataset_type FROM recsys.schemas ORDER BY 1;
SELECT recsys.delete_schema('catalog_schemas_mine');
RESET ROLE;
DROP ROLE catalog_schemas_c, catalog_schemas_b, catalog_schemas_a;
SELECT recsys.delete_schema('catalog_schemas_items');
