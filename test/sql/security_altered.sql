-- The owner of a dataset's table may alter it at any time, also under a session that serves from it, and the search_path is
-- the caller's: values come in the declared types all the same, or the statement fails. They are read in place, so that a
-- value of another type would end the server.
\set VERBOSITY terse
SET client_min_messages = warning;
CREATE FUNCTION pg_temp.attempt(statement text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE statement;
    RETURN 'ok';
EXCEPTION WHEN OTHERS THEN RETURN SQLSTATE;
END $$;
CREATE FUNCTION pg_temp.answer(campaign text, "user" text) RETURNS text LANGUAGE sql AS
$$SELECT string_agg(item_id, ' ' ORDER BY rank) FROM recsys.get_recommendations(campaign, "user", num_results => 3)$$;

-- "own" is managed, "map" reads a table of its owner
CREATE SCHEMA security_altered_app;
CREATE TABLE security_altered_app.events (who text, what text, kind text, at timestamptz, worth float8);
INSERT INTO security_altered_app.events
SELECT 'u' || u, chr(97 + i), 'Click', timestamptz '2024-01-01 00:00+00' + make_interval(days => u + i), i
FROM generate_series(1, 12) u, generate_series(1, 6) i WHERE (u + i) % 3 <> 0;
SELECT recsys.create_dataset_group('security_altered_own');
SELECT recsys.create_dataset('security_altered_own', 'interactions');
SELECT recsys.create_dataset('security_altered_own', 'items', '{"stock": {"type": "boolean", "role": "availability"}}');
INSERT INTO security_altered_own.interactions (user_id, item_id, event_type, "timestamp", event_value)
SELECT who, what, kind, at, worth FROM security_altered_app.events;
INSERT INTO security_altered_own.items (item_id, creation_timestamp, stock)
SELECT chr(97 + i), '2024-01-01 00:00+00', true FROM generate_series(1, 6) i;
SELECT recsys.create_dataset_group('security_altered_map');
SELECT recsys.create_dataset('security_altered_map', 'interactions', source => 'security_altered_app.events',
    columns => '{"user_id": "who", "item_id": "what", "event_type": "kind", "timestamp": "at", "event_value": "worth"}');
SELECT recsys.create_solution(g || '_s', g, 'user-personalization', event_value_threshold => 0),
    recsys.create_solution_version(g || '_s', wait => true), recsys.create_campaign(g, g || '_s')
FROM (VALUES ('security_altered_own'), ('security_altered_map')) AS groups(g);
CREATE TEMP TABLE before AS SELECT pg_temp.answer('security_altered_own', 'u1') AS own, pg_temp.answer('security_altered_map', 'u1') AS map;

-- every alteration is met by a session that has served before, by one that serves for the first time, and by a training
CREATE FUNCTION pg_temp.under(alteration text, g text) RETURNS TABLE (serve text, train text, same boolean) LANGUAGE plpgsql AS $$
BEGIN
    BEGIN
        EXECUTE alteration;
        serve := pg_temp.attempt(format('SELECT pg_temp.answer(%L, ''u1'')', g));
        train := pg_temp.attempt(format('SELECT recsys.create_solution_version(%L, wait => true)', g || '_s'));
        IF serve = 'ok' THEN
            same := pg_temp.answer(g, 'u1') = (SELECT CASE WHEN g LIKE '%own' THEN own ELSE map END FROM before);
        END IF;
        RAISE EXCEPTION SQLSTATE 'ZZ000';
    EXCEPTION WHEN SQLSTATE 'ZZ000' THEN RETURN NEXT;
    END;
END $$;
SELECT alteration, r.* FROM (VALUES
    ('user_id TYPE varchar'), ('user_id TYPE bytea USING ''x'''), ('user_id TYPE integer USING 1'),
    ('item_id TYPE varchar'), ('item_id TYPE bytea USING ''x'''), ('item_id TYPE integer USING 1'),
    ('event_type TYPE varchar'), ('event_type TYPE integer USING 1'), ('event_type TYPE text[] USING ARRAY[event_type]'),
    ('event_value TYPE real'), ('event_value TYPE text'), ('event_value TYPE boolean USING true'),
    ('"timestamp" TYPE text'), ('"timestamp" TYPE date'), ('"timestamp" TYPE integer USING 1'),
    ('session_id TYPE integer USING 1'), ('session_id TYPE date USING ''2024-01-01''')) AS a(alteration),
    pg_temp.under('ALTER TABLE security_altered_own.interactions ALTER ' || alteration, 'security_altered_own') AS r;
SELECT alteration, r.* FROM (VALUES
    ('item_id TYPE varchar'), ('item_id TYPE integer USING ascii(item_id)'), ('creation_timestamp TYPE text'),
    ('creation_timestamp TYPE boolean USING true'), ('stock TYPE text'), ('stock TYPE real USING 1')) AS a(alteration),
    pg_temp.under('ALTER TABLE security_altered_own.items ALTER ' || alteration, 'security_altered_own') AS r;
SELECT alteration, r.* FROM (VALUES
    ('who TYPE varchar'), ('who TYPE integer USING 1'), ('what TYPE integer USING 1'), ('kind TYPE integer USING 1'),
    ('worth TYPE text'), ('worth TYPE boolean USING true'), ('at TYPE text'), ('at TYPE integer USING 1')) AS a(alteration),
    pg_temp.under('ALTER TABLE security_altered_app.events ALTER ' || alteration, 'security_altered_map') AS r;
-- nothing lasted
SELECT before = (pg_temp.answer('security_altered_own', 'u1'), pg_temp.answer('security_altered_map', 'u1')) AS same FROM before;

-- the last timestamp there is: newer than all others, not older
BEGIN;
INSERT INTO security_altered_own.interactions (user_id, item_id, event_type, "timestamp", event_value)
VALUES ('u1', 'f', 'Click', '294276-12-31 23:59:59+00', 1), ('u1', 'a', 'Click', '4713-01-01 00:00+00 BC', 1);
SELECT recsys.create_solution_version('security_altered_own_s', wait => true);
SELECT recsys.describe_solution_version('security_altered_own_s/2') #>> '{data_summary,newest_time}' AS newest;
ROLLBACK;

-- types, operators and functions of the caller's search_path that have the names of PostgreSQL's own
CREATE SCHEMA security_altered_path;
CREATE DOMAIN security_altered_path.text AS integer;
CREATE DOMAIN security_altered_path.float8 AS pg_catalog.text;
CREATE DOMAIN security_altered_path.timestamptz AS pg_catalog.text;
CREATE FUNCTION security_altered_path.to_timestamp(float8) RETURNS pg_catalog.text LANGUAGE sql RETURN 'x';
\c -
SET search_path = security_altered_path, pg_catalog;
SELECT count(*) FROM recsys.get_recommendations('security_altered_own', 'u1');
SELECT count(*) FROM recsys.get_recommendations('security_altered_map', 'u1');
SELECT recsys.create_solution_version(g || '_s', wait => true)
FROM (VALUES ('security_altered_own'), ('security_altered_map')) AS groups(g);
RESET search_path;

-- a model whose content hash was changed to that of another one
SELECT recsys.create_solution('security_altered_p', 'security_altered_own', 'popularity-count'),
    recsys.create_solution_version('security_altered_p', wait => true), recsys.create_campaign('security_altered_p', 'security_altered_p');
SELECT count(*) > 0 AS served FROM recsys.get_recommendations('security_altered_p', 'u1');
\c -
BEGIN;
UPDATE recsys_internal.model_revision SET content_hash = 'short';
SELECT count(*) FROM recsys.get_recommendations('security_altered_p', 'u1');
ROLLBACK;
UPDATE recsys_internal.model_revision SET content_hash = (SELECT content_hash FROM recsys.solution_versions WHERE name = 'security_altered_p/1')
WHERE version_id = (SELECT version_id FROM recsys_internal.campaign WHERE name = 'security_altered_own');
SELECT count(*) FROM recsys.get_recommendations('security_altered_own', 'u1');

SET client_min_messages = warning;
SELECT recsys.delete_dataset_group(g, cascade => true) FROM (VALUES ('security_altered_own'), ('security_altered_map')) AS groups(g);
DROP SCHEMA security_altered_app, security_altered_path CASCADE;
