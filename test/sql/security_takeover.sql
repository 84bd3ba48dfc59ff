-- A group holds to the schema it was made with. When that is dropped, a later schema of the same name is another one: whoever
-- made it has nothing of the group, neither its campaigns nor its models.
\set VERBOSITY terse
SET client_min_messages = warning;
CREATE FUNCTION pg_temp.try(statement text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE statement;
    RETURN 'ok';
EXCEPTION WHEN OTHERS THEN RETURN SQLSTATE || ' ' || SQLERRM;
END $$;
CREATE ROLE security_takeover_a;
CREATE ROLE security_takeover_b;
GRANT CREATE ON DATABASE :"DBNAME" TO security_takeover_a, security_takeover_b;
SET ROLE security_takeover_a;
SELECT recsys.create_dataset_group('security_takeover');
SELECT recsys.create_dataset('security_takeover', 'interactions');
INSERT INTO security_takeover.interactions (user_id, item_id, "timestamp") VALUES ('u', 'secret', '2024-01-01'), ('v', 'secret', '2024-01-02');
SELECT recsys.create_solution('security_takeover', 'security_takeover', 'popularity-count'),
    recsys.create_solution_version('security_takeover', wait => true), recsys.create_campaign('security_takeover', 'security_takeover');
SELECT item_id FROM recsys.get_recommendations('security_takeover', 'u');

-- a rename hides the group, and ends with it
ALTER SCHEMA security_takeover RENAME TO security_takeover_moved;
SELECT pg_temp.try($$SELECT recsys.get_recommendations('security_takeover', 'u')$$);
ALTER SCHEMA security_takeover_moved RENAME TO security_takeover;
SELECT item_id FROM recsys.get_recommendations('security_takeover', 'u');
-- neither does a change of the group's record lose the schema
SELECT recsys.tag_resource('security_takeover', '{"a": "b"}');
SELECT item_id FROM recsys.get_recommendations('security_takeover', 'u');

-- b makes a schema of the name, with everything that the group's had
DROP SCHEMA security_takeover CASCADE;
SELECT pg_temp.try($$SELECT recsys.get_recommendations('security_takeover', 'u')$$) AS same_session;
SET ROLE security_takeover_b;
CREATE SCHEMA security_takeover;
CREATE TABLE security_takeover.interactions (user_id text, item_id text, event_type text, event_value float8, "timestamp" timestamptz);
SELECT statement, pg_temp.try('SELECT recsys.' || statement) FROM (VALUES
    ('get_recommendations(''security_takeover'', ''u'')'), ('describe_campaign(''security_takeover'')'),
    ('describe_dataset_group(''security_takeover'')'), ('create_solution_version(''security_takeover'', wait => true)'),
    ('delete_campaign(''security_takeover'')'), ('delete_dataset_group(''security_takeover'', true)'),
    ('create_dataset(''security_takeover'', ''users'', ''{"a": "string"}'')'),
    ('create_dataset_group(''security_takeover_2'', schema_name => ''security_takeover'')')) AS s(statement);
SELECT (SELECT count(*) FROM recsys.dataset_groups) AS groups, (SELECT count(*) FROM recsys.campaigns) AS campaigns,
    (SELECT count(*) FROM recsys.solution_versions) AS versions, (SELECT count(*) FROM recsys.datasets) AS datasets;
-- nor the former owner
SET ROLE security_takeover_a;
SELECT pg_temp.try($$SELECT recsys.delete_dataset_group('security_takeover', true)$$);
RESET ROLE;
-- the owner of the database deletes it, and leaves b's schema alone
SELECT pg_temp.try($$SELECT recsys.get_recommendations('security_takeover', 'u')$$);
SELECT recsys.delete_dataset_group('security_takeover', true);
SET ROLE security_takeover_b;
SELECT count(*) FROM security_takeover.interactions;
SELECT recsys.create_dataset_group('security_takeover');
SELECT recsys.delete_dataset_group('security_takeover');
RESET ROLE;
DROP SCHEMA security_takeover CASCADE;
DROP OWNED BY security_takeover_a, security_takeover_b;
DROP ROLE security_takeover_a, security_takeover_b;
