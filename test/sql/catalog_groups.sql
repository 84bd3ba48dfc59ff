-- Dataset groups: names, schemas, tags, deletion in order, rights of the schema's owner.
\set ON_ERROR_STOP off
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

-- the default schema is the name in lower case with "-" as "_"
SELECT recsys.create_dataset_group('Catalog-Groups', tags => '{"team": "search", "cost centre": "4711"}');
SELECT recsys.create_dataset_group('catalog_groups_shop', domain => 'ecommerce', schema_name => 'catalog_groups_2');
SELECT name, domain, schema_name, owner, status, tags, datasets FROM recsys.dataset_groups WHERE name ILIKE 'catalog_groups%' OR name ILIKE 'catalog-groups' ORDER BY name;
SELECT recsys.describe_dataset_group('Catalog-Groups') - 'created_at' - 'updated_at';
SELECT nspname, pg_get_userbyid(nspowner) FROM pg_namespace WHERE nspname LIKE 'catalog\_groups%' ORDER BY 1;

-- bad input
SELECT arguments, pg_temp.try('SELECT recsys.create_dataset_group(' || arguments || ')') FROM (VALUES
    (1, 'NULL'), (2, ''''''), (3, '''-x'''), (4, '''a b'''), (5, '''a.b'''), (6, '''é'''), (7, quote_literal(repeat('x', 64))),
    (8, '''catalog_groups_x'', domain => ''MUSIC'''),
    (9, '''public'''), (10, '''PG_x'''), (11, '''recsys-demo'''), (12, '''information_schema'''),
    (13, '''catalog_groups_x'', schema_name => '''''), (14, '''catalog_groups_x'', schema_name => ''pg_temp'''),
    (15, '''catalog_groups_x'', schema_name => ' || quote_literal(repeat('x', 64))),
    (16, '''Catalog-Groups'', schema_name => ''catalog_groups_3'''),
    (17, '''catalog_groups'''),
    (18, '''catalog_groups_x'', tags => ''[]'''),
    (19, '''catalog_groups_x'', tags => ''{"": "x"}'''),
    (20, '''catalog_groups_x'', tags => ''{"aws:x": "x"}'''),
    (21, '''catalog_groups_x'', tags => ''{"a": 1}'''),
    (22, '''catalog_groups_x'', tags => ''{"a!": "x"}'''),
    (23, '''catalog_groups_x'', tags => jsonb_build_object(repeat(''k'', 129), ''x'')'),
    (24, '''catalog_groups_x'', tags => jsonb_build_object(''k'', repeat(''v'', 257))'),
    (25, '''catalog_groups_x'', tags => (SELECT jsonb_object_agg(i, ''x'') FROM generate_series(1, 51) i)'),
    (26, '''Catalog-Groups''')
) AS bad(n, arguments) ORDER BY n;
-- nothing of the failed ones stayed
SELECT nspname FROM pg_namespace WHERE nspname LIKE 'catalog\_groups%' ORDER BY 1;

-- tags
SELECT recsys.tag_resource('Catalog-Groups', '{"team": "ads", "stage": "test"}');
SELECT * FROM recsys.list_tags('Catalog-Groups');
SELECT recsys.untag_resource('Catalog-Groups', '{team,absent}');
SELECT * FROM recsys.list_tags('Catalog-Groups');
SELECT pg_temp.try($$SELECT recsys.tag_resource('Catalog-Groups', (SELECT jsonb_object_agg(i, '') FROM generate_series(1, 49) i))$$);

-- an existing schema is adopted by its owner, and stays
CREATE SCHEMA catalog_groups_own;
SELECT recsys.create_dataset_group('catalog_groups_own');
SELECT recsys.create_dataset('catalog_groups_own', 'users', '{"age": "int"}');
SELECT recsys.delete_dataset_group('catalog_groups_own', cascade => true);
SELECT count(*) FROM pg_namespace WHERE nspname = 'catalog_groups_own';
DROP SCHEMA catalog_groups_own;

-- deletion: refused while something is in it, and says what
SELECT recsys.create_dataset('Catalog-Groups', 'interactions'), recsys.create_dataset('Catalog-Groups', 'items', '{"genres": "categorical"}');
SELECT recsys.create_event_tracker('catalog-groups-tracker', 'Catalog-Groups') IS NOT NULL AS tracked;
SELECT pg_temp.try($$SELECT recsys.delete_dataset_group('Catalog-Groups')$$);
SELECT recsys.delete_dataset('Catalog-Groups', 'items');
SELECT pg_temp.try($$SELECT recsys.delete_dataset_group('Catalog-Groups')$$);
-- what depends on a table of the group is not dropped behind its owner's back
CREATE VIEW public.catalog_groups_view AS SELECT user_id FROM catalog_groups.interactions;
SELECT pg_temp.try($$SELECT recsys.delete_dataset_group('Catalog-Groups', true)$$);
DROP VIEW public.catalog_groups_view;
-- what else lies in the schema stays, and so does the schema
CREATE TABLE catalog_groups.notes (t text);
SELECT recsys.delete_dataset_group('Catalog-Groups', true);
SELECT relname FROM pg_class WHERE relnamespace = 'catalog_groups'::regnamespace ORDER BY 1;
DROP SCHEMA catalog_groups CASCADE;
SELECT recsys.delete_dataset_group('catalog_groups_shop');
SELECT nspname FROM pg_namespace WHERE nspname LIKE 'catalog\_groups%' ORDER BY 1;
SELECT pg_temp.try($$SELECT recsys.delete_dataset_group('catalog_groups_shop')$$);

-- a rollback takes everything back
BEGIN;
SELECT recsys.create_dataset_group('catalog_groups');
SELECT recsys.create_dataset('catalog_groups', 'users', '{"age": "int"}');
ROLLBACK;
SELECT count(*) FROM recsys.dataset_groups WHERE name = 'catalog_groups';
SELECT to_regnamespace('catalog_groups') IS NULL AS gone;

-- a group whose schema is gone can only be deleted, by the owner of the database
CREATE ROLE catalog_groups_owner CREATEROLE;
GRANT CREATE ON DATABASE :"DBNAME" TO catalog_groups_owner;
SET ROLE catalog_groups_owner;
SELECT recsys.create_dataset_group('catalog_groups');
SELECT recsys.create_dataset('catalog_groups', 'interactions');
SET client_min_messages = warning;
DROP SCHEMA catalog_groups CASCADE;
RESET client_min_messages;
SELECT pg_temp.try($$SELECT recsys.delete_dataset_group('catalog_groups')$$);
RESET ROLE;
SELECT pg_temp.try($$SELECT recsys.create_dataset('catalog_groups', 'items', '{"a": "string"}')$$);
SELECT recsys.delete_dataset_group('catalog_groups');

-- the schema of another role is not taken
CREATE SCHEMA catalog_groups_theirs;
SET ROLE catalog_groups_owner;
SELECT pg_temp.try($$SELECT recsys.create_dataset_group('catalog_groups-theirs')$$);
RESET ROLE;
DROP SCHEMA catalog_groups_theirs;

-- quota of the service, on demand
SET recsys.service_limits = on;
SELECT count(pg_temp.try(format('SELECT recsys.create_dataset_group(%L)', 'catalog_groups_' || i))) FROM generate_series(1, 5) i;
SELECT pg_temp.try($$SELECT recsys.create_dataset_group('catalog_groups_6')$$);
RESET recsys.service_limits;
SELECT recsys.delete_dataset_group(name) FROM (SELECT name FROM recsys.dataset_groups WHERE name LIKE 'catalog\_groups%' ORDER BY name) g ORDER BY 1;

DROP OWNED BY catalog_groups_owner;
DROP ROLE catalog_groups_owner;
