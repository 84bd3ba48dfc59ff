-- Erasing users: from every dataset, with their aliases and the anonymous events of their sessions; all or nothing; again and again.
SELECT recsys.create_dataset_group('ingest_deletion');
SELECT recsys.create_dataset('ingest_deletion', 'interactions');
SELECT recsys.create_dataset('ingest_deletion', 'users', '{"age": "int"}');
SELECT recsys.create_dataset('ingest_deletion', 'actions', '{"kind": "categorical"}');
SELECT recsys.create_dataset('ingest_deletion', 'action_interactions');
SELECT recsys.create_event_tracker('ingest_deletion_tracker', 'ingest_deletion') AS tracker \gset
CREATE PROCEDURE pg_temp.fill() LANGUAGE sql AS $$
TRUNCATE ingest_deletion.interactions, ingest_deletion.users, ingest_deletion.action_interactions, ingest_deletion.user_aliases;
INSERT INTO ingest_deletion.interactions (user_id, item_id, event_type, "timestamp") SELECT u, i, 'View', '2024-01-01'
FROM unnest(ARRAY['ann', 'bob', 'old-phone', 'cyd']) AS u, unnest(ARRAY['i1', 'i2']) AS i;
INSERT INTO ingest_deletion.user_aliases VALUES ('old-phone', 'ann'), ('tablet', 'bob');
INSERT INTO ingest_deletion.users (user_id, age) VALUES ('ann', 30), ('bob', 40);
INSERT INTO ingest_deletion.action_interactions (user_id, action_id, event_type, "timestamp") VALUES ('ann', 'a', 'Taken', '2024-01-01'), ('bob', 'a', 'Viewed', '2024-01-01');
$$;
CALL pg_temp.fill();
-- before the login, after it, and somebody else's session
SELECT recsys.put_events(:'tracker', 's1', '[{"eventType": "View", "itemId": "before", "sentAt": 1700000000}]');
SELECT recsys.put_events(:'tracker', 's1', '[{"eventType": "View", "itemId": "after", "sentAt": 1700000001}]', 'ann');
SELECT recsys.put_events(:'tracker', 's2', '[{"eventType": "View", "itemId": "other", "sentAt": 1700000002}]');
CREATE VIEW ingest_deletion_left AS
SELECT 'interactions' AS "table", user_id, count(*) FROM ingest_deletion.interactions GROUP BY 2
UNION ALL SELECT 'action_interactions', user_id, count(*) FROM ingest_deletion.action_interactions GROUP BY 2
UNION ALL SELECT 'users', user_id, count(*) FROM ingest_deletion.users GROUP BY 2
UNION ALL SELECT 'user_aliases', user_id, count(*) FROM ingest_deletion.user_aliases GROUP BY 2 ORDER BY 1, 2;

-- A relation may say more than the ids. Somebody unknown, and one id twice, are no error.
CREATE TABLE ingest_deletion_requests (asked_at date, "User_Id" text);
INSERT INTO ingest_deletion_requests VALUES ('2024-02-01', 'ann'), ('2024-02-02', 'nobody'), ('2024-02-03', 'ann');
SELECT recsys.create_data_deletion_job('first', 'ingest_deletion', 'ingest_deletion_requests', wait => true);
SELECT * FROM ingest_deletion_left;
SELECT recsys.describe_data_deletion_job('ingest_deletion.first') - 'created_at' - 'updated_at' AS described;
-- What is exported afterwards knows nothing of her.
SELECT current_setting('data_directory') || '/ingest_deletion.csv' AS file \gset
\setenv FILE :file
SELECT recsys.create_dataset_export_job('after', 'ingest_deletion', 'interactions', :'file', 'ALL', wait => true);
\! grep -c "ann\|old-phone\|before" "$FILE"
\! grep -c "bob" "$FILE"
-- Again: nothing is left to do.
SELECT recsys.create_data_deletion_job('second', 'ingest_deletion', 'ingest_deletion_requests', wait => true);
SELECT name, source, status, failure_reason, num_deleted, left_to_owner FROM recsys.data_deletion_jobs WHERE dataset_group = 'ingest_deletion';

-- A file. An alias alone goes with its own events.
CALL pg_temp.fill();
COPY (SELECT unnest(ARRAY['USER_ID', 'bob', '"old-phone"'])) TO :'file' WITH (FORMAT csv, QUOTE E'\x01');
SELECT recsys.create_data_deletion_job('file', 'ingest_deletion', :'file', wait => true);
SELECT * FROM ingest_deletion_left;

-- Wrong lists: nothing is deleted.
COPY (SELECT unnest(ARRAY['USER_ID,AGE', 'cyd,3'])) TO :'file' WITH (FORMAT csv, QUOTE E'\x01');
\set VERBOSITY terse
DO $$ BEGIN
    PERFORM recsys.create_data_deletion_job('bad', 'ingest_deletion', current_setting('data_directory') || '/ingest_deletion.csv', wait => true);
EXCEPTION WHEN OTHERS THEN RAISE NOTICE '%', regexp_replace(SQLERRM, '/.*/', '');
END $$;
\! rm "$FILE"
SELECT recsys.create_data_deletion_job('bad', 'ingest_deletion', 'pg_class', wait => true);
SELECT recsys.create_data_deletion_job('bad', 'ingest_deletion', 'no_such_table', wait => true);
SELECT recsys.create_data_deletion_job('bad', 'ingest_deletion', '/no/such/file.csv', wait => true);
SELECT recsys.create_data_deletion_job('bad', 'ingest_deletion', NULL, wait => true);
SELECT recsys.create_data_deletion_job('bad', 'no_such_group', 'ingest_deletion_requests', wait => true);
SELECT recsys.create_data_deletion_job('bad name', 'ingest_deletion', 'ingest_deletion_requests', wait => true);
SELECT recsys.create_data_deletion_job('first', 'ingest_deletion', 'ingest_deletion_requests', wait => true);
SELECT recsys.describe_data_deletion_job('no_such_job');
INSERT INTO ingest_deletion_requests VALUES ('2024-02-01', NULL);
SELECT recsys.create_data_deletion_job('bad', 'ingest_deletion', 'ingest_deletion_requests', wait => true);
DELETE FROM ingest_deletion_requests WHERE "User_Id" IS NULL;
SELECT count(*) FROM recsys.data_deletion_jobs WHERE name = 'bad';

-- A trigger that keeps rows, a policy that hides them: all or nothing.
CALL pg_temp.fill();
CREATE FUNCTION ingest_deletion.keep() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$;
CREATE TRIGGER keep BEFORE DELETE ON ingest_deletion.users FOR EACH ROW EXECUTE FUNCTION ingest_deletion.keep();
\set VERBOSITY default
SELECT recsys.create_data_deletion_job('kept', 'ingest_deletion', 'ingest_deletion_requests', wait => true);
\set VERBOSITY terse
SELECT count(*) FROM ingest_deletion.interactions WHERE user_id = 'ann';
DROP TRIGGER keep ON ingest_deletion.users;
CREATE ROLE regress_ingest_eraser;
GRANT SELECT ON ingest_deletion_requests TO regress_ingest_eraser;
ALTER SCHEMA ingest_deletion OWNER TO regress_ingest_eraser;
ALTER TABLE ingest_deletion.interactions OWNER TO regress_ingest_eraser;
ALTER TABLE ingest_deletion.users OWNER TO regress_ingest_eraser;
ALTER TABLE ingest_deletion.user_aliases OWNER TO regress_ingest_eraser;
ALTER TABLE ingest_deletion.action_interactions OWNER TO regress_ingest_eraser;
ALTER TABLE ingest_deletion.interactions ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY few ON ingest_deletion.interactions USING (item_id <> 'i2');
SET ROLE regress_ingest_eraser;
SELECT recsys.create_data_deletion_job('hidden', 'ingest_deletion', 'ingest_deletion_requests', wait => true);
SELECT recsys.create_data_deletion_job('unreadable', 'ingest_deletion', '/etc/passwd', wait => true);
SHOW row_security;
RESET ROLE;
SELECT count(*) FROM ingest_deletion.interactions WHERE user_id = 'ann';
ALTER TABLE ingest_deletion.interactions DISABLE ROW LEVEL SECURITY;
SET ROLE regress_ingest_eraser;
SELECT recsys.create_data_deletion_job('allowed', 'ingest_deletion', 'ingest_deletion_requests', wait => true);
RESET ROLE;
SELECT * FROM ingest_deletion_left;
-- Others learn nothing.
CREATE ROLE regress_ingest_stranger;
SET ROLE regress_ingest_stranger;
SELECT recsys.create_data_deletion_job('mine', 'ingest_deletion', 'ingest_deletion_requests', wait => true);
SELECT recsys.describe_data_deletion_job('ingest_deletion.first');
SELECT count(*) FROM recsys.data_deletion_jobs;
RESET ROLE;

-- A mapped dataset: what lies in the group's own table goes, the owner's table stays and is named. Ids are numbers.
CREATE TABLE ingest_deletion_orders (customer bigint, product uuid, at timestamptz);
INSERT INTO ingest_deletion_orders SELECT c, gen_random_uuid(), '2024-01-01' FROM generate_series(1, 3) AS c, generate_series(1, 2);
SELECT recsys.create_dataset_group('ingest_deletion_mapped');
SELECT recsys.create_dataset('ingest_deletion_mapped', 'interactions', source => 'ingest_deletion_orders', columns => '{"user_id": "customer", "item_id": "product", "timestamp": "at"}');
SELECT recsys.create_event_tracker('ingest_deletion_mapped', 'ingest_deletion_mapped') AS tracker \gset
SELECT recsys.put_events(:'tracker', '1', '[{"eventType": "View", "itemId": "00000000-0000-4000-8000-000000000001", "sentAt": 1700000000}]', 1);
SELECT recsys.put_events(:'tracker', '2', '[{"eventType": "View", "itemId": "00000000-0000-4000-8000-000000000001", "sentAt": 1700000000}]', 2);
CREATE TABLE ingest_deletion_numbers AS SELECT 1::numeric AS user_id;
SELECT recsys.create_data_deletion_job('numbers', 'ingest_deletion_mapped', 'ingest_deletion_numbers', wait => true);
SELECT user_id, count(*) FROM ingest_deletion_mapped.interactions GROUP BY 1;
SELECT count(*) FROM ingest_deletion_orders;
SELECT num_deleted, left_to_owner FROM recsys.data_deletion_jobs WHERE dataset_group = 'ingest_deletion_mapped';
CREATE TABLE ingest_deletion_words AS SELECT 'ann' AS user_id;
SELECT recsys.create_data_deletion_job('words', 'ingest_deletion_mapped', 'ingest_deletion_words', wait => true);
-- Nobody could be erased from a group without users.
SELECT recsys.create_dataset_group('ingest_deletion_empty');
SELECT recsys.create_data_deletion_job('empty', 'ingest_deletion_empty', 'ingest_deletion_numbers', wait => true);

DROP VIEW ingest_deletion_left;
SELECT recsys.delete_dataset_group(name, cascade => true) FROM recsys.dataset_groups WHERE name LIKE 'ingest\_deletion%' ORDER BY 1;
DROP SCHEMA IF EXISTS ingest_deletion CASCADE;
DROP TABLE ingest_deletion_requests, ingest_deletion_orders, ingest_deletion_numbers, ingest_deletion_words;
DROP ROLE regress_ingest_eraser, regress_ingest_stranger;
